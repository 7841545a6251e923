/* IAM policies that several share (managed), those of a group or role alone
 * (inline), and attachments of the first sort. Users' inline policies are in
 * users.c. Our own operations; forms as AWS IAM's. */
#include "core/policy.h"
#include "service/change.h"
#include "service/page.h"
#include "store/iam.h"

static struct vch_str policy_of(const struct vch_call *call) {
    return vch_val_str_at(call->in, "policyName");
}

/* Whom the request speaks of, by the input that it has. */
struct owner {
    enum vch_iam_kind kind;
    const char *field;
    struct vch_str name;
};

static struct owner owner_of(const struct vch_call *call) {
    static const char *const fields[] = {[VCH_IAM_USER] = "userName", [VCH_IAM_GROUP] = "groupName", [VCH_IAM_ROLE] = "roleName"};
    enum vch_iam_kind kind = VCH_IAM_USER;
    if (vch_val_get(call->in, "groupName")) kind = VCH_IAM_GROUP;
    if (vch_val_get(call->in, "roleName")) kind = VCH_IAM_ROLE;
    return (struct owner){kind, fields[kind], vch_val_str_at(call->in, fields[kind])};
}

static enum vch_err begin(struct vch_call *call, const char *event, struct vch_change *change) {
    VCH_TRY(vch_change_begin(call, event, change));
    return vch_change_about(call, change, "policyName", policy_of(call));
}

/* "group-policy-put" and the like. */
static enum vch_err begin_owner(struct vch_call *call, const struct owner *owner, const char *what, struct vch_change *change) {
    const char *names[] = {owner->field, "policyName", NULL};
    struct vch_str values[] = {owner->name, policy_of(call)};
    struct vch_str event = vch_arena_printf(call->arena, "%s-policy-%s", vch_iam_kind_word(owner->kind), what);
    if (!event.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_change_begin(call, event.ptr, change));
    return vch_change_detail(call, change, names, values);
}

static enum vch_err document_check(struct vch_call *call) {
    struct vch_policy *policy = NULL;
    enum vch_err err = vch_policy_parse(VCH_POLICY_IAM, policy_of(call), vch_val_str_at(call->in, "policyDocument"), &policy, call->diag);
    vch_policy_unref(policy);
    return err;
}

/* ---- managed ---- */

static enum vch_err put_managed(struct vch_call *call, struct vch_val *map, const struct vch_rec_managed *m) {
    struct vch_str arn = vch_iam_arn(&call->service->site, "policy", m->name, call->arena);
    if (!map || !arn.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, map, "policyName", m->name));
    VCH_TRY(vch_val_put_str(call->arena, map, "policyArn", arn));
    if (m->description.len) VCH_TRY(vch_val_put_str(call->arena, map, "description", m->description));
    VCH_TRY(vch_val_put_time(call->arena, map, "creationDate", m->created_ms));
    VCH_TRY(vch_val_put_time(call->arena, map, "lastModifiedDate", m->modified_ms));
    return vch_val_put_str(call->arena, map, "policyDocument", m->document);
}

enum vch_err vch_uc_put_managed_policy(struct vch_call *call) {
    const struct vch_rec_managed m = {.name = policy_of(call),
                                      .description = vch_val_str_at(call->in, "description"),
                                      .document = vch_val_str_at(call->in, "policyDocument"),
                                      .modified_ms = call->now_ms};
    struct vch_change change;
    VCH_TRY(document_check(call));
    VCH_TRY(begin(call, "managed-policy-put", &change));
    vch_plan_managed_put(change.plan, &m);
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_get_managed_policy(struct vch_call *call) {
    struct vch_rec_managed m;
    VCH_TRY(vch_store_managed(call->service->store, policy_of(call), &m, call->arena, call->diag));
    return put_managed(call, call->out, &m);
}

enum vch_err vch_uc_list_managed_policies(struct vch_call *call) {
    struct vch_paging paging = {.list = "ListManagedPolicies"};
    struct vch_list_managed list;
    struct vch_str last = {NULL, 0};
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_managed_list(call->service->store, paging.page, &list, call->arena, call->diag));
    struct vch_val *policies = vch_val_put_list(call->arena, call->out, "policies");
    for (size_t i = 0; i < list.count; i++) {
        last = list.items[i].name;
        VCH_TRY(put_managed(call, vch_val_push_map(call->arena, policies), &list.items[i]));
    }
    return vch_paging_close(call, &paging, list.more, last);
}

