/* What the token's hour has passed vanishes: tokens, and certificates that
 * never came into force. */
#include "base/clock.h"
#include "service/claim_watch.h"
#include "service/pairing.h"

enum vch_err vch_service_sweep(struct vch_service *service, int64_t now_ms, int64_t *ret_removed, struct vch_diag *diag) {
    *ret_removed = 0;
    struct vch_arena *arena = vch_arena_new(65536, false);
    struct vch_plan *plan = arena ? vch_plan_new(arena) : NULL;
    enum vch_err err = VCH_ERR_NOMEM;
    if (plan) {
        vch_plan_sweep(plan, now_ms, ret_removed);
        err = vch_store_apply(service->store, plan, diag);
    }
    vch_arena_free(arena);
    if (err == VCH_OK) atomic_fetch_add(&service->watch.swept, (uint64_t)*ret_removed);
    if (err == VCH_OK) err = vch_pairing_sweep(service, now_ms, diag);
    return err == VCH_OK ? vch_retire_due(service, now_ms, diag) : err;
}
