/* Between the files of oidc.h: what is known of the provider (oidc_provider.c),
 * the sealed cookie (oidc_cookie.c) and the steps of a sign-in (oidc.c). */
#ifndef VCH_SERVICE_OIDC_PRIV_H
#define VCH_SERVICE_OIDC_PRIV_H

#include "service/oidc.h"

enum { VCH_OIDC_URL_MAX = 1024 };

/* What the provider says of itself. */
struct vch_oidc_provider {
    struct vch_str authorize_url, token_url, keys_url;
    bool basic;      /* the secret goes into a header, not into the form */
    bool issuer_back; /* its answers name it (RFC 9207) */
};

/* Copies into `arena`; false: not known, or too long ago. */
bool vch_oidc_provider_known(struct vch_oidc *oidc, struct vch_arena *arena, struct vch_oidc_provider *ret);
/* From its description. UNAVAILABLE with OIDC_UNAVAILABLE when it makes no sense. */
enum vch_err vch_oidc_provider_keep(struct vch_oidc *oidc, struct vch_str text, struct vch_arena *arena, struct vch_diag *diag) VCH_MUST;
/* The key set as it was last, decoded; NULL: never. */
enum vch_err vch_oidc_keys(struct vch_oidc *oidc, struct vch_arena *arena, struct vch_val **ret) VCH_MUST;
/* May they be asked for? `there`: the key that is needed is among them. */
bool vch_oidc_keys_due(struct vch_oidc *oidc, bool there);
enum vch_err vch_oidc_keys_keep(struct vch_oidc *oidc, struct vch_str text, struct vch_arena *arena, struct vch_diag *diag) VCH_MUST;

/* A place among those that wait for the provider. THROTTLED with OIDC_BUSY; UNAVAILABLE shortly after a failure. */
enum vch_err vch_oidc_enter(struct vch_oidc *oidc, struct vch_diag *diag) VCH_MUST;
void vch_oidc_leave(struct vch_oidc *oidc, bool answered);

/* The first who comes back with it? Bounded: within this process alone. */
bool vch_oidc_first(struct vch_oidc *oidc, struct vch_str state, int64_t now_ms);

enum vch_err vch_oidc_unavailable(struct vch_diag *diag, const char *why) VCH_MUST;

/* Seals and opens flow->cookie: state, nonce, verifier, redirect_uri, return_path, expires_ms. */
enum vch_err vch_oidc_cookie_seal(const struct vch_service *service, struct vch_oidc_flow *flow, struct vch_arena *arena) VCH_MUST;
/* False: it is none of ours. *ret_state is the one that it was sealed with. */
bool vch_oidc_cookie_open(const struct vch_service *service, struct vch_oidc_flow *flow, struct vch_arena *arena, struct vch_str *ret_state);

#endif
