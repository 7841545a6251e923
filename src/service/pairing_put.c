/* Pairings as documents. */
#include "core/pair_code.h"
#include "core/reason.h"
#include "service/json_text.h"
#include "service/pairing_priv.h"

static bool is(struct vch_str text, const char *word) {
    return vch_str_eq_c(text, word);
}

enum vch_pairing_state vch_pairing_state_of(const struct vch_rec_pairing *p, int64_t now_ms) {
    if (is(p->ended, "DENIED")) return VCH_PAIRING_IS_DENIED;
    if (is(p->ended, "EXPIRED")) return VCH_PAIRING_IS_EXPIRED;
    if (is(p->ended, "FAILED")) return VCH_PAIRING_IS_FAILED;
    if (p->step < VCH_PAIRING_APPROVED && now_ms >= p->expires_ms) return VCH_PAIRING_IS_EXPIRED;
    bool under_way = p->step >= VCH_PAIRING_APPROVED && p->step < VCH_PAIRING_REGISTERED;
    if (under_way && (p->reason.len || now_ms >= p->claim_expires_ms)) return VCH_PAIRING_IS_FAILED;
    return (enum vch_pairing_state)(p->step - VCH_PAIRING_SHOWN);
}

const char *vch_pairing_state_word(enum vch_pairing_state state) {
    static const char *const words[VCH_PAIRING_STATE_COUNT] = {
        [VCH_PAIRING_IS_WAITING] = "WAITING",
        [VCH_PAIRING_IS_LOOKED_AT] = "LOOKED_AT",
        [VCH_PAIRING_IS_APPROVED] = "APPROVED",
        [VCH_PAIRING_IS_CLAIM_TAKEN] = "CLAIM_TAKEN",
        [VCH_PAIRING_IS_CONNECTED] = "CONNECTED",
        [VCH_PAIRING_IS_CERTIFIED] = "CERTIFIED",
        [VCH_PAIRING_IS_REGISTERED] = "REGISTERED",
        [VCH_PAIRING_IS_DONE] = "DONE",
        [VCH_PAIRING_IS_DENIED] = "DENIED",
        [VCH_PAIRING_IS_EXPIRED] = "EXPIRED",
        [VCH_PAIRING_IS_FAILED] = "FAILED",
    };
    return words[state];
}

enum vch_err vch_pairing_put_steps(struct vch_call *call, const struct vch_rec_pairing *p, struct vch_val *map) {
    static const char *const names[VCH_PAIRING_STEPS] = {
        [VCH_PAIRING_SHOWN] = "code-shown",        [VCH_PAIRING_LOOKED_AT] = "looked-at",
        [VCH_PAIRING_APPROVED] = "approved",       [VCH_PAIRING_CLAIM_TAKEN] = "claim-taken",
        [VCH_PAIRING_CONNECTED] = "connected",     [VCH_PAIRING_CERTIFIED] = "certificate-made",
        [VCH_PAIRING_REGISTERED] = "registered",   [VCH_PAIRING_DONE] = "done",
    };
    struct vch_val *list = vch_val_put_list(call->arena, map, "steps");
    if (!list) return VCH_ERR_NOMEM;
    for (int step = VCH_PAIRING_SHOWN; step < VCH_PAIRING_STEPS; step++) {
        struct vch_val *item = vch_val_push_map(call->arena, list);
        if (!item) return VCH_ERR_NOMEM;
        VCH_TRY(vch_val_put_str(call->arena, item, "name", vch_str_from(names[step])));
        if (p->step_ms[step]) VCH_TRY(vch_val_put_time(call->arena, item, "date", p->step_ms[step]));
    }
    return VCH_OK;
}

enum vch_err vch_pairing_put_map(struct vch_call *call, struct vch_val *map, const char *name, struct vch_str json) {
    return vch_put_json_text(call, map, name, json.len ? json : VCH_STR("{}"));
}

static enum vch_err put_text(struct vch_call *call, struct vch_val *map, const char *name, struct vch_str text) {
    return text.len ? vch_val_put_str(call->arena, map, name, text) : VCH_OK;
}

/* An end that only the clock knows so far is told as the sweep will write it. */
enum vch_err vch_pairing_put_end(struct vch_call *call, const struct vch_rec_pairing *p, struct vch_val *map) {
    bool late = !p->reason.len && !p->ended.len && vch_pairing_state_of(p, call->now_ms) == VCH_PAIRING_IS_FAILED;
    VCH_TRY(put_text(call, map, "reason", late ? vch_str_from(vch_reason_code(VCH_REASON_CLAIM_EXPIRED)) : p->reason));
    return put_text(call, map, "message", late ? VCH_STR("The provisioning claim has expired before the device used it.") : p->message);
}

static enum vch_err put_code(struct vch_call *call, const struct vch_rec_pairing *p, struct vch_val *map) {
    char shown[VCH_PAIR_CODE_LEN + 2];
    vch_pair_code_show(p->user_code.ptr, shown);
    struct vch_str text = vch_arena_str(call->arena, vch_str_from(shown));
    return text.ptr ? vch_val_put_str(call->arena, map, "userCode", text) : VCH_ERR_NOMEM;
}

static enum vch_err put_device(struct vch_call *call, const struct vch_rec_pairing *p, struct vch_val *map) {
    struct vch_arena *arena = call->arena;
    VCH_TRY(vch_val_put_str(arena, map, "pairingId", p->id));
    VCH_TRY(put_code(call, p, map));
    VCH_TRY(vch_val_put_str(arena, map, "serialNumber", p->serial));
    VCH_TRY(vch_val_put_str(arena, map, "model", p->model));
    VCH_TRY(vch_val_put_str(arena, map, "keyFingerprint", p->key));
    VCH_TRY(vch_val_put_str(arena, map, "sourceIp", p->source_ip));
    VCH_TRY(vch_val_put_time(arena, map, "creationDate", p->created_ms));
    VCH_TRY(vch_val_put_time(arena, map, "expiration", p->expires_ms));
    return vch_pairing_put_map(call, map, "suggestedParameters", p->suggested);
}

static enum vch_err put_approval(struct vch_call *call, const struct vch_rec_pairing *p, struct vch_val *map) {
    VCH_TRY(put_text(call, map, "lookedAtBy", p->looked_by));
    VCH_TRY(put_text(call, map, "decidedBy", p->decided_by));
    VCH_TRY(put_text(call, map, "thingName", p->thing_name));
    VCH_TRY(put_text(call, map, "certificateId", p->certificate_id));
    if (p->step < VCH_PAIRING_APPROVED) return VCH_OK;
    VCH_TRY(vch_val_put_str(call->arena, map, "templateName", p->template_name));
    VCH_TRY(vch_val_put_str(call->arena, map, "claimId", p->claim_id));
    VCH_TRY(vch_val_put_time(call->arena, map, "claimExpiration", p->claim_expires_ms));
    return vch_pairing_put_map(call, map, "parameters", p->parameters);
}

enum vch_err vch_pairing_put(struct vch_call *call, const struct vch_rec_pairing *p, struct vch_val *map) {
    struct vch_str root;
    VCH_TRY(put_device(call, p, map));
    VCH_TRY(vch_val_put_str(call->arena, map, "state", vch_str_from(vch_pairing_state_word(vch_pairing_state_of(p, call->now_ms)))));
    VCH_TRY(vch_pairing_put_steps(call, p, map));
    VCH_TRY(vch_pairing_put_end(call, p, map));
    VCH_TRY(put_approval(call, p, map));
    VCH_TRY(vch_pairing_root_fingerprint(call, &root));
    return vch_val_put_str(call->arena, map, "serverFingerprint", root);
}
