/* Which things are in which groups. Source: AWS AddThingToThingGroup: a thing is
 * in at most ten groups, never in two of one hierarchy. */
#include "core/names.h"
#include "store/groups_priv.h"

enum vch_err vch_thing_missing(struct vch_str name, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, THING_MISSING, "thingName", "There is no thing %.*s.", VCH_STR_ARG(name));
}

/* ---- reads ---- */

enum vch_err vch_store_group_things(struct vch_store *s, struct vch_str name, bool recursive, struct vch_page page,
                                    struct vch_list_str *ret, VCH_R) {
    const enum vch_query query = recursive ? VCH_Q_GROUP_THINGS_RECURSIVE : VCH_Q_GROUP_THINGS;
    const struct vch_owned_page what = {query, query, VCH_Q_GROUP_EXISTS, name, page};
    bool there = false;
    VCH_TRY(vch_read_owned(s, &what, ret, &there, arena, diag));
    return there ? VCH_OK : vch_group_missing(name, diag);
}

enum vch_err vch_store_groups_of_thing(struct vch_store *s, struct vch_str thing, struct vch_page page,
                                    struct vch_list_str *ret, VCH_R) {
    const struct vch_owned_page what = {VCH_Q_GROUPS_OF_THING, VCH_Q_GROUPS_OF_THING, VCH_Q_THING_EXISTS, thing, page};
    bool there = false;
    VCH_TRY(vch_read_owned(s, &what, ret, &there, arena, diag));
    return there ? VCH_OK : vch_thing_missing(thing, diag);
}

static void fill_thing(struct vch_cursor *row, void *record) {
    *(struct vch_rec_thing *)record = (struct vch_rec_thing){
        .name = vch_cursor_str(row, 0),
        .id = vch_cursor_str(row, 1),
        .type_name = vch_cursor_str(row, 2),
        .billing_group = vch_cursor_str(row, 3),
        .attributes = vch_cursor_str(row, 4),
        .version = vch_cursor_int(row, 5),
        .created_ms = vch_cursor_int(row, 6),
        .modified_ms = vch_cursor_int(row, 7),
    };
}

enum vch_err vch_store_things_by(struct vch_store *s, const struct vch_things_way *way, struct vch_page page,
                                 struct vch_list_thing *ret, VCH_R) {
    static const struct {
        enum vch_query query;
        size_t args;
    } ways[] = {[VCH_THINGS_BY_PREFIX] = {VCH_Q_THINGS_IN_RANGE, 4},
                [VCH_THINGS_BY_TYPE] = {VCH_Q_THINGS_OF_TYPE, 3},
                [VCH_THINGS_BY_GROUP] = {VCH_Q_THINGS_OF_GROUP, 3},
                [VCH_THINGS_BY_ATTRIBUTE] = {VCH_Q_THINGS_OF_ATTRIBUTE, 4}};
    char room[VCH_PREFIX_ROOM];
    struct vch_listing l = {.fill = fill_thing, .size = sizeof *ret->items, .limit = page.limit};
    bool range = way->by == VCH_THINGS_BY_PREFIX;
    /* One lower bound: of two, SQLite may enter the index by the lesser, and walk to the other. */
    bool later = range && vch_str_cmp(page.after, way->key) > 0;
    const struct vch_sql_arg args[] = {VCH_T(later ? page.after : way->key), VCH_T(page.after), VCH_I(vch_listing_ask(page.limit)),
                                       VCH_T(range ? vch_prefix_end(way->key, room) : way->attribute)};
    VCH_TRY(vch_read_list(s, ways[way->by].query, args, ways[way->by].args, &l, arena, diag));
    *ret = (struct vch_list_thing){l.items, l.count, l.more};
    return VCH_OK;
}

/* ---- writes ---- */

static enum vch_err need_thing(struct vch_apply *a, struct vch_str name, int64_t *ret_seq) {
    bool found = false;
    VCH_TRY(vch_seq_of(a, VCH_Q_THING_EXISTS, name, &found, ret_seq));
    return found ? VCH_OK : vch_thing_missing(name, a->diag);
}

