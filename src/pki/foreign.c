#include "pki/foreign.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/digest.h"
#include "core/names.h"
#include "core/reason.h"
#include "pki/csr.h"
#include "pki/pem_priv.h"
#include "pki/spki_priv.h"

static enum vch_err refuse(struct vch_diag *diag, const char *field, const char *why) {
    return VCH_REFUSE(diag, VCH_ERR_INVALID, CERTIFICATE_INVALID, field, "The value of %s %s", field, why);
}

/* Whole and nothing after it; NULL else. */
static X509 *decode(struct vch_str der) {
    const unsigned char *at = (const unsigned char *)der.ptr;
    X509 *x = d2i_X509(NULL, &at, (long)der.len);
    if (x && at == (const unsigned char *)der.ptr + der.len) return x;
    X509_free(x);
    return NULL;
}

static bool algorithm_allowed(const X509 *x) {
    switch (X509_get_signature_nid(x)) {
    case NID_sha256WithRSAEncryption:
    case NID_sha384WithRSAEncryption:
    case NID_sha512WithRSAEncryption:
    case NID_ecdsa_with_SHA256:
    case NID_ecdsa_with_SHA384:
    case NID_ecdsa_with_SHA512: return true;
    default: return false;
    }
}

static bool key_allowed(const X509 *x) {
    unsigned char *der = NULL;
    struct vch_spki spki;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
    bool allowed = len > 0 && vch_spki_check(vch_str_of(der, (size_t)len), &spki, NULL) == VCH_OK;
    OPENSSL_free(der);
    return allowed;
}

static bool name_hash(const X509_NAME *name, char out[65]) {
    unsigned char *der = NULL;
    int len = i2d_X509_NAME(name, &der);
    if (len > 0) vch_sha256_hex(vch_str_of(der, (size_t)len), out);
    OPENSSL_free(der);
    return len > 0;
}

static enum vch_err examine(X509 *x, const char *field, int64_t now_ms, struct vch_foreign *ret, struct vch_diag *diag) {
    if (!algorithm_allowed(x)) return refuse(diag, field, "is not signed with SHA-256, SHA-384 or SHA-512 by RSA or ECDSA.");
    if (!key_allowed(x)) return refuse(diag, field, "has a key that is not RSA of 2048 bits and more, P-256, P-384 or P-521.");
    if (now_ms >= ret->not_after_ms) return refuse(diag, field, "is a certificate that has expired.");
    ret->is_ca = X509_check_ca(x) == 1;
    if (name_hash(X509_get_subject_name(x), ret->subject) && name_hash(X509_get_issuer_name(x), ret->issuer)) return VCH_OK;
    return VCH_ERR_NOMEM;
}

static enum vch_err describe(struct vch_foreign *ret, struct vch_arena *arena) {
    struct vch_certificate_info info;
    VCH_TRY(vch_certificate_describe(ret->der, arena, &info, NULL));
    memcpy(ret->id, info.id, sizeof ret->id);
    ret->not_before_ms = info.not_before_ms;
    ret->not_after_ms = info.not_after_ms;
    ret->subject_cn = info.subject_cn;
    ret->pem = vch_certificate_to_pem(ret->der, arena);
    return ret->pem.ptr ? VCH_OK : VCH_ERR_NOMEM;
}

enum vch_err vch_foreign_parse(struct vch_str pem, const char *field, int64_t now_ms, struct vch_arena *arena,
                               struct vch_foreign *ret, struct vch_diag *diag) {
    static const char *const labels[] = {"CERTIFICATE", NULL};
    *ret = (struct vch_foreign){0};
    if (pem.len > VCH_PEM_MAX) return refuse(diag, field, "is too long.");
    enum vch_err err = vch_pem_decode(pem, labels, arena, &ret->der);
    if (err == VCH_OK) err = describe(ret, arena);
    if (err == VCH_ERR_NOMEM) return err;
    X509 *x = err == VCH_OK ? decode(ret->der) : NULL;
    if (!x) return refuse(diag, field, "is not one certificate in PEM.");
    err = examine(x, field, now_ms, ret, diag);
    X509_free(x);
    return err;
}

bool vch_foreign_signed_by(struct vch_str der, struct vch_str ca_der) {
    X509 *x = decode(der), *ca = decode(ca_der);
    bool holds = x && ca && X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(ca)) == 0 &&
                 X509_verify(x, X509_get0_pubkey(ca)) == 1;
    X509_free(x);
    X509_free(ca);
    return holds;
}
