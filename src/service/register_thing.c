/* AWS RegisterThing over MQTT: the template becomes a thing, a certificate in
 * force and its policies, all or nothing, and the token and the claim are
 * spent in the same transaction. */
#include <string.h>

#include "base/digest.h"
#include "base/fault.h"
#include "core/names.h"
#include "core/reason.h"
#include "core/template.h"
#include "service/claim_rules.h"
#include "service/claim_watch.h"
#include "service/hook.h"
#include "service/pairing.h"
#include "service/template_kept.h"
#include "service/template_policies.h"
#include "service/template_things.h"

struct registration {
    struct vch_call *call;
    struct vch_str template_name;
    struct vch_rec_template template;
    struct vch_rec_claim claim; /* zero for a registered device */
    struct vch_binding binding;
    struct vch_rec_settings settings;
    struct vch_str own_thing; /* of a device that asks for its successor; empty: a registration */
    struct vch_val *parameters; /* the device's, with those that the claim fixes */
    int64_t holders;            /* how many ACTIVE certificates the thing had, after apply */
    struct vch_rec_token token;
    struct vch_hook_ask hook;
    struct vch_hook_decision decision;
    struct vch_template_plan *wanted;
    struct vch_str request_hash;
    struct vch_str answer; /* JSON */
};

static enum vch_err refuse_token(struct vch_call *call) {
    /* One text for unknown, foreign, stale and spent: no oracle. */
    return VCH_REFUSE(call->diag, VCH_ERR_INVALID, TOKEN_INVALID, "certificateOwnershipToken",
                      "The certificate ownership token is not valid.");
}

static enum vch_err load_token(struct registration *r) {
    struct vch_call *call = r->call;
    struct vch_str text = vch_val_str_at(call->in, "certificateOwnershipToken");
    if (text.len == 0)
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, TOKEN_EMPTY, "certificateOwnershipToken",
                          "Certificate ownership token cannot be empty.");
    if (text.len > VCH_TOKEN_MAX) return refuse_token(call);
    struct vch_str hash = vch_claim_token_hash(call->arena, text);
    if (!hash.ptr) return VCH_ERR_NOMEM;
    enum vch_err err = vch_store_token(call->service->store, hash, &r->token, call->arena, NULL);
    if (err == VCH_ERR_NOT_FOUND) return refuse_token(call);
    if (err != VCH_OK) return VCH_REFUSE(call->diag, err, STORE_FAILED, "", "The registry could not be read.");
    bool own = vch_str_eq(r->token.principal_id, vch_claim_principal(call));
    if (!own || call->now_ms >= r->token.expires_ms) return refuse_token(call);
    return VCH_OK;
}

/* What makes a repeat a repeat: the same template and the same bytes. */
static enum vch_err hash_request(struct registration *r) {
    struct vch_buf buf;
    vch_buf_init_secret(&buf, 2 * VCH_PAYLOAD_MAX); /* the bytes hold the token */
    vch_buf_str(&buf, r->template_name);
    vch_buf_u8(&buf, '\n');
    vch_buf_str(&buf, r->call->raw);
    struct vch_str both;
    enum vch_err err = vch_buf_finish(&buf, &both);
    if (err == VCH_OK) r->request_hash = vch_claim_token_hash(r->call->arena, both);
    vch_buf_deinit(&buf);
    return err == VCH_OK && !r->request_hash.ptr ? VCH_ERR_NOMEM : err;
}

static enum vch_err put_answer(struct vch_call *call, struct vch_str json) {
    struct vch_val *answer;
    VCH_TRY(vch_json_decode(json, NULL, call->arena, &answer, call->diag));
    *call->out = *answer;
    return VCH_OK;
}

static enum vch_err check_parameters(struct vch_call *call, const struct vch_val *parameters) {
    if (!parameters) return VCH_OK;
    if (parameters->type != VCH_VAL_MAP)
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, PARAMETER_INVALID, "parameters", "parameters must be an object.");
    for (size_t i = 0; i < parameters->count; i++) {
        const struct vch_member *m = &parameters->members[i];
        if (m->value.type != VCH_VAL_STR)
            return VCH_REFUSE(call->diag, VCH_ERR_INVALID, PARAMETER_INVALID, "parameters",
                              "The value of parameter %.64s must be a string.", m->name.ptr);
        if (m->name.len > VCH_PARAMETER_NAME_MAX || m->value.str.len > VCH_PARAMETER_VALUE_MAX)
            return VCH_REFUSE(call->diag, VCH_ERR_INVALID, PARAMETER_INVALID, "parameters",
                              "Parameter %.64s is too long.", m->name.ptr);
    }
    return VCH_OK;
}

static enum vch_err load_template(struct registration *r) {
    struct vch_call *call = r->call;
    if (call->caller.kind == VCH_CALLER_CLAIM && !vch_str_eq(r->template_name, call->caller.template_name))
        return VCH_REFUSE(call->diag, VCH_ERR_DENIED, TEMPLATE_NOT_OF_CLAIM, "templateName",
                          "The provisioning claim is not for this template.");
    VCH_TRY(vch_store_template_with_settings(call->service->store, r->template_name, &r->template, &r->settings, call->arena, call->diag));
    if (r->template.enabled) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_DENIED, TEMPLATE_DISABLED, "templateName", "The provisioning template is not enabled.");
}

