/* Pairing, in the manner of the OAuth device grant (RFC 8628): a device shows a
 * short code, a person who may vouch for it approves, and the device gets a
 * claim for its own key. What is asked lives in the registry; what is only
 * counted (polls, guesses, starts) lives in memory, bounded. Worker threads,
 * except where it says any.
 */
#ifndef VCH_SERVICE_PAIRING_H
#define VCH_SERVICE_PAIRING_H

#include "service/call.h"
#include "store/pairings.h"

enum {
    VCH_PAIRING_LIFE_S = 600,
    VCH_PAIRING_INTERVAL_S = 2,
    VCH_PAIRING_SLOWER_S = 5, /* RFC 8628 3.5 */
    VCH_PAIRING_INTERVAL_MAX_S = 60,
    VCH_PAIRING_WAITING_MAX = 10000,
    VCH_PAIRING_WAITING_OF_MANY = 5000, /* the rest is kept for networks that begin few */
    VCH_PAIRING_FEW = 20,               /* in ten minutes */
    VCH_PAIRING_STARTS_A_MINUTE = 10,  /* of an address; of IPv6, which has them in plenty, of a /64 */
    VCH_PAIRING_STARTS_OF_SITE = 100,  /* the same of all neighbours: a /24, of IPv6 a /48 */
    VCH_PAIRING_SUGGESTED_MAX = 8192,  /* bytes of all names and values */
    VCH_PAIRING_GUESSES_OF_USER = 10,    /* wrong ones an hour */
    VCH_PAIRING_GUESSES_OF_ADDRESS = 30, /* the same */
    VCH_PAIRING_STRANGERS_A_MINUTE = 30  /* polls with unknown device codes, of an address */
};

/* What is remembered in memory; one a server. Any thread. */
enum vch_err vch_pairings_new(struct vch_pairings **ret) VCH_MUST;
void vch_pairings_free(struct vch_pairings *pairings); /* NULL is fine */

/* ---- waiting for news: the door's part ---- */

/* A poll that may wait gives WAITING with `waiting` set. The door runs it again
 * when the pairing `id` changed or `until_us` is there, then with `over`. */
struct vch_pairing_turn {
    bool waiting, over;
    bool counted; /* the poll counts once, however often it runs */
    char id[40];
    int64_t until_us; /* monotonic */
};

/* ---- progress: where the rows of the ledger are written ---- */

/* Adds the step to the plan when the claim is one of a pairing; nothing otherwise. */
void vch_pairing_advance(struct vch_plan *plan, struct vch_str pairing_id, enum vch_pairing_step step, struct vch_str certificate_id,
                         struct vch_str thing_name, int64_t now_ms);
/* "pairingId" into a row's detail, when there is one. */
enum vch_err vch_pairing_mention(const struct vch_call *call, struct vch_val *map, struct vch_str pairing_id) VCH_MUST;
/* The claim of a pairing has connected, perhaps again. Failures are logged. */
void vch_pairing_connected(const struct vch_call *call, struct vch_str claim_id);
/* A certificate that a pairing waits for has connected. Failures are logged. */
void vch_pairing_arrived(const struct vch_call *call, struct vch_str certificate_id);
/* The claim was taken back. */
void vch_pairing_cancelled(struct vch_plan *plan, struct vch_str pairing_id);
/* A step was refused; the diagnosis says why. */
void vch_pairing_troubled(const struct vch_call *call, struct vch_plan *plan, struct vch_str pairing_id);

/* Ends those whose time is over, and forgets old ones. */
enum vch_err vch_pairing_sweep(struct vch_service *service, int64_t now_ms, struct vch_diag *diag) VCH_MUST;

/* Somebody who may not, or could not, decide or look, or a device that asks too
 * often: a row of the ledger, within bounds; `vouch why` remembers the people.
 * `err` and the call's diagnosis say why. */
void vch_pairing_refused(const struct vch_call *call, const char *operation, enum vch_err err);

#endif
