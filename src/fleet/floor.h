/* What a registration costs a server in cryptography alone, measured here and
 * now on one thread: two full handshakes of TLS 1.3 under mutual certificates
 * (P-256, X25519, no tickets, no chain is built), the server's side of them,
 * and the keys and signatures of P-256 that claim and device need.
 */
#ifndef VCH_FLEET_FLOOR_H
#define VCH_FLEET_FLOOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct vch_floor {
    int64_t handshake_ns, sign_ns, verify_ns, key_ns; /* medians of processor time; 0: not measured */
};

/* CRYPTO failures are INTERNAL. Some tenths of a second. */
enum vch_err vch_floor_measure(struct vch_floor *ret) VCH_MUST;
/* Two handshakes, two signatures, and two keys, or with `csr` one key and the check of a request. */
int64_t vch_floor_total_ns(const struct vch_floor *floor, bool csr);

#endif
