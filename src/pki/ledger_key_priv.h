/* The key that signs checkpoints of the ledger, inside the signer. One thread. */
#ifndef VCH_PKI_LEDGER_KEY_PRIV_H
#define VCH_PKI_LEDGER_KEY_PRIV_H

#include <openssl/evp.h>

#include "core/ledger.h"
#include "pki/issue_priv.h"

struct vch_ledger_key {
    EVP_PKEY *key;
    int64_t last_seq; /* of the checkpoints signed since start */
    uint8_t signature[80]; /* the last one */
    size_t signature_len;
    uint8_t spki[128];
    size_t spki_len;
};
/* A P-256 key (PEM). MALFORMED. */
enum vch_err vch_ledger_key_init(struct vch_ledger_key *ledger, struct vch_str key_pem, struct vch_diag *diag) VCH_MUST;
void vch_ledger_key_deinit(struct vch_ledger_key *ledger); /* zeroed memory is fine */
/* `now_ms` below zero: the clock is not compared (test clock). */
enum vch_refusal vch_ledger_key_sign(struct vch_ledger_key *ledger, const struct vch_ledger_checkpoint *checkpoint, int64_t now_ms);

#endif
