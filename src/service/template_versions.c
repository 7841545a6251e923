/* Versions of provisioning templates. Source: AWS
 * CreateProvisioningTemplateVersion and its siblings. */
#include "core/reason.h"
#include "core/template.h"
#include "service/change.h"
#include "service/page.h"
#include "service/warn.h"

static struct vch_str name_of(const struct vch_call *call) {
    return vch_val_str_at(call->in, "templateName");
}

static enum vch_err begin(struct vch_call *call, const char *event, int64_t version, struct vch_change *change) {
    VCH_TRY(vch_change_begin(call, event, change));
    change->row.template_name = name_of(call);
    change->row.template_version = version;
    return VCH_OK;
}

static enum vch_err body_check(struct vch_call *call, struct vch_str body) {
    struct vch_rec_template t;
    VCH_TRY(vch_store_template(call->service->store, name_of(call), 0, &t, call->arena, call->diag));
    VCH_TRY(vch_template_check(vch_str_eq_c(t.type, "JITP") ? VCH_TEMPLATE_JITP : VCH_TEMPLATE_FLEET, body, call->diag));
    vch_warn_template(call, body, t.hook_target.len > 0);
    return VCH_OK;
}

enum vch_err vch_uc_create_provisioning_template_version(struct vch_call *call) {
    struct vch_str body = vch_val_str_at(call->in, "templateBody");
    bool set_default = vch_val_bool_at(call->in, "setAsDefault", false);
    int64_t version = 0;
    struct vch_change change;
    VCH_TRY(body_check(call, body));
    VCH_TRY(begin(call, "template-version-created", 0, &change));
    VCH_TRY(vch_change_about(call, &change, "setAsDefault", set_default ? VCH_STR("true") : VCH_STR("false")));
    vch_plan_template_version_add(change.plan, name_of(call), body, set_default, call->now_ms, &version);
    VCH_TRY(vch_change_apply(call, &change));
    VCH_TRY(vch_put_arn(call, call->out, "templateArn", "provisioningtemplate", name_of(call)));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "templateName", name_of(call)));
    VCH_TRY(vch_val_put_int(call->arena, call->out, "versionId", version));
    return vch_val_put_bool(call->arena, call->out, "isDefaultVersion", set_default);
}

/* When a version was made stands in the list of versions alone. */
static enum vch_err version_time(struct vch_call *call, int64_t version, int64_t *ret_ms) {
    struct vch_page page = {.limit = 250};
    struct vch_list_version list;
    VCH_TRY(vch_store_template_versions(call->service->store, name_of(call), page, &list, call->arena, call->diag));
    for (size_t i = 0; i < list.count; i++)
        if (list.items[i].version == version) *ret_ms = list.items[i].created_ms;
    return VCH_OK;
}

enum vch_err vch_uc_describe_provisioning_template_version(struct vch_call *call) {
    int64_t version = vch_val_int_at(call->in, "versionId", 0);
    struct vch_rec_template t;
    VCH_TRY(vch_store_template(call->service->store, name_of(call), version, &t, call->arena, call->diag));
    int64_t created_ms = t.created_ms;
    VCH_TRY(version_time(call, version, &created_ms));
    VCH_TRY(vch_val_put_int(call->arena, call->out, "versionId", t.version));
    VCH_TRY(vch_val_put_time(call->arena, call->out, "creationDate", created_ms));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "templateBody", t.body));
    return vch_val_put_bool(call->arena, call->out, "isDefaultVersion", t.version == t.default_version);
}

static enum vch_err put_version(struct vch_call *call, struct vch_val *list, const struct vch_rec_version *version) {
    struct vch_val *item = vch_val_push_map(call->arena, list);
    if (!item) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_int(call->arena, item, "versionId", version->version));
    VCH_TRY(vch_val_put_time(call->arena, item, "creationDate", version->created_ms));
    return vch_val_put_bool(call->arena, item, "isDefaultVersion", version->is_default);
}

enum vch_err vch_uc_list_provisioning_template_versions(struct vch_call *call) {
    struct vch_paging paging = {.list = "ListProvisioningTemplateVersions", .scope = name_of(call)};
    struct vch_list_version list;
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_template_versions(call->service->store, name_of(call), paging.page, &list, call->arena, call->diag));
    struct vch_val *versions = vch_val_put_list(call->arena, call->out, "versions");
    if (!versions) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < list.count; i++) VCH_TRY(put_version(call, versions, &list.items[i]));
    if (list.count == 0) return VCH_OK;
    struct vch_str last = vch_arena_printf(call->arena, "%lld", (long long)list.items[list.count - 1].version);
    return last.ptr ? vch_paging_close(call, &paging, list.more, last) : VCH_ERR_NOMEM;
}

enum vch_err vch_uc_delete_provisioning_template_version(struct vch_call *call) {
    int64_t version = vch_val_int_at(call->in, "versionId", 0);
    struct vch_change change;
    VCH_TRY(begin(call, "template-version-deleted", version, &change));
    vch_plan_template_version_delete(change.plan, name_of(call), version);
    return vch_change_apply(call, &change);
}
