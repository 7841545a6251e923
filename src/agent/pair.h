/* Pairing, the device's side: makes the key, shows a code, waits for somebody to
 * vouch for this device, and comes back with a claim for that key. Goes on where
 * an earlier run stopped. Source: RFC 8628. One thread. */
#ifndef VCH_AGENT_PAIR_H
#define VCH_AGENT_PAIR_H

#include "agent/bundle.h"
#include "agent/pair_state.h"

struct vch_pair {
    struct vch_options *options; /* get template, parameters, thing name, endpoint */
    const struct vch_state *state;
    struct vch_report *report;
    struct vch_credentials *credentials; /* get the claim, its key and the root */
    struct vch_bundle *bundle;           /* gets the ports */
    struct vch_buf *own_key, *request;   /* as of --csr auto */
};

/* EXPIRED when nobody vouched in time, REJECTED when somebody said no; NETWORK, also when it was asked to stop;
 * CREDENTIALS when the server is not whom it should be; LOCAL; CONFIG. */
enum vch_exit vch_pair_run(const struct vch_pair *pair, struct vch_outcome *outcome) VCH_MUST;
/* How what came of the claim ended: nothing of a pairing is kept that cannot be gone on with. */
void vch_pair_conclude(const struct vch_state *state, enum vch_exit exit);

#endif