static enum vch_err told(struct vch_apply *a, struct vch_str thing) {
    return vch_apply_changed_all(a, VCH_CHANGE_CERTIFICATE, VCH_Q_CERTIFICATES_OF_THING, thing);
}

/* What the thing is in already. */
struct memberships {
    int64_t count;
    bool here, hierarchy;
};

static enum vch_err look(struct vch_apply *a, int64_t thing, const struct vch_group_state *group,
                         struct memberships *ret) {
    VCH_CURSOR cursor = {0};
    *ret = (struct memberships){0};
    VCH_TRY(vch_cursor_start(&cursor, a->db, VCH_Q_GROUP_MEMBERSHIP, VCH_ARGS(VCH_I(thing)), a->diag));
    for (;;) {
        bool row = false;
        VCH_TRY(vch_cursor_next(&cursor, &row, a->diag));
        if (!row) return VCH_OK;
        ret->count++;
        if (vch_cursor_int(&cursor, 0) == group->seq) ret->here = true;
        else if (vch_cursor_int(&cursor, 1) == group->root) ret->hierarchy = true;
    }
}

static enum vch_err may_join(struct vch_apply *a, const struct vch_step *step, const struct memberships *in) {
    if (in->hierarchy)
        return VCH_REFUSE(a->diag, VCH_ERR_INVALID, GROUP_HIERARCHY, "thingGroupName",
                          "Thing %.*s is in another group of the hierarchy of %.*s already.", VCH_STR_ARG(step->other),
                          VCH_STR_ARG(step->name));
    if (in->count >= VCH_GROUPS_PER_THING_MAX)
        return VCH_REFUSE(a->diag, VCH_ERR_INVALID, GROUPS_PER_THING, "thingName",
                          "Thing %.*s is in the greatest number of groups already (%d).", VCH_STR_ARG(step->other),
                          VCH_GROUPS_PER_THING_MAX);
    return VCH_OK;
}

static enum vch_err add(struct vch_apply *a, const struct vch_step *step) {
    struct vch_group_state group;
    struct memberships in;
    int64_t thing = 0;
    VCH_TRY(vch_group_state_of(a, step->name, &group));
    VCH_TRY(need_thing(a, step->other, &thing));
    VCH_TRY(look(a, thing, &group, &in));
    if (in.here) return VCH_OK;
    VCH_TRY(may_join(a, step, &in));
    VCH_TRY(vch_sql_run(a->db, VCH_Q_GROUP_ADD, VCH_ARGS(VCH_I(thing), VCH_I(group.seq), VCH_T(step->other)), NULL,
                        a->diag));
    return told(a, step->other);
}

void vch_plan_thing_group_add(struct vch_plan *p, struct vch_str group, struct vch_str thing) {
    VCH_STEP(p, add, .name = group, .other = thing);
}

static enum vch_err take_out(struct vch_apply *a, const struct vch_step *step) {
    struct vch_group_state group;
    int64_t thing = 0, changes = 0;
    VCH_TRY(vch_group_state_of(a, step->name, &group));
    VCH_TRY(need_thing(a, step->other, &thing));
    VCH_TRY(vch_sql_run(a->db, VCH_Q_GROUP_REMOVE, VCH_ARGS(VCH_I(thing), VCH_I(group.seq)), &changes, a->diag));
    return changes ? told(a, step->other) : VCH_OK;
}

void vch_plan_thing_group_remove(struct vch_plan *p, struct vch_str group, struct vch_str thing) {
    VCH_STEP(p, take_out, .name = group, .other = thing);
}

static enum vch_err leave_all(struct vch_apply *a, const struct vch_step *step) {
    int64_t thing = 0, changes = 0;
    VCH_TRY(need_thing(a, step->name, &thing));
    VCH_TRY(vch_sql_run(a->db, VCH_Q_GROUP_LEAVE_ALL, VCH_ARGS(VCH_I(thing)), &changes, a->diag));
    return changes ? told(a, step->name) : VCH_OK;
}

void vch_plan_thing_group_leave_all(struct vch_plan *p, struct vch_str thing) {
    VCH_STEP(p, leave_all, .name = thing);
}
