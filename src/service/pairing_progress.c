/* How far a device came that was vouched for: noted where it happens. */
#include "base/clock.h"
#include "base/log.h"
#include "core/binding.h"
#include "core/reason.h"
#include "service/claim_watch.h"
#include "service/pairing_priv.h"

void vch_pairing_advance(struct vch_plan *plan, struct vch_str pairing_id, enum vch_pairing_step step, struct vch_str certificate_id,
                         struct vch_str thing_name, int64_t now_ms) {
    if (pairing_id.len) vch_plan_pairing_step(plan, pairing_id, step, certificate_id, thing_name, now_ms);
}

enum vch_err vch_pairing_mention(const struct vch_call *call, struct vch_val *map, struct vch_str pairing_id) {
    return pairing_id.len ? vch_val_put_str(call->arena, map, "pairingId", pairing_id) : VCH_OK;
}

static enum vch_err save_step(const struct vch_call *call, struct vch_str pairing_id, enum vch_pairing_step step, struct vch_str certificate_id) {
    struct vch_plan *plan = vch_plan_new(call->arena);
    if (!plan) return VCH_ERR_NOMEM;
    vch_plan_pairing_step(plan, pairing_id, step, certificate_id, VCH_STR(""), call->now_ms);
    return vch_store_apply(call->service->store, plan, NULL);
}

static enum vch_err note_connected(const struct vch_call *call, struct vch_str claim_id) {
    struct vch_rec_claim claim;
    struct vch_binding binding;
    struct vch_rec_pairing p;
    VCH_TRY(vch_store_claim(call->service->store, claim_id, &claim, call->arena, NULL));
    VCH_TRY(vch_binding_parse(claim.bindings, call->arena, &binding));
    if (binding.pairing.len == 0) return VCH_OK;
    VCH_TRY(vch_store_pairing(call->service->store, binding.pairing, &p, call->arena, NULL));
    if (p.step_ms[VCH_PAIRING_CONNECTED] || p.ended.len) return VCH_OK;
    return save_step(call, p.id, VCH_PAIRING_CONNECTED, VCH_STR(""));
}

static void log_lost(struct vch_str id, enum vch_err err) {
    if (err != VCH_OK && err != VCH_ERR_NOT_FOUND)
        VCH_LOG(WARN, "pairing-step-lost", VCH_LOG_S("certificate", id), VCH_LOG_C("error", vch_err_word(err)));
}

void vch_pairing_connected(const struct vch_call *call, struct vch_str claim_id) {
    log_lost(claim_id, note_connected(call, claim_id));
}

static enum vch_err note_arrived(const struct vch_call *call, struct vch_str certificate_id) {
    struct vch_str id;
    struct vch_plan *plan = vch_plan_new(call->arena);
    struct vch_rec_ledger row = vch_call_ledger(call, "pairing-done");
    struct vch_val *map = vch_val_new_map(call->arena);
    VCH_TRY(vch_store_pairing_awaited(call->service->store, certificate_id, &id, call->arena, NULL));
    if (!plan || !map) return VCH_ERR_NOMEM;
    row.certificate_id = certificate_id;
    VCH_TRY(vch_pairing_mention(call, map, id));
    VCH_TRY(vch_ledger_detail(call, map, &row));
    vch_plan_pairing_arrive(plan, id, certificate_id, call->now_ms);
    vch_plan_ledger(plan, &row);
    enum vch_err err = vch_store_apply(call->service->store, plan, NULL);
    return err == VCH_ERR_EXISTS ? VCH_OK : err; /* another connection was quicker */
}

void vch_pairing_arrived(const struct vch_call *call, struct vch_str certificate_id) {
    log_lost(certificate_id, note_arrived(call, certificate_id));
}

void vch_pairing_troubled(const struct vch_call *call, struct vch_plan *plan, struct vch_str pairing_id) {
    const struct vch_diag *diag = call->diag;
    if (pairing_id.len && diag && diag->reason)
        vch_plan_pairing_trouble(plan, pairing_id, vch_str_from(diag->reason), vch_str_from(diag->message));
}

void vch_pairing_cancelled(struct vch_plan *plan, struct vch_str pairing_id) {
    vch_plan_pairing_fail(plan, pairing_id, vch_str_from(vch_reason_code(VCH_REASON_CLAIM_CANCELLED)),
                          VCH_STR("The provisioning claim was cancelled."));
}
