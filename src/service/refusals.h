/* Why clients were refused, for as long as memory bounds allow: the newest ones
 * of each client id, of each certificate, of each address, and of all. Told by
 * the doors, asked by operators (vouch why), counted for metrics.
 *
 * A refusal that repeats the newest one of its client costs no new entry. Any
 * thread; telling holds a lock for a lookup. Nothing survives the process.
 */
#ifndef VCH_SERVICE_REFUSALS_H
#define VCH_SERVICE_REFUSALS_H

#include "base/arena.h"
#include "core/reason.h"

enum {
    VCH_REFUSALS_PER_CLIENT = 16,
    VCH_REFUSALS_PER_CERTIFICATE = 32,
    VCH_REFUSALS_PER_ADDRESS = 512, /* a whole site may sit behind one */
    VCH_REFUSALS_MAX = 4096
};

/* What was refused. */
enum vch_refused {
    VCH_REFUSED_HANDSHAKE,
    VCH_REFUSED_CONNECT,
    VCH_REFUSED_PUBLISH,
    VCH_REFUSED_SUBSCRIBE,
    VCH_REFUSED_RECEIVE,
    VCH_REFUSED_PROVISION,
    VCH_REFUSED_CONNECTION, /* a connection that was there, ended for a reason */
    VCH_REFUSED_PAIRING,
    VCH_REFUSED_COUNT
};
const char *vch_refused_word(enum vch_refused what); /* "handshake" */

/* Empty views: not known. */
struct vch_refusal {
    enum vch_refused what;
    const char *reason; /* of reason.def, static */
    struct vch_str client_id, certificate_id, serial, source_ip;
    struct vch_str action, resource; /* "iot:Publish", "topic/a/b" */
    struct vch_str policy;           /* that decided */
    int64_t statement;               /* in it; -1: none */
    struct vch_str message;          /* one sentence */
    struct vch_str hook_said;        /* by a hook's program, for operators */
    int64_t time_ms;
    int64_t first_ms; /* of the repeats; set here */
    uint64_t count;   /* set here */
};

struct vch_refusals;
enum vch_err vch_refusals_new(struct vch_refusals **ret) VCH_MUST;
void vch_refusals_free(struct vch_refusals *refusals); /* NULL is fine */

/* Copies. Out of memory it is counted and not kept. NULL: nobody listens. */
void vch_refusals_tell(struct vch_refusals *refusals, const struct vch_refusal *refusal);

void vch_refusals_add(struct vch_refusals *refusals, enum vch_refused what, const char *reason); /* counts only */

/* Of a certificate (DER), in hex; "" when it cannot be read. */
enum { VCH_REFUSAL_SERIAL = 65 };
void vch_refusal_serial(struct vch_str der, char ret[VCH_REFUSAL_SERIAL]);

/* Which ones: an empty view asks for anything; all that are given must match.
 * `any` is a client id, a serial, a certificate id or a client's address. */
struct vch_refusal_query {
    struct vch_str client_id, certificate_id, serial, any;
};
/* Newest first, at most `max`, copied into the arena. */
enum vch_err vch_refusals_find(struct vch_refusals *refusals, const struct vch_refusal_query *query, size_t max,
                               struct vch_arena *arena, struct vch_refusal **ret, size_t *ret_count) VCH_MUST;

/* How many so far; VCH_REASON_COUNT: for a reason that has no row. Any thread. */
uint64_t vch_refusals_count(const struct vch_refusals *refusals, enum vch_refused what, unsigned reason);
size_t vch_refusals_kept(struct vch_refusals *refusals);

/* What to do about a reason: one sentence, never empty. */
const char *vch_refusal_advice(const char *reason);

/* Serials compare without colons, leading zeros and case. */
bool vch_serial_eq(struct vch_str a, struct vch_str b);

#endif
