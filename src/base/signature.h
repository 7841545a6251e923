/* Signatures of checkpoints: ECDSA over P-256 with SHA-256, over libcrypto. Any
 * thread. */
#ifndef VCH_BASE_SIGNATURE_H
#define VCH_BASE_SIGNATURE_H

#include "base/buf.h"

/* `public_key` is a SubjectPublicKeyInfo, PEM or DER; `signature` is DER. False
 * for what does not hold, and for what is no key or no signature. */
bool vch_signature_holds(struct vch_str public_key, struct vch_str message, struct vch_str signature);
/* Whether the two are one key, in whichever form. */
bool vch_public_key_same(struct vch_str a, struct vch_str b);

#endif
