/* People prove who they are: a password, and a code when the user has a second
 * factor. Who is refused is not told why, and unknown users cost the same work
 * as known ones; that a code is needed is told only after the right password.
 * Attempts are counted (sign_in_guard.h) and refusals are in the ledger, within
 * bounds. Worker threads.
 */
#ifndef VCH_SERVICE_SIGN_IN_H
#define VCH_SERVICE_SIGN_IN_H

#include "service/sign_in_guard.h"
#include "service/web_session.h"

struct vch_proof_ask {
    struct vch_str user_name, password, code; /* code: may be empty */
    bool password_alone; /* of somebody who signed in already */
};
struct vch_proof {
    struct vch_rec_user user;
    bool has_totp; /* a code was shown, of `step` */
    int64_t step;
};

/* One attempt from its beginning to its end: proves, then calls `then`, whose
 * plan must have vch_proof_need. UNAUTHENTICATED with SIGN_IN_REFUSED or
 * TOTP_NEEDED; THROTTLED with SIGN_IN_LOCKED or SIGN_IN_BUSY; what `then` says. */
typedef enum vch_err vch_proved(struct vch_call *call, const struct vch_proof *proof);
enum vch_err vch_prove(struct vch_call *call, const struct vch_proof_ask *ask, vch_proved *then) VCH_MUST;
/* The same for the user behind the call and its password: DENIED with PASSWORD_REFUSED. */
enum vch_err vch_prove_self(struct vch_call *call, struct vch_str password, vch_proved *then) VCH_MUST;

/* Guards: what was proved still holds when the plan is applied. */
void vch_proof_need(struct vch_plan *plan, const struct vch_proof *proof);

/* vch_password_hash within the bound of those at once. */
enum vch_err vch_sign_in_hash(struct vch_call *call, struct vch_str password, struct vch_str *ret) VCH_MUST;

/* The user behind the call, signed in or signing with its own access key. DENIED with ACCESS_DENIED. */
enum vch_err vch_call_user(struct vch_call *call, struct vch_str *ret_name) VCH_MUST;
/* userName, arn, csrfToken, expiration, as far as there are any. */
enum vch_err vch_put_session(struct vch_call *call, struct vch_str user_name, const char *csrf, int64_t expires_ms) VCH_MUST;

#endif
