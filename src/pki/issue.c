#include "pki/issue_priv.h"

#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/codec.h"
#include "base/digest.h"
#include "core/reason.h"
#include "pki/der_priv.h"
#include "pki/name_priv.h"
#include "pki/spki_priv.h"

/* AlgorithmIdentifier ecdsa-with-SHA256 (RFC 5758 3.2). */
#define ECDSA_SHA256 VCH_STR("\x30\x0A\x06\x08\x2A\x86\x48\xCE\x3D\x04\x03\x02")
/* [0] EXPLICIT version 3. */
#define VERSION_3 VCH_STR("\xA0\x03\x02\x01\x02")
/* basicConstraints, critical, CA:FALSE. */
#define NOT_A_CA VCH_STR("\x30\x0C\x06\x03\x55\x1D\x13\x01\x01\xFF\x04\x02\x30\x00")
/* keyUsage, critical, digitalSignature. */
#define MAY_SIGN VCH_STR("\x30\x0E\x06\x03\x55\x1D\x0F\x01\x01\xFF\x04\x04\x03\x02\x07\x80")
/* subjectKeyIdentifier and authorityKeyIdentifier, up to the twenty bytes. */
#define SUBJECT_KEY_ID VCH_STR("\x30\x1D\x06\x03\x55\x1D\x0E\x04\x16\x04\x14")
#define AUTHORITY_KEY_ID VCH_STR("\x30\x1F\x06\x03\x55\x1D\x23\x04\x18\x30\x16\x80\x14")
/* Name of one common name, up to its text: AWS's, and 64 digits. */
#define DEVICE_NAME VCH_STR("\x30\x1E\x31\x1C\x30\x1A\x06\x03\x55\x04\x03\x0C\x13" "AWS IoT Certificate")
#define CLAIM_NAME VCH_STR("\x30\x4B\x31\x49\x30\x47\x06\x03\x55\x04\x03\x0C\x40")

enum { SIGNATURE_MAX = 80 };

static enum vch_err broken(struct vch_diag *diag, const char *why) {
    return VCH_REFUSE(diag, VCH_ERR_MALFORMED, SIGNER_FAILED, "ca", "%s", why);
}

static enum vch_err take_certificate(struct vch_issuer *issuer, X509 *certificate, struct vch_diag *diag) {
    const X509_NAME *subject = X509_get_subject_name(certificate);
    const ASN1_OCTET_STRING *key_id = X509_get0_subject_key_id(certificate);
    const unsigned char *name = NULL;
    size_t len = 0;
    if (!subject || X509_NAME_get0_der(subject, &name, &len) != 1 || len > sizeof issuer->name)
        return broken(diag, "The issuer's name is too long.");
    if (!key_id || ASN1_STRING_length(key_id) != (int)sizeof issuer->key_id)
        return broken(diag, "The issuer's certificate has no key identifier of 20 bytes.");
    if (X509_check_private_key(certificate, issuer->key) != 1)
        return broken(diag, "The issuer's key and certificate do not belong together.");
    memcpy(issuer->name, name, len);
    issuer->name_len = len;
    memcpy(issuer->key_id, ASN1_STRING_get0_data(key_id), sizeof issuer->key_id);
    return VCH_OK;
}

static bool prepare_signing(struct vch_issuer *issuer) {
    if (!EVP_PKEY_is_a(issuer->key, "EC") || EVP_PKEY_get_bits(issuer->key) != 256) return false;
    issuer->sign = EVP_PKEY_CTX_new(issuer->key, NULL);
    return issuer->sign && EVP_PKEY_sign_init(issuer->sign) == 1 &&
           EVP_PKEY_CTX_set_signature_md(issuer->sign, EVP_sha256()) == 1;
}

