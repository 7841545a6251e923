#include "mqtt/message.h"

#include <stdlib.h>
#include <string.h>

enum { FIXED_HEADER_MAX = 5 };

static void copy(char *to, struct vch_str from) {
    if (from.len) memcpy(to, from.ptr, from.len);
}

struct vch_mqtt_message *vch_mqtt_message_make(const struct vch_mqtt_message_parts *parts) {
    size_t room = FIXED_HEADER_MAX + 2 + parts->topic.len, head;
    if (parts->topic.len > UINT16_MAX || parts->payload.len > VCH_MQTT_REMAINING_MAX ||
        parts->props.len > VCH_MQTT_REMAINING_MAX)
        return NULL;
    struct vch_mqtt_message *message = malloc(sizeof *message + room + parts->payload.len + parts->props.len);
    if (!message) return NULL;
    struct vch_mqtt_publish packet;
    packet.dup = packet.retain = false;
    packet.qos = packet.level = 0;
    packet.packet_id = 0;
    packet.topic = parts->topic;
    packet.payload = parts->payload;
    if (vch_mqtt_publish_head_encode(&packet, (uint8_t *)message->bytes, room, &head) != VCH_OK) {
        free(message);
        return NULL;
    }
    copy(message->bytes + head, parts->payload);
    copy(message->bytes + head + parts->payload.len, parts->props);
    atomic_init(&message->refs, 1);
    atomic_init(&message->kept_id, 0);
    message->published_ms = parts->published_ms;
    message->expires_ms = parts->expires_ms;
    message->qos = parts->qos;
    message->retain = parts->retain;
    message->topic_len = (uint32_t)parts->topic.len;
    message->payload_len = (uint32_t)parts->payload.len;
    message->props_len = (uint32_t)parts->props.len;
    message->size = (uint32_t)(head + parts->payload.len);
    return message;
}

struct vch_mqtt_message *vch_mqtt_message_new(struct vch_str topic, struct vch_str payload, uint8_t qos) {
    const struct vch_mqtt_message_parts parts = {.topic = topic, .payload = payload, .qos = qos};
    return vch_mqtt_message_make(&parts);
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

struct vch_str vch_mqtt_message_props(const struct vch_mqtt_message *message) {
    return vch_str_of(message->bytes + message->size, message->props_len);
}

struct vch_str vch_mqtt_message_packet(const struct vch_mqtt_message *message) {
    return vch_str_of(message->bytes, message->size);
}

size_t vch_mqtt_message_cost(const struct vch_mqtt_message *message) {
    return sizeof *message + message->size + message->props_len;
}
