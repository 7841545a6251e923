/* Who uses a claim, and from where: refusals in the ledger, within bounds, and
 * alarms for a claim that seems to be in other hands. An alarm is raised once a
 * claim and kind: a ledger row, a count, and an event that the server publishes
 * on $vouch/events/claims/KIND. Worker threads, except where it says any.
 */
#ifndef VCH_SERVICE_CLAIM_WATCH_H
#define VCH_SERVICE_CLAIM_WATCH_H

#include "core/binding.h"
#include "service/call.h"
#include "store/provisioning.h"

/* Whether a claim may be used by this client from there: CLAIM_SOURCE. Bits of
 * enum vch_alarm that its use deserves go to ret->alarms. Reads only; any
 * thread that may read the registry. A claim that is gone passes: others refuse it. */
struct vch_claim_entry {
    unsigned alarms;
    bool pairs; /* it came of a pairing, which wants to know */
};
enum vch_err vch_claim_may_connect(struct vch_service *service, struct vch_str claim_id, struct vch_str client_id, struct vch_str source_ip,
                                   struct vch_claim_entry *ret, struct vch_diag *diag) VCH_MUST;
/* The same of a claim that is loaded, for a call. */
enum vch_err vch_claim_may_use(const struct vch_call *call, const struct vch_rec_claim *claim, const struct vch_binding *binding) VCH_MUST;

/* Raises what is not raised yet; failures are logged. */
void vch_claim_alarms_raise(const struct vch_call *call, struct vch_str claim_id, unsigned alarms);
/* After a provisioning request was refused: a row, unless there were too many,
 * and the alarm that the reason deserves. `err` and the call's diagnosis say why. */
void vch_provisioning_refused(const struct vch_call *call, const char *operation, enum vch_err err);

/* Whether one more refusal of this principal (or address) goes into the ledger; counts it. Any thread. */
bool vch_refusal_may_write(struct vch_watch *watch, struct vch_str principal);

/* The certificate has connected: those that waited for it end, or are due. */
void vch_certificate_arrived(const struct vch_call *call, struct vch_str certificate_id);
/* Those that are due. */
enum vch_err vch_retire_due(struct vch_service *service, int64_t now_ms, struct vch_diag *diag) VCH_MUST;

/* Parameters as the ledger keeps them: secrets and keys left out, long values cut. */
enum vch_err vch_ledger_put_parameters(const struct vch_call *call, struct vch_val *map, const struct vch_val *parameters) VCH_MUST;
/* `map` as the row's detail; what does not fit is left out whole. */
enum vch_err vch_ledger_detail(const struct vch_call *call, const struct vch_val *map, struct vch_rec_ledger *row) VCH_MUST;

#endif
