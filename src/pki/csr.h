/* Certificate signing requests (RFC 2986) and certificates as the service sees
 * them: checked, described, never trusted further. */
#ifndef VCH_PKI_CSR_H
#define VCH_PKI_CSR_H

#include "base/arena.h"

struct vch_csr {
    struct vch_str spki;    /* DER */
    struct vch_str subject; /* DER Name */
};
/* PEM text, either label. Refuses: over VCH_CSR_MAX, bad self-signature, more
 * than one object, RSA under 2048 or over 8192, curves other than P-256, P-384,
 * P-521: CSR_INVALID, CSR_WEAK_KEY. Views into the arena. */
enum vch_err vch_csr_check(struct vch_str pem, struct vch_arena *arena, struct vch_csr *ret, struct vch_diag *diag) VCH_MUST;

/* One "PUBLIC KEY" in PEM: FIELD_INVALID, CSR_WEAK_KEY. Into the arena. */
enum vch_err vch_public_key_from_pem(struct vch_str pem, struct vch_arena *arena, struct vch_str *ret_spki, struct vch_diag *diag) VCH_MUST;

/* Values of certificate policy variables and lists. */
struct vch_certificate_info {
    char id[65]; /* lower-hex SHA-256 of the DER */
    int64_t not_before_ms, not_after_ms;
    struct vch_str subject_cn; /* first, or empty */
    struct vch_str serial_hex;
};
enum vch_err vch_certificate_describe(struct vch_str der, struct vch_arena *arena, struct vch_certificate_info *ret, struct vch_diag *diag) VCH_MUST;
/* What certificate policy variables stand for, in the certificate's order; a
 * name may come several times. Names are whole:
 * "iot:Certificate.Subject.CommonName", "…Issuer.AlternativeName.DNSName",
 * "…SerialNumber" (a decimal number). Values are UTF-8 with a backslash before each , " \ + = < > ;
 * (a DirectoryName is written as RFC 2253 does, so that its own commas and
 * equals signs stand bare). What is no text of its type is left out.
 * Source: AWS IoT "X.509 certificate policy variables". */
enum { VCH_CERTIFICATE_VALUES_MAX = 128 }; /* further ones are left out */
struct vch_certificate_value {
    const char *name; /* static */
    struct vch_str value;
};
enum vch_err vch_certificate_values(struct vch_str der, struct vch_arena *arena,
                                    struct vch_certificate_value ret[VCH_CERTIFICATE_VALUES_MAX], size_t *ret_count,
                                    struct vch_diag *diag) VCH_MUST;
/* One PEM certificate to DER; and back, with a trailing newline. */
enum vch_err vch_certificate_from_pem(struct vch_str pem, struct vch_arena *arena, struct vch_str *ret_der, struct vch_diag *diag) VCH_MUST;
struct vch_str vch_certificate_to_pem(struct vch_str der, struct vch_arena *arena);

#endif
