#include "agent/x509.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <time.h>

#include "agent/keystore.h"
#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"

static void free_bio(BIO **bio) {
    BIO_free(*bio);
}
static void free_x509(X509 **x) {
    X509_free(*x);
}
static void free_request(X509_REQ **x) {
    X509_REQ_free(*x);
}
static void free_key(EVP_PKEY **x) {
    EVP_PKEY_free(*x);
}
#define AUTO(fn) __attribute__((cleanup(fn)))

static BIO *open_text(struct vch_str pem) {
    return pem.len <= INT_MAX ? BIO_new_mem_buf(pem.ptr ? pem.ptr : "", (int)pem.len) : NULL;
}

/* An encrypted key must not make OpenSSL ask the terminal. */
static int no_password(char *buf, int size, int rwflag, void *arg) {
    (void)buf, (void)size, (void)rwflag, (void)arg;
    return 0;
}

static X509 *read_certificate(struct vch_str pem) {
    AUTO(free_bio) BIO *bio = open_text(pem);
    return bio ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
}

static EVP_PKEY *read_key(struct vch_str text) {
    EVP_PKEY *key = NULL;
    return vch_key_load(text, &key, NULL) == VCH_OK ? key : NULL;
}

static X509_REQ *read_request(struct vch_str pem) {
    AUTO(free_bio) BIO *bio = open_text(pem);
    return bio ? PEM_read_bio_X509_REQ(bio, NULL, no_password, NULL) : NULL;
}

static bool to_ms(const ASN1_TIME *time, int64_t *ret) {
    struct tm tm;
    if (!time || ASN1_TIME_to_tm(time, &tm) != 1) return false;
    *ret = vch_time_from_utc(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    return true;
}

enum vch_err vch_x509_describe(struct vch_str pem, struct vch_validity *ret) {
    AUTO(free_x509) X509 *certificate = read_certificate(pem);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    if (!certificate) return VCH_ERR_MALFORMED;
    if (!to_ms(X509_get0_notBefore(certificate), &ret->not_before_ms)) return VCH_ERR_MALFORMED;
    if (!to_ms(X509_get0_notAfter(certificate), &ret->not_after_ms)) return VCH_ERR_MALFORMED;
    if (X509_digest(certificate, EVP_sha256(), digest, &len) != 1 || len != 32) return VCH_ERR_INTERNAL;
    vch_hex(digest, len, ret->id);
    return VCH_OK;
}

enum vch_err vch_x509_check_pair(struct vch_str certificate_pem, struct vch_str key_pem) {
    AUTO(free_x509) X509 *certificate = read_certificate(certificate_pem);
    AUTO(free_key) EVP_PKEY *key = read_key(key_pem);
    if (!certificate || !key) return VCH_ERR_MALFORMED;
    return X509_check_private_key(certificate, key) == 1 ? VCH_OK : VCH_ERR_CONFLICT;
}

enum vch_err vch_x509_check_request(struct vch_str request_pem, struct vch_str key_pem) {
    AUTO(free_request) X509_REQ *request = read_request(request_pem);
    AUTO(free_key) EVP_PKEY *key = read_key(key_pem);
    if (!request || !key) return VCH_ERR_MALFORMED;
    return X509_REQ_check_private_key(request, key) == 1 ? VCH_OK : VCH_ERR_CONFLICT;
}

/* RFC 5915: version, number, curve. OpenSSL finds the public half. */
static void put_key(const uint8_t number[32], struct vch_buf *pem) {
    struct vch_buf der;
    vch_buf_init_secret(&der, 64);
    vch_buf_bytes(&der, "\x30\x31\x02\x01\x01\x04\x20", 7);
    vch_buf_bytes(&der, number, 32);
    vch_buf_bytes(&der, "\xA0\x0A\x06\x08\x2A\x86\x48\xCE\x3D\x03\x01\x07", 12);
    vch_buf_c(pem, "-----BEGIN EC PRIVATE KEY-----\n");
    vch_base64(vch_str_of(der.ptr, der.len), pem);
    vch_buf_c(pem, "\n-----END EC PRIVATE KEY-----\n");
    vch_buf_deinit(&der);
}

/* SEC 1 2.3.3, whatever form the key prefers. */
static bool read_point(const EVP_PKEY *key, uint8_t point[65]) {
    BIGNUM *x = NULL, *y = NULL;
    bool read = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
                EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1 && BN_bn2binpad(x, point + 1, 32) == 32 &&
                BN_bn2binpad(y, point + 33, 32) == 32;
    point[0] = 4;
    BN_free(x);
    BN_free(y);
    return read;
}

enum vch_err vch_x509_key_of_number(const uint8_t number[32], struct vch_buf *ret_pem, uint8_t point[65]) {
    size_t mark = ret_pem->len;
    put_key(number, ret_pem);
    AUTO(free_key) EVP_PKEY *key = ret_pem->failed ? NULL : read_key(vch_str_of(ret_pem->ptr + mark, ret_pem->len - mark));
    EVP_PKEY_CTX *check = key ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
    bool good = check && EVP_PKEY_private_check(check) == 1 && read_point(key, point);
    EVP_PKEY_CTX_free(check);
    return good ? VCH_OK : VCH_ERR_INVALID;
}

bool vch_x509_holds(struct vch_str certificates_pem, const uint8_t sha256[32]) {
    AUTO(free_bio) BIO *bio = open_text(certificates_pem);
    unsigned char digest[EVP_MAX_MD_SIZE];
    bool holds = false;
    for (X509 *next = NULL; bio && !holds && (next = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL; X509_free(next)) {
        unsigned int len = 0;
        holds = X509_digest(next, EVP_sha256(), digest, &len) == 1 && vch_ct_eq(digest, len, sha256, 32);
    }
    return holds;
}

enum vch_err vch_x509_request_key(struct vch_str request_pem, char ret_hex[65]) {
    AUTO(free_request) X509_REQ *request = read_request(request_pem);
    unsigned char *der = NULL;
    if (!request) return VCH_ERR_MALFORMED;
    int len = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(request), &der);
    if (len > 0) vch_sha256_hex(vch_str_of(der, (size_t)len), ret_hex);
    OPENSSL_free(der);
    return len > 0 ? VCH_OK : VCH_ERR_MALFORMED;
}
