#include "service/claim_rules.h"

#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"
#include "base/fault.h"
#include "core/claim.h"
#include "core/reason.h"
#include "service/claim_watch.h"
#include "service/pairing.h"

struct vch_str vch_claim_principal(const struct vch_call *call) {
    return call->caller.certificate_id;
}

enum vch_err vch_claim_check(const struct vch_call *call, const struct vch_rec_claim *claim, bool spent_too) {
    if (claim->id.len == 0) return VCH_OK;
    if (vch_str_eq_c(claim->state, "CANCELLED"))
        return VCH_REFUSE(call->diag, VCH_ERR_DENIED, CLAIM_CANCELLED, "", "The provisioning claim has been cancelled.");
    if (call->now_ms >= claim->not_after_ms)
        return VCH_REFUSE(call->diag, VCH_ERR_DENIED, CLAIM_EXPIRED, "", "The provisioning claim has expired.");
    if (!spent_too && vch_str_eq_c(claim->state, "SPENT"))
        return VCH_REFUSE(call->diag, VCH_ERR_DENIED, CLAIM_SPENT, "", "The provisioning claim has been used.");
    return VCH_OK;
}

enum vch_err vch_claim_of_caller(struct vch_call *call, bool spent_too, struct vch_rec_claim *ret, struct vch_binding *ret_binding) {
    *ret = (struct vch_rec_claim){0};
    *ret_binding = (struct vch_binding){.parameters = NULL};
    if (call->caller.kind == VCH_CALLER_DEVICE) return VCH_OK;
    if (call->caller.kind != VCH_CALLER_CLAIM)
        return VCH_REFUSE(call->diag, VCH_ERR_DENIED, ACCESS_DENIED, "", "Only a device can make this request.");
    VCH_TRY(vch_store_claim(call->service->store, call->caller.certificate_id, ret, call->arena, call->diag));
    VCH_TRY(vch_binding_parse(ret->bindings, call->arena, ret_binding));
    VCH_TRY(vch_claim_check(call, ret, spent_too));
    return vch_claim_may_use(call, ret, ret_binding);
}

struct vch_str vch_claim_token_hash(struct vch_arena *arena, struct vch_str token) {
    uint8_t *hash = vch_arena_alloc(arena, VCH_SHA256_LEN);
    if (!hash) return (struct vch_str){NULL, 0};
    vch_sha256(token, hash);
    return vch_str_of(hash, VCH_SHA256_LEN);
}

/* 256 random bits; only their digest is kept, so the registry holds nothing
 * that could be presented. */
static enum vch_err make_token(struct vch_arena *arena, struct vch_str *ret) {
    uint8_t secret[32];
    vch_random(secret, sizeof secret);
    struct vch_buf buf;
    vch_buf_init_secret(&buf, 64);
    vch_base64url(vch_str_of(secret, sizeof secret), &buf);
    vch_wipe(secret, sizeof secret);
    struct vch_str text;
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) *ret = vch_arena_str(arena, text);
    vch_buf_deinit(&buf);
    return err == VCH_OK && !ret->ptr ? VCH_ERR_NOMEM : err;
}

enum vch_err vch_claim_token(struct vch_call *call, struct vch_plan *plan, struct vch_str certificate_id,
                             struct vch_str *ret_token) {
    VCH_TRY(make_token(call->arena, ret_token));
    struct vch_rec_token *token = VCH_ARENA_NEW(call->arena, struct vch_rec_token);
    if (!token) return VCH_ERR_NOMEM;
    token->hash = vch_claim_token_hash(call->arena, *ret_token);
    if (!token->hash.ptr) return VCH_ERR_NOMEM;
    token->certificate_id = certificate_id;
    token->principal_id = vch_claim_principal(call);
    token->expires_ms = call->now_ms + VCH_TOKEN_LIFE_S * INT64_C(1000);
    vch_plan_token_insert(plan, token);
    return VCH_OK;
}

