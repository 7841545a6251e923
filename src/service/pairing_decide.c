/* A person vouches for a device, or turns it away. */
#include "core/binding.h"
#include "core/claim.h"
#include "core/reason.h"
#include "service/claim_make.h"
#include "service/claim_watch.h"
#include "service/json_text.h"
#include "service/pairing_priv.h"

struct approving {
    struct vch_call *call;
    struct vch_rec_pairing pairing;
    struct vch_val *parameters; /* those that the claim fixes */
    struct vch_str parameters_text;
    struct vch_claim_wish wish;
};

static enum vch_err check_state(const struct vch_call *call, const struct vch_rec_pairing *p) {
    enum vch_pairing_state state = vch_pairing_state_of(p, call->now_ms);
    if (state == VCH_PAIRING_IS_WAITING || state == VCH_PAIRING_IS_LOOKED_AT) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_STATE, PAIRING_STATE, "pairingId", "The pairing is %s: nobody decides about it any more.",
                      vch_pairing_state_word(state));
}

/* Whoever vouches says for which key: what the page showed is what gets the claim. */
static enum vch_err check_key(const struct vch_call *call, const struct vch_rec_pairing *p) {
    struct vch_str said = vch_val_str_at(call->in, "keyFingerprint");
    if (vch_ct_eq(said.ptr, said.len, p->key.ptr, p->key.len)) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_INVALID, PAIRING_KEY, "keyFingerprint", "This is not the fingerprint of the device's key.");
}

/* ---- parameters ---- */

static enum vch_err load_declared(struct vch_call *call, struct vch_str template_name, const struct vch_val **ret) {
    struct vch_rec_template template;
    struct vch_val *body;
    VCH_TRY(vch_store_template(call->service->store, template_name, 0, &template, call->arena, call->diag));
    VCH_TRY(vch_json_decode(template.body, NULL, call->arena, &body, call->diag));
    *ret = vch_val_get(body, "Parameters");
    return VCH_OK;
}

static enum vch_err check_declared(const struct vch_call *call, const struct vch_val *declared, const struct vch_val *given) {
    for (size_t i = 0; given && i < given->count; i++)
        if (!vch_val_get_str(declared, given->members[i].name))
            return VCH_REFUSE(call->diag, VCH_ERR_INVALID, PAIRING_PARAMETER, "parameters", "The template has no parameter %.64s.",
                              given->members[i].name.ptr);
    return VCH_OK;
}

/* What the device is called is the serial that it was vouched for under, unless somebody said otherwise. */
static enum vch_err gather_parameters(struct approving *a) {
    struct vch_call *call = a->call;
    const struct vch_val *declared = NULL, *given = vch_val_get(call->in, "parameters");
    const struct vch_binding none = {.parameters = NULL};
    VCH_TRY(load_declared(call, a->wish.template_name, &declared));
    VCH_TRY(check_declared(call, declared, given));
    a->parameters = VCH_ARENA_NEW(call->arena, struct vch_val);
    if (!a->parameters) return VCH_ERR_NOMEM;
    VCH_TRY(vch_binding_copy(&none, given, call->arena, a->parameters));
    if (vch_val_get(declared, "SerialNumber") && !vch_val_get(a->parameters, "SerialNumber"))
        VCH_TRY(vch_val_put_str(call->arena, a->parameters, "SerialNumber", a->pairing.serial));
    return vch_json_text(call, a->parameters, &a->parameters_text);
}

/* ---- the claim ---- */

static int64_t life_s(const struct vch_service *service) {
    int64_t max = service->claim_life_max_s;
    return max && max < VCH_CLAIM_LIFE_S ? max : VCH_CLAIM_LIFE_S;
}

static enum vch_err plan_approval(void *arg, struct vch_plan *plan, const struct vch_claim_made *made) {
    struct approving *a = arg;
    struct vch_call *call = a->call;
    struct vch_rec_ledger *row = VCH_ARENA_NEW(call->arena, struct vch_rec_ledger);
    struct vch_val *map;
    if (!row) return VCH_ERR_NOMEM;
    VCH_TRY(vch_pairing_row(call, "pairing-approved", &a->pairing, row, &map));
    const struct vch_pairing_approval approval = {.id = a->pairing.id,
                                                  .by = row->actor,
                                                  .template_name = a->wish.template_name,
                                                  .parameters = a->parameters_text,
                                                  .thing_name = a->wish.binding.thing_name,
                                                  .claim_id = made->id,
                                                  .claim_pem = made->pem,
                                                  .claim_expires_ms = made->expires_ms,
                                                  .now_ms = call->now_ms};
    row->claim_id = made->id;
    row->template_name = a->wish.template_name;
    row->thing_name = a->wish.binding.thing_name;
    VCH_TRY(vch_val_put_str(call->arena, map, "serialNumber", a->pairing.serial));
    VCH_TRY(vch_val_put_str(call->arena, map, "key", a->pairing.key));
    VCH_TRY(vch_ledger_detail(call, map, row));
    vch_plan_pairing_approve(plan, &approval);
    vch_plan_ledger(plan, row);
    return VCH_OK;
}

