/* CA certificates of others. Source: AWS RegisterCACertificate and its
 * siblings. What they bring by just-in-time registration is stored here and
 * carried out elsewhere. */
#include "base/codec.h"
#include "base/digest.h"
#include "core/reason.h"
#include "core/template.h"
#include "pki/foreign.h"
#include "service/authority_code.h"
#include "service/change.h"
#include "service/page.h"
#include "service/tags.h"

static struct vch_str id_of(const struct vch_call *call) {
    return vch_val_str_at(call->in, "caCertificateId");
}

static enum vch_err bad_field(struct vch_call *call, const char *field, const char *why) {
    return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_INVALID, field, "%s", why);
}

/* ---- how devices of an authority are provisioned ---- */

struct registration {
    bool given;
    struct vch_str template_name, template_body, role_arn;
};

static enum vch_err check_named(struct vch_call *call, struct vch_str name) {
    struct vch_rec_template template;
    VCH_TRY(vch_store_template(call->service->store, name, 0, &template, call->arena, call->diag));
    if (vch_str_eq_c(template.type, "JITP")) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_INVALID, TEMPLATE_INVALID, "registrationConfig.templateName",
                      "Template %.*s is not of type JITP.", VCH_STR_ARG(name));
}

static enum vch_err registration_of(struct vch_call *call, struct registration *ret) {
    const struct vch_val *config = vch_val_get(call->in, "registrationConfig");
    *ret = (struct registration){.given = config != NULL};
    if (!config) return VCH_OK;
    ret->template_name = vch_val_str_at(config, "templateName");
    ret->template_body = vch_val_str_at(config, "templateBody");
    ret->role_arn = vch_val_str_at(config, "roleArn");
    bool named = ret->template_name.len > 0, written = ret->template_body.len > 0;
    if (named == written) return bad_field(call, "registrationConfig", "registrationConfig has either templateName or templateBody.");
    if (written && ret->role_arn.len == 0) return bad_field(call, "registrationConfig", "A templateBody needs a roleArn.");
    return named ? check_named(call, ret->template_name) : vch_template_check(VCH_TEMPLATE_JITP, ret->template_body, call->diag);
}

/* ---- registration ---- */

/* Source: AWS RegisterCACertificate: in DEFAULT mode the authority's key signs a
 * certificate whose common name is the registration code; in SNI_ONLY none. */
static enum vch_err check_proof(struct vch_call *call, const struct vch_foreign *ca, bool sni_only) {
    struct vch_str pem = vch_val_str_at(call->in, "verificationCertificate"), code;
    struct vch_foreign proof;
    if (sni_only && pem.len) return bad_field(call, "verificationCertificate", "In mode SNI_ONLY there is no verificationCertificate.");
    if (sni_only) return VCH_OK;
    if (pem.len == 0) return bad_field(call, "verificationCertificate", "In mode DEFAULT a verificationCertificate is needed.");
    VCH_TRY(vch_foreign_parse(pem, "verificationCertificate", call->now_ms, call->arena, &proof, call->diag));
    if (!vch_foreign_signed_by(proof.der, ca->der))
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, CERTIFICATE_INVALID, "verificationCertificate",
                          "The CA certificate did not sign the verification certificate.");
    VCH_TRY(vch_registration_code(call, &code));
    if (code.len && vch_ct_eq(code.ptr, code.len, proof.subject_cn.ptr, proof.subject_cn.len)) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_INVALID, REGISTRATION_CODE_INVALID, "verificationCertificate",
                      "The common name of the verification certificate is not the registration code.");
}

static enum vch_err parse_authority(struct vch_call *call, struct vch_foreign *ret) {
    VCH_TRY(vch_foreign_parse(vch_val_str_at(call->in, "caCertificate"), "caCertificate", call->now_ms, call->arena, ret,
                              call->diag));
    if (ret->is_ca) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_INVALID, CERTIFICATE_INVALID, "caCertificate",
                      "The certificate is not that of an authority: it lacks the basic constraint CA:TRUE.");
}

