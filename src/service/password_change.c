/* New passwords: a user's own, and those that an administrator sets. Either
 * ends every session of the user. */
#include "core/reason.h"
#include "service/change.h"
#include "service/password.h"
#include "service/sign_in.h"
#include "store/sessions.h"

/* ---- one's own ---- */

static enum vch_err change_own(struct vch_call *call, const struct vch_proof *proof) {
    struct vch_str name = proof->user.name, hash;
    struct vch_change change;
    bool goes_on = call->web && call->web_grant;
    VCH_TRY(vch_sign_in_hash(call, vch_val_str_at(call->in, "newPassword"), &hash));
    VCH_TRY(vch_change_begin(call, "password-changed", &change));
    VCH_TRY(vch_change_about(call, &change, "userName", name));
    vch_proof_need(change.plan, proof);
    vch_plan_user_password(change.plan, name, hash);
    vch_plan_web_sessions_delete(change.plan, name, NULL);
    if (goes_on) {
        const char *how = vch_str_eq_c(call->web->how, "totp") ? "totp" : "password";
        VCH_TRY(vch_web_session_make(call, name, how, change.plan, call->web_grant));
    }
    VCH_TRY(vch_change_apply(call, &change));
    return vch_put_session(call, name, goes_on ? call->web_grant->csrf : "", goes_on ? call->web_grant->expires_ms : 0);
}

enum vch_err vch_uc_change_password(struct vch_call *call) {
    struct vch_str old = vch_val_str_at(call->in, "oldPassword"), new = vch_val_str_at(call->in, "newPassword"), name;
    VCH_TRY(vch_call_user(call, &name));
    VCH_TRY(vch_password_check(new, name, "newPassword", call->diag));
    if (vch_str_eq(old, new))
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, PASSWORD_WEAK, "newPassword", "The new password is the old one.");
    enum vch_err err = vch_prove_self(call, old, change_own);
    if (err != VCH_OK && call->web_grant) vch_wipe(call->web_grant->cookie, sizeof call->web_grant->cookie);
    return err;
}

/* ---- somebody's ---- */

static enum vch_err chosen(struct vch_call *call, struct vch_str user, struct vch_str *ret) {
    *ret = vch_val_str_at(call->in, "password");
    if (ret->len) return vch_password_check(*ret, user, "password", call->diag);
    VCH_TRY(vch_password_new(call->arena, ret));
    return vch_val_put_str(call->arena, call->out, "password", *ret);
}

enum vch_err vch_uc_set_user_password(struct vch_call *call) {
    struct vch_str password, hash;
    struct vch_rec_user user;
    struct vch_change change;
    VCH_TRY(vch_store_user(call->service->store, vch_val_str_at(call->in, "userName"), &user, call->arena, call->diag));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "userName", user.name));
    VCH_TRY(chosen(call, user.name, &password));
    VCH_TRY(vch_sign_in_hash(call, password, &hash));
    VCH_TRY(vch_change_begin(call, "password-set", &change));
    VCH_TRY(vch_change_about(call, &change, "userName", user.name));
    vch_plan_user_password(change.plan, user.name, hash);
    vch_plan_web_sessions_delete(change.plan, user.name, NULL);
    return vch_change_apply(call, &change);
}
