/* Groups of users, and roles. */
#include "store/iam_priv.h"

static const struct {
    const char *word;
    enum vch_query exists;
    enum vch_reason missing;
    const char *field, *message;
} kinds[] = {
    [VCH_IAM_USER] = {"user", VCH_Q_USER_EXISTS, VCH_REASON_USER_MISSING, "userName", "There is no user"},
    [VCH_IAM_GROUP] = {"group", VCH_Q_IAM_GROUP_EXISTS, VCH_REASON_USER_GROUP_MISSING, "groupName", "There is no group of users"},
    [VCH_IAM_ROLE] = {"role", VCH_Q_IAM_ROLE_EXISTS, VCH_REASON_ROLE_MISSING, "roleName", "There is no role"},
};

const char *vch_iam_kind_word(enum vch_iam_kind kind) {
    return kinds[kind].word;
}

enum vch_err vch_iam_missing(enum vch_iam_kind kind, struct vch_str owner, struct vch_diag *diag) {
    return vch_diag_set(diag, VCH_ERR_NOT_FOUND, vch_reason_code(kinds[kind].missing), kinds[kind].field, "%s %.*s.",
                        kinds[kind].message, VCH_STR_ARG(owner));
}

enum vch_err vch_iam_need(struct vch_sql *db, enum vch_iam_kind kind, struct vch_str owner, struct vch_diag *diag) {
    bool found = false;
    VCH_TRY(vch_sql_exists(db, kinds[kind].exists, VCH_ARGS(VCH_T(owner)), &found, diag));
    return found ? VCH_OK : vch_iam_missing(kind, owner, diag);
}

enum vch_err vch_iam_owner_changed(struct vch_apply *a, enum vch_iam_kind kind, struct vch_str owner) {
    if (kind == VCH_IAM_GROUP) return vch_apply_changed_all(a, VCH_CHANGE_USER, VCH_Q_IAM_GROUP_USERS, owner);
    return vch_apply_changed(a, kind == VCH_IAM_USER ? VCH_CHANGE_USER : VCH_CHANGE_ROLE, owner);
}

enum vch_err vch_iam_strip(struct vch_apply *a, enum vch_iam_kind kind, struct vch_str owner) {
    VCH_TRY(vch_sql_run(a->db, VCH_Q_LIMITS_DELETE, VCH_ARGS(VCH_KIND(kind), VCH_T(owner)), NULL, a->diag));
    VCH_TRY(vch_sql_run(a->db, VCH_Q_IAM_INLINE_DELETE_ALL, VCH_ARGS(VCH_KIND(kind), VCH_T(owner)), NULL, a->diag));
    return vch_sql_run(a->db, VCH_Q_IAM_DETACH_ALL, VCH_ARGS(VCH_KIND(kind), VCH_T(owner)), NULL, a->diag);
}

/* ---- groups: reads ---- */

static void fill_group(struct vch_cursor *row, void *record) {
    *(struct vch_rec_group *)record =
        (struct vch_rec_group){.name = vch_cursor_str(row, 0), .created_ms = vch_cursor_int(row, 1)};
}

enum vch_err vch_store_group(struct vch_store *s, struct vch_str name, struct vch_rec_group *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_IAM_GROUP_GET, VCH_ARGS(VCH_T(name)), fill_group, ret, &found, arena, diag));
    return found ? VCH_OK : vch_iam_missing(VCH_IAM_GROUP, name, diag);
}

enum vch_err vch_store_groups(struct vch_store *s, struct vch_page page, struct vch_list_group *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_group, .size = sizeof *ret->items, .limit = page.limit};
    VCH_TRY(vch_read_list(s, VCH_Q_IAM_GROUP_LIST, VCH_ARGS(VCH_T(page.after), VCH_I(vch_listing_ask(page.limit))), &l,
                          arena, diag));
    *ret = (struct vch_list_group){l.items, l.count, l.more};
    return VCH_OK;
}

