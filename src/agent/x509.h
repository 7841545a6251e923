/* What the agent needs to know of certificates and keys, over OpenSSL. Private
 * keys are PEM text or the URI of a token's (keystore.h). */
#ifndef VCH_AGENT_X509_H
#define VCH_AGENT_X509_H

#include "base/buf.h"

struct vch_validity {
    int64_t not_before_ms, not_after_ms;
    char id[65]; /* lower-hex SHA-256 of the DER */
};
/* Of the first certificate; MALFORMED when it does not parse. */
enum vch_err vch_x509_describe(struct vch_str pem, struct vch_validity *ret) VCH_MUST;
/* CONFLICT when the key is not the certificate's; MALFORMED when either does not parse. */
enum vch_err vch_x509_check_pair(struct vch_str certificate_pem, struct vch_str key_pem) VCH_MUST;
/* The same for a signing request. */
enum vch_err vch_x509_check_request(struct vch_str request_pem, struct vch_str key_pem) VCH_MUST;

#endif
