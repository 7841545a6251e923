/* Users, their IAM policies and access keys; and the store's own small facts. */
#include "store/iam_priv.h"

enum { LIST_MAX = 1000, KEYS_PER_USER_MAX = 2 };

static enum vch_err missing(struct vch_str name, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, USER_MISSING, "userName", "There is no user %.*s.", VCH_STR_ARG(name));
}

static enum vch_err key_unknown(struct vch_str id, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, ACCESS_KEY_UNKNOWN, "accessKeyId", "There is no access key %.*s.",
                      VCH_STR_ARG(id));
}

/* ---- reads ---- */

static void fill_user(struct vch_cursor *row, void *record) {
    *(struct vch_rec_user *)record = (struct vch_rec_user){
        .name = vch_cursor_str(row, 0),
        .password_hash = vch_cursor_str(row, 1),
        .created_ms = vch_cursor_int(row, 2),
    };
}

enum vch_err vch_store_user(struct vch_store *s, struct vch_str name, struct vch_rec_user *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_USER_GET, VCH_ARGS(VCH_T(name)), fill_user, ret, &found, arena, diag));
    return found ? VCH_OK : missing(name, diag);
}

enum vch_err vch_store_users(struct vch_store *s, struct vch_page page, struct vch_list_user *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_user, .size = sizeof *ret->items, .limit = page.limit};
    VCH_TRY(vch_read_list(s, page.descending ? VCH_Q_USER_LIST_DESC : VCH_Q_USER_LIST,
                          VCH_ARGS(VCH_T(vch_page_from(page)), VCH_I(vch_listing_ask(page.limit))), &l, arena, diag));
    *ret = (struct vch_list_user){l.items, l.count, l.more};
    return VCH_OK;
}

static void fill_key(struct vch_cursor *row, void *record) {
    *(struct vch_rec_access_key *)record = (struct vch_rec_access_key){
        .id = vch_cursor_str(row, 0),
        .user_name = vch_cursor_str(row, 1),
        .sealed_secret = vch_cursor_str(row, 2),
        .status = vch_cursor_str(row, 3),
        .created_ms = vch_cursor_int(row, 4),
        .last_used_ms = vch_cursor_int(row, 5),
    };
}

enum vch_err vch_store_access_key(struct vch_store *s, struct vch_str key_id, struct vch_rec_access_key *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_ACCESS_KEY_GET, VCH_ARGS(VCH_T(key_id)), fill_key, ret, &found, arena, diag));
    return found ? VCH_OK : key_unknown(key_id, diag);
}

/* All that belongs to a user, or USER_MISSING. */
static enum vch_err list_of_user(struct vch_store *s, enum vch_query query, struct vch_str user,
                                 struct vch_listing *l, VCH_R) {
    bool found = true;
    VCH_READER db = NULL;
    VCH_TRY(vch_reader_take(s, &db, diag));
    VCH_TRY(vch_sql_list(db, query, VCH_ARGS(VCH_T(user), VCH_I(vch_listing_ask(l->limit))), l, arena, diag));
    if (l->count == 0) VCH_TRY(vch_sql_exists(db, VCH_Q_USER_EXISTS, VCH_ARGS(VCH_T(user)), &found, diag));
    return found ? VCH_OK : missing(user, diag);
}

enum vch_err vch_store_access_keys(struct vch_store *s, struct vch_str user, struct vch_list_access_key *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_key, .size = sizeof *ret->items, .limit = LIST_MAX};
    VCH_TRY(list_of_user(s, VCH_Q_ACCESS_KEYS_OF_USER, user, &l, arena, diag));
    *ret = (struct vch_list_access_key){l.items, l.count, l.more};
    return VCH_OK;
}

static void fill_user_policy(struct vch_cursor *row, void *record) {
    *(struct vch_rec_policy *)record =
        (struct vch_rec_policy){.name = vch_cursor_str(row, 0), .document = vch_cursor_str(row, 1)};
}

enum vch_err vch_store_user_policies(struct vch_store *s, struct vch_str user, struct vch_list_policy *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_user_policy, .size = sizeof *ret->items, .limit = LIST_MAX};
    VCH_TRY(list_of_user(s, VCH_Q_USER_POLICIES, user, &l, arena, diag));
    *ret = (struct vch_list_policy){l.items, l.count, l.more};
    return VCH_OK;
}

enum vch_err vch_store_meta(struct vch_store *s, struct vch_str key, struct vch_str *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_META_GET, VCH_ARGS(VCH_T(key)), vch_fill_str, ret, &found, arena, diag));
    if (found) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, RESOURCE_MISSING, "", "The store has no %.*s.", VCH_STR_ARG(key));
}

/* ---- writes ---- */

static enum vch_err create_user(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_user *u = step->record;
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_USER_INSERT,
                        VCH_ARGS(VCH_T(u->name), VCH_T(u->password_hash), VCH_I(u->created_ms)), &changes, a->diag));
    if (changes) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_EXISTS, USER_EXISTS, "userName", "The user %.*s exists already.",
                      VCH_STR_ARG(u->name));
}

void vch_plan_user_create(struct vch_plan *p, const struct vch_rec_user *u) {
    vch_plan_add_record(p, create_user, u, sizeof *u);
}

static enum vch_err changed_user(struct vch_apply *a, struct vch_str name, int64_t changes) {
    return changes ? vch_apply_changed(a, VCH_CHANGE_USER, name) : missing(name, a->diag);
}

static enum vch_err delete_user(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_USER_DELETE, VCH_ARGS(VCH_T(step->name)), &changes, a->diag));
    VCH_TRY(vch_iam_strip(a, VCH_IAM_USER, step->name));
    return changed_user(a, step->name, changes);
}

