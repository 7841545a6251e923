/* IoT policies and their versions. Source: AWS CreatePolicy and its siblings. */
#include <stdio.h>

#include "base/codec.h"
#include "base/digest.h"
#include "core/policy.h"
#include "core/reason.h"
#include "service/change.h"
#include "service/page.h"
#include "service/warn.h"
#include "service/tags.h"

static struct vch_str name_of(const struct vch_call *call) {
    return vch_val_str_at(call->in, "policyName");
}

static enum vch_err version_of(struct vch_call *call, int64_t *ret) {
    if (vch_str_int(vch_val_str_at(call->in, "policyVersionId"), ret) == VCH_OK && *ret > 0) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_NOT_FOUND, POLICY_VERSION_MISSING, "policyVersionId", "The policy version does not exist.");
}

static enum vch_err document_check(struct vch_call *call, struct vch_str document) {
    struct vch_policy *policy = NULL;
    enum vch_err err = vch_policy_parse(VCH_POLICY_IOT, name_of(call), document, &policy, call->diag);
    vch_policy_unref(policy);
    if (err == VCH_OK) vch_warn_policy(call, document);
    return err;
}

/* 64 hexadecimal digits, new whenever the policy is made. */
static enum vch_err generation_new(struct vch_call *call, struct vch_str *ret) {
    uint8_t bytes[32];
    char *hex = vch_arena_alloc(call->arena, 2 * sizeof bytes + 1);
    if (!hex) return VCH_ERR_NOMEM;
    vch_random(bytes, sizeof bytes);
    vch_hex(bytes, sizeof bytes, hex);
    *ret = vch_str_of(hex, 2 * sizeof bytes);
    return VCH_OK;
}

/* A change of one policy, its name in the ledger row. */
static enum vch_err begin(struct vch_call *call, const char *event, struct vch_change *change) {
    VCH_TRY(vch_change_begin(call, event, change));
    return vch_change_about(call, change, "policyName", name_of(call));
}

static enum vch_err begin_version(struct vch_call *call, const char *event, struct vch_change *change) {
    const char *names[] = {"policyName", "policyVersionId", NULL};
    struct vch_str values[] = {name_of(call), vch_val_str_at(call->in, "policyVersionId")};
    VCH_TRY(vch_change_begin(call, event, change));
    return vch_change_detail(call, change, names, values);
}

static enum vch_err detail_default(struct vch_call *call, struct vch_change *change) {
    const char *names[] = {"policyName", "setAsDefault", NULL};
    struct vch_str values[] = {name_of(call), VCH_STR("true")};
    return vch_change_detail(call, change, names, values);
}

static enum vch_err taken(struct vch_call *call, enum vch_err err) {
    char text[320];
    (void)snprintf(text, sizeof text, "Policy cannot be created - name already exists (name=%.*s)", VCH_STR_ARG(name_of(call)));
    return vch_call_taken(call, err, "policy", name_of(call), vch_reason_code(VCH_REASON_POLICY_EXISTS), text);
}

enum vch_err vch_uc_create_policy(struct vch_call *call) {
    struct vch_rec_policy policy = {.name = name_of(call),
                                    .document = vch_val_str_at(call->in, "policyDocument"),
                                    .version = 1,
                                    .default_version = 1,
                                    .created_ms = call->now_ms,
                                    .modified_ms = call->now_ms};
    struct vch_change change;
    VCH_TRY(document_check(call, policy.document));
    VCH_TRY(generation_new(call, &policy.generation_id));
    VCH_TRY(begin(call, "policy-created", &change));
    vch_plan_policy_create(change.plan, &policy);
    VCH_TRY(vch_tags_at_creation(call, change.plan, "policy", policy.name));
    VCH_TRY(taken(call, vch_change_apply(call, &change)));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "policyName", policy.name));
    VCH_TRY(vch_put_arn(call, call->out, "policyArn", "policy", policy.name));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "policyDocument", policy.document));
    return vch_val_put_str(call->arena, call->out, "policyVersionId", VCH_STR("1"));
}

static enum vch_err put_policy(struct vch_call *call, const struct vch_rec_policy *policy) {
    VCH_TRY(vch_val_put_str(call->arena, call->out, "policyName", policy->name));
    VCH_TRY(vch_put_arn(call, call->out, "policyArn", "policy", policy->name));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "policyDocument", policy->document));
    VCH_TRY(vch_val_put_time(call->arena, call->out, "creationDate", policy->created_ms));
    VCH_TRY(vch_val_put_time(call->arena, call->out, "lastModifiedDate", policy->modified_ms));
    return vch_val_put_str(call->arena, call->out, "generationId", policy->generation_id);
}

