/* What the registry remembers of sign-ins through an OpenID provider. Promises
 * of store.h hold. Does not travel with an export.
 */
#ifndef VCH_STORE_OIDC_H
#define VCH_STORE_OIDC_H

#include "store/store.h"

/* Guard: nobody came back with the state of this hash (32 bytes) before; nobody
 * will until `expires_ms`. UNAUTHENTICATED with OIDC_REPLAYED. */
void vch_plan_oidc_spend(struct vch_plan *p, struct vch_str hash, int64_t now_ms, int64_t expires_ms);

#endif
