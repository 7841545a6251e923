/* Billing groups: a thing has at most one. Source: AWS CreateBillingGroup and
 * its siblings. */
#include "store/groups_priv.h"

static enum vch_err missing(struct vch_str name, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, BILLING_GROUP_MISSING, "billingGroupName",
                      "There is no billing group %.*s.", VCH_STR_ARG(name));
}

/* ---- reads ---- */

static void fill_group(struct vch_cursor *row, void *record) {
    *(struct vch_rec_billing_group *)record = (struct vch_rec_billing_group){
        .name = vch_cursor_str(row, 0),
        .id = vch_cursor_str(row, 1),
        .description = vch_cursor_str(row, 2),
        .version = vch_cursor_int(row, 3),
        .created_ms = vch_cursor_int(row, 4),
    };
}

enum vch_err vch_store_billing_group(struct vch_store *s, struct vch_str name, struct vch_rec_billing_group *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_BILLING_GROUP_GET, VCH_ARGS(VCH_T(name)), fill_group, ret, &found, arena, diag));
    return found ? VCH_OK : missing(name, diag);
}

enum vch_err vch_store_billing_groups(struct vch_store *s, struct vch_str prefix, struct vch_page page,
                                      struct vch_list_str *ret, VCH_R) {
    const struct vch_named_page what = {.query = VCH_Q_BILLING_GROUP_LIST, .prefix = prefix, .page = page};
    return vch_read_named(s, &what, ret, arena, diag);
}

enum vch_err vch_store_billing_group_things(struct vch_store *s, struct vch_str name, struct vch_page page,
                                            struct vch_list_str *ret, VCH_R) {
    const struct vch_owned_page what = {VCH_Q_BILLING_GROUP_THINGS, VCH_Q_BILLING_GROUP_THINGS,
                                        VCH_Q_BILLING_GROUP_EXISTS, name, page};
    bool there = false;
    VCH_TRY(vch_read_owned(s, &what, ret, &there, arena, diag));
    return there ? VCH_OK : missing(name, diag);
}

/* ---- writes ---- */

static enum vch_err version_of(struct vch_apply *a, struct vch_str name, bool *ret_found, int64_t *ret) {
    return vch_seq_of(a, VCH_Q_BILLING_GROUP_EXISTS, name, ret_found, ret);
}

static enum vch_err need_group(struct vch_apply *a, const struct vch_step *step) {
    bool found = false;
    int64_t version = 0;
    VCH_TRY(version_of(a, step->name, &found, &version));
    return found ? VCH_OK : missing(step->name, a->diag);
}

void vch_plan_need_billing_group(struct vch_plan *p, struct vch_str name) {
    VCH_STEP(p, need_group, .name = name);
}

static enum vch_err create(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_billing_group *g = step->record;
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_BILLING_GROUP_INSERT,
                        VCH_ARGS(VCH_T(g->name), VCH_T(g->id), VCH_I(g->created_ms), VCH_T(g->description)), &changes,
                        a->diag));
    if (changes) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_EXISTS, BILLING_GROUP_EXISTS, "billingGroupName",
                      "The billing group %.*s exists already.", VCH_STR_ARG(g->name));
}

void vch_plan_billing_group_create(struct vch_plan *p, const struct vch_rec_billing_group *g) {
    vch_plan_add_record(p, create, g, sizeof *g);
}

static enum vch_err expect_version(struct vch_apply *a, struct vch_str name, int64_t expected, int64_t version) {
    if (expected < 0 || expected == version) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_CONFLICT, BILLING_GROUP_VERSION, "expectedVersion",
                      "The version for billing group %.*s does not match the expected version.", VCH_STR_ARG(name));
}

static enum vch_err update(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_billing_group *g = step->record;
    bool found = false;
    int64_t version = 0;
    VCH_TRY(version_of(a, g->name, &found, &version));
    if (!found) return missing(g->name, a->diag);
    VCH_TRY(expect_version(a, g->name, step->number, version));
    if (step->ret) *(int64_t *)step->ret = version + 1;
    return vch_sql_run(a->db, VCH_Q_BILLING_GROUP_UPDATE, VCH_ARGS(VCH_T(g->name), VCH_T(g->description)), NULL, a->diag);
}

void vch_plan_billing_group_update(struct vch_plan *p, const struct vch_rec_billing_group *g, int64_t expected,
                                   int64_t *ret_version) {
    vch_plan_add_record(p, update, g, sizeof *g);
    if (!p || p->failed) return;
    p->last->number = expected;
    p->last->ret = ret_version;
}

static enum vch_err delete(struct vch_apply *a, const struct vch_step *step) {
    bool found = false, used = false;
    int64_t version = 0;
    VCH_TRY(version_of(a, step->name, &found, &version));
    if (!found) return VCH_OK;
    VCH_TRY(expect_version(a, step->name, step->number, version));
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_BILLING_GROUP_USED, VCH_ARGS(VCH_T(step->name)), &used, a->diag));
    if (used)
        return VCH_REFUSE(a->diag, VCH_ERR_STATE, BILLING_GROUP_IN_USE, "billingGroupName",
                          "Cannot delete billing group %.*s when there are still things in it.", VCH_STR_ARG(step->name));
    VCH_TRY(vch_tags_forget(a, "billinggroup", step->name));
    return vch_sql_run(a->db, VCH_Q_BILLING_GROUP_DELETE, VCH_ARGS(VCH_T(step->name)), NULL, a->diag);
}

void vch_plan_billing_group_delete(struct vch_plan *p, struct vch_str name, int64_t expected) {
    VCH_STEP(p, delete, .name = name, .number = expected);
}

/* ---- things ---- */

static enum vch_err set(struct vch_apply *a, struct vch_str thing, struct vch_str group) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_THING_BILLING_SET, VCH_ARGS(VCH_T(thing), VCH_T(group)), &changes, a->diag));
    return changes ? VCH_OK : vch_thing_missing(thing, a->diag);
}

static enum vch_err add(struct vch_apply *a, const struct vch_step *step) {
    VCH_TRY(need_group(a, step));
    return set(a, step->other, step->name);
}

void vch_plan_billing_group_add(struct vch_plan *p, struct vch_str name, struct vch_str thing) {
    VCH_STEP(p, add, .name = name, .other = thing);
}

static enum vch_err take_out(struct vch_apply *a, const struct vch_step *step) {
    VCH_CURSOR cursor = {0};
    bool row = false;
    VCH_TRY(need_group(a, step));
    VCH_TRY(vch_cursor_start(&cursor, a->db, VCH_Q_THING_BILLING_GET, VCH_ARGS(VCH_T(step->other)), a->diag));
    VCH_TRY(vch_cursor_next(&cursor, &row, a->diag));
    if (!row) return vch_thing_missing(step->other, a->diag);
    bool here = vch_str_eq(vch_cursor_view(&cursor, 0), step->name);
    vch_cursor_finish(&cursor);
    return here ? set(a, step->other, VCH_STR("")) : VCH_OK;
}

void vch_plan_billing_group_remove(struct vch_plan *p, struct vch_str name, struct vch_str thing) {
    VCH_STEP(p, take_out, .name = name, .other = thing);
}
