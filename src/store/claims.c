#include "store/provisioning.h"
#include "store/store_priv.h"

static enum vch_err missing(struct vch_str id, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, CLAIM_MISSING, "claimId", "There is no claim %.*s.", VCH_STR_ARG(id));
}

/* ---- reads ---- */

static void fill_claim(struct vch_cursor *row, void *record) {
    *(struct vch_rec_claim *)record = (struct vch_rec_claim){
        .id = vch_cursor_str(row, 0),
        .template_name = vch_cursor_str(row, 1),
        .created_by = vch_cursor_str(row, 2),
        .state = vch_cursor_str(row, 3),
        .bindings = vch_cursor_str(row, 4),
        .not_before_ms = vch_cursor_int(row, 5),
        .not_after_ms = vch_cursor_int(row, 6),
        .created_ms = vch_cursor_int(row, 7),
        .uses_max = vch_cursor_int(row, 8),
        .uses_done = vch_cursor_int(row, 9),
        .certificates_made = vch_cursor_int(row, 10),
        .principal = vch_cursor_str(row, 11),
        .first_source = vch_cursor_str(row, 12),
        .first_client = vch_cursor_str(row, 13),
        .alarms = vch_cursor_int(row, 14),
    };
}

enum vch_err vch_store_claim(struct vch_store *s, struct vch_str id, struct vch_rec_claim *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_CLAIM_GET, VCH_ARGS(VCH_T(id)), fill_claim, ret, &found, arena, diag));
    return found ? VCH_OK : missing(id, diag);
}

enum vch_err vch_store_claims(struct vch_store *s, struct vch_page page, struct vch_list_claim *ret, VCH_R) {
    const struct vch_created_page what = {VCH_Q_CLAIM_LIST, VCH_Q_CLAIM_LIST_DESC, VCH_Q_CLAIM_CREATED, page, NULL};
    struct vch_listing l = {.fill = fill_claim, .size = sizeof *ret->items, .limit = page.limit};
    VCH_TRY(vch_read_created(s, &what, &l, arena, diag));
    *ret = (struct vch_list_claim){l.items, l.count, l.more};
    return VCH_OK;
}

enum vch_err vch_store_claims_live(struct vch_store *s, struct vch_str template_name, int64_t now_ms, int64_t *ret,
                                   struct vch_diag *diag) {
    bool row = false;
    VCH_READER db = NULL;
    VCH_TRY(vch_reader_take(s, &db, diag));
    return vch_sql_number(db, VCH_Q_CLAIMS_LIVE, VCH_ARGS(VCH_T(template_name), VCH_I(now_ms)), &row, ret, diag);
}

/* ---- writes ---- */

static enum vch_err insert(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_claim *c = step->record;
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_CLAIM_INSERT,
                        VCH_ARGS(VCH_T(c->id), VCH_T(c->template_name), VCH_T(c->created_by), VCH_T(c->state),
                                 VCH_T(c->bindings), VCH_I(c->not_before_ms), VCH_I(c->not_after_ms),
                                 VCH_I(c->created_ms), VCH_I(c->uses_max), VCH_I(c->uses_done),
                                 VCH_I(c->certificates_made), VCH_T(c->principal)),
                        &changes, a->diag));
    if (changes) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_EXISTS, CERTIFICATE_EXISTS, "claimId", "The claim %.*s exists already.",
                      VCH_STR_ARG(c->id));
}

void vch_plan_claim_insert(struct vch_plan *p, const struct vch_rec_claim *c) {
    vch_plan_add_record(p, insert, c, sizeof *c);
}

struct claim_state {
    char state[16];
    int64_t not_after_ms;
};

static void fill_state(struct vch_cursor *row, void *record) {
    struct claim_state *claim = record;
    (void)vch_str_copy(claim->state, sizeof claim->state, vch_cursor_view(row, 0));
    claim->not_after_ms = vch_cursor_int(row, 1);
}

static enum vch_err state_of(struct vch_apply *a, const struct vch_step *step, struct claim_state *ret) {
    bool found = false;
    VCH_TRY(vch_sql_record(a->db, VCH_Q_CLAIM_STATE, VCH_ARGS(VCH_T(step->name)), fill_state, ret, NULL, &found,
                           a->diag));
    return found ? VCH_OK : missing(step->name, a->diag);
}

static bool is(const struct claim_state *claim, const char *state) {
    return vch_str_eq_c(vch_str_from(claim->state), state);
}

/* A conditional update found no live claim; says which condition failed, or success when none did. */
static enum vch_err explain(struct vch_apply *a, const struct vch_step *step) {
    struct claim_state was;
    VCH_TRY(state_of(a, step, &was));
    if (is(&was, "CANCELLED"))
        return VCH_REFUSE(a->diag, VCH_ERR_DENIED, CLAIM_CANCELLED, "", "The provisioning claim was cancelled.");
    if (is(&was, "SPENT"))
        return VCH_REFUSE(a->diag, VCH_ERR_DENIED, CLAIM_SPENT, "", "The provisioning claim has been used.");
    if (was.not_after_ms <= step->now_ms)
        return VCH_REFUSE(a->diag, VCH_ERR_EXPIRED, CLAIM_EXPIRED, "", "The provisioning claim has expired.");
    return VCH_OK;
}

