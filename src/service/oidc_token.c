#include "service/oidc_token.h"

#include <cjose/cjose.h>
#include <stdlib.h>

#include "base/codec.h"
#include "core/reason.h"

enum { RSA_BYTES_MIN = 256, RSA_BYTES_MAX = 1024, EXPONENT_MAX = 8, P256_BYTES = 32, KEYS_MAX = 64, KEY_TEXT_MAX = 8192 };

static enum vch_err refuse(struct vch_diag *diag, const char *claim, const char *why) {
    return VCH_REFUSE(diag, VCH_ERR_UNAUTHENTICATED, OIDC_TOKEN, claim, "The provider's ID token is not valid: %s.", why);
}

/* ---- the head ---- */

static enum vch_err decode_part(struct vch_str text, struct vch_arena *arena, struct vch_val **ret, struct vch_diag *diag) {
    static const struct vch_val_limits limits = {.depth = 8, .values = 500};
    struct vch_buf buf;
    struct vch_str json;
    vch_buf_init_secret(&buf, VCH_OIDC_TOKEN_MAX);
    enum vch_err err = vch_unbase64url(text, &buf) == VCH_OK && vch_buf_finish(&buf, &json) == VCH_OK ? VCH_OK : VCH_ERR_MALFORMED;
    if (err == VCH_OK) err = vch_json_decode(json, &limits, arena, ret, NULL);
    vch_buf_deinit(&buf);
    if (err == VCH_ERR_NOMEM) return err;
    return err == VCH_OK && vch_val_is(*ret, VCH_VAL_MAP) ? VCH_OK : refuse(diag, "", "it cannot be read");
}

static bool is_compact(struct vch_str token) {
    size_t first = vch_str_find(token, '.', 0);
    size_t second = first == SIZE_MAX ? SIZE_MAX : vch_str_find(token, '.', first + 1);
    return token.len <= VCH_OIDC_TOKEN_MAX && second != SIZE_MAX && vch_str_find(token, '.', second + 1) == SIZE_MAX &&
           second + 1 < token.len;
}

enum vch_err vch_oidc_token_head(struct vch_str token, struct vch_arena *arena, struct vch_oidc_head *ret, struct vch_diag *diag) {
    struct vch_val *head = NULL;
    if (!is_compact(token)) return refuse(diag, "", "it is no signed token in compact form");
    VCH_TRY(decode_part(vch_str_sub(token, 0, vch_str_find(token, '.', 0)), arena, &head, diag));
    *ret = (struct vch_oidc_head){vch_val_str_at(head, "alg"), vch_val_str_at(head, "kid")};
    if (!vch_str_eq_c(ret->alg, "ES256") && !vch_str_eq_c(ret->alg, "RS256"))
        return refuse(diag, "alg", "its algorithm is neither ES256 nor RS256");
    if (vch_val_get(head, "crit")) return refuse(diag, "crit", "it needs an extension that is not known");
    if (vch_val_get(head, "b64")) return refuse(diag, "b64", "its payload is not encoded");
    return VCH_OK;
}

/* ---- keys ---- */

static size_t bytes_of(const struct vch_val *key, const char *name) {
    uint8_t space[RSA_BYTES_MAX + 1];
    struct vch_buf buf;
    struct vch_str bytes = {NULL, 0};
    vch_buf_init(&buf, sizeof space);
    bool good = vch_unbase64url(vch_val_str_at(key, name), &buf) == VCH_OK && vch_buf_finish(&buf, &bytes) == VCH_OK;
    vch_buf_deinit(&buf);
    return good ? bytes.len : 0;
}

static bool is_strong_rsa(const struct vch_val *key) {
    size_t n = bytes_of(key, "n"), e = bytes_of(key, "e");
    return vch_str_eq_c(vch_val_str_at(key, "kty"), "RSA") && n >= RSA_BYTES_MIN && n <= RSA_BYTES_MAX && e > 0 && e <= EXPONENT_MAX;
}

