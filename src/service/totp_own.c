/* A user's second factor: offered, in force once a code of it was shown, taken
 * away with the password. */
#include "core/reason.h"
#include "service/change.h"
#include "service/sign_in.h"
#include "service/totp.h"
#include "store/sessions.h"

static enum vch_err begin(struct vch_call *call, const char *event, struct vch_str user, struct vch_change *change) {
    VCH_TRY(vch_change_begin(call, event, change));
    return vch_change_about(call, change, "userName", user);
}

enum vch_err vch_uc_enrol_totp(struct vch_call *call) {
    struct vch_str user, secret, sealed, text, uri;
    struct vch_change change;
    VCH_TRY(vch_call_user(call, &user));
    VCH_TRY(vch_totp_secret_new(call->arena, &secret));
    VCH_TRY(vch_totp_seal(call->service, user, secret, call->arena, &sealed));
    VCH_TRY(vch_totp_text(secret, call->arena, &text));
    VCH_TRY(vch_totp_uri(call->service, user, text, call->arena, &uri));
    VCH_TRY(begin(call, "totp-offered", user, &change));
    vch_plan_totp_offer(change.plan, user, sealed);
    VCH_TRY(vch_change_apply(call, &change));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "secret", text));
    return vch_val_put_str(call->arena, call->out, "uri", uri);
}

static enum vch_err offered(struct vch_call *call, struct vch_str user, struct vch_rec_totp *ret) {
    bool found = false;
    VCH_TRY(vch_store_totp(call->service->store, user, ret, &found, call->arena, call->diag));
    if (found && !ret->active) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_STATE, TOTP_STATE, "", "No second factor waits for its first code.");
}

enum vch_err vch_uc_confirm_totp(struct vch_call *call) {
    struct vch_rec_totp totp;
    struct vch_str user, secret;
    struct vch_change change;
    bool same = false;
    int64_t step = 0;
    VCH_TRY(vch_call_user(call, &user));
    VCH_TRY(offered(call, user, &totp));
    VCH_TRY(vch_totp_unseal(call->service, user, totp.sealed_secret, call->arena, &secret));
    VCH_TRY(vch_totp_match(secret, vch_val_str_at(call->in, "totpCode"), call->now_ms, totp.last_step, &same, &step));
    if (!same) return VCH_REFUSE(call->diag, VCH_ERR_DENIED, TOTP_REFUSED, "totpCode", "The code is not right; compare the clocks.");
    VCH_TRY(begin(call, "totp-enabled", user, &change));
    vch_plan_totp_confirm(change.plan, user, totp.sealed_secret, step);
    return vch_change_apply(call, &change);
}

static enum vch_err remove_own(struct vch_call *call, const struct vch_proof *proof) {
    struct vch_change change;
    VCH_TRY(begin(call, "totp-removed", proof->user.name, &change));
    vch_proof_need(change.plan, proof);
    vch_plan_totp_delete(change.plan, proof->user.name);
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_remove_totp(struct vch_call *call) {
    return vch_prove_self(call, vch_val_str_at(call->in, "password"), remove_own);
}

enum vch_err vch_uc_remove_user_totp(struct vch_call *call) {
    struct vch_rec_user user;
    struct vch_change change;
    VCH_TRY(vch_store_user(call->service->store, vch_val_str_at(call->in, "userName"), &user, call->arena, call->diag));
    VCH_TRY(begin(call, "totp-removed", user.name, &change));
    vch_plan_totp_delete(change.plan, user.name);
    return vch_change_apply(call, &change);
}
