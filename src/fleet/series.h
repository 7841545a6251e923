/* Durations of one kind, and their percentiles. One thread at a time. */
#ifndef VCH_FLEET_SERIES_H
#define VCH_FLEET_SERIES_H

#include "base/str.h"

struct vch_series {
    uint32_t *us;
    size_t count, size;
};
/* Drops the value when memory is out; longer than an hour counts as an hour. */
void vch_series_add(struct vch_series *series, int64_t us);
void vch_series_merge(struct vch_series *into, const struct vch_series *from);
void vch_series_sort(struct vch_series *series);
/* Nearest rank on a sorted series: the smallest value that at least `per_mille`
 * thousandths do not exceed. 0 of nothing. */
uint32_t vch_series_at(const struct vch_series *series, unsigned per_mille);
uint32_t vch_series_mean(const struct vch_series *series);
void vch_series_deinit(struct vch_series *series);

#endif
