/* AWS RegisterThing over HTTPS: a template in the request, run with the
 * caller's parameters, all or nothing. The certificate comes by its id, by a
 * signing request or as PEM. */
#include <string.h>

#include "core/reason.h"
#include "pki/csr.h"
#include "service/certificate_make.h"
#include "service/certificate_register.h"
#include "service/change.h"
#include "service/template_policies.h"
#include "service/template_things.h"

struct registration {
    struct vch_call *call;
    struct vch_template_plan wanted;
    struct vch_change change;
    struct vch_rec_certificate certificate;
    struct vch_str policy_names[VCH_TEMPLATE_POLICIES_MAX];
};

static struct vch_str wanted_status(const struct registration *r) {
    return r->wanted.certificate_active ? VCH_STR("ACTIVE") : VCH_STR("INACTIVE");
}

static enum vch_err conflict(struct registration *r) {
    return VCH_REFUSE(r->call->diag, VCH_ERR_CONFLICT, THING_CONFLICT, "Status", "The certificate %.*s is %.*s.",
                      VCH_STR_ARG(r->certificate.id), VCH_STR_ARG(r->certificate.status));
}

/* What waits for its registration takes the template's status in any case;
 * REVOKED stays. */
static enum vch_err plan_status(struct registration *r) {
    struct vch_str from = r->certificate.status, to = wanted_status(r);
    bool pending = vch_str_eq_c(from, "PENDING_ACTIVATION");
    if (vch_str_eq(from, to)) return VCH_OK;
    if (!pending && r->wanted.override_status == VCH_OVERRIDE_DO_NOTHING) return VCH_OK;
    if (!pending && r->wanted.override_status == VCH_OVERRIDE_FAIL) return conflict(r);
    if (vch_str_eq_c(from, "REVOKED") || vch_str_eq_c(from, "PENDING_TRANSFER"))
        return VCH_REFUSE(r->call->diag, VCH_ERR_STATE, CERTIFICATE_STATE, "Status", "The certificate %.*s is %.*s.",
                          VCH_STR_ARG(r->certificate.id), VCH_STR_ARG(from));
    vch_plan_certificate_status(r->change.plan, r->certificate.id, from, to, r->call->now_ms);
    return VCH_OK;
}

static enum vch_err lower_id(struct vch_call *call, struct vch_str id, struct vch_str *ret) {
    char *lower = vch_arena_alloc(call->arena, id.len + 1);
    if (!lower) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < id.len; i++) lower[i] = (char)(id.ptr[i] >= 'A' && id.ptr[i] <= 'F' ? id.ptr[i] + 32 : id.ptr[i]);
    *ret = vch_str_of(lower, id.len);
    return VCH_OK;
}

static enum vch_err use_existing(struct registration *r, struct vch_str id) {
    struct vch_call *call = r->call;
    VCH_TRY(lower_id(call, id, &id));
    VCH_TRY(vch_store_certificate(call->service->store, id, &r->certificate, call->arena, call->diag));
    return plan_status(r);
}

static enum vch_err use_request(struct registration *r) {
    struct vch_csr csr;
    VCH_TRY(vch_csr_check(r->wanted.certificate_csr, r->call->arena, &csr, r->call->diag));
    return vch_certificate_plan_issued(r->call, r->change.plan, csr.spki, csr.subject, wanted_status(r), &r->certificate);
}

/* One that is registered already is taken as it is named by its id. */
static enum vch_err use_pem(struct registration *r) {
    struct vch_call *call = r->call;
    struct vch_certificate_info info;
    struct vch_str der;
    VCH_TRY(vch_certificate_from_pem(r->wanted.certificate_pem, call->arena, &der, call->diag));
    VCH_TRY(vch_certificate_describe(der, call->arena, &info, call->diag));
    enum vch_err err = vch_store_certificate(call->service->store, vch_str_from(info.id), &r->certificate, call->arena, NULL);
    if (err == VCH_OK) return plan_status(r);
    if (err != VCH_ERR_NOT_FOUND) return VCH_REFUSE(call->diag, err, STORE_FAILED, "", "The registry could not be read.");
    return vch_certificate_plan_registered(call, r->change.plan, r->wanted.certificate_pem, r->wanted.certificate_ca_pem,
                                           wanted_status(r), &r->certificate);
}

