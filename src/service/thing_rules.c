#include "service/thing_rules.h"

#include "core/names.h"
#include "core/reason.h"
#include "store/groups.h"

enum { ATTRIBUTES_JSON_MAX = 65536 };

enum vch_err vch_thing_attributes_decode(struct vch_call *call, const struct vch_rec_thing *thing, struct vch_val **ret) {
    if (thing->attributes.len) return vch_json_decode(thing->attributes, NULL, call->arena, ret, call->diag);
    *ret = vch_val_new_map(call->arena);
    return *ret ? VCH_OK : VCH_ERR_NOMEM;
}

enum vch_err vch_thing_attributes_encode(struct vch_call *call, const struct vch_val *attributes, struct vch_str *ret) {
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, ATTRIBUTES_JSON_MAX);
    vch_json_encode(attributes, &buf);
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) *ret = vch_arena_str(call->arena, text);
    vch_buf_deinit(&buf);
    return err == VCH_OK && !ret->ptr ? VCH_ERR_NOMEM : err;
}

static enum vch_err overlay(struct vch_call *call, const struct vch_val *from, const struct vch_val *above,
                            struct vch_val *to) {
    for (size_t i = 0; from && i < from->count; i++) {
        const struct vch_member *member = &from->members[i];
        if (vch_val_get_str(above, member->name)) continue;
        if (!vch_val_is(&member->value, VCH_VAL_STR) || member->value.str.len == 0) continue;
        struct vch_val *slot = vch_val_put_str_name(call->arena, to, member->name);
        if (!slot) return VCH_ERR_NOMEM;
        *slot = member->value;
    }
    return VCH_OK;
}

enum vch_err vch_thing_attributes_merge(struct vch_call *call, const struct vch_val *old, const struct vch_val *given,
                                        struct vch_val **ret) {
    *ret = vch_val_new_map(call->arena);
    if (!*ret) return VCH_ERR_NOMEM;
    VCH_TRY(overlay(call, old, given, *ret));
    return overlay(call, given, NULL, *ret);
}

static enum vch_err refuse(struct vch_call *call, const char *what, struct vch_str name) {
    return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_INVALID, "attributePayload", "The %s of the attribute %.*s is not valid.",
                      what, name.len > 128 ? 128 : (int)name.len, name.ptr);
}

enum vch_err vch_thing_attributes_check(struct vch_call *call, const struct vch_val *attributes, bool typed) {
    size_t max = typed ? VCH_THING_ATTRIBUTES_MAX : VCH_THING_ATTRIBUTES_UNTYPED_MAX;
    for (size_t i = 0; i < attributes->count; i++) {
        const struct vch_member *member = &attributes->members[i];
        if (!vch_attribute_name_valid(member->name)) return refuse(call, "name", member->name);
        if (!vch_attribute_value_valid(member->value.str)) return refuse(call, "value", member->name);
    }
    if (attributes->count <= max) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_INVALID, "attributePayload",
                      "A thing %s a type has at most %zu attributes.", typed ? "with" : "without", max);
}

void vch_thing_references_need(struct vch_plan *plan, struct vch_str type, struct vch_str billing_group) {
    if (type.len) vch_plan_need_thing_type(plan, type);
    if (billing_group.len) vch_plan_need_billing_group(plan, billing_group);
}

enum vch_err vch_thing_version_check(struct vch_call *call, const struct vch_rec_thing *thing) {
    if (vch_val_int_at(call->in, "expectedVersion", thing->version) == thing->version) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_CONFLICT, THING_VERSION, "expectedVersion",
                      "The version for thing %.*s does not match the expected version.", VCH_STR_ARG(thing->name));
}