enum vch_err vch_uc_delete_managed_policy(struct vch_call *call) {
    struct vch_change change;
    VCH_TRY(begin(call, "managed-policy-deleted", &change));
    vch_plan_managed_delete(change.plan, policy_of(call));
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_list_managed_policy_targets(struct vch_call *call) {
    struct vch_paging paging = {.list = "ListManagedPolicyTargets", .scope = policy_of(call)};
    struct vch_list_str list;
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_managed_targets(call->service->store, policy_of(call), paging.page, &list, call->arena, call->diag));
    struct vch_val *targets = vch_val_put_list(call->arena, call->out, "targets");
    if (!targets) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < list.count; i++) VCH_TRY(vch_val_push_str(call->arena, targets, list.items[i]));
    return vch_paging_close(call, &paging, list.more, list.count ? list.items[list.count - 1] : VCH_STR(""));
}

/* ---- inline ---- */

enum vch_err vch_uc_put_owner_policy(struct vch_call *call) {
    const struct owner owner = owner_of(call);
    struct vch_change change;
    VCH_TRY(document_check(call));
    VCH_TRY(begin_owner(call, &owner, "put", &change));
    vch_plan_inline_put(change.plan, owner.kind, owner.name, policy_of(call), vch_val_str_at(call->in, "policyDocument"));
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_delete_owner_policy(struct vch_call *call) {
    const struct owner owner = owner_of(call);
    struct vch_change change;
    VCH_TRY(begin_owner(call, &owner, "deleted", &change));
    vch_plan_inline_delete(change.plan, owner.kind, owner.name, policy_of(call));
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_list_owner_policies(struct vch_call *call) {
    const struct owner owner = owner_of(call);
    struct vch_list_policy list;
    VCH_TRY(vch_store_inline_policies(call->service->store, owner.kind, owner.name, &list, call->arena, call->diag));
    struct vch_val *policies = vch_val_put_list(call->arena, call->out, "policies");
    for (size_t i = 0; i < list.count; i++) {
        struct vch_val *item = vch_val_push_map(call->arena, policies);
        VCH_TRY(item ? vch_val_put_str(call->arena, item, "policyName", list.items[i].name) : VCH_ERR_NOMEM);
        VCH_TRY(vch_val_put_str(call->arena, item, "policyDocument", list.items[i].document));
    }
    return policies ? VCH_OK : VCH_ERR_NOMEM;
}

/* ---- attachments ---- */

enum vch_err vch_uc_attach_owner_policy(struct vch_call *call) {
    const struct owner owner = owner_of(call);
    struct vch_change change;
    VCH_TRY(begin_owner(call, &owner, "attached", &change));
    vch_plan_iam_attach(change.plan, owner.kind, owner.name, policy_of(call));
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_detach_owner_policy(struct vch_call *call) {
    const struct owner owner = owner_of(call);
    struct vch_change change;
    VCH_TRY(begin_owner(call, &owner, "detached", &change));
    vch_plan_iam_detach(change.plan, owner.kind, owner.name, policy_of(call));
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_list_attached_owner_policies(struct vch_call *call) {
    const struct owner owner = owner_of(call);
    struct vch_list_str list;
    VCH_TRY(vch_store_iam_attached(call->service->store, owner.kind, owner.name, &list, call->arena, call->diag));
    struct vch_val *policies = vch_val_put_list(call->arena, call->out, "policies");
    if (!policies) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < list.count; i++) {
        struct vch_str arn = vch_iam_arn(&call->service->site, "policy", list.items[i], call->arena);
        struct vch_val *item = vch_val_push_map(call->arena, policies);
        if (!arn.ptr || !item) return VCH_ERR_NOMEM;
        VCH_TRY(vch_val_put_str(call->arena, item, "policyName", list.items[i]));
        VCH_TRY(vch_val_put_str(call->arena, item, "policyArn", arn));
    }
    return VCH_OK;
}
