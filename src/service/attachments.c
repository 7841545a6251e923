/* Which policies a certificate or a thing group has. Source: AWS AttachPolicy
 * and its siblings: attaching and detaching again change nothing. The older
 * calls know certificates only. */
#include "core/names.h"
#include "core/reason.h"
#include "service/change.h"
#include "service/page.h"
#include "store/groups.h"

static enum vch_err begin(struct vch_call *call, const char *event, struct vch_str id, struct vch_change *change) {
    VCH_TRY(vch_change_begin(call, event, change));
    change->row.certificate_id = id;
    return vch_change_about(call, change, "policyName", vch_val_str_at(call->in, "policyName"));
}

/* ---- thing groups as targets ---- */

static bool target_is_group(const struct vch_call *call, struct vch_str *ret_name) {
    return vch_arn_name(&call->service->site, "thinggroup", vch_val_str_at(call->in, "target"), ret_name) &&
           vch_thing_name_valid(*ret_name);
}

static enum vch_err change_group(struct vch_call *call, const char *event, struct vch_str group,
                                 void (*step)(struct vch_plan *plan, struct vch_str policy, struct vch_str group)) {
    const char *names[] = {"policyName", "thingGroupName", NULL};
    struct vch_str values[] = {vch_val_str_at(call->in, "policyName"), group};
    struct vch_change change;
    VCH_TRY(vch_change_begin(call, event, &change));
    VCH_TRY(vch_change_detail(call, &change, names, values));
    step(change.plan, values[0], group);
    return vch_change_apply(call, &change);
}

/* ---- attaching ---- */

static enum vch_err attach(struct vch_call *call, const char *target) {
    struct vch_change change;
    struct vch_str id;
    VCH_TRY(vch_target_certificate(call, target, &id));
    VCH_TRY(begin(call, "policy-attached", id, &change));
    vch_plan_policy_attach(change.plan, vch_val_str_at(call->in, "policyName"), id);
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_attach_policy(struct vch_call *call) {
    struct vch_str group;
    if (target_is_group(call, &group)) return change_group(call, "policy-attached", group, vch_plan_group_policy_attach);
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
    struct vch_str group;
    if (target_is_group(call, &group)) return change_group(call, "policy-detached", group, vch_plan_group_policy_detach);
    return detach(call, "target");
}

enum vch_err vch_uc_detach_principal_policy(struct vch_call *call) {
    return detach(call, "principal");
}

/* ---- listing ---- */

static enum vch_err put_policies(struct vch_call *call, const struct vch_paging *paging, const struct vch_list_str *list) {
    struct vch_val *policies = vch_val_put_list(call->arena, call->out, "policies");
    struct vch_str last = {NULL, 0};
    for (size_t i = 0; i < list->count; i++) {
        struct vch_val *item = vch_val_push_map(call->arena, policies);
        if (!item) return VCH_ERR_NOMEM;
        last = list->items[i];
        VCH_TRY(vch_val_put_str(call->arena, item, "policyName", last));
        VCH_TRY(vch_put_arn(call, item, "policyArn", "policy", last));
    }
    return policies ? vch_paging_close(call, paging, list->more, last) : VCH_ERR_NOMEM;
}

static enum vch_err list_policies(struct vch_call *call, struct vch_paging paging, const char *target) {
    struct vch_list_str list;
    VCH_TRY(vch_target_existing(call, target, &paging.scope));
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_attached_policies(call->service->store, paging.scope, paging.page, &list, call->arena, call->diag));
    return put_policies(call, &paging, &list);
}

static enum vch_err list_group_policies(struct vch_call *call, struct vch_str group) {
    bool recursive = vch_val_bool_at(call->in, "recursive", false);
    struct vch_paging paging = {.marker = true, .list = "ListAttachedPolicies"};
    struct vch_list_str list;
    paging.scope = vch_arena_printf(call->arena, "%d%.*s", recursive ? 1 : 0, VCH_STR_ARG(group));
    if (!paging.scope.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_group_policies(call->service->store, group, recursive, paging.page, &list, call->arena, call->diag));
    return put_policies(call, &paging, &list);
}

enum vch_err vch_uc_list_attached_policies(struct vch_call *call) {
    struct vch_str group;
    if (target_is_group(call, &group)) return list_group_policies(call, group);
    return list_policies(call, (struct vch_paging){.marker = true, .list = "ListAttachedPolicies"}, "target");
}

static bool downwards(const struct vch_call *call) {
    return !vch_val_bool_at(call->in, "isAscendingOrder", true);
}

enum vch_err vch_uc_list_principal_policies(struct vch_call *call) {
    struct vch_paging paging = {.marker = true, .list = "ListPrincipalPolicies", .page.descending = downwards(call)};
    return list_policies(call, paging, "principal");
}

static enum vch_err push_targets(struct vch_call *call, struct vch_val *targets, const char *type, const struct vch_list_str *list) {
    if (!targets) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < list->count; i++) {
        struct vch_str arn = vch_arn(&call->service->site, type, list->items[i], call->arena);
        VCH_TRY(arn.ptr ? vch_val_push_str(call->arena, targets, arn) : VCH_ERR_NOMEM);
    }
    return VCH_OK;
}

static struct vch_str last_of(const struct vch_list_str *list) {
    return list->count ? list->items[list->count - 1] : VCH_STR("");
}

/* Certificates first, then groups. A page begins after a certificate's id or,
 * written with a leading '/', after a group; "/" alone is before the first. */
enum vch_err vch_uc_list_targets_for_policy(struct vch_call *call) {
    struct vch_str policy = vch_val_str_at(call->in, "policyName");
    struct vch_paging paging = {.marker = true, .list = "ListTargetsForPolicy", .scope = policy};
    struct vch_list_str list = {.count = 0};
    VCH_TRY(vch_paging_open(call, &paging));
    struct vch_page page = paging.page;
    bool groups = vch_str_starts(page.after, VCH_STR("/"));
    struct vch_val *targets = vch_val_put_list(call->arena, call->out, "targets");
    if (!groups) {
        VCH_TRY(vch_store_policy_targets(call->service->store, policy, page, &list, call->arena, call->diag));
        VCH_TRY(push_targets(call, targets, "cert", &list));
        if (list.more) return vch_paging_close(call, &paging, true, last_of(&list));
    }
    page.after = groups ? vch_str_sub(page.after, 1, SIZE_MAX) : VCH_STR("");
    page.limit -= list.count;
    VCH_TRY(vch_store_policy_groups(call->service->store, policy, page, &list, call->arena, call->diag));
    VCH_TRY(push_targets(call, targets, "thinggroup", &list));
    struct vch_str last = vch_arena_printf(call->arena, "/%.*s", VCH_STR_ARG(last_of(&list)));
    return last.ptr ? vch_paging_close(call, &paging, list.more, last) : VCH_ERR_NOMEM;
}

enum vch_err vch_uc_list_policy_principals(struct vch_call *call) {
    struct vch_str policy = vch_val_str_at(call->in, "policyName");
    struct vch_paging paging = {
        .marker = true, .list = "ListPolicyPrincipals", .scope = policy, .page.descending = downwards(call)};
    struct vch_list_str list;
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_policy_targets(call->service->store, policy, paging.page, &list, call->arena, call->diag));
    VCH_TRY(push_targets(call, vch_val_put_list(call->arena, call->out, "principals"), "cert", &list));
    return vch_paging_close(call, &paging, list.more, last_of(&list));
}
