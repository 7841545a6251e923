/* The device asks how far it is. Source: RFC 8628 3.4, 3.5. */
#include <stdio.h>

#include "base/clock.h"
#include "core/reason.h"
#include "service/claim_watch.h"
#include "service/pairing_priv.h"

static enum vch_err find(struct vch_call *call, struct vch_rec_pairing *ret) {
    struct vch_pairings *memory = call->service->pairings;
    struct vch_str hash = vch_pairing_hash(call->arena, vch_val_str_at(call->in, "deviceCode"));
    if (!hash.ptr) return VCH_ERR_NOMEM;
    enum vch_err err = vch_store_pairing_of_device(call->service->store, hash, ret, call->arena, call->diag);
    if (err != VCH_ERR_NOT_FOUND) return err;
    unsigned strangers = vch_pairing_count(memory, VCH_PAIRING_COUNT_STRANGERS, call->caller.source_ip, call->now_ms);
    if (strangers <= VCH_PAIRING_STRANGERS_A_MINUTE) return err;
    vch_diag_clear(call->diag);
    enum vch_err refused = VCH_REFUSE(call->diag, VCH_ERR_THROTTLED, PAIRING_THROTTLED, "", "Too many polls with unknown device codes came from this address.");
    vch_pairing_tell_why(call, "PollPairing", VCH_STR(""));
    if (strangers == VCH_PAIRING_STRANGERS_A_MINUTE + 1) vch_pairing_refused(call, "PollPairing", refused);
    return refused;
}

static enum vch_err check_pace(struct vch_call *call, const struct vch_rec_pairing *p, int64_t *ret_interval_s) {
    bool again = call->pairing && call->pairing->counted;
    *ret_interval_s = VCH_PAIRING_INTERVAL_S;
    if (again) return VCH_OK;
    if (call->pairing) call->pairing->counted = true;
    if (vch_pairing_poll(call->service->pairings, p->id, vch_mono_us(), ret_interval_s)) return VCH_OK;
    enum vch_err err = VCH_REFUSE(call->diag, VCH_ERR_THROTTLED, PAIRING_SLOW_DOWN, "", "Slow down: the interval between polls is %lld seconds now.",
                                  (long long)*ret_interval_s);
    vch_pairing_tell_why(call, "PollPairing", p->serial);
    return err;
}

/* While nobody has decided, and nothing happened that the device was not told. */
static bool may_wait(const struct vch_call *call, const struct vch_rec_pairing *p, enum vch_pairing_state state) {
    if (!call->pairing || call->pairing->over || vch_val_int_at(call->in, "waitSeconds", 0) == 0) return false;
    if (state != VCH_PAIRING_IS_WAITING && state != VCH_PAIRING_IS_LOOKED_AT) return false;
    return vch_pairing_told(call->service->pairings, p->id) == (unsigned)state;
}

static enum vch_err wait(struct vch_call *call, const struct vch_rec_pairing *p) {
    struct vch_pairing_turn *turn = call->pairing;
    int64_t left_ms = p->expires_ms - call->now_ms, wait_ms = vch_val_int_at(call->in, "waitSeconds", 0) * 1000;
    if (turn->until_us == 0) turn->until_us = vch_mono_us() + (wait_ms < left_ms ? wait_ms : left_ms) * 1000;
    turn->waiting = true;
    (void)vch_str_copy(turn->id, sizeof turn->id, p->id);
    return VCH_ERR_WAITING;
}

/* ---- the claim ---- */

static bool has_claim(const struct vch_rec_pairing *p, const struct vch_call *call) {
    bool under_way = p->step >= VCH_PAIRING_APPROVED && p->step < VCH_PAIRING_REGISTERED && p->ended.len == 0;
    return under_way && call->now_ms < p->claim_expires_ms;
}

/* Once: of two polls that find out, one finds it written. */
static enum vch_err end_without_claim(struct vch_call *call, const struct vch_rec_pairing *p) {
    struct vch_plan *plan = vch_plan_new(call->arena);
    struct vch_rec_ledger row;
    struct vch_val *map;
    if (!plan) return VCH_ERR_NOMEM;
    VCH_TRY(vch_pairing_row(call, "pairing-failed", p, &row, &map));
    row.claim_id = p->claim_id;
    row.template_name = p->template_name;
    row.outcome = vch_str_from(vch_reason_code(VCH_REASON_CLAIM_CANCELLED));
    VCH_TRY(vch_val_put_str(call->arena, map, "serialNumber", p->serial));
    VCH_TRY(vch_ledger_detail(call, map, &row));
    vch_plan_pairing_end(plan, p->id, "FAILED", row.outcome, VCH_STR("The provisioning claim was cancelled."));
    vch_plan_ledger(plan, &row);
    enum vch_err err = vch_store_apply(call->service->store, plan, call->diag);
    return err == VCH_ERR_CONFLICT ? VCH_OK : err;
}

