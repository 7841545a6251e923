/* The properties of MQTT 5 packets. Decoded values are views into the packet's
 * bytes; nothing is allocated. Part of wire/mqtt.h's packets.
 *
 * A value is set only when its bit in `present` is: decoding costs nothing for
 * a property that is not there. Zero-initialise a struct that you fill for an
 * encoder: `present` = 0 and empty `extra` write an empty block.
 *
 * Decoding refuses: MALFORMED for bytes that do not parse (an unknown id, a
 * length that disagrees, bad UTF-8, U+0000, a variable byte integer in more
 * bytes than it needs or over four); INVALID (a Protocol Error) for a property
 * twice, one that the packet may not have, and values out of range.
 * Source: MQTT 5.0 section 2.2.2.
 */
#ifndef VCH_WIRE_MQTT_PROPS_H
#define VCH_WIRE_MQTT_PROPS_H

#include "base/str.h"

enum vch_mqtt_prop {
#define VCH_X(name, id, kind, member, where) VCH_MQTT_PROP_##name = id,
#include "wire/mqtt_props.def"
#undef VCH_X
    VCH_MQTT_PROP_END
};

#define VCH_MQTT_PROP_BIT(id) (UINT64_C(1) << (id))

enum { VCH_MQTT_SUBSCRIPTION_ID_MAX = 268435455 };

struct vch_mqtt_props {
    uint64_t present;     /* VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_...) */
    struct vch_str raw;   /* the block without its length: user properties (and, in a PUBLISH to a client, several
                             subscription ids) are read from here, and with the USER bit set encoded from here */
    struct vch_str extra; /* encoders: properties already encoded, copied as they are; decoders leave it empty */
    uint8_t payload_format, request_problem, request_response;
    uint8_t maximum_qos, retain_available, wildcard_available, subscription_id_available, shared_available;
    uint16_t server_keep_alive_s, receive_maximum, topic_alias_maximum, topic_alias;
    uint32_t message_expiry_s, session_expiry_s, will_delay_s, maximum_packet_size;
    uint32_t subscription_id; /* the first */
    struct vch_str content_type, response_topic, correlation_data;
    struct vch_str assigned_client_id, auth_method, auth_data, response_information, server_reference, reason_string;
};

static inline bool vch_mqtt_has(const struct vch_mqtt_props *props, enum vch_mqtt_prop id) {
    return props->present >> id & 1;
}

/* Walks `rest`, which starts as props->raw, to the next user property. False at the end. */
bool vch_mqtt_user_next(struct vch_str *rest, struct vch_str *ret_name, struct vch_str *ret_value);
/* The same for the subscription ids of a PUBLISH. */
bool vch_mqtt_subscription_id_next(struct vch_str *rest, uint32_t *ret_id);

/* The block without its length, as the encoders of packets write it: first what
 * `present` says in the order of ids, user properties in their own order, then
 * `extra`. A server keeps this of a PUBLISH (with TOPIC_ALIAS, MESSAGE_EXPIRY
 * and SUBSCRIPTION_ID taken out of `present`) and hands it as `extra` to each
 * delivery. TOO_LARGE when it does not fit; INVALID for a value out of range. */
enum vch_err vch_mqtt_props_encode(const struct vch_mqtt_props *props, uint8_t *out, size_t size,
                                   size_t *ret_len) VCH_MUST;
/* How many bytes that are. */
size_t vch_mqtt_props_size(const struct vch_mqtt_props *props);
/* One user property or one subscription id, to make `raw` or `extra` of. */
enum vch_err vch_mqtt_user_encode(struct vch_str name, struct vch_str value, uint8_t *out, size_t size,
                                  size_t *ret_len) VCH_MUST;
enum vch_err vch_mqtt_subscription_id_encode(uint32_t id, uint8_t *out, size_t size, size_t *ret_len) VCH_MUST;

#endif
