#include "wire/mqtt_reason.h"

#include "wire/mqtt.h"

static const struct {
    uint16_t packets;
    const char *name;
} rows[256] = {
#define ON(type) (1u << VCH_MQTT_##type)
#define VCH_X(name, value, text, packets) [value] = {(uint16_t)(packets), text},
#include "wire/mqtt_reason.def"
#undef VCH_X
#undef ON
};

const char *vch_mqtt_rc_name(uint8_t code) {
    return rows[code].name ? rows[code].name : "unknown";
}

bool vch_mqtt_rc_fits(uint8_t code, unsigned packet_type) {
    return packet_type < 16 && rows[code].packets >> packet_type & 1;
}

uint8_t vch_mqtt_rc_of(enum vch_err err) {
    switch (err) {
    case VCH_OK: return VCH_MQTT_RC_SUCCESS;
    case VCH_ERR_MALFORMED: return VCH_MQTT_RC_MALFORMED_PACKET;
    case VCH_ERR_INVALID: return VCH_MQTT_RC_PROTOCOL_ERROR;
    case VCH_ERR_LIMIT: return VCH_MQTT_RC_QUOTA_EXCEEDED;
    case VCH_ERR_TOO_LARGE: return VCH_MQTT_RC_PACKET_TOO_LARGE;
    default: return VCH_MQTT_RC_UNSPECIFIED_ERROR;
    }
}
