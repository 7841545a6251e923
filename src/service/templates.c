/* Provisioning templates. Source: AWS CreateProvisioningTemplate and its
 * siblings; versions are in template_versions.c. */
#include <stdio.h>

#include "core/reason.h"
#include "core/template.h"
#include "service/change.h"
#include "service/page.h"
#include "service/warn.h"
#include "service/tags.h"

static struct vch_str name_of(const struct vch_call *call) {
    return vch_val_str_at(call->in, "templateName");
}

static bool is_jitp(struct vch_str type) {
    return vch_str_eq_c(type, "JITP");
}

static enum vch_err begin(struct vch_call *call, const char *event, struct vch_change *change) {
    VCH_TRY(vch_change_begin(call, event, change));
    change->row.template_name = name_of(call);
    return VCH_OK;
}

/* The hook of the request, when there is one. */
static void hook_read(const struct vch_val *hook, struct vch_str *ret_target, struct vch_str *ret_version) {
    if (!hook) return;
    *ret_target = vch_val_str_at(hook, "targetArn");
    *ret_version = vch_val_str_at(hook, "payloadVersion");
    if (ret_version->len == 0) *ret_version = VCH_STR("2020-04-01");
}

static enum vch_err hook_check(struct vch_call *call, struct vch_str target, struct vch_str version, bool jitp) {
    if (target.len == 0) return VCH_OK;
    if (jitp)
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_INVALID, "preProvisioningHook",
                          "A template of type JITP has no pre-provisioning hook.");
    if (!vch_str_eq_c(version, "2020-04-01"))
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_INVALID, "payloadVersion",
                          "The value of payloadVersion must be 2020-04-01.");
    return VCH_OK;
}

static enum vch_err create_read(struct vch_call *call, struct vch_rec_template *t) {
    *t = (struct vch_rec_template){.name = name_of(call),
                                   .description = vch_val_str_at(call->in, "description"),
                                   .body = vch_val_str_at(call->in, "templateBody"),
                                   .role_arn = vch_val_str_at(call->in, "provisioningRoleArn"),
                                   .type = vch_val_str_at(call->in, "type"),
                                   .version = 1,
                                   .default_version = 1,
                                   .created_ms = call->now_ms,
                                   .modified_ms = call->now_ms,
                                   .enabled = vch_val_bool_at(call->in, "enabled", false)};
    if (t->type.len == 0) t->type = VCH_STR("FLEET_PROVISIONING");
    hook_read(vch_val_get(call->in, "preProvisioningHook"), &t->hook_target, &t->hook_payload_version);
    VCH_TRY(hook_check(call, t->hook_target, t->hook_payload_version, is_jitp(t->type)));
    VCH_TRY(vch_template_check(is_jitp(t->type) ? VCH_TEMPLATE_JITP : VCH_TEMPLATE_FLEET, t->body, call->diag));
    vch_warn_template(call, t->body, t->hook_target.len > 0);
    return VCH_OK;
}

static enum vch_err taken(struct vch_call *call, enum vch_err err) {
    char text[120];
    (void)snprintf(text, sizeof text, "Template with name %.*s already exists", VCH_STR_ARG(name_of(call)));
    return vch_call_taken(call, err, "provisioningtemplate", name_of(call), vch_reason_code(VCH_REASON_TEMPLATE_EXISTS), text);
}

enum vch_err vch_uc_create_provisioning_template(struct vch_call *call) {
    struct vch_rec_template t;
    struct vch_change change;
    VCH_TRY(create_read(call, &t));
    VCH_TRY(begin(call, "template-created", &change));
    change.row.template_version = 1;
    vch_plan_template_create(change.plan, &t);
    VCH_TRY(vch_tags_at_creation(call, change.plan, "provisioningtemplate", t.name));
    VCH_TRY(taken(call, vch_change_apply(call, &change)));
    VCH_TRY(vch_put_arn(call, call->out, "templateArn", "provisioningtemplate", t.name));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "templateName", t.name));
    return vch_val_put_int(call->arena, call->out, "defaultVersionId", 1);
}

