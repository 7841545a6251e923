/* How long things took, counted in fixed steps that suit 10 microseconds to 10
 * seconds. Any thread adds, any thread reads; zeroed memory is an empty one.
 * What is read while others add may miss the newest. */
#ifndef VCH_BASE_HISTOGRAM_H
#define VCH_BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/buf.h"

enum { VCH_HISTOGRAM_STEPS = 19 };
extern const int64_t vch_histogram_steps_us[VCH_HISTOGRAM_STEPS]; /* upper bounds, ascending */

struct vch_histogram {
    _Atomic uint64_t steps[VCH_HISTOGRAM_STEPS + 1]; /* the last: longer than all bounds */
    _Atomic uint64_t sum_us;
};

void vch_histogram_add(struct vch_histogram *h, int64_t us); /* negative counts as 0 */
void vch_histogram_merge(struct vch_histogram *to, const struct vch_histogram *from);
uint64_t vch_histogram_count(const struct vch_histogram *h);
/* Lines of Prometheus' text form, in seconds. `label` is `name="value"`, or "". */
void vch_histogram_print(const struct vch_histogram *h, const char *name, const char *label, struct vch_buf *out);

#endif
