/* Making a claim: AWS's plain one, and ours that is bound. */
#ifndef VCH_SERVICE_CLAIM_MAKE_H
#define VCH_SERVICE_CLAIM_MAKE_H

#include "core/binding.h"
#include "service/call.h"

struct vch_claim_made {
    struct vch_str id, pem;
    int64_t expires_ms;
};
struct vch_claim_wish {
    struct vch_str template_name;
    struct vch_binding binding;
    struct vch_str spki; /* DER: the key it is for; empty: one is made */
    int64_t uses, life_s;
    /* What else belongs into the same transaction, first in it; NULL: nothing. */
    enum vch_err (*also)(void *arg, struct vch_plan *plan, const struct vch_claim_made *made);
    void *also_arg;
};
/* Issues and saves it, with the limits of the caller decided in the same
 * transaction: TEMPLATE_*, CLAIMS_FULL, LIMIT_*, APPROVAL_NEEDED (the request
 * then waits for a second person). Puts certificateId, certificatePem, keyPair
 * unless the key is the device's, and expiration into the output. */
enum vch_err vch_claim_make(struct vch_call *call, const struct vch_claim_wish *wish) VCH_MUST;

#endif