enum vch_err vch_store_group_members(struct vch_store *s, struct vch_str group, struct vch_page page,
                                     struct vch_list_str *ret, VCH_R) {
    const struct vch_owned_page what = {VCH_Q_IAM_GROUP_MEMBERS, VCH_Q_IAM_GROUP_MEMBERS_DESC, VCH_Q_IAM_GROUP_EXISTS, group,
                                        page};
    bool there = false;
    VCH_TRY(vch_read_owned(s, &what, ret, &there, arena, diag));
    return there ? VCH_OK : vch_iam_missing(VCH_IAM_GROUP, group, diag);
}

enum vch_err vch_store_groups_of_user(struct vch_store *s, struct vch_str user, struct vch_page page,
                                      struct vch_list_str *ret, VCH_R) {
    const struct vch_owned_page what = {VCH_Q_IAM_GROUPS_OF_USER, VCH_Q_IAM_GROUPS_OF_USER_DESC, VCH_Q_USER_EXISTS, user,
                                        page};
    bool there = false;
    VCH_TRY(vch_read_owned(s, &what, ret, &there, arena, diag));
    return there ? VCH_OK : vch_iam_missing(VCH_IAM_USER, user, diag);
}

/* ---- groups: writes ---- */

static enum vch_err create_group(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_IAM_GROUP_INSERT, VCH_ARGS(VCH_T(step->name), VCH_I(step->now_ms)), &changes, a->diag));
    if (changes) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_EXISTS, USER_GROUP_EXISTS, "groupName", "The group %.*s exists already.",
                      VCH_STR_ARG(step->name));
}

void vch_plan_group_create(struct vch_plan *p, struct vch_str name, int64_t now_ms) {
    VCH_STEP(p, create_group, .name = name, .now_ms = now_ms);
}

static enum vch_err delete_group(struct vch_apply *a, const struct vch_step *step) {
    bool used = false;
    VCH_TRY(vch_iam_need(a->db, VCH_IAM_GROUP, step->name, a->diag));
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_IAM_GROUP_USERS, VCH_ARGS(VCH_T(step->name)), &used, a->diag));
    if (used)
        return VCH_REFUSE(a->diag, VCH_ERR_CONFLICT, DELETE_CONFLICT, "groupName", "The group %.*s still has members.",
                          VCH_STR_ARG(step->name));
    VCH_TRY(vch_iam_strip(a, VCH_IAM_GROUP, step->name));
    return vch_sql_run(a->db, VCH_Q_IAM_GROUP_DELETE, VCH_ARGS(VCH_T(step->name)), NULL, a->diag);
}

void vch_plan_group_delete(struct vch_plan *p, struct vch_str name) {
    VCH_STEP(p, delete_group, .name = name);
}

static enum vch_err add_member(struct vch_apply *a, const struct vch_step *step) {
    bool row = false;
    int64_t count = 0, changes = 0;
    VCH_TRY(vch_iam_need(a->db, VCH_IAM_GROUP, step->name, a->diag));
    VCH_TRY(vch_iam_need(a->db, VCH_IAM_USER, step->other, a->diag));
    VCH_TRY(vch_sql_run(a->db, VCH_Q_IAM_MEMBER_INSERT, VCH_ARGS(VCH_T(step->other), VCH_T(step->name)), &changes, a->diag));
    if (!changes) return VCH_OK;
    VCH_TRY(vch_sql_number(a->db, VCH_Q_IAM_GROUPS_OF_USER_COUNT, VCH_ARGS(VCH_T(step->other)), &row, &count, a->diag));
    if (count > VCH_IAM_GROUPS_PER_USER_MAX)
        return VCH_REFUSE(a->diag, VCH_ERR_LIMIT, IAM_FULL, "userName", "The user %.*s is in %d groups already.",
                          VCH_STR_ARG(step->other), VCH_IAM_GROUPS_PER_USER_MAX);
    return vch_apply_changed(a, VCH_CHANGE_USER, step->other);
}

void vch_plan_group_add(struct vch_plan *p, struct vch_str group, struct vch_str user) {
    VCH_STEP(p, add_member, .name = group, .other = user);
}

