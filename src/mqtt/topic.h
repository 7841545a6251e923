/* Topic names and filters (MQTT 3.1.1 section 4.7) as the server routes them.
 * Pure; the text is well-formed UTF-8 already.
 */
#ifndef VCH_MQTT_TOPIC_H
#define VCH_MQTT_TOPIC_H

#include "base/str.h"

enum { VCH_MQTT_LEVELS_MAX = 128 };

struct vch_mqtt_rules {
    size_t bytes_max;   /* 256 on AWS */
    size_t slashes_max; /* 7 on AWS; below VCH_MQTT_LEVELS_MAX */
    bool parent_too;    /* "a/#" matches "a": the OASIS text does, AWS does not */
};

/* A name to publish to: not empty, no wildcard, within the limits. [MQTT-4.7.3-1] [MQTT-3.3.2-2] */
bool vch_mqtt_topic_ok(struct vch_str topic, const struct vch_mqtt_rules *rules);
/* '+' and '#' alone in their level, '#' last. [MQTT-4.7.1-2] [MQTT-4.7.1-3] */
bool vch_mqtt_filter_ok(struct vch_str filter, const struct vch_mqtt_rules *rules);

/* A topic or filter taken apart; views into the text. */
struct vch_mqtt_levels {
    size_t count;
    struct vch_str at[VCH_MQTT_LEVELS_MAX];
};
/* The text must have passed its check. */
void vch_mqtt_levels_of(struct vch_str text, struct vch_mqtt_levels *ret);

/* The hash of a path one level longer; the empty path is 0. Keyed, the same on all loops. */
uint64_t vch_mqtt_path_hash(uint64_t path, struct vch_str level);

#endif
