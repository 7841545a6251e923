#include "wire/mqtt_reason.h"

#include "wire/mqtt.h"

static const struct {
    uint16_t packets;
    uint8_t code;
} rows[] = {
#define ON(type) (1u << VCH_MQTT_##type)
#define VCH_X(name, value, text, packets) {(uint16_t)(packets), value},
#include "wire/mqtt_reason.def"
#undef VCH_X
#undef ON
};

/* Short enough to be walked; success, the first row, is what hot paths ask for. */
bool vch_mqtt_rc_fits(uint8_t code, unsigned packet_type) {
    size_t i = 0;
    while (i < sizeof rows / sizeof *rows && rows[i].code != code) i++;
    return i < sizeof rows / sizeof *rows && packet_type < 16 && rows[i].packets >> packet_type & 1;
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
