#include "pki/ledger_key_priv.h"

#include <openssl/x509.h>

#include "core/names.h"
#include "core/reason.h"
#include "pki/authority_priv.h"

enum vch_err vch_ledger_key_init(struct vch_ledger_key *ledger, struct vch_str key_pem, struct vch_diag *diag) {
    uint8_t *at = ledger->spki;
    ledger->key = vch_authority_parse_key(key_pem);
    bool sound = ledger->key && EVP_PKEY_get_base_id(ledger->key) == EVP_PKEY_EC && EVP_PKEY_get_bits(ledger->key) == 256;
    int len = sound ? i2d_PUBKEY(ledger->key, NULL) : 0;
    if (len > 0 && (size_t)len <= sizeof ledger->spki) ledger->spki_len = (size_t)i2d_PUBKEY(ledger->key, &at);
    if (ledger->spki_len) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_MALFORMED, SIGNER_FAILED, "ca/ledger.key", "The ledger's key is not a P-256 key.");
}

void vch_ledger_key_deinit(struct vch_ledger_key *ledger) {
    EVP_PKEY_free(ledger->key);
    *ledger = (struct vch_ledger_key){.key = NULL};
}

static enum vch_refusal check(const struct vch_ledger_key *ledger, const struct vch_ledger_checkpoint *c, int64_t now_ms) {
    const int64_t slack_ms = INT64_C(1000) * VCH_ISSUE_CLOCK_S;
    if (!vch_account_valid(c->account) || c->seq < 1 || c->seq < ledger->last_seq) return VCH_REFUSAL_PROFILE;
    if (c->time_ms < 0 || c->time_ms > VCH_ISSUE_LAST_MS) return VCH_REFUSAL_LIFETIME;
    bool near = now_ms < 0 || (c->time_ms <= now_ms + slack_ms && c->time_ms >= now_ms - slack_ms);
    return near ? VCH_REFUSAL_NONE : VCH_REFUSAL_CLOCK;
}

static bool sign(struct vch_ledger_key *ledger, struct vch_str text) {
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    size_t len = sizeof ledger->signature;
    bool ok = md && EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, ledger->key) == 1 &&
              EVP_DigestSign(md, ledger->signature, &len, (const unsigned char *)text.ptr, text.len) == 1;
    EVP_MD_CTX_free(md);
    ledger->signature_len = ok ? len : 0;
    return ok;
}

enum vch_refusal vch_ledger_key_sign(struct vch_ledger_key *ledger, const struct vch_ledger_checkpoint *checkpoint, int64_t now_ms) {
    struct vch_buf buf;
    struct vch_str text;
    enum vch_refusal refusal = check(ledger, checkpoint, now_ms);
    if (refusal != VCH_REFUSAL_NONE) return refusal;
    vch_buf_init(&buf, 512);
    vch_ledger_checkpoint_text(checkpoint, &buf);
    bool ok = vch_buf_finish(&buf, &text) == VCH_OK && sign(ledger, text);
    vch_buf_deinit(&buf);
    if (!ok) return VCH_REFUSAL_FAILED;
    ledger->last_seq = checkpoint->seq;
    return VCH_REFUSAL_NONE;
}