static enum vch_err save(struct vch_call *call, const struct vch_foreign *x, const struct registration *how,
                         struct vch_str *ret_id) {
    struct vch_change change;
    struct vch_str mode = vch_val_str_at(call->in, "certificateMode");
    const struct vch_rec_authority ca = {
        .id = vch_arena_str(call->arena, vch_str_from(x->id)),
        .pem = x->pem,
        .subject = vch_str_from(x->subject),
        .status = vch_val_bool_at(call->in, "setAsActive", false) ? VCH_STR("ACTIVE") : VCH_STR("INACTIVE"),
        .mode = mode.len ? mode : VCH_STR("DEFAULT"),
        .template_name = how->template_name,
        .template_body = how->template_body,
        .role_arn = how->role_arn,
        .auto_registration = vch_val_bool_at(call->in, "allowAutoRegistration", false),
        .not_before_ms = x->not_before_ms,
        .not_after_ms = x->not_after_ms,
        .created_ms = call->now_ms,
        .modified_ms = call->now_ms,
        .customer_version = 1,
    };
    *ret_id = ca.id;
    if (!ca.id.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_change_begin(call, "ca-registered", &change));
    VCH_TRY(vch_change_about(call, &change, "caCertificateId", ca.id));
    vch_plan_authority_insert(change.plan, &ca);
    VCH_TRY(vch_tags_at_creation(call, change.plan, "cacert", ca.id));
    enum vch_err err = vch_change_apply(call, &change);
    return vch_call_taken(call, err, "cacert", ca.id, vch_reason_code(VCH_REASON_CA_EXISTS),
                          "The CA certificate is already registered");
}

enum vch_err vch_uc_register_ca_certificate(struct vch_call *call) {
    struct vch_foreign x;
    struct registration how;
    struct vch_str id;
    VCH_TRY(parse_authority(call, &x));
    VCH_TRY(check_proof(call, &x, vch_str_eq_c(vch_val_str_at(call->in, "certificateMode"), "SNI_ONLY")));
    VCH_TRY(registration_of(call, &how));
    VCH_TRY(save(call, &x, &how, &id));
    VCH_TRY(vch_put_arn(call, call->out, "certificateArn", "cacert", id));
    return vch_val_put_str(call->arena, call->out, "certificateId", id);
}

/* ---- reading ---- */

static enum vch_err put_authority(struct vch_call *call, struct vch_val *map, const struct vch_rec_authority *ca) {
    if (!map) return VCH_ERR_NOMEM;
    VCH_TRY(vch_put_arn(call, map, "certificateArn", "cacert", ca->id));
    VCH_TRY(vch_val_put_str(call->arena, map, "certificateId", ca->id));
    VCH_TRY(vch_val_put_str(call->arena, map, "status", ca->status));
    return vch_val_put_time(call->arena, map, "creationDate", ca->created_ms);
}

/* In the form of a UUID, and another one after every change. */
static enum vch_err put_generation(struct vch_call *call, struct vch_val *map, const struct vch_rec_authority *ca) {
    char hex[VCH_SHA256_HEX];
    struct vch_str seed = vch_arena_printf(call->arena, "%.*s/%lld", VCH_STR_ARG(ca->id), (long long)ca->customer_version);
    if (!seed.ptr) return VCH_ERR_NOMEM;
    vch_sha256_hex(seed, hex);
    struct vch_str uuid = vch_arena_printf(call->arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
    return uuid.ptr ? vch_val_put_str(call->arena, map, "generationId", uuid) : VCH_ERR_NOMEM;
}

static enum vch_err put_registration(struct vch_call *call, const struct vch_rec_authority *ca) {
    if (ca->template_name.len == 0 && ca->template_body.len == 0) return VCH_OK;
    struct vch_val *map = vch_val_put_map(call->arena, call->out, "registrationConfig");
    if (!map) return VCH_ERR_NOMEM;
    if (ca->template_name.len) VCH_TRY(vch_val_put_str(call->arena, map, "templateName", ca->template_name));
    if (ca->template_body.len) VCH_TRY(vch_val_put_str(call->arena, map, "templateBody", ca->template_body));
    return ca->role_arn.len ? vch_val_put_str(call->arena, map, "roleArn", ca->role_arn) : VCH_OK;
}

enum vch_err vch_uc_describe_ca_certificate(struct vch_call *call) {
    struct vch_rec_authority ca;
    VCH_TRY(vch_store_authority(call->service->store, id_of(call), &ca, call->arena, call->diag));
    struct vch_val *map = vch_val_put_map(call->arena, call->out, "certificateDescription");
    VCH_TRY(put_authority(call, map, &ca));
    VCH_TRY(vch_val_put_str(call->arena, map, "certificatePem", ca.pem));
    VCH_TRY(vch_val_put_str(call->arena, map, "ownedBy", call->service->site.account));
    VCH_TRY(vch_val_put_str(call->arena, map, "autoRegistrationStatus",
                            ca.auto_registration ? VCH_STR("ENABLE") : VCH_STR("DISABLE")));
    VCH_TRY(vch_val_put_time(call->arena, map, "lastModifiedDate", ca.modified_ms));
    VCH_TRY(vch_val_put_int(call->arena, map, "customerVersion", ca.customer_version));
    VCH_TRY(put_generation(call, map, &ca));
    VCH_TRY(vch_val_put_str(call->arena, map, "certificateMode", ca.mode));
    struct vch_val *validity = vch_val_put_map(call->arena, map, "validity");
    if (!validity) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_time(call->arena, validity, "notBefore", ca.not_before_ms));
    VCH_TRY(vch_val_put_time(call->arena, validity, "notAfter", ca.not_after_ms));
    return put_registration(call, &ca);
}

