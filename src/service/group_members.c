/* Things in groups. Source: AWS AddThingToThingGroup and its siblings. */
#include "core/reason.h"
#include "service/change.h"
#include "service/group_names.h"

static const struct vch_named_input thing_input = {"thingName", "thingArn", "thing"};
static const struct vch_named_input group_input = {"thingGroupName", "thingGroupArn", "thinggroup"};

static enum vch_err begin(struct vch_call *call, const char *event, struct vch_str group, struct vch_str thing,
                          struct vch_change *change) {
    VCH_TRY(vch_change_begin(call, event, change));
    change->row.thing_name = thing;
    return vch_change_about(call, change, "thingGroupName", group);
}

enum vch_err vch_uc_add_thing_to_thing_group(struct vch_call *call) {
    struct vch_change change;
    struct vch_str thing, group;
    VCH_TRY(vch_named_input(call, &group_input, &group));
    VCH_TRY(vch_named_input(call, &thing_input, &thing));
    VCH_TRY(begin(call, "thing-group-joined", group, thing, &change));
    vch_plan_thing_group_add(change.plan, group, thing);
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_remove_thing_from_thing_group(struct vch_call *call) {
    struct vch_change change;
    struct vch_str thing, group;
    VCH_TRY(vch_named_input(call, &group_input, &group));
    VCH_TRY(vch_named_input(call, &thing_input, &thing));
    VCH_TRY(begin(call, "thing-group-left", group, thing, &change));
    vch_plan_thing_group_remove(change.plan, group, thing);
    return vch_change_apply(call, &change);
}

static enum vch_err joined(struct vch_call *call, const char *input, struct vch_str *ret) {
    const struct vch_val *list = vch_val_get(call->in, input);
    *ret = VCH_STR("");
    for (size_t i = 0; list && i < list->count; i++) {
        *ret = vch_arena_printf(call->arena, "%.*s%s%.*s", VCH_STR_ARG(*ret), i ? " " : "", VCH_STR_ARG(list->items[i].str));
        if (!ret->ptr) return VCH_ERR_NOMEM;
    }
    return VCH_OK;
}

static enum vch_err begin_update(struct vch_call *call, struct vch_str thing, struct vch_change *change) {
    const char *names[] = {"added", "removed", NULL};
    struct vch_str values[2];
    VCH_TRY(joined(call, "thingGroupsToAdd", &values[0]));
    VCH_TRY(joined(call, "thingGroupsToRemove", &values[1]));
    VCH_TRY(vch_change_begin(call, "thing-groups-updated", change));
    change->row.thing_name = thing;
    return vch_change_detail(call, change, names, values);
}

/* Out first, so that a thing can move within a hierarchy. */
enum vch_err vch_uc_update_thing_groups_for_thing(struct vch_call *call) {
    const struct vch_val *add = vch_val_get(call->in, "thingGroupsToAdd");
    const struct vch_val *out = vch_val_get(call->in, "thingGroupsToRemove");
    struct vch_str thing = vch_val_str_at(call->in, "thingName");
    struct vch_change change;
    if (thing.len == 0)
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_MISSING, "thingName", "The required member thingName is missing.");
    VCH_TRY(begin_update(call, thing, &change));
    for (size_t i = 0; out && i < out->count; i++) vch_plan_thing_group_remove(change.plan, out->items[i].str, thing);
    for (size_t i = 0; add && i < add->count; i++) vch_plan_thing_group_add(change.plan, add->items[i].str, thing);
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_list_things_in_thing_group(struct vch_call *call) {
    struct vch_str group = vch_val_str_at(call->in, "thingGroupName");
    bool recursive = vch_val_bool_at(call->in, "recursive", false);
    struct vch_paging paging = {.list = "ListThingsInThingGroup"};
    struct vch_list_str list;
    paging.scope = vch_arena_printf(call->arena, "%d%.*s", recursive ? 1 : 0, VCH_STR_ARG(group));
    if (!paging.scope.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_group_things(call->service->store, group, recursive, paging.page, &list, call->arena, call->diag));
    return vch_put_name_page(call, &paging, "things", &list);
}

enum vch_err vch_uc_list_thing_groups_for_thing(struct vch_call *call) {
    struct vch_str thing = vch_val_str_at(call->in, "thingName");
    struct vch_paging paging = {.list = "ListThingGroupsForThing", .scope = thing};
    struct vch_list_str list;
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_groups_of_thing(call->service->store, thing, paging.page, &list, call->arena, call->diag));
    return vch_put_named_page(call, &paging, "thingGroups", "thinggroup", &list);
}
