/* How many claims people may make, of what, when, and who else must agree. */
#include <stdio.h>

#include "core/window.h"
#include "store/iam_priv.h"
#include "store/provisioning.h"

enum { OWNERS_MAX = 16, ARENA_BYTES = 131072 };
static const int64_t hour_ms = 3600 * 1000, day_ms = 24 * 3600 * 1000;

static enum vch_err missing(struct vch_str owner, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, LIMITS_MISSING, "ownerName", "%.*s has no limits.", VCH_STR_ARG(owner));
}

static enum vch_iam_kind kind_of(struct vch_str word) {
    if (vch_str_eq_c(word, vch_iam_kind_word(VCH_IAM_GROUP))) return VCH_IAM_GROUP;
    return vch_str_eq_c(word, vch_iam_kind_word(VCH_IAM_ROLE)) ? VCH_IAM_ROLE : VCH_IAM_USER;
}

static void fill_limits(struct vch_cursor *row, void *record) {
    *(struct vch_rec_limits *)record = (struct vch_rec_limits){
        .kind = kind_of(vch_cursor_view(row, 0)),
        .owner = vch_cursor_str(row, 1),
        .per_hour = vch_cursor_int(row, 2),
        .per_day = vch_cursor_int(row, 3),
        .approval_above = vch_cursor_int(row, 4),
        .templates = vch_cursor_str(row, 5),
        .windows = vch_cursor_str(row, 6),
        .modified_ms = vch_cursor_int(row, 7),
    };
}

/* ---- reads and writes of the limits themselves ---- */

enum vch_err vch_store_limits(struct vch_store *s, enum vch_iam_kind kind, struct vch_str owner, struct vch_rec_limits *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_LIMITS_GET, VCH_ARGS(VCH_KIND(kind), VCH_T(owner)), fill_limits, ret, &found, arena, diag));
    return found ? VCH_OK : missing(owner, diag);
}

enum vch_err vch_store_limits_list(struct vch_store *s, struct vch_page page, struct vch_list_limits *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_limits, .size = sizeof *ret->items, .limit = page.limit};
    size_t slash = vch_str_find(page.after, '/', 0);
    struct vch_str kind = vch_str_sub(page.after, 0, slash);
    struct vch_str owner = slash == SIZE_MAX ? VCH_STR("") : vch_str_sub(page.after, slash + 1, SIZE_MAX);
    VCH_TRY(vch_read_list(s, VCH_Q_LIMITS_LIST, VCH_ARGS(VCH_T(kind), VCH_T(owner), VCH_I(vch_listing_ask(page.limit))), &l, arena, diag));
    *ret = (struct vch_list_limits){l.items, l.count, l.more};
    return VCH_OK;
}

static enum vch_err put(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_limits *l = step->record;
    VCH_TRY(vch_iam_need(a->db, l->kind, l->owner, a->diag));
    return vch_sql_run(a->db, VCH_Q_LIMITS_PUT,
                       VCH_ARGS(VCH_KIND(l->kind), VCH_T(l->owner), VCH_I(l->per_hour), VCH_I(l->per_day), VCH_I(l->approval_above),
                                VCH_T(l->templates), VCH_T(l->windows), VCH_I(l->modified_ms)),
                       NULL, a->diag);
}

void vch_plan_limits_put(struct vch_plan *p, const struct vch_rec_limits *limits) {
    vch_plan_add_record(p, put, limits, sizeof *limits);
}

static enum vch_err delete_limits(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_LIMITS_DELETE, VCH_ARGS(VCH_KIND((enum vch_iam_kind)step->number), VCH_T(step->name)), &changes,
                        a->diag));
    return changes ? VCH_OK : missing(step->name, a->diag);
}

void vch_plan_limits_delete(struct vch_plan *p, enum vch_iam_kind kind, struct vch_str owner) {
    VCH_STEP(p, delete_limits, .name = owner, .number = (int64_t)kind);
}

/* ---- whether a claim may be made ---- */

static bool listed(struct vch_str words, struct vch_str name) {
    struct vch_str word;
    while (vch_str_split(&words, ' ', &word))
        if (vch_str_eq(word, name)) return true;
    return false;
}

/* What cannot be read keeps people out. */
static bool open_now(struct vch_str windows, int64_t now_ms) {
    struct vch_str text;
    struct vch_window window;
    while (vch_str_split(&windows, ';', &text))
        if (vch_window_parse(text, &window, NULL) == VCH_OK && vch_window_open(&window, now_ms)) return true;
    return false;
}

