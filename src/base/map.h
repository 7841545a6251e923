/* A hash map from byte strings to pointers. Keys are copied; values are
 * borrowed. One thread, or the caller's lock. Seeded at start, so that a peer
 * that chooses keys cannot choose collisions (SipHash-2-4). */
#ifndef VCH_BASE_MAP_H
#define VCH_BASE_MAP_H

#include "base/str.h"

struct vch_map;

struct vch_map *vch_map_new(void);
void vch_map_free(struct vch_map *map); /* not the values */
size_t vch_map_count(const struct vch_map *map);
void *vch_map_get(const struct vch_map *map, struct vch_str key);
/* Replaces; the old value goes to *ret_old when asked for. */
enum vch_err vch_map_put(struct vch_map *map, struct vch_str key, void *value, void **ret_old) VCH_MUST;
void *vch_map_remove(struct vch_map *map, struct vch_str key); /* the value, or NULL */
/* Walks all entries: start with *pos = 0; false at the end. Removing the entry
 * just returned is allowed, adding is not. */
bool vch_map_next(const struct vch_map *map, size_t *pos, struct vch_str *ret_key, void **ret_value);

/* SipHash-2-4 under the process's own key. */
uint64_t vch_hash(struct vch_str s);

#endif
