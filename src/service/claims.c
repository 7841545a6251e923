/* Bound claims, looking at claims, and taking one back. Our own operations. */
#include "base/digest.h"
#include "core/claim.h"
#include "core/reason.h"
#include "pki/csr.h"
#include "service/claim_hand.h"
#include "service/claim_make.h"
#include "service/claim_watch.h"
#include "service/pairing.h"
#include "store/provisioning.h"

static enum vch_err put_alarms(struct vch_call *call, const struct vch_rec_claim *claim, struct vch_val *map) {
    struct vch_val *list = vch_val_put_list(call->arena, map, "alarms");
    if (!list) return VCH_ERR_NOMEM;
    for (enum vch_alarm alarm = 0; alarm < VCH_ALARM_COUNT; alarm++)
        if (claim->alarms >> alarm & 1) VCH_TRY(vch_val_push_str(call->arena, list, vch_str_from(vch_alarm_word(alarm))));
    return VCH_OK;
}

static enum vch_err put_bindings(struct vch_call *call, const struct vch_rec_claim *claim, struct vch_val *map) {
    struct vch_val *bindings, *slot = vch_val_put(call->arena, map, "bindings");
    if (!slot) return VCH_ERR_NOMEM;
    VCH_TRY(vch_json_decode(claim->bindings, NULL, call->arena, &bindings, NULL));
    *slot = *bindings;
    return VCH_OK;
}

static enum vch_err put_claim(struct vch_call *call, const struct vch_rec_claim *claim, struct vch_val *map) {
    struct vch_arena *arena = call->arena;
    bool over = vch_str_eq_c(claim->state, "LIVE") && call->now_ms >= claim->not_after_ms;
    VCH_TRY(vch_val_put_str(arena, map, "claimId", claim->id));
    VCH_TRY(vch_val_put_str(arena, map, "templateName", claim->template_name));
    VCH_TRY(vch_val_put_str(arena, map, "state", over ? VCH_STR("EXPIRED") : claim->state));
    VCH_TRY(vch_val_put_str(arena, map, "createdBy", claim->created_by));
    VCH_TRY(vch_val_put_time(arena, map, "creationDate", claim->created_ms));
    VCH_TRY(vch_val_put_time(arena, map, "expiration", claim->not_after_ms));
    VCH_TRY(vch_val_put_int(arena, map, "maxUses", claim->uses_max));
    VCH_TRY(vch_val_put_int(arena, map, "uses", claim->uses_done));
    VCH_TRY(vch_val_put_int(arena, map, "certificatesCreated", claim->certificates_made));
    if (claim->first_source.len) VCH_TRY(vch_val_put_str(arena, map, "firstSourceIp", claim->first_source));
    if (claim->first_client.len) VCH_TRY(vch_val_put_str(arena, map, "firstClientId", claim->first_client));
    VCH_TRY(put_alarms(call, claim, map));
    return put_bindings(call, claim, map);
}

enum vch_err vch_uc_list_claims(struct vch_call *call) {
    struct vch_page page = {.after = vch_val_str_at(call->in, "nextToken"),
                            .limit = (size_t)vch_val_int_at(call->in, "maxResults", 100),
                            .descending = true};
    struct vch_list_claim claims;
    VCH_TRY(vch_store_claims(call->service->store, page, &claims, call->arena, call->diag));
    struct vch_val *list = vch_val_put_list(call->arena, call->out, "claims");
    for (size_t i = 0; i < claims.count; i++) {
        struct vch_val *map = vch_val_push_map(call->arena, list);
        if (!map) return VCH_ERR_NOMEM;
        VCH_TRY(put_claim(call, &claims.items[i], map));
    }
    if (!claims.more || claims.count == 0) return VCH_OK;
    return vch_val_put_str(call->arena, call->out, "nextToken", claims.items[claims.count - 1].id);
}

enum vch_err vch_uc_describe_claim(struct vch_call *call) {
    struct vch_rec_claim claim;
    VCH_TRY(vch_store_claim(call->service->store, vch_val_str_at(call->in, "claimId"), &claim, call->arena, call->diag));
    return put_claim(call, &claim, call->out);
}

