#include "core/names.h"
#include "store/groups_priv.h"

/* ---- reads ---- */

static void fill_policy(struct vch_cursor *row, void *record) {
    *(struct vch_rec_policy *)record = (struct vch_rec_policy){
        .name = vch_cursor_str(row, 0),
        .document = vch_cursor_str(row, 1),
        .generation_id = vch_cursor_str(row, 2),
        .version = vch_cursor_int(row, 3),
        .default_version = vch_cursor_int(row, 4),
        .created_ms = vch_cursor_int(row, 5),
        .modified_ms = vch_cursor_int(row, 6),
    };
}

static enum vch_err missing(struct vch_str name, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, POLICY_MISSING, "policyName", "There is no policy %.*s.",
                      VCH_STR_ARG(name));
}

static enum vch_err version_missing(struct vch_str name, int64_t version, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, POLICY_VERSION_MISSING, "policyVersionId",
                      "The policy %.*s has no version %lld.", VCH_STR_ARG(name), (long long)version);
}

enum vch_err vch_store_policy(struct vch_store *s, struct vch_str name, int64_t version, struct vch_rec_policy *ret,
                              VCH_R) {
    bool found = false;
    VCH_READER db = NULL;
    VCH_TRY(vch_reader_take(s, &db, diag));
    if (version == 0) {
        VCH_TRY(vch_sql_record(db, VCH_Q_POLICY_GET, VCH_ARGS(VCH_T(name)), fill_policy, ret, arena, &found, diag));
        return found ? VCH_OK : missing(name, diag);
    }
    VCH_TRY(vch_sql_record(db, VCH_Q_POLICY_GET_VERSION, VCH_ARGS(VCH_T(name), VCH_I(version)), fill_policy, ret, arena,
                           &found, diag));
    if (found) return VCH_OK;
    VCH_TRY(vch_sql_exists(db, VCH_Q_POLICY_EXISTS, VCH_ARGS(VCH_T(name)), &found, diag));
    return found ? version_missing(name, version, diag) : missing(name, diag);
}

enum vch_err vch_store_policies(struct vch_store *s, struct vch_page page, struct vch_list_policy *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_policy, .size = sizeof *ret->items, .limit = page.limit};
    VCH_TRY(vch_read_list(s, page.descending ? VCH_Q_POLICY_LIST_DESC : VCH_Q_POLICY_LIST,
                          VCH_ARGS(VCH_T(vch_page_from(page)), VCH_I(vch_listing_ask(page.limit))), &l, arena, diag));
    *ret = (struct vch_list_policy){l.items, l.count, l.more};
    return VCH_OK;
}

static void fill_version(struct vch_cursor *row, void *record) {
    *(struct vch_rec_version *)record = (struct vch_rec_version){
        .version = vch_cursor_int(row, 0),
        .created_ms = vch_cursor_int(row, 1),
        .is_default = vch_cursor_int(row, 2) != 0,
    };
}

enum vch_err vch_store_policy_versions(struct vch_store *s, struct vch_str name, struct vch_list_version *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_version, .size = sizeof *ret->items, .limit = VCH_POLICY_VERSIONS_MAX};
    VCH_TRY(vch_read_list(s, VCH_Q_POLICY_VERSIONS, VCH_ARGS(VCH_T(name), VCH_I(vch_listing_ask(l.limit))), &l, arena,
                          diag));
    *ret = (struct vch_list_version){l.items, l.count, l.more};
    return l.count ? VCH_OK : missing(name, diag); /* a policy has a version */
}

enum vch_err vch_store_policy_targets(struct vch_store *s, struct vch_str policy, struct vch_page page,
                                      struct vch_list_str *ret, VCH_R) {
    const struct vch_owned_page what = {VCH_Q_TARGETS_OF_POLICY, VCH_Q_TARGETS_OF_POLICY_DESC, VCH_Q_POLICY_EXISTS,
                                        policy, page};
    bool there = false;
    VCH_TRY(vch_read_owned(s, &what, ret, &there, arena, diag));
    return there ? VCH_OK : missing(policy, diag);
}

