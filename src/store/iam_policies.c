/* IAM policies: managed ones and who has them, inline ones, and what all of
 * them say for one principal. */
#include "store/iam_priv.h"

enum { LIST_MAX = 1000 };

/* ---- managed: reads ---- */

static void fill_managed(struct vch_cursor *row, void *record) {
    *(struct vch_rec_managed *)record = (struct vch_rec_managed){
        .name = vch_cursor_str(row, 0),
        .created_ms = vch_cursor_int(row, 1),
        .modified_ms = vch_cursor_int(row, 2),
        .description = vch_cursor_str(row, 3),
        .document = vch_cursor_str(row, 4),
    };
}

static enum vch_err no_policy(struct vch_str name, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, POLICY_MISSING, "policyName", "There is no managed policy %.*s.",
                      VCH_STR_ARG(name));
}

enum vch_err vch_store_managed(struct vch_store *s, struct vch_str name, struct vch_rec_managed *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_IAM_POLICY_GET, VCH_ARGS(VCH_T(name)), fill_managed, ret, &found, arena, diag));
    return found ? VCH_OK : no_policy(name, diag);
}

enum vch_err vch_store_managed_list(struct vch_store *s, struct vch_page page, struct vch_list_managed *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_managed, .size = sizeof *ret->items, .limit = page.limit};
    VCH_TRY(vch_read_list(s, VCH_Q_IAM_POLICY_LIST, VCH_ARGS(VCH_T(page.after), VCH_I(vch_listing_ask(page.limit))), &l,
                          arena, diag));
    *ret = (struct vch_list_managed){l.items, l.count, l.more};
    return VCH_OK;
}

enum vch_err vch_store_managed_targets(struct vch_store *s, struct vch_str policy, struct vch_page page,
                                       struct vch_list_str *ret, VCH_R) {
    const struct vch_owned_page what = {VCH_Q_IAM_POLICY_TARGETS, VCH_Q_IAM_POLICY_TARGETS_DESC, VCH_Q_IAM_POLICY_EXISTS, policy,
                                        page};
    bool there = false;
    VCH_TRY(vch_read_owned(s, &what, ret, &there, arena, diag));
    return there ? VCH_OK : no_policy(policy, diag);
}

/* ---- managed: writes ---- */

static enum vch_err managed_changed(struct vch_apply *a, struct vch_str name) {
    VCH_TRY(vch_apply_changed_all(a, VCH_CHANGE_USER, VCH_Q_IAM_POLICY_USERS, name));
    return vch_apply_changed_all(a, VCH_CHANGE_ROLE, VCH_Q_IAM_POLICY_ROLES, name);
}

static enum vch_err put_managed(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_managed *m = step->record;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_IAM_POLICY_PUT,
                        VCH_ARGS(VCH_T(m->name), VCH_I(m->modified_ms), VCH_T(m->description), VCH_T(m->document)), NULL,
                        a->diag));
    return managed_changed(a, m->name);
}

void vch_plan_managed_put(struct vch_plan *p, const struct vch_rec_managed *m) {
    vch_plan_add_record(p, put_managed, m, sizeof *m);
}

static enum vch_err delete_managed(struct vch_apply *a, const struct vch_step *step) {
    bool used = false;
    int64_t changes = 0;
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_IAM_POLICY_ATTACHED, VCH_ARGS(VCH_T(step->name)), &used, a->diag));
    if (used)
        return VCH_REFUSE(a->diag, VCH_ERR_CONFLICT, DELETE_CONFLICT, "policyName", "The policy %.*s is still attached.",
                          VCH_STR_ARG(step->name));
    VCH_TRY(vch_sql_run(a->db, VCH_Q_IAM_POLICY_DELETE, VCH_ARGS(VCH_T(step->name)), &changes, a->diag));
    return changes ? VCH_OK : no_policy(step->name, a->diag);
}

void vch_plan_managed_delete(struct vch_plan *p, struct vch_str name) {
    VCH_STEP(p, delete_managed, .name = name);
}

