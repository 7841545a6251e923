/* The inside of pairing: what its use cases share. */
#ifndef VCH_SERVICE_PAIRING_PRIV_H
#define VCH_SERVICE_PAIRING_PRIV_H

#include "service/pairing.h"

/* ---- pairing_memory.c: counting in memory. Any thread. ---- */

enum vch_pairing_count {
    VCH_PAIRING_COUNT_STARTS,    /* by address and minute */
    VCH_PAIRING_COUNT_SITE,      /* by network and minute: starts */
    VCH_PAIRING_COUNT_LATELY,    /* the same by ten minutes, the life of a code */
    VCH_PAIRING_COUNT_STRANGERS, /* by address and minute: polls with unknown device codes */
    VCH_PAIRING_COUNT_USER,      /* by person and hour: wrong user codes */
    VCH_PAIRING_COUNT_ADDRESS,   /* by address and hour: the same */
    VCH_PAIRING_COUNT_KINDS
};
/* How many of the running window, with one more; an address of IPv6 counts by its /64. */
unsigned vch_pairing_count(struct vch_pairings *p, enum vch_pairing_count kind, struct vch_str who, int64_t now_ms);
void vch_pairing_uncount(struct vch_pairings *p, enum vch_pairing_count kind, struct vch_str who, int64_t now_ms); /* it was none */

/* One poll of a pairing: false when they come faster than the interval, which then grows. */
bool vch_pairing_poll(struct vch_pairings *p, struct vch_str id, int64_t now_us, int64_t *ret_interval_s);
/* What the device was told last; a change may be asked for at once. */
unsigned vch_pairing_told(struct vch_pairings *p, struct vch_str id);
void vch_pairing_tell(struct vch_pairings *p, struct vch_str id, unsigned told);
/* Rows of the ledger: false when there were too many of the kind, or of this person, so that nobody's flood hides what
 * others do, nor that it was refused. */
enum vch_pairing_rows {
    VCH_PAIRING_ROWS_PEOPLE,   /* who may sign requests; `who` says which */
    VCH_PAIRING_ROWS_STARTS,   /* of strangers, `who` is empty */
    VCH_PAIRING_ROWS_REFUSALS, /* the same */
    VCH_PAIRING_ROWS_WHY,      /* the same, for `vouch why` */
    VCH_PAIRING_ROWS_KINDS
};
bool vch_pairing_row_fits(struct vch_pairings *p, enum vch_pairing_rows kind, struct vch_str who, int64_t now_us, int64_t *ret_left_out);

/* ---- pairing_put.c: as documents ---- */

enum vch_pairing_state {
    VCH_PAIRING_IS_WAITING,
    VCH_PAIRING_IS_LOOKED_AT,
    VCH_PAIRING_IS_APPROVED,
    VCH_PAIRING_IS_CLAIM_TAKEN,
    VCH_PAIRING_IS_CONNECTED,
    VCH_PAIRING_IS_CERTIFIED,
    VCH_PAIRING_IS_REGISTERED,
    VCH_PAIRING_IS_DONE,
    VCH_PAIRING_IS_DENIED,
    VCH_PAIRING_IS_EXPIRED,
    VCH_PAIRING_IS_FAILED,
    VCH_PAIRING_STATE_COUNT
};
enum vch_pairing_state vch_pairing_state_of(const struct vch_rec_pairing *pairing, int64_t now_ms);
const char *vch_pairing_state_word(enum vch_pairing_state state);
enum vch_err vch_pairing_put(struct vch_call *call, const struct vch_rec_pairing *pairing, struct vch_val *map) VCH_MUST;
enum vch_err vch_pairing_put_steps(struct vch_call *call, const struct vch_rec_pairing *pairing, struct vch_val *map) VCH_MUST;
enum vch_err vch_pairing_put_end(struct vch_call *call, const struct vch_rec_pairing *pairing, struct vch_val *map) VCH_MUST; /* reason, message */
/* "suggestedParameters" and the like: always a map. */
enum vch_err vch_pairing_put_map(struct vch_call *call, struct vch_val *map, const char *name, struct vch_str json) VCH_MUST;

/* ---- pairing_place.c: where the server is, as whoever asks sees it ---- */

/* "https://HOST:PORT": the Host of the request when it is one of ours. .ptr NULL: memory. */
struct vch_str vch_pairing_origin(const struct vch_call *call);
struct vch_str vch_pairing_endpoint(const struct vch_call *call); /* the host's name alone */
enum vch_err vch_pairing_root_fingerprint(struct vch_call *call, struct vch_str *ret) VCH_MUST;

/* ---- what else they share ---- */

/* Remembers a refusal for `vouch why`, strangers' within bounds; the call's diagnosis says why. */
void vch_pairing_tell_why(const struct vch_call *call, const char *operation, struct vch_str serial);
/* UNAVAILABLE where nothing is remembered in memory, so that nothing could be bounded. */
enum vch_err vch_pairing_served(const struct vch_call *call) VCH_MUST;
/* SHA-256 of a device code, in the arena; .ptr NULL: memory. */
struct vch_str vch_pairing_hash(struct vch_arena *arena, struct vch_str device_code);
/* A row about this pairing, with its id in the detail map. */
enum vch_err vch_pairing_row(const struct vch_call *call, const char *event, const struct vch_rec_pairing *pairing,
                             struct vch_rec_ledger *ret, struct vch_val **ret_map) VCH_MUST;

#endif