static enum vch_err count_since(struct vch_apply *a, const struct vch_rec_limits *l, int64_t since_ms, int64_t *ret) {
    char principal[160];
    bool row = false;
    if (l->kind == VCH_IAM_GROUP)
        return vch_sql_number(a->db, VCH_Q_CLAIMS_OF_GROUP, VCH_ARGS(VCH_T(l->owner), VCH_I(since_ms)), &row, ret, a->diag);
    int len = snprintf(principal, sizeof principal, "%s/%.*s", vch_iam_kind_word(l->kind), VCH_STR_ARG(l->owner));
    if (len < 0 || (size_t)len >= sizeof principal) return VCH_ERR_TOO_LARGE;
    return vch_sql_number(a->db, VCH_Q_CLAIMS_OF_PRINCIPAL, VCH_ARGS(VCH_T(vch_str_of(principal, (size_t)len)), VCH_I(since_ms)), &row, ret,
                          a->diag);
}

static enum vch_err check_place_and_time(struct vch_apply *a, const struct vch_rec_limits *l, const struct vch_claim_ask *ask) {
    if (l->templates.len && !listed(l->templates, ask->template_name))
        return VCH_REFUSE(a->diag, VCH_ERR_DENIED, LIMIT_TEMPLATE, "templateName", "The limits of %s %.*s do not allow template %.*s.",
                          vch_iam_kind_word(l->kind), VCH_STR_ARG(l->owner), VCH_STR_ARG(ask->template_name));
    if (l->windows.len && !open_now(l->windows, ask->now_ms))
        return VCH_REFUSE(a->diag, VCH_ERR_DENIED, LIMIT_WINDOW, "", "The limits of %s %.*s allow no claims at this time (UTC): %.*s.",
                          vch_iam_kind_word(l->kind), VCH_STR_ARG(l->owner), VCH_STR_ARG(l->windows));
    return VCH_OK;
}

static enum vch_err check_count(struct vch_apply *a, const struct vch_rec_limits *l, int64_t max, int64_t count, bool day) {
    if (max == 0 || count <= max) return VCH_OK;
    return vch_diag_set(a->diag, VCH_ERR_THROTTLED, vch_reason_code(day ? VCH_REASON_LIMIT_DAY : VCH_REASON_LIMIT_HOUR), "",
                        "The limits of %s %.*s allow %lld claims %s.", vch_iam_kind_word(l->kind), VCH_STR_ARG(l->owner), (long long)max,
                        day ? "a day" : "an hour");
}

/* A claim for several devices is as many. *ret_approval: a second person must have agreed. */
static enum vch_err check_limits(struct vch_apply *a, const struct vch_rec_limits *l, const struct vch_claim_ask *ask, bool *ret_approval) {
    int64_t hour = 0, day = 0;
    VCH_TRY(check_place_and_time(a, l, ask));
    if (l->per_hour) VCH_TRY(count_since(a, l, ask->now_ms - hour_ms, &hour));
    VCH_TRY(check_count(a, l, l->per_hour, hour + ask->uses, false));
    if (l->per_day || l->approval_above >= 0) VCH_TRY(count_since(a, l, ask->now_ms - day_ms, &day));
    VCH_TRY(check_count(a, l, l->per_day, day + ask->uses, true));
    if (l->approval_above >= 0 && day + ask->uses > l->approval_above) *ret_approval = true;
    return VCH_OK;
}

static enum vch_err spend_approval(struct vch_apply *a, const struct vch_claim_ask *ask) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_REQUEST_USE, VCH_ARGS(VCH_T(ask->digest), VCH_I(ask->now_ms)), &changes, a->diag));
    if (changes) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_DENIED, APPROVAL_NEEDED, "", "This claim needs the approval of a second person.");
}

static enum vch_err need_allowed(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_claim_ask *ask = step->record;
    struct vch_arena *arena = vch_arena_new(ARENA_BYTES, false);
    struct vch_listing l = {.fill = fill_limits, .size = sizeof(struct vch_rec_limits), .limit = OWNERS_MAX};
    bool approval = false;
    if (!arena) return VCH_REFUSE(a->diag, VCH_ERR_NOMEM, STORE_FAILED, "", "Memory is out.");
    enum vch_err err = vch_sql_list(a->db, VCH_Q_LIMITS_OF, VCH_ARGS(VCH_KIND(ask->kind), VCH_T(ask->owner)), &l, arena, a->diag);
    for (size_t i = 0; !err && i < l.count; i++) err = check_limits(a, (const struct vch_rec_limits *)l.items + i, ask, &approval);
    if (!err && approval) err = spend_approval(a, ask);
    vch_arena_free(arena);
    return err;
}

void vch_plan_need_claim_allowed(struct vch_plan *p, const struct vch_claim_ask *ask) {
    vch_plan_add_record(p, need_allowed, ask, sizeof *ask);
}
