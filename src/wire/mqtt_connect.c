#include "wire/mqtt_props_priv.h"

enum {
    FLAG_RESERVED = 1,
    FLAG_CLEAN = 2,
    FLAG_WILL = 4,
    FLAG_WILL_RETAIN = 0x20,
    FLAG_PASSWORD = 0x40,
    FLAG_USERNAME = 0x80
};
enum { LEVEL_311 = VCH_MQTT_LEVEL_311, LEVEL_31 = 3, LEVEL_5 = VCH_MQTT_LEVEL_5 };

/* Protocol name and level. [MQTT-3.1.2-1] [MQTT-3.1.2-2] */
static enum vch_err protocol_decode(struct vch_mqtt_reader *r, uint8_t *ret_level) {
    struct vch_str name = vch_mqtt_read_text(r);
    uint8_t level = vch_mqtt_read_u8(r);
    bool old = vch_str_eq_c(name, "MQIsdp") && level == LEVEL_31;
    if (r->err != VCH_OK || (!old && !vch_str_eq_c(name, "MQTT"))) return VCH_ERR_MALFORMED;
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
        return VCH_ERR_MALFORMED;                    /* [MQTT-3.1.2-13] [MQTT-3.1.2-15] */
    if (ret->will_qos > 2) return VCH_ERR_MALFORMED; /* [MQTT-3.1.2-14] */
    bool lone = ret->has_password && !ret->has_username;
    if (lone && ret->level == LEVEL_311) return VCH_ERR_MALFORMED; /* 3.1.1 [MQTT-3.1.2-22] */
    return VCH_OK;
}

/* MQTT 5 section 3.1.2.11.10: data of an authentication needs its method. */
static bool auth_is_whole(const struct vch_mqtt_props *props) {
    return vch_mqtt_has(props, VCH_MQTT_PROP_AUTH_METHOD) || !vch_mqtt_has(props, VCH_MQTT_PROP_AUTH_DATA);
}

static void read_will(struct vch_mqtt_reader *r, struct vch_mqtt_connect *ret) {
    if (ret->level == LEVEL_5) vch_mqtt_read_props(r, VCH_MQTT_IN_WILL, &ret->will_props);
    ret->will_topic = vch_mqtt_read_text(r);
    ret->will_payload = vch_mqtt_read_binary(r);
}

static enum vch_err connect_body(struct vch_mqtt_reader *r, struct vch_mqtt_connect *ret) {
    VCH_TRY(protocol_decode(r, &ret->level));
    if (ret->level != LEVEL_311 && ret->level != LEVEL_5) return VCH_OK;
    VCH_TRY(flags_decode(vch_mqtt_read_u8(r), ret));
    ret->keep_alive_s = vch_mqtt_read_u16(r);
    if (ret->level == LEVEL_5) vch_mqtt_read_props(r, VCH_MQTT_IN(VCH_MQTT_CONNECT), &ret->props);
    if (!auth_is_whole(&ret->props)) vch_mqtt_read_refuse(r, VCH_ERR_INVALID);
    ret->client_id = vch_mqtt_read_text(r);
    if (ret->has_will) read_will(r, ret);
    if (ret->has_username) ret->username = vch_mqtt_read_text(r);
    if (ret->has_password) ret->password = vch_mqtt_read_binary(r);
    return vch_mqtt_read_end(r);
}

enum vch_err vch_mqtt_connect_decode(const struct vch_mqtt_frame *frame, struct vch_mqtt_connect *ret) {
    struct vch_mqtt_reader r = vch_mqtt_read(frame, VCH_MQTT_CONNECT, 0);
    *ret = (struct vch_mqtt_connect){0};
    enum vch_err err = connect_body(&r, ret);
    if (err == VCH_OK && ret->level == LEVEL_5 && frame->padded) err = VCH_ERR_MALFORMED; /* [MQTT-1.5.5-1] */
    if (err != VCH_OK) *ret = (struct vch_mqtt_connect){.level = ret->level};
    return err;
}

static uint8_t flags_of(const struct vch_mqtt_connect *p) {
    unsigned flags = (p->clean_session ? FLAG_CLEAN : 0u) | (p->has_username ? FLAG_USERNAME : 0u) |
                     (p->has_password ? FLAG_PASSWORD : 0u);
    if (p->has_will) flags |= FLAG_WILL | (unsigned)p->will_qos << 3 | (p->will_retain ? FLAG_WILL_RETAIN : 0u);
    return (uint8_t)flags;
}

static bool level_is_valid(const struct vch_mqtt_connect *p) {
    if (p->level == LEVEL_311) return p->has_username || !p->has_password;
    return p->level == LEVEL_5 && auth_is_whole(&p->props) &&
           vch_mqtt_props_fit(&p->props, VCH_MQTT_IN(VCH_MQTT_CONNECT)) &&
           (!p->has_will || vch_mqtt_props_fit(&p->will_props, VCH_MQTT_IN_WILL));
}

static bool connect_is_valid(const struct vch_mqtt_connect *p) {
    bool idle_will = !p->has_will && (p->will_qos || p->will_retain || p->will_topic.len || p->will_payload.len);
    bool idle_login = (!p->has_username && p->username.len) || (!p->has_password && p->password.len);
    return p->will_qos <= 2 && !idle_will && !idle_login && level_is_valid(p);
}

static size_t connect_size(const struct vch_mqtt_connect *p) {
    size_t size = 10 + 2 + p->client_id.len;
    if (p->level == LEVEL_5) size += vch_mqtt_props_room(&p->props);
    if (p->has_will) size += 4 + p->will_topic.len + p->will_payload.len;
    if (p->has_will && p->level == LEVEL_5) size += vch_mqtt_props_room(&p->will_props);
    if (p->has_username) size += 2 + p->username.len;
    if (p->has_password) size += 2 + p->password.len;
    return size;
}

static void write_will(struct vch_mqtt_writer *w, const struct vch_mqtt_connect *p) {
    if (p->level == LEVEL_5) vch_mqtt_write_props(w, &p->will_props);
    vch_mqtt_write_binary(w, p->will_topic);
    vch_mqtt_write_binary(w, p->will_payload);
}

enum vch_err vch_mqtt_connect_encode(const struct vch_mqtt_connect *p, uint8_t *out, size_t size, size_t *ret_len) {
    *ret_len = 0;
    if (!connect_is_valid(p)) return VCH_ERR_INVALID;
    struct vch_mqtt_writer w = vch_mqtt_write(out, size, VCH_MQTT_CONNECT, 0, connect_size(p));
    vch_mqtt_write_binary(&w, VCH_STR("MQTT"));
    vch_mqtt_write_u8(&w, p->level);
    vch_mqtt_write_u8(&w, flags_of(p));
    vch_mqtt_write_u16(&w, p->keep_alive_s);
    if (p->level == LEVEL_5) vch_mqtt_write_props(&w, &p->props);
    vch_mqtt_write_binary(&w, p->client_id);
    if (p->has_will) write_will(&w, p);
    if (p->has_username) vch_mqtt_write_binary(&w, p->username);
    if (p->has_password) vch_mqtt_write_binary(&w, p->password);
    return vch_mqtt_write_end(&w, ret_len);
}
