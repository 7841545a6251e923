/* A claim as a text short enough for a QR code: "VCH1:" and base45 of the bytes
 * that docs/claim-qr.md publishes. The text holds a private key: keep it and
 * what is decoded from it in memory that is wiped. The certificate is not in it
 * whole: what the profile of claims fixes, and what the key tells, is put back.
 * Pure; any thread.
 */
#ifndef VCH_CORE_CLAIM_TEXT_H
#define VCH_CORE_CLAIM_TEXT_H

#include "base/arena.h"
#include "base/buf.h"

enum {
    VCH_CLAIM_TEXT_MAX = 2000, /* characters */
    VCH_CLAIM_POINT = 65       /* of P-256, uncompressed: 4, x, y */
};

struct vch_claim_text {
    uint8_t key[32];  /* P-256 private number, big endian */
    uint8_t root[32]; /* SHA-256 of the root certificate's DER */
    uint32_t not_before_s, not_after_s;
    uint16_t mqtt_port, edge_port; /* 0: not said */
    struct vch_str endpoint;       /* host name or address */
    struct vch_str template_name;
    /* What is particular to the certificate. */
    uint8_t serial[20];
    uint8_t subject[32];   /* the common name's 64 digits as bytes */
    uint8_t signature[64]; /* r, s */
    struct vch_str issuer; /* DER Name */
};

/* True for what begins like one, of whatever version and case. */
bool vch_claim_text_is(struct vch_str text);
/* Appends the text; INVALID when a part is out of its bounds. */
enum vch_err vch_claim_text_encode(const struct vch_claim_text *claim, struct vch_buf *text) VCH_MUST;
/* Line ends behind the text are fine. Views into the arena, which should be one
 * that wipes. MALFORMED or TOO_LARGE, with a sentence and reason "claim-text". */
enum vch_err vch_claim_text_decode(struct vch_str text, struct vch_arena *arena, struct vch_claim_text *ret,
                                   struct vch_diag *diag) VCH_MUST;

/* Fills the particulars and the times from a certificate (DER); views of it.
 * INVALID when it is not exactly one that vch_claim_text_certificate would give back. */
enum vch_err vch_claim_text_describe(struct vch_str der, struct vch_claim_text *ret) VCH_MUST;
/* Appends the certificate (DER) for the public key of `claim->key`. INVALID. */
enum vch_err vch_claim_text_certificate(const struct vch_claim_text *claim, const uint8_t point[VCH_CLAIM_POINT],
                                        struct vch_buf *der) VCH_MUST;

#endif
