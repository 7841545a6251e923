#include "service/template_things.h"

#include "base/digest.h"
#include "core/reason.h"

static enum vch_err missing(struct vch_call *call, const char *what, struct vch_str name) {
    return VCH_REFUSE(call->diag, VCH_ERR_NOT_FOUND, RESOURCE_MISSING, "", "The template names %s %.*s, which does not exist.",
                      what, VCH_STR_ARG(name));
}

/* The registry of this version keeps no types and groups, so none exists. */
static enum vch_err check_references(struct vch_call *call, const struct vch_template_plan *wanted) {
    if (wanted->thing_type.len) return missing(call, "thing type", wanted->thing_type);
    if (wanted->group_count) return missing(call, "thing group", wanted->groups[0]);
    if (wanted->billing_group.len) return missing(call, "billing group", wanted->billing_group);
    return VCH_OK;
}

static enum vch_err attributes_of(struct vch_call *call, const struct vch_template_plan *wanted, struct vch_val **ret) {
    *ret = vch_val_new_map(call->arena);
    if (!*ret) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < wanted->attribute_count; i++) {
        struct vch_val *slot = vch_val_put_str_name(call->arena, *ret, wanted->attributes[i].name);
        if (!slot) return VCH_ERR_NOMEM;
        *slot = (struct vch_val){.type = VCH_VAL_STR, .str = wanted->attributes[i].value};
    }
    return VCH_OK;
}

static enum vch_err to_json(struct vch_call *call, const struct vch_val *val, struct vch_str *ret) {
    struct vch_buf buf;
    vch_buf_init(&buf, 65536);
    vch_json_encode(val, &buf);
    struct vch_str text;
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) *ret = vch_arena_str(call->arena, text);
    vch_buf_deinit(&buf);
    return err == VCH_OK && !ret->ptr ? VCH_ERR_NOMEM : err;
}

/* Old attributes, overlaid with the template's. */
static enum vch_err merge(struct vch_call *call, const struct vch_val *old, struct vch_val *wanted) {
    for (size_t i = 0; i < old->count; i++) {
        if (vch_val_get_str(wanted, old->members[i].name)) continue;
        struct vch_val *slot = vch_val_put_str_name(call->arena, wanted, old->members[i].name);
        if (!slot) return VCH_ERR_NOMEM;
        *slot = old->members[i].value;
    }
    return VCH_OK;
}

static enum vch_err plan_existing(struct vch_call *call, const struct vch_template_plan *wanted,
                                  struct vch_rec_thing *thing, struct vch_val *attributes, struct vch_plan *plan) {
    struct vch_val *old;
    VCH_TRY(vch_json_decode(thing->attributes, NULL, call->arena, &old, call->diag));
    if (wanted->attribute_count == 0 && wanted->override_attributes != VCH_OVERRIDE_REPLACE) return VCH_OK;
    if (vch_val_eq(old, attributes)) return VCH_OK;
    switch (wanted->override_attributes) {
    case VCH_OVERRIDE_DO_NOTHING: return VCH_OK;
    case VCH_OVERRIDE_MERGE: VCH_TRY(merge(call, old, attributes)); break;
    case VCH_OVERRIDE_REPLACE: break;
    case VCH_OVERRIDE_DEFAULT:
    case VCH_OVERRIDE_FAIL:
        return VCH_REFUSE(call->diag, VCH_ERR_CONFLICT, THING_CONFLICT, "", "Thing %.*s exists with other attributes.",
                          VCH_STR_ARG(thing->name));
    }
    struct vch_rec_thing *changed = VCH_ARENA_NEW(call->arena, struct vch_rec_thing);
    if (!changed) return VCH_ERR_NOMEM;
    *changed = *thing;
    changed->modified_ms = call->now_ms;
    VCH_TRY(to_json(call, attributes, &changed->attributes));
    vch_plan_thing_update(plan, changed);
    return VCH_OK;
}

static enum vch_err plan_new_thing(struct vch_call *call, struct vch_str name, const struct vch_val *attributes,
                                   struct vch_plan *plan) {
    char uuid[37];
    vch_uuid(uuid);
    struct vch_rec_thing *thing = VCH_ARENA_NEW(call->arena, struct vch_rec_thing);
    if (!thing) return VCH_ERR_NOMEM;
    thing->name = name;
    thing->id = vch_arena_str(call->arena, vch_str_from(uuid));
    if (!thing->id.ptr) return VCH_ERR_NOMEM;
    thing->version = 1;
    thing->created_ms = thing->modified_ms = call->now_ms;
    VCH_TRY(to_json(call, attributes, &thing->attributes));
    vch_plan_thing_ensure(plan, thing, NULL);
    return VCH_OK;
}

enum vch_err vch_template_things_plan(struct vch_call *call, const struct vch_template_plan *wanted,
                                      struct vch_str certificate_id, struct vch_plan *plan) {
    if (!wanted->has_thing) return VCH_OK;
    VCH_TRY(check_references(call, wanted));
    struct vch_val *attributes;
    VCH_TRY(attributes_of(call, wanted, &attributes));
    struct vch_rec_thing existing;
    enum vch_err err = vch_store_thing(call->service->store, wanted->thing_name, &existing, call->arena, NULL);
    if (err == VCH_OK) VCH_TRY(plan_existing(call, wanted, &existing, attributes, plan));
    else if (err == VCH_ERR_NOT_FOUND) VCH_TRY(plan_new_thing(call, wanted->thing_name, attributes, plan));
    else return VCH_REFUSE(call->diag, err, STORE_FAILED, "", "The registry could not be read.");
    vch_plan_thing_attach(plan, wanted->thing_name, certificate_id, wanted->exclusive_thing);
    return VCH_OK;
}
