/* Condition keys of the control plane. Source: IAM global condition context
 * keys; STS and IAM keys for the operations that have them. */
#include <stdio.h>

#include "base/clock.h"
#include "core/names.h"
#include "service/iam_priv.h"
#include "store/groups.h"

enum { SCRATCH_MAX = 65536 };

_Static_assert((int)VCH_POLICY_VALUES_MAX >= (int)VCH_TAGS_MAX, "aws:TagKeys holds all tags of a request");

void vch_iam_context_init(struct vch_iam_context *context, struct vch_service *service, const struct vch_iam_ask *ask) {
    *context = (struct vch_iam_context){.service = service, .ask = ask};
}

void vch_iam_context_deinit(struct vch_iam_context *context) {
    vch_arena_free(context->scratch);
}

static void one(struct vch_policy_values *ret, struct vch_str value) {
    ret->value[0] = value;
    ret->count = value.len ? 1 : 0;
}

static bool is_role(const struct vch_iam_context *c) {
    return c->ask->caller->kind == VCH_CALLER_ROLE;
}

static void look_source_ip(struct vch_iam_context *c, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    one(ret, c->ask->caller->source_ip);
}

static void look_time(struct vch_iam_context *c, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    vch_time_iso(c->ask->now_ms, c->time);
    one(ret, vch_str_from(c->time));
}

static void look_epoch(struct vch_iam_context *c, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    (void)snprintf(c->epoch, sizeof c->epoch, "%lld", (long long)(c->ask->now_ms / 1000));
    one(ret, vch_str_from(c->epoch));
}

static void look_secure(struct vch_iam_context *c, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    one(ret, c->ask->secure ? VCH_STR("true") : VCH_STR("false"));
}

/* A session's principal is its role. */
static void look_principal_arn(struct vch_iam_context *c, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    one(ret, is_role(c) ? c->ask->caller->role_arn : c->ask->caller->arn);
}

static void look_principal_type(struct vch_iam_context *c, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    one(ret, is_role(c) ? VCH_STR("AssumedRole") : VCH_STR("User"));
}

static void look_user_name(struct vch_iam_context *c, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    one(ret, c->ask->caller->user_name);
}

static void look_user_id(struct vch_iam_context *c, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    if (!c->scratch) c->scratch = vch_arena_new(SCRATCH_MAX, false);
    if (c->scratch) one(ret, vch_caller_id(c->ask->caller, c->scratch));
}

/* A tag that the request would give: inputs' "tags", a list of Key and Value. */
static void look_request_tag(struct vch_iam_context *c, struct vch_str key, struct vch_policy_values *ret) {
    const struct vch_val *tags = vch_val_get(c->ask->inputs, "tags");
    for (size_t i = 0; vch_val_is(tags, VCH_VAL_LIST) && i < tags->count; i++) {
        const struct vch_val *value = vch_val_get(&tags->items[i], "Value");
        if (!vch_str_ieq(vch_val_str_at(&tags->items[i], "Key"), key)) continue;
        ret->value[0] = vch_val_is(value, VCH_VAL_STR) ? value->str : VCH_STR("");
        ret->count = 1;
    }
}

/* The keys of the tags that the request gives or takes. */
static void look_tag_keys(struct vch_iam_context *c, struct vch_str rest, struct vch_policy_values *ret) {
    const struct vch_val *tags = vch_val_get(c->ask->inputs, "tags"), *keys = vch_val_get(c->ask->inputs, "tagKeys");
    (void)rest;
    for (size_t i = 0; vch_val_is(tags, VCH_VAL_LIST) && i < tags->count && ret->count < VCH_POLICY_VALUES_MAX; i++)
        ret->value[ret->count++] = vch_val_str_at(&tags->items[i], "Key");
    for (size_t i = 0; vch_val_is(keys, VCH_VAL_LIST) && i < keys->count && ret->count < VCH_POLICY_VALUES_MAX; i++)
        if (keys->items[i].type == VCH_VAL_STR) ret->value[ret->count++] = keys->items[i].str;
}

/* The end of the resource's ARN, by which the registry keeps its tags; empty
 * for what is no resource of this site. */
static struct vch_str resource_of(const struct vch_iam_context *c) {
    const struct vch_site *site = &c->service->site;
    struct vch_arn_parts parts;
    if (c->ask->without_tags) return VCH_STR("");
    if (vch_arn_parse(c->ask->resource, &parts) != VCH_OK || !vch_str_eq_c(parts.service, "iot")) return VCH_STR("");
    bool here = vch_str_eq(parts.region, site->region) && vch_str_eq(parts.account, site->account);
    return here ? parts.resource : VCH_STR("");
}

/* A tag of the resource. Case is folded, but a key spelled so exactly comes first. */
static void look_resource_tag(struct vch_iam_context *c, struct vch_str key, struct vch_policy_values *ret) {
    struct vch_str resource = resource_of(c);
    struct vch_list_tag list;
    if (resource.len == 0) return;
    if (!c->scratch) c->scratch = vch_arena_new(SCRATCH_MAX, false);
    enum vch_err err = c->scratch ? vch_store_tags(c->service->store, resource, &list, c->scratch, NULL) : VCH_ERR_NOMEM;
    if (err != VCH_OK) {
        c->err = err;
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        bool exact = vch_str_eq(list.items[i].key, key);
        if (!exact && (ret->count || !vch_str_ieq(list.items[i].key, key))) continue;
        ret->value[0] = list.items[i].value;
        ret->count = 1;
        if (exact) return;
    }
}

static void look_external_id(struct vch_iam_context *c, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    one(ret, vch_val_str_at(c->ask->inputs, "ExternalId"));
}

static void look_session_name(struct vch_iam_context *c, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    one(ret, vch_val_str_at(c->ask->inputs, "RoleSessionName"));
}

static void look_passed_to(struct vch_iam_context *c, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    if (vch_str_eq_c(c->ask->action, "iam:PassRole")) one(ret, VCH_STR("iot.amazonaws.com"));
}

/* A name that ends with '/' is a prefix. */
static const struct {
    const char *name;
    void (*look)(struct vch_iam_context *c, struct vch_str rest, struct vch_policy_values *ret);
} keys[] = {
    {"aws:SourceIp", look_source_ip},
    {"aws:CurrentTime", look_time},
    {"aws:EpochTime", look_epoch},
    {"aws:SecureTransport", look_secure},
    {"aws:PrincipalArn", look_principal_arn},
    {"aws:PrincipalType", look_principal_type},
    {"aws:username", look_user_name},
    {"aws:userid", look_user_id},
    {"aws:RequestTag/", look_request_tag},
    {"aws:ResourceTag/", look_resource_tag},
    {"aws:TagKeys", look_tag_keys},
    {"sts:ExternalId", look_external_id},
    {"sts:RoleSessionName", look_session_name},
    {"iam:PassedToService", look_passed_to},
};

void vch_iam_lookup(void *arg, struct vch_str name, struct vch_policy_values *ret) {
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct vch_str known = vch_str_from(keys[i].name);
        struct vch_str head = vch_str_ends(known, VCH_STR("/")) ? vch_str_sub(name, 0, known.len) : name;
        if (!vch_str_ieq(head, known)) continue;
        keys[i].look(arg, vch_str_sub(name, known.len, SIZE_MAX), ret);
        return;
    }
}