static bool is_p256(const struct vch_val *key) {
    return vch_str_eq_c(vch_val_str_at(key, "kty"), "EC") && vch_str_eq_c(vch_val_str_at(key, "crv"), "P-256") &&
           bytes_of(key, "x") == P256_BYTES && bytes_of(key, "y") == P256_BYTES;
}

/* What a key says of itself must fit what it is used for. */
static bool suits(const struct vch_val *key, const struct vch_oidc_head *head) {
    struct vch_str use = vch_val_str_at(key, "use"), alg = vch_val_str_at(key, "alg"), kid = vch_val_str_at(key, "kid");
    if (use.len && !vch_str_eq_c(use, "sig")) return false;
    if (alg.len && !vch_str_eq(alg, head->alg)) return false;
    if (head->kid.len && !vch_str_eq(kid, head->kid)) return false;
    return vch_str_eq_c(head->alg, "RS256") ? is_strong_rsa(key) : is_p256(key);
}

const struct vch_val *vch_oidc_key_for(const struct vch_val *jwks, const struct vch_oidc_head *head) {
    const struct vch_val *keys = vch_val_get(jwks, "keys"), *found = NULL;
    if (!vch_val_is(keys, VCH_VAL_LIST) || keys->count > KEYS_MAX) return NULL;
    for (size_t i = 0; i < keys->count; i++) {
        if (!suits(&keys->items[i], head)) continue;
        if (found) return NULL; /* of two that may be meant neither is */
        found = &keys->items[i];
    }
    return found;
}

/* ---- the signature ---- */

/* The public members alone, as they were checked. */
static cjose_jwk_t *import_key(const struct vch_val *key) {
    static const char *const rsa[] = {"kty", "n", "e", NULL}, *const ec[] = {"kty", "crv", "x", "y", NULL};
    const char *const *names = vch_str_eq_c(vch_val_str_at(key, "kty"), "RSA") ? rsa : ec;
    struct vch_buf buf;
    struct vch_str text;
    cjose_jwk_t *jwk = NULL;
    vch_buf_init(&buf, KEY_TEXT_MAX);
    for (size_t i = 0; names[i]; i++) {
        vch_buf_printf(&buf, "%s\"%s\":", i ? "," : "{", names[i]);
        vch_json_encode_str(vch_val_str_at(key, names[i]), &buf);
    }
    vch_buf_c(&buf, "}");
    if (vch_buf_finish(&buf, &text) == VCH_OK) jwk = cjose_jwk_import(text.ptr, text.len, NULL);
    vch_buf_deinit(&buf);
    return jwk;
}

/* The payload as it was signed, in the arena; .ptr NULL: it does not hold. */
static struct vch_str verified_payload(struct vch_str token, const struct vch_val *key, struct vch_arena *arena) {
    uint8_t *plain = NULL;
    size_t len = 0;
    struct vch_str payload = {NULL, 0};
    cjose_jwk_t *jwk = import_key(key);
    cjose_jws_t *jws = jwk ? cjose_jws_import(token.ptr, token.len, NULL) : NULL;
    if (jws && cjose_jws_verify(jws, jwk, NULL) && cjose_jws_get_plaintext(jws, &plain, &len, NULL))
        payload = vch_arena_str(arena, vch_str_of(plain, len));
    if (jws) cjose_jws_release(jws);
    if (jwk) cjose_jwk_release(jwk);
    return payload;
}

/* ---- the claims ---- */

/* A NumericDate; whole seconds are enough. */
static bool seconds_of(const struct vch_val *claims, const char *name, int64_t *ret) {
    const struct vch_val *value = vch_val_get(claims, name);
    if (vch_val_is(value, VCH_VAL_INT)) *ret = value->integer;
    else if (vch_val_is(value, VCH_VAL_REAL) && value->real > 0 && value->real < 1e12) *ret = (int64_t)value->real;
    else return false;
    return *ret > 0 && *ret < INT64_C(1000000000000);
}

