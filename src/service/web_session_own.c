/* What somebody who is signed in asks about itself, and ends. */
#include "service/password.h"
#include "service/sign_in.h"
#include "store/sessions.h"

static enum vch_err put_secrets(struct vch_call *call, struct vch_str user_name) {
    struct vch_rec_user user;
    struct vch_rec_totp totp;
    bool found = false;
    VCH_TRY(vch_store_user(call->service->store, user_name, &user, call->arena, call->diag));
    VCH_TRY(vch_store_totp(call->service->store, user_name, &totp, &found, call->arena, call->diag));
    VCH_TRY(vch_val_put_bool(call->arena, call->out, "totp", found && totp.active));
    return vch_val_put_bool(call->arena, call->out, "passwordSet", user.password_hash.len > 0);
}

static enum vch_err put_site(struct vch_call *call) {
    const struct vch_service *service = call->service;
    VCH_TRY(vch_val_put_str(call->arena, call->out, "version", service->version));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "account", service->site.account));
    return vch_val_put_str(call->arena, call->out, "region", service->site.region);
}

enum vch_err vch_uc_get_session(struct vch_call *call) {
    struct vch_str name;
    VCH_TRY(vch_call_user(call, &name));
    VCH_TRY(vch_put_session(call, name, call->web ? call->web->csrf : "", call->web ? call->web->expires_ms : 0));
    if (call->web) VCH_TRY(vch_val_put_str(call->arena, call->out, "how", call->web->how));
    VCH_TRY(put_secrets(call, name));
    return put_site(call);
}

enum vch_err vch_uc_sign_out(struct vch_call *call) {
    VCH_TRY(vch_web_session_end(call));
    if (call->web_grant) call->web_grant->ended = true;
    return VCH_OK;
}
