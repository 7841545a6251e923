/* AWS CreateProvisioningClaim: the trusted user vouches. */
#include "base/digest.h"
#include "core/claim.h"
#include "core/reason.h"
#include "service/call.h"

static enum vch_err check_template(struct vch_call *call, struct vch_str name) {
    struct vch_rec_template template;
    VCH_TRY(vch_store_template(call->service->store, name, 0, &template, call->arena, call->diag));
    if (!vch_str_eq_c(template.type, "FLEET_PROVISIONING"))
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, TEMPLATE_INVALID, "templateName",
                          "Template %.*s is not of type FLEET_PROVISIONING.", VCH_STR_ARG(name));
    if (!template.enabled)
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, TEMPLATE_DISABLED, "templateName",
                          "Template %.*s is not enabled.", VCH_STR_ARG(name));
    int64_t live = 0;
    VCH_TRY(vch_store_claims_live(call->service->store, name, call->now_ms, &live, call->diag));
    if (live >= VCH_CLAIMS_PER_TEMPLATE_MAX)
        return VCH_REFUSE(call->diag, VCH_ERR_THROTTLED, CLAIMS_FULL, "templateName",
                          "Template %.*s has %lld live claims, the most it may have; the oldest ends within five minutes.",
                          VCH_STR_ARG(name), (long long)live);
    return VCH_OK;
}

static enum vch_err save(struct vch_call *call, struct vch_str template_name, const struct vch_issue *issue,
                         const struct vch_issued *issued) {
    struct vch_rec_claim claim = {
        .id = vch_str_from(issued->id),
        .template_name = template_name,
        .created_by = vch_call_actor(call),
        .state = VCH_STR("LIVE"),
        .bindings = VCH_STR("{}"),
        .not_before_ms = issue->not_before_ms,
        .not_after_ms = issue->not_after_ms,
        .created_ms = call->now_ms,
        .uses_max = 1,
    };
    struct vch_plan *plan = vch_plan_new(call->arena);
    if (!plan) return VCH_ERR_NOMEM;
    vch_plan_need_template(plan, template_name, true);
    vch_plan_claim_insert(plan, &claim);
    struct vch_rec_ledger row = vch_call_ledger(call, "claim-created");
    row.claim_id = claim.id;
    row.template_name = template_name;
    vch_plan_ledger(plan, &row);
    return vch_store_apply(call->service->store, plan, call->diag);
}

static enum vch_err answer(struct vch_call *call, const struct vch_keypair *pair, const struct vch_issued *issued,
                           int64_t expires_ms) {
    struct vch_arena *arena = call->arena;
    struct vch_str public_pem = vch_arena_str(arena, vch_str_of(pair->public_pem.ptr, pair->public_pem.len));
    struct vch_str private_pem = vch_arena_str(arena, vch_str_of(pair->private_pem.ptr, pair->private_pem.len));
    struct vch_str id = vch_arena_str(arena, vch_str_from(issued->id));
    if (!public_pem.ptr || !private_pem.ptr || !id.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(arena, call->out, "certificateId", id));
    VCH_TRY(vch_val_put_str(arena, call->out, "certificatePem", issued->pem));
    struct vch_val *keys = vch_val_put_map(arena, call->out, "keyPair");
    VCH_TRY(vch_val_put_str(arena, keys, "PublicKey", public_pem));
    VCH_TRY(vch_val_put_str(arena, keys, "PrivateKey", private_pem));
    return vch_val_put_time(arena, call->out, "expiration", expires_ms);
}

static enum vch_err issue_and_save(struct vch_call *call, struct vch_str template_name, const struct vch_keypair *pair) {
    int64_t now_ms = call->now_ms / 1000 * 1000; /* certificates know whole seconds */
    struct vch_issue issue = {
        .profile = VCH_PROFILE_CLAIM,
        .spki = vch_str_of(pair->spki.ptr, pair->spki.len),
        .not_before_ms = now_ms - VCH_CLAIM_BACKDATE_S * INT64_C(1000),
        .not_after_ms = now_ms + VCH_CLAIM_LIFE_S * INT64_C(1000),
    };
    struct vch_issued issued;
    VCH_TRY(vch_signer_issue(call->service->signer, &issue, call->arena, &issued, call->diag));
    VCH_TRY(save(call, template_name, &issue, &issued));
    return answer(call, pair, &issued, issue.not_after_ms);
}

enum vch_err vch_uc_create_provisioning_claim(struct vch_call *call) {
    struct vch_str template_name = vch_val_str_at(call->in, "templateName");
    VCH_TRY(check_template(call, template_name));
    struct vch_keypair pair = {0};
    VCH_TRY(vch_key_pool_take(call->service->keys, &pair, call->diag));
    enum vch_err err = issue_and_save(call, template_name, &pair);
    vch_keypair_deinit(&pair);
    return err;
}
