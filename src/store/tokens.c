/* Ownership tokens, and the sweep of what their hour leaves behind, and of sessions that ended. */
#include "store/store_priv.h"

enum { SWEEP_MAX = 5000 };
static const int64_t claim_kept_ms = 24 * 3600 * 1000;

static void fill_token(struct vch_cursor *row, void *record) {
    *(struct vch_rec_token *)record = (struct vch_rec_token){
        .hash = vch_cursor_str(row, 0),
        .certificate_id = vch_cursor_str(row, 1),
        .principal_id = vch_cursor_str(row, 2),
        .expires_ms = vch_cursor_int(row, 3),
        .spent = vch_cursor_int(row, 4) != 0,
        .request_hash = vch_cursor_str(row, 5),
        .answer = vch_cursor_str(row, 6),
    };
}

/* One text for every cause: no oracle. */
static enum vch_err invalid(enum vch_err err, struct vch_diag *diag) {
    return VCH_REFUSE(diag, err, TOKEN_INVALID, "certificateOwnershipToken", "The ownership token is not valid.");
}

enum vch_err vch_store_token(struct vch_store *s, struct vch_str hash, struct vch_rec_token *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_TOKEN_GET, VCH_ARGS(VCH_B(hash)), fill_token, ret, &found, arena, diag));
    return found ? VCH_OK : invalid(VCH_ERR_NOT_FOUND, diag);
}

static enum vch_err insert(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_token *t = step->record;
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_TOKEN_INSERT,
                        VCH_ARGS(VCH_B(t->hash), VCH_T(t->certificate_id), VCH_T(t->principal_id), VCH_I(t->expires_ms),
                                 VCH_I(t->spent), VCH_B(t->request_hash), VCH_T(t->answer)),
                        &changes, a->diag));
    return changes ? VCH_OK : invalid(VCH_ERR_EXISTS, a->diag);
}

void vch_plan_token_insert(struct vch_plan *p, const struct vch_rec_token *t) {
    vch_plan_add_record(p, insert, t, sizeof *t);
}

/* Condition and write are one statement: of two that spend a token one finds it spent. */
static enum vch_err spend(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_TOKEN_SPEND,
                        VCH_ARGS(VCH_B(step->name), VCH_I(step->now_ms), VCH_B(step->other), VCH_T(step->text)),
                        &changes, a->diag));
    return changes ? VCH_OK : invalid(VCH_ERR_DENIED, a->diag);
}

void vch_plan_token_spend(struct vch_plan *p, struct vch_str hash, int64_t now_ms, struct vch_str request_hash,
                          struct vch_str answer) {
    VCH_STEP(p, spend, .name = hash, .now_ms = now_ms, .other = request_hash, .text = answer);
}

struct stale {
    struct vch_str hash, certificate_id;
    bool spent;
};

static void fill_stale(struct vch_cursor *row, void *record) {
    *(struct stale *)record = (struct stale){vch_cursor_str(row, 0), vch_cursor_str(row, 1), vch_cursor_int(row, 2) != 0};
}

static enum vch_err sweep_one(struct vch_apply *a, const struct stale *token, int64_t *removed) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_TOKEN_DELETE, VCH_ARGS(VCH_B(token->hash)), NULL, a->diag));
    if (token->spent) return VCH_OK;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_CERTIFICATE_SWEEP, VCH_ARGS(VCH_T(token->certificate_id)), &changes, a->diag));
    if (changes == 0) return VCH_OK;
    *removed += changes;
    return vch_apply_changed(a, VCH_CHANGE_CERTIFICATE, token->certificate_id);
}

static enum vch_err sweep_tokens(struct vch_apply *a, const struct vch_step *step, struct vch_arena *arena,
                                 int64_t *removed) {
    struct vch_listing l = {.fill = fill_stale, .size = sizeof(struct stale), .limit = SWEEP_MAX};
    VCH_TRY(vch_sql_list(a->db, VCH_Q_TOKENS_STALE, VCH_ARGS(VCH_I(step->now_ms), VCH_I(SWEEP_MAX)), &l, arena, a->diag));
    for (size_t i = 0; i < l.count; i++) VCH_TRY(sweep_one(a, (const struct stale *)l.items + i, removed));
    return VCH_OK;
}

static enum vch_err sweep_claims(struct vch_apply *a, const struct vch_step *step) {
    VCH_CURSOR cursor = {0};
    VCH_TRY(vch_cursor_start(&cursor, a->db, VCH_Q_CLAIMS_SWEEP,
                             VCH_ARGS(VCH_I(step->now_ms - claim_kept_ms), VCH_I(SWEEP_MAX)), a->diag));
    for (;;) {
        bool row = false;
        VCH_TRY(vch_cursor_next(&cursor, &row, a->diag));
        if (!row) return VCH_OK;
        VCH_TRY(vch_apply_changed(a, VCH_CHANGE_CLAIM, vch_cursor_view(&cursor, 0)));
    }
}

static enum vch_err sweep(struct vch_apply *a, const struct vch_step *step) {
    int64_t removed = 0;
    struct vch_arena *arena = vch_arena_new((size_t)SWEEP_MAX * 1024, false);
    if (!arena) return VCH_REFUSE(a->diag, VCH_ERR_NOMEM, STORE_FAILED, "", "Memory is out.");
    enum vch_err err = sweep_tokens(a, step, arena, &removed);
    vch_arena_free(arena);
    VCH_TRY(err);
    if (step->ret) *(int64_t *)step->ret = removed;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_WEB_SESSIONS_SWEEP, VCH_ARGS(VCH_I(step->now_ms)), NULL, a->diag));
    VCH_TRY(vch_sql_run(a->db, VCH_Q_REQUESTS_SWEEP, VCH_ARGS(VCH_I(step->now_ms - claim_kept_ms)), NULL, a->diag));
    return sweep_claims(a, step);
}

void vch_plan_sweep(struct vch_plan *p, int64_t now_ms, int64_t *ret_certificates) {
    VCH_STEP(p, sweep, .now_ms = now_ms, .ret = ret_certificates);
}
