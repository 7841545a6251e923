#include "wire/mqtt_io_priv.h"

enum {
    FLAG_RESERVED = 1,
    FLAG_CLEAN = 2,
    FLAG_WILL = 4,
    FLAG_WILL_RETAIN = 0x20,
    FLAG_PASSWORD = 0x40,
    FLAG_USERNAME = 0x80
};
enum { LEVEL_311 = 4, LEVEL_31 = 3 };

/* Protocol name and level. [MQTT-3.1.2-1] [MQTT-3.1.2-2] */
static enum vch_err protocol_decode(struct vch_mqtt_reader *r, uint8_t *ret_level) {
    struct vch_str name = vch_mqtt_read_text(r);
    uint8_t level = vch_mqtt_read_u8(r);
    bool old = vch_str_eq_c(name, "MQIsdp") && level == LEVEL_31;
    if (r->failed || (!old && !vch_str_eq_c(name, "MQTT"))) return VCH_ERR_MALFORMED;
    *ret_level = level;
    return VCH_OK;
}

static enum vch_err flags_decode(uint8_t flags, struct vch_mqtt_connect *ret) {
    ret->clean_session = flags & FLAG_CLEAN;
    ret->has_will = flags & FLAG_WILL;
    ret->will_qos = (uint8_t)(flags >> 3 & 3);
    ret->will_retain = flags & FLAG_WILL_RETAIN;
    ret->has_password = flags & FLAG_PASSWORD;
    ret->has_username = flags & FLAG_USERNAME;
    if (flags & FLAG_RESERVED) return VCH_ERR_MALFORMED; /* [MQTT-3.1.2-3] */
    if (!ret->has_will && (ret->will_qos || ret->will_retain))
        return VCH_ERR_MALFORMED;                                          /* [MQTT-3.1.2-13] [MQTT-3.1.2-15] */
    if (ret->will_qos > 2) return VCH_ERR_MALFORMED;                       /* [MQTT-3.1.2-14] */
    if (ret->has_password && !ret->has_username) return VCH_ERR_MALFORMED; /* [MQTT-3.1.2-22] */
    return VCH_OK;
}

static enum vch_err connect_body(struct vch_mqtt_reader *r, struct vch_mqtt_connect *ret) {
    VCH_TRY(protocol_decode(r, &ret->level));
    if (ret->level != LEVEL_311) return VCH_OK;
    VCH_TRY(flags_decode(vch_mqtt_read_u8(r), ret));
    ret->keep_alive_s = vch_mqtt_read_u16(r);
    ret->client_id = vch_mqtt_read_text(r);
    if (ret->has_will) ret->will_topic = vch_mqtt_read_text(r);
    if (ret->has_will) ret->will_payload = vch_mqtt_read_binary(r);
    if (ret->has_username) ret->username = vch_mqtt_read_text(r);
    if (ret->has_password) ret->password = vch_mqtt_read_binary(r);
    return vch_mqtt_read_end(r);
}

enum vch_err vch_mqtt_connect_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_connect *ret) {
    struct vch_mqtt_reader r = vch_mqtt_read(frame, VCH_MQTT_CONNECT, 0);
    *ret = (struct vch_mqtt_connect){0};
    enum vch_err err = connect_body(&r, ret);
    if (err != VCH_OK) *ret = (struct vch_mqtt_connect){0};
    return err;
}

static uint8_t flags_of(const struct vch_mqtt_connect *p) {
    unsigned flags = (p->clean_session ? FLAG_CLEAN : 0u) | (p->has_username ? FLAG_USERNAME : 0u) |
                     (p->has_password ? FLAG_PASSWORD : 0u);
    if (p->has_will) flags |= FLAG_WILL | (unsigned)p->will_qos << 3 | (p->will_retain ? FLAG_WILL_RETAIN : 0u);
    return (uint8_t)flags;
}

static bool connect_is_valid(const struct vch_mqtt_connect *p) {
    bool idle_will = !p->has_will && (p->will_qos || p->will_retain || p->will_topic.len || p->will_payload.len);
    bool idle_login = (!p->has_username && p->username.len) || (!p->has_password && p->password.len);
    return p->level == LEVEL_311 && p->will_qos <= 2 && !idle_will && !idle_login &&
           (p->has_username || !p->has_password);
}

enum vch_err vch_mqtt_connect_encode(const struct vch_mqtt_connect *p, uint8_t *out, size_t size, size_t *ret_len) {
    *ret_len = 0;
    if (!connect_is_valid(p)) return VCH_ERR_INVALID;
    size_t remaining = 10 + 2 + p->client_id.len;
    if (p->has_will) remaining += 4 + p->will_topic.len + p->will_payload.len;
    if (p->has_username) remaining += 2 + p->username.len;
    if (p->has_password) remaining += 2 + p->password.len;
    struct vch_mqtt_writer w = vch_mqtt_write(out, size, VCH_MQTT_CONNECT, 0, remaining);
    vch_mqtt_write_binary(&w, VCH_STR("MQTT"));
    vch_mqtt_write_u8(&w, p->level);
    vch_mqtt_write_u8(&w, flags_of(p));
    vch_mqtt_write_u16(&w, p->keep_alive_s);
    vch_mqtt_write_binary(&w, p->client_id);
    if (p->has_will) vch_mqtt_write_binary(&w, p->will_topic);
    if (p->has_will) vch_mqtt_write_binary(&w, p->will_payload);
    if (p->has_username) vch_mqtt_write_binary(&w, p->username);
    if (p->has_password) vch_mqtt_write_binary(&w, p->password);
    return vch_mqtt_write_end(&w, ret_len);
}

enum vch_err vch_mqtt_connack_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_connack *ret) {
    struct vch_mqtt_reader r = vch_mqtt_read(frame, VCH_MQTT_CONNACK, 0);
    uint8_t flags = vch_mqtt_read_u8(&r);
    *ret = (struct vch_mqtt_connack){.session_present = flags & 1, .code = vch_mqtt_read_u8(&r)};
    if (flags > 1 || (ret->session_present && ret->code != 0)) return VCH_ERR_MALFORMED; /* [MQTT-3.2.2-4] */
    return vch_mqtt_read_end(&r);
}

enum vch_err vch_mqtt_connack_encode(const struct vch_mqtt_connack *p, uint8_t *out, size_t size, size_t *ret_len) {
    *ret_len = 0;
    if (p->session_present && p->code != 0) return VCH_ERR_INVALID;
    struct vch_mqtt_writer w = vch_mqtt_write(out, size, VCH_MQTT_CONNACK, 0, 2);
    vch_mqtt_write_u8(&w, p->session_present ? 1 : 0);
    vch_mqtt_write_u8(&w, p->code);
    return vch_mqtt_write_end(&w, ret_len);
}
