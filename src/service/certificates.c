/* Device certificates. Source: AWS UpdateCertificate and its siblings. Claims
 * are certificates too, but never among these. */
#include "base/codec.h"
#include "base/digest.h"
#include "core/reason.h"
#include "service/change.h"
#include "service/page.h"

static struct vch_str id_of(const struct vch_call *call) {
    return vch_val_str_at(call->in, "certificateId");
}

static enum vch_err load(struct vch_call *call, struct vch_rec_certificate *ret) {
    return vch_store_certificate(call->service->store, id_of(call), ret, call->arena, call->diag);
}

static enum vch_err put_certificate(struct vch_call *call, struct vch_val *map, const struct vch_rec_certificate *c) {
    if (!map) return VCH_ERR_NOMEM;
    VCH_TRY(vch_put_arn(call, map, "certificateArn", "cert", c->id));
    VCH_TRY(vch_val_put_str(call->arena, map, "certificateId", c->id));
    VCH_TRY(vch_val_put_str(call->arena, map, "status", c->status));
    VCH_TRY(vch_val_put_str(call->arena, map, "certificateMode", c->mode));
    return vch_val_put_time(call->arena, map, "creationDate", c->created_ms);
}

static enum vch_err put_page(struct vch_call *call, const struct vch_paging *paging, const struct vch_list_certificate *list) {
    struct vch_str last = {NULL, 0};
    struct vch_val *certificates = vch_val_put_list(call->arena, call->out, "certificates");
    for (size_t i = 0; i < list->count; i++) {
        last = list->items[i].id;
        VCH_TRY(put_certificate(call, vch_val_push_map(call->arena, certificates), &list->items[i]));
    }
    return vch_paging_close(call, paging, list->more, last);
}

static bool newest_first(const struct vch_call *call) {
    return !vch_val_bool_at(call->in, "isAscendingOrder", false);
}

enum vch_err vch_uc_list_certificates(struct vch_call *call) {
    struct vch_paging paging = {.marker = true, .list = "ListCertificates", .page.descending = newest_first(call)};
    struct vch_list_certificate list;
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_certificates(call->service->store, paging.page, &list, call->arena, call->diag));
    return put_page(call, &paging, &list);
}

/* Source: the API's model: an authority that is not there has no certificates. */
enum vch_err vch_uc_list_certificates_by_ca(struct vch_call *call) {
    struct vch_paging paging = {.marker = true, .list = "ListCertificatesByCA", .page.descending = newest_first(call)};
    struct vch_list_certificate list;
    paging.scope = vch_val_str_at(call->in, "caCertificateId");
    VCH_TRY(vch_paging_open(call, &paging));
    VCH_TRY(vch_store_certificates_of_ca(call->service->store, paging.scope, paging.page, &list, call->arena, call->diag));
    return put_page(call, &paging, &list);
}

/* In the form of a UUID, and another one after every change. */
static enum vch_err put_generation(struct vch_call *call, struct vch_val *map, const struct vch_rec_certificate *c) {
    char hex[VCH_SHA256_HEX];
    struct vch_str seed = vch_arena_printf(call->arena, "%.*s/%lld", VCH_STR_ARG(c->id), (long long)c->customer_version);
    if (!seed.ptr) return VCH_ERR_NOMEM;
    vch_sha256_hex(seed, hex);
    struct vch_str uuid = vch_arena_printf(call->arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
    return uuid.ptr ? vch_val_put_str(call->arena, map, "generationId", uuid) : VCH_ERR_NOMEM;
}

enum vch_err vch_uc_describe_certificate(struct vch_call *call) {
    struct vch_rec_certificate c;
    VCH_TRY(load(call, &c));
    struct vch_val *map = vch_val_put_map(call->arena, call->out, "certificateDescription");
    VCH_TRY(put_certificate(call, map, &c));
    if (c.ca_id.len) VCH_TRY(vch_val_put_str(call->arena, map, "caCertificateId", c.ca_id));
    VCH_TRY(vch_val_put_str(call->arena, map, "certificatePem", c.pem));
    VCH_TRY(vch_val_put_str(call->arena, map, "ownedBy", call->service->site.account));
    VCH_TRY(vch_val_put_time(call->arena, map, "lastModifiedDate", c.modified_ms));
    VCH_TRY(vch_val_put_int(call->arena, map, "customerVersion", c.customer_version));
    VCH_TRY(put_generation(call, map, &c));
    if (!vch_val_put_map(call->arena, map, "transferData")) return VCH_ERR_NOMEM;
    struct vch_val *validity = vch_val_put_map(call->arena, map, "validity");
    if (!validity) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_time(call->arena, validity, "notBefore", c.not_before_ms));
    return vch_val_put_time(call->arena, validity, "notAfter", c.not_after_ms);
}

