/* Things made and changed. Source: AWS CreateThing, UpdateThing. */
#include "base/digest.h"
#include "core/names.h"
#include "core/reason.h"
#include "service/change.h"
#include "service/thing_rules.h"

enum { TRIES_MAX = 8 };

static struct vch_str name_of(const struct vch_call *call) {
    return vch_val_str_at(call->in, "thingName");
}

static const struct vch_val *given_attributes(const struct vch_call *call) {
    return vch_val_get(vch_val_get(call->in, "attributePayload"), "attributes");
}

/* ---- creation ---- */

/* Source: AWS CreateThing: the same name with the same configuration succeeds. */
static enum vch_err same_again(struct vch_call *call, const struct vch_rec_thing *wanted, const struct vch_val *attributes,
                               struct vch_rec_thing *ret) {
    struct vch_val *have;
    VCH_TRY(vch_store_thing(call->service->store, wanted->name, ret, call->arena, call->diag));
    VCH_TRY(vch_thing_attributes_decode(call, ret, &have));
    if (vch_str_eq(ret->type_name, wanted->type_name) && vch_str_eq(ret->billing_group, wanted->billing_group) &&
        vch_val_eq(have, attributes))
        return VCH_OK;
    struct vch_str message = vch_arena_printf(call->arena, "Thing %.*s already exists in account with different configuration",
                                              VCH_STR_ARG(wanted->name));
    if (!message.ptr) return VCH_ERR_NOMEM;
    return vch_call_taken(call, VCH_ERR_EXISTS, "thing", wanted->name, vch_reason_code(VCH_REASON_THING_EXISTS), message.ptr);
}

static enum vch_err insert(struct vch_call *call, struct vch_rec_thing *thing, const struct vch_val *attributes) {
    struct vch_change change;
    struct vch_rec_thing existing;
    VCH_TRY(vch_change_begin(call, "thing-created", &change));
    change.row.thing_name = thing->name;
    vch_plan_thing_create(change.plan, thing);
    vch_thing_references_need(change.plan, thing->type_name, thing->billing_group);
    enum vch_err err = vch_change_apply(call, &change);
    if (err != VCH_ERR_EXISTS) return err;
    if (call->diag) vch_diag_clear(call->diag);
    VCH_TRY(same_again(call, thing, attributes, &existing));
    *thing = existing;
    return VCH_OK;
}

enum vch_err vch_uc_create_thing(struct vch_call *call) {
    char uuid[37];
    struct vch_val *attributes;
    struct vch_rec_thing thing = {
        .name = name_of(call),
        .type_name = vch_val_str_at(call->in, "thingTypeName"),
        .billing_group = vch_val_str_at(call->in, "billingGroupName"),
        .version = 1,
        .created_ms = call->now_ms,
        .modified_ms = call->now_ms,
    };
    vch_uuid(uuid);
    thing.id = vch_arena_str(call->arena, vch_str_from(uuid));
    if (!thing.id.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_thing_attributes_merge(call, NULL, given_attributes(call), &attributes));
    VCH_TRY(vch_thing_attributes_check(call, attributes, thing.type_name.len > 0));
    VCH_TRY(vch_thing_attributes_encode(call, attributes, &thing.attributes));
    VCH_TRY(insert(call, &thing, attributes));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "thingName", thing.name));
    VCH_TRY(vch_put_arn(call, call->out, "thingArn", "thing", thing.name));
    return vch_val_put_str(call->arena, call->out, "thingId", thing.id);
}

/* ---- change ---- */

/* Without a payload the attributes stay. */
static enum vch_err new_attributes(struct vch_call *call, const struct vch_rec_thing *thing, struct vch_val **ret) {
    const struct vch_val *payload = vch_val_get(call->in, "attributePayload");
    struct vch_val *old;
    VCH_TRY(vch_thing_attributes_decode(call, thing, &old));
    if (!payload) {
        *ret = old;
        return VCH_OK;
    }
    bool merge = vch_val_bool_at(payload, "merge", false);
    return vch_thing_attributes_merge(call, merge ? old : NULL, given_attributes(call), ret);
}

static enum vch_err changed(struct vch_call *call, struct vch_rec_thing *thing) {
    struct vch_str type = vch_val_str_at(call->in, "thingTypeName");
    struct vch_val *attributes;
    VCH_TRY(new_attributes(call, thing, &attributes));
    if (type.len) thing->type_name = type;
    if (vch_val_bool_at(call->in, "removeThingType", false)) thing->type_name = VCH_STR("");
    VCH_TRY(vch_thing_attributes_check(call, attributes, thing->type_name.len > 0));
    thing->modified_ms = call->now_ms;
    return vch_thing_attributes_encode(call, attributes, &thing->attributes);
}

static enum vch_err try_update(struct vch_call *call) {
    struct vch_rec_thing thing;
    struct vch_change change;
    VCH_TRY(vch_store_thing(call->service->store, name_of(call), &thing, call->arena, call->diag));
    VCH_TRY(vch_thing_version_check(call, &thing));
    struct vch_str old_type = thing.type_name;
    VCH_TRY(changed(call, &thing));
    VCH_TRY(vch_change_begin(call, "thing-updated", &change));
    change.row.thing_name = thing.name;
    if (!vch_str_eq(old_type, thing.type_name)) vch_thing_references_need(change.plan, thing.type_name, VCH_STR(""));
    vch_plan_thing_change(change.plan, &thing);
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_update_thing(struct vch_call *call) {
    if (vch_val_bool_at(call->in, "removeThingType", false) && vch_val_get(call->in, "thingTypeName"))
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_INVALID, "removeThingType",
                          "removeThingType and thingTypeName do not go together.");
    enum vch_err err = try_update(call);
    /* Someone else was quicker: with no version of its own to insist on, the
     * request is carried out on what is there now. */
    for (int i = 1; i < TRIES_MAX && err == VCH_ERR_CONFLICT && !vch_val_get(call->in, "expectedVersion"); i++) {
        if (call->diag) vch_diag_clear(call->diag);
        err = try_update(call);
    }
    return err;
}
