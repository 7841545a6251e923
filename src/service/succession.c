/* Certificates that end when their successor has come. */
#include "base/fault.h"
#include "base/log.h"
#include "service/claim_watch.h"
#include "service/pairing.h"

enum { ARENA_BYTES = 1 << 20 };

static enum vch_err retire_one(const struct vch_call *call, const struct vch_rec_retirement *r) {
    struct vch_plan *plan = vch_plan_new(call->arena);
    bool waits = r->due_ms == 0 && r->grace_s > 0;
    struct vch_rec_ledger row = vch_call_ledger(call, waits ? "certificate-succeeded" : "certificate-retired");
    struct vch_val *map = vch_val_new_map(call->arena);
    if (!plan || !map) return VCH_ERR_NOMEM;
    row.certificate_id = r->certificate_id;
    VCH_TRY(vch_val_put_str(call->arena, map, "successor", r->successor_id));
    VCH_TRY(vch_val_put_bool(call->arena, map, "rotated", r->rotated));
    if (waits) VCH_TRY(vch_val_put_int(call->arena, map, "graceSeconds", r->grace_s));
    VCH_TRY(vch_ledger_detail(call, map, &row));
    vch_plan_retire(plan, r, call->now_ms);
    vch_plan_ledger(plan, &row);
    VCH_FAULT_POINT("succession.planned");
    enum vch_err err = vch_store_apply(call->service->store, plan, NULL);
    VCH_FAULT_POINT("succession.saved");
    if (err == VCH_ERR_NOT_FOUND) return VCH_OK; /* another was quicker */
    if (err == VCH_OK && !waits) atomic_fetch_add(&call->service->watch.retired, 1);
    return err;
}

static enum vch_err retire_all(const struct vch_call *call, const struct vch_list_retirement *list) {
    for (size_t i = 0; i < list->count; i++) VCH_TRY(retire_one(call, &list->items[i]));
    return VCH_OK;
}

void vch_certificate_arrived(const struct vch_call *call, struct vch_str certificate_id) {
    struct vch_list_retirement list;
    enum vch_err err;
    vch_pairing_arrived(call, certificate_id);
    do {
        err = vch_store_retirements(call->service->store, certificate_id, &list, call->arena, NULL);
        if (err == VCH_OK) err = retire_all(call, &list);
    } while (err == VCH_OK && list.more);
    if (err != VCH_OK)
        VCH_LOG(WARN, "succession-waits", VCH_LOG_S("certificate", certificate_id), VCH_LOG_C("error", vch_err_word(err)));
}

enum vch_err vch_retire_due(struct vch_service *service, int64_t now_ms, struct vch_diag *diag) {
    struct vch_list_retirement list;
    struct vch_arena *arena = vch_arena_new(ARENA_BYTES, false);
    if (!arena) return VCH_ERR_NOMEM;
    const struct vch_call call = {.service = service, .arena = arena, .caller = {.kind = VCH_CALLER_SERVER}, .now_ms = now_ms, .diag = diag};
    enum vch_err err = vch_store_retirements_due(service->store, now_ms, &list, arena, diag);
    if (err == VCH_OK) err = retire_all(&call, &list);
    vch_arena_free(arena);
    return err;
}
