#include "wire/mqtt_io_priv.h"

/* Reads the remaining length at bytes[1..4]. *ret_at is the body's offset, 0
 * while bytes are missing. A length in more bytes than it needs is no error in
 * 3.1.1, and small clients that reserve the place in advance send it. */
static enum vch_err remaining_decode(struct vch_str bytes, bool *ret_padded, size_t *ret_len, size_t *ret_at) {
    *ret_len = *ret_at = 0;
    size_t value = 0;
    for (size_t i = 1; i <= 4; i++) {
        if (i >= bytes.len) return VCH_OK;
        uint8_t digit = (uint8_t)bytes.ptr[i];
        value |= (size_t)(digit & 0x7F) << (7 * (i - 1));
        if (digit & 0x80) continue;
        *ret_padded = digit == 0 && i > 1;
        *ret_len = value;
        *ret_at = i + 1;
        return VCH_OK;
    }
    return VCH_ERR_MALFORMED;
}

enum vch_err vch_mqtt_frame_decode_at(uint8_t level, struct vch_str bytes, struct vch_mqtt_frame *ret,
                                      size_t *ret_size) {
    unsigned last = level == VCH_MQTT_LEVEL_5 ? VCH_MQTT_AUTH : VCH_MQTT_DISCONNECT;
    *ret = (struct vch_mqtt_frame){.level = level};
    *ret_size = 0;
    if (bytes.len == 0) return VCH_OK;
    unsigned first = (uint8_t)bytes.ptr[0];
    if (first >> 4 < VCH_MQTT_CONNECT || first >> 4 > last) return VCH_ERR_MALFORMED; /* MQTT table 2.1 */
    ret->type = (enum vch_mqtt_type)(first >> 4);
    ret->flags = (uint8_t)(first & 0x0F);
    if (ret->type != VCH_MQTT_PUBLISH && ret->flags != vch_mqtt_fixed_flags(ret->type))
        return VCH_ERR_MALFORMED; /* [MQTT-2.2.2-2] */
    size_t len, at;
    VCH_TRY(remaining_decode(bytes, &ret->padded, &len, &at));
    if (at == 0) return VCH_OK;
    if (ret->padded && level == VCH_MQTT_LEVEL_5) return VCH_ERR_MALFORMED; /* [MQTT-1.5.5-1] */
    *ret_size = at + len;
    ret->whole = bytes.len >= *ret_size;
    if (ret->whole) ret->body = vch_str_of(bytes.ptr + at, len);
    return VCH_OK;
}

enum vch_err vch_mqtt_frame_decode(struct vch_str bytes, struct vch_mqtt_frame *ret, size_t *ret_size) {
    return vch_mqtt_frame_decode_at(VCH_MQTT_LEVEL_311, bytes, ret, ret_size);
}
