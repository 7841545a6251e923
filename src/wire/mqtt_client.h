/* What a plain client sends, of 3.1.1 and MQTT 5: no will, no password, no
 * retain, one filter at a time, and of MQTT 5's properties three in CONNECT. For
 * small machines, that have no room for the structs of wire/mqtt.h, which can
 * say all of it too. Errors as of the encoders there.
 */
#ifndef VCH_WIRE_MQTT_CLIENT_H
#define VCH_WIRE_MQTT_CLIENT_H

#include "wire/mqtt.h"

struct vch_mqtt_hello {
    uint8_t level;
    bool clean_session;
    uint16_t keep_alive_s;
    struct vch_str client_id, username; /* without a user name: empty */
    /* MQTT 5: */
    uint32_t session_expiry_s; /* 0 is left out */
    uint32_t maximum_packet_size;
    uint16_t receive_maximum;
};
enum vch_err vch_mqtt_hello_encode(const struct vch_mqtt_hello *p, uint8_t *out, size_t size, size_t *ret_len) VCH_MUST;

/* SUBSCRIBE or UNSUBSCRIBE. */
enum vch_err vch_mqtt_filter_encode(enum vch_mqtt_type type, uint8_t level, uint16_t packet_id, struct vch_str filter,
                                    uint8_t qos, uint8_t *out, size_t size, size_t *ret_len) VCH_MUST;

/* A PUBLISH but for its payload; of QoS 1 with a packet id, of QoS 0 without. */
enum vch_err vch_mqtt_message_head_encode(uint8_t level, uint16_t packet_id, struct vch_str topic, size_t payload_len,
                                          uint8_t *out, size_t size, size_t *ret_len) VCH_MUST;

#endif