static enum vch_err ask_hook(struct registration *r, const struct vch_val **parameters) {
    r->hook = (struct vch_hook_ask){.target_arn = r->template.hook_target,
                                    .template_name = r->template_name,
                                    .claim_id = vch_claim_principal(r->call),
                                    .certificate_id = r->token.certificate_id,
                                    .client_id = r->call->caller.client_id,
                                    .parameters = *parameters};
    return vch_hook_permit(r->call, &r->hook, &r->decision, parameters);
}

/* Whoever answered for the template, what the claim fixes stays. */
static enum vch_err gather_parameters(struct registration *r, const struct vch_val **ret) {
    struct vch_call *call = r->call;
    const struct vch_val *given = vch_val_get(call->in, "parameters");
    VCH_TRY(check_parameters(call, given));
    VCH_TRY(vch_binding_parameters(&r->binding, given, call->arena, &r->parameters, call->diag));
    const struct vch_val *decided = r->parameters;
    VCH_TRY(ask_hook(r, &decided));
    *ret = decided;
    if (decided == r->parameters || !r->binding.parameters) return VCH_OK;
    struct vch_val *fixed = VCH_ARENA_NEW(call->arena, struct vch_val);
    VCH_TRY(fixed ? vch_binding_copy(&r->binding, decided, call->arena, fixed) : VCH_ERR_NOMEM);
    *ret = fixed;
    return VCH_OK;
}

static enum vch_err evaluate(struct registration *r, const struct vch_val *parameters) {
    struct vch_call *call = r->call;
    VCH_TRY(vch_template_plan_kept(VCH_TEMPLATE_FLEET, r->template.body, parameters, r->token.certificate_id, call->arena, r->wanted, call->diag));
    VCH_TRY(vch_binding_thing(&r->binding, r->wanted->has_thing ? r->wanted->thing_name : VCH_STR(""), call->diag));
    if (vch_str_ieq(r->wanted->certificate_id, r->token.certificate_id)) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_INVALID, PARAMETER_INVALID, "parameters",
                      "The template names another certificate than that of the ownership token.");
}

/* ---- a device that asks for its successor ---- */

/* A certificate that belongs to a thing, and a template that lets it: the thing stays what it is. */
static enum vch_err find_own_thing(struct registration *r) {
    const struct vch_page page = {.limit = 64};
    struct vch_call *call = r->call;
    struct vch_list_attachment things;
    if (call->caller.kind != VCH_CALLER_DEVICE || !r->settings.rotation) return VCH_OK;
    VCH_TRY(vch_store_principal_attachments(call->service->store, call->caller.certificate_id, VCH_ATTACHMENT_ANY, page, &things, call->arena,
                                            call->diag));
    for (size_t i = 0; i < things.count; i++) {
        bool named = vch_str_eq(things.items[i].key, call->caller.client_id);
        if (i == 0 || named || things.items[i].exclusive) r->own_thing = things.items[i].key;
        if (named) break;
    }
    return VCH_OK;
}

static enum vch_err plan_successor(struct registration *r) {
    r->wanted->has_thing = true;
    r->wanted->thing_name = r->own_thing;
    r->wanted->certificate_active = true;
    r->wanted->device_configuration = vch_val_new_map(r->call->arena);
    return r->wanted->device_configuration ? VCH_OK : VCH_ERR_NOMEM;
}

static enum vch_err decide(struct registration *r) {
    const struct vch_val *parameters;
    r->wanted = VCH_ARENA_NEW(r->call->arena, struct vch_template_plan);
    if (!r->wanted) return VCH_ERR_NOMEM;
    VCH_TRY(gather_parameters(r, &parameters));
    VCH_TRY(find_own_thing(r));
    return r->own_thing.len ? plan_successor(r) : evaluate(r, parameters);
}

/* ---- answer and plan ---- */

static enum vch_err encode_answer(struct registration *r) {
    struct vch_arena *arena = r->call->arena;
    struct vch_val *answer = vch_val_new_map(arena);
    struct vch_val *configuration = answer ? vch_val_put(arena, answer, "deviceConfiguration") : NULL;
    if (!configuration) return VCH_ERR_NOMEM;
    *configuration = *r->wanted->device_configuration;
    if (r->wanted->has_thing) VCH_TRY(vch_val_put_str(arena, answer, "thingName", r->wanted->thing_name));
    struct vch_buf buf;
    vch_buf_init(&buf, 65536);
    vch_json_encode(answer, &buf);
    struct vch_str text;
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) r->answer = vch_arena_str(arena, text);
    vch_buf_deinit(&buf);
    return err == VCH_OK && !r->answer.ptr ? VCH_ERR_NOMEM : err;
}

