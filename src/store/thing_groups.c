/* Thing groups and their hierarchy. Source: AWS CreateThingGroup and its
 * siblings; limits of core/names.h. */
#include <string.h>

#include "core/names.h"
#include "store/groups_priv.h"

enum vch_err vch_group_missing(struct vch_str name, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, GROUP_MISSING, "thingGroupName", "There is no thing group %.*s.",
                      VCH_STR_ARG(name));
}

/* ---- reads ---- */

static void fill_group(struct vch_cursor *row, void *record) {
    *(struct vch_rec_thing_group *)record = (struct vch_rec_thing_group){
        .name = vch_cursor_str(row, 0),
        .id = vch_cursor_str(row, 1),
        .parent = vch_cursor_str(row, 2),
        .description = vch_cursor_str(row, 3),
        .attributes = vch_cursor_str(row, 4),
        .version = vch_cursor_int(row, 5),
        .created_ms = vch_cursor_int(row, 6),
    };
}

enum vch_err vch_store_thing_group(struct vch_store *s, struct vch_str name, struct vch_rec_thing_group *ret, VCH_R) {
    bool found = false;
    VCH_TRY(vch_read_one(s, VCH_Q_GROUP_GET, VCH_ARGS(VCH_T(name)), fill_group, ret, &found, arena, diag));
    return found ? VCH_OK : vch_group_missing(name, diag);
}

static enum vch_err need_there(struct vch_store *s, struct vch_str name, struct vch_diag *diag) {
    bool there = false;
    VCH_READER db = NULL;
    VCH_TRY(vch_reader_take(s, &db, diag));
    VCH_TRY(vch_sql_exists(db, VCH_Q_GROUP_EXISTS, VCH_ARGS(VCH_T(name)), &there, diag));
    return there ? VCH_OK : vch_group_missing(name, diag);
}

struct vch_str vch_prefix_end(struct vch_str prefix, char room[VCH_PREFIX_ROOM]) {
    size_t len = prefix.len < VCH_PREFIX_ROOM - 1 ? prefix.len : VCH_PREFIX_ROOM - 1;
    if (len) memcpy(room, prefix.ptr, len);
    room[len] = '~'; /* above every character of a name */
    return vch_str_of(room, len + 1);
}

enum vch_err vch_read_named(struct vch_store *s, const struct vch_named_page *what, struct vch_list_str *ret, VCH_R) {
    char room[VCH_PREFIX_ROOM];
    struct vch_listing l = {.fill = vch_fill_str, .size = sizeof *ret->items, .limit = what->page.limit};
    const struct vch_sql_arg args[] = {VCH_T(what->page.after), VCH_I(vch_listing_ask(what->page.limit)),
                                       VCH_T(what->prefix), VCH_T(vch_prefix_end(what->prefix, room)),
                                       VCH_T(what->owner)};
    VCH_TRY(vch_read_list(s, what->query, args, what->owner.ptr ? 5 : 4, &l, arena, diag));
    *ret = (struct vch_list_str){l.items, l.count, l.more};
    return VCH_OK;
}

enum vch_err vch_store_thing_groups(struct vch_store *s, const struct vch_thing_group_filter *filter, struct vch_page page,
                              struct vch_list_str *ret, VCH_R) {
    const bool below = filter->parent.len > 0;
    struct vch_named_page what = {.prefix = filter->prefix, .page = page};
    if (below) VCH_TRY(need_there(s, filter->parent, diag));
    if (below) what.owner = filter->parent;
    if (below) what.query = filter->recursive ? VCH_Q_GROUP_LIST_DESCENDANTS : VCH_Q_GROUP_LIST_CHILDREN;
    else what.query = filter->recursive ? VCH_Q_GROUP_LIST : VCH_Q_GROUP_LIST_ROOTS;
    return vch_read_named(s, &what, ret, arena, diag);
}

