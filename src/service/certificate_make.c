/* AWS CreateKeysAndCertificate and CreateCertificateFromCsr over HTTPS. */
#include "service/certificate_make.h"

#include "base/clock.h"
#include "core/claim.h"
#include "pki/csr.h"
#include "service/change.h"
#include "service/claim_rules.h"

enum vch_err vch_certificate_plan_issued(struct vch_call *call, struct vch_plan *plan, struct vch_str spki,
                                         struct vch_str subject, struct vch_str status,
                                         struct vch_rec_certificate *ret) {
    struct vch_issued issued;
    VCH_TRY(vch_claim_issue_device(call, spki, subject, &issued));
    *ret = (struct vch_rec_certificate){
        .id = vch_arena_str(call->arena, vch_str_from(issued.id)),
        .pem = issued.pem,
        .status = status,
        .mode = VCH_STR("DEFAULT"),
        .not_before_ms = call->now_ms / 1000 * 1000 - VCH_CLAIM_BACKDATE_S * INT64_C(1000),
        .not_after_ms = vch_time_from_utc(2049, 12, 31, 23, 59, 59),
        .created_ms = call->now_ms,
        .modified_ms = call->now_ms,
        .customer_version = 1,
    };
    if (!ret->id.ptr) return VCH_ERR_NOMEM;
    vch_plan_certificate_insert(plan, ret);
    return VCH_OK;
}

static enum vch_err make(struct vch_call *call, struct vch_str spki, struct vch_str subject) {
    struct vch_change change;
    struct vch_rec_certificate c;
    struct vch_str status = vch_val_bool_at(call->in, "setAsActive", false) ? VCH_STR("ACTIVE") : VCH_STR("INACTIVE");
    VCH_TRY(vch_change_begin(call, "certificate-created", &change));
    VCH_TRY(vch_certificate_plan_issued(call, change.plan, spki, subject, status, &c));
    change.row.certificate_id = c.id;
    VCH_TRY(vch_change_about(call, &change, "status", status));
    VCH_TRY(vch_change_apply(call, &change));
    VCH_TRY(vch_put_arn(call, call->out, "certificateArn", "cert", c.id));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "certificateId", c.id));
    return vch_val_put_str(call->arena, call->out, "certificatePem", c.pem);
}

static enum vch_err put_copy(struct vch_call *call, struct vch_val *map, const char *name, const struct vch_buf *text) {
    struct vch_str copy = vch_arena_str(call->arena, vch_str_of(text->ptr, text->len));
    return copy.ptr && map ? vch_val_put_str(call->arena, map, name, copy) : VCH_ERR_NOMEM;
}

static enum vch_err make_for_pair(struct vch_call *call, const struct vch_keypair *pair) {
    VCH_TRY(make(call, vch_str_of(pair->spki.ptr, pair->spki.len), VCH_STR("")));
    struct vch_val *keys = vch_val_put_map(call->arena, call->out, "keyPair");
    VCH_TRY(put_copy(call, keys, "PublicKey", &pair->public_pem));
    return put_copy(call, keys, "PrivateKey", &pair->private_pem);
}

enum vch_err vch_uc_create_keys_and_certificate(struct vch_call *call) {
    struct vch_keypair pair = {0};
    VCH_TRY(vch_key_pool_take(call->service->keys, &pair, call->diag));
    enum vch_err err = make_for_pair(call, &pair);
    vch_keypair_deinit(&pair);
    return err;
}

enum vch_err vch_uc_create_certificate_from_csr(struct vch_call *call) {
    struct vch_csr csr;
    VCH_TRY(vch_csr_check(vch_val_str_at(call->in, "certificateSigningRequest"), call->arena, &csr, call->diag));
    return make(call, csr.spki, csr.subject);
}
