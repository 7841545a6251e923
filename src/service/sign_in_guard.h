/* How often somebody may try to prove who it is, and how many may at once.
 *
 * An attempt counts before it is judged, for the user from its place, for the
 * place, and for the user from anywhere; one that succeeds is taken back. Ten
 * failures of a user from one place close that pair for a quarter of an hour;
 * thirty of a place close the place for five minutes; a hundred of a user
 * close the user for an hour to places that never signed it in. Names that
 * nobody has count like others. A place is an IPv4 address, an IPv6 network of
 * 64 bits, or a browser that signed this user in before (known_browser.h):
 * what strangers do at the same address, or everywhere, does not close it.
 * The table has a fixed size: what has counted least makes room, and what is
 * closed takes none. Nothing survives the process. Any thread.
 */
#ifndef VCH_SERVICE_SIGN_IN_GUARD_H
#define VCH_SERVICE_SIGN_IN_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct vch_sign_in;

enum { VCH_SIGN_IN_PAIR_MAX = 10, VCH_SIGN_IN_PLACE_MAX = 30, VCH_SIGN_IN_USER_MAX = 100 };

/* `at_once`: password computations under way; half as many more may wait for a moment. */
enum vch_err vch_sign_in_new(unsigned at_once, struct vch_sign_in **ret) VCH_MUST;
void vch_sign_in_free(struct vch_sign_in *s); /* NULL is fine */
/* Forgets what was tried for this user, from everywhere. */
void vch_sign_in_forget(struct vch_sign_in *s, struct vch_str user);

struct vch_attempt_from {
    struct vch_str source_ip;
    struct vch_str browser; /* the id of one that signed this user in before; empty: none */
};
struct vch_attempt {
    uint64_t user, place;
    bool known; /* the place is such a browser */
};
/* THROTTLED with SIGN_IN_LOCKED and how long still; *ret_first: it is the first
 * to be told so. Zero: the attempt is counted and must leave. */
enum vch_err vch_sign_in_enter(struct vch_sign_in *s, struct vch_str user, const struct vch_attempt_from *from, int64_t now_ms,
                               struct vch_attempt *ret, int64_t *ret_retry_s, bool *ret_first, struct vch_diag *diag) VCH_MUST;
/* The same of somebody whose name is not known yet: for the address alone. */
enum vch_err vch_sign_in_enter_place(struct vch_sign_in *s, struct vch_str source_ip, int64_t now_ms, struct vch_attempt *ret,
                                     int64_t *ret_retry_s, struct vch_diag *diag) VCH_MUST;
enum vch_attempt_end {
    VCH_ATTEMPT_GOOD,
    VCH_ATTEMPT_BAD,
    VCH_ATTEMPT_NEITHER /* it was not judged */
};
void vch_sign_in_leave(struct vch_sign_in *s, const struct vch_attempt *attempt, enum vch_attempt_end end, int64_t now_ms);

struct vch_sign_in_stats {
    uint64_t checks;  /* passwords that were compared or hashed */
    uint64_t refused; /* attempts that failed */
    uint64_t locked;  /* attempts that were not looked at */
};
void vch_sign_in_stats(struct vch_sign_in *s, struct vch_sign_in_stats *ret);

/* Leave for one computation: blocks up to two seconds. THROTTLED with SIGN_IN_BUSY. */
enum vch_err vch_sign_in_slot_take(struct vch_sign_in *s, struct vch_diag *diag) VCH_MUST;
void vch_sign_in_slot_give(struct vch_sign_in *s);

#endif