enum vch_err vch_claim_issue_device(struct vch_call *call, struct vch_str spki, struct vch_str subject,
                                    struct vch_issued *ret) {
    struct vch_issue issue = {
        .profile = VCH_PROFILE_DEVICE,
        .spki = spki,
        .subject = subject,
        .not_before_ms = call->now_ms - VCH_CLAIM_BACKDATE_S * INT64_C(1000),
        .not_after_ms = vch_time_from_utc(2049, 12, 31, 23, 59, 59),
    };
    return vch_signer_issue(call->service->signer, &issue, call->arena, ret, call->diag);
}

static struct vch_rec_certificate *pending_record(struct vch_call *call, const struct vch_issued *issued) {
    struct vch_rec_certificate *record = VCH_ARENA_NEW(call->arena, struct vch_rec_certificate);
    struct vch_str id = vch_arena_str(call->arena, vch_str_from(issued->id)); /* the answer outlives `issued` */
    if (!record || !id.ptr) return NULL;
    *record = (struct vch_rec_certificate){
        .id = id,
        .pem = issued->pem,
        .status = VCH_STR("PENDING_ACTIVATION"),
        .mode = VCH_STR("DEFAULT"),
        .claim_id = call->caller.kind == VCH_CALLER_CLAIM ? call->caller.certificate_id : VCH_STR(""),
        .not_before_ms = call->now_ms / 1000 * 1000 - VCH_CLAIM_BACKDATE_S * INT64_C(1000),
        .not_after_ms = vch_time_from_utc(2049, 12, 31, 23, 59, 59),
        .created_ms = call->now_ms,
        .modified_ms = call->now_ms,
        .customer_version = 1,
    };
    return record;
}

static void guard_claim(struct vch_call *call, const struct vch_rec_claim *claim, struct vch_plan *plan) {
    if (call->caller.kind != VCH_CALLER_CLAIM) return;
    vch_plan_need_template(plan, call->caller.template_name, true);
    /* So many for each device that it is for. */
    vch_plan_claim_first_certificate(plan, call->caller.certificate_id, call->caller.source_ip, call->caller.client_id, call->now_ms,
                                     VCH_CLAIM_CERTIFICATES_MAX * claim->uses_max);
}

static enum vch_err plan_pairing(struct vch_call *call, const struct vch_binding *binding, struct vch_plan *plan, struct vch_rec_ledger *row) {
    if (binding->pairing.len == 0) return VCH_OK;
    struct vch_val *map = vch_val_new_map(call->arena);
    if (!map) return VCH_ERR_NOMEM;
    vch_pairing_advance(plan, binding->pairing, VCH_PAIRING_CERTIFIED, row->certificate_id, VCH_STR(""), call->now_ms);
    VCH_TRY(vch_pairing_mention(call, map, binding->pairing));
    return vch_ledger_detail(call, map, row);
}

enum vch_err vch_claim_save_certificate(struct vch_call *call, const struct vch_rec_claim *claim, const struct vch_binding *binding,
                                        const struct vch_issued *issued) {
    struct vch_plan *plan = vch_plan_new(call->arena);
    struct vch_rec_certificate *record = pending_record(call, issued);
    if (!plan || !record) return VCH_ERR_NOMEM;
    guard_claim(call, claim, plan);
    vch_plan_certificate_insert(plan, record);
    struct vch_str token;
    VCH_TRY(vch_claim_token(call, plan, record->id, &token));
    struct vch_rec_ledger row = vch_call_ledger(call, "certificate-created");
    row.certificate_id = record->id;
    row.claim_id = record->claim_id;
    VCH_TRY(plan_pairing(call, binding, plan, &row));
    vch_plan_ledger(plan, &row);
    VCH_FAULT_POINT("certificate.issued");
    VCH_TRY(vch_store_apply(call->service->store, plan, call->diag));
    VCH_FAULT_POINT("certificate.saved");

    VCH_TRY(vch_val_put_str(call->arena, call->out, "certificateId", record->id));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "certificatePem", issued->pem));
    return vch_val_put_str(call->arena, call->out, "certificateOwnershipToken", token);
}
