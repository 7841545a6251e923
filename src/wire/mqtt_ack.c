#include "wire/mqtt_props_priv.h"

static bool is_puback(enum vch_mqtt_type type) {
    return type >= VCH_MQTT_PUBACK && type <= VCH_MQTT_PUBCOMP;
}

static bool is_ack(enum vch_mqtt_type type) {
    return is_puback(type) || type == VCH_MQTT_UNSUBACK;
}

static bool is_empty(enum vch_mqtt_type type) {
    return type == VCH_MQTT_PINGREQ || type == VCH_MQTT_PINGRESP || type == VCH_MQTT_DISCONNECT;
}

enum vch_err vch_mqtt_ack_decode(const struct vch_mqtt_frame *frame, uint16_t *ret_packet_id) {
    *ret_packet_id = 0;
    if (!is_ack(frame->type)) return VCH_ERR_MALFORMED;
    struct vch_mqtt_reader r =
        vch_mqtt_read(frame, frame->type, vch_mqtt_fixed_flags(frame->type)); /* [MQTT-3.6.1-1] */
    uint16_t id = vch_mqtt_read_id(&r);
    VCH_TRY(vch_mqtt_read_end(&r));
    *ret_packet_id = id;
    return VCH_OK;
}

enum vch_err vch_mqtt_ack_encode(enum vch_mqtt_type type, uint16_t packet_id, uint8_t *out, size_t size,
                                 size_t *ret_len) {
    *ret_len = 0;
    if (!is_ack(type)) return VCH_ERR_INVALID;
    struct vch_mqtt_writer w = vch_mqtt_write(out, size, type, vch_mqtt_fixed_flags(type), 2);
    vch_mqtt_write_id(&w, packet_id);
    return vch_mqtt_write_end(&w, ret_len);
}

enum vch_err vch_mqtt_empty_decode(const struct vch_mqtt_frame *frame) {
    if (!is_empty(frame->type)) return VCH_ERR_MALFORMED;
    struct vch_mqtt_reader r = vch_mqtt_read(frame, frame->type, 0); /* [MQTT-3.14.1-1] */
    return vch_mqtt_read_end(&r);
}

enum vch_err vch_mqtt_empty_encode(enum vch_mqtt_type type, uint8_t *out, size_t size, size_t *ret_len) {
    *ret_len = 0;
    if (!is_empty(type)) return VCH_ERR_INVALID;
    struct vch_mqtt_writer w = vch_mqtt_write(out, size, type, 0, 0);
    return vch_mqtt_write_end(&w, ret_len);
}

/* A reason and properties, each only when something is left. MQTT 5 sections
 * 3.4.2.1, 3.14.2.1, 3.15.2.1. */
static uint8_t read_reason(struct vch_mqtt_reader *r, enum vch_mqtt_type type, struct vch_mqtt_props *ret_props) {
    uint8_t reason = vch_mqtt_read_more(r) ? vch_mqtt_read_u8(r) : VCH_MQTT_RC_SUCCESS;
    if (!vch_mqtt_rc_fits(reason, type)) vch_mqtt_read_refuse(r, VCH_ERR_INVALID);
    if (vch_mqtt_read_more(r)) vch_mqtt_read_props(r, VCH_MQTT_IN(type), ret_props);
    return reason;
}

/* How many bytes the shortest form of both has. */
static size_t reason_size(uint8_t reason, const struct vch_mqtt_props *props) {
    size_t block = vch_mqtt_props_size(props);
    if (block == 0) return reason == VCH_MQTT_RC_SUCCESS ? 0 : 1;
    return 1 + vch_mqtt_var_size(block) + block;
}

static bool reason_is_valid(uint8_t reason, uint8_t level, enum vch_mqtt_type type,
                            const struct vch_mqtt_props *props) {
    if (level != VCH_MQTT_LEVEL_5) return reason == VCH_MQTT_RC_SUCCESS && type != VCH_MQTT_AUTH;
    return vch_mqtt_rc_fits(reason, type) && vch_mqtt_props_fit(props, VCH_MQTT_IN(type));
}

static void write_reason(struct vch_mqtt_writer *w, uint8_t reason, const struct vch_mqtt_props *props, size_t size) {
    if (size > 0) vch_mqtt_write_u8(w, reason);
    if (size > 1) vch_mqtt_write_props(w, props);
}

