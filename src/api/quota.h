/* Quotas a second, one account's: a bucket of as many tokens as an operation's
 * quota, filled at that rate, full at the start. A request that finds it empty is
 * refused and takes nothing. Numbers: shape/quota.h.
 *
 * Any thread, without locks. Zeroed memory is a set of full buckets. */
#ifndef VCH_API_QUOTA_H
#define VCH_API_QUOTA_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"
#include "shape/op.h"

struct vch_quota_bucket {
    _Atomic int64_t full_at_us; /* when it will be full again, if nobody takes any more */
};

struct vch_quotas {
    struct vch_quota_bucket operation[VCH_OP_COUNT];
    struct vch_quota_bucket certificates;
};

/* One bucket alone; false: it is empty. */
bool vch_quota_bucket_take(struct vch_quota_bucket *bucket, unsigned per_second, int64_t now_us);
/* now_us: a monotonic clock's. THROTTLED, with the sentence that AWS uses. */
enum vch_err vch_quota_take(struct vch_quotas *quotas, enum vch_op op, int64_t now_us, struct vch_diag *diag) VCH_MUST;

#endif
