/* Temporary credentials of a role. Nothing is stored: the session token holds
 * everything, sealed under a key of its own purpose and bound to its access key
 * id, so that only this server can have made it. Any thread.
 * Source: AWS STS AssumeRole.
 */
#ifndef VCH_SERVICE_SESSION_H
#define VCH_SERVICE_SESSION_H

#include "service/call.h"

enum {
    VCH_SESSION_MIN_S = 900,
    VCH_SESSION_DEFAULT_S = 3600,
    VCH_SESSION_MAX_S = 43200,
    VCH_SESSION_CHAINED_MAX_S = 3600, /* when temporary credentials ask */
    VCH_SESSION_POLICY_MAX = 2048
};

/* What a token holds. Views into the caller's arena. */
struct vch_session {
    struct vch_str secret;
    struct vch_str role_name, role_id, session_name;
    struct vch_str person; /* "user/NAME" who took the role, through others or not */
    struct vch_str policy; /* document of the session; empty: none */
    int64_t expires_ms;
};

/* "ASIA" and 16 characters, a secret, and the token. `session` has all but the
 * secret, which is made here. `arena` should wipe. */
enum vch_err vch_session_seal(const struct vch_service *service, struct vch_session *session, struct vch_arena *arena,
                              struct vch_str *ret_key_id, struct vch_str *ret_token) VCH_MUST;

/* UNAUTHENTICATED with ACCESS_KEY_UNKNOWN for a token that is not of this
 * server or not of this key; EXPIRED with SESSION_EXPIRED after its time. */
enum vch_err vch_session_open(const struct vch_service *service, struct vch_str key_id, struct vch_str token, int64_t now_ms,
                              struct vch_arena *arena, struct vch_session *ret, struct vch_diag *diag) VCH_MUST;

/* The role is still there, and the same: ACCESS_KEY_UNKNOWN. Blocks for one point read. */
enum vch_err vch_session_check(const struct vch_service *service, const struct vch_session *session, struct vch_arena *arena,
                               struct vch_diag *diag) VCH_MUST;

#endif
