/* The ledger: rows chained by SHA-256, so that a change to any row that is not
 * the end shows in every hash behind it. The end itself is compared with what
 * this process last wrote. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/provisioning.h"
#include "store/store_priv.h"

enum { HASH_LEN = VCH_LEDGER_HASH_LEN, ROW_MAX = VCH_LEDGER_ROW_MAX, VERIFY_ROWS = 500, VERIFY_BYTES = 64 << 20 };

/* ---- the chain ---- */

static void fill_head(struct vch_cursor *row, void *record) {
    struct vch_ledger_head *head = record;
    struct vch_str hash = vch_cursor_view(row, 1);
    head->seq = vch_cursor_int(row, 0);
    if (hash.len == HASH_LEN) memcpy(head->hash, hash.ptr, HASH_LEN);
}

static enum vch_err load_head(struct vch_apply *a) {
    bool found = false;
    if (a->head.known) return VCH_OK;
    VCH_TRY(vch_sql_record(a->db, VCH_Q_LEDGER_HEAD, NULL, 0, fill_head, &a->head, NULL, &found, a->diag));
    a->head.known = true;
    return VCH_OK;
}

static enum vch_err insert_row(struct vch_apply *a, const struct vch_rec_ledger *r) {
    return vch_sql_run(a->db, VCH_Q_LEDGER_INSERT,
                       VCH_ARGS(VCH_I(r->seq), VCH_I(r->time_ms), VCH_T(r->event), VCH_T(r->actor), VCH_T(r->source_ip),
                                VCH_T(r->client_id), VCH_T(r->claim_id), VCH_T(r->template_name),
                                VCH_I(r->template_version), VCH_T(r->certificate_id), VCH_T(r->thing_name),
                                VCH_T(r->outcome), VCH_T(r->detail), VCH_B(r->prev_hash), VCH_B(r->hash)),
                       NULL, a->diag);
}

static enum vch_err append(struct vch_apply *a, const struct vch_step *step) {
    struct vch_rec_ledger row = *(const struct vch_rec_ledger *)step->record;
    struct vch_buf buf;
    uint8_t hash[HASH_LEN];
    VCH_TRY(load_head(a));
    row.seq = a->head.seq + 1;
    row.time_ms = vch_now_ms();
    row.prev_hash = vch_str_of(a->head.hash, HASH_LEN);
    row.hash = vch_str_of(hash, HASH_LEN);
    vch_buf_init(&buf, ROW_MAX);
    enum vch_err err = vch_ledger_hash(&row, &buf, hash);
    vch_buf_deinit(&buf);
    if (err != VCH_OK) return VCH_REFUSE(a->diag, err, STORE_FAILED, "", "A ledger row is too large.");
    VCH_TRY(insert_row(a, &row));
    a->head.seq = row.seq;
    memcpy(a->head.hash, hash, HASH_LEN);
    return vch_apply_changed_ledger(a);
}

void vch_plan_ledger(struct vch_plan *p, const struct vch_rec_ledger *row) {
    vch_plan_add_record(p, append, row, sizeof *row);
}

/* ---- reads ---- */

static void fill_row(struct vch_cursor *row, void *record) {
    *(struct vch_rec_ledger *)record = (struct vch_rec_ledger){
        .seq = vch_cursor_int(row, 0),
        .time_ms = vch_cursor_int(row, 1),
        .event = vch_cursor_str(row, 2),
        .actor = vch_cursor_str(row, 3),
        .source_ip = vch_cursor_str(row, 4),
        .client_id = vch_cursor_str(row, 5),
        .claim_id = vch_cursor_str(row, 6),
        .template_name = vch_cursor_str(row, 7),
        .template_version = vch_cursor_int(row, 8),
        .certificate_id = vch_cursor_str(row, 9),
        .thing_name = vch_cursor_str(row, 10),
        .outcome = vch_cursor_str(row, 11),
        .detail = vch_cursor_str(row, 12),
        .prev_hash = vch_cursor_str(row, 13),
        .hash = vch_cursor_str(row, 14),
    };
}

