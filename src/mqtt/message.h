/* One published message, immutable and counted, shared by all its receivers on
 * all loops: the payload is copied once. Kept as the bytes of a QoS 0 PUBLISH,
 * which most receivers get as they are. Any thread. */
#ifndef VCH_MQTT_MESSAGE_H
#define VCH_MQTT_MESSAGE_H

#include <stdatomic.h>

#include "wire/mqtt.h"

struct vch_mqtt_message {
    atomic_uint refs;
    uint8_t qos; /* as published */
    uint32_t topic_len, payload_len, size;
    int64_t published_ms, expires_ms; /* wall clock; 0: not known, never. Set by the maker before it is shared */
    _Atomic uint64_t kept_id;         /* the keeper's alone; 0: not kept yet */
    char bytes[];
};

/* With one reference; NULL when memory is out. Retain is not passed on. [MQTT-3.3.1-9] */
struct vch_mqtt_message *vch_mqtt_message_new(struct vch_str topic, struct vch_str payload, uint8_t qos);
struct vch_mqtt_message *vch_mqtt_message_ref(struct vch_mqtt_message *message);
void vch_mqtt_message_unref(struct vch_mqtt_message *message);

struct vch_str vch_mqtt_message_topic(const struct vch_mqtt_message *message);
struct vch_str vch_mqtt_message_payload(const struct vch_mqtt_message *message);
struct vch_str vch_mqtt_message_packet(const struct vch_mqtt_message *message); /* the QoS 0 PUBLISH */

#endif