/* The template may have gone, and its claims with it. */
static enum vch_err check_claim(struct vch_call *call, struct vch_rec_pairing *p) {
    struct vch_rec_claim claim;
    enum vch_err err = vch_store_claim(call->service->store, p->claim_id, &claim, call->arena, call->diag);
    if (err == VCH_OK && !vch_str_eq_c(claim.state, "CANCELLED")) return VCH_OK;
    if (err != VCH_OK && err != VCH_ERR_NOT_FOUND) return err;
    VCH_TRY(end_without_claim(call, p));
    return vch_store_pairing(call->service->store, p->id, p, call->arena, call->diag);
}

/* Written before it is given: whoever looks on never sees a claim that is used and was not taken. */
static enum vch_err take(struct vch_call *call, struct vch_rec_pairing *p) {
    if (p->step != VCH_PAIRING_APPROVED) return VCH_OK;
    struct vch_plan *plan = vch_plan_new(call->arena);
    if (!plan) return VCH_ERR_NOMEM;
    vch_plan_pairing_step(plan, p->id, VCH_PAIRING_CLAIM_TAKEN, VCH_STR(""), VCH_STR(""), call->now_ms);
    VCH_TRY(vch_store_apply(call->service->store, plan, call->diag));
    p->step = VCH_PAIRING_CLAIM_TAKEN;
    p->step_ms[VCH_PAIRING_CLAIM_TAKEN] = call->now_ms;
    return VCH_OK;
}

static enum vch_err put_claim(struct vch_call *call, const struct vch_rec_pairing *p) {
    const struct vch_service *service = call->service;
    struct vch_arena *arena = call->arena;
    VCH_TRY(vch_val_put_str(arena, call->out, "certificatePem", p->claim_pem));
    VCH_TRY(vch_val_put_str(arena, call->out, "certificateId", p->claim_id));
    VCH_TRY(vch_val_put_str(arena, call->out, "templateName", p->template_name));
    VCH_TRY(vch_pairing_put_map(call, call->out, "parameters", p->parameters));
    VCH_TRY(vch_val_put_str(arena, call->out, "endpoint", vch_pairing_endpoint(call)));
    if (service->mqtt_port) VCH_TRY(vch_val_put_int(arena, call->out, "mqttPort", service->mqtt_port));
    if (service->edge_port) VCH_TRY(vch_val_put_int(arena, call->out, "edgePort", service->edge_port));
    return vch_val_put_str(arena, call->out, "rootCaPem", service->root_pem);
}

static enum vch_err answer(struct vch_call *call, struct vch_rec_pairing *p, int64_t interval_s) {
    if (has_claim(p, call)) VCH_TRY(check_claim(call, p));
    bool claim = has_claim(p, call);
    enum vch_pairing_state state = claim ? VCH_PAIRING_IS_APPROVED : vch_pairing_state_of(p, call->now_ms);
    if (claim) VCH_TRY(take(call, p));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "pairingId", p->id));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "state", vch_str_from(vch_pairing_state_word(state))));
    VCH_TRY(vch_val_put_int(call->arena, call->out, "interval", interval_s));
    VCH_TRY(vch_pairing_put_steps(call, p, call->out));
    VCH_TRY(vch_val_put_time(call->arena, call->out, "expiration", claim ? p->claim_expires_ms : p->expires_ms));
    VCH_TRY(vch_pairing_put_end(call, p, call->out));
    if (p->thing_name.len) VCH_TRY(vch_val_put_str(call->arena, call->out, "thingName", p->thing_name));
    if (claim) VCH_TRY(put_claim(call, p));
    vch_pairing_tell(call->service->pairings, p->id, (unsigned)state);
    return VCH_OK;
}

enum vch_err vch_uc_poll_pairing(struct vch_call *call) {
    struct vch_rec_pairing p;
    int64_t interval_s;
    if (call->pairing) call->pairing->waiting = false;
    VCH_TRY(vch_pairing_served(call));
    VCH_TRY(find(call, &p));
    VCH_TRY(check_pace(call, &p, &interval_s));
    enum vch_pairing_state state = vch_pairing_state_of(&p, call->now_ms);
    return may_wait(call, &p, state) ? wait(call, &p) : answer(call, &p, interval_s);
}
