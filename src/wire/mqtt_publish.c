#include "wire/mqtt_props_priv.h"

enum { FLAG_RETAIN = 1, FLAG_DUP = 8 };

static bool flags_are_valid(bool dup, unsigned qos) {
    return qos <= 2 && (qos > 0 || !dup); /* [MQTT-3.3.1-4] [MQTT-3.3.1-2] */
}

/* MQTT 5 section 3.3.2.1: an empty topic name needs an alias. */
static bool topic_is_given(const struct vch_mqtt_publish *p) {
    return p->topic.len || vch_mqtt_has(&p->props, VCH_MQTT_PROP_TOPIC_ALIAS);
}

enum vch_err vch_mqtt_publish_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_publish *ret) {
    struct vch_mqtt_reader r = vch_mqtt_read(frame, VCH_MQTT_PUBLISH, frame->flags);
    ret->level = frame->level;
    ret->dup = frame->flags & FLAG_DUP;
    ret->retain = frame->flags & FLAG_RETAIN;
    ret->qos = (uint8_t)(frame->flags >> 1 & 3);
    if (!flags_are_valid(ret->dup, ret->qos)) vch_mqtt_read_refuse(&r, VCH_ERR_MALFORMED);
    ret->topic = vch_mqtt_read_text(&r);
    ret->packet_id = ret->qos > 0 ? vch_mqtt_read_id(&r) : 0;
    vch_mqtt_props_none(&ret->props);
    if (frame->level == VCH_MQTT_LEVEL_5) {
        vch_mqtt_read_props(&r, VCH_MQTT_IN(VCH_MQTT_PUBLISH), &ret->props);
        if (!topic_is_given(ret)) vch_mqtt_read_refuse(&r, VCH_ERR_INVALID);
    }
    ret->payload = vch_mqtt_read_rest(&r);
    return vch_mqtt_read_end(&r);
}

enum vch_err vch_mqtt_publish_head_encode(const struct vch_mqtt_publish *p, uint8_t *out, size_t size,
                                          size_t *ret_len) {
    *ret_len = 0;
    if (!flags_are_valid(p->dup, p->qos) || (p->qos == 0 && p->packet_id != 0)) return VCH_ERR_INVALID;
    bool is_5 = p->level == VCH_MQTT_LEVEL_5;
    if (is_5 && (!topic_is_given(p) || !vch_mqtt_props_fit(&p->props, VCH_MQTT_IN(VCH_MQTT_PUBLISH))))
        return VCH_ERR_INVALID;
    if (p->payload.len > VCH_MQTT_REMAINING_MAX) return VCH_ERR_TOO_LARGE;
    unsigned flags = (p->dup ? FLAG_DUP : 0u) | (unsigned)p->qos << 1 | (p->retain ? FLAG_RETAIN : 0u);
    size_t remaining = 2 + p->topic.len + (p->qos > 0 ? 2u : 0u) + p->payload.len;
    if (is_5) remaining += vch_mqtt_props_room(&p->props);
    struct vch_mqtt_writer w = vch_mqtt_write(out, size, VCH_MQTT_PUBLISH, (uint8_t)flags, remaining);
    vch_mqtt_write_binary(&w, p->topic);
    if (p->qos > 0) vch_mqtt_write_id(&w, p->packet_id);
    if (is_5) vch_mqtt_write_props(&w, &p->props);
    return vch_mqtt_write_end(&w, ret_len);
}