enum vch_err vch_store_ledger(struct vch_store *s, int64_t after_seq, size_t limit, struct vch_list_ledger *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_row, .size = sizeof *ret->items, .limit = limit};
    VCH_TRY(vch_read_list(s, VCH_Q_LEDGER_LIST, VCH_ARGS(VCH_I(after_seq), VCH_I(vch_listing_ask(limit))), &l, arena,
                          diag));
    *ret = (struct vch_list_ledger){l.items, l.count, l.more};
    return VCH_OK;
}

/* The rows between which one call looks: neither is among them. */
struct reach {
    int64_t low, high;
};

static struct reach reach_of(const struct vch_ledger_query *q, int64_t last) {
    bool bounded = q->event.len || q->outcome.len || q->any.len;
    if (!q->newest_first) {
        bool far = bounded && last - q->from_seq > VCH_LEDGER_FIND_ROWS;
        return (struct reach){q->from_seq, far ? q->from_seq + VCH_LEDGER_FIND_ROWS + 1 : last + 1};
    }
    int64_t high = q->from_seq && q->from_seq <= last ? q->from_seq : last + 1;
    bool far = bounded && high > VCH_LEDGER_FIND_ROWS + 1;
    return (struct reach){far ? high - VCH_LEDGER_FIND_ROWS - 1 : 0, high};
}

/* Behind the last row of a full page, else behind what was looked at. */
static int64_t next_of(const struct vch_ledger_query *q, const struct vch_listing *l, const struct reach *reach, int64_t last) {
    const struct vch_rec_ledger *rows = l->items;
    if (l->more && l->count) return rows[l->count - 1].seq;
    if (q->newest_first) return reach->low > 0 ? reach->low + 1 : 0;
    return reach->high <= last ? reach->high - 1 : 0;
}

enum vch_err vch_store_ledger_find(struct vch_store *s, const struct vch_ledger_query *q, size_t limit, struct vch_list_ledger *ret, int64_t *ret_next, VCH_R) {
    struct vch_listing l = {.fill = fill_row, .size = sizeof *ret->items, .limit = limit};
    uint8_t hash[HASH_LEN];
    int64_t last;
    VCH_TRY(vch_store_ledger_last(s, &last, hash, diag));
    struct reach reach = reach_of(q, last);
    VCH_TRY(vch_read_list(s, q->newest_first ? VCH_Q_LEDGER_FIND_DESC : VCH_Q_LEDGER_FIND,
                          VCH_ARGS(VCH_I(reach.low), VCH_I(reach.high), VCH_T(q->event), VCH_T(q->outcome), VCH_T(q->any),
                                   VCH_T(q->any_actor), VCH_I(vch_listing_ask(limit))),
                          &l, arena, diag));
    *ret = (struct vch_list_ledger){l.items, l.count, false};
    *ret_next = next_of(q, &l, &reach, last);
    return VCH_OK;
}

enum vch_err vch_store_ledger_row(struct vch_store *s, int64_t seq, struct vch_rec_ledger *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_LEDGER_ROW, VCH_ARGS(VCH_I(seq)), fill_row, ret, &found, arena, diag));
    if (found) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, LEDGER_ROW_MISSING, "sequence", "There is no ledger row %lld.", (long long)seq);
}

/* ---- verification ---- */

struct verifier {
    struct vch_ledger_head at;   /* the last row that was found good */
    struct vch_ledger_head base; /* what was taken away ends here; seq 0: nothing was */
    bool base_told;              /* a row tells of it */
    struct vch_ledger_head mark; /* a row that this process knows to be durable */
    struct vch_buf buf;
    struct vch_arena *arena;
};

static enum vch_err broken(int64_t seq, const char *how, struct vch_diag *diag) {
    char field[24];
    (void)snprintf(field, sizeof field, "%lld", (long long)seq);
    return VCH_REFUSE(diag, VCH_ERR_CONFLICT, LEDGER_BROKEN, field, "Ledger row %lld %s.", (long long)seq, how);
}

