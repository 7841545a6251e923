#include "wire/mqtt_io_priv.h"

enum { CODE_FAILURE = 0x80 };

/* SUBSCRIBE and UNSUBSCRIBE differ in the QoS byte after each filter. */
static enum vch_err filters_decode(const struct vch_mqtt_frame *frame, enum vch_mqtt_type type,
                                   struct vch_mqtt_subscribe *ret) {
    struct vch_mqtt_reader r =
        vch_mqtt_read(frame, type, vch_mqtt_fixed_flags(type)); /* [MQTT-3.8.1-1] [MQTT-3.10.1-1] */
    ret->count = 0;
    ret->packet_id = vch_mqtt_read_id(&r);
    while (vch_mqtt_read_more(&r)) {
        if (ret->count == VCH_MQTT_FILTERS_MAX) return VCH_ERR_LIMIT;
        struct vch_mqtt_filter *filter = &ret->filters[ret->count++];
        filter->filter = vch_mqtt_read_text(&r);
        filter->qos = type == VCH_MQTT_SUBSCRIBE ? vch_mqtt_read_u8(&r) : 0;
        if (filter->qos > 2) return VCH_ERR_MALFORMED; /* [MQTT-3.8.3-4] */
    }
    if (ret->count == 0) return VCH_ERR_MALFORMED; /* [MQTT-3.8.3-3] [MQTT-3.10.3-2] */
    return vch_mqtt_read_end(&r);
}

enum vch_err vch_mqtt_subscribe_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_subscribe *ret) {
    return filters_decode(frame, VCH_MQTT_SUBSCRIBE, ret);
}

enum vch_err vch_mqtt_unsubscribe_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_subscribe *ret) {
    return filters_decode(frame, VCH_MQTT_UNSUBSCRIBE, ret);
}

static bool filters_are_valid(const struct vch_mqtt_subscribe *p, size_t *ret_remaining) {
    if (p->count == 0 || p->count > VCH_MQTT_FILTERS_MAX) return false;
    *ret_remaining = 2;
    for (size_t i = 0; i < p->count; i++) {
        if (p->filters[i].qos > 2) return false;
        *ret_remaining += 2 + p->filters[i].filter.len;
    }
    return true;
}

static enum vch_err filters_encode(const struct vch_mqtt_subscribe *p, enum vch_mqtt_type type, uint8_t *out,
                                   size_t size, size_t *ret_len) {
    size_t remaining;
    *ret_len = 0;
    if (!filters_are_valid(p, &remaining)) return VCH_ERR_INVALID;
    if (type == VCH_MQTT_SUBSCRIBE) remaining += p->count;
    struct vch_mqtt_writer w = vch_mqtt_write(out, size, type, vch_mqtt_fixed_flags(type), remaining);
    vch_mqtt_write_id(&w, p->packet_id);
    for (size_t i = 0; i < p->count; i++) {
        vch_mqtt_write_binary(&w, p->filters[i].filter);
        if (type == VCH_MQTT_SUBSCRIBE) vch_mqtt_write_u8(&w, p->filters[i].qos);
    }
    return vch_mqtt_write_end(&w, ret_len);
}

enum vch_err vch_mqtt_subscribe_encode(const struct vch_mqtt_subscribe *p, uint8_t *out, size_t size, size_t *ret_len) {
    return filters_encode(p, VCH_MQTT_SUBSCRIBE, out, size, ret_len);
}

enum vch_err vch_mqtt_unsubscribe_encode(const struct vch_mqtt_subscribe *p, uint8_t *out, size_t size,
                                         size_t *ret_len) {
    return filters_encode(p, VCH_MQTT_UNSUBSCRIBE, out, size, ret_len);
}

static bool code_is_valid(uint8_t code) {
    return code <= 2 || code == CODE_FAILURE; /* [MQTT-3.9.3-2] */
}

enum vch_err vch_mqtt_suback_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_suback *ret) {
    struct vch_mqtt_reader r = vch_mqtt_read(frame, VCH_MQTT_SUBACK, 0);
    ret->count = 0;
    ret->packet_id = vch_mqtt_read_id(&r);
    while (vch_mqtt_read_more(&r)) {
        if (ret->count == VCH_MQTT_FILTERS_MAX) return VCH_ERR_LIMIT;
        uint8_t code = vch_mqtt_read_u8(&r);
        if (!code_is_valid(code)) return VCH_ERR_MALFORMED;
        ret->codes[ret->count++] = code;
    }
    if (ret->count == 0) return VCH_ERR_MALFORMED;
    return vch_mqtt_read_end(&r);
}

enum vch_err vch_mqtt_suback_encode(const struct vch_mqtt_suback *p, uint8_t *out, size_t size, size_t *ret_len) {
    *ret_len = 0;
    if (p->count == 0 || p->count > VCH_MQTT_FILTERS_MAX) return VCH_ERR_INVALID;
    struct vch_mqtt_writer w = vch_mqtt_write(out, size, VCH_MQTT_SUBACK, 0, 2 + p->count);
    vch_mqtt_write_id(&w, p->packet_id);
    for (size_t i = 0; i < p->count; i++) {
        if (!code_is_valid(p->codes[i])) return VCH_ERR_INVALID;
        vch_mqtt_write_u8(&w, p->codes[i]);
    }
    return vch_mqtt_write_end(&w, ret_len);
}
