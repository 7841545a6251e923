#include "mqtt/message.h"

#include <stdlib.h>
#include <string.h>

enum { FIXED_HEADER_MAX = 5 };

struct vch_mqtt_message *vch_mqtt_message_new(struct vch_str topic, struct vch_str payload, uint8_t qos) {
    size_t room = FIXED_HEADER_MAX + 2 + topic.len, head;
    if (topic.len > UINT16_MAX || payload.len > VCH_MQTT_REMAINING_MAX) return NULL;
    struct vch_mqtt_message *message = malloc(sizeof *message + room + payload.len);
    if (!message) return NULL;
    const struct vch_mqtt_publish packet = {.topic = topic, .payload = payload};
    if (vch_mqtt_publish_head_encode(&packet, (uint8_t *)message->bytes, room, &head) != VCH_OK) {
        free(message);
        return NULL;
    }
    if (payload.len) memcpy(message->bytes + head, payload.ptr, payload.len);
    atomic_init(&message->refs, 1);
    atomic_init(&message->kept_id, 0);
    message->published_ms = message->expires_ms = 0;
    message->qos = qos;
    message->topic_len = (uint32_t)topic.len;
    message->payload_len = (uint32_t)payload.len;
    message->size = (uint32_t)(head + payload.len);
    return message;
}

struct vch_mqtt_message *vch_mqtt_message_ref(struct vch_mqtt_message *message) {
    atomic_fetch_add_explicit(&message->refs, 1, memory_order_relaxed);
    return message;
}

void vch_mqtt_message_unref(struct vch_mqtt_message *message) {
    if (message && atomic_fetch_sub_explicit(&message->refs, 1, memory_order_acq_rel) == 1) free(message);
}

struct vch_str vch_mqtt_message_payload(const struct vch_mqtt_message *message) {
    return vch_str_of(message->bytes + message->size - message->payload_len, message->payload_len);
}

struct vch_str vch_mqtt_message_topic(const struct vch_mqtt_message *message) {
    return vch_str_of(message->bytes + message->size - message->payload_len - message->topic_len, message->topic_len);
}

struct vch_str vch_mqtt_message_packet(const struct vch_mqtt_message *message) {
    return vch_str_of(message->bytes, message->size);
}
