#include "wire/mqtt_props_priv.h"

enum { CODE_FAILURE = 0x80 };

static bool code_is_valid(uint8_t code, uint8_t level, enum vch_mqtt_type type) {
    if (level == VCH_MQTT_LEVEL_5) return vch_mqtt_rc_fits(code, type);
    return code <= 2 || code == CODE_FAILURE; /* [MQTT-3.9.3-2] */
}

/* UNSUBACK of 3.1.1 ends behind its packet id. */
static bool has_codes(uint8_t level, enum vch_mqtt_type type) {
    return level == VCH_MQTT_LEVEL_5 || type == VCH_MQTT_SUBACK;
}

static enum vch_err codes_decode(const struct vch_mqtt_frame *frame, enum vch_mqtt_type type,
                                 struct vch_mqtt_suback *ret) {
    struct vch_mqtt_reader r = vch_mqtt_read(frame, type, 0);
    bool is_5 = frame->level == VCH_MQTT_LEVEL_5;
    ret->count = 0;
    ret->level = frame->level;
    ret->packet_id = vch_mqtt_read_id(&r);
    vch_mqtt_props_none(&ret->props);
    if (is_5) vch_mqtt_read_props(&r, VCH_MQTT_IN(type), &ret->props);
    while (vch_mqtt_read_more(&r) && has_codes(frame->level, type)) {
        if (ret->count == VCH_MQTT_FILTERS_MAX) return VCH_ERR_LIMIT;
        uint8_t code = vch_mqtt_read_u8(&r);
        if (!code_is_valid(code, frame->level, type)) return is_5 ? VCH_ERR_INVALID : VCH_ERR_MALFORMED;
        ret->codes[ret->count++] = code;
    }
    VCH_TRY(vch_mqtt_read_end(&r));
    return ret->count == 0 && has_codes(frame->level, type) ? VCH_ERR_MALFORMED : VCH_OK;
}

enum vch_err vch_mqtt_suback_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_suback *ret) {
    return codes_decode(frame, VCH_MQTT_SUBACK, ret);
}

enum vch_err vch_mqtt_unsuback_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_suback *ret) {
    return codes_decode(frame, VCH_MQTT_UNSUBACK, ret);
}

static bool codes_are_valid(const struct vch_mqtt_suback *p, enum vch_mqtt_type type) {
    if (!has_codes(p->level, type)) return true;
    if (p->count == 0 || p->count > VCH_MQTT_FILTERS_MAX) return false;
    for (size_t i = 0; i < p->count; i++)
        if (!code_is_valid(p->codes[i], p->level, type)) return false;
    return p->level != VCH_MQTT_LEVEL_5 || vch_mqtt_props_fit(&p->props, VCH_MQTT_IN(type));
}

static enum vch_err codes_encode(const struct vch_mqtt_suback *p, enum vch_mqtt_type type, uint8_t *out, size_t size,
                                 size_t *ret_len) {
    bool is_5 = p->level == VCH_MQTT_LEVEL_5;
    *ret_len = 0;
    if (!codes_are_valid(p, type)) return VCH_ERR_INVALID;
    size_t count = has_codes(p->level, type) ? p->count : 0;
    size_t remaining = 2 + count + (is_5 ? vch_mqtt_props_room(&p->props) : 0);
    struct vch_mqtt_writer w = vch_mqtt_write(out, size, type, 0, remaining);
    vch_mqtt_write_id(&w, p->packet_id);
    if (is_5) vch_mqtt_write_props(&w, &p->props);
    vch_mqtt_write_bytes(&w, vch_str_of(p->codes, count));
    return vch_mqtt_write_end(&w, ret_len);
}

enum vch_err vch_mqtt_suback_encode(const struct vch_mqtt_suback *p, uint8_t *out, size_t size, size_t *ret_len) {
    return codes_encode(p, VCH_MQTT_SUBACK, out, size, ret_len);
}

enum vch_err vch_mqtt_unsuback_encode(const struct vch_mqtt_suback *p, uint8_t *out, size_t size, size_t *ret_len) {
    return codes_encode(p, VCH_MQTT_UNSUBACK, out, size, ret_len);
}
