/* Apart from the codes, so that who needs no words does not link them. */
#include "wire/mqtt_reason.h"

const char *vch_mqtt_rc_name(uint8_t code) {
    switch (code) {
#define VCH_X(name, value, text, packets)                                                                              \
    case value:                                                                                                        \
        return text;
#include "wire/mqtt_reason.def"
#undef VCH_X
    default: return "unknown";
    }
}
