/* Users and their IAM policies. Our own operations: AWS keeps them in another
 * service. */

#include "core/policy.h"
#include "core/reason.h"
#include "service/change.h"
#include "service/page.h"

enum { USER_POLICIES_MAX = 10 };

static struct vch_str user_of(const struct vch_call *call) {
    return vch_val_str_at(call->in, "userName");
}

static enum vch_err user_load(struct vch_call *call, struct vch_rec_user *ret) {
    return vch_store_user(call->service->store, user_of(call), ret, call->arena, call->diag);
}

static enum vch_err begin(struct vch_call *call, const char *event, struct vch_change *change) {
    VCH_TRY(vch_change_begin(call, event, change));
    return vch_change_about(call, change, "userName", user_of(call));
}

static enum vch_err begin_policy(struct vch_call *call, const char *event, struct vch_change *change) {
    const char *names[] = {"userName", "policyName", NULL};
    struct vch_str values[] = {user_of(call), vch_val_str_at(call->in, "policyName")};
    VCH_TRY(vch_change_begin(call, event, change));
    return vch_change_detail(call, change, names, values);
}

static enum vch_err put_user(struct vch_call *call, struct vch_val *map, const struct vch_rec_user *user) {
    struct vch_str arn = vch_iam_arn(&call->service->site, "user", user->name, call->arena);
    if (!map || !arn.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, map, "userName", user->name));
    VCH_TRY(vch_val_put_str(call->arena, map, "userArn", arn));
    return vch_val_put_time(call->arena, map, "creationDate", user->created_ms);
}

enum vch_err vch_uc_create_user(struct vch_call *call) {
    struct vch_rec_user user = {.name = user_of(call), .created_ms = call->now_ms};
    struct vch_change change;
    VCH_TRY(begin(call, "user-created", &change));
    vch_plan_user_create(change.plan, &user);
    VCH_TRY(vch_change_apply(call, &change));
    return put_user(call, call->out, &user);
}

enum vch_err vch_uc_list_users(struct vch_call *call) {
    struct vch_paging paging = {.list = "ListUsers"};
    struct vch_list_user list;
    struct vch_str last = {NULL, 0};
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_users(call->service->store, paging.page, &list, call->arena, call->diag));
    struct vch_val *users = vch_val_put_list(call->arena, call->out, "users");
    for (size_t i = 0; i < list.count; i++) {
        last = list.items[i].name;
        VCH_TRY(put_user(call, vch_val_push_map(call->arena, users), &list.items[i]));
    }
    return vch_paging_close(call, &paging, list.more, last);
}

/* Without the administrator nobody could mend the rest. */
static enum vch_err admin_kept(struct vch_call *call) {
    if (!vch_str_eq_c(user_of(call), "admin")) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_CONFLICT, DELETE_CONFLICT, "userName", "The user admin and its own policy cannot be deleted.");
}

enum vch_err vch_uc_delete_user(struct vch_call *call) {
    struct vch_rec_user user;
    struct vch_change change;
    VCH_TRY(user_load(call, &user));
    VCH_TRY(admin_kept(call));
    VCH_TRY(begin(call, "user-deleted", &change));
    vch_plan_user_delete(change.plan, user.name);
    return vch_change_apply(call, &change);
}

/* ---- policies ---- */

static bool has_policy(const struct vch_list_policy *list, struct vch_str name) {
    for (size_t i = 0; i < list->count; i++)
        if (vch_str_eq(list->items[i].name, name)) return true;
    return false;
}

static enum vch_err policies_load(struct vch_call *call, struct vch_list_policy *ret) {
    struct vch_rec_user user;
    VCH_TRY(user_load(call, &user));
    return vch_store_user_policies(call->service->store, user.name, ret, call->arena, call->diag);
}

static enum vch_err document_check(struct vch_call *call, struct vch_str name, struct vch_str document) {
    struct vch_policy *policy = NULL;
    enum vch_err err = vch_policy_parse(VCH_POLICY_IAM, name, document, &policy, call->diag);
    vch_policy_unref(policy);
    return err;
}

enum vch_err vch_uc_put_user_policy(struct vch_call *call) {
    struct vch_str name = vch_val_str_at(call->in, "policyName"), document = vch_val_str_at(call->in, "policyDocument");
    struct vch_list_policy list;
    struct vch_change change;
    VCH_TRY(document_check(call, name, document));
    VCH_TRY(policies_load(call, &list));
    if (vch_str_eq_c(name, "AdministratorAccess")) VCH_TRY(admin_kept(call));
    if (!has_policy(&list, name) && list.count >= USER_POLICIES_MAX)
        return VCH_REFUSE(call->diag, VCH_ERR_LIMIT, IAM_FULL, "policyName", "A user has at most %d policies.", USER_POLICIES_MAX);
    VCH_TRY(begin_policy(call, "user-policy-put", &change));
    vch_plan_user_policy_put(change.plan, user_of(call), name, document);
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_delete_user_policy(struct vch_call *call) {
    struct vch_str name = vch_val_str_at(call->in, "policyName");
    struct vch_list_policy list;
    struct vch_change change;
    VCH_TRY(policies_load(call, &list));
    if (!has_policy(&list, name))
        return VCH_REFUSE(call->diag, VCH_ERR_NOT_FOUND, POLICY_MISSING, "policyName", "The user has no policy %.*s.", VCH_STR_ARG(name));
    if (vch_str_eq_c(name, "AdministratorAccess")) VCH_TRY(admin_kept(call));
    VCH_TRY(begin_policy(call, "user-policy-deleted", &change));
    vch_plan_user_policy_delete(change.plan, user_of(call), name);
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_list_user_policies(struct vch_call *call) {
    struct vch_list_policy list;
    VCH_TRY(policies_load(call, &list));
    struct vch_val *policies = vch_val_put_list(call->arena, call->out, "policies");
    for (size_t i = 0; i < list.count; i++) {
        struct vch_val *item = vch_val_push_map(call->arena, policies);
        VCH_TRY(item ? vch_val_put_str(call->arena, item, "policyName", list.items[i].name) : VCH_ERR_NOMEM);
        VCH_TRY(vch_val_put_str(call->arena, item, "policyDocument", list.items[i].document));
    }
    return policies ? VCH_OK : VCH_ERR_NOMEM;
}
