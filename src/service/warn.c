#include "service/warn.h"

#include "store/groups.h"

/* Memory that runs out leaves fewer findings, not a refusal. */
void vch_warn_policy(struct vch_call *call, struct vch_str document) {
    if (call->lint && vch_lint_policy(VCH_POLICY_IOT, document, call->arena, call->lint, NULL) != VCH_OK)
        call->lint->count = 0;
}

/* Only what is surely absent is warned of. */
bool vch_warn_exists(void *arg, enum vch_lint_name kind, struct vch_str name) {
    struct vch_call *call = arg;
    struct vch_store *store = call->service->store;
    struct vch_rec_policy policy;
    struct vch_rec_thing_type type;
    struct vch_rec_thing_group group;
    struct vch_rec_billing_group billing;
    switch (kind) {
    case VCH_LINT_POLICY: return vch_store_policy(store, name, 0, &policy, call->arena, NULL) != VCH_ERR_NOT_FOUND;
    case VCH_LINT_THING_TYPE: return vch_store_thing_type(store, name, &type, call->arena, NULL) != VCH_ERR_NOT_FOUND;
    case VCH_LINT_THING_GROUP: return vch_store_thing_group(store, name, &group, call->arena, NULL) != VCH_ERR_NOT_FOUND;
    case VCH_LINT_BILLING_GROUP: return vch_store_billing_group(store, name, &billing, call->arena, NULL) != VCH_ERR_NOT_FOUND;
    }
    return true;
}

void vch_warn_template(struct vch_call *call, struct vch_str body, bool hook) {
    const struct vch_lint_template_options options = {.hook = hook, .exists = vch_warn_exists, .arg = call};
    if (call->lint && vch_lint_template(body, &options, call->arena, call->lint, NULL) != VCH_OK) call->lint->count = 0;
}
