/* From a claim to an identity in the state folder: retried with jitter inside
 * the claim's life, resumed from the journal after a crash. */
#ifndef VCH_AGENT_ENROLL_H
#define VCH_AGENT_ENROLL_H

#include "agent/journal.h"
#include "agent/link.h"

struct vch_enroll {
    struct vch_link *link;
    const struct vch_credentials *claim;
    const struct vch_state *state;
    struct vch_report *report;
    const char *endpoint, *client_id, *template_name, *parameters; /* JSON object text */
    const char *csr_pem;                                           /* NULL: the server makes the key */
    struct vch_str own_key;                                        /* PEM of the request's key */
    const char *own_key_path; /* where it already is; NULL: it is saved with the identity */
    const char *likely_name;  /* of the thing, should the answer have been lost; NULL: unknown */
    int64_t retry_ms;
    bool steps; /* of a pairing, to be told */
    struct vch_runtime base; /* what goes into the runtime file besides the identity */
};

/* Checks the claim's validity, provisions, writes the runtime file. */
enum vch_exit vch_enroll_run(const struct vch_enroll *enroll, struct vch_outcome *outcome) VCH_MUST;

/* A share of 50 to 100 % of min(first * 2^tries, max), for retries of many devices. */
int64_t vch_backoff_ms(unsigned tries, int64_t first_ms, int64_t max_ms);

#endif