enum vch_err vch_uc_get_policy(struct vch_call *call) {
    struct vch_rec_policy policy;
    VCH_TRY(vch_store_policy(call->service->store, name_of(call), 0, &policy, call->arena, call->diag));
    VCH_TRY(put_policy(call, &policy));
    return vch_put_number_str(call, call->out, "defaultVersionId", policy.default_version);
}

enum vch_err vch_uc_list_policies(struct vch_call *call) {
    struct vch_paging paging = {.marker = true, .list = "ListPolicies"};
    struct vch_list_policy list;
    struct vch_str last = {NULL, 0};
    paging.page.descending = !vch_val_bool_at(call->in, "isAscendingOrder", true);
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_policies(call->service->store, paging.page, &list, call->arena, call->diag));
    struct vch_val *policies = vch_val_put_list(call->arena, call->out, "policies");
    for (size_t i = 0; i < list.count; i++) {
        struct vch_val *item = vch_val_push_map(call->arena, policies);
        if (!item) return VCH_ERR_NOMEM;
        last = list.items[i].name;
        VCH_TRY(vch_val_put_str(call->arena, item, "policyName", last));
        VCH_TRY(vch_put_arn(call, item, "policyArn", "policy", last));
    }
    return vch_paging_close(call, &paging, list.more, last);
}

enum vch_err vch_uc_delete_policy(struct vch_call *call) {
    struct vch_change change;
    VCH_TRY(begin(call, "policy-deleted", &change));
    vch_plan_policy_delete(change.plan, name_of(call));
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_create_policy_version(struct vch_call *call) {
    struct vch_str document = vch_val_str_at(call->in, "policyDocument");
    bool set_default = vch_val_bool_at(call->in, "setAsDefault", false);
    int64_t version = 0;
    struct vch_change change;
    VCH_TRY(document_check(call, document));
    VCH_TRY(begin(call, "policy-version-created", &change));
    if (set_default) VCH_TRY(detail_default(call, &change));
    vch_plan_policy_version_add(change.plan, name_of(call), document, set_default, call->now_ms, &version);
    VCH_TRY(vch_change_apply(call, &change));
    VCH_TRY(vch_put_arn(call, call->out, "policyArn", "policy", name_of(call)));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "policyDocument", document));
    VCH_TRY(vch_put_number_str(call, call->out, "policyVersionId", version));
    return vch_val_put_bool(call->arena, call->out, "isDefaultVersion", set_default);
}

enum vch_err vch_uc_get_policy_version(struct vch_call *call) {
    struct vch_rec_policy policy;
    int64_t version;
    VCH_TRY(version_of(call, &version));
    VCH_TRY(vch_store_policy(call->service->store, name_of(call), version, &policy, call->arena, call->diag));
    VCH_TRY(put_policy(call, &policy));
    VCH_TRY(vch_put_number_str(call, call->out, "policyVersionId", version));
    return vch_val_put_bool(call->arena, call->out, "isDefaultVersion", version == policy.default_version);
}

enum vch_err vch_uc_list_policy_versions(struct vch_call *call) {
    struct vch_list_version list;
    VCH_TRY(vch_store_policy_versions(call->service->store, name_of(call), &list, call->arena, call->diag));
    struct vch_val *versions = vch_val_put_list(call->arena, call->out, "policyVersions");
    for (size_t i = 0; i < list.count; i++) {
        struct vch_val *item = vch_val_push_map(call->arena, versions);
        if (!item) return VCH_ERR_NOMEM;
        VCH_TRY(vch_put_number_str(call, item, "versionId", list.items[i].version));
        VCH_TRY(vch_val_put_bool(call->arena, item, "isDefaultVersion", list.items[i].is_default));
        VCH_TRY(vch_val_put_time(call->arena, item, "createDate", list.items[i].created_ms));
    }
    return versions ? VCH_OK : VCH_ERR_NOMEM;
}

enum vch_err vch_uc_delete_policy_version(struct vch_call *call) {
    struct vch_change change;
    int64_t version;
    VCH_TRY(version_of(call, &version));
    VCH_TRY(begin_version(call, "policy-version-deleted", &change));
    vch_plan_policy_version_delete(change.plan, name_of(call), version);
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_set_default_policy_version(struct vch_call *call) {
    struct vch_change change;
    int64_t version;
    VCH_TRY(version_of(call, &version));
    VCH_TRY(begin_version(call, "policy-default-set", &change));
    vch_plan_policy_default_set(change.plan, name_of(call), version, call->now_ms);
    return vch_change_apply(call, &change);
}
