#include "service/claim_hand.h"

#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/digest.h"
#include "core/claim_text.h"
#include "pki/csr.h"

static EVP_PKEY *read_key(struct vch_str pem) {
    BIO *bio = pem.len && pem.len <= INT_MAX ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    return key;
}

static bool read_number(struct vch_str pem, uint8_t number[32]) {
    EVP_PKEY *key = read_key(pem);
    BIGNUM *n = NULL;
    char group[32];
    bool p256 = key && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 && vch_str_eq_c(VCH_STR("prime256v1"), group);
    bool read = p256 && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &n) == 1 && BN_bn2binpad(n, number, 32) == 32;
    BN_clear_free(n);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return read;
}

static enum vch_err put_text(struct vch_call *call, const struct vch_claim_text *claim) {
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init_secret(&buf, VCH_CLAIM_TEXT_MAX);
    enum vch_err err = vch_claim_text_encode(claim, &buf);
    if (err == VCH_OK) err = vch_buf_finish(&buf, &text);
    if (err == VCH_OK) {
        text = vch_arena_str(call->arena, text);
        err = text.ptr ? vch_val_put_str(call->arena, call->out, "claimText", text) : VCH_ERR_NOMEM;
    }
    vch_buf_deinit(&buf);
    return err == VCH_ERR_INVALID || err == VCH_ERR_TOO_LARGE ? VCH_OK : err;
}

enum vch_err vch_claim_hand_put(struct vch_call *call, struct vch_str template_name) {
    struct vch_claim_text claim = {.endpoint = call->service->endpoint_host,
                                   .template_name = template_name,
                                   .mqtt_port = (uint16_t)call->service->mqtt_port,
                                   .edge_port = (uint16_t)call->service->edge_port};
    struct vch_str der, root;
    if (!read_number(vch_val_str_at(vch_val_get(call->out, "keyPair"), "PrivateKey"), claim.key)) return VCH_OK;
    enum vch_err err = vch_certificate_from_pem(vch_val_str_at(call->out, "certificatePem"), call->arena, &der, NULL);
    if (!err) err = vch_certificate_from_pem(call->service->root_pem, call->arena, &root, NULL);
    if (!err) vch_sha256(root, claim.root);
    if (!err) err = vch_claim_text_describe(der, &claim);
    if (!err) err = put_text(call, &claim);
    vch_wipe(&claim, sizeof claim);
    return err == VCH_ERR_NOMEM ? err : VCH_OK; /* the claim is made: what has no text is handed over in another way */
}