/* ---- inline policies and attachments: reads ---- */

static void fill_document(struct vch_cursor *row, void *record) {
    *(struct vch_rec_policy *)record =
        (struct vch_rec_policy){.name = vch_cursor_str(row, 0), .document = vch_cursor_str(row, 1)};
}

/* All that an owner has, or that there is no such owner. */
static enum vch_err list_of_owner(struct vch_store *s, enum vch_query query, enum vch_iam_kind kind, struct vch_str owner,
                                  struct vch_listing *l, VCH_R) {
    VCH_READER db = NULL;
    VCH_TRY(vch_reader_take(s, &db, diag));
    VCH_TRY(vch_sql_list(db, query, VCH_ARGS(VCH_KIND(kind), VCH_T(owner), VCH_I(vch_listing_ask(l->limit))), l, arena, diag));
    return l->count ? VCH_OK : vch_iam_need(db, kind, owner, diag);
}

enum vch_err vch_store_inline_policies(struct vch_store *s, enum vch_iam_kind kind, struct vch_str owner,
                                       struct vch_list_policy *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_document, .size = sizeof *ret->items, .limit = LIST_MAX};
    VCH_TRY(list_of_owner(s, VCH_Q_IAM_INLINE_LIST, kind, owner, &l, arena, diag));
    *ret = (struct vch_list_policy){l.items, l.count, l.more};
    return VCH_OK;
}

enum vch_err vch_store_iam_attached(struct vch_store *s, enum vch_iam_kind kind, struct vch_str owner,
                                    struct vch_list_str *ret, VCH_R) {
    struct vch_listing l = {.fill = vch_fill_str, .size = sizeof *ret->items, .limit = LIST_MAX};
    VCH_TRY(list_of_owner(s, VCH_Q_IAM_ATTACHED_LIST, kind, owner, &l, arena, diag));
    *ret = (struct vch_list_str){l.items, l.count, l.more};
    return VCH_OK;
}

/* One statement sees one state of the database. */
enum vch_err vch_store_grants(struct vch_store *s, enum vch_iam_kind kind, struct vch_str owner, struct vch_list_policy *ret,
                              VCH_R) {
    struct vch_listing l = {.fill = fill_document, .size = sizeof *ret->items, .limit = LIST_MAX};
    VCH_READER db = NULL;
    VCH_TRY(vch_reader_take(s, &db, diag));
    VCH_TRY(vch_sql_list(db, kind == VCH_IAM_ROLE ? VCH_Q_IAM_GRANTS_OF_ROLE : VCH_Q_IAM_GRANTS_OF_USER,
                         VCH_ARGS(VCH_T(owner), VCH_I(vch_listing_ask(l.limit))), &l, arena, diag));
    *ret = (struct vch_list_policy){l.items, l.count, l.more};
    return l.count ? VCH_OK : vch_iam_need(db, kind, owner, diag);
}

/* ---- inline policies and attachments: writes ---- */

static enum vch_iam_kind kind_of(const struct vch_step *step) {
    return (enum vch_iam_kind)step->number;
}

static enum vch_err full_check(struct vch_apply *a, const struct vch_step *step, enum vch_query count_query, const char *what) {
    bool row = false;
    int64_t count = 0;
    VCH_TRY(vch_sql_number(a->db, count_query, VCH_ARGS(VCH_KIND(kind_of(step)), VCH_T(step->name)), &row, &count, a->diag));
    if (count <= VCH_IAM_POLICIES_MAX) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_LIMIT, IAM_FULL, "policyName", "The %s %.*s has %d %s policies already.",
                      vch_iam_kind_word(kind_of(step)), VCH_STR_ARG(step->name), VCH_IAM_POLICIES_MAX, what);
}

