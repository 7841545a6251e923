/* How often which duration, in bounded memory: exact up to 255 us, then within
 * 0.8 %. One thread at a time. */
#ifndef VCH_FLEET_HISTOGRAM_H
#define VCH_FLEET_HISTOGRAM_H

#include "base/str.h"

enum { VCH_HISTOGRAM_STEPS = 128, VCH_HISTOGRAM_ROWS = 26 };

/* Zeroed memory is empty. */
struct vch_histogram {
    uint64_t counts[VCH_HISTOGRAM_ROWS][VCH_HISTOGRAM_STEPS];
    uint64_t count, sum_us;
    uint32_t max_us;
};
void vch_histogram_add(struct vch_histogram *histogram, int64_t us); /* bounds: 0 and an hour */
void vch_histogram_merge(struct vch_histogram *into, const struct vch_histogram *from);
/* Nearest rank, as vch_series_at; of a step the upper end, of the last rank the longest itself. */
uint32_t vch_histogram_at(const struct vch_histogram *histogram, unsigned per_mille);
double vch_histogram_mean(const struct vch_histogram *histogram);

#endif
