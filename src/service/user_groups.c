/* Groups of users: what is granted to a group is granted to its members. Our
 * own operations; forms as AWS IAM's. */
#include "service/change.h"
#include "service/page.h"
#include "store/iam.h"

static struct vch_str group_of(const struct vch_call *call) {
    return vch_val_str_at(call->in, "groupName");
}

static enum vch_err begin(struct vch_call *call, const char *event, struct vch_change *change) {
    VCH_TRY(vch_change_begin(call, event, change));
    return vch_change_about(call, change, "groupName", group_of(call));
}

static enum vch_err begin_member(struct vch_call *call, const char *event, struct vch_change *change) {
    const char *names[] = {"groupName", "userName", NULL};
    struct vch_str values[] = {group_of(call), vch_val_str_at(call->in, "userName")};
    VCH_TRY(vch_change_begin(call, event, change));
    return vch_change_detail(call, change, names, values);
}

static enum vch_err put_group(struct vch_call *call, struct vch_val *map, const struct vch_rec_group *group) {
    struct vch_str arn = vch_iam_arn(&call->service->site, "group", group->name, call->arena);
    if (!map || !arn.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, map, "groupName", group->name));
    VCH_TRY(vch_val_put_str(call->arena, map, "groupArn", arn));
    return vch_val_put_time(call->arena, map, "creationDate", group->created_ms);
}

enum vch_err vch_uc_create_group(struct vch_call *call) {
    const struct vch_rec_group group = {.name = group_of(call), .created_ms = call->now_ms};
    struct vch_change change;
    VCH_TRY(begin(call, "group-created", &change));
    vch_plan_group_create(change.plan, group.name, group.created_ms);
    VCH_TRY(vch_change_apply(call, &change));
    return put_group(call, call->out, &group);
}

enum vch_err vch_uc_list_groups(struct vch_call *call) {
    struct vch_paging paging = {.list = "ListGroups"};
    struct vch_list_group list;
    struct vch_str last = {NULL, 0};
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_groups(call->service->store, paging.page, &list, call->arena, call->diag));
    struct vch_val *groups = vch_val_put_list(call->arena, call->out, "groups");
    for (size_t i = 0; i < list.count; i++) {
        last = list.items[i].name;
        VCH_TRY(put_group(call, vch_val_push_map(call->arena, groups), &list.items[i]));
    }
    return vch_paging_close(call, &paging, list.more, last);
}

/* A page of names, and the token of the next. */
static enum vch_err put_names(struct vch_call *call, struct vch_paging *paging, const char *name, const struct vch_list_str *list) {
    struct vch_val *names = vch_val_put_list(call->arena, call->out, name);
    if (!names) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < list->count; i++) VCH_TRY(vch_val_push_str(call->arena, names, list->items[i]));
    return vch_paging_close(call, paging, list->more, list->count ? list->items[list->count - 1] : VCH_STR(""));
}

enum vch_err vch_uc_get_group(struct vch_call *call) {
    struct vch_paging paging = {.list = "GetGroup", .scope = group_of(call)};
    struct vch_rec_group group;
    struct vch_list_str list;
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_group(call->service->store, group_of(call), &group, call->arena, call->diag));
    VCH_TRY(vch_store_group_members(call->service->store, group.name, paging.page, &list, call->arena, call->diag));
    VCH_TRY(put_group(call, call->out, &group));
    return put_names(call, &paging, "users", &list);
}

enum vch_err vch_uc_list_groups_for_user(struct vch_call *call) {
    struct vch_str user = vch_val_str_at(call->in, "userName");
    struct vch_paging paging = {.list = "ListGroupsForUser", .scope = user};
    struct vch_list_str list;
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_groups_of_user(call->service->store, user, paging.page, &list, call->arena, call->diag));
    return put_names(call, &paging, "groups", &list);
}

enum vch_err vch_uc_delete_group(struct vch_call *call) {
    struct vch_change change;
    VCH_TRY(begin(call, "group-deleted", &change));
    vch_plan_group_delete(change.plan, group_of(call));
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_add_user_to_group(struct vch_call *call) {
    struct vch_change change;
    VCH_TRY(begin_member(call, "group-member-added", &change));
    vch_plan_group_add(change.plan, group_of(call), vch_val_str_at(call->in, "userName"));
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_remove_user_from_group(struct vch_call *call) {
    struct vch_change change;
    VCH_TRY(begin_member(call, "group-member-removed", &change));
    vch_plan_group_remove(change.plan, group_of(call), vch_val_str_at(call->in, "userName"));
    return vch_change_apply(call, &change);
}
