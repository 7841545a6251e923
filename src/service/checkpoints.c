/* Signed checkpoints of the ledger, its verification, and what may be taken
 * away behind a checkpoint. Our own operations. */
#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "base/fault.h"
#include "base/signature.h"
#include "core/reason.h"
#include "service/change.h"
#include "store/provisioning.h"

enum { PAGE = 250, ARENA_BYTES = 4 << 20, ATTEMPTS = 8 };

static enum vch_err broken(struct vch_diag *diag, int64_t seq, const char *how) {
    char field[24];
    (void)snprintf(field, sizeof field, "%lld", (long long)seq);
    return VCH_REFUSE(diag, VCH_ERR_CONFLICT, LEDGER_BROKEN, field, "Ledger row %lld %s.", (long long)seq, how);
}

/* ---- signing ---- */

static enum vch_err sign_once(struct vch_service *service, int64_t now_ms, struct vch_arena *arena, struct vch_rec_checkpoint *ret,
                              struct vch_diag *diag) {
    struct vch_ledger_checkpoint checkpoint = {.account = service->site.account, .time_ms = now_ms};
    struct vch_checkpoint_signed made;
    VCH_TRY(vch_store_ledger_last(service->store, &checkpoint.seq, checkpoint.hash, diag));
    if (checkpoint.seq == 0) return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, LEDGER_ROW_MISSING, "", "The ledger is empty.");
    VCH_TRY(vch_signer_checkpoint(service->signer, &checkpoint, arena, &made, diag));
    *ret = (struct vch_rec_checkpoint){.seq = checkpoint.seq,
                                       .time_ms = checkpoint.time_ms,
                                       .hash = vch_arena_str(arena, vch_str_of(checkpoint.hash, sizeof checkpoint.hash)),
                                       .signature = made.signature,
                                       .public_key = made.public_key};
    return ret->hash.ptr ? VCH_OK : VCH_ERR_NOMEM;
}

/* The signer does not go back: who read the end before another signed a later one reads it again. */
static enum vch_err sign_last(struct vch_service *service, int64_t now_ms, struct vch_arena *arena, struct vch_rec_checkpoint *ret,
                              struct vch_diag *diag) {
    enum vch_err err = VCH_ERR_DENIED;
    for (int i = 0; i < ATTEMPTS && err == VCH_ERR_DENIED; i++) {
        vch_diag_clear(diag);
        err = sign_once(service, now_ms, arena, ret, diag);
    }
    return err;
}

static enum vch_err sign_and_keep(struct vch_service *service, int64_t now_ms, struct vch_arena *arena, struct vch_rec_checkpoint *ret,
                                  struct vch_diag *diag) {
    struct vch_plan *plan = vch_plan_new(arena);
    if (!plan) return VCH_ERR_NOMEM;
    VCH_TRY(sign_last(service, now_ms, arena, ret, diag));
    vch_plan_checkpoint_insert(plan, ret);
    VCH_FAULT_POINT("checkpoint.signed");
    return vch_store_apply(service->store, plan, diag);
}

/* Nothing new in the ledger is nothing to sign. */
static enum vch_err sign_when_new(struct vch_service *service, int64_t now_ms, struct vch_arena *arena, struct vch_diag *diag) {
    struct vch_rec_checkpoint checkpoint;
    uint8_t hash[VCH_LEDGER_HASH_LEN];
    int64_t seq = 0;
    VCH_TRY(vch_store_ledger_last(service->store, &seq, hash, diag));
    if (seq == 0) return VCH_OK;
    enum vch_err err = vch_store_checkpoint(service->store, seq, &checkpoint, arena, NULL);
    if (err != VCH_ERR_NOT_FOUND) return err;
    return sign_and_keep(service, now_ms, arena, &checkpoint, diag);
}

enum vch_err vch_service_checkpoint(struct vch_service *service, int64_t now_ms, struct vch_diag *diag) {
    struct vch_arena *arena = vch_arena_new(ARENA_BYTES, false);
    if (!arena) return VCH_ERR_NOMEM;
    enum vch_err err = sign_when_new(service, now_ms, arena, diag);
    vch_arena_free(arena);
    return err;
}

