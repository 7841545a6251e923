/* A template tried out: the plan of a registration, built as a registration
 * builds it, applied up to its last step and taken back there, so that every
 * guard of the registry has spoken and nothing is written. Our own operation. */
#include <string.h>

#include "base/digest.h"
#include "core/reason.h"
#include "core/template.h"
#include "service/hook_describe.h"
#include "service/template_policies.h"
#include "service/template_things.h"

struct trial {
    struct vch_call *call;
    struct vch_rec_template template;
    struct vch_rec_certificate certificate;
    bool imagined; /* the certificate is not in the registry */
    struct vch_hook_decision decision;
    struct vch_template_plan wanted;
    struct vch_str policy_names[VCH_TEMPLATE_POLICIES_MAX];
};

static enum vch_template_type type_of(const struct vch_rec_template *t) {
    return vch_str_eq_c(t->type, "JITP") ? VCH_TEMPLATE_JITP : VCH_TEMPLATE_FLEET;
}

/* One that waits to be registered, as a device's would. */
static enum vch_err imagine_certificate(struct trial *t) {
    uint8_t random[32];
    char id[VCH_SHA256_HEX];
    vch_random(random, sizeof random);
    vch_sha256_hex(vch_str_of(random, sizeof random), id);
    t->imagined = true;
    t->certificate = (struct vch_rec_certificate){.id = vch_arena_str(t->call->arena, vch_str_from(id)),
                                                  .pem = VCH_STR(""),
                                                  .status = VCH_STR("PENDING_ACTIVATION"),
                                                  .mode = VCH_STR("DEFAULT"),
                                                  .not_before_ms = t->call->now_ms,
                                                  .not_after_ms = t->call->now_ms + 1,
                                                  .created_ms = t->call->now_ms,
                                                  .modified_ms = t->call->now_ms};
    return t->certificate.id.ptr ? VCH_OK : VCH_ERR_NOMEM;
}

static enum vch_err load(struct trial *t) {
    struct vch_call *call = t->call;
    struct vch_str id = vch_val_str_at(call->in, "certificateId");
    VCH_TRY(vch_store_template(call->service->store, vch_val_str_at(call->in, "templateName"),
                               vch_val_int_at(call->in, "versionId", 0), &t->template, call->arena, call->diag));
    if (id.len == 0) return imagine_certificate(t);
    return vch_store_certificate(call->service->store, id, &t->certificate, call->arena, call->diag);
}

static enum vch_err ask_hook(struct trial *t, const struct vch_val **parameters) {
    struct vch_call *call = t->call;
    const struct vch_hook_ask ask = {.target_arn = t->template.hook_target,
                                     .template_name = t->template.name,
                                     .claim_id = VCH_STR(""),
                                     .certificate_id = t->imagined ? VCH_STR("") : t->certificate.id,
                                     .client_id = vch_val_str_at(call->in, "clientId"),
                                     .parameters = *parameters};
    if (ask.target_arn.len == 0 || !vch_val_bool_at(call->in, "askHook", true)) return VCH_OK;
    VCH_TRY(vch_hook_decide_target(call, &ask, &t->decision));
    struct vch_val *hook = vch_val_put_map(call->arena, call->out, "hook");
    if (!hook) return VCH_ERR_NOMEM;
    VCH_TRY(vch_hook_put_decision(call, hook, &t->decision));
    if (!t->decision.allowed) return vch_diag_set(call->diag, VCH_ERR_DENIED, t->decision.reason, "", "%s", t->decision.message);
    return t->decision.overrides ? vch_hook_merge(call, *parameters, t->decision.overrides, parameters) : VCH_OK;
}

