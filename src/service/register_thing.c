/* AWS RegisterThing over MQTT: the template becomes a thing, a certificate in
 * force and its policies, all or nothing, and the token and the claim are
 * spent in the same transaction. */
#include <string.h>

#include "base/digest.h"
#include "core/names.h"
#include "core/reason.h"
#include "core/template.h"
#include "service/claim_rules.h"
#include "service/hook.h"
#include "service/template_policies.h"
#include "service/template_things.h"

struct registration {
    struct vch_call *call;
    struct vch_str template_name;
    struct vch_rec_template template;
    struct vch_rec_claim claim; /* zero for a registered device */
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
    VCH_TRY(vch_store_template(call->service->store, r->template_name, 0, &r->template, call->arena, call->diag));
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

static enum vch_err evaluate(struct registration *r) {
    struct vch_call *call = r->call;
    const struct vch_val *parameters = vch_val_get(call->in, "parameters");
    VCH_TRY(check_parameters(call, parameters));
    VCH_TRY(ask_hook(r, &parameters));
    r->wanted = VCH_ARENA_NEW(call->arena, struct vch_template_plan);
    struct vch_val *none = vch_val_new_map(call->arena);
    if (!r->wanted || !none) return VCH_ERR_NOMEM;
    VCH_TRY(vch_template_plan(VCH_TEMPLATE_FLEET, r->template.body, parameters ? parameters : none,
                              r->token.certificate_id, call->arena, r->wanted, call->diag));
    if (vch_str_ieq(r->wanted->certificate_id, r->token.certificate_id)) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_INVALID, PARAMETER_INVALID, "parameters",
                      "The template names another certificate than that of the ownership token.");
}

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

static void plan_ledger(struct registration *r, struct vch_plan *plan) {
    struct vch_rec_ledger row = vch_call_ledger(r->call, "thing-registered");
    row.claim_id = r->claim.id;
    row.template_name = r->template_name;
    row.template_version = r->template.version;
    row.certificate_id = r->token.certificate_id;
    row.thing_name = r->wanted->has_thing ? r->wanted->thing_name : VCH_STR("");
    vch_plan_ledger(plan, &row);
}

static enum vch_err apply(struct registration *r) {
    struct vch_call *call = r->call;
    struct vch_plan *plan = vch_plan_new(call->arena);
    if (!plan) return VCH_ERR_NOMEM;
    plan_spending(r, plan);
    if (r->wanted->has_thing) vch_plan_need_thing_free(plan, r->wanted->thing_name, r->token.certificate_id);
    VCH_TRY(vch_template_things_plan(call, r->wanted, r->token.certificate_id, plan));
    VCH_TRY(vch_template_policies_plan(call, r->wanted, r->token.certificate_id, plan, NULL));
    vch_plan_certificate_status(plan, r->token.certificate_id, VCH_STR("PENDING_ACTIVATION"),
                                r->wanted->certificate_active ? VCH_STR("ACTIVE") : VCH_STR("INACTIVE"), call->now_ms);
    plan_ledger(r, plan);
    VCH_TRY(vch_hook_record(call, &r->hook, &r->decision, plan));
    return vch_store_apply(call->service->store, plan, call->diag);
}

enum vch_err vch_uc_register_thing_fleet(struct vch_call *call) {
    struct registration r = {.call = call, .template_name = vch_val_str_at(call->in, "templateName")};
    VCH_TRY(vch_claim_of_caller(call, true, &r.claim));
    VCH_TRY(load_token(&r));
    VCH_TRY(hash_request(&r));
    if (r.token.spent) {
        bool repeat = vch_str_eq(r.token.request_hash, r.request_hash);
        return repeat ? put_answer(call, r.token.answer) : refuse_token(call);
    }
    VCH_TRY(vch_claim_check(call, &r.claim, false));
    VCH_TRY(load_template(&r));
    VCH_TRY(evaluate(&r));
    VCH_TRY(encode_answer(&r));
    VCH_TRY(apply(&r));
    return put_answer(call, r.answer);
}
