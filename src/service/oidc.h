/* Sign-in through an OpenID provider: authorization code with PKCE.
 *
 * The browser is sent away with a sealed cookie that holds all of the sign-in:
 * its state, nonce, verifier and where to go on. Who comes back must bring the
 * cookie and the state that belong together, within ten minutes, once. The
 * provider vouches for a name (a claim of its ID token); the user of that name
 * must exist here, and nothing else comes from the provider: no user is made,
 * no right is given.
 *
 * What must be asked of the provider is an order for the hooks process
 * (hook.h): the use case returns WAITING and is run again with the answer, in
 * its own flow, so that nothing is asked twice. Provider and keys are remembered
 * between sign-ins, within bounds. Worker threads.
 * Source: OpenID Connect Core 1.0, Discovery 1.0; RFC 6749, 7636, 9207, 9700.
 */
#ifndef VCH_SERVICE_OIDC_H
#define VCH_SERVICE_OIDC_H

#include "service/hook.h"
#include "service/sign_in_guard.h"
#include "service/web_session.h"

struct vch_oidc;

enum {
    VCH_OIDC_LIFE_MS = 600000,     /* of a sign-in under way */
    VCH_OIDC_TIMEOUT_MS = 8000,    /* of one question to the provider */
    VCH_OIDC_WAITING_MAX = 32,     /* sign-ins that wait for it at once */
    VCH_OIDC_PROVIDER_MS = 3600000, /* how long its description is good, and its keys */
    VCH_OIDC_PAUSE_MS = 3000,      /* after a failure: who comes meanwhile is told so at once */
    VCH_OIDC_KEYS_PAUSE_MS = 30000, /* between two looks for a key that was not there */
    VCH_OIDC_COOKIE_MAX = 3000
};

/* Views outlive it. */
struct vch_oidc_settings {
    struct vch_str issuer; /* as the provider spells it */
    struct vch_str client_id, client_secret /* empty: none */, user_claim;
    struct vch_str ca_pem; /* roots to trust for the provider; empty: the system's */
    struct vch_str label;  /* what the sign-in page calls it; may be empty */
};
enum vch_err vch_oidc_new(const struct vch_oidc_settings *settings, struct vch_oidc **ret) VCH_MUST;
void vch_oidc_free(struct vch_oidc *oidc); /* NULL is fine */
const struct vch_oidc_settings *vch_oidc_settings(const struct vch_oidc *oidc);

/* One request on its way; zeroed, with what the request has. Views and what is made live in the call's arena. */
struct vch_oidc_flow {
    bool back; /* it comes from the provider */
    struct vch_str origin;      /* "https://host:port" as the browser sees it, already judged */
    struct vch_str return_path; /* there: as asked; back: as the cookie has it, for refusals too */
    struct vch_str cookie, state, code, error, issuer;
    /* Where it is; nobody else's. */
    int stage;
    bool opened, keys_asked, counted;
    struct vch_attempt attempt; /* while it is counted */
    struct vch_str nonce, verifier, redirect_uri, id_token;
    int64_t expires_ms;
    /* What comes of it. */
    struct vch_str location;   /* where the browser goes */
    struct vch_str set_cookie; /* its sealed value; empty: the cookie is to go */
};
/* OK: the flow's outcome is filled, and call->web_grant when it signed in. WAITING: call->hook has an order. Else a
 * refusal with an OIDC_* reason, which is in the ledger within bounds. */
enum vch_err vch_oidc_step(struct vch_oidc_flow *flow, struct vch_call *call) VCH_MUST;

/* The flow ends here, whatever it waited for; again is fine. Any thread. */
void vch_oidc_drop(struct vch_oidc *oidc, struct vch_oidc_flow *flow);

/* A path of this server that a browser may be sent to: "/..." without a second '/' or a '\\' behind, printable. */
bool vch_oidc_return_valid(struct vch_str path);

vch_use_case vch_uc_sign_in_options;

#endif
