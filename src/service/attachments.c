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

enum vch_err vch_uc_attach_policy(struct vch_call *call) {
    struct vch_change change;
    struct vch_str id;
    VCH_TRY(vch_target_certificate(call, "target", &id));
    VCH_TRY(begin(call, "policy-attached", id, &change));
    vch_plan_policy_attach(change.plan, vch_val_str_at(call->in, "policyName"), id);
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_detach_policy(struct vch_call *call) {
    struct vch_change change;
    struct vch_str id;
    VCH_TRY(vch_target_certificate(call, "target", &id));
    VCH_TRY(begin(call, "policy-detached", id, &change));
    vch_plan_policy_detach(change.plan, vch_val_str_at(call->in, "policyName"), id);
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_list_attached_policies(struct vch_call *call) {
    struct vch_paging paging = {.marker = true, .list = "ListAttachedPolicies"};
    struct vch_list_str list;
    struct vch_str id, last = {NULL, 0};
    VCH_TRY(vch_target_existing(call, "target", &id));
    paging.scope = id;
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_attached_policies(call->service->store, id, paging.page, &list, call->arena, call->diag));
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

enum vch_err vch_uc_list_targets_for_policy(struct vch_call *call) {
    struct vch_paging paging = {.marker = true, .list = "ListTargetsForPolicy"};
    struct vch_str name = vch_val_str_at(call->in, "policyName"), last = {NULL, 0};
    struct vch_rec_policy policy;
    struct vch_list_str list;
    paging.scope = name;
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_policy(call->service->store, name, 0, &policy, call->arena, call->diag));
    VCH_TRY(vch_store_policy_targets(call->service->store, name, paging.page, &list, call->arena, call->diag));
    struct vch_val *targets = vch_val_put_list(call->arena, call->out, "targets");
    for (size_t i = 0; i < list.count; i++) {
        struct vch_str arn = vch_arn(&call->service->site, "cert", list.items[i], call->arena);
        last = list.items[i];
        VCH_TRY(arn.ptr ? vch_val_push_str(call->arena, targets, arn) : VCH_ERR_NOMEM);
    }
    return vch_paging_close(call, &paging, list.more, last);
}
