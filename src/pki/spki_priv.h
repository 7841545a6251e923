/* Public keys that vouch certifies: RSA of 2048 to 8192 bits, and points of
 * P-256, P-384 and P-521, uncompressed and on their curve. Any thread. */
#ifndef VCH_PKI_SPKI_PRIV_H
#define VCH_PKI_SPKI_PRIV_H

#include "base/str.h"

enum { VCH_SPKI_MAX = 1100 }; /* RSA of 8192 bits with a long exponent is 1062 */

enum vch_spki_kind { VCH_SPKI_RSA, VCH_SPKI_P256, VCH_SPKI_P384, VCH_SPKI_P521 };

struct vch_spki {
    enum vch_spki_kind kind;
    struct vch_str key; /* the BIT STRING's bytes */
};

/* Consumed to the last byte. MALFORMED with CSR_INVALID; INVALID with
 * CSR_WEAK_KEY for a well-formed key of a kind or size that is not taken. */
enum vch_err vch_spki_check(struct vch_str der, struct vch_spki *ret, struct vch_diag *diag) VCH_MUST;
/* Makes what the curve checks need ahead of time; later calls are cheap. */
void vch_spki_prepare(void);

#endif
