#include "base/digest.h"

#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>

#include "base/codec.h"

void vch_sha256(struct vch_str data, uint8_t out[VCH_SHA256_LEN]) {
    vch_assert(SHA256((const unsigned char *)(data.ptr ? data.ptr : ""), data.len, out));
}

void vch_sha256_hex(struct vch_str data, char out[VCH_SHA256_HEX]) {
    uint8_t digest[VCH_SHA256_LEN];
    vch_sha256(data, digest);
    vch_hex(digest, sizeof digest, out);
}

void vch_hmac_sha256(struct vch_str key, struct vch_str data, uint8_t out[VCH_SHA256_LEN]) {
    vch_assert(key.len <= INT32_MAX);
    unsigned len = 0;
    vch_assert(HMAC(EVP_sha256(), key.ptr ? key.ptr : "", (int)key.len,
                    (const unsigned char *)(data.ptr ? data.ptr : ""), data.len, out, &len));
}

void vch_random(void *out, size_t len) {
    vch_assert(len <= INT32_MAX && RAND_bytes(out, (int)len) == 1);
}

void vch_uuid(char out[37]) {
    uint8_t b[16];
    vch_random(b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0F) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3F) | 0x80);
    (void)snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
                   b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}
