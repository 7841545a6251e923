/* Which sequence numbers were seen, a bit each. One thread at a time. */
#ifndef VCH_FLEET_SEEN_H
#define VCH_FLEET_SEEN_H

#include "base/str.h"

#define VCH_SEEN_MAX (UINT64_C(1) << 34)

/* Zeroed memory is empty. */
struct vch_seen {
    uint64_t *words;
    size_t size;      /* in words */
    uint64_t count;   /* different ones */
    uint64_t repeats; /* of one seen before */
    bool failed;      /* past VCH_SEEN_MAX, or memory is out: the rest is not known */
};
void vch_seen_add(struct vch_seen *seen, uint64_t number);
bool vch_seen_has(const struct vch_seen *seen, uint64_t number);
/* How many of `these` are not in `others`. */
uint64_t vch_seen_missing(const struct vch_seen *these, const struct vch_seen *others);
void vch_seen_deinit(struct vch_seen *seen);

#endif
