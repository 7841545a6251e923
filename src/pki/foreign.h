/* Certificates that others made, brought for registration: checked for form,
 * key and signature algorithm, described, and tested against the authority
 * that is said to have signed them. Any thread; views into the arena.
 * Source: AWS IoT "X.509 client certificates".
 */
#ifndef VCH_PKI_FOREIGN_H
#define VCH_PKI_FOREIGN_H

#include "base/arena.h"

struct vch_foreign {
    struct vch_str der;
    struct vch_str pem; /* of `der`, in our own lines */
    char id[65];        /* lower-hex SHA-256 of the DER */
    char subject[65], issuer[65]; /* the same of the names */
    int64_t not_before_ms, not_after_ms;
    struct vch_str subject_cn; /* first, or empty */
    bool is_ca;                /* basic constraints say so */
};

/* One PEM certificate, RSA of 2048 bits and more or P-256, P-384, P-521, signed
 * with SHA-256, -384 or -512, not expired at `now_ms`. INVALID with
 * CERTIFICATE_INVALID and `field`. */
enum vch_err vch_foreign_parse(struct vch_str pem, const char *field, int64_t now_ms, struct vch_arena *arena,
                               struct vch_foreign *ret, struct vch_diag *diag) VCH_MUST;
/* Whether `ca_der` names the issuer of `der` and its key made the signature. */
bool vch_foreign_signed_by(struct vch_str der, struct vch_str ca_der);

#endif
