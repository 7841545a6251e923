/* Which policies a certificate has. Source: AWS AttachPolicy and its siblings:
 * attaching and detaching again change nothing. */
#include "core/reason.h"
#include "service/change.h"
#include "service/page.h"

static enum vch_err begin(struct vch_call *call, const char *event, struct vch_str id, struct vch_change *change) {
    VCH_TRY(vch_change_begin(call, event, change));
    change->row.certificate_id = id;
    return vch_change_about(call, change, "policyName", vch_val_str_at(call->in, "policyName"));
}

static enum vch_err attach(struct vch_call *call, const char *target) {
    struct vch_change change;
    struct vch_str id;
    VCH_TRY(vch_target_certificate(call, target, &id));
    VCH_TRY(begin(call, "policy-attached", id, &change));
    vch_plan_policy_attach(change.plan, vch_val_str_at(call->in, "policyName"), id);
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_attach_policy(struct vch_call *call) {
    return attach(call, "target");
}

enum vch_err vch_uc_attach_principal_policy(struct vch_call *call) {
    return attach(call, "principal");
}

static enum vch_err detach(struct vch_call *call, const char *target) {
    struct vch_change change;
    struct vch_str id;
    VCH_TRY(vch_target_certificate(call, target, &id));
    VCH_TRY(begin(call, "policy-detached", id, &change));
    vch_plan_policy_detach(change.plan, vch_val_str_at(call->in, "policyName"), id);
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_detach_policy(struct vch_call *call) {
    return detach(call, "target");
}

enum vch_err vch_uc_detach_principal_policy(struct vch_call *call) {
    return detach(call, "principal");
}

static enum vch_err list_policies(struct vch_call *call, struct vch_paging paging, const char *target) {
    struct vch_list_str list;
    struct vch_str last = {NULL, 0};
    VCH_TRY(vch_target_existing(call, target, &paging.scope));
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_attached_policies(call->service->store, paging.scope, paging.page, &list, call->arena, call->diag));
    struct vch_val *policies = vch_val_put_list(call->arena, call->out, "policies");
    for (size_t i = 0; i < list.count; i++) {
        struct vch_val *item = vch_val_push_map(call->arena, policies);
        if (!item) return VCH_ERR_NOMEM;
        last = list.items[i];
        VCH_TRY(vch_val_put_str(call->arena, item, "policyName", last));
        VCH_TRY(vch_put_arn(call, item, "policyArn", "policy", last));
    }
    return vch_paging_close(call, &paging, list.more, last);
}

enum vch_err vch_uc_list_attached_policies(struct vch_call *call) {
    return list_policies(call, (struct vch_paging){.marker = true, .list = "ListAttachedPolicies"}, "target");
}

static bool downwards(const struct vch_call *call) {
    return !vch_val_bool_at(call->in, "isAscendingOrder", true);
}

enum vch_err vch_uc_list_principal_policies(struct vch_call *call) {
    struct vch_paging paging = {.marker = true, .list = "ListPrincipalPolicies", .page.descending = downwards(call)};
    return list_policies(call, paging, "principal");
}

static enum vch_err list_targets(struct vch_call *call, struct vch_paging paging, const char *member) {
    struct vch_str name = vch_val_str_at(call->in, "policyName"), last = {NULL, 0};
    struct vch_rec_policy policy;
    struct vch_list_str list;
    paging.scope = name;
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_policy(call->service->store, name, 0, &policy, call->arena, call->diag));
    VCH_TRY(vch_store_policy_targets(call->service->store, name, paging.page, &list, call->arena, call->diag));
    struct vch_val *targets = vch_val_put_list(call->arena, call->out, member);
    for (size_t i = 0; i < list.count; i++) {
        struct vch_str arn = vch_arn(&call->service->site, "cert", list.items[i], call->arena);
        last = list.items[i];
        VCH_TRY(arn.ptr ? vch_val_push_str(call->arena, targets, arn) : VCH_ERR_NOMEM);
    }
    return vch_paging_close(call, &paging, list.more, last);
}

enum vch_err vch_uc_list_targets_for_policy(struct vch_call *call) {
    return list_targets(call, (struct vch_paging){.marker = true, .list = "ListTargetsForPolicy"}, "targets");
}

enum vch_err vch_uc_list_policy_principals(struct vch_call *call) {
    struct vch_paging paging = {.marker = true, .list = "ListPolicyPrincipals", .page.descending = downwards(call)};
    return list_targets(call, paging, "principals");
}
