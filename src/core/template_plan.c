/* From a checked template and parameters to what is to exist. */
#include "core/names.h"
#include "core/reason.h"
#include "core/template_priv.h"

/* All of them, used or not: strings within the limits. */
static enum vch_err check_given(const struct vch_template *t) {
    if (!t->given) return VCH_OK;
    if (t->given->type != VCH_VAL_MAP) return vch_template_bad_value(t, NULL, "The parameters are not an object.");
    for (size_t i = 0; i < t->given->count; i++) {
        const struct vch_member *member = &t->given->members[i];
        struct vch_tpath at = vch_tpath_key(NULL, member->name);
        if (vch_template_characters(member->name) > VCH_PARAMETER_NAME_MAX)
            return vch_template_bad_value(t, NULL, "The name of a parameter is too long.");
        if (member->value.type != VCH_VAL_STR)
            return vch_template_bad_value(t, &at, "The parameter %.*s is not a string.", VCH_STR_ARG(member->name));
        if (vch_template_characters(member->value.str) > VCH_PARAMETER_VALUE_MAX)
            return vch_template_bad_value(t, &at, "The parameter %.*s is too long.", VCH_STR_ARG(member->name));
    }
    return VCH_OK;
}

/* AWS IoT "Just-in-time provisioning": each declared name of the certificate's
 * subject must be in the subject. */
static enum vch_err check_subject(const struct vch_template *t) {
    for (size_t i = 0; t->type == VCH_TEMPLATE_JITP && t->parameters && i < t->parameters->count; i++) {
        struct vch_str name = t->parameters->members[i].name;
        if (!vch_str_starts(name, VCH_STR(VCH_TEMPLATE_CERTIFICATE)) || vch_str_eq_c(name, VCH_TEMPLATE_CERTIFICATE_ID))
            continue;
        if (!vch_val_get_str(t->given, name))
            return VCH_REFUSE(t->diag, VCH_ERR_INVALID, PARAMETER_UNRESOLVED, "",
                              "Cannot resolve reference value: %.*s", VCH_STR_ARG(name));
    }
    return VCH_OK;
}

/* The property as text that passes `valid`; untouched when absent. */
static enum vch_err plan_text(const struct vch_template *t, const struct vch_val *properties, const char *name,
                              bool (*valid)(struct vch_str), const struct vch_tpath *at, struct vch_str *ret) {
    const struct vch_val *val = vch_val_get(properties, name);
    struct vch_tpath place = vch_tpath_key(at, vch_str_from(name));
    if (!val) return VCH_OK;
    VCH_TRY(vch_template_text(t, val, &place, ret));
    if (!valid || valid(*ret)) return VCH_OK;
    return vch_template_bad_value(t, &place, "\"%.*s\" is not a valid %s.", VCH_STR_ARG(*ret), name);
}

static enum vch_err plan_attributes(const struct vch_template *t, const struct vch_val *payload,
                                    const struct vch_tpath *at, struct vch_template_plan *plan) {
    for (size_t i = 0; payload && i < payload->count; i++) {
        struct vch_tpath place = vch_tpath_key(at, payload->members[i].name);
        struct vch_pair *pair = &plan->attributes[plan->attribute_count++];
        pair->name = payload->members[i].name;
        VCH_TRY(vch_template_text(t, &payload->members[i].value, &place, &pair->value));
        if (!vch_attribute_value_valid(pair->value))
            return vch_template_bad_value(t, &place, "The value of the attribute %.*s is not valid.",
                                          VCH_STR_ARG(pair->name));
    }
    return VCH_OK;
}

static bool has_group(const struct vch_template_plan *plan, struct vch_str name) {
    for (size_t i = 0; i < plan->group_count; i++)
        if (vch_str_eq(plan->groups[i], name)) return true;
    return false;
}

static enum vch_err plan_groups(const struct vch_template *t, const struct vch_val *groups, const struct vch_tpath *at,
                                struct vch_template_plan *plan) {
    const struct vch_val *list = NULL;
    if (groups) VCH_TRY(vch_template_list(t, groups, at, &list));
    for (size_t i = 0; list && i < list->count; i++) {
        struct vch_str name = list->items[i].str;
        if (!vch_thing_name_valid(name))
            return vch_template_bad_value(t, at, "\"%.*s\" is not a valid name of a group.", VCH_STR_ARG(name));
        if (has_group(plan, name)) continue;
        if (plan->group_count == VCH_TEMPLATE_GROUPS_MAX)
            return vch_template_bad_value(t, at, "A thing is in at most %d groups.", VCH_TEMPLATE_GROUPS_MAX);
        plan->groups[plan->group_count++] = name;
    }
    return VCH_OK;
}

