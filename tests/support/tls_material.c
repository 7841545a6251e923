#include "support/tls_material.h"

#include "base/codec.h"
#include "base/file.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

static EVP_PKEY *make_key(enum tls_key_kind kind) {
    EVP_PKEY *key = NULL;
    switch (kind) {
    case TLS_P256: key = EVP_EC_gen("P-256"); break;
    case TLS_P384: key = EVP_EC_gen("P-384"); break;
    case TLS_P521: key = EVP_EC_gen("P-521"); break;
    case TLS_SECP256K1: key = EVP_EC_gen("secp256k1"); break;
    case TLS_ED25519: key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"); break;
    case TLS_RSA_1024: key = EVP_RSA_gen(1024); break;
    case TLS_RSA_2048: key = EVP_RSA_gen(2048); break;
    }
    vch_assert(key != NULL);
    return key;
}

static void add_extension(X509 *cert, int nid, const char *value) {
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    vch_assert(ext && X509_add_ext(cert, ext, -1) == 1);
    X509_EXTENSION_free(ext);
}

static X509 *make_certificate(EVP_PKEY *key, enum tls_key_kind kind, const char *cn, const char *names, int days) {
    X509 *cert = X509_new();
    vch_assert(cert && X509_set_version(cert, 2) == 1);
    static long serial = 1000;
    (void)ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
    (void)X509_gmtime_adj(X509_getm_notBefore(cert), days < 0 ? 2L * days * 86400 : -3600);
    (void)X509_gmtime_adj(X509_getm_notAfter(cert), days * 86400L);
    X509_NAME *name = X509_get_subject_name(cert);
    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0);
    (void)X509_set_issuer_name(cert, name);
    (void)X509_set_pubkey(cert, key);
    if (names) add_extension(cert, NID_subject_alt_name, names);
    vch_assert(X509_sign(cert, key, kind == TLS_ED25519 ? NULL : EVP_sha256()) > 0);
    return cert;
}

static void read_out(BIO *bio, char *out, size_t size) {
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    vch_assert(len > 0 && (size_t)len < size);
    memcpy(out, data, (size_t)len);
    out[len] = '\0';
    BIO_free(bio);
}

void tls_make(struct tls_material *ret, enum tls_key_kind kind, const char *cn, const char *names, int days) {
    EVP_PKEY *key = make_key(kind);
    X509 *cert = make_certificate(key, kind, cn, names, days);
    BIO *bio = BIO_new(BIO_s_mem());
    vch_assert(bio && PEM_write_bio_X509(bio, cert) == 1);
    read_out(bio, ret->certificate_pem, sizeof ret->certificate_pem);
    bio = BIO_new(BIO_s_mem());
    vch_assert(bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
    read_out(bio, ret->key_pem, sizeof ret->key_pem);
    unsigned char digest[32];
    unsigned len = 0;
    vch_assert(X509_digest(cert, EVP_sha256(), digest, &len) == 1 && len == 32);
    vch_hex(digest, 32, ret->id);
    X509_free(cert);
    EVP_PKEY_free(key);
}

void tls_save(const struct tls_material *material, const char *folder, char certificate_file[128], char key_file[128]) {
    (void)snprintf(certificate_file, 128, "%s/server.pem", folder);
    (void)snprintf(key_file, 128, "%s/server.key", folder);
    vch_assert(vch_file_write(certificate_file, vch_str_from(material->certificate_pem), 0644, NULL) == VCH_OK);
    vch_assert(vch_file_write(key_file, vch_str_from(material->key_pem), 0600, NULL) == VCH_OK);
}
