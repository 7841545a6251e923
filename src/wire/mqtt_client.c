#include "wire/mqtt_client.h"

#include "wire/mqtt_io_priv.h"

enum { FLAG_CLEAN = 2, FLAG_USERNAME = 0x80 };
enum { HELLO_BODY = 10 + 2, PROPS_BODY = 3 + 5, EXPIRY = 5 };

static void write_u32(struct vch_mqtt_writer *w, uint32_t v) {
    vch_mqtt_write_u16(w, (uint16_t)(v >> 16));
    vch_mqtt_write_u16(w, (uint16_t)v);
}

static void write_hello_props(struct vch_mqtt_writer *w, const struct vch_mqtt_hello *p) {
    vch_mqtt_write_var(w, PROPS_BODY + (p->session_expiry_s ? EXPIRY : 0u));
    if (p->session_expiry_s) {
        vch_mqtt_write_u8(w, VCH_MQTT_PROP_SESSION_EXPIRY);
        write_u32(w, p->session_expiry_s);
    }
    vch_mqtt_write_u8(w, VCH_MQTT_PROP_RECEIVE_MAXIMUM);
    vch_mqtt_write_id(w, p->receive_maximum); /* not zero either */
    vch_mqtt_write_u8(w, VCH_MQTT_PROP_MAXIMUM_PACKET_SIZE);
    write_u32(w, p->maximum_packet_size);
    if (p->maximum_packet_size == 0) vch_mqtt_write_refuse(w, VCH_ERR_INVALID);
}

enum vch_err vch_mqtt_hello_encode(const struct vch_mqtt_hello *p, uint8_t *out, size_t size, size_t *ret_len) {
    bool is_5 = p->level == VCH_MQTT_LEVEL_5;
    size_t remaining = HELLO_BODY + p->client_id.len + (p->username.len ? 2 + p->username.len : 0);
    if (is_5) remaining += 1 + PROPS_BODY + (p->session_expiry_s ? EXPIRY : 0u);
    struct vch_mqtt_writer w = vch_mqtt_write(out, size, VCH_MQTT_CONNECT, 0, remaining);
    vch_mqtt_write_binary(&w, VCH_STR("MQTT"));
    vch_mqtt_write_u8(&w, p->level);
    vch_mqtt_write_u8(&w, (uint8_t)((p->clean_session ? FLAG_CLEAN : 0) | (p->username.len ? FLAG_USERNAME : 0)));
    vch_mqtt_write_u16(&w, p->keep_alive_s);
    if (is_5) write_hello_props(&w, p);
    vch_mqtt_write_binary(&w, p->client_id);
    if (p->username.len) vch_mqtt_write_binary(&w, p->username);
    return vch_mqtt_write_end(&w, ret_len);
}

/* The packet id, no properties, one filter; a SUBSCRIBE has the QoS behind it. */
enum vch_err vch_mqtt_filter_encode(enum vch_mqtt_type type, uint8_t level, uint16_t packet_id, struct vch_str filter,
                                    uint8_t qos, uint8_t *out, size_t size, size_t *ret_len) {
    bool subscribes = type == VCH_MQTT_SUBSCRIBE, is_5 = level == VCH_MQTT_LEVEL_5;
    *ret_len = 0;
    if ((!subscribes && type != VCH_MQTT_UNSUBSCRIBE) || qos > 2) return VCH_ERR_INVALID;
    size_t remaining = 2 + (is_5 ? 1u : 0u) + 2 + filter.len + (subscribes ? 1u : 0u);
    struct vch_mqtt_writer w = vch_mqtt_write(out, size, type, vch_mqtt_fixed_flags(type), remaining);
    vch_mqtt_write_id(&w, packet_id);
    if (is_5) vch_mqtt_write_u8(&w, 0);
    vch_mqtt_write_binary(&w, filter);
    if (subscribes) vch_mqtt_write_u8(&w, qos);
    return vch_mqtt_write_end(&w, ret_len);
}

enum vch_err vch_mqtt_message_head_encode(uint8_t level, uint16_t packet_id, struct vch_str topic, size_t payload_len,
                                          uint8_t *out, size_t size, size_t *ret_len) {
    bool is_5 = level == VCH_MQTT_LEVEL_5;
    *ret_len = 0;
    if (topic.len == 0) return VCH_ERR_INVALID;
    if (payload_len > VCH_MQTT_REMAINING_MAX) return VCH_ERR_TOO_LARGE;
    size_t remaining = 2 + topic.len + (packet_id ? 2u : 0u) + (is_5 ? 1u : 0u) + payload_len;
    struct vch_mqtt_writer w = vch_mqtt_write(out, size, VCH_MQTT_PUBLISH, packet_id ? 2 : 0, remaining);
    vch_mqtt_write_binary(&w, topic);
    if (packet_id) vch_mqtt_write_u16(&w, packet_id);
    if (is_5) vch_mqtt_write_u8(&w, 0);
    return vch_mqtt_write_end(&w, ret_len);
}
