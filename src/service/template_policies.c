#include "service/template_policies.h"

#include "base/digest.h"

enum { NAME_LEN = 40 }; /* as AWS names them */

/* A policy given by its text is named by the hash of it and never made twice. */
static enum vch_err policy_of_document(struct vch_call *call, struct vch_plan *plan, struct vch_str document,
                                       struct vch_str *ret_name) {
    char hex[VCH_SHA256_HEX];
    vch_sha256_hex(document, hex);
    for (size_t i = 0; hex[i]; i++) hex[i] = (char)(hex[i] >= 'a' ? hex[i] - 32 : hex[i]);
    struct vch_rec_policy policy = {
        .name = vch_arena_str(call->arena, vch_str_of(hex, NAME_LEN)),
        .document = document,
        .created_ms = call->now_ms,
        .modified_ms = call->now_ms,
    };
    if (!policy.name.ptr) return VCH_ERR_NOMEM;
    vch_plan_policy_ensure(plan, &policy);
    *ret_name = policy.name;
    return VCH_OK;
}

enum vch_err vch_template_policies_plan(struct vch_call *call, const struct vch_template_plan *wanted,
                                        struct vch_str certificate_id, struct vch_plan *plan,
                                        struct vch_str *ret_names) {
    for (size_t i = 0; i < wanted->policy_count; i++) {
        struct vch_str name = wanted->policies[i].name;
        if (name.len == 0) VCH_TRY(policy_of_document(call, plan, wanted->policies[i].document, &name));
        vch_plan_policy_attach(plan, name, certificate_id);
        if (ret_names) ret_names[i] = name;
    }
    return VCH_OK;
}