/* ---- status ---- */

static enum vch_err state_refused(struct vch_call *call, const struct vch_rec_certificate *c, const char *what) {
    return VCH_REFUSE(call->diag, VCH_ERR_STATE, CERTIFICATE_STATE, "newStatus", "%s Id: %.*s", what, VCH_STR_ARG(c->id));
}

static bool settable(struct vch_str status) {
    return vch_str_eq_c(status, "ACTIVE") || vch_str_eq_c(status, "INACTIVE") || vch_str_eq_c(status, "REVOKED");
}

/* Revoking is for ever, and what waits for its device becomes ACTIVE by
 * registration alone; it may be withdrawn. What an authority brought in without
 * a template waits for this very call. */
static enum vch_err status_check(struct vch_call *call, const struct vch_rec_certificate *c, struct vch_str wanted) {
    if (!settable(wanted))
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_INVALID, "newStatus", "A certificate cannot be set to %.*s.",
                          VCH_STR_ARG(wanted));
    if (vch_str_eq_c(c->status, "REVOKED"))
        return state_refused(call, c, "A revoked certificate stays revoked.");
    if (vch_str_eq_c(c->status, "PENDING_ACTIVATION") && vch_str_eq_c(wanted, "ACTIVE") && c->ca_id.len == 0)
        return state_refused(call, c, "The certificate waits for its registration.");
    if (vch_str_eq_c(c->status, "PENDING_TRANSFER")) return state_refused(call, c, "The certificate is being transferred.");
    return VCH_OK;
}

enum vch_err vch_uc_update_certificate(struct vch_call *call) {
    struct vch_str wanted = vch_val_str_at(call->in, "newStatus");
    struct vch_rec_certificate c;
    struct vch_change change;
    VCH_TRY(load(call, &c));
    if (vch_str_eq(c.status, wanted) && settable(wanted)) return VCH_OK;
    VCH_TRY(status_check(call, &c, wanted));
    VCH_TRY(vch_change_begin(call, "certificate-status", &change));
    const char *names[] = {"from", "to", NULL};
    struct vch_str values[] = {c.status, wanted};
    VCH_TRY(vch_change_detail(call, &change, names, values));
    change.row.certificate_id = c.id;
    vch_plan_certificate_status(change.plan, c.id, c.status, wanted, call->now_ms);
    return vch_change_apply(call, &change);
}

/* ---- deletion ---- */

static enum vch_err attached(struct vch_call *call, const struct vch_rec_certificate *c, const char *text) {
    struct vch_str arn = vch_arn(&call->service->site, "cert", c->id, call->arena);
    return VCH_REFUSE(call->diag, VCH_ERR_CONFLICT, DELETE_CONFLICT, "certificateId", "%s (arn: %.*s)", text, VCH_STR_ARG(arn));
}

/* Source: AWS DeleteCertificate: forceDelete looks past policies, not past
 * status and things. */
static enum vch_err delete_check(struct vch_call *call, const struct vch_rec_certificate *c) {
    struct vch_page one = {.limit = 1};
    struct vch_list_str list;
    if (!vch_str_eq_c(c->status, "INACTIVE") && !vch_str_eq_c(c->status, "REVOKED"))
        return VCH_REFUSE(call->diag, VCH_ERR_STATE, CERTIFICATE_STATE, "certificateId",
                          "Certificate must be deactivated (not ACTIVE) before deletion. Id: %.*s", VCH_STR_ARG(c->id));
    VCH_TRY(vch_store_principal_things(call->service->store, c->id, one, &list, call->arena, call->diag));
    if (list.count) return attached(call, c, "Things must be detached before deletion");
    if (vch_val_bool_at(call->in, "forceDelete", false)) return VCH_OK;
    VCH_TRY(vch_store_attached_policies(call->service->store, c->id, one, &list, call->arena, call->diag));
    return list.count ? attached(call, c, "Certificate policies must be detached before deletion") : VCH_OK;
}

enum vch_err vch_uc_delete_certificate(struct vch_call *call) {
    struct vch_rec_certificate c;
    struct vch_change change;
    VCH_TRY(load(call, &c));
    VCH_TRY(delete_check(call, &c));
    VCH_TRY(vch_change_begin(call, "certificate-deleted", &change));
    change.row.certificate_id = c.id;
    /* Refuses should the status have changed since it was read. */
    vch_plan_certificate_status(change.plan, c.id, c.status, c.status, call->now_ms);
    vch_plan_certificate_delete(change.plan, c.id);
    return vch_change_apply(call, &change);
}