static enum vch_err rehearse(struct trial *t) {
    struct vch_call *call = t->call;
    struct vch_plan *plan = vch_plan_new(call->arena);
    struct vch_diag diag = {.reason = NULL};
    if (!plan) return VCH_ERR_NOMEM;
    if (t->imagined) vch_plan_certificate_insert(plan, &t->certificate);
    if (t->wanted.has_thing) vch_plan_need_thing_free(plan, t->wanted.thing_name, t->certificate.id);
    VCH_TRY(vch_template_things_plan(call, &t->wanted, t->certificate.id, plan));
    VCH_TRY(vch_template_policies_plan(call, &t->wanted, t->certificate.id, plan, t->policy_names));
    vch_plan_rehearse(plan);
    enum vch_err err = vch_store_apply(call->service->store, plan, &diag);
    if (diag.reason && strcmp(diag.reason, vch_reason_code(VCH_REASON_REHEARSED)) == 0) return VCH_OK;
    vch_assert(err != VCH_OK);
    return vch_diag_set(call->diag, err, diag.reason, diag.field, "%s", diag.message);
}

/* ---- the answer ---- */

static struct vch_val *new_resource(struct trial *t, struct vch_val *list, struct vch_str logical_name, const char *type,
                                    bool there) {
    struct vch_arena *arena = t->call->arena;
    struct vch_val *map = vch_val_push_map(arena, list);
    bool ok = map && vch_val_put_str(arena, map, "logicalName", logical_name) == VCH_OK &&
              vch_val_put_str(arena, map, "type", vch_str_from(type)) == VCH_OK &&
              vch_val_put_str(arena, map, "action", there ? VCH_STR("use") : VCH_STR("create")) == VCH_OK;
    return ok ? map : NULL;
}

static enum vch_err put_text(struct trial *t, struct vch_val *map, const char *name, struct vch_str text) {
    return text.len ? vch_val_put_str(t->call->arena, map, name, text) : VCH_OK;
}

static enum vch_err put_attributes(struct trial *t, struct vch_val *map) {
    const struct vch_template_plan *w = &t->wanted;
    struct vch_val *attributes = vch_val_put_map(t->call->arena, map, "attributes");
    struct vch_val *groups = vch_val_put_list(t->call->arena, map, "thingGroups");
    if (!attributes || !groups) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < w->attribute_count; i++) {
        struct vch_val *slot = vch_val_put_str_name(t->call->arena, attributes, w->attributes[i].name);
        if (!slot) return VCH_ERR_NOMEM;
        *slot = (struct vch_val){.type = VCH_VAL_STR, .str = w->attributes[i].value};
    }
    for (size_t i = 0; i < w->group_count; i++) VCH_TRY(vch_val_push_str(t->call->arena, groups, w->groups[i]));
    return VCH_OK;
}

static enum vch_err put_thing(struct trial *t, struct vch_val *list) {
    const struct vch_template_plan *w = &t->wanted;
    struct vch_rec_thing thing;
    if (!w->has_thing) return VCH_OK;
    bool there = vch_store_thing(t->call->service->store, w->thing_name, &thing, t->call->arena, NULL) == VCH_OK;
    struct vch_val *map = new_resource(t, list, w->thing_logical_name, "AWS::IoT::Thing", there);
    if (!map) return VCH_ERR_NOMEM;
    VCH_TRY(put_text(t, map, "name", w->thing_name));
    VCH_TRY(put_text(t, map, "thingTypeName", w->thing_type));
    VCH_TRY(put_text(t, map, "billingGroup", w->billing_group));
    return put_attributes(t, map);
}

static enum vch_err put_certificate(struct trial *t, struct vch_val *list) {
    struct vch_val *map = new_resource(t, list, t->wanted.certificate_logical_name, "AWS::IoT::Certificate", true);
    if (!map) return VCH_ERR_NOMEM;
    if (!t->imagined) VCH_TRY(put_text(t, map, "name", t->certificate.id));
    return put_text(t, map, "status", t->wanted.certificate_active ? VCH_STR("ACTIVE") : VCH_STR("INACTIVE"));
}

