#include "agent/keystore.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "agent/pkcs11_make.h"
#include "agent/tokens.h"

static void free_bio(BIO **x) {
    BIO_free(*x);
}
static void free_request(X509_REQ **x) {
    X509_REQ_free(*x);
}
static void free_key(EVP_PKEY **x) {
    EVP_PKEY_free(*x);
}
#define AUTO(fn) __attribute__((cleanup(fn)))

enum vch_err vch_key_type_parse(struct vch_str word, enum vch_key_type *ret) {
    static const char *const words[] = {[VCH_KEY_TYPE_P256] = "ec-p256",
                                        [VCH_KEY_TYPE_P384] = "ec-p384",
                                        [VCH_KEY_TYPE_RSA2048] = "rsa-2048",
                                        [VCH_KEY_TYPE_RSA3072] = "rsa-3072"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!vch_str_eq_c(word, words[i])) continue;
        *ret = (enum vch_key_type)i;
        return VCH_OK;
    }
    return VCH_ERR_INVALID;
}

static bool is_pkcs11(struct vch_str text) {
    return vch_str_starts(text, VCH_STR("pkcs11:"));
}

bool vch_key_is_uri(struct vch_str text) {
    return is_pkcs11(text) || vch_str_starts(text, VCH_STR("handle:"));
}

const char *vch_key_properties(struct vch_str text) {
    return vch_str_starts(text, VCH_STR("handle:")) ? "?provider=tpm2,tpm2.digest!=yes,tpm2.cipher!=yes" : NULL;
}

enum vch_err vch_key_uri_check(struct vch_str uri, struct vch_diag *diag) {
    struct vch_pkcs11_name name;
    uint32_t handle = 0;
    if (is_pkcs11(uri)) return vch_pkcs11_parse(uri, &name, diag);
    /* Persistent handles alone: TPM 2.0 Structures 7.5, 0x81000000 to 0x81FFFFFF. */
    struct vch_str digits = vch_str_sub(uri, 9, SIZE_MAX);
    for (size_t i = 0; i < digits.len; i++) {
        char c = digits.ptr[i];
        unsigned value = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                                : 16;
        if (value == 16) digits.len = 0;
        handle = handle << 4 | (value & 15);
    }
    if (vch_str_starts(uri, VCH_STR("handle:0x")) && digits.len == 8 && handle >> 24 == 0x81) return VCH_OK;
    return vch_diag_set(diag, VCH_ERR_INVALID, "key-uri-invalid", "key",
                        "The key's handle is not a persistent one, such as handle:0x81000001.");
}

static enum vch_err refused(struct vch_diag *diag, enum vch_err err, const char *what) {
    unsigned long code = ERR_peek_error();
    const char *why = code ? ERR_reason_error_string(code) : NULL;
    return vch_diag_set(diag, err, "token-failed", "key", "%s%s%s.", what, why ? ": " : "", why ? why : "");
}

/* ---- both, and PEM ------------------------------------------------------ */

/* An encrypted key must not make OpenSSL ask the terminal. */
static int no_password(char *buf, int size, int writing, void *arg) {
    (void)buf, (void)size, (void)writing, (void)arg;
    return 0;
}

static EVP_PKEY *read_pem(struct vch_str text) {
    AUTO(free_bio) BIO *bio = text.len <= INT_MAX ? BIO_new_mem_buf(text.ptr ? text.ptr : "", (int)text.len) : NULL;
    return bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;
}

enum vch_err vch_key_load(struct vch_str text, EVP_PKEY **ret, struct vch_diag *diag) {
    *ret = NULL;
    ERR_clear_error();
    enum vch_err err = VCH_OK;
    if (vch_key_is_uri(text))
        err = vch_token_load(text, ret, diag);
    else if (!(*ret = read_pem(text)))
        err = vch_diag_set(diag, VCH_ERR_MALFORMED, "key-invalid", "key", "The private key cannot be read.");
    ERR_clear_error();
    return err;
}

/* ---- requests ----------------------------------------------------------- */