/* What describing and listing have in common. */
static enum vch_err put_template(struct vch_call *call, struct vch_val *map, const struct vch_rec_template *t) {
    VCH_TRY(vch_put_arn(call, map, "templateArn", "provisioningtemplate", t->name));
    VCH_TRY(vch_val_put_str(call->arena, map, "templateName", t->name));
    if (t->description.len) VCH_TRY(vch_val_put_str(call->arena, map, "description", t->description));
    VCH_TRY(vch_val_put_time(call->arena, map, "creationDate", t->created_ms));
    VCH_TRY(vch_val_put_time(call->arena, map, "lastModifiedDate", t->modified_ms));
    VCH_TRY(vch_val_put_bool(call->arena, map, "enabled", t->enabled));
    return vch_val_put_str(call->arena, map, "type", t->type);
}

static enum vch_err put_hook(struct vch_call *call, const struct vch_rec_template *t) {
    if (t->hook_target.len == 0) return VCH_OK;
    struct vch_val *hook = vch_val_put_map(call->arena, call->out, "preProvisioningHook");
    VCH_TRY(vch_val_put_str(call->arena, hook, "payloadVersion", t->hook_payload_version));
    return vch_val_put_str(call->arena, hook, "targetArn", t->hook_target);
}

enum vch_err vch_uc_describe_provisioning_template(struct vch_call *call) {
    struct vch_rec_template t;
    VCH_TRY(vch_store_template(call->service->store, name_of(call), 0, &t, call->arena, call->diag));
    VCH_TRY(put_template(call, call->out, &t));
    VCH_TRY(vch_val_put_int(call->arena, call->out, "defaultVersionId", t.default_version));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "templateBody", t.body));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "provisioningRoleArn", t.role_arn));
    return put_hook(call, &t);
}

enum vch_err vch_uc_list_provisioning_templates(struct vch_call *call) {
    struct vch_paging paging = {.list = "ListProvisioningTemplates"};
    struct vch_list_template list;
    struct vch_str last = {NULL, 0};
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_templates(call->service->store, paging.page, &list, call->arena, call->diag));
    struct vch_val *templates = vch_val_put_list(call->arena, call->out, "templates");
    for (size_t i = 0; i < list.count; i++) {
        struct vch_val *item = vch_val_push_map(call->arena, templates);
        if (!item) return VCH_ERR_NOMEM;
        last = list.items[i].name;
        VCH_TRY(put_template(call, item, &list.items[i]));
    }
    return vch_paging_close(call, &paging, list.more, last);
}

static void change_read(const struct vch_call *call, struct vch_template_change *change) {
    const struct vch_val *in = call->in, *hook = vch_val_get(in, "preProvisioningHook");
    *change = (struct vch_template_change){
        .name = name_of(call),
        .set_description = vch_val_get(in, "description") != NULL,
        .set_enabled = vch_val_get(in, "enabled") != NULL,
        .set_default_version = vch_val_get(in, "defaultVersionId") != NULL,
        .set_role = vch_val_get(in, "provisioningRoleArn") != NULL,
        .set_hook = hook || vch_val_bool_at(in, "removePreProvisioningHook", false),
        .description = vch_val_str_at(in, "description"),
        .role_arn = vch_val_str_at(in, "provisioningRoleArn"),
        .enabled = vch_val_bool_at(in, "enabled", false),
        .default_version = vch_val_int_at(in, "defaultVersionId", 0),
        .now_ms = call->now_ms,
    };
    hook_read(hook, &change->hook_target, &change->hook_payload_version);
}

static enum vch_err change_check(struct vch_call *call, const struct vch_template_change *change) {
    struct vch_rec_template t;
    if (change->hook_target.len && vch_val_bool_at(call->in, "removePreProvisioningHook", false))
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_INVALID, "removePreProvisioningHook",
                          "A hook cannot be given and removed in one request.");
    VCH_TRY(vch_store_template(call->service->store, change->name, 0, &t, call->arena, call->diag));
    return hook_check(call, change->hook_target, change->hook_payload_version, is_jitp(t.type));
}

enum vch_err vch_uc_update_provisioning_template(struct vch_call *call) {
    struct vch_template_change update;
    struct vch_change change;
    change_read(call, &update);
    VCH_TRY(change_check(call, &update));
    VCH_TRY(begin(call, "template-updated", &change));
    if (update.set_enabled)
        VCH_TRY(vch_change_about(call, &change, "enabled", update.enabled ? VCH_STR("true") : VCH_STR("false")));
    change.row.template_version = update.default_version;
    vch_plan_template_update(change.plan, &update);
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_delete_provisioning_template(struct vch_call *call) {
    struct vch_change change;
    VCH_TRY(begin(call, "template-deleted", &change));
    vch_plan_template_delete(change.plan, name_of(call));
    return vch_change_apply(call, &change);
}
