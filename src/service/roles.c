/* Roles: permissions that users and other roles take for a while. Our own
 * operations; forms as AWS IAM's. */
#include "service/access_key.h"
#include "service/change.h"
#include "service/page.h"
#include "service/session.h"
#include "service/trust.h"
#include "store/iam.h"

static struct vch_str role_of(const struct vch_call *call) {
    return vch_val_str_at(call->in, "roleName");
}

static enum vch_err begin(struct vch_call *call, const char *event, struct vch_change *change) {
    VCH_TRY(vch_change_begin(call, event, change));
    return vch_change_about(call, change, "roleName", role_of(call));
}

static enum vch_err put_role(struct vch_call *call, struct vch_val *map, const struct vch_rec_role *role) {
    struct vch_str arn = vch_iam_arn(&call->service->site, "role", role->name, call->arena);
    if (!map || !arn.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, map, "roleName", role->name));
    VCH_TRY(vch_val_put_str(call->arena, map, "roleId", role->id));
    VCH_TRY(vch_val_put_str(call->arena, map, "roleArn", arn));
    if (role->description.len) VCH_TRY(vch_val_put_str(call->arena, map, "description", role->description));
    VCH_TRY(vch_val_put_int(call->arena, map, "maxSessionDuration", role->session_max_s));
    VCH_TRY(vch_val_put_time(call->arena, map, "creationDate", role->created_ms));
    return vch_val_put_str(call->arena, map, "assumeRolePolicyDocument", role->trust);
}

/* What the request gives takes the place of what is there. */
static enum vch_err role_read(struct vch_call *call, struct vch_rec_role *role) {
    const struct vch_val *in = call->in;
    if (vch_val_get(in, "description")) role->description = vch_val_str_at(in, "description");
    role->session_max_s = vch_val_int_at(in, "maxSessionDuration", role->session_max_s);
    if (!vch_val_get(in, "assumeRolePolicyDocument")) return VCH_OK;
    role->trust = vch_val_str_at(in, "assumeRolePolicyDocument");
    return vch_trust_check(&call->service->site, role->trust, call->diag);
}

enum vch_err vch_uc_create_role(struct vch_call *call) {
    struct vch_rec_role role = {.name = role_of(call), .created_ms = call->now_ms, .session_max_s = VCH_SESSION_DEFAULT_S};
    struct vch_change change;
    role.id = vch_access_key_id_new("AROA", call->arena);
    if (!role.id.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(role_read(call, &role));
    VCH_TRY(begin(call, "role-created", &change));
    vch_plan_role_create(change.plan, &role);
    VCH_TRY(vch_change_apply(call, &change));
    return put_role(call, call->out, &role);
}

enum vch_err vch_uc_get_role(struct vch_call *call) {
    struct vch_rec_role role;
    VCH_TRY(vch_store_role(call->service->store, role_of(call), &role, call->arena, call->diag));
    return put_role(call, call->out, &role);
}

enum vch_err vch_uc_list_roles(struct vch_call *call) {
    struct vch_paging paging = {.list = "ListRoles"};
    struct vch_list_role list;
    struct vch_str last = {NULL, 0};
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_roles(call->service->store, paging.page, &list, call->arena, call->diag));
    struct vch_val *roles = vch_val_put_list(call->arena, call->out, "roles");
    for (size_t i = 0; i < list.count; i++) {
        last = list.items[i].name;
        VCH_TRY(put_role(call, vch_val_push_map(call->arena, roles), &list.items[i]));
    }
    return vch_paging_close(call, &paging, list.more, last);
}

enum vch_err vch_uc_update_role(struct vch_call *call) {
    struct vch_rec_role role;
    struct vch_change change;
    VCH_TRY(vch_store_role(call->service->store, role_of(call), &role, call->arena, call->diag));
    VCH_TRY(role_read(call, &role));
    VCH_TRY(begin(call, "role-updated", &change));
    vch_plan_role_update(change.plan, &role);
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_delete_role(struct vch_call *call) {
    struct vch_change change;
    VCH_TRY(begin(call, "role-deleted", &change));
    vch_plan_role_delete(change.plan, role_of(call));
    return vch_change_apply(call, &change);
}
