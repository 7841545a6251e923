#include "api/quota.h"

#include "core/reason.h"
#include "shape/quota.h"

enum { SECOND_US = 1000000 };

/* A bucket is the time at which it is full: each token moves that time on by one
 * interval, and it may not lie more than a bucketful ahead. */
bool vch_quota_bucket_take(struct vch_quota_bucket *bucket, unsigned per_second, int64_t now_us) {
    int64_t interval_us = SECOND_US / per_second, was = atomic_load(&bucket->full_at_us), next;
    do {
        next = (was > now_us ? was : now_us) + interval_us;
        if (next - now_us > interval_us * per_second) return false;
    } while (!atomic_compare_exchange_weak(&bucket->full_at_us, &was, next));
    return true;
}

static void give_back(struct vch_quota_bucket *bucket, unsigned per_second) {
    atomic_fetch_sub(&bucket->full_at_us, SECOND_US / per_second);
}

static bool take_both(struct vch_quotas *quotas, enum vch_op op, int64_t now_us) {
    unsigned own = vch_op_quota(op);
    if (own && !vch_quota_bucket_take(&quotas->operation[op], own, now_us)) return false;
    if (!vch_op_registers_certificate(op) || vch_quota_bucket_take(&quotas->certificates, VCH_QUOTA_CERTIFICATES, now_us)) return true;
    if (own) give_back(&quotas->operation[op], own);
    return false;
}

enum vch_err vch_quota_take(struct vch_quotas *quotas, enum vch_op op, int64_t now_us, struct vch_diag *diag) {
    if (take_both(quotas, op, now_us)) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_THROTTLED, RATE_EXCEEDED, "", "Rate exceeded");
}
