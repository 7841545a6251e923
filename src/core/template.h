/* Provisioning templates: static check, and evaluation of parameters into a
 * flat description of what is to exist. Pure: names that the template mentions
 * are resolved by the service.
 * Source: AWS IoT "Provisioning templates"; facts in docs/compatibility.md.
 */
#ifndef VCH_CORE_TEMPLATE_H
#define VCH_CORE_TEMPLATE_H

#include "base/val.h"

enum vch_template_type {
    VCH_TEMPLATE_FLEET,
    VCH_TEMPLATE_JITP,
    VCH_TEMPLATE_REST /* in a RegisterThing request: the certificate may come as CSR or PEM */
};

/* Everything that can be known without parameters. TEMPLATE_INVALID with a
 * JSON pointer in diag->field ("/Resources/policy/Properties"). `body` at most
 * VCH_TEMPLATE_BODY_MAX characters. */
enum vch_err vch_template_check(enum vch_template_type type, struct vch_str body, struct vch_diag *diag) VCH_MUST;

enum vch_override { VCH_OVERRIDE_DEFAULT, VCH_OVERRIDE_DO_NOTHING, VCH_OVERRIDE_REPLACE, VCH_OVERRIDE_MERGE, VCH_OVERRIDE_FAIL };

enum { VCH_TEMPLATE_POLICIES_MAX = 64, VCH_TEMPLATE_ATTRIBUTES_MAX = 50, VCH_TEMPLATE_GROUPS_MAX = 10 };

struct vch_pair {
    struct vch_str name;
    struct vch_str value;
};

struct vch_template_plan {
    bool has_thing;
    struct vch_str thing_logical_name;
    struct vch_str thing_name;
    struct vch_str thing_type; /* empty: none */
    struct vch_str billing_group;
    struct vch_pair attributes[VCH_TEMPLATE_ATTRIBUTES_MAX];
    size_t attribute_count;
    struct vch_str groups[VCH_TEMPLATE_GROUPS_MAX];
    size_t group_count;
    bool groups_given; /* ThingGroups is there, perhaps empty */
    enum vch_override override_attributes, override_type, override_groups;

    struct vch_str certificate_logical_name;
    struct vch_str certificate_id;
    /* REST: one of the three ways to name it; the others are empty. */
    struct vch_str certificate_csr, certificate_pem;
    struct vch_str certificate_ca_pem; /* with certificate_pem, or empty */
    bool certificate_active; /* Status; absent means ACTIVE */
    bool exclusive_thing;
    enum vch_override override_status;

    struct {
        struct vch_str logical_name;
        struct vch_str name;     /* PolicyName, or empty */
        struct vch_str document; /* evaluated PolicyDocument as JSON text, or empty */
    } policies[VCH_TEMPLATE_POLICIES_MAX];
    size_t policy_count;

    const struct vch_val *device_configuration; /* a map, never NULL */
};

/* Parameters by name: the device's, after overrides; every value is a string
 * of at most VCH_PARAMETER_VALUE_MAX. `certificate_id` answers
 * AWS::IoT::Certificate::Id, whatever the device sent; empty for REST, where
 * that name has no value. Errors:
 * PARAMETER_UNRESOLVED ("Cannot resolve reference value: X"),
 * PARAMETER_INVALID, TEMPLATE_INVALID. Views into `arena`. */
enum vch_err vch_template_plan(enum vch_template_type type, struct vch_str body, const struct vch_val *parameters,
                               struct vch_str certificate_id, struct vch_arena *arena, struct vch_template_plan *ret,
                               struct vch_diag *diag) VCH_MUST;

/* The same for a body that is planned again and again: decoded and checked once.
 * An owner, immutable once made; any thread. Its plans hold views into it. */
struct vch_template_ready;
enum vch_err vch_template_ready_new(enum vch_template_type type, struct vch_str body, struct vch_template_ready **ret,
                                    struct vch_diag *diag) VCH_MUST;
void vch_template_ready_free(struct vch_template_ready *ready); /* NULL is fine */
enum vch_err vch_template_ready_plan(const struct vch_template_ready *ready, const struct vch_val *parameters,
                                     struct vch_str certificate_id, struct vch_arena *arena, struct vch_template_plan *ret,
                                     struct vch_diag *diag) VCH_MUST;

#endif
