/* Thing types. Source: AWS CreateThingType and its siblings. */
#include "core/names.h"
#include "core/reason.h"
#include "service/change.h"
#include "service/group_names.h"
#include "service/json_text.h"
#include "service/tags.h"

static struct vch_str name_of(const struct vch_call *call) {
    return vch_val_str_at(call->in, "thingTypeName");
}

static enum vch_err begin(struct vch_call *call, const char *event, struct vch_change *change) {
    VCH_TRY(vch_change_begin(call, event, change));
    return vch_change_about(call, change, "thingTypeName", name_of(call));
}

/* What the request gives of the properties; the rest stays. */
static enum vch_err properties_read(struct vch_call *call, struct vch_rec_thing_type *t) {
    const struct vch_val *given = vch_val_get(call->in, "thingTypeProperties");
    const struct vch_val *searchable = vch_val_get(given, "searchableAttributes");
    const struct vch_val *mqtt5 = vch_val_get(given, "mqtt5Configuration");
    if (vch_val_get(given, "thingTypeDescription")) t->description = vch_val_str_at(given, "thingTypeDescription");
    if (searchable) VCH_TRY(vch_json_text(call, searchable, &t->searchable));
    if (mqtt5) VCH_TRY(vch_json_text(call, mqtt5, &t->mqtt5));
    return VCH_OK;
}

static enum vch_err taken(struct vch_call *call, enum vch_err err) {
    struct vch_str text = vch_arena_printf(call->arena, "Thing Type %.*s already exists in current account with different properties",
                                           VCH_STR_ARG(name_of(call)));
    if (!text.ptr) return VCH_ERR_NOMEM;
    return vch_call_taken(call, err, "thingtype", name_of(call), vch_reason_code(VCH_REASON_THING_TYPE_EXISTS), text.ptr);
}

enum vch_err vch_uc_create_thing_type(struct vch_call *call) {
    struct vch_rec_thing_type t = {.name = name_of(call), .created_ms = call->now_ms};
    struct vch_change change;
    VCH_TRY(properties_read(call, &t));
    VCH_TRY(vch_new_uuid(call, &t.id));
    VCH_TRY(begin(call, "thing-type-created", &change));
    vch_plan_thing_type_create(change.plan, &t);
    VCH_TRY(vch_tags_at_creation(call, change.plan, "thingtype", t.name));
    VCH_TRY(taken(call, vch_change_apply(call, &change)));
    return vch_put_created(call, "thingType", "thingtype", t.name, t.id);
}

/* ---- reading ---- */

static enum vch_err put_properties(struct vch_call *call, struct vch_val *map, const struct vch_rec_thing_type *t) {
    struct vch_val *properties = vch_val_put_map(call->arena, map, "thingTypeProperties");
    if (!properties) return VCH_ERR_NOMEM;
    if (t->description.len) VCH_TRY(vch_val_put_str(call->arena, properties, "thingTypeDescription", t->description));
    VCH_TRY(vch_put_json_text(call, properties, "searchableAttributes", t->searchable));
    return vch_put_json_text(call, properties, "mqtt5Configuration", t->mqtt5);
}

static enum vch_err put_metadata(struct vch_call *call, struct vch_val *map, const struct vch_rec_thing_type *t) {
    struct vch_val *metadata = vch_val_put_map(call->arena, map, "thingTypeMetadata");
    if (!metadata) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_bool(call->arena, metadata, "deprecated", t->deprecated_ms != 0));
    if (t->deprecated_ms) VCH_TRY(vch_val_put_time(call->arena, metadata, "deprecationDate", t->deprecated_ms));
    return vch_val_put_time(call->arena, metadata, "creationDate", t->created_ms);
}

static enum vch_err put_type(struct vch_call *call, struct vch_val *map, const struct vch_rec_thing_type *t) {
    if (!map) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, map, "thingTypeName", t->name));
    VCH_TRY(vch_put_arn(call, map, "thingTypeArn", "thingtype", t->name));
    VCH_TRY(put_properties(call, map, t));
    return put_metadata(call, map, t);
}

enum vch_err vch_uc_describe_thing_type(struct vch_call *call) {
    struct vch_rec_thing_type t;
    VCH_TRY(vch_store_thing_type(call->service->store, name_of(call), &t, call->arena, call->diag));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "thingTypeId", t.id));
    return put_type(call, call->out, &t);
}

/* A name asked for is the only one listed. */
static enum vch_err read_page(struct vch_call *call, struct vch_page page, struct vch_list_thing_type *ret) {
    if (name_of(call).len == 0) return vch_store_thing_types(call->service->store, page, ret, call->arena, call->diag);
    *ret = (struct vch_list_thing_type){.items = VCH_ARENA_NEW(call->arena, struct vch_rec_thing_type), .count = 1};
    if (!ret->items) return VCH_ERR_NOMEM;
    enum vch_err err = vch_store_thing_type(call->service->store, name_of(call), ret->items, call->arena, NULL);
    if (err != VCH_ERR_NOT_FOUND)
        return err == VCH_OK ? err : VCH_REFUSE(call->diag, err, STORE_FAILED, "", "The registry could not be read.");
    ret->count = 0;
    return VCH_OK;
}

enum vch_err vch_uc_list_thing_types(struct vch_call *call) {
    struct vch_paging paging = {.list = "ListThingTypes", .scope = name_of(call)};
    struct vch_list_thing_type list;
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(read_page(call, paging.page, &list));
    struct vch_val *types = vch_val_put_list(call->arena, call->out, "thingTypes");
    if (!types) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < list.count; i++)
        VCH_TRY(put_type(call, vch_val_push_map(call->arena, types), &list.items[i]));
    return vch_paging_close(call, &paging, list.more, list.count ? list.items[list.count - 1].name : VCH_STR(""));
}

/* ---- changes ---- */

enum vch_err vch_uc_update_thing_type(struct vch_call *call) {
    struct vch_rec_thing_type t;
    struct vch_change change;
    VCH_TRY(vch_store_thing_type(call->service->store, name_of(call), &t, call->arena, call->diag));
    VCH_TRY(properties_read(call, &t));
    VCH_TRY(begin(call, "thing-type-updated", &change));
    vch_plan_thing_type_update(change.plan, &t);
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_deprecate_thing_type(struct vch_call *call) {
    bool undo = vch_val_bool_at(call->in, "undoDeprecate", false);
    struct vch_change change;
    VCH_TRY(begin(call, undo ? "thing-type-restored" : "thing-type-deprecated", &change));
    vch_plan_thing_type_deprecate(change.plan, name_of(call), undo ? 0 : call->now_ms);
    return vch_change_apply(call, &change);
}

/* Source: AWS "Deleting a thing type": five minutes after deprecation. */
enum vch_err vch_uc_delete_thing_type(struct vch_call *call) {
    struct vch_change change;
    VCH_TRY(begin(call, "thing-type-deleted", &change));
    vch_plan_thing_type_delete(change.plan, name_of(call), call->now_ms, VCH_THING_TYPE_WAIT_MS);
    return vch_change_apply(call, &change);
}
