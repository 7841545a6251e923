/* The static rules of a template's sections. AWS IoT "Provisioning templates". */
#include "core/names.h"
#include "core/template_priv.h"

static const struct {
    const char *name, *alias; /* the guide spells them in both ways */
    bool merge;
} overrides[VCH_TOVER_COUNT] = {
    [VCH_TOVER_ATTRIBUTES] = {"AttributePayload", "ATTRIBUTE_PAYLOAD", true},
    [VCH_TOVER_TYPE] = {"ThingTypeName", "THING_TYPE_NAME", false},
    [VCH_TOVER_GROUPS] = {"ThingGroups", "THING_GROUPS", true},
    [VCH_TOVER_STATUS] = {"Status", "STATUS", false},
};

static enum vch_override parse_override(struct vch_str word) {
    if (vch_str_ieq(word, VCH_STR("DO_NOTHING"))) return VCH_OVERRIDE_DO_NOTHING;
    if (vch_str_ieq(word, VCH_STR("REPLACE"))) return VCH_OVERRIDE_REPLACE;
    if (vch_str_ieq(word, VCH_STR("MERGE"))) return VCH_OVERRIDE_MERGE;
    return vch_str_ieq(word, VCH_STR("FAIL")) ? VCH_OVERRIDE_FAIL : VCH_OVERRIDE_DEFAULT;
}

enum vch_override vch_template_override(const struct vch_val *resource, enum vch_tover which) {
    const struct vch_val *settings = vch_val_get(resource, "OverrideSettings");
    struct vch_str word = vch_val_str_at(settings, overrides[which].name);
    return parse_override(word.ptr ? word : vch_val_str_at(settings, overrides[which].alias));
}

static bool one_of(struct vch_str word, const char *a, const char *b) {
    return vch_str_ieq(word, vch_str_from(a)) || vch_str_ieq(word, vch_str_from(b));
}

static bool status_valid(struct vch_str s) {
    return one_of(s, "ACTIVE", "INACTIVE");
}

static bool principal_type_valid(struct vch_str s) {
    return one_of(s, "EXCLUSIVE_THING", "NON_EXCLUSIVE_THING");
}

struct property {
    const char *name;
    enum vch_tkind kind;
    bool required;
    bool (*valid)(struct vch_str s); /* of a literal, or of each in a list; NULL: any */
};

static const struct property thing_properties[] = {
    {"ThingName", VCH_TKIND_TEXT, true, vch_thing_name_valid},
    {"AttributePayload", VCH_TKIND_MAP, false, NULL},
    {"ThingTypeName", VCH_TKIND_TEXT, false, vch_thing_name_valid},
    {"ThingGroups", VCH_TKIND_LIST, false, vch_thing_name_valid},
    {"BillingGroup", VCH_TKIND_TEXT, false, vch_thing_name_valid},
    {0},
};
static const struct property certificate_properties[] = {
    {"CertificateId", VCH_TKIND_TEXT, true, NULL},
    {"Status", VCH_TKIND_TEXT, false, status_valid},
    {"ThingPrincipalType", VCH_TKIND_TEXT, false, principal_type_valid},
    {0},
};
static const struct property rest_certificate_properties[] = {
    {"CertificateId", VCH_TKIND_TEXT, false, NULL},
    {"CertificateSigningRequest", VCH_TKIND_TEXT, false, NULL},
    {"CertificatePem", VCH_TKIND_TEXT, false, NULL},
    {"CACertificatePem", VCH_TKIND_TEXT, false, NULL},
    {"Status", VCH_TKIND_TEXT, false, status_valid},
    {"ThingPrincipalType", VCH_TKIND_TEXT, false, principal_type_valid},
    {0},
};
static const struct property policy_properties[] = {
    {"PolicyName", VCH_TKIND_TEXT, false, vch_policy_name_valid},
    {"PolicyDocument", VCH_TKIND_TREE, false, NULL},
    {0},
};

static const struct resource_type {
    const char *name;
    const struct property *properties;
    size_t max;
    enum vch_tover over_first, over_end;
} types[] = {
    {"AWS::IoT::Thing", thing_properties, 1, VCH_TOVER_ATTRIBUTES, VCH_TOVER_STATUS},
    {"AWS::IoT::Certificate", certificate_properties, 1, VCH_TOVER_STATUS, VCH_TOVER_COUNT},
    {"AWS::IoT::Policy", policy_properties, VCH_TEMPLATE_POLICIES_MAX, VCH_TOVER_COUNT, VCH_TOVER_COUNT},
};
enum { TYPES = sizeof types / sizeof *types, CERTIFICATE = 1 };