enum vch_err vch_issuer_init(struct vch_issuer *issuer, struct vch_str key_pem, struct vch_str certificate_pem,
                             struct vch_diag *diag) {
    *issuer = (struct vch_issuer){.key = NULL};
    BIO *key = BIO_new_mem_buf(key_pem.ptr, (int)key_pem.len);
    BIO *cert = BIO_new_mem_buf(certificate_pem.ptr, (int)certificate_pem.len);
    if (key) issuer->key = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);
    X509 *certificate = cert ? PEM_read_bio_X509(cert, NULL, NULL, NULL) : NULL;
    BIO_free(key);
    BIO_free(cert);
    enum vch_err err = VCH_OK;
    if (!issuer->key || !certificate) err = broken(diag, "An issuer's key or certificate does not parse.");
    if (!err) err = take_certificate(issuer, certificate, diag);
    if (!err && !prepare_signing(issuer)) err = broken(diag, "An issuer's key is not of P-256.");
    X509_free(certificate);
    if (err) vch_issuer_deinit(issuer);
    return err;
}

void vch_issuer_deinit(struct vch_issuer *issuer) {
    EVP_PKEY_CTX_free(issuer->sign);
    EVP_PKEY_free(issuer->key); /* libcrypto clears the private number */
    vch_wipe(issuer, sizeof *issuer);
}

static int64_t whole_seconds(int64_t ms) {
    return ms / 1000;
}

static enum vch_refusal check_times(const struct vch_issue *issue, int64_t now_ms) {
    if (issue->not_before_ms < 0 || issue->not_after_ms > VCH_ISSUE_LAST_MS) return VCH_REFUSAL_LIFETIME;
    int64_t start = whole_seconds(issue->not_before_ms), end = whole_seconds(issue->not_after_ms);
    if (end <= start) return VCH_REFUSAL_LIFETIME;
    if (issue->profile == VCH_PROFILE_CLAIM && end - start > VCH_ISSUE_CLAIM_S + VCH_ISSUE_BACKDATE_S)
        return VCH_REFUSAL_LIFETIME;
    if (now_ms < 0) return VCH_REFUSAL_NONE;
    int64_t off = start - whole_seconds(now_ms);
    return off < -VCH_ISSUE_CLOCK_S || off > VCH_ISSUE_CLOCK_S ? VCH_REFUSAL_CLOCK : VCH_REFUSAL_NONE;
}

enum vch_refusal vch_issue_check(const struct vch_issue *issue, int64_t now_ms) {
    struct vch_spki spki;
    if (issue->profile != VCH_PROFILE_CLAIM && issue->profile != VCH_PROFILE_DEVICE) return VCH_REFUSAL_PROFILE;
    enum vch_refusal times = check_times(issue, now_ms);
    if (times != VCH_REFUSAL_NONE) return times;
    if (issue->spki.len > VCH_SPKI_MAX || vch_spki_check(issue->spki, &spki, NULL) != VCH_OK) return VCH_REFUSAL_KEY;
    if (!issue->subject.len) return VCH_REFUSAL_NONE;
    if (issue->profile == VCH_PROFILE_CLAIM || !vch_name_valid(issue->subject)) return VCH_REFUSAL_SUBJECT;
    return VCH_REFUSAL_NONE;
}

/* RFC 5280 4.2.1.2 (1): SHA-1 names the key, nothing trusts it. */
static void put_key_ids(struct vch_der_out *out, const struct vch_issuer *issuer, struct vch_str key) {
    uint8_t id[SHA_DIGEST_LENGTH];
    (void)SHA1((const unsigned char *)key.ptr, key.len, id);
    vch_der_put(out, vch_str_of(issuer->key_id, sizeof issuer->key_id));
    vch_der_put(out, AUTHORITY_KEY_ID);
    vch_der_put(out, vch_str_of(id, sizeof id));
    vch_der_put(out, SUBJECT_KEY_ID);
}

