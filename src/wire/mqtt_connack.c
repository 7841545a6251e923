#include "wire/mqtt_props_priv.h"

/* [MQTT-3.2.2-4], MQTT 5 [MQTT-3.2.2-6]: no session goes with a refusal. */
static bool answer_is_valid(const struct vch_mqtt_connack *p) {
    return !p->session_present || p->code == 0;
}

enum vch_err vch_mqtt_connack_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_connack *ret) {
    struct vch_mqtt_reader r = vch_mqtt_read(frame, VCH_MQTT_CONNACK, 0);
    uint8_t flags = vch_mqtt_read_u8(&r);
    bool is_5 = frame->level == VCH_MQTT_LEVEL_5;
    ret->level = frame->level;
    ret->session_present = flags & 1;
    ret->code = vch_mqtt_read_u8(&r);
    vch_mqtt_props_none(&ret->props);
    if (flags > 1) return VCH_ERR_MALFORMED;
    if (!answer_is_valid(ret)) return is_5 ? VCH_ERR_INVALID : VCH_ERR_MALFORMED;
    if (is_5 && !vch_mqtt_rc_fits(ret->code, VCH_MQTT_CONNACK)) vch_mqtt_read_refuse(&r, VCH_ERR_INVALID);
    if (is_5) vch_mqtt_read_props(&r, VCH_MQTT_IN(VCH_MQTT_CONNACK), &ret->props);
    return vch_mqtt_read_end(&r);
}

enum vch_err vch_mqtt_connack_encode(const struct vch_mqtt_connack *p, uint8_t *out, size_t size, size_t *ret_len) {
    bool is_5 = p->level == VCH_MQTT_LEVEL_5;
    *ret_len = 0;
    if (!answer_is_valid(p)) return VCH_ERR_INVALID;
    if (is_5 &&
        (!vch_mqtt_rc_fits(p->code, VCH_MQTT_CONNACK) || !vch_mqtt_props_fit(&p->props, VCH_MQTT_IN(VCH_MQTT_CONNACK))))
        return VCH_ERR_INVALID;
    size_t remaining = 2 + (is_5 ? vch_mqtt_props_room(&p->props) : 0);
    struct vch_mqtt_writer w = vch_mqtt_write(out, size, VCH_MQTT_CONNACK, 0, remaining);
    vch_mqtt_write_u8(&w, p->session_present ? 1 : 0);
    vch_mqtt_write_u8(&w, p->code);
    if (is_5) vch_mqtt_write_props(&w, &p->props);
    return vch_mqtt_write_end(&w, ret_len);
}