/* ---- telling ---- */

static enum vch_err put_hex(struct vch_call *call, struct vch_val *map, const char *name, struct vch_str bytes) {
    char *hex = vch_arena_alloc(call->arena, bytes.len * 2 + 1);
    if (!hex) return VCH_ERR_NOMEM;
    vch_hex(bytes.ptr, bytes.len, hex);
    return vch_val_put_str(call->arena, map, name, vch_str_of(hex, bytes.len * 2));
}

static enum vch_err put_checkpoint(struct vch_call *call, const struct vch_rec_checkpoint *c, struct vch_val *map) {
    VCH_TRY(vch_val_put_int(call->arena, map, "sequence", c->seq));
    VCH_TRY(vch_val_put_time(call->arena, map, "time", c->time_ms));
    VCH_TRY(vch_val_put_str(call->arena, map, "account", call->service->site.account));
    VCH_TRY(put_hex(call, map, "hash", c->hash));
    VCH_TRY(put_hex(call, map, "signature", c->signature));
    return put_hex(call, map, "publicKey", c->public_key);
}

enum vch_err vch_uc_checkpoint_ledger(struct vch_call *call) {
    struct vch_rec_checkpoint checkpoint;
    VCH_TRY(sign_and_keep(call->service, call->now_ms, call->arena, &checkpoint, call->diag));
    /* One of the same row may have been there: that one counts. */
    VCH_TRY(vch_store_checkpoint(call->service->store, checkpoint.seq, &checkpoint, call->arena, call->diag));
    return put_checkpoint(call, &checkpoint, call->out);
}

enum vch_err vch_uc_list_ledger_checkpoints(struct vch_call *call) {
    int64_t after = 0;
    struct vch_str token = vch_val_str_at(call->in, "nextToken");
    struct vch_list_checkpoint rows;
    if (token.len && (vch_str_int(token, &after) != VCH_OK || after < 0))
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, PAGE_TOKEN_INVALID, "nextToken", "nextToken is not valid.");
    VCH_TRY(vch_store_checkpoints(call->service->store, after, (size_t)vch_val_int_at(call->in, "maxResults", 100), &rows, call->arena,
                                  call->diag));
    struct vch_val *list = vch_val_put_list(call->arena, call->out, "checkpoints");
    for (size_t i = 0; i < rows.count; i++) {
        struct vch_val *map = vch_val_push_map(call->arena, list);
        VCH_TRY(map ? put_checkpoint(call, &rows.items[i], map) : VCH_ERR_NOMEM);
    }
    if (!rows.more || rows.count == 0) return VCH_OK;
    struct vch_str next = vch_arena_printf(call->arena, "%lld", (long long)rows.items[rows.count - 1].seq);
    return next.ptr ? vch_val_put_str(call->arena, call->out, "nextToken", next) : VCH_ERR_NOMEM;
}

/* ---- verifying ---- */

static bool signature_holds(const struct vch_service *service, const struct vch_rec_checkpoint *c, struct vch_str public_key) {
    struct vch_ledger_checkpoint checkpoint = {.account = service->site.account, .seq = c->seq, .time_ms = c->time_ms};
    struct vch_buf buf;
    struct vch_str text;
    if (c->hash.len != sizeof checkpoint.hash) return false;
    memcpy(checkpoint.hash, c->hash.ptr, sizeof checkpoint.hash);
    vch_buf_init(&buf, 512);
    vch_ledger_checkpoint_text(&checkpoint, &buf);
    bool holds = vch_buf_finish(&buf, &text) == VCH_OK && vch_public_key_same(public_key, c->public_key) &&
                 vch_signature_holds(public_key, text, c->signature);
    vch_buf_deinit(&buf);
    return holds;
}