static enum vch_err remove_member(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_iam_need(a->db, VCH_IAM_GROUP, step->name, a->diag));
    VCH_TRY(vch_iam_need(a->db, VCH_IAM_USER, step->other, a->diag));
    VCH_TRY(vch_sql_run(a->db, VCH_Q_IAM_MEMBER_DELETE, VCH_ARGS(VCH_T(step->other), VCH_T(step->name)), &changes, a->diag));
    return changes ? vch_apply_changed(a, VCH_CHANGE_USER, step->other) : VCH_OK;
}

void vch_plan_group_remove(struct vch_plan *p, struct vch_str group, struct vch_str user) {
    VCH_STEP(p, remove_member, .name = group, .other = user);
}

/* ---- roles ---- */

static void fill_role(struct vch_cursor *row, void *record) {
    *(struct vch_rec_role *)record = (struct vch_rec_role){
        .name = vch_cursor_str(row, 0),
        .id = vch_cursor_str(row, 1),
        .created_ms = vch_cursor_int(row, 2),
        .session_max_s = vch_cursor_int(row, 3),
        .description = vch_cursor_str(row, 4),
        .trust = vch_cursor_str(row, 5),
    };
}

enum vch_err vch_store_role(struct vch_store *s, struct vch_str name, struct vch_rec_role *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_IAM_ROLE_GET, VCH_ARGS(VCH_T(name)), fill_role, ret, &found, arena, diag));
    return found ? VCH_OK : vch_iam_missing(VCH_IAM_ROLE, name, diag);
}

enum vch_err vch_store_roles(struct vch_store *s, struct vch_page page, struct vch_list_role *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_role, .size = sizeof *ret->items, .limit = page.limit};
    VCH_TRY(vch_read_list(s, VCH_Q_IAM_ROLE_LIST, VCH_ARGS(VCH_T(page.after), VCH_I(vch_listing_ask(page.limit))), &l,
                          arena, diag));
    *ret = (struct vch_list_role){l.items, l.count, l.more};
    return VCH_OK;
}

static enum vch_err create_role(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_role *r = step->record;
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_IAM_ROLE_INSERT,
                        VCH_ARGS(VCH_T(r->name), VCH_T(r->id), VCH_I(r->created_ms), VCH_I(r->session_max_s),
                                 VCH_T(r->description), VCH_T(r->trust)),
                        &changes, a->diag));
    if (changes) return vch_apply_changed(a, VCH_CHANGE_ROLE, r->name);
    return VCH_REFUSE(a->diag, VCH_ERR_EXISTS, ROLE_EXISTS, "roleName", "The role %.*s exists already.", VCH_STR_ARG(r->name));
}

void vch_plan_role_create(struct vch_plan *p, const struct vch_rec_role *r) {
    vch_plan_add_record(p, create_role, r, sizeof *r);
}

static enum vch_err update_role(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_role *r = step->record;
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_IAM_ROLE_UPDATE,
                        VCH_ARGS(VCH_T(r->name), VCH_I(r->session_max_s), VCH_T(r->description), VCH_T(r->trust)), &changes,
                        a->diag));
    return changes ? vch_apply_changed(a, VCH_CHANGE_ROLE, r->name) : vch_iam_missing(VCH_IAM_ROLE, r->name, a->diag);
}

void vch_plan_role_update(struct vch_plan *p, const struct vch_rec_role *r) {
    vch_plan_add_record(p, update_role, r, sizeof *r);
}

static enum vch_err delete_role(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_IAM_ROLE_DELETE, VCH_ARGS(VCH_T(step->name)), &changes, a->diag));
    if (!changes) return vch_iam_missing(VCH_IAM_ROLE, step->name, a->diag);
    VCH_TRY(vch_iam_strip(a, VCH_IAM_ROLE, step->name));
    return vch_apply_changed(a, VCH_CHANGE_ROLE, step->name);
}

void vch_plan_role_delete(struct vch_plan *p, struct vch_str name) {
    VCH_STEP(p, delete_role, .name = name);
}
