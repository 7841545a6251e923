/* The rules of a provisioning claim that need no store: its life, and the
 * permission that is built into it (never merged with customers' policies). */
#ifndef VCH_CORE_CLAIM_H
#define VCH_CORE_CLAIM_H

#include "base/str.h"

enum {
    VCH_CLAIM_BACKDATE_S = 120, /* notBefore = issue - 2 min: a device's clock may be late */
    VCH_CLAIM_LIFE_S = 300,     /* notAfter = issue + 5 min */
    VCH_TOKEN_LIFE_S = 3600,
    VCH_CLAIM_CERTIFICATES_MAX = 10, /* certificates that a claim may have waiting, for each of its uses */
    VCH_CLAIMS_PER_TEMPLATE_MAX = 10000
};

enum vch_claim_action { VCH_CLAIM_CONNECT, VCH_CLAIM_PUBLISH, VCH_CLAIM_SUBSCRIBE, VCH_CLAIM_RECEIVE };

/* `target` is the client id, the topic or the filter. CONNECT: any client id
 * of valid syntax without wildcards, '*', '?' or '$'. The others, for its own
 * template: PUBLISH the six request topics, RECEIVE their twelve answers,
 * SUBSCRIBE these and the "/+" filters over them. */
bool vch_claim_allows(struct vch_str template_name, enum vch_claim_action action, struct vch_str target);

#endif
