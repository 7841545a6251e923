/* Second factors: codes of six digits that change every thirty seconds
 * (RFC 6238, HMAC-SHA-1, as every authenticator app has them). Secrets are
 * sealed at rest under a key of their own purpose, bound to their user. Any
 * thread.
 */
#ifndef VCH_SERVICE_TOTP_H
#define VCH_SERVICE_TOTP_H

#include "service/call.h"

enum { VCH_TOTP_DIGITS = 6, VCH_TOTP_STEP_S = 30, VCH_TOTP_SECRET_LEN = 20 };

enum vch_err vch_totp_secret_new(struct vch_arena *arena, struct vch_str *ret) VCH_MUST;
enum vch_err vch_totp_seal(const struct vch_service *service, struct vch_str user, struct vch_str secret, struct vch_arena *arena,
                           struct vch_str *ret) VCH_MUST;
enum vch_err vch_totp_unseal(const struct vch_service *service, struct vch_str user, struct vch_str sealed, struct vch_arena *arena,
                             struct vch_str *ret) VCH_MUST;

/* Is it the code of this moment, or of the step before or after? Steps up to
 * `last_step` are spent. The step goes to *ret_step. INTERNAL when the library fails. */
enum vch_err vch_totp_match(struct vch_str secret, struct vch_str code, int64_t now_ms, int64_t last_step, bool *ret,
                            int64_t *ret_step) VCH_MUST;

/* The secret in base32, and what a QR code for authenticator apps holds. */
enum vch_err vch_totp_text(struct vch_str secret, struct vch_arena *arena, struct vch_str *ret) VCH_MUST;
enum vch_err vch_totp_uri(const struct vch_service *service, struct vch_str user, struct vch_str secret_text, struct vch_arena *arena,
                          struct vch_str *ret) VCH_MUST;

#endif
