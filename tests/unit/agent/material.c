#include "material.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static void take(BIO *bio, char out[4096]) {
    char *text;
    long len = BIO_get_mem_data(bio, &text);
    assert_in_range(len, 1, 4095);
    memcpy(out, text, (size_t)len);
    out[len] = '\0';
    BIO_free(bio);
}

void material_make(struct material *material, long life_s) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    BIO *key_bio = BIO_new(BIO_s_mem()), *bio = BIO_new(BIO_s_mem());
    assert_true(key && certificate && key_bio && bio);
    assert_int_equal(X509_set_version(certificate, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), -120));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), life_s));
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
    take(key_bio, material->key);
    take(bio, material->certificate);
    X509_free(certificate);
    EVP_PKEY_free(key);
}
