/* Thing types. Source: AWS CreateThingType and its siblings. */
#include "core/names.h"
#include "store/groups_priv.h"

static enum vch_err missing(struct vch_str name, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, THING_TYPE_MISSING, "thingTypeName", "There is no thing type %.*s.",
                      VCH_STR_ARG(name));
}

/* ---- reads ---- */

static void fill_type(struct vch_cursor *row, void *record) {
    *(struct vch_rec_thing_type *)record = (struct vch_rec_thing_type){
        .name = vch_cursor_str(row, 0),
        .id = vch_cursor_str(row, 1),
        .description = vch_cursor_str(row, 2),
        .searchable = vch_cursor_str(row, 3),
        .mqtt5 = vch_cursor_str(row, 4),
        .deprecated_ms = vch_cursor_int(row, 5),
        .created_ms = vch_cursor_int(row, 6),
    };
}

enum vch_err vch_store_thing_type(struct vch_store *s, struct vch_str name, struct vch_rec_thing_type *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_THING_TYPE_GET, VCH_ARGS(VCH_T(name)), fill_type, ret, &found, arena, diag));
    return found ? VCH_OK : missing(name, diag);
}

enum vch_err vch_store_thing_types(struct vch_store *s, struct vch_page page, struct vch_list_thing_type *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_type, .size = sizeof *ret->items, .limit = page.limit};
    VCH_TRY(vch_read_list(s, VCH_Q_THING_TYPE_LIST, VCH_ARGS(VCH_T(page.after), VCH_I(vch_listing_ask(page.limit))), &l,
                          arena, diag));
    *ret = (struct vch_list_thing_type){l.items, l.count, l.more};
    return VCH_OK;
}

/* ---- writes ---- */

static enum vch_err state_of(struct vch_apply *a, struct vch_str name, int64_t *ret_deprecated_ms) {
    bool found = false;
    VCH_TRY(vch_sql_number(a->db, VCH_Q_THING_TYPE_STATE, VCH_ARGS(VCH_T(name)), &found, ret_deprecated_ms, a->diag));
    return found ? VCH_OK : missing(name, a->diag);
}

static enum vch_err need_type(struct vch_apply *a, const struct vch_step *step) {
    int64_t deprecated_ms = 0;
    VCH_TRY(state_of(a, step->name, &deprecated_ms));
    if (deprecated_ms == 0) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_INVALID, THING_TYPE_DEPRECATED, "thingTypeName",
                      "The thing type %.*s is deprecated.", VCH_STR_ARG(step->name));
}

void vch_plan_need_thing_type(struct vch_plan *p, struct vch_str name) {
    VCH_STEP(p, need_type, .name = name);
}

static enum vch_err create(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_thing_type *t = step->record;
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_THING_TYPE_INSERT,
                        VCH_ARGS(VCH_T(t->name), VCH_T(t->id), VCH_T(t->description), VCH_T(t->searchable),
                                 VCH_T(t->mqtt5), VCH_I(t->created_ms)),
                        &changes, a->diag));
    if (changes) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_EXISTS, THING_TYPE_EXISTS, "thingTypeName",
                      "The thing type %.*s exists already.", VCH_STR_ARG(t->name));
}

void vch_plan_thing_type_create(struct vch_plan *p, const struct vch_rec_thing_type *t) {
    vch_plan_add_record(p, create, t, sizeof *t);
}

static enum vch_err update(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_thing_type *t = step->record;
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_THING_TYPE_UPDATE,
                        VCH_ARGS(VCH_T(t->name), VCH_T(t->description), VCH_T(t->searchable), VCH_T(t->mqtt5)),
                        &changes, a->diag));
    return changes ? VCH_OK : missing(t->name, a->diag);
}

void vch_plan_thing_type_update(struct vch_plan *p, const struct vch_rec_thing_type *t) {
    vch_plan_add_record(p, update, t, sizeof *t);
}

static enum vch_err deprecate(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_THING_TYPE_DEPRECATE, VCH_ARGS(VCH_T(step->name), VCH_I(step->number)), &changes,
                        a->diag));
    return changes ? VCH_OK : missing(step->name, a->diag);
}

void vch_plan_thing_type_deprecate(struct vch_plan *p, struct vch_str name, int64_t deprecated_ms) {
    VCH_STEP(p, deprecate, .name = name, .number = deprecated_ms);
}

static enum vch_err in_use(struct vch_apply *a, struct vch_str name, const char *why) {
    return VCH_REFUSE(a->diag, VCH_ERR_STATE, THING_TYPE_IN_USE, "thingTypeName", "Cannot delete thing type %.*s: %s.",
                      VCH_STR_ARG(name), why);
}

static enum vch_err delete(struct vch_apply *a, const struct vch_step *step) {
    int64_t deprecated_ms = 0;
    bool used = false;
    VCH_TRY(state_of(a, step->name, &deprecated_ms));
    if (deprecated_ms == 0) return in_use(a, step->name, "it must be deprecated first");
    if (step->now_ms - deprecated_ms < step->number)
        return in_use(a, step->name, "please wait for 5 minutes after deprecation and then retry");
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_THING_TYPE_USED, VCH_ARGS(VCH_T(step->name)), &used, a->diag));
    if (used) return in_use(a, step->name, "things are associated with it");
    VCH_TRY(vch_tags_forget(a, "thingtype", step->name));
    return vch_sql_run(a->db, VCH_Q_THING_TYPE_DELETE, VCH_ARGS(VCH_T(step->name)), NULL, a->diag);
}

void vch_plan_thing_type_delete(struct vch_plan *p, struct vch_str name, int64_t now_ms, int64_t wait_ms) {
    VCH_STEP(p, delete, .name = name, .now_ms = now_ms, .number = wait_ms);
}
