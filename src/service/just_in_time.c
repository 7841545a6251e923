#include "service/just_in_time.h"

#include <string.h>

#include "base/clock.h"
#include "core/reason.h"
#include "core/template.h"
#include "pki/csr.h"
#include "pki/foreign.h"
#include "service/change.h"
#include "service/template_policies.h"
#include "service/template_things.h"

enum { WELCOME_ARENA = 512 * 1024, EVENT_MAX = 4096 };

static enum vch_err unknown(struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, CERTIFICATE_UNKNOWN, "", "No authority brings this certificate in.");
}

static bool brings(const struct vch_rec_authority *ca, struct vch_str der, struct vch_arena *arena) {
    struct vch_str ca_der;
    return vch_str_eq_c(ca->status, "ACTIVE") && ca->auto_registration &&
           vch_certificate_from_pem(ca->pem, arena, &ca_der, NULL) == VCH_OK && vch_foreign_signed_by(der, ca_der);
}

/* The one authority; with several of the same name and key nobody knows whose it is. */
static enum vch_err find_authority(struct vch_store *store, struct vch_str der, int64_t now_ms, struct vch_arena *arena,
                                   struct vch_foreign *x, struct vch_rec_authority *ret, struct vch_diag *diag) {
    struct vch_str pem = vch_certificate_to_pem(der, arena);
    struct vch_list_authority list;
    size_t found = 0;
    if (!pem.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_foreign_parse(pem, "certificatePem", now_ms, arena, x, diag));
    VCH_TRY(vch_store_authorities_of_subject(store, vch_str_from(x->issuer), &list, arena, diag));
    for (size_t i = 0; i < list.count; i++)
        if (brings(&list.items[i], der, arena) && found++ == 0) *ret = list.items[i];
    return found == 1 ? VCH_OK : unknown(diag);
}

bool vch_stranger_welcome(struct vch_service *service, struct vch_str der) {
    struct vch_arena *arena = vch_arena_new(WELCOME_ARENA, false);
    struct vch_foreign x;
    struct vch_rec_authority ca;
    bool welcome = arena && find_authority(service->store, der, vch_now_ms(), arena, &x, &ca, NULL) == VCH_OK;
    vch_arena_free(arena);
    return welcome;
}

/* ---- parameters: the subject, as the template's predefined names ---- */

static const struct {
    const char *value, *parameter;
} subject_names[] = {
    {"iot:Certificate.Subject.Country", "AWS::IoT::Certificate::Country"},
    {"iot:Certificate.Subject.Organization", "AWS::IoT::Certificate::Organization"},
    {"iot:Certificate.Subject.OrganizationalUnit", "AWS::IoT::Certificate::OrganizationalUnit"},
    {"iot:Certificate.Subject.DistinguishedNameQualifier", "AWS::IoT::Certificate::DistinguishedNameQualifier"},
    {"iot:Certificate.Subject.State", "AWS::IoT::Certificate::StateName"},
    {"iot:Certificate.Subject.CommonName", "AWS::IoT::Certificate::CommonName"},
    {"iot:Certificate.Subject.SerialNumber", "AWS::IoT::Certificate::SerialNumber"},
};

/* Policy variables stand with a backslash before some characters; parameters do not. */
static struct vch_str plain(struct vch_arena *arena, struct vch_str text) {
    char *out = vch_arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; out && i < text.len; i++) {
        if (text.ptr[i] == '\\' && i + 1 < text.len) i++;
        out[len++] = text.ptr[i];
    }
    return vch_str_of(out, len);
}

/* The first of each kind. */
static enum vch_err put_parameter(struct vch_call *call, const struct vch_certificate_value *value, struct vch_val *map) {
    for (size_t i = 0; i < sizeof subject_names / sizeof *subject_names; i++) {
        if (strcmp(value->name, subject_names[i].value) != 0 || vch_val_get(map, subject_names[i].parameter)) continue;
        struct vch_str text = plain(call->arena, value->value);
        return text.ptr ? vch_val_put_str(call->arena, map, subject_names[i].parameter, text) : VCH_ERR_NOMEM;
    }
    return VCH_OK;
}

static enum vch_err parameters_of(struct vch_call *call, struct vch_str der, struct vch_val **ret) {
    struct vch_certificate_value *values = vch_arena_array(call->arena, VCH_CERTIFICATE_VALUES_MAX, sizeof *values);
    size_t count = 0;
    *ret = vch_val_new_map(call->arena);
    if (!values || !*ret) return VCH_ERR_NOMEM;
    VCH_TRY(vch_certificate_values(der, call->arena, values, &count, call->diag));
    for (size_t i = 0; i < count; i++) VCH_TRY(put_parameter(call, &values[i], *ret));
    return VCH_OK;
}

/* ---- what is made ---- */