static enum vch_err plan_thing(const struct vch_template *t, const struct vch_val *resource, const struct vch_tpath *at,
                               struct vch_template_plan *plan) {
    const struct vch_val *properties = vch_val_get(resource, "Properties");
    struct vch_tpath attributes = vch_tpath_key(at, VCH_STR("AttributePayload"));
    struct vch_tpath groups = vch_tpath_key(at, VCH_STR("ThingGroups"));
    plan->has_thing = true;
    plan->override_attributes = vch_template_override(resource, VCH_TOVER_ATTRIBUTES);
    plan->override_type = vch_template_override(resource, VCH_TOVER_TYPE);
    plan->override_groups = vch_template_override(resource, VCH_TOVER_GROUPS);
    VCH_TRY(plan_text(t, properties, "ThingName", vch_thing_name_valid, at, &plan->thing_name));
    VCH_TRY(plan_text(t, properties, "ThingTypeName", vch_thing_name_valid, at, &plan->thing_type));
    VCH_TRY(plan_text(t, properties, "BillingGroup", vch_thing_name_valid, at, &plan->billing_group));
    plan->groups_given = vch_val_get(properties, "ThingGroups") != NULL;
    VCH_TRY(plan_attributes(t, vch_val_get(properties, "AttributePayload"), &attributes, plan));
    return plan_groups(t, vch_val_get(properties, "ThingGroups"), &groups, plan);
}

/* True for `yes`, false for `no`, in any case; anything else is refused. */
static enum vch_err plan_choice(const struct vch_template *t, const struct vch_val *properties, const char *name,
                                const char *yes, const char *no, const struct vch_tpath *at, bool *ret) {
    struct vch_str word = {NULL, 0};
    struct vch_tpath place = vch_tpath_key(at, vch_str_from(name));
    VCH_TRY(plan_text(t, properties, name, NULL, at, &word));
    if (!word.ptr) return VCH_OK;
    *ret = vch_str_ieq(word, vch_str_from(yes));
    if (*ret || vch_str_ieq(word, vch_str_from(no))) return VCH_OK;
    return vch_template_bad_value(t, &place, "%s is neither %s nor %s.", name, yes, no);
}

/* Else a claim could put its thing and policies on someone else's certificate. */
static enum vch_err check_own(const struct vch_template *t, const struct vch_tpath *at, struct vch_str id) {
    struct vch_tpath place = vch_tpath_key(at, VCH_STR("CertificateId"));
    if (t->type == VCH_TEMPLATE_REST || vch_str_eq(id, t->certificate_id)) return VCH_OK;
    return vch_template_bad_value(t, &place, "CertificateId is not that of the certificate being provisioned.");
}

static enum vch_err plan_pems(const struct vch_template *t, const struct vch_val *properties, const struct vch_tpath *at,
                              struct vch_template_plan *plan) {
    struct vch_template inside = *t;
    inside.in_pem = true;
    VCH_TRY(plan_text(&inside, properties, "CertificateSigningRequest", NULL, at, &plan->certificate_csr));
    VCH_TRY(plan_text(&inside, properties, "CertificatePem", NULL, at, &plan->certificate_pem));
    return plan_text(&inside, properties, "CACertificatePem", NULL, at, &plan->certificate_ca_pem);
}

static enum vch_err plan_certificate(const struct vch_template *t, const struct vch_val *resource,
                                     const struct vch_tpath *at, struct vch_template_plan *plan) {
    const struct vch_val *properties = vch_val_get(resource, "Properties");
    plan->certificate_active = true;
    plan->override_status = vch_template_override(resource, VCH_TOVER_STATUS);
    VCH_TRY(plan_text(t, properties, "CertificateId", NULL, at, &plan->certificate_id));
    VCH_TRY(check_own(t, at, plan->certificate_id));
    VCH_TRY(plan_pems(t, properties, at, plan));
    VCH_TRY(plan_choice(t, properties, "Status", "ACTIVE", "INACTIVE", at, &plan->certificate_active));
    return plan_choice(t, properties, "ThingPrincipalType", "EXCLUSIVE_THING", "NON_EXCLUSIVE_THING", at,
                       &plan->exclusive_thing);
}

