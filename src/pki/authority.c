#include "pki/authority_priv.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "pki/issue_priv.h"

void vch_authority_deinit(struct vch_authority *authority) {
    EVP_PKEY_free(authority->key);
    X509_free(authority->certificate);
    *authority = (struct vch_authority){NULL, NULL};
}

EVP_PKEY *vch_authority_keygen(void) {
    return EVP_EC_gen("P-256");
}

static bool set_serial(X509 *x) {
    uint8_t serial[20];
    vch_random(serial, sizeof serial);
    serial[0] = (uint8_t)((serial[0] & 0x7F) | 0x40);
    BIGNUM *number = BN_bin2bn(serial, sizeof serial, NULL);
    bool ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x));
    BN_free(number);
    return ok;
}

static bool set_times(X509 *x, int64_t start_ms, int64_t end_ms) {
    return ASN1_TIME_set(X509_getm_notBefore(x), (time_t)(start_ms / 1000)) &&
           ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(end_ms / 1000));
}

static bool set_subject(X509 *x, const char *organization, const char *common_name) {
    X509_NAME *name = X509_NAME_new();
    bool ok = name &&
              (!organization || X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)organization, -1, -1, 0)) &&
              X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0) &&
              X509_set_subject_name(x, name);
    X509_NAME_free(name);
    return ok;
}

static bool add_extension(X509 *x, X509 *issuer, int nid, const char *value) {
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = extension && X509_add_ext(x, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static X509 *blank(EVP_PKEY *key) {
    X509 *x = X509_new();
    if (x && X509_set_version(x, 2) && set_serial(x) && X509_set_pubkey(x, key)) return x;
    X509_free(x);
    return NULL;
}

/* A little back-dated: the clocks of those who check may be behind. */
static int64_t start_of(int64_t now_ms) {
    return now_ms - INT64_C(86400000);
}

static bool fill_ca(X509 *x, const char *common_name, X509 *issuer) {
    bool root = issuer == x;
    return set_times(x, start_of(vch_now_ms()), VCH_ISSUE_LAST_MS) && set_subject(x, "Vouch", common_name) &&
           X509_set_issuer_name(x, X509_get_subject_name(issuer)) &&
           add_extension(x, issuer, NID_basic_constraints, root ? "critical,CA:TRUE" : "critical,CA:TRUE,pathlen:0") &&
           add_extension(x, issuer, NID_key_usage, "critical,keyCertSign,cRLSign") &&
           add_extension(x, issuer, NID_subject_key_identifier, "hash") &&
           (root || add_extension(x, issuer, NID_authority_key_identifier, "keyid:always"));
}

bool vch_authority_make(const char *common_name, const struct vch_authority *parent, struct vch_authority *ret) {
    *ret = (struct vch_authority){.key = vch_authority_keygen()};
    if (ret->key) ret->certificate = blank(ret->key);
    X509 *x = ret->certificate;
    if (x && fill_ca(x, common_name, parent ? parent->certificate : x) &&
        X509_sign(x, parent ? parent->key : ret->key, EVP_sha256()) > 0)
        return true;
    vch_authority_deinit(ret);
    return false;
}

static GENERAL_NAME *general_name(const char *text) {
    GENERAL_NAME *name = GENERAL_NAME_new();
    uint8_t ip[16];
    size_t ip_len = inet_pton(AF_INET, text, ip) == 1 ? 4 : inet_pton(AF_INET6, text, ip) == 1 ? 16 : 0;
    ASN1_STRING *value = ip_len ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
    bool ok = name && value &&
              ASN1_STRING_set(value, ip_len ? (const void *)ip : text, ip_len ? (int)ip_len : (int)strlen(text));
    if (ok) {
        GENERAL_NAME_set0_value(name, ip_len ? GEN_IPADD : GEN_DNS, value);
        return name;
    }
    ASN1_STRING_free(value);
    GENERAL_NAME_free(name);
    return NULL;
}

static bool add_names(X509 *x, const char *const *names, size_t count) {
    GENERAL_NAMES *all = GENERAL_NAMES_new();
    bool ok = all != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        GENERAL_NAME *name = general_name(names[i]);
        ok = name && sk_GENERAL_NAME_push(all, name) > 0;
        if (!ok) GENERAL_NAME_free(name);
    }
    ok = ok && X509_add1_ext_i2d(x, NID_subject_alt_name, all, 0, X509V3_ADD_DEFAULT) == 1;
    GENERAL_NAMES_free(all);
    return ok;
}

static bool fill_server(X509 *x, X509 *issuer, const char *const *names, size_t count, int64_t now_ms) {
    int64_t start_ms = start_of(now_ms), end_ms = start_ms + INT64_C(86400000) * VCH_SERVER_DAYS;
    if (end_ms > VCH_ISSUE_LAST_MS) end_ms = VCH_ISSUE_LAST_MS;
    /* X.520 ub-common-name: a longer host name stands in the alternative names alone. */
    const char *common_name = strlen(names[0]) <= 64 ? names[0] : "localhost";
    return set_times(x, start_ms, end_ms) && set_subject(x, NULL, common_name) &&
           X509_set_issuer_name(x, X509_get_subject_name(issuer)) &&
           add_extension(x, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(x, issuer, NID_key_usage, "critical,digitalSignature") &&
           add_extension(x, issuer, NID_ext_key_usage, "serverAuth") && add_names(x, names, count) &&
           add_extension(x, issuer, NID_subject_key_identifier, "hash") &&
           add_extension(x, issuer, NID_authority_key_identifier, "keyid:always");
}

X509 *vch_authority_server(const struct vch_authority *issuer, EVP_PKEY *key, const char *const *names, size_t count,
                           int64_t now_ms) {
    X509 *x = count ? blank(key) : NULL;
    if (x && fill_server(x, issuer->certificate, names, count, now_ms) && X509_sign(x, issuer->key, EVP_sha256()) > 0)
        return x;
    X509_free(x);
    return NULL;
}

bool vch_authority_covers(X509 *certificate, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        unsigned char ip[16];
        bool literal = inet_pton(AF_INET, names[i], ip) == 1 || inet_pton(AF_INET6, names[i], ip) == 1;
        int match = literal ? X509_check_ip_asc(certificate, names[i], 0)
                            : X509_check_host(certificate, names[i], 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL);
        if (match != 1) return false;
    }
    return true;
}

static void take_bio(BIO *bio, bool ok, struct vch_buf *buf) {
    char *bytes = NULL;
    long len = bio ? BIO_get_mem_data(bio, &bytes) : 0;
    if (ok && len > 0) vch_buf_bytes(buf, bytes, (size_t)len);
    else buf->failed = true;
    BIO_free(bio);
}

void vch_authority_put_key(EVP_PKEY *key, struct vch_buf *buf) {
    BIO *bio = BIO_new(BIO_s_secmem());
    take_bio(bio, bio && PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL) == 1, buf);
}

void vch_authority_put_public(EVP_PKEY *key, struct vch_buf *buf) {
    BIO *bio = BIO_new(BIO_s_mem());
    take_bio(bio, bio && PEM_write_bio_PUBKEY(bio, key) == 1, buf);
}

void vch_authority_put_certificate(X509 *certificate, struct vch_buf *buf) {
    BIO *bio = BIO_new(BIO_s_mem());
    take_bio(bio, bio && PEM_write_bio_X509(bio, certificate) == 1, buf);
}

EVP_PKEY *vch_authority_parse_key(struct vch_str pem) {
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    return key;
}

X509 *vch_authority_parse_certificate(struct vch_str pem) {
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    return certificate;
}