static void plan_spending(struct registration *r, struct vch_plan *plan) {
    struct vch_call *call = r->call;
    vch_plan_need_template(plan, r->template_name, true);
    if (call->caller.kind == VCH_CALLER_CLAIM) vch_plan_claim_use(plan, call->caller.certificate_id, call->now_ms);
    vch_plan_token_spend(plan, r->token.hash, call->now_ms, r->request_hash, r->answer);
}

static enum vch_err plan_ledger(struct registration *r, enum vch_on_active on_active, struct vch_plan *plan) {
    struct vch_call *call = r->call;
    struct vch_rec_ledger row = vch_call_ledger(call, r->own_thing.len ? "certificate-rotated" : "thing-registered");
    struct vch_val *map = vch_val_new_map(call->arena);
    if (!map) return VCH_ERR_NOMEM;
    row.claim_id = r->claim.id;
    row.template_name = r->template_name;
    row.template_version = r->template.version;
    row.certificate_id = r->token.certificate_id;
    row.thing_name = r->wanted->has_thing ? r->wanted->thing_name : VCH_STR("");
    if (r->own_thing.len) VCH_TRY(vch_val_put_str(call->arena, map, "predecessor", call->caller.certificate_id));
    else if (r->wanted->has_thing) VCH_TRY(vch_val_put_str(call->arena, map, "onActive", vch_str_from(vch_on_active_word(on_active))));
    VCH_TRY(vch_pairing_mention(call, map, r->binding.pairing));
    VCH_TRY(vch_ledger_put_parameters(call, map, r->parameters));
    VCH_TRY(vch_ledger_detail(call, map, &row));
    vch_plan_ledger(plan, &row);
    return VCH_OK;
}

/* Who vouched for this very thing meant to replace what it had; nobody else may. */
static enum vch_on_active on_active_of(const struct registration *r) {
    enum vch_on_active set = r->settings.on_active;
    bool bound = r->binding.thing_name.len > 0;
    if (set == VCH_ON_ACTIVE_DEFAULT) set = bound ? VCH_ON_ACTIVE_REPLACE_AFTER_CONNECT : VCH_ON_ACTIVE_DENY;
    /* A certificate that is not in force cannot stand in for one that is. */
    if (set == VCH_ON_ACTIVE_REPLACE_NOW && !r->wanted->certificate_active) set = VCH_ON_ACTIVE_REPLACE_AFTER_CONNECT;
    return set;
}

static enum vch_err plan_things(struct registration *r, enum vch_on_active on_active, struct vch_plan *plan) {
    struct vch_call *call = r->call;
    if (r->own_thing.len) {
        vch_plan_rotate(plan, call->caller.certificate_id, r->token.certificate_id, r->settings.grace_s, call->now_ms);
        return VCH_OK;
    }
    const struct vch_takeover takeover = {.thing = r->wanted->thing_name, .certificate_id = r->token.certificate_id,
                                          .on_active = on_active, .now_ms = call->now_ms};
    if (r->wanted->has_thing) vch_plan_take_over(plan, &takeover, &r->holders);
    VCH_TRY(vch_template_things_plan(call, r->wanted, r->token.certificate_id, plan));
    return vch_template_policies_plan(call, r->wanted, r->token.certificate_id, plan, NULL);
}

static enum vch_err apply(struct registration *r) {
    struct vch_call *call = r->call;
    enum vch_on_active on_active = on_active_of(r);
    struct vch_plan *plan = vch_plan_new(call->arena);
    if (!plan) return VCH_ERR_NOMEM;
    plan_spending(r, plan);
    VCH_TRY(plan_things(r, on_active, plan));
    vch_plan_certificate_status(plan, r->token.certificate_id, VCH_STR("PENDING_ACTIVATION"),
                                r->wanted->certificate_active ? VCH_STR("ACTIVE") : VCH_STR("INACTIVE"), call->now_ms);
    vch_pairing_advance(plan, r->binding.pairing, VCH_PAIRING_REGISTERED, r->token.certificate_id,
                        r->wanted->has_thing ? r->wanted->thing_name : VCH_STR(""), call->now_ms);
    VCH_TRY(plan_ledger(r, on_active, plan));
    VCH_TRY(vch_hook_record(call, &r->hook, &r->decision, plan));
    VCH_FAULT_POINT("register.planned");
    VCH_TRY(vch_store_apply(call->service->store, plan, call->diag));
    VCH_FAULT_POINT("register.saved");
    return VCH_OK;
}

enum vch_err vch_uc_register_thing_fleet(struct vch_call *call) {
    struct registration r = {.call = call, .template_name = vch_val_str_at(call->in, "templateName")};
    VCH_TRY(vch_claim_of_caller(call, true, &r.claim, &r.binding));
    VCH_TRY(load_token(&r));
    VCH_TRY(hash_request(&r));
    if (r.token.spent) {
        bool repeat = vch_str_eq(r.token.request_hash, r.request_hash);
        return repeat ? put_answer(call, r.token.answer) : refuse_token(call);
    }
    VCH_TRY(vch_claim_check(call, &r.claim, false));
    VCH_TRY(load_template(&r));
    VCH_TRY(decide(&r));
    VCH_TRY(encode_answer(&r));
    VCH_TRY(apply(&r));
    return put_answer(call, r.answer);
}