static enum vch_err check_literal(const struct vch_template *t, const struct vch_val *val, const struct property *p,
                                  const struct vch_tpath *at) {
    if (!p->valid) return VCH_OK;
    if (val->type == VCH_VAL_STR && !p->valid(val->str))
        return vch_template_bad(t, at, "\"%.*s\" is not a valid %s.", VCH_STR_ARG(val->str), p->name);
    for (size_t i = 0; val->type == VCH_VAL_LIST && i < val->count; i++) {
        struct vch_tpath item = vch_tpath_item(at, i);
        VCH_TRY(check_literal(t, &val->items[i], p, &item));
    }
    return VCH_OK;
}

static const struct property *find_property(const struct property *rows, struct vch_str name) {
    for (; rows->name; rows++)
        if (vch_str_eq_c(name, rows->name)) return rows;
    return NULL;
}

static enum vch_err unknown_property(const struct vch_template *t, const struct resource_type *type,
                                     struct vch_str name, const struct vch_tpath *at) {
    if (type == &types[CERTIFICATE] &&
        (one_of(name, "CertificateSigningRequest", "CertificatePem") || vch_str_eq_c(name, "CACertificatePem")))
        return vch_template_bad(t, at, "Here a certificate is named by CertificateId only.");
    return vch_template_bad(t, at, "%s has no property %.*s.", type->name, VCH_STR_ARG(name));
}

static const struct property *properties_of(const struct vch_template *t, const struct resource_type *type) {
    bool rest = t->type == VCH_TEMPLATE_REST && type == &types[CERTIFICATE];
    return rest ? rest_certificate_properties : type->properties;
}

static enum vch_err check_properties(const struct vch_template *t, const struct resource_type *type,
                                     const struct vch_val *properties, const struct vch_tpath *at) {
    const struct property *known = properties_of(t, type);
    if (!vch_val_is(properties, VCH_VAL_MAP)) return vch_template_bad(t, at, "Properties is missing or not an object.");
    for (size_t i = 0; i < properties->count; i++) {
        const struct vch_member *member = &properties->members[i];
        struct vch_tpath place = vch_tpath_key(at, member->name);
        const struct property *row = find_property(known, member->name);
        if (!row) return unknown_property(t, type, member->name, &place);
        VCH_TRY(vch_template_check_value(t, &member->value, row->kind, &place));
        VCH_TRY(check_literal(t, &member->value, row, &place));
    }
    for (const struct property *row = known; row->name; row++)
        if (row->required && !vch_val_get(properties, row->name))
            return vch_template_bad(t, at, "%s needs the property %s.", type->name, row->name);
    return VCH_OK;
}

static enum vch_err check_policy(const struct vch_template *t, const struct vch_val *properties,
                                 const struct vch_tpath *at) {
    bool name = vch_val_get(properties, "PolicyName") != NULL;
    const struct vch_val *document = vch_val_get(properties, "PolicyDocument");
    if (!name && !document)
        return vch_template_bad(t, at, "Neither policyName nor policyDocument is present in the Template.");
    if (name && document) return vch_template_bad(t, at, "A policy has either PolicyName or PolicyDocument, not both.");
    if (!document || document->type == VCH_VAL_STR || document->type == VCH_VAL_MAP) return VCH_OK;
    struct vch_tpath place = vch_tpath_key(at, VCH_STR("PolicyDocument"));
    return vch_template_bad(t, &place, "PolicyDocument is an object or a string.");
}

/* Source: AWS "Single thing provisioning": one way to name the certificate. */
static enum vch_err check_certificate(const struct vch_template *t, const struct vch_val *properties,
                                      const struct vch_tpath *at) {
    bool id = vch_val_get(properties, "CertificateId") != NULL, pem = vch_val_get(properties, "CertificatePem") != NULL;
    bool csr = vch_val_get(properties, "CertificateSigningRequest") != NULL;
    if (id + pem + csr != 1)
        return vch_template_bad(t, at, "A certificate has one of CertificateId, CertificateSigningRequest and CertificatePem.");
    if (pem || !vch_val_get(properties, "CACertificatePem")) return VCH_OK;
    return vch_template_bad(t, at, "CACertificatePem goes with CertificatePem.");
}

static enum vch_err check_attributes(const struct vch_template *t, const struct vch_val *properties,
                                     const struct vch_tpath *at) {
    const struct vch_val *payload = vch_val_get(properties, "AttributePayload");
    struct vch_tpath place = vch_tpath_key(at, VCH_STR("AttributePayload"));
    if (!payload) return VCH_OK;
    if (payload->count > VCH_TEMPLATE_ATTRIBUTES_MAX)
        return vch_template_bad(t, &place, "A thing has at most %d attributes.", VCH_TEMPLATE_ATTRIBUTES_MAX);
    for (size_t i = 0; i < payload->count; i++) {
        const struct vch_member *member = &payload->members[i];
        struct vch_tpath inside = vch_tpath_key(&place, member->name);
        if (!vch_attribute_name_valid(member->name)) return vch_template_bad(t, &inside, "Not a valid attribute name.");
        if (member->value.type == VCH_VAL_STR && !vch_attribute_value_valid(member->value.str))
            return vch_template_bad(t, &inside, "Not a valid attribute value.");
    }
    return VCH_OK;
}

