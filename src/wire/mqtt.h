/* MQTT 3.1.1 control packets: bytes to structs and back, nothing else. Used by
 * the server and by the device library: no allocation, no globals. Strings in
 * decoded structs are views into the input.
 *
 * Decoding is strict: reserved flags, packet ids of zero, bad UTF-8, U+0000,
 * lengths that disagree and trailing bytes are MALFORMED.
 */
#ifndef VCH_WIRE_MQTT_H
#define VCH_WIRE_MQTT_H

#include "base/str.h"

enum vch_mqtt_type {
    VCH_MQTT_CONNECT = 1,
    VCH_MQTT_CONNACK,
    VCH_MQTT_PUBLISH,
    VCH_MQTT_PUBACK,
    VCH_MQTT_PUBREC,
    VCH_MQTT_PUBREL,
    VCH_MQTT_PUBCOMP,
    VCH_MQTT_SUBSCRIBE,
    VCH_MQTT_SUBACK,
    VCH_MQTT_UNSUBSCRIBE,
    VCH_MQTT_UNSUBACK,
    VCH_MQTT_PINGREQ,
    VCH_MQTT_PINGRESP,
    VCH_MQTT_DISCONNECT
};

enum { VCH_MQTT_FILTERS_MAX = 64, VCH_MQTT_REMAINING_MAX = 268435455 };

/* Fixed header and body of the first packet in `bytes`. *ret_size is the size
 * of the whole packet once the length is readable, 0 before. OK with *ret_size
 * > bytes.len means: more bytes needed. MALFORMED, from the first byte on: a
 * reserved type, flags that the type does not have, a length over four bytes.
 * [MQTT-2.2.2-2] [MQTT-2.2.3] */
struct vch_mqtt_frame {
    enum vch_mqtt_type type;
    uint8_t flags;
    struct vch_str body; /* only when whole */
    bool whole;
};
enum vch_err vch_mqtt_frame_decode(struct vch_str bytes, struct vch_mqtt_frame *ret, size_t *ret_size) VCH_MUST;

struct vch_mqtt_connect {
    uint8_t level; /* 4 for 3.1.1; others are returned with only `level` set */
    bool clean_session, has_will, has_username, has_password;
    uint8_t will_qos;
    bool will_retain;
    uint16_t keep_alive_s;
    struct vch_str client_id, will_topic, will_payload, username, password;
};
struct vch_mqtt_publish {
    bool dup, retain;
    uint8_t qos;
    uint16_t packet_id; /* 0 for QoS 0 */
    struct vch_str topic, payload;
};
struct vch_mqtt_filter {
    struct vch_str filter;
    uint8_t qos;
};
struct vch_mqtt_subscribe { /* and unsubscribe, without qos */
    uint16_t packet_id;
    struct vch_mqtt_filter filters[VCH_MQTT_FILTERS_MAX];
    size_t count;
};
struct vch_mqtt_connack {
    bool session_present;
    uint8_t code; /* 0 accepted, 1 version, 2 identifier, 3 unavailable, 4 credentials, 5 not authorized */
};
struct vch_mqtt_suback {
    uint16_t packet_id;
    uint8_t codes[VCH_MQTT_FILTERS_MAX]; /* 0, 1, 2 or 0x80 */
    size_t count;
};

enum vch_err vch_mqtt_connect_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_connect *ret) VCH_MUST;
enum vch_err vch_mqtt_connack_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_connack *ret) VCH_MUST;
enum vch_err vch_mqtt_publish_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_publish *ret) VCH_MUST;
enum vch_err vch_mqtt_subscribe_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_subscribe *ret) VCH_MUST;
enum vch_err vch_mqtt_unsubscribe_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_subscribe *ret) VCH_MUST;
enum vch_err vch_mqtt_suback_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_suback *ret) VCH_MUST;
/* PUBACK, PUBREC, PUBREL, PUBCOMP, UNSUBACK. */
enum vch_err vch_mqtt_ack_decode(const struct vch_mqtt_frame *frame, uint16_t *ret_packet_id) VCH_MUST;
/* PINGREQ, PINGRESP, DISCONNECT. */
enum vch_err vch_mqtt_empty_decode(const struct vch_mqtt_frame *frame) VCH_MUST;

/* Encoders write into memory of the caller; *ret_len is the packet's size.
 * TOO_LARGE when it does not fit. */
enum vch_err vch_mqtt_connect_encode(const struct vch_mqtt_connect *p, uint8_t *out, size_t size,
                                     size_t *ret_len) VCH_MUST;
enum vch_err vch_mqtt_connack_encode(const struct vch_mqtt_connack *p, uint8_t *out, size_t size,
                                     size_t *ret_len) VCH_MUST;
enum vch_err vch_mqtt_subscribe_encode(const struct vch_mqtt_subscribe *p, uint8_t *out, size_t size,
                                       size_t *ret_len) VCH_MUST;
enum vch_err vch_mqtt_unsubscribe_encode(const struct vch_mqtt_subscribe *p, uint8_t *out, size_t size,
                                         size_t *ret_len) VCH_MUST;
enum vch_err vch_mqtt_suback_encode(const struct vch_mqtt_suback *p, uint8_t *out, size_t size,
                                    size_t *ret_len) VCH_MUST;
enum vch_err vch_mqtt_ack_encode(enum vch_mqtt_type type, uint16_t packet_id, uint8_t *out, size_t size,
                                 size_t *ret_len) VCH_MUST;
enum vch_err vch_mqtt_empty_encode(enum vch_mqtt_type type, uint8_t *out, size_t size, size_t *ret_len) VCH_MUST;
/* Everything of a PUBLISH but its payload, which the caller sends after it. */
enum vch_err vch_mqtt_publish_head_encode(const struct vch_mqtt_publish *p, uint8_t *out, size_t size,
                                          size_t *ret_len) VCH_MUST;

#endif
