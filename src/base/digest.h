/* SHA-256, HMAC-SHA-256 and random bytes, over libcrypto. Any thread. */
#ifndef VCH_BASE_DIGEST_H
#define VCH_BASE_DIGEST_H

#include "base/str.h"

enum { VCH_SHA256_LEN = 32, VCH_SHA256_HEX = 65 };

/* These do not fail: libcrypto's fixed algorithms need no memory that could
 * be short; should it fail all the same, the process ends. */
void vch_sha256(struct vch_str data, uint8_t out[VCH_SHA256_LEN]);
void vch_sha256_hex(struct vch_str data, char out[VCH_SHA256_HEX]);
void vch_hmac_sha256(struct vch_str key, struct vch_str data, uint8_t out[VCH_SHA256_LEN]);

/* From the system's generator; the process ends when there is none. */
void vch_random(void *out, size_t len);
/* "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx" (RFC 9562 version 4). */
void vch_uuid(char out[37]);

#endif
