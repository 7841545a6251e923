/* What is due when: a heap of moments whose places live inside their owners, so
 * that adding is one step and moving or removing needs no search. One thread.
 * Owner: zeroed memory ... deinit.
 */
#ifndef VCH_MQTT_DUE_H
#define VCH_MQTT_DUE_H

#include "base/str.h"

struct vch_mqtt_due {
    int64_t at_ms;
    size_t place; /* 1 and up; 0: not in a heap */
};
struct vch_mqtt_heap {
    struct vch_mqtt_due **at;
    size_t count, size;
};

/* Adds or moves. */
enum vch_err vch_mqtt_due_set(struct vch_mqtt_heap *heap, struct vch_mqtt_due *due, int64_t at_ms) VCH_MUST;
void vch_mqtt_due_clear(struct vch_mqtt_heap *heap, struct vch_mqtt_due *due); /* fine when it is not in */
struct vch_mqtt_due *vch_mqtt_due_first(const struct vch_mqtt_heap *heap);     /* NULL: empty */
void vch_mqtt_due_deinit(struct vch_mqtt_heap *heap);

#endif
