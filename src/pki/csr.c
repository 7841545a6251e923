#include "pki/csr.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "core/names.h"
#include "core/reason.h"
#include "pki/der_priv.h"
#include "pki/name_priv.h"
#include "pki/pem_priv.h"
#include "pki/spki_priv.h"

/* What a request is made of (RFC 2986 4). */
struct parts {
    struct vch_str signed_part, algorithm, signature, subject, spki;
};

static enum vch_err refuse(struct vch_diag *diag, enum vch_err err, const char *why) {
    return VCH_REFUSE(diag, err, CSR_INVALID, "certificateSigningRequest", "%s", why);
}

static bool take_info(struct vch_str info, struct parts *parts) {
    struct vch_str version, attributes;
    if (!vch_der_unsigned(&info, &version) || !vch_str_eq(version, VCH_STR("\0"))) return false;
    if (!vch_der_take_whole(&info, VCH_DER_SEQUENCE, &parts->subject)) return false;
    if (!vch_der_take_whole(&info, VCH_DER_SEQUENCE, &parts->spki)) return false;
    /* The attributes are not used; some encoders leave an empty set out. */
    if (info.len && !vch_der_take(&info, 0xA0, &attributes)) return false;
    return info.len == 0;
}

static bool take_parts(struct vch_str der, struct parts *parts) {
    struct vch_str body, rest, info;
    if (!vch_der_take(&der, VCH_DER_SEQUENCE, &body) || der.len) return false;
    rest = body;
    if (!vch_der_take_whole(&body, VCH_DER_SEQUENCE, &parts->signed_part)) return false;
    if (!vch_der_take(&rest, VCH_DER_SEQUENCE, &info) || !take_info(info, parts)) return false;
    return vch_der_take(&body, VCH_DER_SEQUENCE, &parts->algorithm) && vch_der_bits(&body, &parts->signature) && !body.len;
}

/* RFC 4055 5, RFC 5758 3.2: SHA-256, -384, -512 with RSA (PKCS#1 v1.5) or ECDSA. */
static const struct algorithm {
    struct vch_str oid;
    bool rsa;
    const EVP_MD *(*md)(void);
} algorithms[] = {
    {{"\x2A\x86\x48\x86\xF7\x0D\x01\x01\x0B", 9}, true, EVP_sha256},
    {{"\x2A\x86\x48\x86\xF7\x0D\x01\x01\x0C", 9}, true, EVP_sha384},
    {{"\x2A\x86\x48\x86\xF7\x0D\x01\x01\x0D", 9}, true, EVP_sha512},
    {{"\x2A\x86\x48\xCE\x3D\x04\x03\x02", 8}, false, EVP_sha256},
    {{"\x2A\x86\x48\xCE\x3D\x04\x03\x03", 8}, false, EVP_sha384},
    {{"\x2A\x86\x48\xCE\x3D\x04\x03\x04", 8}, false, EVP_sha512},
};

static const struct algorithm *find_algorithm(struct vch_str identifier) {
    struct vch_str oid, none;
    if (!vch_der_take(&identifier, VCH_DER_OID, &oid)) return NULL;
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        if (!vch_str_eq(oid, algorithms[i].oid)) continue;
        /* RSA has NULL parameters, by some encoders none; ECDSA has none. */
        if (identifier.len && (!algorithms[i].rsa || !vch_der_take(&identifier, VCH_DER_NULL, &none) || none.len))
            return NULL;
        return identifier.len ? NULL : &algorithms[i];
    }
    return NULL;
}

static bool signature_holds(const struct parts *parts, const struct algorithm *algorithm) {
    const uint8_t *p = (const uint8_t *)parts->spki.ptr;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)parts->spki.len);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = key && md && EVP_DigestVerifyInit(md, NULL, algorithm->md(), NULL, key) == 1 &&
              EVP_DigestVerify(md, (const uint8_t *)parts->signature.ptr, parts->signature.len,
                               (const uint8_t *)parts->signed_part.ptr, parts->signed_part.len) == 1;
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(key);
    return ok;
}

enum vch_err vch_csr_check(struct vch_str pem, struct vch_arena *arena, struct vch_csr *ret, struct vch_diag *diag) {
    static const char *const labels[] = {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", NULL};
    struct vch_str der;
    struct parts parts;
    struct vch_spki spki;
    if (pem.len > VCH_CSR_MAX)
        return VCH_REFUSE(diag, VCH_ERR_TOO_LARGE, CSR_INVALID, "certificateSigningRequest",
                          "The request has %zu characters; at most %d are accepted.", pem.len, VCH_CSR_MAX);
    enum vch_err err = vch_pem_decode(pem, labels, arena, &der);
    if (err == VCH_ERR_NOMEM) return err;
    if (err) return refuse(diag, err, "The request is not one PEM certificate request.");
    if (!take_parts(der, &parts)) return refuse(diag, VCH_ERR_MALFORMED, "The request is not well-formed DER.");
    if (!vch_name_valid(parts.subject)) return refuse(diag, VCH_ERR_MALFORMED, "The request's subject is not an acceptable name.");
    VCH_TRY(vch_spki_check(parts.spki, &spki, diag));
    const struct algorithm *algorithm = find_algorithm(parts.algorithm);
    if (!algorithm || algorithm->rsa != (spki.kind == VCH_SPKI_RSA))
        return refuse(diag, VCH_ERR_INVALID, "The request must be signed by its own key with SHA-256, SHA-384 or SHA-512.");
    if (!signature_holds(&parts, algorithm)) return refuse(diag, VCH_ERR_INVALID, "The request's own signature does not hold.");
    *ret = (struct vch_csr){.spki = parts.spki, .subject = parts.subject};
    return VCH_OK;
}

enum vch_err vch_public_key_from_pem(struct vch_str pem, struct vch_arena *arena, struct vch_str *ret_spki, struct vch_diag *diag) {
    static const char *const labels[] = {"PUBLIC KEY", NULL};
    struct vch_spki spki;
    enum vch_err err = pem.len > VCH_CSR_MAX ? VCH_ERR_MALFORMED : vch_pem_decode(pem, labels, arena, ret_spki);
    if (err == VCH_ERR_NOMEM) return err;
    if (err) return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_INVALID, "publicKey", "The value of publicKey is not one PEM public key.");
    return vch_spki_check(*ret_spki, &spki, diag);
}
