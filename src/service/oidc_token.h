/* ID tokens of an OpenID provider: whether one is the provider's, for us, for
 * this sign-in, and of now. Only ES256 and RS256 are known: neither "none" nor
 * a shared secret is ever accepted. Signatures are libcjose's; what it is given
 * was read strictly before. Pure but for memory; any thread.
 * Source: OpenID Connect Core 1.0 3.1.3.7, RFC 7515, RFC 7517, RFC 8725.
 */
#ifndef VCH_SERVICE_OIDC_TOKEN_H
#define VCH_SERVICE_OIDC_TOKEN_H

#include "base/val.h"

enum { VCH_OIDC_TOKEN_MAX = 16 * 1024, VCH_OIDC_SKEW_S = 60, VCH_OIDC_AGE_MAX_S = 600 };

struct vch_oidc_head {
    struct vch_str alg, kid; /* kid: empty when it names none */
};
/* UNAUTHENTICATED with OIDC_TOKEN, as every refusal here; NOMEM. */
enum vch_err vch_oidc_token_head(struct vch_str token, struct vch_arena *arena, struct vch_oidc_head *ret, struct vch_diag *diag) VCH_MUST;

/* The key of a JWK set that may have signed it: of the named id, or the only one that fits. NULL: there is none. */
const struct vch_val *vch_oidc_key_for(const struct vch_val *jwks, const struct vch_oidc_head *head);

struct vch_oidc_expect {
    struct vch_str issuer, client_id, nonce;
    int64_t now_ms;
};
/* Signature first, then iss, aud, azp, exp, nbf, iat, nonce and sub. The claims live in the arena. */
enum vch_err vch_oidc_token_check(struct vch_str token, const struct vch_oidc_head *head, const struct vch_val *key,
                                  const struct vch_oidc_expect *expect, struct vch_arena *arena, const struct vch_val **ret_claims,
                                  struct vch_diag *diag) VCH_MUST;

#endif
