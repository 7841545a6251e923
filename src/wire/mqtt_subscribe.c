#include "wire/mqtt_props_priv.h"

enum { OPTION_NO_LOCAL = 4, OPTION_AS_PUBLISHED = 8, OPTION_RESERVED = 0xC0 };

/* The byte behind a filter. MQTT 5 section 3.8.3.1. */
static void read_options(struct vch_mqtt_reader *r, uint8_t level, struct vch_mqtt_filter *ret) {
    unsigned options = vch_mqtt_read_u8(r);
    if (level != VCH_MQTT_LEVEL_5) {
        ret->qos = (uint8_t)options;
        if (options > 2) vch_mqtt_read_refuse(r, VCH_ERR_MALFORMED); /* [MQTT-3.8.3-4] */
        return;
    }
    ret->qos = options & 3;
    ret->no_local = options & OPTION_NO_LOCAL;
    ret->retain_as_published = options & OPTION_AS_PUBLISHED;
    ret->retain_handling = options >> 4 & 3;
    if (options & OPTION_RESERVED) vch_mqtt_read_refuse(r, VCH_ERR_MALFORMED); /* [MQTT-3.8.3-5] */
    if (ret->qos > 2 || ret->retain_handling > 2) vch_mqtt_read_refuse(r, VCH_ERR_INVALID);
    if (ret->no_local && vch_str_starts(ret->filter, VCH_STR("$share/")))
        vch_mqtt_read_refuse(r, VCH_ERR_INVALID); /* [MQTT-3.8.3-4] */
}

/* None at all: [MQTT-3.8.3-3] [MQTT-3.10.3-2]; MQTT 5 calls it a Protocol Error. */
static enum vch_err nothing_asked(uint8_t level) {
    return level == VCH_MQTT_LEVEL_5 ? VCH_ERR_INVALID : VCH_ERR_MALFORMED;
}

/* SUBSCRIBE and UNSUBSCRIBE differ in the byte after each filter. */
static enum vch_err filters_decode(const struct vch_mqtt_frame *frame, enum vch_mqtt_type type,
                                   struct vch_mqtt_subscribe *ret) {
    struct vch_mqtt_reader r =
        vch_mqtt_read(frame, type, vch_mqtt_fixed_flags(type)); /* [MQTT-3.8.1-1] [MQTT-3.10.1-1] */
    ret->count = 0;
    ret->level = frame->level;
    ret->packet_id = vch_mqtt_read_id(&r);
    vch_mqtt_props_none(&ret->props);
    if (frame->level == VCH_MQTT_LEVEL_5) vch_mqtt_read_props(&r, VCH_MQTT_IN(type), &ret->props);
    if (r.err == VCH_OK && !vch_mqtt_read_more(&r)) return nothing_asked(frame->level);
    while (vch_mqtt_read_more(&r)) {
        if (ret->count == VCH_MQTT_FILTERS_MAX) return VCH_ERR_LIMIT;
        struct vch_mqtt_filter *filter = &ret->filters[ret->count++];
        *filter = (struct vch_mqtt_filter){.filter = vch_mqtt_read_text(&r)};
        if (type == VCH_MQTT_SUBSCRIBE) read_options(&r, frame->level, filter);
    }
    return vch_mqtt_read_end(&r);
}

enum vch_err vch_mqtt_subscribe_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_subscribe *ret) {
    return filters_decode(frame, VCH_MQTT_SUBSCRIBE, ret);
}

enum vch_err vch_mqtt_unsubscribe_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_subscribe *ret) {
    return filters_decode(frame, VCH_MQTT_UNSUBSCRIBE, ret);
}

static bool filter_is_valid(const struct vch_mqtt_filter *f, uint8_t level) {
    if (level != VCH_MQTT_LEVEL_5) return f->qos <= 2;
    return f->qos <= 2 && f->retain_handling <= 2 && !(f->no_local && vch_str_starts(f->filter, VCH_STR("$share/")));
}

static uint8_t options_of(const struct vch_mqtt_filter *f, uint8_t level) {
    if (level != VCH_MQTT_LEVEL_5) return f->qos;
    return (uint8_t)(f->qos | (f->no_local ? OPTION_NO_LOCAL : 0) | (f->retain_as_published ? OPTION_AS_PUBLISHED : 0) |
                     f->retain_handling << 4);
}

static bool filters_are_valid(const struct vch_mqtt_subscribe *p, enum vch_mqtt_type type, size_t *ret_remaining) {
    bool is_5 = p->level == VCH_MQTT_LEVEL_5;
    if (p->count == 0 || p->count > VCH_MQTT_FILTERS_MAX) return false;
    if (is_5 && !vch_mqtt_props_fit(&p->props, VCH_MQTT_IN(type))) return false;
    *ret_remaining = 2 + (is_5 ? vch_mqtt_props_room(&p->props) : 0);
    for (size_t i = 0; i < p->count; i++) {
        if (!filter_is_valid(&p->filters[i], p->level)) return false;
        *ret_remaining += 2 + p->filters[i].filter.len;
    }
    return true;
}

static enum vch_err filters_encode(const struct vch_mqtt_subscribe *p, enum vch_mqtt_type type, uint8_t *out,
                                   size_t size, size_t *ret_len) {
    size_t remaining;
    *ret_len = 0;
    if (!filters_are_valid(p, type, &remaining)) return VCH_ERR_INVALID;
    if (type == VCH_MQTT_SUBSCRIBE) remaining += p->count;
    struct vch_mqtt_writer w = vch_mqtt_write(out, size, type, vch_mqtt_fixed_flags(type), remaining);
    vch_mqtt_write_id(&w, p->packet_id);
    if (p->level == VCH_MQTT_LEVEL_5) vch_mqtt_write_props(&w, &p->props);
    for (size_t i = 0; i < p->count; i++) {
        vch_mqtt_write_binary(&w, p->filters[i].filter);
        if (type == VCH_MQTT_SUBSCRIBE) vch_mqtt_write_u8(&w, options_of(&p->filters[i], p->level));
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
