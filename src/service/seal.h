/* Secrets at rest: AES-256-GCM under the server's key, bound to what they are
 * for. Any thread.
 */
#ifndef VCH_SERVICE_SEAL_H
#define VCH_SERVICE_SEAL_H

#include "base/arena.h"

enum { VCH_SEAL_KEY_LEN = 32, VCH_SEAL_EXTRA = 28 /* nonce and tag */ };

/* `label` (an access key id) must be the same when opening. */
enum vch_err vch_seal(const uint8_t key[VCH_SEAL_KEY_LEN], struct vch_str label, struct vch_str secret,
                      struct vch_arena *arena, struct vch_str *ret) VCH_MUST;
/* MALFORMED when it was not sealed so. `arena` should wipe. */
enum vch_err vch_unseal(const uint8_t key[VCH_SEAL_KEY_LEN], struct vch_str label, struct vch_str sealed,
                        struct vch_arena *arena, struct vch_str *ret) VCH_MUST;

#endif
