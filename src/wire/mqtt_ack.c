#include "wire/mqtt_io_priv.h"

static bool is_ack(enum vch_mqtt_type type) {
    return (type >= VCH_MQTT_PUBACK && type <= VCH_MQTT_PUBCOMP) || type == VCH_MQTT_UNSUBACK;
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
