/* Certificates that nobody registered, of authorities that somebody did: just-in-time
 * registration, and provisioning by the authority's template.
 * Source: AWS IoT "Just-in-time provisioning", "Just-in-time registration".
 *
 * The first connection of such a certificate is what brings it in, and is
 * refused; the next one meets a registered certificate.
 */
#ifndef VCH_SERVICE_JUST_IN_TIME_H
#define VCH_SERVICE_JUST_IN_TIME_H

#include "service/call.h"

/* Whether one ACTIVE authority with automatic registration signed it. During
 * the handshake, of strangers only: one read, and a signature for each
 * authority of the issuer's name. */
bool vch_stranger_welcome(struct vch_service *service, struct vch_str der);

/* Registers it: ACTIVE with what the authority's template says, or
 * PENDING_ACTIVATION without a template, which is told on
 * $aws/events/certificates/registered/CA. All or nothing. The caller of `call`
 * is a device with the certificate's id. What refuses a registration refuses
 * this; CERTIFICATE_EXISTS when another connection was quicker. [worker] */
enum vch_err vch_stranger_register(struct vch_call *call, struct vch_str der, struct vch_rec_certificate *ret) VCH_MUST;

#endif
