/* Apart from the codes, so that who needs no words does not link them. One text
 * behind the other: on small machines a table of pointers would cost as much. */
#include <string.h>

#include "wire/mqtt_reason.h"

static const uint8_t codes[] = {
#define VCH_X(name, value, text, packets) value,
#include "wire/mqtt_reason.def"
#undef VCH_X
};

static const char texts[] =
#define VCH_X(name, value, text, packets) text "\0"
#include "wire/mqtt_reason.def"
#undef VCH_X
    ;

const char *vch_mqtt_rc_name(uint8_t code) {
    const char *text = texts;
    for (size_t i = 0; i < sizeof codes; i++, text += strlen(text) + 1)
        if (codes[i] == code) return text;
    return "unknown";
}
