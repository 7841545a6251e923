/* MQTT 3.1.1 and MQTT 5 control packets: bytes to structs and back, nothing
 * else. Used by the server and by clients: no allocation, no globals. Strings
 * in decoded structs are views into the input.
 *
 * The protocol level is data: a frame carries it to the decoders, a struct's
 * `level` tells the encoders. 0 and 4 mean 3.1.1, 5 means MQTT 5; what belongs
 * to MQTT 5 alone is not read and not written for 3.1.1. A decoder sets every
 * member but the values of absent properties.
 *
 * Decoding is strict: reserved flags, packet ids of zero, bad UTF-8, U+0000,
 * lengths that disagree and trailing bytes are MALFORMED. On MQTT 5 INVALID is
 * a Protocol Error; vch_mqtt_rc_of gives the reason code of either. What
 * depends on the sender (a subscription id in a client's PUBLISH), on topic
 * rules or on a session's state is the caller's to judge.
 */
#ifndef VCH_WIRE_MQTT_H
#define VCH_WIRE_MQTT_H

#include "base/str.h"
#include "wire/mqtt_props.h"
#include "wire/mqtt_reason.h"

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
    VCH_MQTT_DISCONNECT,
    VCH_MQTT_AUTH /* MQTT 5 */
};

enum { VCH_MQTT_LEVEL_311 = 4, VCH_MQTT_LEVEL_5 = 5 };

enum { VCH_MQTT_FILTERS_MAX = 64, VCH_MQTT_REMAINING_MAX = 268435455 };

/* Fixed header and body of the first packet in `bytes`. *ret_size is the size
 * of the whole packet once the length is readable, 0 before. OK with *ret_size
 * > bytes.len means: more bytes needed. MALFORMED, from the first byte on: a
 * reserved type, flags that the type does not have, a length over four bytes.
 * [MQTT-2.2.2-2] [MQTT-2.2.3] */
struct vch_mqtt_frame {
    enum vch_mqtt_type type;
    uint8_t flags;
    uint8_t level; /* the decoders read the body as this level has it; CONNECT says its own */
    bool padded;   /* the remaining length has more bytes than it needs: MALFORMED in MQTT 5 [MQTT-1.5.5-1] */
    bool whole;
    struct vch_str body; /* only when whole */
};
enum vch_err vch_mqtt_frame_decode(struct vch_str bytes, struct vch_mqtt_frame *ret, size_t *ret_size) VCH_MUST;
/* The same for a connection of a known level: 5 knows AUTH and refuses padded lengths. */
enum vch_err vch_mqtt_frame_decode_at(uint8_t level, struct vch_str bytes, struct vch_mqtt_frame *ret,
                                      size_t *ret_size) VCH_MUST;

struct vch_mqtt_connect {
    uint8_t level; /* 4 and 5; others are returned with only `level` set. Set too when decoding failed behind it,
                      so that the refusal can be in the client's form; else 0 */
    bool clean_session, has_will, has_username, has_password; /* clean_session is Clean Start in MQTT 5 */
    uint8_t will_qos;
    bool will_retain;
    uint16_t keep_alive_s;
    struct vch_str client_id, will_topic, will_payload, username, password;
    struct vch_mqtt_props props, will_props;
};
struct vch_mqtt_connack {
    bool session_present;
    uint8_t code; /* 3.1.1: 0 accepted, 1 version, 2 identifier, 3 unavailable, 4 credentials, 5 not authorized;
                     MQTT 5: a reason code */
    uint8_t level;
    struct vch_mqtt_props props;
};
struct vch_mqtt_publish {
    bool dup, retain;
    uint8_t qos;
    uint8_t level;
    uint16_t packet_id;            /* 0 for QoS 0 */
    struct vch_str topic, payload; /* MQTT 5: an empty topic comes with a topic alias */
    struct vch_mqtt_props props;
};
/* PUBACK, PUBREC, PUBREL, PUBCOMP. */
struct vch_mqtt_ack {
    uint16_t packet_id;
    uint8_t reason; /* 0 for 3.1.1 */
    uint8_t level;
    struct vch_mqtt_props props;
};
struct vch_mqtt_filter {
    struct vch_str filter;
    uint8_t qos;
    /* MQTT 5: */
    bool no_local, retain_as_published;
    uint8_t retain_handling; /* 0 send retained, 1 only for a new subscription, 2 do not */
};
struct vch_mqtt_subscribe { /* and unsubscribe, with filters alone */
    uint16_t packet_id;
    uint8_t level;
    struct vch_mqtt_filter filters[VCH_MQTT_FILTERS_MAX];
    size_t count;
    struct vch_mqtt_props props;
};
struct vch_mqtt_suback { /* and unsuback; that of 3.1.1 has no codes, and is written without */
    uint16_t packet_id;
    uint8_t level;
    uint8_t codes[VCH_MQTT_FILTERS_MAX]; /* 3.1.1: 0, 1, 2 or 0x80; MQTT 5: reason codes */
    size_t count;
    struct vch_mqtt_props props;
};
struct vch_mqtt_disconnect { /* and AUTH */
    uint8_t reason;          /* 0 for 3.1.1 */
    uint8_t level;
    struct vch_mqtt_props props;
};

