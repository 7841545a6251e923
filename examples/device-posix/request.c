#include <openssl/evp.h>
#include <openssl/pem.h>

#include "example.h"

static int take_text(BIO *bio, char *out, size_t size) {
    int len = BIO_read(bio, out, (int)size - 1);
    if (len <= 0 || !BIO_eof(bio)) return 1;
    out[len] = '\0';
    return 0;
}

static int sign_request(X509_REQ *request, EVP_PKEY *key, const char *name) {
    X509_NAME *subject = X509_REQ_get_subject_name(request);
    if (X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) != 1) return 1;
    return X509_REQ_set_pubkey(request, key) == 1 && X509_REQ_sign(request, key, EVP_sha256()) > 0 ? 0 : 1;
}

int request_make(const char *name, char *ret_key, size_t key_size, char *ret_request, size_t request_size) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509_REQ *request = X509_REQ_new();
    BIO *bio = BIO_new(BIO_s_secmem());
    int failed = !key || !request || !bio || sign_request(request, key, name);
    failed = failed || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1;
    failed = failed || take_text(bio, ret_key, key_size);
    failed = failed || PEM_write_bio_X509_REQ(bio, request) != 1 || take_text(bio, ret_request, request_size);
    BIO_free(bio);
    X509_REQ_free(request);
    EVP_PKEY_free(key);
    return failed;
}