enum vch_err vch_store_thing_group_records(struct vch_store *s, struct vch_page page, struct vch_list_thing_group *ret, VCH_R) {
    struct vch_listing l = {.fill = fill_group, .size = sizeof *ret->items, .limit = page.limit};
    VCH_TRY(vch_read_list(s, VCH_Q_GROUP_RECORDS, VCH_ARGS(VCH_T(page.after), VCH_I(vch_listing_ask(page.limit))), &l,
                          arena, diag));
    *ret = (struct vch_list_thing_group){l.items, l.count, l.more};
    return VCH_OK;
}

enum vch_err vch_store_group_ancestors(struct vch_store *s, struct vch_str name, struct vch_list_str *ret, VCH_R) {
    struct vch_listing l = {.fill = vch_fill_str, .size = sizeof *ret->items, .limit = VCH_GROUP_DEPTH_MAX};
    VCH_TRY(vch_read_list(s, VCH_Q_GROUP_ANCESTORS, VCH_ARGS(VCH_T(name), VCH_I(vch_listing_ask(l.limit))), &l, arena,
                          diag));
    *ret = (struct vch_list_str){l.items, l.count, l.more};
    return VCH_OK;
}

/* ---- writes ---- */

static void fill_state(struct vch_cursor *row, void *record) {
    *(struct vch_group_state *)record =
        (struct vch_group_state){vch_cursor_int(row, 0), vch_cursor_int(row, 1), vch_cursor_int(row, 2),
                                 vch_cursor_int(row, 3), vch_cursor_int(row, 4)};
}

static enum vch_err find_state(struct vch_apply *a, struct vch_str name, bool *ret_found, struct vch_group_state *ret) {
    return vch_sql_record(a->db, VCH_Q_GROUP_STATE, VCH_ARGS(VCH_T(name)), fill_state, ret, NULL, ret_found, a->diag);
}

enum vch_err vch_group_state_of(struct vch_apply *a, struct vch_str name, struct vch_group_state *ret) {
    bool found = false;
    VCH_TRY(find_state(a, name, &found, ret));
    return found ? VCH_OK : vch_group_missing(name, a->diag);
}

enum vch_err vch_seq_of(struct vch_apply *a, enum vch_query query, struct vch_str name, bool *ret_found, int64_t *ret) {
    return vch_sql_number(a->db, query, VCH_ARGS(VCH_T(name)), ret_found, ret, a->diag);
}

static enum vch_err check_parent(struct vch_apply *a, const struct vch_rec_thing_group *g, struct vch_group_state *parent) {
    bool found = false;
    VCH_TRY(find_state(a, g->parent, &found, parent));
    if (!found)
        return VCH_REFUSE(a->diag, VCH_ERR_INVALID, GROUP_PARENT_MISSING, "parentGroupName",
                          "There is no thing group %.*s to be the parent.", VCH_STR_ARG(g->parent));
    if (parent->depth >= VCH_GROUP_DEPTH_MAX)
        return VCH_REFUSE(a->diag, VCH_ERR_INVALID, GROUP_TOO_DEEP, "parentGroupName",
                          "A hierarchy of thing groups has at most %d levels.", VCH_GROUP_DEPTH_MAX);
    if (parent->children >= VCH_GROUP_CHILDREN_MAX)
        return VCH_REFUSE(a->diag, VCH_ERR_INVALID, GROUP_CHILDREN_FULL, "parentGroupName",
                          "The thing group %.*s has the greatest number of child groups already (%d).",
                          VCH_STR_ARG(g->parent), VCH_GROUP_CHILDREN_MAX);
    return VCH_OK;
}

static enum vch_err place(struct vch_apply *a, int64_t seq, bool child, const struct vch_group_state *parent) {
    if (!child) return vch_sql_run(a->db, VCH_Q_GROUP_PLACE_ROOT, VCH_ARGS(VCH_I(seq)), NULL, a->diag);
    return vch_sql_run(a->db, VCH_Q_GROUP_PLACE,
                       VCH_ARGS(VCH_I(seq), VCH_I(parent->seq), VCH_I(parent->root), VCH_I(parent->depth + 1)), NULL,
                       a->diag);
}