void vch_plan_user_delete(struct vch_plan *p, struct vch_str name) {
    VCH_STEP(p, delete_user, .name = name);
}

static enum vch_err set_password(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_USER_PASSWORD, VCH_ARGS(VCH_T(step->name), VCH_T(step->text)), &changes, a->diag));
    return changed_user(a, step->name, changes);
}

void vch_plan_user_password(struct vch_plan *p, struct vch_str name, struct vch_str password_hash) {
    VCH_STEP(p, set_password, .name = name, .text = password_hash);
}

static enum vch_err put_policy(struct vch_apply *a, const struct vch_step *step) {
    enum vch_err err = vch_sql_run(a->db, VCH_Q_USER_POLICY_PUT,
                                   VCH_ARGS(VCH_T(step->name), VCH_T(step->other), VCH_T(step->text)), NULL, a->diag);
    if (err == VCH_ERR_CONFLICT) return missing(step->name, a->diag);
    return err == VCH_OK ? vch_apply_changed(a, VCH_CHANGE_USER, step->name) : err;
}

void vch_plan_user_policy_put(struct vch_plan *p, struct vch_str user, struct vch_str name, struct vch_str document) {
    VCH_STEP(p, put_policy, .name = user, .other = name, .text = document);
}

static enum vch_err need_user(struct vch_apply *a, struct vch_str name) {
    bool found = false;
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_USER_EXISTS, VCH_ARGS(VCH_T(name)), &found, a->diag));
    return found ? VCH_OK : missing(name, a->diag);
}

static enum vch_err delete_policy(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_USER_POLICY_DELETE, VCH_ARGS(VCH_T(step->name), VCH_T(step->other)), &changes,
                        a->diag));
    if (changes) return vch_apply_changed(a, VCH_CHANGE_USER, step->name);
    VCH_TRY(need_user(a, step->name));
    return VCH_REFUSE(a->diag, VCH_ERR_NOT_FOUND, POLICY_MISSING, "policyName", "The user has no policy %.*s.",
                      VCH_STR_ARG(step->other));
}

void vch_plan_user_policy_delete(struct vch_plan *p, struct vch_str user, struct vch_str name) {
    VCH_STEP(p, delete_policy, .name = user, .other = name);
}

static enum vch_err insert_key(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_access_key *k = step->record;
    bool row = false;
    int64_t count = 0, changes = 0;
    VCH_TRY(need_user(a, k->user_name));
    VCH_TRY(vch_sql_number(a->db, VCH_Q_ACCESS_KEY_COUNT, VCH_ARGS(VCH_T(k->user_name)), &row, &count, a->diag));
    if (count >= KEYS_PER_USER_MAX)
        return VCH_REFUSE(a->diag, VCH_ERR_LIMIT, ACCESS_KEYS_FULL, "userName", "The user %.*s has %d access keys already.",
                          VCH_STR_ARG(k->user_name), KEYS_PER_USER_MAX);
    VCH_TRY(vch_sql_run(a->db, VCH_Q_ACCESS_KEY_INSERT,
                        VCH_ARGS(VCH_T(k->id), VCH_T(k->user_name), VCH_B(k->sealed_secret), VCH_T(k->status),
                                 VCH_I(k->created_ms), VCH_I(k->last_used_ms)),
                        &changes, a->diag));
    if (changes) return vch_apply_changed(a, VCH_CHANGE_USER, k->user_name);
    return VCH_REFUSE(a->diag, VCH_ERR_EXISTS, FIELD_INVALID, "accessKeyId", "The access key id %.*s is in use.",
                      VCH_STR_ARG(k->id));
}

void vch_plan_access_key_insert(struct vch_plan *p, const struct vch_rec_access_key *k) {
    vch_plan_add_record(p, insert_key, k, sizeof *k);
}

/* A write that returns the key's user. */
static enum vch_err change_key(struct vch_apply *a, struct vch_str id, enum vch_query query,
                               const struct vch_sql_arg *args, size_t count) {
    VCH_CURSOR cursor = {0};
    bool found = false;
    VCH_TRY(vch_cursor_start(&cursor, a->db, query, args, count, a->diag));
    VCH_TRY(vch_cursor_next(&cursor, &found, a->diag));
    return found ? vch_apply_changed(a, VCH_CHANGE_USER, vch_cursor_view(&cursor, 0)) : key_unknown(id, a->diag);
}

static enum vch_err set_key_status(struct vch_apply *a, const struct vch_step *step) {
    return change_key(a, step->name, VCH_Q_ACCESS_KEY_STATUS, VCH_ARGS(VCH_T(step->name), VCH_T(step->text)));
}

void vch_plan_access_key_status(struct vch_plan *p, struct vch_str key_id, struct vch_str status) {
    VCH_STEP(p, set_key_status, .name = key_id, .text = status);
}

static enum vch_err delete_key(struct vch_apply *a, const struct vch_step *step) {
    return change_key(a, step->name, VCH_Q_ACCESS_KEY_DELETE, VCH_ARGS(VCH_T(step->name)));
}

void vch_plan_access_key_delete(struct vch_plan *p, struct vch_str key_id) {
    VCH_STEP(p, delete_key, .name = key_id);
}

static enum vch_err put_meta(struct vch_apply *a, const struct vch_step *step) {
    return vch_sql_run(a->db, VCH_Q_META_PUT, VCH_ARGS(VCH_T(step->name), VCH_B(step->text)), NULL, a->diag);
}

void vch_plan_meta_put(struct vch_plan *p, struct vch_str key, struct vch_str value) {
    VCH_STEP(p, put_meta, .name = key, .text = value);
}