/* The row may be gone, to the last one before the first that is there. */
static enum vch_err check_one(struct vch_service *service, const struct vch_rec_checkpoint *c, struct vch_str public_key,
                              struct vch_arena *arena, struct vch_diag *diag) {
    struct vch_rec_ledger row;
    if (!signature_holds(service, c, public_key)) return broken(diag, c->seq, "has a checkpoint whose signature does not hold");
    enum vch_err err = vch_store_ledger_row(service->store, c->seq, &row, arena, NULL);
    if (err == VCH_OK && !vch_str_eq(row.hash, c->hash)) return broken(diag, c->seq, "is not the one of its checkpoint");
    if (err != VCH_ERR_NOT_FOUND) return err;
    err = vch_store_ledger_row(service->store, c->seq + 1, &row, arena, NULL);
    if (err == VCH_OK && vch_str_eq(row.prev_hash, c->hash)) return VCH_OK;
    return err == VCH_OK || err == VCH_ERR_NOT_FOUND ? broken(diag, c->seq, "is missing") : err;
}

static enum vch_err check_all(struct vch_service *service, struct vch_str public_key, struct vch_arena *arena, int64_t *ret_count,
                              struct vch_diag *diag) {
    struct vch_list_checkpoint list = {.more = true};
    int64_t after = 0;
    while (list.more) {
        vch_arena_reset(arena);
        VCH_TRY(vch_store_checkpoints(service->store, after, PAGE, &list, arena, diag));
        for (size_t i = 0; i < list.count; i++, ++*ret_count) VCH_TRY(check_one(service, &list.items[i], public_key, arena, diag));
        if (list.count) after = list.items[list.count - 1].seq;
    }
    return VCH_OK;
}

/* By the signer's own key: what stands beside a signature proves nothing. */
static enum vch_err check_checkpoints(struct vch_call *call, int64_t *ret_count) {
    struct vch_rec_checkpoint now;
    struct vch_arena *arena = vch_arena_new(ARENA_BYTES, false);
    if (!arena) return VCH_ERR_NOMEM;
    enum vch_err err = sign_last(call->service, call->now_ms, call->arena, &now, call->diag);
    if (!err) err = check_all(call->service, now.public_key, arena, ret_count, call->diag);
    vch_arena_free(arena);
    return err;
}

enum vch_err vch_uc_verify_ledger(struct vch_call *call) {
    int64_t rows = 0, checkpoints = 0;
    VCH_TRY(vch_store_ledger_verify(call->service->store, &rows, call->diag));
    if (rows) VCH_TRY(check_checkpoints(call, &checkpoints));
    VCH_TRY(vch_val_put_bool(call->arena, call->out, "verified", true));
    VCH_TRY(vch_val_put_int(call->arena, call->out, "entries", rows));
    return vch_val_put_int(call->arena, call->out, "checkpoints", checkpoints);
}

/* ---- taking away what was exported ---- */

enum vch_err vch_uc_prune_ledger(struct vch_call *call) {
    int64_t until = vch_val_int_at(call->in, "until", 0), rows = 0;
    struct vch_rec_checkpoint kept, now;
    struct vch_change change;
    VCH_TRY(vch_store_checkpoint(call->service->store, until, &kept, call->arena, call->diag));
    VCH_TRY(vch_store_ledger_verify(call->service->store, &rows, call->diag));
    VCH_TRY(sign_last(call->service, call->now_ms, call->arena, &now, call->diag));
    if (!signature_holds(call->service, &kept, now.public_key))
        return broken(call->diag, until, "has a checkpoint whose signature does not hold");
    struct vch_str text = vch_arena_printf(call->arena, "%lld", (long long)until);
    if (!text.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_change_begin(call, "ledger-pruned", &change));
    VCH_TRY(vch_change_about(call, &change, "until", text));
    vch_plan_ledger(change.plan, &change.row); /* first, so that the chain goes on from its end */
    vch_plan_ledger_prune(change.plan, until, &rows);
    VCH_TRY(vch_store_apply(call->service->store, change.plan, call->diag));
    return vch_val_put_int(call->arena, call->out, "removed", rows);
}
