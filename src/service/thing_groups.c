/* Thing groups. Source: AWS CreateThingGroup and its siblings; members are in
 * group_members.c. */
#include "core/names.h"
#include "core/reason.h"
#include "service/change.h"
#include "service/group_names.h"
#include "service/json_text.h"
#include "service/tags.h"
#include "service/thing_rules.h"

enum { TRIES_MAX = 8 };

static struct vch_str name_of(const struct vch_call *call) {
    return vch_val_str_at(call->in, "thingGroupName");
}

static enum vch_err begin(struct vch_call *call, const char *event, struct vch_change *change) {
    VCH_TRY(vch_change_begin(call, event, change));
    return vch_change_about(call, change, "thingGroupName", name_of(call));
}

/* What the request gives of the properties; the rest stays as `g` has it. */
static enum vch_err properties_read(struct vch_call *call, struct vch_rec_thing_group *g) {
    const struct vch_val *given = vch_val_get(call->in, "thingGroupProperties");
    const struct vch_val *payload = vch_val_get(given, "attributePayload");
    struct vch_val *old = NULL, *merged;
    if (vch_val_get(given, "thingGroupDescription")) g->description = vch_val_str_at(given, "thingGroupDescription");
    if (!payload && g->attributes.len) return VCH_OK;
    if (g->attributes.len && vch_val_bool_at(payload, "merge", false))
        VCH_TRY(vch_json_decode(g->attributes, NULL, call->arena, &old, call->diag));
    VCH_TRY(vch_thing_attributes_merge(call, old, vch_val_get(payload, "attributes"), &merged));
    VCH_TRY(vch_thing_attributes_check(call, merged, true));
    return vch_json_text(call, merged, &g->attributes);
}

static enum vch_err taken(struct vch_call *call, enum vch_err err) {
    struct vch_str text = vch_arena_printf(call->arena, "Thing Group %.*s already exists in current account with different properties",
                                           VCH_STR_ARG(name_of(call)));
    if (!text.ptr) return VCH_ERR_NOMEM;
    return vch_call_taken(call, err, "thinggroup", name_of(call), vch_reason_code(VCH_REASON_GROUP_EXISTS), text.ptr);
}

enum vch_err vch_uc_create_thing_group(struct vch_call *call) {
    struct vch_rec_thing_group g = {
        .name = name_of(call), .parent = vch_val_str_at(call->in, "parentGroupName"), .created_ms = call->now_ms};
    struct vch_change change;
    VCH_TRY(properties_read(call, &g));
    VCH_TRY(vch_new_uuid(call, &g.id));
    VCH_TRY(begin(call, "thing-group-created", &change));
    vch_plan_thing_group_create(change.plan, &g);
    VCH_TRY(vch_tags_at_creation(call, change.plan, "thinggroup", g.name));
    VCH_TRY(taken(call, vch_change_apply(call, &change)));
    return vch_put_created(call, "thingGroup", "thinggroup", g.name, g.id);
}

/* ---- reading ---- */

static enum vch_err put_properties(struct vch_call *call, const struct vch_rec_thing_group *g) {
    struct vch_val *properties = vch_val_put_map(call->arena, call->out, "thingGroupProperties");
    if (!properties) return VCH_ERR_NOMEM;
    if (g->description.len) VCH_TRY(vch_val_put_str(call->arena, properties, "thingGroupDescription", g->description));
    if (vch_str_eq_c(g->attributes, "{}")) return VCH_OK;
    struct vch_val *payload = vch_val_put_map(call->arena, properties, "attributePayload");
    return payload ? vch_put_json_text(call, payload, "attributes", g->attributes) : VCH_ERR_NOMEM;
}

static enum vch_err put_ancestors(struct vch_call *call, struct vch_val *metadata, const struct vch_rec_thing_group *g) {
    struct vch_list_str above;
    VCH_TRY(vch_val_put_str(call->arena, metadata, "parentGroupName", g->parent));
    VCH_TRY(vch_store_group_ancestors(call->service->store, g->name, &above, call->arena, call->diag));
    struct vch_val *list = vch_val_put_list(call->arena, metadata, "rootToParentThingGroups");
    if (!list) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < above.count; i++) VCH_TRY(vch_push_named(call, list, "thinggroup", above.items[i]));
    return VCH_OK;
}

static enum vch_err put_metadata(struct vch_call *call, const struct vch_rec_thing_group *g) {
    struct vch_val *metadata = vch_val_put_map(call->arena, call->out, "thingGroupMetadata");
    if (!metadata) return VCH_ERR_NOMEM;
    if (g->parent.len) VCH_TRY(put_ancestors(call, metadata, g));
    return vch_val_put_time(call->arena, metadata, "creationDate", g->created_ms);
}

enum vch_err vch_uc_describe_thing_group(struct vch_call *call) {
    struct vch_rec_thing_group g;
    VCH_TRY(vch_store_thing_group(call->service->store, name_of(call), &g, call->arena, call->diag));
    VCH_TRY(vch_put_created(call, "thingGroup", "thinggroup", g.name, g.id));
    VCH_TRY(vch_val_put_int(call->arena, call->out, "version", g.version));
    VCH_TRY(put_properties(call, &g));
    return put_metadata(call, &g);
}

enum vch_err vch_uc_list_thing_groups(struct vch_call *call) {
    const struct vch_thing_group_filter filter = {.parent = vch_val_str_at(call->in, "parentGroup"),
                                                  .prefix = vch_val_str_at(call->in, "namePrefixFilter"),
                                                  .recursive = vch_val_bool_at(call->in, "recursive", true)};
    struct vch_paging paging = {.list = "ListThingGroups"};
    struct vch_list_str list;
    paging.scope = vch_arena_printf(call->arena, "%zu:%.*s%d:%.*s", filter.parent.len, VCH_STR_ARG(filter.parent),
                                    filter.recursive ? 1 : 0, VCH_STR_ARG(filter.prefix));
    if (!paging.scope.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_thing_groups(call->service->store, &filter, paging.page, &list, call->arena, call->diag));
    return vch_put_named_page(call, &paging, "thingGroups", "thinggroup", &list);
}

/* ---- changes ---- */

static enum vch_err try_update(struct vch_call *call, int64_t *ret_version) {
    struct vch_rec_thing_group g;
    struct vch_change change;
    VCH_TRY(vch_store_thing_group(call->service->store, name_of(call), &g, call->arena, call->diag));
    VCH_TRY(properties_read(call, &g));
    VCH_TRY(begin(call, "thing-group-updated", &change));
    vch_plan_thing_group_update(change.plan, &g, vch_val_int_at(call->in, "expectedVersion", g.version), ret_version);
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_update_thing_group(struct vch_call *call) {
    int64_t version = 0;
    enum vch_err err = try_update(call, &version);
    /* Someone else was quicker: without a version to insist on, what is there now is changed. */
    for (int i = 1; i < TRIES_MAX && err == VCH_ERR_CONFLICT && !vch_val_get(call->in, "expectedVersion"); i++) {
        if (call->diag) vch_diag_clear(call->diag);
        err = try_update(call, &version);
    }
    return err == VCH_OK ? vch_val_put_int(call->arena, call->out, "version", version) : err;
}

enum vch_err vch_uc_delete_thing_group(struct vch_call *call) {
    struct vch_change change;
    VCH_TRY(begin(call, "thing-group-deleted", &change));
    vch_plan_thing_group_delete(change.plan, name_of(call), vch_val_int_at(call->in, "expectedVersion", -1));
    return vch_change_apply(call, &change);
}