static enum vch_err put_policy(struct trial *t, struct vch_val *list, size_t i) {
    struct vch_rec_policy policy;
    struct vch_str name = t->policy_names[i].len ? t->policy_names[i] : t->wanted.policies[i].name;
    bool there = name.len && vch_store_policy(t->call->service->store, name, 0, &policy, t->call->arena, NULL) == VCH_OK;
    struct vch_val *map = new_resource(t, list, t->wanted.policies[i].logical_name, "AWS::IoT::Policy", there);
    if (!map) return VCH_ERR_NOMEM;
    VCH_TRY(put_text(t, map, "name", name));
    return put_text(t, map, "policyDocument", t->wanted.policies[i].document);
}

static enum vch_err put_resources(struct trial *t) {
    struct vch_arena *arena = t->call->arena;
    struct vch_val *list = vch_val_put_list(arena, t->call->out, "resources");
    struct vch_val *configuration = list ? vch_val_put(arena, t->call->out, "deviceConfiguration") : NULL;
    if (!configuration) return VCH_ERR_NOMEM;
    *configuration = *t->wanted.device_configuration;
    VCH_TRY(put_thing(t, list));
    VCH_TRY(put_certificate(t, list));
    for (size_t i = 0; i < t->wanted.policy_count; i++) VCH_TRY(put_policy(t, list, i));
    return VCH_OK;
}

/* What a registration would be refused for is this operation's answer; what
 * befell the server is not. */
static bool is_outcome(enum vch_err err) {
    switch (err) {
    case VCH_ERR_INVALID:
    case VCH_ERR_MALFORMED:
    case VCH_ERR_TOO_LARGE:
    case VCH_ERR_NOT_FOUND:
    case VCH_ERR_EXISTS:
    case VCH_ERR_CONFLICT:
    case VCH_ERR_STATE:
    case VCH_ERR_LIMIT:
    case VCH_ERR_DENIED: return true;
    default: return false;
    }
}

static enum vch_err put_outcome(struct vch_call *call, const struct vch_diag *diag) {
    struct vch_str message = vch_arena_str(call->arena, vch_str_from(diag->message));
    struct vch_str field = vch_arena_str(call->arena, vch_str_from(diag->field));
    if (!message.ptr || !field.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, call->out, "outcome", diag->reason ? vch_str_from(diag->reason) : VCH_STR("ok")));
    if (message.len) VCH_TRY(vch_val_put_str(call->arena, call->out, "message", message));
    return field.len ? vch_val_put_str(call->arena, call->out, "field", field) : VCH_OK;
}

static enum vch_err run(struct trial *t) {
    struct vch_call *call = t->call;
    const struct vch_val *parameters = vch_val_get(call->in, "parameters");
    struct vch_val *none = vch_val_new_map(call->arena);
    if (!none) return VCH_ERR_NOMEM;
    if (!parameters) parameters = none;
    VCH_TRY(ask_hook(t, &parameters));
    VCH_TRY(vch_template_plan(type_of(&t->template), t->template.body, parameters, t->certificate.id, call->arena, &t->wanted,
                              call->diag));
    enum vch_err err = rehearse(t);
    VCH_TRY(err == VCH_OK || is_outcome(err) ? put_resources(t) : err);
    return err;
}

enum vch_err vch_uc_try_template(struct vch_call *call) {
    struct trial *t = VCH_ARENA_NEW(call->arena, struct trial);
    struct vch_diag said = {.reason = NULL}, *outer = call->diag;
    if (!t) return VCH_ERR_NOMEM;
    t->call = call;
    VCH_TRY(load(t));
    VCH_TRY(vch_val_put_int(call->arena, call->out, "versionId", t->template.version));
    call->diag = &said;
    enum vch_err err = run(t);
    call->diag = outer;
    if (err != VCH_OK && !(is_outcome(err) && said.reason)) return vch_diag_set(call->diag, err, said.reason, said.field, "%s", said.message);
    return put_outcome(call, &said);
}
