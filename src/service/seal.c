#include "service/seal.h"

#include <openssl/evp.h>

#include "base/digest.h"

enum { NONCE_LEN = 12, TAG_LEN = 16, SECRET_MAX = 4096 };

static const unsigned char *bytes_of(struct vch_str s) {
    return (const unsigned char *)(s.ptr ? s.ptr : "");
}

static bool encrypt(EVP_CIPHER_CTX *ctx, const uint8_t *key, struct vch_str label, struct vch_str secret, unsigned char *out) {
    int len = 0;
    return ctx && EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, out) == 1 &&
           EVP_EncryptUpdate(ctx, NULL, &len, bytes_of(label), (int)label.len) == 1 &&
           EVP_EncryptUpdate(ctx, out + NONCE_LEN, &len, bytes_of(secret), (int)secret.len) == 1 &&
           EVP_EncryptFinal_ex(ctx, out + NONCE_LEN + len, &len) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_LEN, out + NONCE_LEN + secret.len) == 1;
}

enum vch_err vch_seal(const uint8_t key[VCH_SEAL_KEY_LEN], struct vch_str label, struct vch_str secret,
                      struct vch_arena *arena, struct vch_str *ret) {
    if (secret.len > SECRET_MAX || label.len > SECRET_MAX) return VCH_ERR_TOO_LARGE;
    unsigned char *out = vch_arena_alloc(arena, secret.len + VCH_SEAL_EXTRA);
    if (!out) return VCH_ERR_NOMEM;
    vch_random(out, NONCE_LEN);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool good = encrypt(ctx, key, label, secret, out);
    EVP_CIPHER_CTX_free(ctx);
    *ret = vch_str_of(out, secret.len + VCH_SEAL_EXTRA);
    return good ? VCH_OK : VCH_ERR_INTERNAL;
}

static bool decrypt(EVP_CIPHER_CTX *ctx, const uint8_t *key, struct vch_str label, struct vch_str sealed, unsigned char *out) {
    const unsigned char *in = bytes_of(sealed);
    size_t body = sealed.len - VCH_SEAL_EXTRA;
    unsigned char tag[TAG_LEN];
    int len = 0;
    for (size_t i = 0; i < TAG_LEN; i++) tag[i] = in[NONCE_LEN + body + i];
    return ctx && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, in) == 1 &&
           EVP_DecryptUpdate(ctx, NULL, &len, bytes_of(label), (int)label.len) == 1 &&
           EVP_DecryptUpdate(ctx, out, &len, in + NONCE_LEN, (int)body) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) == 1 &&
           EVP_DecryptFinal_ex(ctx, out + len, &len) == 1;
}

enum vch_err vch_unseal(const uint8_t key[VCH_SEAL_KEY_LEN], struct vch_str label, struct vch_str sealed,
                        struct vch_arena *arena, struct vch_str *ret) {
    if (sealed.len < VCH_SEAL_EXTRA || sealed.len > SECRET_MAX + VCH_SEAL_EXTRA || label.len > SECRET_MAX)
        return VCH_ERR_MALFORMED;
    size_t body = sealed.len - VCH_SEAL_EXTRA;
    unsigned char *out = vch_arena_alloc(arena, body + 1);
    if (!out) return VCH_ERR_NOMEM;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool good = decrypt(ctx, key, label, sealed, out);
    EVP_CIPHER_CTX_free(ctx);
    if (!good) {
        vch_wipe(out, body);
        return VCH_ERR_MALFORMED;
    }
    *ret = vch_str_of(out, body);
    return VCH_OK;
}