static enum vch_err put_inline(struct vch_apply *a, const struct vch_step *step) {
    VCH_TRY(vch_iam_need(a->db, kind_of(step), step->name, a->diag));
    VCH_TRY(vch_sql_run(a->db, VCH_Q_IAM_INLINE_PUT,
                        VCH_ARGS(VCH_KIND(kind_of(step)), VCH_T(step->name), VCH_T(step->other), VCH_T(step->text)), NULL,
                        a->diag));
    VCH_TRY(full_check(a, step, VCH_Q_IAM_INLINE_COUNT, "inline"));
    return vch_iam_owner_changed(a, kind_of(step), step->name);
}

void vch_plan_inline_put(struct vch_plan *p, enum vch_iam_kind kind, struct vch_str owner, struct vch_str name,
                         struct vch_str document) {
    VCH_STEP(p, put_inline, .number = kind, .name = owner, .other = name, .text = document);
}

/* A write that has to find something, of an owner that is there. */
static enum vch_err take_away(struct vch_apply *a, const struct vch_step *step, enum vch_query query, const char *how) {
    int64_t changes = 0;
    VCH_TRY(vch_iam_need(a->db, kind_of(step), step->name, a->diag));
    VCH_TRY(vch_sql_run(a->db, query, VCH_ARGS(VCH_KIND(kind_of(step)), VCH_T(step->name), VCH_T(step->other)), &changes, a->diag));
    if (changes) return vch_iam_owner_changed(a, kind_of(step), step->name);
    return VCH_REFUSE(a->diag, VCH_ERR_NOT_FOUND, POLICY_MISSING, "policyName", "The %s %.*s has no %s policy %.*s.",
                      vch_iam_kind_word(kind_of(step)), VCH_STR_ARG(step->name), how, VCH_STR_ARG(step->other));
}

static enum vch_err delete_inline(struct vch_apply *a, const struct vch_step *step) {
    return take_away(a, step, VCH_Q_IAM_INLINE_DELETE, "inline");
}

void vch_plan_inline_delete(struct vch_plan *p, enum vch_iam_kind kind, struct vch_str owner, struct vch_str name) {
    VCH_STEP(p, delete_inline, .number = kind, .name = owner, .other = name);
}

static enum vch_err attach(struct vch_apply *a, const struct vch_step *step) {
    bool there = false;
    int64_t changes = 0;
    VCH_TRY(vch_iam_need(a->db, kind_of(step), step->name, a->diag));
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_IAM_POLICY_EXISTS, VCH_ARGS(VCH_T(step->other)), &there, a->diag));
    if (!there) return no_policy(step->other, a->diag);
    VCH_TRY(vch_sql_run(a->db, VCH_Q_IAM_ATTACH, VCH_ARGS(VCH_KIND(kind_of(step)), VCH_T(step->name), VCH_T(step->other)),
                        &changes, a->diag));
    if (!changes) return VCH_OK;
    VCH_TRY(full_check(a, step, VCH_Q_IAM_ATTACHED_COUNT, "attached"));
    return vch_iam_owner_changed(a, kind_of(step), step->name);
}

void vch_plan_iam_attach(struct vch_plan *p, enum vch_iam_kind kind, struct vch_str owner, struct vch_str policy) {
    VCH_STEP(p, attach, .number = kind, .name = owner, .other = policy);
}

static enum vch_err detach(struct vch_apply *a, const struct vch_step *step) {
    return take_away(a, step, VCH_Q_IAM_DETACH, "attached");
}

void vch_plan_iam_detach(struct vch_plan *p, enum vch_iam_kind kind, struct vch_str owner, struct vch_str policy) {
    VCH_STEP(p, detach, .number = kind, .name = owner, .other = policy);
}

/* ---- uses of keys ---- */

static enum vch_err key_used(struct vch_apply *a, const struct vch_step *step) {
    return vch_sql_run(a->db, VCH_Q_ACCESS_KEY_USED,
                       VCH_ARGS(VCH_T(step->name), VCH_I(step->now_ms), VCH_I(step->now_ms - VCH_KEY_USE_MS)), NULL, a->diag);
}

void vch_plan_access_key_used(struct vch_plan *p, struct vch_str key_id, int64_t now_ms) {
    VCH_STEP(p, key_used, .name = key_id, .now_ms = now_ms);
}
