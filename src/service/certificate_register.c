/* AWS RegisterCertificate and RegisterCertificateWithoutCA. */
#include "service/certificate_register.h"

#include "core/reason.h"
#include "pki/csr.h"
#include "pki/foreign.h"
#include "service/change.h"

static enum vch_err invalid(struct vch_call *call, const char *field, const char *why) {
    return VCH_REFUSE(call->diag, VCH_ERR_INVALID, CERTIFICATE_INVALID, field, "%s", why);
}

static struct vch_rec_certificate record_of(struct vch_call *call, const struct vch_foreign *x, struct vch_str status) {
    return (struct vch_rec_certificate){
        .id = vch_arena_str(call->arena, vch_str_from(x->id)),
        .pem = x->pem,
        .status = status,
        .not_before_ms = x->not_before_ms,
        .not_after_ms = x->not_after_ms,
        .created_ms = call->now_ms,
        .modified_ms = call->now_ms,
        .customer_version = 1,
    };
}

static enum vch_err signs(struct vch_call *call, const struct vch_rec_authority *ca, const struct vch_foreign *x, bool *ret) {
    struct vch_str der;
    VCH_TRY(vch_certificate_from_pem(ca->pem, call->arena, &der, call->diag));
    *ret = vch_foreign_signed_by(x->der, der);
    return VCH_OK;
}

/* The one authority of the issuer's name whose key made the signature. */
static enum vch_err find_signer(struct vch_call *call, const struct vch_foreign *x, struct vch_rec_authority *ret) {
    struct vch_list_authority list;
    size_t found = 0;
    VCH_TRY(vch_store_authorities_of_subject(call->service->store, vch_str_from(x->issuer), &list, call->arena, call->diag));
    for (size_t i = 0; i < list.count; i++) {
        bool holds = false;
        VCH_TRY(signs(call, &list.items[i], x, &holds));
        if (holds && found++ == 0) *ret = list.items[i];
    }
    if (found == 0) return invalid(call, "certificatePem", "No registered CA certificate signed this certificate.");
    if (found == 1) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_CONFLICT, CERTIFICATE_AMBIGUOUS, "caCertificatePem",
                      "%zu registered CA certificates could have signed this certificate; caCertificatePem must name one.", found);
}

static enum vch_err named_signer(struct vch_call *call, const struct vch_foreign *x, struct vch_str ca_pem,
                                 struct vch_rec_authority *ret) {
    struct vch_foreign ca;
    VCH_TRY(vch_foreign_parse(ca_pem, "caCertificatePem", call->now_ms, call->arena, &ca, call->diag));
    if (!vch_foreign_signed_by(x->der, ca.der))
        return invalid(call, "caCertificatePem", "The CA certificate did not sign the certificate.");
    enum vch_err err = vch_store_authority(call->service->store, vch_str_from(ca.id), ret, call->arena, NULL);
    if (err == VCH_ERR_NOT_FOUND) return invalid(call, "caCertificatePem", "The CA certificate is not registered.");
    return err == VCH_OK ? err : VCH_REFUSE(call->diag, err, STORE_FAILED, "", "The registry could not be read.");
}

enum vch_err vch_certificate_plan_registered(struct vch_call *call, struct vch_plan *plan, struct vch_str pem,
                                             struct vch_str ca_pem, struct vch_str status,
                                             struct vch_rec_certificate *ret) {
    struct vch_foreign x;
    struct vch_rec_authority ca;
    VCH_TRY(vch_foreign_parse(pem, "certificatePem", call->now_ms, call->arena, &x, call->diag));
    VCH_TRY(ca_pem.len ? named_signer(call, &x, ca_pem, &ca) : find_signer(call, &x, &ca));
    *ret = record_of(call, &x, status);
    if (!ret->id.ptr) return VCH_ERR_NOMEM;
    ret->mode = ca.mode;
    ret->ca_id = ca.id;
    vch_plan_need_authority(plan, ca.id);
    vch_plan_certificate_insert(plan, ret);
    return VCH_OK;
}

/* Source: the API's model: `status` stands above the older setAsActive. */
static enum vch_err status_of(struct vch_call *call, struct vch_str *ret) {
    struct vch_str word = vch_val_str_at(call->in, "status");
    bool active = word.len ? vch_str_eq_c(word, "ACTIVE") : vch_val_bool_at(call->in, "setAsActive", false);
    *ret = active ? VCH_STR("ACTIVE") : VCH_STR("INACTIVE");
    if (word.len == 0 || active || vch_str_eq_c(word, "INACTIVE") || vch_str_eq_c(word, "REGISTER_INACTIVE")) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_STATE, CERTIFICATE_STATE, "status",
                      "A certificate is registered ACTIVE or INACTIVE, not %.*s.", VCH_STR_ARG(word));
}

static enum vch_err apply(struct vch_call *call, struct vch_change *change, const struct vch_rec_certificate *c) {
    const char *names[] = {"status", "caCertificateId", NULL};
    struct vch_str values[] = {c->status, c->ca_id};
    change->row.certificate_id = c->id;
    VCH_TRY(vch_change_detail(call, change, names, values));
    enum vch_err err = vch_change_apply(call, change);
    VCH_TRY(vch_call_taken(call, err, "cert", c->id, vch_reason_code(VCH_REASON_CERTIFICATE_EXISTS),
                           "The certificate is already provisioned or registered"));
    VCH_TRY(vch_put_arn(call, call->out, "certificateArn", "cert", c->id));
    return vch_val_put_str(call->arena, call->out, "certificateId", c->id);
}

enum vch_err vch_uc_register_certificate(struct vch_call *call) {
    struct vch_change change;
    struct vch_rec_certificate c;
    struct vch_str status;
    VCH_TRY(status_of(call, &status));
    VCH_TRY(vch_change_begin(call, "certificate-registered", &change));
    VCH_TRY(vch_certificate_plan_registered(call, change.plan, vch_val_str_at(call->in, "certificatePem"),
                                            vch_val_str_at(call->in, "caCertificatePem"), status, &c));
    return apply(call, &change, &c);
}

enum vch_err vch_uc_register_certificate_without_ca(struct vch_call *call) {
    struct vch_change change;
    struct vch_foreign x;
    struct vch_str status;
    VCH_TRY(status_of(call, &status));
    VCH_TRY(vch_change_begin(call, "certificate-registered", &change));
    VCH_TRY(vch_foreign_parse(vch_val_str_at(call->in, "certificatePem"), "certificatePem", call->now_ms, call->arena, &x,
                              call->diag));
    struct vch_rec_certificate c = record_of(call, &x, status);
    if (!c.id.ptr) return VCH_ERR_NOMEM;
    c.mode = VCH_STR("SNI_ONLY");
    vch_plan_certificate_insert(change.plan, &c);
    return apply(call, &change, &c);
}