static void put_extensions(struct vch_der_out *out, const struct vch_issuer *issuer, const struct vch_issue *issue) {
    struct vch_spki spki;
    size_t mark = out->at;
    if (issue->profile == VCH_PROFILE_DEVICE && vch_spki_check(issue->spki, &spki, NULL) == VCH_OK)
        put_key_ids(out, issuer, spki.key);
    vch_der_put(out, MAY_SIGN);
    vch_der_put(out, NOT_A_CA);
    vch_der_wrap(out, VCH_DER_SEQUENCE, mark);
    vch_der_wrap(out, 0xA3, mark);
}

static void put_subject(struct vch_der_out *out, const struct vch_issue *issue) {
    if (issue->profile == VCH_PROFILE_CLAIM) {
        uint8_t random[32];
        char digits[65];
        vch_random(random, sizeof random);
        vch_hex(random, sizeof random, digits);
        vch_der_put(out, vch_str_of(digits, 64));
        vch_der_put(out, CLAIM_NAME);
    } else if (!issue->subject.len || vch_name_empty(issue->subject)) {
        vch_der_put(out, DEVICE_NAME);
    } else {
        vch_der_put(out, issue->subject);
    }
}

static void put_serial(struct vch_der_out *out) {
    uint8_t serial[20];
    vch_random(serial, sizeof serial);
    serial[0] = (uint8_t)((serial[0] & 0x7F) | 0x40); /* positive, and always of 20 bytes */
    size_t mark = out->at;
    vch_der_put(out, vch_str_of(serial, sizeof serial));
    vch_der_wrap(out, VCH_DER_INTEGER, mark);
}

/* TBSCertificate, from its end to its front. */
static void put_tbs(struct vch_der_out *out, const struct vch_issuer *issuer, const struct vch_issue *issue) {
    size_t mark = out->at;
    put_extensions(out, issuer, issue);
    vch_der_put(out, issue->spki);
    put_subject(out, issue);
    size_t validity = out->at;
    vch_der_put_time(out, issue->not_after_ms);
    vch_der_put_time(out, issue->not_before_ms);
    vch_der_wrap(out, VCH_DER_SEQUENCE, validity);
    vch_der_put(out, vch_str_of(issuer->name, issuer->name_len));
    vch_der_put(out, ECDSA_SHA256);
    put_serial(out);
    vch_der_put(out, VERSION_3);
    vch_der_wrap(out, VCH_DER_SEQUENCE, mark);
}

static bool sign(const struct vch_issuer *issuer, struct vch_str tbs, uint8_t out[SIGNATURE_MAX], size_t *ret_len) {
    uint8_t digest[VCH_SHA256_LEN];
    vch_sha256(tbs, digest);
    *ret_len = SIGNATURE_MAX;
    return EVP_PKEY_sign(issuer->sign, out, ret_len, digest, sizeof digest) == 1;
}

bool vch_issue_build(const struct vch_issuer *issuer, const struct vch_issue *issue, uint8_t out[VCH_ISSUE_MAX],
                     size_t *ret_len) {
    uint8_t tbs_bytes[VCH_ISSUE_MAX], signature[SIGNATURE_MAX];
    struct vch_der_out tbs, whole;
    size_t signature_len = 0;
    vch_der_out_init(&tbs, tbs_bytes, sizeof tbs_bytes);
    put_tbs(&tbs, issuer, issue);
    struct vch_str body = vch_der_done(&tbs);
    if (!body.len || !sign(issuer, body, signature, &signature_len)) return false;
    vch_der_out_init(&whole, out, VCH_ISSUE_MAX);
    vch_der_put(&whole, vch_str_of(signature, signature_len));
    vch_der_put_u8(&whole, 0);
    vch_der_wrap(&whole, VCH_DER_BITS, VCH_ISSUE_MAX);
    vch_der_put(&whole, ECDSA_SHA256);
    vch_der_put(&whole, body);
    vch_der_wrap(&whole, VCH_DER_SEQUENCE, VCH_ISSUE_MAX);
    struct vch_str done = vch_der_done(&whole);
    if (!done.len) return false;
    memmove(out, done.ptr, done.len);
    *ret_len = done.len;
    return true;
}
