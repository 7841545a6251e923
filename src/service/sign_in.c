#include "service/sign_in.h"

#include <string.h>

#include "base/log.h"
#include "core/reason.h"
#include "service/change.h"
#include "service/claim_watch.h"
#include "service/password.h"
#include "service/totp.h"
#include "store/sessions.h"

static enum vch_err refused(struct vch_call *call) {
    vch_diag_clear(call->diag);
    return VCH_REFUSE(call->diag, VCH_ERR_UNAUTHENTICATED, SIGN_IN_REFUSED, "", "The user name, the password or the code is not right.");
}

static bool said(const struct vch_call *call, enum vch_reason reason) {
    return call->diag->reason && strcmp(call->diag->reason, vch_reason_code(reason)) == 0;
}

/* ---- the ledger ---- */

/* The name only when somebody has it: a password is easily typed in its place. */
static enum vch_err refusal_write(struct vch_call *call, const struct vch_proof *proof) {
    const char *known[] = {"userName", NULL}, *unknown[] = {"user", NULL};
    const struct vch_str name = proof->user.name.len ? proof->user.name : VCH_STR("unknown");
    struct vch_change change;
    VCH_TRY(vch_change_begin(call, "sign-in-refused", &change));
    VCH_TRY(vch_change_detail(call, &change, proof->user.name.len ? known : unknown, &name));
    change.row.outcome = vch_str_from(call->diag->reason);
    vch_plan_ledger(change.plan, &change.row);
    return vch_store_apply(call->service->store, change.plan, NULL);
}

static void tell_refusal(struct vch_call *call, const struct vch_proof *proof) {
    if (!vch_refusal_may_write(&call->service->watch, call->caller.source_ip)) return;
    if (refusal_write(call, proof) != VCH_OK) VCH_LOG(WARN, "refusal-not-recorded", VCH_LOG_C("reason", call->diag->reason));
}

/* ---- proving ---- */

static enum vch_err user_load(struct vch_call *call, struct vch_str name, struct vch_rec_user *ret) {
    struct vch_diag missing = {0};
    enum vch_err err = vch_store_user(call->service->store, name, ret, call->arena, &missing);
    if (err == VCH_OK) return VCH_OK;
    *ret = (struct vch_rec_user){.created_ms = 0};
    return err == VCH_ERR_NOT_FOUND ? VCH_OK : vch_diag_set(call->diag, err, missing.reason, missing.field, "%s", missing.message);
}

static enum vch_err password_is(struct vch_call *call, struct vch_str password, struct vch_str hash, bool *ret) {
    VCH_TRY(vch_sign_in_slot_take(call->service->sign_in, call->diag));
    enum vch_err err = vch_password_is(password, hash, ret);
    vch_sign_in_slot_give(call->service->sign_in);
    return err;
}

enum vch_err vch_sign_in_hash(struct vch_call *call, struct vch_str password, struct vch_str *ret) {
    VCH_TRY(vch_sign_in_slot_take(call->service->sign_in, call->diag));
    enum vch_err err = vch_password_hash(password, call->arena, ret);
    vch_sign_in_slot_give(call->service->sign_in);
    return err;
}

static enum vch_err check_code(struct vch_call *call, const struct vch_rec_totp *totp, struct vch_str code, struct vch_proof *proof) {
    struct vch_str secret;
    bool same = false;
    if (code.len == 0) return VCH_REFUSE(call->diag, VCH_ERR_UNAUTHENTICATED, TOTP_NEEDED, "totpCode", "The code of the second factor is needed.");
    if (vch_totp_unseal(call->service, proof->user.name, totp->sealed_secret, call->arena, &secret) != VCH_OK)
        return VCH_REFUSE(call->diag, VCH_ERR_INTERNAL, INTERNAL, "", "The second factor cannot be unsealed.");
    VCH_TRY(vch_totp_match(secret, code, call->now_ms, totp->last_step, &same, &proof->step));
    proof->has_totp = same;
    return same ? VCH_OK : refused(call);
}

static enum vch_err check(struct vch_call *call, const struct vch_proof_ask *ask, struct vch_proof *proof) {
    struct vch_rec_totp totp;
    bool good = false, has_totp = false;
    VCH_TRY(user_load(call, ask->user_name, &proof->user));
    VCH_TRY(password_is(call, ask->password, proof->user.password_hash, &good));
    if (!good) return refused(call);
    if (ask->password_alone) return VCH_OK;
    VCH_TRY(vch_store_totp(call->service->store, proof->user.name, &totp, &has_totp, call->arena, call->diag));
    return has_totp && totp.active ? check_code(call, &totp, ask->code, proof) : VCH_OK;
}

void vch_proof_need(struct vch_plan *plan, const struct vch_proof *proof) {
    vch_plan_need_password(plan, proof->user.name, proof->user.password_hash);
    if (proof->has_totp) vch_plan_totp_take(plan, proof->user.name, proof->step);
}

