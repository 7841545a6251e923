/* One published message, immutable and counted, shared by all its receivers on
 * all loops: the payload is copied once. Kept as the bytes of a QoS 0 PUBLISH
 * of 3.1.1, which most receivers get as they are; the properties of MQTT 5 that
 * are passed on unchanged stand behind them. Any thread.
 */
#ifndef VCH_MQTT_MESSAGE_H
#define VCH_MQTT_MESSAGE_H

#include <stdatomic.h>

#include "wire/mqtt.h"

struct vch_mqtt_message {
    int64_t published_ms, expires_ms; /* wall clock; 0: not known, never. Set by the maker before it is shared */
    _Atomic uint64_t kept_id;         /* the keeper's alone; 0: not kept yet */
    atomic_uint refs;
    uint32_t topic_len, payload_len, props_len;
    uint32_t size; /* of the QoS 0 PUBLISH */
    uint8_t qos;   /* as published */
    bool retain;   /* as published */
    char bytes[];  /* the PUBLISH, then the properties */
};

struct vch_mqtt_message_parts {
    struct vch_str topic, payload;
    struct vch_str props; /* encoded; without topic alias, message expiry and subscription identifiers */
    int64_t published_ms, expires_ms;
    uint8_t qos;
    bool retain;
};

/* With one reference; NULL when memory is out or a part is too long for a packet. */
struct vch_mqtt_message *vch_mqtt_message_make(const struct vch_mqtt_message_parts *parts);
/* The same without properties, expiry and RETAIN. */
struct vch_mqtt_message *vch_mqtt_message_new(struct vch_str topic, struct vch_str payload, uint8_t qos);
struct vch_mqtt_message *vch_mqtt_message_ref(struct vch_mqtt_message *message);
void vch_mqtt_message_unref(struct vch_mqtt_message *message); /* NULL is fine */

struct vch_str vch_mqtt_message_topic(const struct vch_mqtt_message *message);
struct vch_str vch_mqtt_message_payload(const struct vch_mqtt_message *message);
struct vch_str vch_mqtt_message_props(const struct vch_mqtt_message *message);
struct vch_str vch_mqtt_message_packet(const struct vch_mqtt_message *message); /* the QoS 0 PUBLISH of 3.1.1 */
size_t vch_mqtt_message_cost(const struct vch_mqtt_message *message);           /* bytes of memory */

#endif
