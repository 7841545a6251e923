/* How many there are of each kind, and whether one more may come: connections
 * of an address, of a certificate. Shared by all loops; any thread; a lock for a
 * lookup. A gate may be shut for all, while memory is short.
 */
#ifndef VCH_NET_GATE_H
#define VCH_NET_GATE_H

#include "base/str.h"

struct vch_gate;

enum vch_gate_verdict { VCH_GATE_OPEN, VCH_GATE_KEY_FULL, VCH_GATE_FULL, VCH_GATE_SHUT, VCH_GATE_VERDICTS };

struct vch_gate_options {
    size_t per_key_max, total_max; /* 0: no bound */
};
enum vch_err vch_gate_new(const struct vch_gate_options *options, struct vch_gate **ret) VCH_MUST;
void vch_gate_free(struct vch_gate *gate); /* NULL is fine */

/* OPEN counts one more, which vch_gate_leave with the same key takes back. Out of
 * memory the one is counted in the total alone. NULL: always open. */
enum vch_gate_verdict vch_gate_enter(struct vch_gate *gate, struct vch_str key);
void vch_gate_leave(struct vch_gate *gate, struct vch_str key);
void vch_gate_shut(struct vch_gate *gate, bool shut);

size_t vch_gate_total(struct vch_gate *gate);
uint64_t vch_gate_refused(struct vch_gate *gate, enum vch_gate_verdict verdict); /* so far */

/* The key of an address: IPv4 whole, of IPv6 the network of 64 bits, which one
 * customer has whole (RFC 6177). */
enum { VCH_GATE_ADDRESS = 8 };
struct vch_str vch_gate_address(const char *ip, char buf[VCH_GATE_ADDRESS]);

#endif
