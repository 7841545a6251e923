/* A hash index over links that live inside the things indexed: no allocation
 * per entry. Owner: init (zeroed memory) ... deinit. One thread, or the
 * caller's lock. Entries of one hash may repeat; the caller compares.
 */
#ifndef VCH_MQTT_INDEX_H
#define VCH_MQTT_INDEX_H

#include "base/str.h"

struct vch_mqtt_link {
    struct vch_mqtt_link *next;
    uint64_t hash;
};
struct vch_mqtt_index {
    struct vch_mqtt_link **buckets;
    size_t size; /* power of two, or 0 */
    size_t count;
};

/* From a link back to its owner. */
#define VCH_MQTT_OWNER(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

void vch_mqtt_index_deinit(struct vch_mqtt_index *index); /* not the entries */
enum vch_err vch_mqtt_index_add(struct vch_mqtt_index *index, struct vch_mqtt_link *link, uint64_t hash) VCH_MUST;
void vch_mqtt_index_remove(struct vch_mqtt_index *index, struct vch_mqtt_link *link); /* one that is in it */
/* The first entry of this hash, and the one after `link`; NULL at the end. */
struct vch_mqtt_link *vch_mqtt_index_first(const struct vch_mqtt_index *index, uint64_t hash);
struct vch_mqtt_link *vch_mqtt_index_next(const struct vch_mqtt_link *link);
/* Calls fn on every entry; fn may remove the entry it is given. */
void vch_mqtt_index_walk(const struct vch_mqtt_index *index, void (*fn)(struct vch_mqtt_link *link, void *arg),
                         void *arg);

#endif
