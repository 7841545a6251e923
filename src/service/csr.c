/* AWS CreateCertificateFromCsr over MQTT. */
#include "core/reason.h"
#include "pki/csr.h"
#include "service/claim_rules.h"

enum vch_err vch_uc_claim_csr(struct vch_call *call) {
    struct vch_rec_claim claim;
    struct vch_binding binding;
    VCH_TRY(vch_claim_of_caller(call, false, &claim, &binding));
    const struct vch_val *pem = vch_val_get(call->in, "certificateSigningRequest");
    if (!vch_val_is(pem, VCH_VAL_STR) || pem->str.len == 0)
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, CSR_INVALID, "certificateSigningRequest",
                          "The request holds no certificateSigningRequest.");
    struct vch_csr csr;
    VCH_TRY(vch_csr_check(pem->str, call->arena, &csr, call->diag));
    VCH_TRY(vch_binding_key(&binding, csr.spki, call->diag));
    struct vch_issued issued;
    VCH_TRY(vch_claim_issue_device(call, csr.spki, csr.subject, &issued));
    return vch_claim_save_certificate(call, &claim, &binding, &issued);
}