static enum vch_err count_certificate(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_CLAIM_COUNT_CERTIFICATE,
                        VCH_ARGS(VCH_T(step->name), VCH_I(step->now_ms), VCH_I(step->number), VCH_T(step->other), VCH_T(step->text)),
                        &changes, a->diag));
    if (changes) return VCH_OK;
    VCH_TRY(explain(a, step));
    return VCH_REFUSE(a->diag, VCH_ERR_LIMIT, CLAIM_CERTIFICATES_FULL, "",
                      "The provisioning claim has %lld certificates waiting, the most it may.",
                      (long long)step->number);
}

void vch_plan_claim_count_certificate(struct vch_plan *p, struct vch_str id, int64_t now_ms, int64_t max) {
    VCH_STEP(p, count_certificate, .name = id, .now_ms = now_ms, .number = max);
}

void vch_plan_claim_first_certificate(struct vch_plan *p, struct vch_str id, struct vch_str source_ip, struct vch_str client_id,
                                      int64_t now_ms, int64_t max) {
    VCH_STEP(p, count_certificate, .name = id, .other = source_ip, .text = client_id, .now_ms = now_ms, .number = max);
}

/* Condition and count are one statement, so that no two users of a claim pass it together. */
static enum vch_err run_use(struct vch_apply *a, const struct vch_step *step, bool *ret_used, bool *ret_spent) {
    VCH_CURSOR cursor = {0};
    VCH_TRY(vch_cursor_start(&cursor, a->db, VCH_Q_CLAIM_USE, VCH_ARGS(VCH_T(step->name), VCH_I(step->now_ms)),
                             a->diag));
    VCH_TRY(vch_cursor_next(&cursor, ret_used, a->diag));
    *ret_spent = *ret_used && vch_str_eq_c(vch_cursor_view(&cursor, 0), "SPENT");
    return VCH_OK;
}

static enum vch_err use(struct vch_apply *a, const struct vch_step *step) {
    bool used = false, spent = false;
    VCH_TRY(run_use(a, step, &used, &spent));
    if (spent) return vch_apply_changed(a, VCH_CHANGE_CLAIM, step->name);
    if (used) return VCH_OK;
    VCH_TRY(explain(a, step));
    return VCH_REFUSE(a->diag, VCH_ERR_DENIED, CLAIM_SPENT, "", "The provisioning claim has been used.");
}

void vch_plan_claim_use(struct vch_plan *p, struct vch_str id, int64_t now_ms) {
    VCH_STEP(p, use, .name = id, .now_ms = now_ms);
}

static enum vch_err cancel(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    struct claim_state was;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_CLAIM_CANCEL, VCH_ARGS(VCH_T(step->name)), &changes, a->diag));
    if (changes) return vch_apply_changed(a, VCH_CHANGE_CLAIM, step->name);
    VCH_TRY(state_of(a, step, &was));
    if (is(&was, "CANCELLED")) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_STATE, CLAIM_SPENT, "claimId", "The provisioning claim has been used already.");
}

void vch_plan_claim_cancel(struct vch_plan *p, struct vch_str id, int64_t now_ms) {
    VCH_STEP(p, cancel, .name = id, .now_ms = now_ms);
}

/* ---- how many there may be, and where they are used ---- */

static enum vch_err need_room(struct vch_apply *a, const struct vch_step *step) {
    bool row = false;
    int64_t live = 0;
    VCH_TRY(vch_sql_number(a->db, VCH_Q_CLAIMS_LIVE, VCH_ARGS(VCH_T(step->name), VCH_I(step->now_ms)), &row, &live, a->diag));
    if (live < step->number) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_THROTTLED, CLAIMS_FULL, "templateName",
                      "Template %.*s has %lld live claims, the most it may have; wait until some of them end.", VCH_STR_ARG(step->name),
                      (long long)live);
}

void vch_plan_claims_room(struct vch_plan *p, struct vch_str template_name, int64_t now_ms, int64_t max) {
    VCH_STEP(p, need_room, .name = template_name, .now_ms = now_ms, .number = max);
}

const char *vch_alarm_word(enum vch_alarm alarm) {
    static const char *const words[VCH_ALARM_COUNT] = {
        [VCH_ALARM_SECOND_USE] = "second-use",
        [VCH_ALARM_OTHER_NETWORK] = "other-network",
        [VCH_ALARM_UNKNOWN_CLIENT] = "unknown-client",
    };
    return words[alarm];
}

static enum vch_err raise_alarm(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_CLAIM_ALARM, VCH_ARGS(VCH_T(step->name), VCH_I(step->number)), &changes, a->diag));
    return changes ? VCH_OK : VCH_ERR_EXISTS;
}

void vch_plan_claim_alarm(struct vch_plan *p, struct vch_str id, enum vch_alarm alarm) {
    VCH_STEP(p, raise_alarm, .name = id, .number = INT64_C(1) << alarm);
}