/* ---- writes ---- */

struct policy_state {
    int64_t seq, default_version, last_version, versions;
};

static void fill_state(struct vch_cursor *row, void *record) {
    *(struct policy_state *)record = (struct policy_state){vch_cursor_int(row, 0), vch_cursor_int(row, 1),
                                                           vch_cursor_int(row, 2), vch_cursor_int(row, 3)};
}

static enum vch_err state_of(struct vch_apply *a, struct vch_str name, struct policy_state *ret) {
    bool found = false;
    VCH_TRY(vch_sql_record(a->db, VCH_Q_POLICY_STATE, VCH_ARGS(VCH_T(name)), fill_state, ret, NULL, &found, a->diag));
    return found ? VCH_OK : missing(name, a->diag);
}

static enum vch_err need_policy(struct vch_apply *a, const struct vch_step *step) {
    bool found = false;
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_POLICY_EXISTS, VCH_ARGS(VCH_T(step->name)), &found, a->diag));
    return found ? VCH_OK : missing(step->name, a->diag);
}

void vch_plan_need_policy(struct vch_plan *p, struct vch_str name) {
    VCH_STEP(p, need_policy, .name = name);
}

static enum vch_err insert_policy(struct vch_apply *a, const struct vch_rec_policy *r, bool *ret_created) {
    int64_t seq = 0;
    VCH_TRY(vch_sql_number(a->db, VCH_Q_POLICY_INSERT,
                           VCH_ARGS(VCH_T(r->name), VCH_T(r->generation_id), VCH_I(r->created_ms), VCH_I(r->modified_ms)),
                           ret_created, &seq, a->diag));
    if (!*ret_created) return VCH_OK;
    return vch_sql_run(a->db, VCH_Q_POLICY_VERSION_INSERT,
                       VCH_ARGS(VCH_I(seq), VCH_I(1), VCH_I(r->created_ms), VCH_T(r->document)), NULL, a->diag);
}

static enum vch_err create_policy(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_policy *r = step->record;
    bool created = false;
    VCH_TRY(insert_policy(a, r, &created));
    if (created) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_EXISTS, POLICY_EXISTS, "policyName", "The policy %.*s exists already.",
                      VCH_STR_ARG(r->name));
}

void vch_plan_policy_create(struct vch_plan *p, const struct vch_rec_policy *policy) {
    vch_plan_add_record(p, create_policy, policy, sizeof *policy);
}

static enum vch_err ensure_policy(struct vch_apply *a, const struct vch_step *step) {
    bool created = false;
    return insert_policy(a, step->record, &created);
}

void vch_plan_policy_ensure(struct vch_plan *p, const struct vch_rec_policy *policy) {
    vch_plan_add_record(p, ensure_policy, policy, sizeof *policy);
}

/* Writes the numbers back and tells when another document is in force. */
static enum vch_err set_versions(struct vch_apply *a, const struct vch_step *step, const struct policy_state *was,
                                 int64_t default_version, int64_t last_version) {
    VCH_TRY(vch_sql_run(a->db, VCH_Q_POLICY_VERSIONS_SET,
                        VCH_ARGS(VCH_I(was->seq), VCH_I(default_version), VCH_I(last_version), VCH_I(step->now_ms)),
                        NULL, a->diag));
    if (default_version == was->default_version) return VCH_OK;
    return vch_apply_changed(a, VCH_CHANGE_POLICY, step->name);
}