static enum vch_err create(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_thing_group *g = step->record;
    struct vch_group_state parent = {0};
    bool created = false;
    int64_t seq = 0;
    VCH_TRY(vch_sql_number(a->db, VCH_Q_GROUP_INSERT,
                           VCH_ARGS(VCH_T(g->name), VCH_T(g->id), VCH_I(g->created_ms), VCH_T(g->description),
                                    VCH_T(g->attributes)),
                           &created, &seq, a->diag));
    if (!created)
        return VCH_REFUSE(a->diag, VCH_ERR_EXISTS, GROUP_EXISTS, "thingGroupName", "The thing group %.*s exists already.",
                          VCH_STR_ARG(g->name));
    if (g->parent.len && vch_str_eq(g->parent, g->name))
        return VCH_REFUSE(a->diag, VCH_ERR_INVALID, GROUP_PARENT_MISSING, "parentGroupName",
                          "A thing group is not its own parent.");
    if (g->parent.len) VCH_TRY(check_parent(a, g, &parent));
    return place(a, seq, g->parent.len > 0, &parent);
}

void vch_plan_thing_group_create(struct vch_plan *p, const struct vch_rec_thing_group *g) {
    vch_plan_add_record(p, create, g, sizeof *g);
}

static enum vch_err expect_version(struct vch_apply *a, struct vch_str name, int64_t expected, int64_t version) {
    if (expected < 0 || expected == version) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_CONFLICT, GROUP_VERSION, "expectedVersion",
                      "The version for thing group %.*s does not match the expected version.", VCH_STR_ARG(name));
}

static enum vch_err update(struct vch_apply *a, const struct vch_step *step) {
    const struct vch_rec_thing_group *g = step->record;
    struct vch_group_state was;
    VCH_TRY(vch_group_state_of(a, g->name, &was));
    VCH_TRY(expect_version(a, g->name, step->number, was.version));
    if (step->ret) *(int64_t *)step->ret = was.version + 1;
    return vch_sql_run(a->db, VCH_Q_GROUP_UPDATE, VCH_ARGS(VCH_I(was.seq), VCH_T(g->description), VCH_T(g->attributes)),
                       NULL, a->diag);
}

void vch_plan_thing_group_update(struct vch_plan *p, const struct vch_rec_thing_group *g, int64_t expected, int64_t *ret_version) {
    vch_plan_add_record(p, update, g, sizeof *g);
    if (!p || p->failed) return;
    p->last->number = expected;
    p->last->ret = ret_version;
}

/* Text of AWS DeleteThingGroup. Members and policies go with the group. */
static enum vch_err delete(struct vch_apply *a, const struct vch_step *step) {
    struct vch_group_state was;
    bool found = false;
    VCH_TRY(find_state(a, step->name, &found, &was));
    if (!found) return VCH_OK;
    VCH_TRY(expect_version(a, step->name, step->number, was.version));
    if (was.children)
        return VCH_REFUSE(a->diag, VCH_ERR_STATE, GROUP_IN_USE, "thingGroupName",
                          "Cannot delete thing group : %.*s when there are still child groups attached to it.",
                          VCH_STR_ARG(step->name));
    VCH_TRY(vch_tags_forget(a, "thinggroup", step->name));
    VCH_TRY(vch_apply_changed_all(a, VCH_CHANGE_POLICY, VCH_Q_POLICY_NAMES_OF_GROUP_AND_ABOVE, step->name));
    return vch_sql_run(a->db, VCH_Q_GROUP_DELETE, VCH_ARGS(VCH_I(was.seq)), NULL, a->diag);
}

void vch_plan_thing_group_delete(struct vch_plan *p, struct vch_str name, int64_t expected) {
    VCH_STEP(p, delete, .name = name, .number = expected);
}
