#include "wire/mqtt_io_priv.h"

/* The packet id, no properties, one filter; a SUBSCRIBE has the QoS behind it. */
enum vch_err vch_mqtt_filter_encode(enum vch_mqtt_type type, uint8_t level, uint16_t packet_id, struct vch_str filter,
                                    uint8_t qos, uint8_t *out, size_t size, size_t *ret_len) {
    bool subscribes = type == VCH_MQTT_SUBSCRIBE;
    *ret_len = 0;
    if ((!subscribes && type != VCH_MQTT_UNSUBSCRIBE) || qos > 2) return VCH_ERR_INVALID;
    size_t remaining = 2 + (level == VCH_MQTT_LEVEL_5 ? 1u : 0u) + 2 + filter.len + (subscribes ? 1u : 0u);
    struct vch_mqtt_writer w = vch_mqtt_write(out, size, type, vch_mqtt_fixed_flags(type), remaining);
    vch_mqtt_write_id(&w, packet_id);
    if (level == VCH_MQTT_LEVEL_5) vch_mqtt_write_var(&w, 0);
    vch_mqtt_write_binary(&w, filter);
    if (subscribes) vch_mqtt_write_u8(&w, qos);
    return vch_mqtt_write_end(&w, ret_len);
}
