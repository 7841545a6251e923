/* A claim that was just made, as the text of a QR code (core/claim_text.h). */
#ifndef VCH_SERVICE_CLAIM_HAND_H
#define VCH_SERVICE_CLAIM_HAND_H

#include "service/call.h"

/* Puts claimText beside certificatePem and keyPair of the output; leaves it out
 * when there is no private key, or one of another kind than P-256. NOMEM. */
enum vch_err vch_claim_hand_put(struct vch_call *call, struct vch_str template_name) VCH_MUST;

#endif
