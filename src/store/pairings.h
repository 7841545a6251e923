/* The registry's part for pairing: devices that wait for somebody to vouch for
 * them, and how far they came. Promises of store.h hold; every change is told
 * as VCH_CHANGE_PAIRING of its id.
 */
#ifndef VCH_STORE_PAIRINGS_H
#define VCH_STORE_PAIRINGS_H

#include "store/store.h"

enum vch_pairing_step {
    VCH_PAIRING_SHOWN = 1,
    VCH_PAIRING_LOOKED_AT,
    VCH_PAIRING_APPROVED,
    VCH_PAIRING_CLAIM_TAKEN,
    VCH_PAIRING_CONNECTED,
    VCH_PAIRING_CERTIFIED,
    VCH_PAIRING_REGISTERED,
    VCH_PAIRING_DONE,
    VCH_PAIRING_STEPS
};

struct vch_rec_pairing {
    struct vch_str id, device_hash /* 32 bytes; not read back */, user_code, key /* hexadecimal */, spki /* DER */;
    struct vch_str serial, model, suggested /* JSON object of strings */, source_ip;
    int64_t created_ms, expires_ms;
    enum vch_pairing_step step;
    int64_t step_ms[VCH_PAIRING_STEPS]; /* by step; 0: not seen */
    struct vch_str ended;               /* "" "DENIED" "EXPIRED" "FAILED" */
    struct vch_str reason, message;     /* of the last refusal of a step, or of the end */
    struct vch_str looked_by, decided_by;
    int64_t decided_ms;
    struct vch_str template_name, parameters /* JSON */, thing_name, claim_id, claim_pem, certificate_id;
    int64_t claim_expires_ms;
};
struct vch_list_pairing { struct vch_rec_pairing *items; size_t count; bool more; };

enum vch_err vch_store_pairing(struct vch_store *s, struct vch_str id, struct vch_rec_pairing *ret, VCH_R) VCH_MUST; /* PAIRING_MISSING, as the next two */
enum vch_err vch_store_pairing_of_device(struct vch_store *s, struct vch_str device_hash, struct vch_rec_pairing *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_pairing_of_code(struct vch_store *s, struct vch_str user_code, struct vch_rec_pairing *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_pairings(struct vch_store *s, struct vch_page page, struct vch_list_pairing *ret, VCH_R) VCH_MUST; /* by creation */
/* Those that nobody decided in time; those whose claim ended unused. At most `limit` of each. */
enum vch_err vch_store_pairings_lapsing(struct vch_store *s, int64_t now_ms, size_t limit, struct vch_list_pairing *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_pairings_stranded(struct vch_store *s, int64_t now_ms, size_t limit, struct vch_list_pairing *ret, VCH_R) VCH_MUST;
/* The one that waits for the first connection of this certificate. */
enum vch_err vch_store_pairing_awaited(struct vch_store *s, struct vch_str certificate_id, struct vch_str *ret_id, VCH_R) VCH_MUST;

/* PAIRING_FULL when `waiting_max` wait; EXISTS without a diagnosis when a code or id is taken: draw again. */
void vch_plan_pairing_insert(struct vch_plan *p, const struct vch_rec_pairing *pairing, int64_t waiting_max);
/* The first look at one that waits: EXISTS without a diagnosis when there was one before. */
void vch_plan_pairing_look(struct vch_plan *p, struct vch_str id, struct vch_str by, int64_t now_ms);

struct vch_pairing_approval {
    struct vch_str id, by, template_name, parameters, thing_name, claim_id, claim_pem;
    int64_t now_ms, claim_expires_ms;
};
/* Of all that decide about one that waits, one alone does: PAIRING_MISSING, PAIRING_STATE. */
void vch_plan_pairing_approve(struct vch_plan *p, const struct vch_pairing_approval *approval);
void vch_plan_pairing_deny(struct vch_plan *p, struct vch_str id, struct vch_str by, int64_t now_ms);

/* A step of one that was approved, forward only; one that is gone or has ended is left alone. Empty texts change nothing. */
void vch_plan_pairing_step(struct vch_plan *p, struct vch_str id, enum vch_pairing_step step, struct vch_str certificate_id,
                           struct vch_str thing_name, int64_t now_ms);
/* The first connection of the permanent certificate: EXISTS without a diagnosis when there was one before. Told as a
 * change of the certificate too, so that nobody goes on asking. */
void vch_plan_pairing_arrive(struct vch_plan *p, struct vch_str id, struct vch_str certificate_id, int64_t now_ms);
/* A step was refused; the device may try again. */
void vch_plan_pairing_trouble(struct vch_plan *p, struct vch_str id, struct vch_str reason, struct vch_str message);
/* For good: "EXPIRED" or "FAILED". CONFLICT without a diagnosis when it has ended or is registered. */
void vch_plan_pairing_end(struct vch_plan *p, struct vch_str id, const char *ended, struct vch_str reason, struct vch_str message);
/* The same for FAILED, where one that has ended or is registered is left alone. */
void vch_plan_pairing_fail(struct vch_plan *p, struct vch_str id, struct vch_str reason, struct vch_str message);
/* Those that lapsed ten minutes ago, and all that are a week old. */
void vch_plan_pairings_forget(struct vch_plan *p, int64_t now_ms);

#endif
