#include "fleet/csr.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static bool sign(X509_REQ *request, EVP_PKEY *key) {
    static const unsigned char common[] = "fleet";
    return X509_REQ_set_pubkey(request, key) == 1 && X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
           X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), "CN", MBSTRING_ASC, common, -1, -1, 0) == 1 &&
           X509_REQ_sign(request, key, EVP_sha256()) > 0;
}

static struct vch_str take(BIO *bio, struct vch_arena *arena) {
    char *text = NULL;
    long len = BIO_get_mem_data(bio, &text);
    return vch_arena_str(arena, vch_str_of(text, len > 0 ? (size_t)len : 0));
}

enum vch_err vch_fleet_make_request(struct vch_arena *arena, struct vch_str *ret_key, struct vch_str *ret_request) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509_REQ *request = X509_REQ_new();
    BIO *key_bio = BIO_new(BIO_s_mem()), *request_bio = BIO_new(BIO_s_mem());
    bool ok = key && request && key_bio && request_bio && sign(request, key) &&
              PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) == 1 &&
              PEM_write_bio_X509_REQ(request_bio, request) == 1;
    if (ok) {
        *ret_key = take(key_bio, arena);
        *ret_request = take(request_bio, arena);
        ok = ret_key->len && ret_request->len;
    }
    BIO_free(key_bio);
    BIO_free(request_bio);
    X509_REQ_free(request);
    EVP_PKEY_free(key);
    return ok ? VCH_OK : VCH_ERR_INTERNAL;
}