/* The first row that is there may follow on rows that were exported and taken away. */
static void begin_at(struct verifier *v, const struct vch_rec_ledger *row) {
    if (row->seq <= 1 || row->prev_hash.len != HASH_LEN) return;
    v->base.seq = v->at.seq = row->seq - 1;
    memcpy(v->base.hash, row->prev_hash.ptr, HASH_LEN);
    memcpy(v->at.hash, row->prev_hash.ptr, HASH_LEN);
}

static bool tells_of_base(const struct verifier *v, const struct vch_rec_ledger *row) {
    char detail[48];
    (void)snprintf(detail, sizeof detail, "{\"until\":\"%lld\"}", (long long)v->base.seq);
    return vch_str_eq_c(row->event, "ledger-pruned") && vch_str_eq_c(row->detail, detail);
}

static enum vch_err verify_base(struct vch_store *s, struct verifier *v, struct vch_diag *diag) {
    struct vch_rec_checkpoint checkpoint;
    if (v->base.seq == 0) return VCH_OK;
    vch_arena_reset(v->arena);
    enum vch_err err = vch_store_checkpoint(s, v->base.seq, &checkpoint, v->arena, NULL);
    if (err != VCH_OK && err != VCH_ERR_NOT_FOUND) return err;
    bool vouched = err == VCH_OK && vch_str_eq(checkpoint.hash, vch_str_of(v->base.hash, HASH_LEN));
    return vouched && v->base_told ? VCH_OK : broken(v->base.seq, "is missing", diag);
}

static enum vch_err verify_row(struct verifier *v, const struct vch_rec_ledger *row, struct vch_diag *diag) {
    uint8_t hash[HASH_LEN];
    if (v->at.seq == 0) begin_at(v, row);
    int64_t want = v->at.seq + 1;
    if (row->seq != want) return broken(want, "is missing", diag);
    if (!vch_str_eq(row->prev_hash, vch_str_of(v->at.hash, HASH_LEN)))
        return broken(want, "does not follow from the row before it", diag);
    if (vch_ledger_hash(row, &v->buf, hash) != VCH_OK) return broken(want, "is larger than any that was written", diag);
    if (!vch_str_eq(row->hash, vch_str_of(hash, HASH_LEN))) return broken(want, "does not match its hash", diag);
    v->at.seq = want;
    memcpy(v->at.hash, hash, HASH_LEN);
    if (v->base.seq && tells_of_base(v, row)) v->base_told = true;
    if (want == v->mark.seq && memcmp(hash, v->mark.hash, HASH_LEN) != 0)
        return broken(want, "is not the one that this server wrote", diag);
    return VCH_OK;
}

static enum vch_err verify_rows(struct vch_store *s, struct verifier *v, struct vch_diag *diag) {
    struct vch_list_ledger list = {.more = true};
    while (list.more) {
        vch_arena_reset(v->arena);
        VCH_TRY(vch_store_ledger(s, v->at.seq, VERIFY_ROWS, &list, v->arena, diag));
        for (size_t i = 0; i < list.count; i++) VCH_TRY(verify_row(v, &list.items[i], diag));
    }
    if (v->at.seq < v->mark.seq) return broken(v->at.seq + 1, "is missing", diag);
    return verify_base(s, v, diag);
}

static void take_mark(struct vch_store *s, struct vch_ledger_head *mark) {
    (void)pthread_mutex_lock(&s->lock);
    mark->seq = s->ledger_seq;
    memcpy(mark->hash, s->ledger_hash, HASH_LEN);
    (void)pthread_mutex_unlock(&s->lock);
}

enum vch_err vch_store_ledger_verify(struct vch_store *s, int64_t *ret_rows, struct vch_diag *diag) {
    struct verifier v = {.arena = vch_arena_new(VERIFY_BYTES, false)};
    if (!v.arena) return VCH_REFUSE(diag, VCH_ERR_NOMEM, STORE_FAILED, "", "Memory is out.");
    vch_buf_init(&v.buf, ROW_MAX);
    take_mark(s, &v.mark);
    enum vch_err err = verify_rows(s, &v, diag);
    *ret_rows = v.at.seq - v.base.seq;
    vch_buf_deinit(&v.buf);
    vch_arena_free(v.arena);
    return err;
}
