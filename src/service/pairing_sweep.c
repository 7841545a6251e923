/* The ends that nobody brings about but the clock. */
#include "core/reason.h"
#include "service/claim_watch.h"
#include "service/pairing_priv.h"

enum { ARENA_BYTES = 32 << 20, AT_ONCE = 500 };

struct end {
    const char *event, *ended;
    enum vch_reason reason;
    const char *message;
};

static enum vch_err plan_end(const struct vch_call *call, const struct end *end, const struct vch_rec_pairing *p, struct vch_plan *plan) {
    struct vch_rec_ledger *row = VCH_ARENA_NEW(call->arena, struct vch_rec_ledger);
    struct vch_val *map;
    if (!row) return VCH_ERR_NOMEM;
    VCH_TRY(vch_pairing_row(call, end->event, p, row, &map));
    row->claim_id = p->claim_id;
    row->template_name = p->template_name;
    row->outcome = vch_str_from(vch_reason_code(end->reason));
    VCH_TRY(vch_val_put_str(call->arena, map, "serialNumber", p->serial));
    VCH_TRY(vch_ledger_detail(call, map, row));
    vch_plan_pairing_end(plan, p->id, end->ended, row->outcome, vch_str_from(end->message));
    vch_plan_ledger(plan, row);
    return VCH_OK;
}

/* The rows of a flood are one: how many more there were. */
static enum vch_err plan_ends(const struct vch_call *call, const struct end *end, const struct vch_list_pairing *list, struct vch_plan *plan) {
    enum { ROWS = 20 };
    for (size_t i = 0; i < list->count && i < ROWS; i++) VCH_TRY(plan_end(call, end, &list->items[i], plan));
    if (list->count <= ROWS) return VCH_OK;
    struct vch_rec_ledger *row = VCH_ARENA_NEW(call->arena, struct vch_rec_ledger);
    struct vch_val *map = vch_val_new_map(call->arena);
    if (!row || !map) return VCH_ERR_NOMEM;
    *row = vch_call_ledger(call, end->event);
    row->outcome = vch_str_from(vch_reason_code(end->reason));
    VCH_TRY(vch_val_put_int(call->arena, map, "andMore", (int64_t)(list->count - ROWS)));
    VCH_TRY(vch_ledger_detail(call, map, row));
    for (size_t i = ROWS; i < list->count; i++)
        vch_plan_pairing_end(plan, list->items[i].id, end->ended, row->outcome, vch_str_from(end->message));
    vch_plan_ledger(plan, row);
    return VCH_OK;
}

/* CONFLICT: another server was quicker, or somebody decided at the last moment. The next sweep sees what is left. */
static enum vch_err end_them(const struct vch_call *call, const struct end *end, const struct vch_list_pairing *list) {
    struct vch_plan *plan = vch_plan_new(call->arena);
    if (list->count == 0) return VCH_OK;
    if (!plan) return VCH_ERR_NOMEM;
    VCH_TRY(plan_ends(call, end, list, plan));
    return vch_store_apply(call->service->store, plan, call->diag);
}

static enum vch_err sweep(const struct vch_call *call, bool *ret_more) {
    static const struct end lapsed = {"pairing-expired", "EXPIRED", VCH_REASON_PAIRING_EXPIRED, "Nobody vouched for the device in time."};
    static const struct end stranded = {"pairing-failed", "FAILED", VCH_REASON_CLAIM_EXPIRED,
                                        "The provisioning claim has expired before the device used it."};
    struct vch_store *store = call->service->store;
    struct vch_list_pairing late, lost;
    struct vch_plan *plan = vch_plan_new(call->arena);
    if (!plan) return VCH_ERR_NOMEM;
    VCH_TRY(vch_store_pairings_lapsing(store, call->now_ms, AT_ONCE, &late, call->arena, call->diag));
    VCH_TRY(end_them(call, &lapsed, &late));
    VCH_TRY(vch_store_pairings_stranded(store, call->now_ms, AT_ONCE, &lost, call->arena, call->diag));
    VCH_TRY(end_them(call, &stranded, &lost));
    *ret_more = late.more || lost.more;
    vch_plan_pairings_forget(plan, call->now_ms);
    return vch_store_apply(store, plan, call->diag);
}

enum vch_err vch_pairing_sweep(struct vch_service *service, int64_t now_ms, struct vch_diag *diag) {
    bool more = true;
    enum vch_err err = VCH_OK;
    while (more && err == VCH_OK) {
        struct vch_arena *arena = vch_arena_new(ARENA_BYTES, false);
        if (!arena) return VCH_ERR_NOMEM;
        const struct vch_call call = {.service = service, .arena = arena, .caller = {.kind = VCH_CALLER_SERVER}, .now_ms = now_ms, .diag = diag};
        more = false;
        err = sweep(&call, &more);
        vch_arena_free(arena);
    }
    return err == VCH_ERR_CONFLICT ? VCH_OK : err;
}
