/* The text of a claim's QR code as a bundle. */
#include "agent/bundle.h"

#include <string.h>

#include "base/codec.h"
#include "core/claim_text.h"

enum { ARENA_MAX = 16384, PEM_MAX = 4096 };

static enum vch_exit not_a_claim(const char *path, const char *why, struct vch_outcome *outcome) {
    return vch_outcome_set(outcome, VCH_EXIT_CREDENTIALS, "Read the code again, or make a new one: vouch claim create --qr.",
                           "The claim %s cannot be used. %s", path, why);
}

static void to_pem(struct vch_str der, struct vch_buf *pem) {
    vch_buf_c(pem, "-----BEGIN CERTIFICATE-----\n");
    vch_base64(der, pem); /* in one line: what takes it mends it */
    vch_buf_c(pem, "\n-----END CERTIFICATE-----\n");
}

/* The key's public half is not in the text, and belongs into the certificate. */
static enum vch_err rebuild(const struct vch_claim_text *claim, struct vch_buf *certificate, struct vch_buf *key) {
    uint8_t point[VCH_CLAIM_POINT];
    struct vch_buf der;
    vch_buf_init(&der, PEM_MAX);
    enum vch_err err = vch_x509_key_of_number(claim->key, key, point);
    if (err == VCH_OK) err = vch_claim_text_certificate(claim, point, &der);
    if (err == VCH_OK) to_pem(vch_str_of(der.ptr, der.len), certificate);
    vch_buf_deinit(&der);
    return err || certificate->failed || key->failed ? VCH_ERR_INVALID : VCH_OK;
}

static void take_settings(const struct vch_claim_text *claim, struct vch_options *options, struct vch_bundle *ret) {
    vch_options_set(options, VCH_OPT_ENDPOINT, claim->endpoint, VCH_SOURCE_CLAIM);
    vch_options_set(options, VCH_OPT_TEMPLATE, claim->template_name, VCH_SOURCE_CLAIM);
    vch_options_set(options, VCH_OPT_FLEET, VCH_STR("true"), VCH_SOURCE_CLAIM);
    ret->mqtt_port = claim->mqtt_port;
    ret->edge_port = claim->edge_port;
    ret->is_pinned = true;
    memcpy(ret->root_sha256, claim->root, sizeof ret->root_sha256);
}

static enum vch_exit take(const struct vch_claim_text *claim, const char *path, struct vch_options *options,
                          struct vch_credentials *credentials, struct vch_bundle *ret, struct vch_outcome *outcome) {
    struct vch_buf certificate, key;
    vch_buf_init(&certificate, PEM_MAX);
    vch_buf_init_secret(&key, PEM_MAX);
    enum vch_exit exit = VCH_EXIT_OK;
    if (rebuild(claim, &certificate, &key) != VCH_OK)
        exit = not_a_claim(path, "Its key is none.", outcome);
    else
        exit = vch_credentials_take(credentials, vch_str_of(certificate.ptr, certificate.len),
                                    vch_str_of(key.ptr, key.len), outcome);
    if (exit == VCH_EXIT_OK) take_settings(claim, options, ret);
    vch_buf_deinit(&certificate);
    vch_buf_deinit(&key);
    return exit;
}

enum vch_exit vch_bundle_read_text(struct vch_str text, const char *path, struct vch_options *options,
                                   struct vch_credentials *credentials, struct vch_bundle *ret,
                                   struct vch_outcome *outcome) {
    struct vch_claim_text claim;
    struct vch_diag diag = {0};
    struct vch_arena *arena = vch_arena_new(ARENA_MAX, true);
    enum vch_err err = arena ? vch_claim_text_decode(text, arena, &claim, &diag) : VCH_ERR_NOMEM;
    enum vch_exit exit = err == VCH_OK ? take(&claim, path, options, credentials, ret, outcome)
                                       : not_a_claim(path, diag.message, outcome);
    vch_wipe(&claim, sizeof claim);
    vch_arena_free(arena);
    return exit;
}
