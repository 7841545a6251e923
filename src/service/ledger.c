/* Reading the ledger and checking its chain. Our own operations. */
#include "core/reason.h"
#include "service/events.h"
#include "store/provisioning.h"

enum vch_err vch_uc_get_ledger_entry(struct vch_call *call) {
    struct vch_rec_ledger row;
    VCH_TRY(vch_store_ledger_row(call->service->store, vch_val_int_at(call->in, "sequence", 0), &row, call->arena, call->diag));
    return vch_ledger_document(&row, call->arena, call->out);
}

/* `any` may be the bare name of a user. */
static enum vch_err read_query(struct vch_call *call, struct vch_ledger_query *q) {
    struct vch_str token = vch_val_str_at(call->in, "nextToken");
    if (token.len && (vch_str_int(token, &q->from_seq) != VCH_OK || q->from_seq < 0))
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, PAGE_TOKEN_INVALID, "nextToken", "nextToken is not valid.");
    q->newest_first = vch_val_bool_at(call->in, "newestFirst", false);
    q->event = vch_val_str_at(call->in, "event");
    q->outcome = vch_val_str_at(call->in, "outcome");
    q->any = vch_val_str_at(call->in, "any");
    q->any_actor = vch_iam_arn(&call->service->site, "user", q->any, call->arena);
    return q->any_actor.ptr ? VCH_OK : VCH_ERR_NOMEM;
}

enum vch_err vch_uc_list_ledger(struct vch_call *call) {
    struct vch_ledger_query query = {.from_seq = 0};
    struct vch_list_ledger rows;
    int64_t at = 0;
    VCH_TRY(read_query(call, &query));
    size_t limit = (size_t)vch_val_int_at(call->in, "maxResults", 100);
    VCH_TRY(vch_store_ledger_find(call->service->store, &query, limit, &rows, &at, call->arena, call->diag));
    struct vch_val *list = vch_val_put_list(call->arena, call->out, "entries");
    for (size_t i = 0; i < rows.count; i++) {
        struct vch_val *map = vch_val_push_map(call->arena, list);
        if (!map) return VCH_ERR_NOMEM;
        VCH_TRY(vch_ledger_document(&rows.items[i], call->arena, map));
    }
    if (!at) return VCH_OK;
    struct vch_str next = vch_arena_printf(call->arena, "%lld", (long long)at);
    return next.ptr ? vch_val_put_str(call->arena, call->out, "nextToken", next) : VCH_ERR_NOMEM;
}