enum vch_err vch_mqtt_puback_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_ack *ret) {
    ret->level = frame->level;
    ret->reason = VCH_MQTT_RC_SUCCESS;
    vch_mqtt_props_none(&ret->props);
    if (!is_puback(frame->type)) return VCH_ERR_MALFORMED;
    struct vch_mqtt_reader r =
        vch_mqtt_read(frame, frame->type, vch_mqtt_fixed_flags(frame->type)); /* [MQTT-3.6.1-1] */
    ret->packet_id = vch_mqtt_read_id(&r);
    if (frame->level == VCH_MQTT_LEVEL_5) ret->reason = read_reason(&r, frame->type, &ret->props);
    return vch_mqtt_read_end(&r);
}

enum vch_err vch_mqtt_puback_encode(enum vch_mqtt_type type, const struct vch_mqtt_ack *p, uint8_t *out, size_t size,
                                    size_t *ret_len) {
    *ret_len = 0;
    if (!is_puback(type) || !reason_is_valid(p->reason, p->level, type, &p->props)) return VCH_ERR_INVALID;
    size_t more = p->level == VCH_MQTT_LEVEL_5 ? reason_size(p->reason, &p->props) : 0;
    struct vch_mqtt_writer w = vch_mqtt_write(out, size, type, vch_mqtt_fixed_flags(type), 2 + more);
    vch_mqtt_write_id(&w, p->packet_id);
    write_reason(&w, p->reason, &p->props, more);
    return vch_mqtt_write_end(&w, ret_len);
}

static enum vch_err leave_decode(const struct vch_mqtt_frame *frame, enum vch_mqtt_type type,
                                 struct vch_mqtt_disconnect *ret) {
    struct vch_mqtt_reader r = vch_mqtt_read(frame, type, 0); /* [MQTT-3.14.1-1] [MQTT-3.15.1-1] */
    ret->level = frame->level;
    ret->reason = VCH_MQTT_RC_SUCCESS;
    vch_mqtt_props_none(&ret->props);
    if (frame->level == VCH_MQTT_LEVEL_5) ret->reason = read_reason(&r, type, &ret->props);
    return vch_mqtt_read_end(&r);
}

static enum vch_err leave_encode(const struct vch_mqtt_disconnect *p, enum vch_mqtt_type type, uint8_t *out,
                                 size_t size, size_t *ret_len) {
    *ret_len = 0;
    if (!reason_is_valid(p->reason, p->level, type, &p->props)) return VCH_ERR_INVALID;
    size_t more = p->level == VCH_MQTT_LEVEL_5 ? reason_size(p->reason, &p->props) : 0;
    struct vch_mqtt_writer w = vch_mqtt_write(out, size, type, 0, more);
    write_reason(&w, p->reason, &p->props, more);
    return vch_mqtt_write_end(&w, ret_len);
}

enum vch_err vch_mqtt_disconnect_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_disconnect *ret) {
    return leave_decode(frame, VCH_MQTT_DISCONNECT, ret);
}

enum vch_err vch_mqtt_disconnect_encode(const struct vch_mqtt_disconnect *p, uint8_t *out, size_t size,
                                        size_t *ret_len) {
    return leave_encode(p, VCH_MQTT_DISCONNECT, out, size, ret_len);
}

/* MQTT 5 section 3.15.2.2.2: the method is left out only where everything is. */
static bool method_is_given(const struct vch_mqtt_disconnect *p) {
    return vch_mqtt_has(&p->props, VCH_MQTT_PROP_AUTH_METHOD) ||
           (p->reason == VCH_MQTT_RC_SUCCESS && p->props.present == 0 && p->props.extra.len == 0);
}

enum vch_err vch_mqtt_auth_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_disconnect *ret) {
    if (frame->level != VCH_MQTT_LEVEL_5) return VCH_ERR_MALFORMED;
    VCH_TRY(leave_decode(frame, VCH_MQTT_AUTH, ret));
    return method_is_given(ret) ? VCH_OK : VCH_ERR_INVALID;
}

enum vch_err vch_mqtt_auth_encode(const struct vch_mqtt_disconnect *p, uint8_t *out, size_t size, size_t *ret_len) {
    *ret_len = 0;
    return method_is_given(p) ? leave_encode(p, VCH_MQTT_AUTH, out, size, ret_len) : VCH_ERR_INVALID;
}
