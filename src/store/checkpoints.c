/* Signed checkpoints of the ledger, what may be taken away behind them, and
 * what stands alone in the registry. */
#include <string.h>

#include "store/provisioning.h"
#include "store/store_priv.h"

/* ---- orphans ---- */

static void fill_orphan(struct vch_cursor *row, void *record) {
    *(struct vch_rec_orphan *)record = (struct vch_rec_orphan){
        .kind = vch_cursor_str(row, 0),
        .id = vch_cursor_str(row, 1),
        .status = vch_cursor_str(row, 2),
        .claim_id = vch_cursor_str(row, 3),
        .created_ms = vch_cursor_int(row, 4),
    };
}

enum vch_err vch_store_orphans(struct vch_store *s, struct vch_page page, struct vch_list_orphan *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_orphan, .size = sizeof *ret->items, .limit = page.limit};
    size_t slash = vch_str_find(page.after, '/', 0);
    struct vch_str id = slash == SIZE_MAX ? VCH_STR("") : vch_str_sub(page.after, slash + 1, SIZE_MAX);
    VCH_TRY(vch_read_list(s, VCH_Q_ORPHANS,
                          VCH_ARGS(VCH_T(vch_str_sub(page.after, 0, slash)), VCH_T(id), VCH_I(vch_listing_ask(page.limit))), &l, arena, diag));
    *ret = (struct vch_list_orphan){l.items, l.count, l.more};
    return VCH_OK;
}

/* ---- reads of the ledger ---- */

static void fill_last(struct vch_cursor *row, void *record) {
    struct vch_ledger_head *head = record;
    struct vch_str hash = vch_cursor_view(row, 1);
    head->seq = vch_cursor_int(row, 0);
    if (hash.len == sizeof head->hash) memcpy(head->hash, hash.ptr, sizeof head->hash);
}

enum vch_err vch_store_ledger_last(struct vch_store *s, int64_t *ret_seq, uint8_t ret_hash[VCH_LEDGER_HASH_LEN], struct vch_diag *diag) {
    struct vch_ledger_head head = {.seq = 0};
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_LEDGER_HEAD, NULL, 0, fill_last, &head, &found, NULL, diag));
    *ret_seq = head.seq;
    memcpy(ret_hash, head.hash, sizeof head.hash);
    return VCH_OK;
}

static void fill_checkpoint(struct vch_cursor *row, void *record) {
    *(struct vch_rec_checkpoint *)record = (struct vch_rec_checkpoint){
        .seq = vch_cursor_int(row, 0),
        .time_ms = vch_cursor_int(row, 1),
        .hash = vch_cursor_str(row, 2),
        .signature = vch_cursor_str(row, 3),
        .public_key = vch_cursor_str(row, 4),
    };
}

static enum vch_err missing(int64_t seq, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, CHECKPOINT_MISSING, "sequence", "There is no checkpoint of row %lld.", (long long)seq);
}

enum vch_err vch_store_checkpoint(struct vch_store *s, int64_t seq, struct vch_rec_checkpoint *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_CHECKPOINT_GET, VCH_ARGS(VCH_I(seq)), fill_checkpoint, ret, &found, arena, diag));
    return found ? VCH_OK : missing(seq, diag);
}

enum vch_err vch_store_checkpoints(struct vch_store *s, int64_t after_seq, size_t limit, struct vch_list_checkpoint *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_checkpoint, .size = sizeof *ret->items, .limit = limit};
    VCH_TRY(vch_read_list(s, VCH_Q_CHECKPOINT_LIST, VCH_ARGS(VCH_I(after_seq), VCH_I(vch_listing_ask(limit))), &l, arena, diag));
    *ret = (struct vch_list_checkpoint){l.items, l.count, l.more};
    return VCH_OK;
}

/* ---- writes ---- */

static enum vch_err insert(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_checkpoint *c = step->record;
    return vch_sql_run(a->db, VCH_Q_CHECKPOINT_INSERT,
                       VCH_ARGS(VCH_I(c->seq), VCH_I(c->time_ms), VCH_B(c->hash), VCH_B(c->signature), VCH_B(c->public_key)), NULL, a->diag);
}

void vch_plan_checkpoint_insert(struct vch_plan *p, const struct vch_rec_checkpoint *c) {
    vch_plan_add_record(p, insert, c, sizeof *c);
}

struct hash32 {
    uint8_t bytes[VCH_LEDGER_HASH_LEN];
};

/* Column `column` of one row: a hash. */
static enum vch_err hash_at(struct vch_apply *a, enum vch_query query, int64_t seq, int column, struct hash32 *ret, bool *ret_found) {
    VCH_CURSOR cursor = {0};
    VCH_TRY(vch_cursor_start(&cursor, a->db, query, VCH_ARGS(VCH_I(seq)), a->diag));
    VCH_TRY(vch_cursor_next(&cursor, ret_found, a->diag));
    if (!*ret_found) return VCH_OK;
    struct vch_str hash = vch_cursor_view(&cursor, column);
    *ret_found = hash.len == sizeof ret->bytes;
    if (*ret_found) memcpy(ret->bytes, hash.ptr, sizeof ret->bytes);
    return VCH_OK;
}

static enum vch_err prune(struct vch_apply *a, const struct vch_step *step) {
    struct hash32 vouched, kept;
    bool checkpoint = false, row = false;
    int64_t rows = 0;
    VCH_TRY(hash_at(a, VCH_Q_CHECKPOINT_GET, step->number, 2, &vouched, &checkpoint));
    if (!checkpoint) return missing(step->number, a->diag);
    VCH_TRY(hash_at(a, VCH_Q_LEDGER_ROW, step->number, 14, &kept, &row));
    if (!row) return missing(step->number, a->diag);
    if (memcmp(&vouched, &kept, sizeof kept) != 0)
        return VCH_REFUSE(a->diag, VCH_ERR_CONFLICT, LEDGER_BROKEN, "sequence", "Ledger row %lld is not the one of its checkpoint.",
                          (long long)step->number);
    VCH_TRY(vch_sql_run(a->db, VCH_Q_LEDGER_PRUNE, VCH_ARGS(VCH_I(step->number)), &rows, a->diag));
    VCH_TRY(vch_sql_run(a->db, VCH_Q_CHECKPOINTS_PRUNE, VCH_ARGS(VCH_I(step->number)), NULL, a->diag));
    if (step->ret) *(int64_t *)step->ret = rows;
    return VCH_OK;
}

void vch_plan_ledger_prune(struct vch_plan *p, int64_t seq, int64_t *ret_rows) {
    VCH_STEP(p, prune, .number = seq, .ret = ret_rows);
}