static enum vch_err plan_policy(const struct vch_template *t, const struct vch_member *resource,
                                const struct vch_tpath *at, struct vch_template_plan *plan) {
    const struct vch_val *properties = vch_val_get(&resource->value, "Properties");
    const struct vch_val *document = vch_val_get(properties, "PolicyDocument");
    struct vch_tpath place = vch_tpath_key(at, VCH_STR("PolicyDocument"));
    size_t i = plan->policy_count++;
    plan->policies[i].logical_name = resource->name;
    if (document) return vch_template_document(t, document, &place, &plan->policies[i].document);
    return plan_text(t, properties, "PolicyName", vch_policy_name_valid, at, &plan->policies[i].name);
}

static enum vch_err plan_resource(const struct vch_template *t, const struct vch_member *resource,
                                  const struct vch_tpath *at, struct vch_template_plan *plan) {
    struct vch_tpath inside = vch_tpath_key(at, VCH_STR("Properties"));
    struct vch_str type = vch_val_str_at(&resource->value, "Type");
    if (vch_str_eq_c(type, "AWS::IoT::Policy")) return plan_policy(t, resource, &inside, plan);
    if (vch_str_eq_c(type, "AWS::IoT::Thing")) {
        plan->thing_logical_name = resource->name;
        return plan_thing(t, &resource->value, &inside, plan);
    }
    plan->certificate_logical_name = resource->name;
    return plan_certificate(t, &resource->value, &inside, plan);
}

static enum vch_err plan_device_configuration(const struct vch_template *t, struct vch_template_plan *plan) {
    struct vch_tpath at = vch_tpath_key(NULL, VCH_STR("DeviceConfiguration"));
    struct vch_val *map = vch_val_new_map(t->arena);
    if (!map) return VCH_ERR_NOMEM;
    if (t->device_configuration) VCH_TRY(vch_template_tree(t, t->device_configuration, &at, map));
    plan->device_configuration = map;
    return VCH_OK;
}

/* Of a template that was loaded and checked. */
static enum vch_err plan_all(struct vch_template *t, const struct vch_val *parameters, struct vch_str certificate_id,
                             struct vch_template_plan *ret) {
    struct vch_tpath at = vch_tpath_key(NULL, VCH_STR("Resources"));
    t->given = parameters;
    t->certificate_id = certificate_id;
    VCH_TRY(check_given(t));
    VCH_TRY(check_subject(t));
    for (size_t i = 0; i < t->resources->count; i++) {
        struct vch_tpath place = vch_tpath_key(&at, t->resources->members[i].name);
        VCH_TRY(plan_resource(t, &t->resources->members[i], &place, ret));
    }
    return plan_device_configuration(t, ret);
}

enum vch_err vch_template_plan(enum vch_template_type type, struct vch_str body, const struct vch_val *parameters,
                               struct vch_str certificate_id, struct vch_arena *arena, struct vch_template_plan *ret,
                               struct vch_diag *diag) {
    struct vch_template t;
    *ret = (struct vch_template_plan){0};
    VCH_TRY(vch_template_load(type, body, arena, diag, &t));
    VCH_TRY(vch_template_check_tree(&t));
    return plan_all(&t, parameters, certificate_id, ret);
}

/* ---- decoded once ---- */

struct vch_template_ready {
    struct vch_arena *arena;
    struct vch_template t; /* without what belongs to one evaluation */
};

enum { READY_MAX = 16 << 20 };

enum vch_err vch_template_ready_new(enum vch_template_type type, struct vch_str body, struct vch_template_ready **ret,
                                    struct vch_diag *diag) {
    struct vch_arena *arena = vch_arena_new(READY_MAX, false);
    struct vch_template_ready *ready = arena ? VCH_ARENA_NEW(arena, struct vch_template_ready) : NULL;
    enum vch_err err = VCH_ERR_NOMEM;
    if (ready) err = vch_template_load(type, body, arena, diag, &ready->t);
    if (err == VCH_OK) err = vch_template_check_tree(&ready->t);
    if (err != VCH_OK) {
        vch_arena_free(arena);
        return err;
    }
    ready->arena = arena;
    *ret = ready;
    return VCH_OK;
}

void vch_template_ready_free(struct vch_template_ready *ready) {
    if (ready) vch_arena_free(ready->arena);
}

enum vch_err vch_template_ready_plan(const struct vch_template_ready *ready, const struct vch_val *parameters,
                                     struct vch_str certificate_id, struct vch_arena *arena, struct vch_template_plan *ret,
                                     struct vch_diag *diag) {
    struct vch_template t = ready->t;
    *ret = (struct vch_template_plan){0};
    t.arena = arena;
    t.diag = diag;
    return plan_all(&t, parameters, certificate_id, ret);
}
