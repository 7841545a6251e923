#include "service/template_things.h"

#include "base/digest.h"
#include "core/reason.h"
#include "service/thing_rules.h"
#include "store/groups.h"

/* Names of types, groups and billing groups are resolved by the plan's guards,
 * inside the transaction. */

/* What an existing thing has, and what the template wants of it. */
struct meeting {
    struct vch_call *call;
    const struct vch_template_plan *wanted;
    const struct vch_rec_thing *thing;
    struct vch_val *attributes; /* the template's */
    struct vch_plan *plan;
};

static enum vch_err attributes_of(struct vch_call *call, const struct vch_template_plan *wanted, struct vch_val **ret) {
    struct vch_val *all = vch_val_new_map(call->arena);
    if (!all) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < wanted->attribute_count; i++) {
        struct vch_val *slot = vch_val_put_str_name(call->arena, all, wanted->attributes[i].name);
        if (!slot) return VCH_ERR_NOMEM;
        *slot = (struct vch_val){.type = VCH_VAL_STR, .str = wanted->attributes[i].value};
    }
    return vch_thing_attributes_merge(call, NULL, all, ret);
}

static enum vch_err attributes_check(struct vch_call *call, const struct vch_val *attributes, struct vch_str type) {
    size_t max = type.len ? VCH_THING_ATTRIBUTES_MAX : VCH_THING_ATTRIBUTES_UNTYPED_MAX;
    if (attributes->count <= max) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_INVALID, PARAMETER_INVALID, "", "A thing %s a type has at most %zu attributes.",
                      type.len ? "with" : "without", max);
}

static enum vch_err differs(const struct meeting *m, const char *what) {
    return VCH_REFUSE(m->call->diag, VCH_ERR_CONFLICT, THING_CONFLICT, "", "Thing %.*s exists with %s.",
                      VCH_STR_ARG(m->thing->name), what);
}

/* ---- attributes and type ---- */

/* *ret stays NULL when the thing keeps its attributes. */
static enum vch_err new_attributes(const struct meeting *m, struct vch_val **ret) {
    struct vch_val *old;
    *ret = NULL;
    if (m->attributes->count == 0 && m->wanted->override_attributes != VCH_OVERRIDE_REPLACE) return VCH_OK;
    VCH_TRY(vch_thing_attributes_decode(m->call, m->thing, &old));
    if (vch_val_eq(old, m->attributes)) return VCH_OK;
    switch (m->wanted->override_attributes) {
    case VCH_OVERRIDE_DO_NOTHING: return VCH_OK;
    case VCH_OVERRIDE_MERGE: return vch_thing_attributes_merge(m->call, old, m->attributes, ret);
    case VCH_OVERRIDE_REPLACE: *ret = m->attributes; return VCH_OK;
    case VCH_OVERRIDE_DEFAULT:
    case VCH_OVERRIDE_FAIL: break;
    }
    return differs(m, "other attributes");
}

static enum vch_err new_type(const struct meeting *m, struct vch_str *ret) {
    struct vch_str wanted = m->wanted->thing_type;
    *ret = m->thing->type_name;
    if (wanted.len == 0 || vch_str_eq(wanted, *ret) || m->wanted->override_type == VCH_OVERRIDE_DO_NOTHING) return VCH_OK;
    if (m->wanted->override_type != VCH_OVERRIDE_REPLACE) return differs(m, "another type");
    vch_plan_need_thing_type(m->plan, wanted);
    *ret = wanted;
    return VCH_OK;
}

static enum vch_err plan_change(const struct meeting *m) {
    struct vch_rec_thing changed = *m->thing;
    struct vch_val *attributes;
    VCH_TRY(new_attributes(m, &attributes));
    VCH_TRY(new_type(m, &changed.type_name));
    if (!attributes && vch_str_eq(changed.type_name, m->thing->type_name)) return VCH_OK;
    if (attributes) {
        VCH_TRY(attributes_check(m->call, attributes, changed.type_name));
        VCH_TRY(vch_thing_attributes_encode(m->call, attributes, &changed.attributes));
    }
    changed.modified_ms = m->call->now_ms;
    vch_plan_thing_change(m->plan, &changed);
    return VCH_OK;
}

/* ---- groups ---- */