enum vch_err vch_uc_list_ca_certificates(struct vch_call *call) {
    struct vch_str template_name = vch_val_str_at(call->in, "templateName"), last = {NULL, 0};
    struct vch_paging paging = {.marker = true, .list = "ListCACertificates", .scope = template_name};
    struct vch_list_authority list;
    paging.page.descending = !vch_val_bool_at(call->in, "isAscendingOrder", false);
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_authorities(call->service->store, template_name, paging.page, &list, call->arena, call->diag));
    struct vch_val *certificates = vch_val_put_list(call->arena, call->out, "certificates");
    for (size_t i = 0; i < list.count; i++) {
        last = list.items[i].id;
        VCH_TRY(put_authority(call, vch_val_push_map(call->arena, certificates), &list.items[i]));
    }
    return vch_paging_close(call, &paging, list.more, last);
}

/* ---- change and deletion ---- */

static enum vch_err change_of(struct vch_call *call, struct vch_authority_change *ret) {
    struct vch_str automatic = vch_val_str_at(call->in, "newAutoRegistrationStatus");
    struct registration how;
    bool remove = vch_val_bool_at(call->in, "removeAutoRegistration", false);
    VCH_TRY(registration_of(call, &how));
    if (remove && (how.given || vch_str_eq_c(automatic, "ENABLE")))
        return bad_field(call, "removeAutoRegistration", "Removing the registration and setting it do not go together.");
    *ret = (struct vch_authority_change){
        .id = id_of(call),
        .status = vch_val_str_at(call->in, "newStatus"),
        .set_auto_registration = remove || automatic.len > 0,
        .auto_registration = vch_str_eq_c(automatic, "ENABLE"),
        .set_registration = remove || how.given,
        .template_name = how.template_name,
        .template_body = how.template_body,
        .role_arn = how.role_arn,
        .now_ms = call->now_ms,
    };
    return VCH_OK;
}

enum vch_err vch_uc_update_ca_certificate(struct vch_call *call) {
    struct vch_rec_authority ca;
    struct vch_authority_change wanted;
    struct vch_change change;
    VCH_TRY(vch_store_authority(call->service->store, id_of(call), &ca, call->arena, call->diag));
    VCH_TRY(change_of(call, &wanted));
    if (wanted.status.len == 0 && !wanted.set_auto_registration && !wanted.set_registration) return VCH_OK;
    VCH_TRY(vch_change_begin(call, "ca-updated", &change));
    const char *names[] = {"caCertificateId", "status", NULL};
    struct vch_str values[] = {ca.id, wanted.status.len ? wanted.status : ca.status};
    VCH_TRY(vch_change_detail(call, &change, names, values));
    vch_plan_authority_update(change.plan, &wanted);
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_delete_ca_certificate(struct vch_call *call) {
    struct vch_change change;
    VCH_TRY(vch_change_begin(call, "ca-deleted", &change));
    VCH_TRY(vch_change_about(call, &change, "caCertificateId", id_of(call)));
    vch_plan_authority_delete(change.plan, id_of(call));
    return vch_change_apply(call, &change);
}