static enum vch_err plan_pairing_end(struct vch_call *call, const struct vch_rec_claim *claim, struct vch_plan *plan, struct vch_rec_ledger *row) {
    struct vch_binding binding;
    struct vch_val *map = vch_val_new_map(call->arena);
    if (!map) return VCH_ERR_NOMEM;
    VCH_TRY(vch_binding_parse(claim->bindings, call->arena, &binding));
    if (binding.pairing.len == 0) return VCH_OK;
    vch_pairing_cancelled(plan, binding.pairing);
    VCH_TRY(vch_pairing_mention(call, map, binding.pairing));
    return vch_ledger_detail(call, map, row);
}

enum vch_err vch_uc_cancel_claim(struct vch_call *call) {
    struct vch_str id = vch_val_str_at(call->in, "claimId");
    struct vch_rec_claim claim;
    VCH_TRY(vch_store_claim(call->service->store, id, &claim, call->arena, call->diag));
    struct vch_plan *plan = vch_plan_new(call->arena);
    if (!plan) return VCH_ERR_NOMEM;
    vch_plan_claim_cancel(plan, id, call->now_ms);
    struct vch_rec_ledger row = vch_call_ledger(call, "claim-cancelled");
    row.claim_id = id;
    row.template_name = claim.template_name;
    VCH_TRY(plan_pairing_end(call, &claim, plan, &row));
    vch_plan_ledger(plan, &row);
    return vch_store_apply(call->service->store, plan, call->diag);
}

/* ---- making one ---- */

/* The key that the claim is for: given, or that of a request which proves that it is held. */
static enum vch_err read_key(struct vch_call *call, struct vch_claim_wish *wish) {
    struct vch_str pem = vch_val_str_at(call->in, "publicKey"), request = vch_val_str_at(call->in, "certificateSigningRequest");
    struct vch_csr csr;
    char hex[VCH_SHA256_HEX];
    if (pem.len && request.len)
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_INVALID, "publicKey", "publicKey and certificateSigningRequest exclude each other.");
    if (pem.len) VCH_TRY(vch_public_key_from_pem(pem, call->arena, &wish->spki, call->diag));
    if (request.len) {
        VCH_TRY(vch_csr_check(request, call->arena, &csr, call->diag));
        wish->spki = csr.spki;
    }
    if (wish->spki.len == 0) return VCH_OK;
    vch_sha256_hex(wish->spki, hex);
    wish->binding.key = vch_arena_str(call->arena, vch_str_from(hex));
    return wish->binding.key.ptr ? VCH_OK : VCH_ERR_NOMEM;
}

static enum vch_err read_life(struct vch_call *call, struct vch_claim_wish *wish) {
    int64_t max = call->service->claim_life_max_s ? call->service->claim_life_max_s : VCH_CLAIM_LIFE_S;
    wish->life_s = vch_val_int_at(call->in, "lifetimeSeconds", VCH_CLAIM_LIFE_S < max ? VCH_CLAIM_LIFE_S : max);
    if (wish->life_s <= max) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_INVALID, CLAIM_LIFE, "lifetimeSeconds", "This server makes claims for at most %lld seconds.",
                      (long long)max);
}

enum vch_err vch_uc_create_claim(struct vch_call *call) {
    struct vch_claim_wish wish = {.template_name = vch_val_str_at(call->in, "templateName"),
                                  .binding = {.thing_name = vch_val_str_at(call->in, "thingName"),
                                              .source = vch_val_str_at(call->in, "source"),
                                              .same_key = vch_val_bool_at(call->in, "sameKey", false),
                                              .parameters = vch_val_get(call->in, "parameters")},
                                  .uses = vch_val_int_at(call->in, "maxUses", 1)};
    VCH_TRY(read_life(call, &wish));
    VCH_TRY(read_key(call, &wish));
    VCH_TRY(vch_binding_check(&wish.binding, call->diag));
    VCH_TRY(vch_claim_make(call, &wish));
    return vch_claim_hand_put(call, wish.template_name);
}
