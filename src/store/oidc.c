#include "store/oidc.h"

#include "store/store_priv.h"

/* What can no longer come back need not be remembered. */
static enum vch_err spend(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_OIDC_SPENT_SWEEP, VCH_ARGS(VCH_I(step->now_ms)), NULL, a->diag));
    VCH_TRY(vch_sql_run(a->db, VCH_Q_OIDC_SPENT_INSERT, VCH_ARGS(VCH_B(step->name), VCH_I(step->number)), &changes, a->diag));
    if (changes) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_UNAUTHENTICATED, OIDC_REPLAYED, "state", "This sign-in has come back already.");
}

void vch_plan_oidc_spend(struct vch_plan *p, struct vch_str hash, int64_t now_ms, int64_t expires_ms) {
    VCH_STEP(p, spend, .name = hash, .now_ms = now_ms, .number = expires_ms);
}
