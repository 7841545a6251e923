/* Looking at claims, and taking one back. Our own operations. */
#include "core/reason.h"
#include "service/call.h"

static enum vch_err put_claim(struct vch_call *call, const struct vch_rec_claim *claim, struct vch_val *map) {
    struct vch_arena *arena = call->arena;
    bool over = vch_str_eq_c(claim->state, "LIVE") && call->now_ms >= claim->not_after_ms;
    VCH_TRY(vch_val_put_str(arena, map, "claimId", claim->id));
    VCH_TRY(vch_val_put_str(arena, map, "templateName", claim->template_name));
    VCH_TRY(vch_val_put_str(arena, map, "state", over ? VCH_STR("EXPIRED") : claim->state));
    VCH_TRY(vch_val_put_str(arena, map, "createdBy", claim->created_by));
    VCH_TRY(vch_val_put_time(arena, map, "creationDate", claim->created_ms));
    VCH_TRY(vch_val_put_time(arena, map, "expiration", claim->not_after_ms));
    VCH_TRY(vch_val_put_int(arena, map, "maxUses", claim->uses_max));
    VCH_TRY(vch_val_put_int(arena, map, "uses", claim->uses_done));
    return vch_val_put_int(arena, map, "certificatesCreated", claim->certificates_made);
}

enum vch_err vch_uc_list_claims(struct vch_call *call) {
    struct vch_page page = {.after = vch_val_str_at(call->in, "nextToken"),
                            .limit = (size_t)vch_val_int_at(call->in, "maxResults", 100),
                            .descending = true};
    struct vch_list_claim claims;
    VCH_TRY(vch_store_claims(call->service->store, page, &claims, call->arena, call->diag));
    struct vch_val *list = vch_val_put_list(call->arena, call->out, "claims");
    for (size_t i = 0; i < claims.count; i++) {
        struct vch_val *map = vch_val_push_map(call->arena, list);
        if (!map) return VCH_ERR_NOMEM;
        VCH_TRY(put_claim(call, &claims.items[i], map));
    }
    if (!claims.more || claims.count == 0) return VCH_OK;
    return vch_val_put_str(call->arena, call->out, "nextToken", claims.items[claims.count - 1].id);
}

enum vch_err vch_uc_describe_claim(struct vch_call *call) {
    struct vch_rec_claim claim;
    VCH_TRY(vch_store_claim(call->service->store, vch_val_str_at(call->in, "claimId"), &claim, call->arena, call->diag));
    return put_claim(call, &claim, call->out);
}

enum vch_err vch_uc_cancel_claim(struct vch_call *call) {
    struct vch_str id = vch_val_str_at(call->in, "claimId");
    struct vch_rec_claim claim;
    VCH_TRY(vch_store_claim(call->service->store, id, &claim, call->arena, call->diag));
    struct vch_plan *plan = vch_plan_new(call->arena);
    if (!plan) return VCH_ERR_NOMEM;
    vch_plan_claim_cancel(plan, id, call->now_ms);
    struct vch_rec_ledger row = vch_call_ledger(call, "claim-cancelled");
    row.claim_id = id;
    row.template_name = claim.template_name;
    vch_plan_ledger(plan, &row);
    return vch_store_apply(call->service->store, plan, call->diag);
}