static enum vch_err plan_certificate(struct registration *r) {
    if (r->wanted.certificate_csr.len) return use_request(r);
    return r->wanted.certificate_pem.len ? use_pem(r) : use_existing(r, r->wanted.certificate_id);
}

static enum vch_err carry_out(struct registration *r) {
    struct vch_call *call = r->call;
    VCH_TRY(vch_change_begin(call, "thing-registered", &r->change));
    VCH_TRY(plan_certificate(r));
    VCH_TRY(vch_template_things_plan(call, &r->wanted, r->certificate.id, r->change.plan));
    VCH_TRY(vch_template_policies_plan(call, &r->wanted, r->certificate.id, r->change.plan, r->policy_names));
    r->change.row.certificate_id = r->certificate.id;
    if (r->wanted.has_thing) r->change.row.thing_name = r->wanted.thing_name;
    return vch_change_apply(call, &r->change);
}

/* Source: the API's model: what a resource of the template cannot be is a
 * failed registration; a clash with what exists stays a conflict. */
static bool stays(const struct vch_diag *diag, enum vch_err err) {
    switch (err) {
    case VCH_ERR_INVALID:
    case VCH_ERR_MALFORMED:
    case VCH_ERR_TOO_LARGE:
    case VCH_ERR_NOT_FOUND:
    case VCH_ERR_EXISTS:
    case VCH_ERR_STATE:
    case VCH_ERR_LIMIT: return false;
    case VCH_ERR_CONFLICT:
        return !diag->reason || strcmp(diag->reason, vch_reason_code(VCH_REASON_CERTIFICATE_AMBIGUOUS)) != 0;
    default: return true;
    }
}

static enum vch_err as_failure(struct vch_call *call, enum vch_err err) {
    if (!call->diag || stays(call->diag, err)) return err;
    struct vch_diag was = *call->diag;
    vch_diag_clear(call->diag);
    return VCH_REFUSE(call->diag, VCH_ERR_INVALID, REGISTRATION_FAILED, was.field, "%s",
                      was.message[0] ? was.message : "The registration failed.");
}

static enum vch_err put_arn(struct registration *r, struct vch_val *arns, struct vch_str logical_name, const char *type,
                            struct vch_str name) {
    struct vch_str arn = vch_arn(&r->call->service->site, type, name, r->call->arena);
    struct vch_val *slot = vch_val_put_str_name(r->call->arena, arns, logical_name);
    if (!slot || !arn.ptr) return VCH_ERR_NOMEM;
    *slot = (struct vch_val){.type = VCH_VAL_STR, .str = arn};
    return VCH_OK;
}

static enum vch_err answer(struct registration *r) {
    struct vch_call *call = r->call;
    VCH_TRY(vch_val_put_str(call->arena, call->out, "certificatePem", r->certificate.pem));
    struct vch_val *arns = vch_val_put_map(call->arena, call->out, "resourceArns");
    if (!arns) return VCH_ERR_NOMEM;
    VCH_TRY(put_arn(r, arns, r->wanted.certificate_logical_name, "cert", r->certificate.id));
    if (r->wanted.has_thing) VCH_TRY(put_arn(r, arns, r->wanted.thing_logical_name, "thing", r->wanted.thing_name));
    for (size_t i = 0; i < r->wanted.policy_count; i++)
        VCH_TRY(put_arn(r, arns, r->wanted.policies[i].logical_name, "policy", r->policy_names[i]));
    return VCH_OK;
}

enum vch_err vch_uc_register_thing(struct vch_call *call) {
    struct registration *r = VCH_ARENA_NEW(call->arena, struct registration);
    if (!r) return VCH_ERR_NOMEM;
    r->call = call;
    VCH_TRY(vch_template_plan(VCH_TEMPLATE_REST, vch_val_str_at(call->in, "templateBody"), vch_val_get(call->in, "parameters"),
                              VCH_STR(""), call->arena, &r->wanted, call->diag));
    VCH_TRY(as_failure(call, carry_out(r)));
    return answer(r);
}
