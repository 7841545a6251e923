/* Claims that wait for a second person. */
#ifndef VCH_SERVICE_CLAIM_REQUESTS_H
#define VCH_SERVICE_CLAIM_REQUESTS_H

#include "service/call.h"
#include "store/provisioning.h"

enum { VCH_REQUEST_LIFE_S = 86400, VCH_APPROVAL_LIFE_S = 3600 };

/* After a claim was refused with DENIED: when it was for want of an approval, the
 * request is kept and its id told in the diagnosis, which stays. DENIED. */
enum vch_err vch_claim_request_made(struct vch_call *call, const struct vch_claim_ask *ask, struct vch_str principal, struct vch_str asked) VCH_MUST;

#endif
