/* The reason codes of MQTT 5: their numbers, names and the packets that may
 * carry them. Pure. Source: MQTT 5.0 section 2.4.
 */
#ifndef VCH_WIRE_MQTT_REASON_H
#define VCH_WIRE_MQTT_REASON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum vch_mqtt_rc {
#define VCH_X(name, value, text, packets) VCH_MQTT_RC_##name = value,
#include "wire/mqtt_reason.def"
#undef VCH_X
    VCH_MQTT_RC_NORMAL_DISCONNECTION = 0x00, /* DISCONNECT */
    VCH_MQTT_RC_GRANTED_QOS_0 = 0x00         /* SUBACK */
};

/* "Not authorized"; "Normal disconnection" and "Granted QoS 0" are "Success"
 * here. "unknown" for a number that the specification does not have. */
const char *vch_mqtt_rc_name(uint8_t code);

/* May a packet of this type (enum vch_mqtt_type) carry the code? In DISCONNECT
 * both directions' codes count. */
bool vch_mqtt_rc_fits(uint8_t code, unsigned packet_type);

/* The code for what a decoder returned: INVALID is a Protocol Error, LIMIT is
 * Quota exceeded, TOO_LARGE is Packet too large, MALFORMED is Malformed Packet;
 * anything else is an unspecified error, VCH_OK is success. */
uint8_t vch_mqtt_rc_of(enum vch_err err);

#endif