static enum vch_err add_version(struct vch_apply *a, const struct vch_step *step) {
    struct policy_state was;
    VCH_TRY(state_of(a, step->name, &was));
    if (was.versions >= VCH_POLICY_VERSIONS_MAX)
        return VCH_REFUSE(a->diag, VCH_ERR_LIMIT, POLICY_VERSIONS_FULL, "policyName",
                          "The policy %.*s has the greatest number of versions already (%d).", VCH_STR_ARG(step->name),
                          VCH_POLICY_VERSIONS_MAX);
    int64_t version = was.last_version + 1;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_POLICY_VERSION_INSERT,
                        VCH_ARGS(VCH_I(was.seq), VCH_I(version), VCH_I(step->now_ms), VCH_T(step->text)), NULL, a->diag));
    if (step->ret) *(int64_t *)step->ret = version;
    return set_versions(a, step, &was, step->flag ? version : was.default_version, version);
}

void vch_plan_policy_version_add(struct vch_plan *p, struct vch_str name, struct vch_str document, bool set_default,
                                 int64_t now_ms, int64_t *ret_version) {
    VCH_STEP(p, add_version, .name = name, .text = document, .flag = set_default, .now_ms = now_ms, .ret = ret_version);
}

static enum vch_err need_version(struct vch_apply *a, const struct vch_step *step, int64_t seq) {
    bool found = false;
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_POLICY_VERSION_EXISTS, VCH_ARGS(VCH_I(seq), VCH_I(step->number)), &found,
                           a->diag));
    return found ? VCH_OK : version_missing(step->name, step->number, a->diag);
}

static enum vch_err set_default(struct vch_apply *a, const struct vch_step *step) {
    struct policy_state was;
    VCH_TRY(state_of(a, step->name, &was));
    VCH_TRY(need_version(a, step, was.seq));
    return set_versions(a, step, &was, step->number, was.last_version);
}

void vch_plan_policy_default_set(struct vch_plan *p, struct vch_str name, int64_t version, int64_t now_ms) {
    VCH_STEP(p, set_default, .name = name, .number = version, .now_ms = now_ms);
}

static enum vch_err delete_version(struct vch_apply *a, const struct vch_step *step) {
    struct policy_state was;
    VCH_TRY(state_of(a, step->name, &was));
    VCH_TRY(need_version(a, step, was.seq));
    if (step->number == was.default_version)
        return VCH_REFUSE(a->diag, VCH_ERR_CONFLICT, DELETE_CONFLICT, "policyVersionId",
                          "Version %lld of the policy %.*s is its default version.", (long long)step->number,
                          VCH_STR_ARG(step->name));
    return vch_sql_run(a->db, VCH_Q_POLICY_VERSION_DELETE, VCH_ARGS(VCH_I(was.seq), VCH_I(step->number)), NULL, a->diag);
}

void vch_plan_policy_version_delete(struct vch_plan *p, struct vch_str name, int64_t version) {
    VCH_STEP(p, delete_version, .name = name, .number = version);
}

/* Texts of AWS DeletePolicy. */
static enum vch_err delete_policy(struct vch_apply *a, const struct vch_step *step) {
    struct policy_state was;
    bool attached = false;
    VCH_TRY(state_of(a, step->name, &was));
    if (was.versions > 1)
        return VCH_REFUSE(a->diag, VCH_ERR_CONFLICT, DELETE_CONFLICT, "policyName",
                          "Cannot delete the policy because it has one or more policy versions attached to it (name=%.*s)",
                          VCH_STR_ARG(step->name));
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_POLICY_ATTACHED, VCH_ARGS(VCH_I(was.seq)), &attached, a->diag));
    if (attached)
        return VCH_REFUSE(a->diag, VCH_ERR_CONFLICT, DELETE_CONFLICT, "policyName",
                          "The policy cannot be deleted as the policy is attached to one or more principals (name=%.*s)",
                          VCH_STR_ARG(step->name));
    VCH_TRY(vch_tags_forget(a, "policy", step->name));
    VCH_TRY(vch_sql_run(a->db, VCH_Q_POLICY_DELETE, VCH_ARGS(VCH_I(was.seq)), NULL, a->diag));
    return vch_apply_changed(a, VCH_CHANGE_POLICY, step->name);
}

void vch_plan_policy_delete(struct vch_plan *p, struct vch_str name) {
    VCH_STEP(p, delete_policy, .name = name);
}