static enum vch_attempt_end end_of(const struct vch_call *call, enum vch_err err) {
    if (err == VCH_OK) return VCH_ATTEMPT_GOOD;
    return said(call, VCH_REASON_SIGN_IN_REFUSED) ? VCH_ATTEMPT_BAD : VCH_ATTEMPT_NEITHER;
}

static void tell_retry(struct vch_call *call, int64_t retry_s) {
    if (call->web_grant) call->web_grant->retry_after_s = retry_s;
}

enum vch_err vch_prove(struct vch_call *call, const struct vch_proof_ask *ask, vch_proved *then) {
    struct vch_proof proof = {.step = 0};
    struct vch_sign_in *guard = call->service->sign_in;
    struct vch_attempt attempt;
    int64_t retry_s = 0;
    bool first = false;
    if (!guard) return refused(call);
    const struct vch_attempt_from from = {
        call->caller.source_ip, vch_known_browser_id(call->service, ask->user_name, call->known_browser, call->now_ms, call->arena)};
    enum vch_err err = vch_sign_in_enter(guard, ask->user_name, &from, call->now_ms, &attempt, &retry_s, &first, call->diag);
    tell_retry(call, retry_s);
    if (err != VCH_OK && first) tell_refusal(call, &proof);
    VCH_TRY(err);
    err = check(call, ask, &proof);
    if (err == VCH_OK) err = then(call, &proof);
    enum vch_attempt_end end = end_of(call, err);
    vch_sign_in_leave(guard, &attempt, end, call->now_ms);
    if (end == VCH_ATTEMPT_BAD) tell_refusal(call, &proof);
    if (said(call, VCH_REASON_SIGN_IN_BUSY)) tell_retry(call, 1);
    return err;
}

enum vch_err vch_prove_self(struct vch_call *call, struct vch_str password, vch_proved *then) {
    struct vch_proof_ask ask = {.password = password, .password_alone = true};
    VCH_TRY(vch_call_user(call, &ask.user_name));
    enum vch_err err = vch_prove(call, &ask, then);
    if (err == VCH_OK || !said(call, VCH_REASON_SIGN_IN_REFUSED)) return err;
    vch_diag_clear(call->diag);
    return VCH_REFUSE(call->diag, VCH_ERR_DENIED, PASSWORD_REFUSED, "", "The password is not right.");
}

enum vch_err vch_call_user(struct vch_call *call, struct vch_str *ret_name) {
    *ret_name = call->caller.user_name;
    if (call->caller.kind == VCH_CALLER_USER) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_DENIED, ACCESS_DENIED, "", "Only a user has a password and a second factor.");
}

enum vch_err vch_put_session(struct vch_call *call, struct vch_str user_name, const char *csrf, int64_t expires_ms) {
    struct vch_str arn = vch_iam_arn(&call->service->site, "user", user_name, call->arena), token = {NULL, 0};
    if (csrf[0]) token = vch_arena_str(call->arena, vch_str_from(csrf));
    if (!arn.ptr || (csrf[0] && !token.ptr)) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, call->out, "userName", user_name));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "arn", arn));
    if (csrf[0]) VCH_TRY(vch_val_put_str(call->arena, call->out, "csrfToken", token));
    return expires_ms ? vch_val_put_time(call->arena, call->out, "expiration", expires_ms) : VCH_OK;
}

/* ---- signing in ---- */

static enum vch_err enter(struct vch_call *call, const struct vch_proof *proof) {
    const char *names[] = {"userName", "how", NULL};
    const struct vch_str values[] = {proof->user.name, proof->has_totp ? VCH_STR("totp") : VCH_STR("password")};
    struct vch_change change;
    VCH_TRY(vch_change_begin(call, "signed-in", &change));
    VCH_TRY(vch_change_detail(call, &change, names, values));
    change.row.actor = vch_iam_arn(&call->service->site, "user", proof->user.name, call->arena);
    if (!change.row.actor.ptr) return VCH_ERR_NOMEM;
    vch_proof_need(change.plan, proof);
    if (!proof->has_totp) vch_plan_need_no_totp(change.plan, proof->user.name);
    VCH_TRY(vch_web_session_make(call, proof->user.name, values[1].ptr, change.plan, call->web_grant));
    VCH_TRY(vch_change_apply(call, &change));
    vch_known_browser_make(call->service, proof->user.name, call->now_ms, call->arena, call->web_grant->known);
    return vch_put_session(call, proof->user.name, call->web_grant->csrf, call->web_grant->expires_ms);
}

enum vch_err vch_uc_sign_in(struct vch_call *call) {
    const struct vch_proof_ask ask = {
        .user_name = vch_val_str_at(call->in, "userName"),
        .password = vch_val_str_at(call->in, "password"),
        .code = vch_val_str_at(call->in, "totpCode"),
    };
    if (!call->web_grant) return refused(call);
    enum vch_err err = vch_prove(call, &ask, enter);
    if (err != VCH_OK) vch_wipe(call->web_grant->cookie, sizeof call->web_grant->cookie);
    return err;
}
