#include "base/signature.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static EVP_PKEY *parse_pem(struct vch_str text) {
    BIO *bio = BIO_new_mem_buf(text.ptr, (int)text.len);
    EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    return key;
}

static EVP_PKEY *parse(struct vch_str text) {
    const unsigned char *at = (const unsigned char *)text.ptr;
    if (text.len == 0 || text.len > 65536) return NULL;
    if (text.ptr[0] != 0x30) return parse_pem(text);
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)text.len);
    if (key && at == (const unsigned char *)text.ptr + text.len) return key;
    EVP_PKEY_free(key);
    return NULL;
}

bool vch_signature_holds(struct vch_str public_key, struct vch_str message, struct vch_str signature) {
    EVP_PKEY *key = parse(public_key);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool holds = key && md && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
                 EVP_DigestVerify(md, (const unsigned char *)signature.ptr, signature.len, (const unsigned char *)message.ptr,
                                  message.len) == 1;
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(key);
    return holds;
}

bool vch_public_key_same(struct vch_str a, struct vch_str b) {
    EVP_PKEY *one = parse(a), *other = parse(b);
    bool same = one && other && EVP_PKEY_eq(one, other) == 1;
    EVP_PKEY_free(one);
    EVP_PKEY_free(other);
    return same;
}