/* Empty without a template. */
static enum vch_err template_of(struct vch_call *call, const struct vch_rec_authority *ca, struct vch_rec_template *ret) {
    *ret = (struct vch_rec_template){.body = ca->template_body};
    if (ca->template_name.len == 0) return VCH_OK;
    VCH_TRY(vch_store_template(call->service->store, ca->template_name, 0, ret, call->arena, call->diag));
    if (ret->enabled && vch_str_eq_c(ret->type, "JITP")) return VCH_OK;
    return VCH_REFUSE(call->diag, VCH_ERR_DENIED, TEMPLATE_DISABLED, "templateName", "The authority's template is not enabled, or not of type JITP.");
}

static enum vch_err plan_template(struct vch_call *call, const struct vch_rec_template *t, struct vch_str der, struct vch_change *change,
                                  struct vch_rec_certificate *c) {
    struct vch_template_plan *wanted = VCH_ARENA_NEW(call->arena, struct vch_template_plan);
    struct vch_val *parameters;
    if (!wanted) return VCH_ERR_NOMEM;
    VCH_TRY(parameters_of(call, der, &parameters));
    VCH_TRY(vch_template_plan(VCH_TEMPLATE_JITP, t->body, parameters, c->id, call->arena, wanted, call->diag));
    if (t->name.len) vch_plan_need_template(change->plan, t->name, true);
    if (wanted->has_thing) vch_plan_need_thing_free(change->plan, wanted->thing_name, c->id);
    VCH_TRY(vch_template_things_plan(call, wanted, c->id, change->plan));
    VCH_TRY(vch_template_policies_plan(call, wanted, c->id, change->plan, NULL));
    struct vch_str status = wanted->certificate_active ? VCH_STR("ACTIVE") : VCH_STR("INACTIVE");
    vch_plan_certificate_status(change->plan, c->id, c->status, status, call->now_ms);
    c->status = status;
    change->row.template_name = t->name;
    change->row.template_version = t->version;
    if (wanted->has_thing) change->row.thing_name = wanted->thing_name;
    return VCH_OK;
}

/* Source: AWS IoT "Just-in-time registration": the message and its topic. */
static void announce(const struct vch_call *call, const struct vch_rec_certificate *c) {
    const struct vch_service *service = call->service;
    struct vch_str topic = vch_arena_printf(call->arena, "$aws/events/certificates/registered/%.*s", VCH_STR_ARG(c->ca_id));
    struct vch_buf buf;
    struct vch_str text;
    if (!service->announce || !topic.ptr) return;
    vch_buf_init(&buf, EVENT_MAX);
    vch_buf_printf(&buf, "{\"certificateId\":\"%.*s\",\"caCertificateId\":\"%.*s\",\"timestamp\":%lld,\"certificateStatus\":\"%.*s\",\"awsAccountId\":\"%.*s\",\"certificateRegistrationTimestamp\":\"%lld\"}",
                   VCH_STR_ARG(c->id), VCH_STR_ARG(c->ca_id), (long long)call->now_ms, VCH_STR_ARG(c->status),
                   VCH_STR_ARG(service->site.account), (long long)call->now_ms);
    if (vch_buf_finish(&buf, &text) == VCH_OK) service->announce(service->announce_arg, topic, text);
    vch_buf_deinit(&buf);
}

static struct vch_rec_certificate record_of(struct vch_call *call, const struct vch_foreign *x, const struct vch_rec_authority *ca) {
    return (struct vch_rec_certificate){.id = vch_arena_str(call->arena, vch_str_from(x->id)),
                                        .pem = x->pem,
                                        .status = VCH_STR("PENDING_ACTIVATION"),
                                        .mode = ca->mode,
                                        .ca_id = ca->id,
                                        .not_before_ms = x->not_before_ms,
                                        .not_after_ms = x->not_after_ms,
                                        .created_ms = call->now_ms,
                                        .modified_ms = call->now_ms,
                                        .customer_version = 1};
}

enum vch_err vch_stranger_register(struct vch_call *call, struct vch_str der, struct vch_rec_certificate *ret) {
    struct vch_foreign x;
    struct vch_rec_authority ca;
    struct vch_rec_template t;
    struct vch_change change;
    VCH_TRY(find_authority(call->service->store, der, call->now_ms, call->arena, &x, &ca, call->diag));
    VCH_TRY(template_of(call, &ca, &t));
    *ret = record_of(call, &x, &ca);
    if (!ret->id.ptr) return VCH_ERR_NOMEM;
    bool provision = t.body.len > 0;
    VCH_TRY(vch_change_begin(call, provision ? "certificate-provisioned" : "certificate-registered", &change));
    vch_plan_need_authority(change.plan, ca.id);
    vch_plan_certificate_insert(change.plan, ret);
    if (provision) VCH_TRY(plan_template(call, &t, der, &change, ret));
    change.row.certificate_id = ret->id;
    const char *names[] = {"status", "caCertificateId", NULL};
    const struct vch_str values[] = {ret->status, ca.id};
    VCH_TRY(vch_change_detail(call, &change, names, values));
    VCH_TRY(vch_change_apply(call, &change));
    if (!provision) announce(call, ret);
    return VCH_OK;
}
