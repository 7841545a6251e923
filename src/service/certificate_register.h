/* Certificates that others issued, taken into the registry. */
#ifndef VCH_SERVICE_CERTIFICATE_REGISTER_H
#define VCH_SERVICE_CERTIFICATE_REGISTER_H

#include "service/call.h"

/* Checks `pem` against the registered authorities and adds the certificate to
 * the plan, with a guard that its authority is still ACTIVE. `ca_pem` (empty:
 * none) says which one when several could have signed it. CERTIFICATE_INVALID,
 * CERTIFICATE_AMBIGUOUS, CERTIFICATE_STATE. Views into the call's arena. */
enum vch_err vch_certificate_plan_registered(struct vch_call *call, struct vch_plan *plan, struct vch_str pem,
                                             struct vch_str ca_pem, struct vch_str status,
                                             struct vch_rec_certificate *ret) VCH_MUST;

#endif