enum vch_err vch_mqtt_connect_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_connect *ret) VCH_MUST;
enum vch_err vch_mqtt_connack_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_connack *ret) VCH_MUST;
enum vch_err vch_mqtt_publish_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_publish *ret) VCH_MUST;
enum vch_err vch_mqtt_subscribe_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_subscribe *ret) VCH_MUST;
enum vch_err vch_mqtt_unsubscribe_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_subscribe *ret) VCH_MUST;
enum vch_err vch_mqtt_suback_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_suback *ret) VCH_MUST;
/* UNSUBACK of either level. */
enum vch_err vch_mqtt_unsuback_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_suback *ret) VCH_MUST;
/* PUBACK, PUBREC, PUBREL, PUBCOMP of either level. */
enum vch_err vch_mqtt_puback_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_ack *ret) VCH_MUST;
/* DISCONNECT of either level. */
enum vch_err vch_mqtt_disconnect_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_disconnect *ret) VCH_MUST;
/* AUTH; INVALID without an authentication method, unless it is all empty. */
enum vch_err vch_mqtt_auth_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_disconnect *ret) VCH_MUST;
/* The packet id of a PUBACK, PUBREC, PUBREL, PUBCOMP, UNSUBACK of 3.1.1. */
enum vch_err vch_mqtt_ack_decode(const struct vch_mqtt_frame *frame, uint16_t *ret_packet_id) VCH_MUST;
/* PINGREQ, PINGRESP, and DISCONNECT without reason and properties. */
enum vch_err vch_mqtt_empty_decode(const struct vch_mqtt_frame *frame) VCH_MUST;

/* Encoders write into memory of the caller; *ret_len is the packet's size.
 * TOO_LARGE when it does not fit, INVALID for what no decoder would take. */
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
enum vch_err vch_mqtt_unsuback_encode(const struct vch_mqtt_suback *p, uint8_t *out, size_t size,
                                      size_t *ret_len) VCH_MUST;
/* PUBACK, PUBREC, PUBREL, PUBCOMP; MQTT 5 in the shortest form. */
enum vch_err vch_mqtt_puback_encode(enum vch_mqtt_type type, const struct vch_mqtt_ack *p, uint8_t *out, size_t size,
                                    size_t *ret_len) VCH_MUST;
enum vch_err vch_mqtt_disconnect_encode(const struct vch_mqtt_disconnect *p, uint8_t *out, size_t size,
                                        size_t *ret_len) VCH_MUST;
enum vch_err vch_mqtt_auth_encode(const struct vch_mqtt_disconnect *p, uint8_t *out, size_t size,
                                  size_t *ret_len) VCH_MUST;
/* An acknowledgement of 3.1.1, or a successful one of MQTT 5 but for UNSUBACK. */
enum vch_err vch_mqtt_ack_encode(enum vch_mqtt_type type, uint16_t packet_id, uint8_t *out, size_t size,
                                 size_t *ret_len) VCH_MUST;
enum vch_err vch_mqtt_empty_encode(enum vch_mqtt_type type, uint8_t *out, size_t size, size_t *ret_len) VCH_MUST;
/* Everything of a PUBLISH but its payload, which the caller sends after it. */
enum vch_err vch_mqtt_publish_head_encode(const struct vch_mqtt_publish *p, uint8_t *out, size_t size,
                                          size_t *ret_len) VCH_MUST;

#endif
