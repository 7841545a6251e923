/* Issuing certificates (RFC 5280): what a profile allows, and the certificate
 * built from prepared pieces of DER, because the X509 calls cost ten times the
 * signature. An issuer belongs to one thread. */
#ifndef VCH_PKI_ISSUE_PRIV_H
#define VCH_PKI_ISSUE_PRIV_H

#include <openssl/evp.h>

#include "pki/signer.h"

enum {
    VCH_ISSUE_MAX = 4096, /* bytes of a certificate */
    VCH_ISSUE_BACKDATE_S = 120,
    VCH_ISSUE_CLOCK_S = 600, /* how far a start may lie from the signer's clock */
    VCH_ISSUE_CLAIM_S = 86400 /* lifetime of a claim, back-dating not counted */
};
/* 2049-12-31T23:59:59Z, AWS's end of a device certificate and of our issuers. */
#define VCH_ISSUE_LAST_MS INT64_C(2524607999000)

struct vch_issuer {
    EVP_PKEY *key;
    EVP_PKEY_CTX *sign;
    uint8_t name[512];
    size_t name_len;
    uint8_t key_id[20];
};
/* Reads an issuer's P-256 key and certificate (PEM); they must belong together. MALFORMED. */
enum vch_err vch_issuer_init(struct vch_issuer *issuer, struct vch_str key_pem, struct vch_str certificate_pem,
                             struct vch_diag *diag) VCH_MUST;
void vch_issuer_deinit(struct vch_issuer *issuer); /* wipes; zeroed memory is fine */

/* What a request is refused for; words of the wire between client and signer. */
enum vch_refusal {
    VCH_REFUSAL_NONE,
    VCH_REFUSAL_MALFORMED,
    VCH_REFUSAL_PROFILE,
    VCH_REFUSAL_LIFETIME,
    VCH_REFUSAL_CLOCK,
    VCH_REFUSAL_KEY,
    VCH_REFUSAL_SUBJECT,
    VCH_REFUSAL_FAILED,
    VCH_REFUSAL_COUNT
};
/* `now_ms` below zero: the clock is not compared (test clock). */
enum vch_refusal vch_issue_check(const struct vch_issue *issue, int64_t now_ms);
/* Builds and signs what vch_issue_check let pass. False when libcrypto fails. */
bool vch_issue_build(const struct vch_issuer *issuer, const struct vch_issue *issue, uint8_t out[VCH_ISSUE_MAX],
                     size_t *ret_len);

#endif
