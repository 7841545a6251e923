/* Keys and requests for the tests, made with the X509 calls. */
#ifndef VCH_TESTS_PKI_MAKE_H
#define VCH_TESTS_PKI_MAKE_H

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static inline EVP_PKEY *make_key(const char *kind) {
    if (strncmp(kind, "RSA-", 4) == 0) return EVP_RSA_gen((unsigned)atoi(kind + 4));
    if (strcmp(kind, "ED25519") == 0) return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return EVP_EC_gen(kind);
}

static inline struct vch_str make_spki(EVP_PKEY *key) {
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    return vch_str_of(der, (size_t)len); /* OPENSSL_free */
}

static inline X509_REQ *make_request(EVP_PKEY *key, const char *common_name, const EVP_MD *md) {
    X509_REQ *request = X509_REQ_new();
    X509_NAME *name = X509_NAME_new();
    if (common_name) {
        X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const unsigned char *)"Makers", -1, -1, 0);
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0);
    }
    if (!X509_REQ_set_version(request, 0) || !X509_REQ_set_subject_name(request, name) ||
        !X509_REQ_set_pubkey(request, key) || !X509_REQ_sign(request, key, md))
        abort();
    X509_NAME_free(name);
    return request;
}

/* Terminated; free. */
static inline char *request_pem(X509_REQ *request) {
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    if (!PEM_write_bio_X509_REQ(bio, request)) abort();
    long len = BIO_get_mem_data(bio, &bytes);
    char *text = strndup(bytes, (size_t)len);
    BIO_free(bio);
    return text;
}

static inline char *make_csr(const char *kind, const char *common_name) {
    EVP_PKEY *key = make_key(kind);
    X509_REQ *request = make_request(key, common_name, strcmp(kind, "ED25519") == 0 ? NULL : EVP_sha256());
    char *pem = request_pem(request);
    X509_REQ_free(request);
    EVP_PKEY_free(key);
    return pem;
}

/* DER to PEM under any label; free. */
static inline char *frame(const char *label, const unsigned char *der, size_t len) {
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    if (!PEM_write_bio(bio, label, "", der, (long)len)) abort();
    long size = BIO_get_mem_data(bio, &bytes);
    char *text = strndup(bytes, (size_t)size);
    BIO_free(bio);
    return text;
}

#endif