static enum vch_err check_time(const struct vch_val *claims, int64_t now_ms, struct vch_diag *diag) {
    int64_t now = now_ms / 1000, at = 0;
    if (!seconds_of(claims, "exp", &at)) return refuse(diag, "exp", "it does not say when it ends");
    if (now >= at + VCH_OIDC_SKEW_S) return refuse(diag, "exp", "it has expired");
    if (!seconds_of(claims, "iat", &at)) return refuse(diag, "iat", "it does not say when it was made");
    if (at > now + VCH_OIDC_SKEW_S) return refuse(diag, "iat", "it was made in the future; look at the clocks");
    if (at + VCH_OIDC_AGE_MAX_S + VCH_OIDC_SKEW_S < now) return refuse(diag, "iat", "it was made too long ago");
    if (!vch_val_get(claims, "nbf")) return VCH_OK;
    return seconds_of(claims, "nbf", &at) && at <= now + VCH_OIDC_SKEW_S ? VCH_OK : refuse(diag, "nbf", "it is not valid yet");
}

static bool is_among(const struct vch_val *audience, struct vch_str client_id) {
    if (vch_val_is(audience, VCH_VAL_STR)) return vch_str_eq(audience->str, client_id);
    for (size_t i = 0; vch_val_is(audience, VCH_VAL_LIST) && i < audience->count; i++)
        if (vch_val_is(&audience->items[i], VCH_VAL_STR) && vch_str_eq(audience->items[i].str, client_id)) return true;
    return false;
}

static enum vch_err check_audience(const struct vch_val *claims, struct vch_str client_id, struct vch_diag *diag) {
    const struct vch_val *audience = vch_val_get(claims, "aud"), *party = vch_val_get(claims, "azp");
    bool several = vch_val_is(audience, VCH_VAL_LIST) && audience->count > 1;
    if (!is_among(audience, client_id)) return refuse(diag, "aud", "it is for somebody else");
    if (!party && !several) return VCH_OK;
    return vch_val_is(party, VCH_VAL_STR) && vch_str_eq(party->str, client_id) ? VCH_OK : refuse(diag, "azp", "it was given to somebody else");
}

static enum vch_err check_claims(const struct vch_val *claims, const struct vch_oidc_expect *expect, struct vch_diag *diag) {
    struct vch_str nonce = vch_val_str_at(claims, "nonce"), subject = vch_val_str_at(claims, "sub");
    if (!vch_str_eq(vch_val_str_at(claims, "iss"), expect->issuer)) return refuse(diag, "iss", "it is of another issuer");
    VCH_TRY(check_audience(claims, expect->client_id, diag));
    VCH_TRY(check_time(claims, expect->now_ms, diag));
    if (!expect->nonce.len || !vch_ct_eq(nonce.ptr, nonce.len, expect->nonce.ptr, expect->nonce.len))
        return refuse(diag, "nonce", "it is of another sign-in");
    return subject.len && subject.len <= 255 ? VCH_OK : refuse(diag, "sub", "it says nobody's name");
}

enum vch_err vch_oidc_token_check(struct vch_str token, const struct vch_oidc_head *head, const struct vch_val *key,
                                  const struct vch_oidc_expect *expect, struct vch_arena *arena, const struct vch_val **ret_claims,
                                  struct vch_diag *diag) {
    static const struct vch_val_limits limits = {.depth = 16, .values = 2000};
    struct vch_val *claims = NULL;
    if (!key || !suits(key, head)) return refuse(diag, "kid", "the provider lists no key that fits");
    struct vch_str payload = verified_payload(token, key, arena);
    if (!payload.ptr) return refuse(diag, "", "its signature does not hold");
    enum vch_err err = vch_json_decode(payload, &limits, arena, &claims, NULL);
    if (err == VCH_ERR_NOMEM) return err;
    if (err != VCH_OK || !vch_val_is(claims, VCH_VAL_MAP)) return refuse(diag, "", "its claims cannot be read");
    VCH_TRY(check_claims(claims, expect, diag));
    *ret_claims = claims;
    return VCH_OK;
}
