/* Billing groups. Source: AWS CreateBillingGroup and its siblings. */
#include "core/reason.h"
#include "service/change.h"
#include "service/group_names.h"
#include "service/tags.h"

static const struct vch_named_input thing_input = {"thingName", "thingArn", "thing"};
static const struct vch_named_input group_input = {"billingGroupName", "billingGroupArn", "billinggroup"};

static struct vch_str name_of(const struct vch_call *call) {
    return vch_val_str_at(call->in, "billingGroupName");
}

static struct vch_str description_of(const struct vch_call *call) {
    return vch_val_str_at(vch_val_get(call->in, "billingGroupProperties"), "billingGroupDescription");
}

static enum vch_err begin(struct vch_call *call, const char *event, struct vch_str name, struct vch_change *change) {
    VCH_TRY(vch_change_begin(call, event, change));
    return vch_change_about(call, change, "billingGroupName", name);
}

static enum vch_err taken(struct vch_call *call, enum vch_err err) {
    struct vch_str text = vch_arena_printf(call->arena, "Billing Group %.*s already exists in current account with different properties",
                                           VCH_STR_ARG(name_of(call)));
    if (!text.ptr) return VCH_ERR_NOMEM;
    return vch_call_taken(call, err, "billinggroup", name_of(call), vch_reason_code(VCH_REASON_BILLING_GROUP_EXISTS), text.ptr);
}

enum vch_err vch_uc_create_billing_group(struct vch_call *call) {
    struct vch_rec_billing_group g = {.name = name_of(call), .description = description_of(call), .created_ms = call->now_ms};
    struct vch_change change;
    VCH_TRY(vch_new_uuid(call, &g.id));
    VCH_TRY(begin(call, "billing-group-created", g.name, &change));
    vch_plan_billing_group_create(change.plan, &g);
    VCH_TRY(vch_tags_at_creation(call, change.plan, "billinggroup", g.name));
    VCH_TRY(taken(call, vch_change_apply(call, &change)));
    return vch_put_created(call, "billingGroup", "billinggroup", g.name, g.id);
}

enum vch_err vch_uc_describe_billing_group(struct vch_call *call) {
    struct vch_rec_billing_group g;
    VCH_TRY(vch_store_billing_group(call->service->store, name_of(call), &g, call->arena, call->diag));
    VCH_TRY(vch_put_created(call, "billingGroup", "billinggroup", g.name, g.id));
    VCH_TRY(vch_val_put_int(call->arena, call->out, "version", g.version));
    struct vch_val *properties = vch_val_put_map(call->arena, call->out, "billingGroupProperties");
    if (!properties) return VCH_ERR_NOMEM;
    if (g.description.len) VCH_TRY(vch_val_put_str(call->arena, properties, "billingGroupDescription", g.description));
    struct vch_val *metadata = vch_val_put_map(call->arena, call->out, "billingGroupMetadata");
    return metadata ? vch_val_put_time(call->arena, metadata, "creationDate", g.created_ms) : VCH_ERR_NOMEM;
}

enum vch_err vch_uc_update_billing_group(struct vch_call *call) {
    const struct vch_rec_billing_group g = {.name = name_of(call), .description = description_of(call)};
    struct vch_change change;
    int64_t version = 0;
    VCH_TRY(begin(call, "billing-group-updated", g.name, &change));
    vch_plan_billing_group_update(change.plan, &g, vch_val_int_at(call->in, "expectedVersion", -1), &version);
    VCH_TRY(vch_change_apply(call, &change));
    return vch_val_put_int(call->arena, call->out, "version", version);
}

enum vch_err vch_uc_delete_billing_group(struct vch_call *call) {
    struct vch_change change;
    VCH_TRY(begin(call, "billing-group-deleted", name_of(call), &change));
    vch_plan_billing_group_delete(change.plan, name_of(call), vch_val_int_at(call->in, "expectedVersion", -1));
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_list_billing_groups(struct vch_call *call) {
    struct vch_str prefix = vch_val_str_at(call->in, "namePrefixFilter");
    struct vch_paging paging = {.list = "ListBillingGroups", .scope = prefix};
    struct vch_list_str list;
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_billing_groups(call->service->store, prefix, paging.page, &list, call->arena, call->diag));
    return vch_put_named_page(call, &paging, "billingGroups", "billinggroup", &list);
}

/* ---- things ---- */

enum vch_err vch_uc_add_thing_to_billing_group(struct vch_call *call) {
    struct vch_change change;
    struct vch_str thing, group;
    VCH_TRY(vch_named_input(call, &group_input, &group));
    VCH_TRY(vch_named_input(call, &thing_input, &thing));
    VCH_TRY(begin(call, "billing-group-joined", group, &change));
    change.row.thing_name = thing;
    vch_plan_billing_group_add(change.plan, group, thing);
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_remove_thing_from_billing_group(struct vch_call *call) {
    struct vch_change change;
    struct vch_str thing, group;
    VCH_TRY(vch_named_input(call, &group_input, &group));
    VCH_TRY(vch_named_input(call, &thing_input, &thing));
    VCH_TRY(begin(call, "billing-group-left", group, &change));
    change.row.thing_name = thing;
    vch_plan_billing_group_remove(change.plan, group, thing);
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_list_things_in_billing_group(struct vch_call *call) {
    struct vch_paging paging = {.list = "ListThingsInBillingGroup", .scope = name_of(call)};
    struct vch_list_str list;
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_billing_group_things(call->service->store, name_of(call), paging.page, &list, call->arena, call->diag));
    return vch_put_name_page(call, &paging, "things", &list);
}
