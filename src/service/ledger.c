/* Reading the ledger and checking its chain. Our own operations. */
#include "base/codec.h"
#include "core/reason.h"
#include "service/call.h"
#include "store/provisioning.h"

static enum vch_err put_text(struct vch_call *call, struct vch_val *map, const char *name, struct vch_str s) {
    return s.len ? vch_val_put_str(call->arena, map, name, s) : VCH_OK;
}

static enum vch_err put_hex(struct vch_call *call, struct vch_val *map, const char *name, struct vch_str bytes) {
    char *hex = vch_arena_alloc(call->arena, bytes.len * 2 + 1);
    if (!hex) return VCH_ERR_NOMEM;
    vch_hex(bytes.ptr, bytes.len, hex);
    return vch_val_put_str(call->arena, map, name, vch_str_of(hex, bytes.len * 2));
}

static enum vch_err put_row(struct vch_call *call, const struct vch_rec_ledger *row, struct vch_val *map) {
    VCH_TRY(vch_val_put_int(call->arena, map, "sequence", row->seq));
    VCH_TRY(vch_val_put_time(call->arena, map, "time", row->time_ms));
    VCH_TRY(put_text(call, map, "event", row->event));
    VCH_TRY(put_text(call, map, "actor", row->actor));
    VCH_TRY(put_text(call, map, "sourceIp", row->source_ip));
    VCH_TRY(put_text(call, map, "clientId", row->client_id));
    VCH_TRY(put_text(call, map, "claimId", row->claim_id));
    VCH_TRY(put_text(call, map, "templateName", row->template_name));
    if (row->template_version) VCH_TRY(vch_val_put_int(call->arena, map, "templateVersion", row->template_version));
    VCH_TRY(put_text(call, map, "certificateId", row->certificate_id));
    VCH_TRY(put_text(call, map, "thingName", row->thing_name));
    VCH_TRY(put_text(call, map, "outcome", row->outcome));
    VCH_TRY(put_text(call, map, "detail", row->detail));
    VCH_TRY(put_hex(call, map, "previousHash", row->prev_hash));
    return put_hex(call, map, "hash", row->hash);
}

enum vch_err vch_uc_get_ledger_entry(struct vch_call *call) {
    struct vch_rec_ledger row;
    VCH_TRY(vch_store_ledger_row(call->service->store, vch_val_int_at(call->in, "sequence", 0), &row, call->arena, call->diag));
    return put_row(call, &row, call->out);
}

enum vch_err vch_uc_list_ledger(struct vch_call *call) {
    int64_t after = 0;
    struct vch_str token = vch_val_str_at(call->in, "nextToken");
    if (token.len && (vch_str_int(token, &after) != VCH_OK || after < 0))
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, PAGE_TOKEN_INVALID, "nextToken", "nextToken is not valid.");
    size_t limit = (size_t)vch_val_int_at(call->in, "maxResults", 100);
    struct vch_list_ledger rows;
    VCH_TRY(vch_store_ledger(call->service->store, after, limit, &rows, call->arena, call->diag));
    struct vch_val *list = vch_val_put_list(call->arena, call->out, "entries");
    for (size_t i = 0; i < rows.count; i++) {
        struct vch_val *map = vch_val_push_map(call->arena, list);
        if (!map) return VCH_ERR_NOMEM;
        VCH_TRY(put_row(call, &rows.items[i], map));
    }
    if (!rows.more || rows.count == 0) return VCH_OK;
    struct vch_str next = vch_arena_printf(call->arena, "%lld", (long long)rows.items[rows.count - 1].seq);
    return next.ptr ? vch_val_put_str(call->arena, call->out, "nextToken", next) : VCH_ERR_NOMEM;
}

