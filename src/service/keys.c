/* AWS CreateKeysAndCertificate over MQTT. */
#include "service/claim_rules.h"

static enum vch_err issue_and_save(struct vch_call *call, const struct vch_rec_claim *claim, const struct vch_binding *binding,
                                   const struct vch_keypair *pair) {
    struct vch_issued issued;
    VCH_TRY(vch_claim_issue_device(call, vch_str_of(pair->spki.ptr, pair->spki.len), VCH_STR(""), &issued));
    VCH_TRY(vch_claim_save_certificate(call, claim, binding, &issued));
    struct vch_str private_pem = vch_arena_str(call->arena, vch_str_of(pair->private_pem.ptr, pair->private_pem.len));
    if (!private_pem.ptr) return VCH_ERR_NOMEM;
    return vch_val_put_str(call->arena, call->out, "privateKey", private_pem);
}

enum vch_err vch_uc_claim_keys(struct vch_call *call) {
    struct vch_rec_claim claim;
    struct vch_binding binding;
    VCH_TRY(vch_claim_of_caller(call, false, &claim, &binding));
    VCH_TRY(vch_binding_key(&binding, VCH_STR(""), call->diag));
    struct vch_keypair pair = {0};
    VCH_TRY(vch_key_pool_take(call->service->keys, &pair, call->diag));
    enum vch_err err = issue_and_save(call, &claim, &binding, &pair);
    vch_keypair_deinit(&pair);
    return err;
}