static bool listed(const struct vch_template_plan *wanted, struct vch_str name) {
    for (size_t i = 0; i < wanted->group_count; i++)
        if (vch_str_eq(wanted->groups[i], name)) return true;
    return false;
}

static bool same_groups(const struct vch_template_plan *wanted, const struct vch_list_str *have) {
    if (have->count != wanted->group_count) return false;
    for (size_t i = 0; i < have->count; i++)
        if (!listed(wanted, have->items[i])) return false;
    return true;
}

static void plan_join(struct vch_plan *plan, const struct vch_template_plan *wanted) {
    for (size_t i = 0; i < wanted->group_count; i++) vch_plan_thing_group_add(plan, wanted->groups[i], wanted->thing_name);
}

static enum vch_err plan_groups(const struct meeting *m) {
    const struct vch_page page = {.limit = 64};
    struct vch_list_str have;
    if (!m->wanted->groups_given || m->wanted->override_groups == VCH_OVERRIDE_DO_NOTHING) return VCH_OK;
    if (m->wanted->group_count == 0 && m->wanted->override_groups != VCH_OVERRIDE_REPLACE) return VCH_OK;
    VCH_TRY(vch_store_groups_of_thing(m->call->service->store, m->thing->name, page, &have, m->call->arena, m->call->diag));
    if (same_groups(m->wanted, &have)) return VCH_OK;
    if (m->wanted->override_groups != VCH_OVERRIDE_REPLACE && m->wanted->override_groups != VCH_OVERRIDE_MERGE)
        return differs(m, "other groups");
    if (m->wanted->override_groups == VCH_OVERRIDE_REPLACE) vch_plan_thing_group_leave_all(m->plan, m->thing->name);
    plan_join(m->plan, m->wanted);
    return VCH_OK;
}

/* A thing that belongs to a billing group already stays there: there is no
 * override for it. */
static void plan_billing(const struct meeting *m) {
    if (m->wanted->billing_group.len && m->thing->billing_group.len == 0)
        vch_plan_billing_group_add(m->plan, m->wanted->billing_group, m->thing->name);
}

/* ---- the thing ---- */

static enum vch_err plan_existing(const struct meeting *m) {
    VCH_TRY(plan_change(m));
    VCH_TRY(plan_groups(m));
    plan_billing(m);
    return VCH_OK;
}

static enum vch_err plan_new_thing(const struct meeting *m) {
    char uuid[37];
    vch_uuid(uuid);
    struct vch_rec_thing thing = {.name = m->wanted->thing_name,
                                  .id = vch_arena_str(m->call->arena, vch_str_from(uuid)),
                                  .type_name = m->wanted->thing_type,
                                  .billing_group = m->wanted->billing_group,
                                  .version = 1,
                                  .created_ms = m->call->now_ms,
                                  .modified_ms = m->call->now_ms};
    if (!thing.id.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(attributes_check(m->call, m->attributes, thing.type_name));
    VCH_TRY(vch_thing_attributes_encode(m->call, m->attributes, &thing.attributes));
    vch_thing_references_need(m->plan, thing.type_name, thing.billing_group);
    vch_plan_thing_create(m->plan, &thing);
    plan_join(m->plan, m->wanted);
    return VCH_OK;
}

enum vch_err vch_template_things_plan(struct vch_call *call, const struct vch_template_plan *wanted,
                                      struct vch_str certificate_id, struct vch_plan *plan) {
    struct vch_rec_thing existing;
    struct meeting m = {.call = call, .wanted = wanted, .thing = &existing, .plan = plan};
    if (!wanted->has_thing) return VCH_OK;
    VCH_TRY(attributes_of(call, wanted, &m.attributes));
    enum vch_err err = vch_store_thing(call->service->store, wanted->thing_name, &existing, call->arena, NULL);
    if (err == VCH_OK) VCH_TRY(plan_existing(&m));
    else if (err == VCH_ERR_NOT_FOUND) VCH_TRY(plan_new_thing(&m));
    else return VCH_REFUSE(call->diag, err, STORE_FAILED, "", "The registry could not be read.");
    vch_plan_thing_attach(plan, wanted->thing_name, certificate_id, wanted->exclusive_thing);
    return VCH_OK;
}
