/* The table of MQTT 5 properties, and blocks of them in packets. */
#ifndef VCH_WIRE_MQTT_PROPS_PRIV_H
#define VCH_WIRE_MQTT_PROPS_PRIV_H

#include "wire/mqtt_io_priv.h"

enum vch_mqtt_kind {
    VCH_MQTT_KIND_NONE, /* no such property */
    VCH_MQTT_KIND_BOOL,
    VCH_MQTT_KIND_U16,
    VCH_MQTT_KIND_SOME16,
    VCH_MQTT_KIND_U32,
    VCH_MQTT_KIND_SOME32,
    VCH_MQTT_KIND_VAR,
    VCH_MQTT_KIND_TEXT,
    VCH_MQTT_KIND_TOPIC, /* text without wildcards */
    VCH_MQTT_KIND_BINARY,
    VCH_MQTT_KIND_PAIR
};

/* Where a property may stand: a packet type, or a CONNECT's will. */
#define VCH_MQTT_IN(type) (1u << (type))
#define VCH_MQTT_IN_WILL 1u

struct vch_mqtt_prop_row {
    enum vch_mqtt_kind kind;
    uint16_t where;
    uint16_t offset; /* of its member in struct vch_mqtt_props */
};
const struct vch_mqtt_prop_row *vch_mqtt_prop_row(size_t id); /* NULL: no such property */

static inline void vch_mqtt_props_none(struct vch_mqtt_props *props) {
    props->present = 0;
    props->raw = props->extra = (struct vch_str){NULL, 0};
}
/* The length and the block. */
void vch_mqtt_read_props(struct vch_mqtt_reader *r, unsigned where, struct vch_mqtt_props *ret);
void vch_mqtt_write_props(struct vch_mqtt_writer *w, const struct vch_mqtt_props *props);
/* How many bytes vch_mqtt_write_props writes. */
size_t vch_mqtt_props_room(const struct vch_mqtt_props *props);
/* Only properties that may stand there; user properties in `raw`, and `extra`, are the caller's word. */
bool vch_mqtt_props_fit(const struct vch_mqtt_props *props, unsigned where);

#endif
