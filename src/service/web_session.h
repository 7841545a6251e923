/* Sessions of people in browsers. The browser holds a cookie of 32 random
 * bytes; the registry holds its SHA-256, so that whoever reads the registry has
 * no cookie. Every sign-in makes a new one: what a browser brought is never
 * taken over. A session ends by sign-out, by a change of its user's password,
 * with its user, when it was not used for a time, and at last by its age.
 *
 * Beside the cookie a page has a CSRF token, derived from the cookie, which
 * requests that change something must carry. Worker threads; each call blocks
 * for one read or one commit.
 */
#ifndef VCH_SERVICE_WEB_SESSION_H
#define VCH_SERVICE_WEB_SESSION_H

#include "service/known_browser.h"

enum {
    VCH_WEB_TOKEN_LEN = 43, /* base64url of 32 bytes */
    VCH_WEB_HASH_LEN = 32,
    VCH_WEB_IDLE_S = 1800,  /* when the service does not say */
    VCH_WEB_LIFE_S = 43200,
    VCH_WEB_USED_MS = 60000 /* uses are remembered so often */
};

struct vch_web_session {
    struct vch_str user_name, how, source_ip; /* how: "password" "totp" "oidc" */
    uint8_t hash[VCH_WEB_HASH_LEN];
    int64_t created_ms, used_ms;
    int64_t expires_ms; /* at the latest; without use before */
    bool use_due;       /* vch_web_session_used should be told */
    char csrf[VCH_WEB_TOKEN_LEN + 1];
};

/* What the door gives a browser; zeroed: nothing. Secret: wipe it. */
struct vch_web_grant {
    char cookie[VCH_WEB_TOKEN_LEN + 1]; /* "": none */
    char csrf[VCH_WEB_TOKEN_LEN + 1];
    int64_t expires_ms, life_s;
    bool ended;            /* the browser's cookie is to go */
    int64_t retry_after_s; /* 0: not told */
    char known[VCH_KNOWN_TEXT_MAX]; /* that somebody signed in there; "": not told */
};

/* A new session of a user who has proved itself, with its ledger row
 * `signed-in`, in one commit. `how` as above, a static word. The session that
 * the call came with, if any, ends. USER_MISSING. */
enum vch_err vch_web_session_begin(struct vch_call *call, struct vch_str user_name, const char *how, struct vch_web_grant *ret) VCH_MUST;
/* The same as steps of a plan that has more to do; the ledger row is the caller's. */
enum vch_err vch_web_session_make(struct vch_call *call, struct vch_str user_name, const char *how, struct vch_plan *plan,
                                  struct vch_web_grant *ret) VCH_MUST;

/* The session of a cookie, alive at `now_ms`: one point read. UNAUTHENTICATED
 * with SESSION_ENDED for whatever is none, in whatever way. */
enum vch_err vch_web_session_find(struct vch_service *service, struct vch_str cookie, int64_t now_ms, struct vch_arena *arena,
                                  struct vch_web_session *ret, struct vch_diag *diag) VCH_MUST;
/* The same for one that was found before: is it still alive? */
enum vch_err vch_web_session_check(struct vch_service *service, const struct vch_web_session *session, int64_t now_ms,
                                   struct vch_diag *diag) VCH_MUST;

/* Somebody's page sent a request in the session's name, and was refused (the call's diagnosis): the row `csrf-refused`,
 * within the bounds of refusals. Failures are logged. */
void vch_web_session_forged(struct vch_call *call, const struct vch_web_session *session, const char *operation);

/* The call's own, with the row `signed-out`. No session: nothing to do. */
enum vch_err vch_web_session_end(struct vch_call *call) VCH_MUST;
/* Remembers a use; failures are logged. */
void vch_web_session_used(struct vch_service *service, const uint8_t hash[VCH_WEB_HASH_LEN], int64_t now_ms);

/* When the session ends unless it is used: idle or old. */
int64_t vch_web_session_end_ms(const struct vch_service *service, int64_t used_ms, int64_t expires_ms);
/* Of a cookie of the right length; terminated. */
void vch_web_csrf(struct vch_str cookie, char out[VCH_WEB_TOKEN_LEN + 1]);

#endif