static enum vch_err check_groups(const struct vch_template *t, const struct vch_val *properties,
                                 const struct vch_tpath *at) {
    const struct vch_val *groups = vch_val_get(properties, "ThingGroups");
    struct vch_tpath place = vch_tpath_key(at, VCH_STR("ThingGroups"));
    if (!vch_val_is(groups, VCH_VAL_LIST) || groups->count <= VCH_TEMPLATE_GROUPS_MAX) return VCH_OK;
    return vch_template_bad(t, &place, "A thing is in at most %d groups.", VCH_TEMPLATE_GROUPS_MAX);
}

static enum vch_tover find_override(const struct resource_type *type, struct vch_str name) {
    for (enum vch_tover i = type->over_first; i < type->over_end; i++)
        if (vch_str_eq_c(name, overrides[i].name) || vch_str_eq_c(name, overrides[i].alias)) return i;
    return VCH_TOVER_COUNT;
}

static enum vch_err check_overrides(const struct vch_template *t, const struct resource_type *type,
                                    const struct vch_val *settings, const struct vch_tpath *at) {
    bool seen[VCH_TOVER_COUNT] = {false};
    if (!vch_val_is(settings, VCH_VAL_MAP)) return vch_template_bad(t, at, "OverrideSettings is not an object.");
    if (type->over_first == VCH_TOVER_COUNT) return vch_template_bad(t, at, "Policies have no OverrideSettings.");
    for (size_t i = 0; i < settings->count; i++) {
        const struct vch_member *member = &settings->members[i];
        struct vch_tpath place = vch_tpath_key(at, member->name);
        enum vch_tover which = find_override(type, member->name);
        if (which == VCH_TOVER_COUNT) return vch_template_bad(t, &place, "OverrideSettings knows no such property.");
        if (seen[which]) return vch_template_bad(t, &place, "OverrideSettings names this property twice.");
        seen[which] = true;
        enum vch_override value =
            member->value.type == VCH_VAL_STR ? parse_override(member->value.str) : VCH_OVERRIDE_DEFAULT;
        if (value == VCH_OVERRIDE_DEFAULT || (value == VCH_OVERRIDE_MERGE && !overrides[which].merge))
            return vch_template_bad(t, &place, "The value is one of DO_NOTHING, REPLACE, FAIL%s.",
                                    overrides[which].merge ? " and MERGE" : "");
    }
    return VCH_OK;
}

static enum vch_err check_members(const struct vch_template *t, const struct resource_type *type,
                                  const struct vch_val *resource, const struct vch_tpath *at) {
    for (size_t i = 0; i < resource->count; i++) {
        struct vch_str name = resource->members[i].name;
        struct vch_tpath place = vch_tpath_key(at, name);
        if (vch_str_eq_c(name, "OverrideSettings"))
            VCH_TRY(check_overrides(t, type, &resource->members[i].value, &place));
        else if (!vch_str_eq_c(name, "Type") && !vch_str_eq_c(name, "Properties"))
            return vch_template_bad(t, &place, "A resource has no member %.*s.", VCH_STR_ARG(name));
    }
    return VCH_OK;
}

static enum vch_err check_resource(const struct vch_template *t, const struct vch_val *resource,
                                   const struct vch_tpath *at, size_t counts[TYPES]) {
    struct vch_tpath type_at = vch_tpath_key(at, VCH_STR("Type"));
    struct vch_tpath inside = vch_tpath_key(at, VCH_STR("Properties"));
    struct vch_str name = vch_val_str_at(resource, "Type");
    const struct vch_val *properties = vch_val_get(resource, "Properties");
    if (resource->type != VCH_VAL_MAP) return vch_template_bad(t, at, "A resource is an object.");
    size_t i = 0;
    while (i < TYPES && !vch_str_eq_c(name, types[i].name)) i++;
    if (i == TYPES) return vch_template_bad(t, &type_at, "Type is missing or not one that templates know.");
    if (++counts[i] > types[i].max)
        return vch_template_bad(t, at, "A template has at most %zu of %s.", types[i].max, types[i].name);
    VCH_TRY(check_members(t, &types[i], resource, at));
    VCH_TRY(check_properties(t, &types[i], properties, &inside));
    if (types[i].properties == policy_properties) return check_policy(t, properties, &inside);
    if (i == CERTIFICATE && t->type == VCH_TEMPLATE_REST) return check_certificate(t, properties, &inside);
    VCH_TRY(check_attributes(t, properties, &inside));
    return check_groups(t, properties, &inside);
}