static void prepare_wish(struct approving *a) {
    struct vch_call *call = a->call;
    a->wish = (struct vch_claim_wish){.template_name = vch_val_str_at(call->in, "templateName"),
                                      .binding = {.thing_name = vch_val_str_at(call->in, "thingName"),
                                                  .key = a->pairing.key,
                                                  .same_key = true,
                                                  .pairing = a->pairing.id},
                                      .spki = a->pairing.spki,
                                      .uses = 1,
                                      .life_s = life_s(call->service),
                                      .also = plan_approval,
                                      .also_arg = a};
}

static enum vch_err make_claim(struct approving *a) {
    struct vch_call *call = a->call;
    struct vch_val *out = call->out, *unused = vch_val_new_map(call->arena);
    if (!unused) return VCH_ERR_NOMEM;
    call->out = unused; /* the claim is the device's to see */
    enum vch_err err = vch_claim_make(call, &a->wish);
    call->out = out;
    return err;
}

static enum vch_err approve(struct vch_call *call) {
    struct approving a = {.call = call};
    struct vch_str id = vch_val_str_at(call->in, "pairingId");
    VCH_TRY(vch_store_pairing(call->service->store, id, &a.pairing, call->arena, call->diag));
    VCH_TRY(check_state(call, &a.pairing));
    VCH_TRY(check_key(call, &a.pairing));
    prepare_wish(&a);
    VCH_TRY(gather_parameters(&a));
    a.wish.binding.parameters = a.parameters;
    VCH_TRY(vch_binding_check(&a.wish.binding, call->diag));
    VCH_TRY(make_claim(&a));
    VCH_TRY(vch_store_pairing(call->service->store, id, &a.pairing, call->arena, call->diag));
    return vch_pairing_put(call, &a.pairing, call->out);
}

enum vch_err vch_uc_approve_pairing(struct vch_call *call) {
    enum vch_err err = approve(call);
    if (err != VCH_OK) vch_pairing_refused(call, "ApprovePairing", err);
    return err;
}

/* Whoever asks why the device has nothing is told. */
static void tell_denied(const struct vch_call *call, const struct vch_rec_pairing *p) {
    struct vch_diag diag = {0};
    struct vch_call about = *call;
    struct vch_str person = vch_call_actor(call);
    about.diag = &diag;
    about.caller.source_ip = p->source_ip;
    (void)VCH_REFUSE(&diag, VCH_ERR_DENIED, PAIRING_DENIED, "", "The device was turned away by %.*s.", VCH_STR_ARG(person));
    vch_pairing_tell_why(&about, "DenyPairing", p->serial);
}

static enum vch_err deny(struct vch_call *call) {
    struct vch_rec_pairing p;
    struct vch_plan *plan = vch_plan_new(call->arena);
    struct vch_rec_ledger row;
    struct vch_val *map;
    VCH_TRY(vch_store_pairing(call->service->store, vch_val_str_at(call->in, "pairingId"), &p, call->arena, call->diag));
    VCH_TRY(check_state(call, &p));
    if (!plan) return VCH_ERR_NOMEM;
    VCH_TRY(vch_pairing_row(call, "pairing-denied", &p, &row, &map));
    VCH_TRY(vch_val_put_str(call->arena, map, "serialNumber", p.serial));
    VCH_TRY(vch_val_put_str(call->arena, map, "key", p.key));
    VCH_TRY(vch_ledger_detail(call, map, &row));
    vch_plan_pairing_deny(plan, p.id, row.actor, call->now_ms);
    vch_plan_ledger(plan, &row);
    VCH_TRY(vch_store_apply(call->service->store, plan, call->diag));
    tell_denied(call, &p);
    return VCH_OK;
}

enum vch_err vch_uc_deny_pairing(struct vch_call *call) {
    enum vch_err err = deny(call);
    if (err != VCH_OK) vch_pairing_refused(call, "DenyPairing", err);
    return err;
}
