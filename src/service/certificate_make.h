/* Device certificates that a trusted user has made, under our own issuer. */
#ifndef VCH_SERVICE_CERTIFICATE_MAKE_H
#define VCH_SERVICE_CERTIFICATE_MAKE_H

#include "service/call.h"

/* Issues a certificate for `spki` (subject: DER name, or empty) and adds it to
 * the plan with this status, not yet applied. Views into the call's arena. */
enum vch_err vch_certificate_plan_issued(struct vch_call *call, struct vch_plan *plan, struct vch_str spki,
                                         struct vch_str subject, struct vch_str status,
                                         struct vch_rec_certificate *ret) VCH_MUST;

#endif
