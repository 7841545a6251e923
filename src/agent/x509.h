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

/* A private key of P-256 as its number, big endian: its PEM is appended, its public
 * point written, uncompressed. INVALID when it is the number of no key. */
enum vch_err vch_x509_key_of_number(const uint8_t number[32], struct vch_buf *ret_pem, uint8_t point[65]) VCH_MUST;
/* True when one of the certificates has this digest (SHA-256 of its DER). */
bool vch_x509_holds(struct vch_str certificates_pem, const uint8_t sha256[32]);
/* Lower-hex SHA-256 of the SubjectPublicKeyInfo that the request is for. */
enum vch_err vch_x509_request_key(struct vch_str request_pem, char ret_hex[65]) VCH_MUST;

#endif