static enum vch_err take_bio(BIO *bio, struct vch_buf *buf) {
    char *text;
    long len = BIO_get_mem_data(bio, &text);
    if (len <= 0) return VCH_ERR_INTERNAL;
    vch_buf_bytes(buf, text, (size_t)len);
    return buf->failed ? VCH_ERR_TOO_LARGE : VCH_OK;
}

static bool fill_request(X509_REQ *request, EVP_PKEY *key) {
    static const unsigned char common[] = "vouch device";
    X509_NAME *name = X509_REQ_get_subject_name(request);
    return X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 && X509_REQ_set_pubkey(request, key) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common, -1, -1, 0) == 1 &&
           X509_REQ_sign(request, key, EVP_sha256()) > 0;
}

/* RFC 5758 3.2, RFC 4055 5. A token's provider may write them another way, which servers need not take. */
static bool name_signature(X509_REQ *request, EVP_PKEY *key) {
    X509_ALGOR *algorithm = X509_ALGOR_new();
    bool ec = EVP_PKEY_is_a(key, "EC") == 1;
    bool named = algorithm &&
                 X509_ALGOR_set0(algorithm, OBJ_nid2obj(ec ? NID_ecdsa_with_SHA256 : NID_sha256WithRSAEncryption),
                                 ec ? V_ASN1_UNDEF : V_ASN1_NULL, NULL) == 1 &&
                 X509_REQ_set1_signature_algo(request, algorithm) == 1;
    X509_ALGOR_free(algorithm);
    return named;
}

static enum vch_err write_request(EVP_PKEY *key, const char *properties, struct vch_buf *request_pem, struct vch_diag *diag) {
    AUTO(free_request) X509_REQ *request = X509_REQ_new_ex(NULL, properties);
    AUTO(free_bio) BIO *bio = BIO_new(BIO_s_mem());
    if (!request || !bio || !fill_request(request, key) || !name_signature(request, key) ||
        PEM_write_bio_X509_REQ(bio, request) != 1)
        return refused(diag, VCH_ERR_IO, "The signing request could not be signed");
    return take_bio(bio, request_pem);
}

static EVP_PKEY *make_key(enum vch_key_type type) {
    switch (type) {
    case VCH_KEY_TYPE_P384: return EVP_EC_gen("P-384");
    case VCH_KEY_TYPE_RSA2048: return EVP_RSA_gen(2048);
    case VCH_KEY_TYPE_RSA3072: return EVP_RSA_gen(3072);
    default: return EVP_EC_gen("P-256");
    }
}

static enum vch_err new_key(enum vch_key_type type, struct vch_buf *key_pem, EVP_PKEY **ret, struct vch_diag *diag) {
    AUTO(free_bio) BIO *bio = BIO_new(BIO_s_secmem());
    *ret = make_key(type);
    if (!bio || !*ret || PEM_write_bio_PKCS8PrivateKey(bio, *ret, NULL, NULL, 0, NULL, NULL) != 1)
        return refused(diag, VCH_ERR_INTERNAL, "A key could not be made");
    return take_bio(bio, key_pem);
}

static enum vch_err token_key(enum vch_key_type type, struct vch_str uri, struct vch_buf *key_pem, EVP_PKEY **ret,
                              struct vch_diag *diag) {
    VCH_TRY(vch_token_ensure(uri, type, diag));
    vch_buf_str(key_pem, uri);
    return vch_key_load(uri, ret, diag);
}

enum vch_err vch_key_request(enum vch_key_type type, struct vch_str uri, struct vch_buf *key_pem,
                             struct vch_buf *request_pem, struct vch_diag *diag) {
    AUTO(free_key) EVP_PKEY *key = NULL;
    ERR_clear_error();
    enum vch_err err =
        uri.len ? token_key(type, uri, key_pem, &key, diag) : new_key(type, key_pem, &key, diag);
    if (err == VCH_OK) err = write_request(key, vch_key_properties(uri), request_pem, diag);
    ERR_clear_error();
    return err;
}
