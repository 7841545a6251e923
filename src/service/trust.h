/* Who may take a role: its trust document, a policy whose statements name
 * principals in place of resources. Principals are the account itself, and its
 * users, roles and sessions; services are kept and match nobody here.
 * Pure; any thread. Source: IAM user guide, role trust policies, Principal.
 */
#ifndef VCH_SERVICE_TRUST_H
#define VCH_SERVICE_TRUST_H

#include "core/policy.h"
#include "service/call.h"

enum { VCH_TRUST_MAX = 4096 };

/* MALFORMED with POLICY_MALFORMED and the place, POLICY_TOO_LARGE over VCH_TRUST_MAX bytes. */
enum vch_err vch_trust_check(const struct vch_site *site, struct vch_str document, struct vch_diag *diag) VCH_MUST;

enum vch_trust {
    VCH_TRUST_NONE,
    VCH_TRUST_ACCOUNT, /* the account is trusted: the caller's own policies decide */
    VCH_TRUST_DIRECT,  /* the caller itself is named, which suffices */
    VCH_TRUST_DENIED
};
/* `request` has the action and the values of conditions; its resource is not looked at. */
enum vch_err vch_trust_eval(const struct vch_site *site, struct vch_str document, const struct vch_caller *caller,
                            const struct vch_policy_request *request, enum vch_trust *ret, struct vch_diag *diag) VCH_MUST;

#endif
