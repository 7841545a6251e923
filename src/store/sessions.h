/* The registry's part for people who sign in: their sessions in browsers, and
 * their second factor. Promises of store.h hold. Sessions do not travel with
 * an export; passwords and second factors do.
 */
#ifndef VCH_STORE_SESSIONS_H
#define VCH_STORE_SESSIONS_H

#include "store/store.h"

/* ---- sessions ----------------------------------------------------------- */

enum { VCH_WEB_SESSIONS_PER_USER = 32 };

struct vch_rec_web_session {
    struct vch_str hash; /* 32 bytes, SHA-256 of the cookie */
    struct vch_str user_name, how, source_ip; /* how: "password" "totp" "oidc" */
    int64_t created_ms, used_ms, expires_ms; /* expires_ms: at the latest */
};
struct vch_list_web_session { struct vch_rec_web_session *items; size_t count; bool more; };
enum vch_err vch_store_web_session(struct vch_store *s, struct vch_str hash, struct vch_rec_web_session *ret, VCH_R) VCH_MUST; /* NOT_FOUND with SESSION_ENDED */
enum vch_err vch_store_web_sessions(struct vch_store *s, struct vch_str user, struct vch_list_web_session *ret, VCH_R) VCH_MUST; /* newest first */
/* USER_MISSING. Beyond VCH_WEB_SESSIONS_PER_USER the user's oldest end. */
void vch_plan_web_session_insert(struct vch_plan *p, const struct vch_rec_web_session *session);
void vch_plan_web_session_used(struct vch_plan *p, struct vch_str hash, int64_t now_ms); /* one that is gone stays so */
void vch_plan_web_session_delete(struct vch_plan *p, struct vch_str hash, struct vch_str user); /* idempotent; `user`: whose it is */
void vch_plan_web_sessions_delete(struct vch_plan *p, struct vch_str user, int64_t *ret_count); /* all of a user */

/* ---- what a user proves itself with -------------------------------------- */

/* SIGN_IN_REFUSED when the password was changed meanwhile, or a second factor came into force. */
void vch_plan_need_password(struct vch_plan *p, struct vch_str user, struct vch_str password_hash);
void vch_plan_need_no_totp(struct vch_plan *p, struct vch_str user);

struct vch_rec_totp {
    bool active;        /* else a code of it was never shown */
    int64_t last_step;  /* codes of this and earlier steps are spent */
    struct vch_str sealed_secret;
};
enum vch_err vch_store_totp(struct vch_store *s, struct vch_str user, struct vch_rec_totp *ret, bool *ret_found, VCH_R) VCH_MUST;
void vch_plan_totp_offer(struct vch_plan *p, struct vch_str user, struct vch_str sealed_secret); /* USER_MISSING; TOTP_STATE when one is in force */
void vch_plan_totp_confirm(struct vch_plan *p, struct vch_str user, struct vch_str sealed_secret, int64_t step); /* TOTP_STATE unless this one is offered */
void vch_plan_totp_take(struct vch_plan *p, struct vch_str user, int64_t step); /* SIGN_IN_REFUSED when it was taken already */
void vch_plan_totp_delete(struct vch_plan *p, struct vch_str user); /* TOTP_STATE when there is none */
/* Tells a change of the user: whoever keeps something about it forgets it. USER_MISSING. */
void vch_plan_user_touch(struct vch_plan *p, struct vch_str user);

#endif