static enum vch_err check_resources(const struct vch_template *t) {
    size_t counts[TYPES] = {0};
    struct vch_tpath at = vch_tpath_key(NULL, VCH_STR("Resources"));
    if (!vch_val_is(t->resources, VCH_VAL_MAP))
        return vch_template_bad(t, &at, "Resources is missing or not an object.");
    for (size_t i = 0; i < t->resources->count; i++) {
        struct vch_tpath place = vch_tpath_key(&at, t->resources->members[i].name);
        VCH_TRY(check_resource(t, &t->resources->members[i].value, &place, counts));
    }
    if (counts[CERTIFICATE] == 1) return VCH_OK;
    return vch_template_bad(t, &at, "A template needs one resource of type AWS::IoT::Certificate.");
}

static enum vch_err check_parameter(const struct vch_template *t, const struct vch_member *parameter,
                                    const struct vch_tpath *at) {
    if (parameter->name.len == 0 || vch_template_characters(parameter->name) > VCH_PARAMETER_NAME_MAX)
        return vch_template_bad(t, at, "The name of a parameter has 1 to %d characters.", VCH_PARAMETER_NAME_MAX);
    if (!vch_str_eq_c(vch_val_str_at(&parameter->value, "Type"), "String"))
        return vch_template_bad(t, at, "The Type of a parameter is String.");
    for (size_t i = 0; i < parameter->value.count; i++) {
        const struct vch_member *member = &parameter->value.members[i];
        struct vch_tpath place = vch_tpath_key(at, member->name);
        if (vch_str_eq_c(member->name, "Type") || vch_str_eq_c(member->name, "Description")) continue;
        if (!vch_str_eq_c(member->name, "Default"))
            return vch_template_bad(t, &place, "A parameter has Type and Default only.");
        if (member->value.type != VCH_VAL_STR || vch_template_characters(member->value.str) > VCH_PARAMETER_VALUE_MAX)
            return vch_template_bad(t, &place, "Default is a string of at most %d characters.",
                                    VCH_PARAMETER_VALUE_MAX);
    }
    return VCH_OK;
}

static enum vch_err check_parameters(const struct vch_template *t) {
    struct vch_tpath at = vch_tpath_key(NULL, VCH_STR("Parameters"));
    if (!t->parameters) return VCH_OK;
    if (t->parameters->type != VCH_VAL_MAP) return vch_template_bad(t, &at, "Parameters is not an object.");
    for (size_t i = 0; i < t->parameters->count; i++) {
        struct vch_tpath place = vch_tpath_key(&at, t->parameters->members[i].name);
        VCH_TRY(check_parameter(t, &t->parameters->members[i], &place));
    }
    return VCH_OK;
}

/* Objects down to `levels`, then strings. */
static enum vch_err check_mapping(const struct vch_template *t, const struct vch_val *val, int levels,
                                  const struct vch_tpath *at) {
    if (levels == 0) {
        if (val->type == VCH_VAL_STR) return VCH_OK;
        return vch_template_bad(t, at, "Mappings ends in strings, two levels below the name of each map.");
    }
    if (val->type != VCH_VAL_MAP) return vch_template_bad(t, at, "An object belongs here.");
    for (size_t i = 0; i < val->count; i++) {
        struct vch_tpath place = vch_tpath_key(at, val->members[i].name);
        VCH_TRY(check_mapping(t, &val->members[i].value, levels - 1, &place));
    }
    return VCH_OK;
}

static enum vch_err check_device_configuration(const struct vch_template *t) {
    struct vch_tpath at = vch_tpath_key(NULL, VCH_STR("DeviceConfiguration"));
    if (t->device_configuration->type != VCH_VAL_MAP)
        return vch_template_bad(t, &at, "DeviceConfiguration is not an object.");
    return vch_template_check_value(t, t->device_configuration, VCH_TKIND_MAP, &at);
}

enum vch_err vch_template_check_tree(const struct vch_template *t) {
    struct vch_tpath mappings = vch_tpath_key(NULL, VCH_STR("Mappings"));
    struct vch_tpath configuration = vch_tpath_key(NULL, VCH_STR("DeviceConfiguration"));
    VCH_TRY(check_parameters(t));
    if (t->type != VCH_TEMPLATE_FLEET && t->mappings)
        return vch_template_bad(t, &mappings, "Only fleet provisioning templates have Mappings.");
    if (t->type != VCH_TEMPLATE_FLEET && t->device_configuration)
        return vch_template_bad(t, &configuration, "Only fleet provisioning templates have DeviceConfiguration.");
    if (t->mappings) VCH_TRY(check_mapping(t, t->mappings, 3, &mappings));
    VCH_TRY(check_resources(t));
    return t->device_configuration ? check_device_configuration(t) : VCH_OK;
}
