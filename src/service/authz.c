#include "service/authz.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/reason.h"
#include "pki/csr.h"
#include "service/authz_priv.h"

enum { LOAD_ARENA_BYTES = 4u << 20 };

/* ---- the frozen view ---------------------------------------------------- */

void vch_authz_unref(struct vch_authz *authz) {
    if (!authz || atomic_fetch_sub(&authz->refs, 1) != 1) return;
    for (size_t i = 0; i < authz->count; i++) vch_policy_unref(authz->policies[i]);
    free(authz->thing);
    free(authz->attributes);
    free(authz->certificate);
    free(authz);
}

static struct vch_str put_text(char **at, struct vch_str s) {
    struct vch_str copy = vch_str_of(*at, s.len);
    if (s.len) memcpy(*at, s.ptr, s.len);
    *at += s.len;
    return copy;
}

static enum vch_err table_new(const struct vch_authz_item *items, size_t count, struct vch_authz_table **ret) {
    size_t size = sizeof **ret + count * sizeof items[0];
    char *at;
    for (size_t i = 0; i < count; i++) size += items[i].name.len + items[i].value.len;
    *ret = malloc(size);
    if (!*ret) return VCH_ERR_NOMEM;
    (*ret)->count = count;
    at = (char *)&(*ret)->items[count];
    for (size_t i = 0; i < count; i++) {
        (*ret)->items[i].name = put_text(&at, items[i].name);
        (*ret)->items[i].value = put_text(&at, items[i].value);
    }
    return VCH_OK;
}

static bool is_asked_for(const struct vch_authz *authz, struct vch_str prefix) {
    for (size_t i = 0; i < authz->count; i++)
        if (vch_policy_mentions(authz->policies[i], prefix)) return true;
    return false;
}

/* A JSON object of strings. */
static enum vch_err freeze_attributes(struct vch_authz *authz, struct vch_str json, struct vch_arena *arena) {
    struct vch_val *map = NULL;
    if (!is_asked_for(authz, VCH_STR("iot:Connection.Thing.Attributes["))) return VCH_OK;
    if (vch_json_decode(json, NULL, arena, &map, NULL) != VCH_OK || map->type != VCH_VAL_MAP) return VCH_OK;
    struct vch_authz_item *items = vch_arena_array(arena, map->count ? map->count : 1, sizeof *items);
    if (!items) return VCH_ERR_NOMEM;
    size_t count = 0;
    for (size_t i = 0; i < map->count; i++)
        if (map->members[i].value.type == VCH_VAL_STR)
            items[count++] = (struct vch_authz_item){map->members[i].name, map->members[i].value.str};
    return table_new(items, count, &authz->attributes);
}

/* A certificate that cannot be read has no values; it is still itself. */
static enum vch_err freeze_certificate(struct vch_service *service, struct vch_str id, struct vch_authz *authz,
                                       struct vch_arena *arena, struct vch_diag *diag) {
    struct vch_certificate_value values[VCH_CERTIFICATE_VALUES_MAX];
    struct vch_authz_item items[VCH_CERTIFICATE_VALUES_MAX];
    struct vch_rec_certificate record;
    struct vch_str der;
    size_t count = 0;
    if (!id.len || !is_asked_for(authz, VCH_STR("iot:Certificate."))) return VCH_OK;
    VCH_TRY(vch_store_certificate(service->store, id, &record, arena, diag));
    enum vch_err err = vch_certificate_from_pem(record.pem, arena, &der, NULL);
    if (err == VCH_OK) err = vch_certificate_values(der, arena, values, &count, NULL);
    if (err == VCH_ERR_NOMEM) return err;
    for (size_t i = 0; i < count; i++) items[i] = (struct vch_authz_item){vch_str_from(values[i].name), values[i].value};
    return table_new(items, count, &authz->certificate);
}

/* AWS IoT "Exclusive thing": it is the connection's thing whatever the client id. */
const struct vch_rec_thing *vch_authz_thing(const struct vch_rec_authz *record, struct vch_str client_id) {
    if (record->exclusive) return record->exclusive;
    for (size_t i = 0; i < record->thing_count; i++)
        if (vch_str_eq(record->things[i].name, client_id)) return &record->things[i];
    return NULL;
}

static enum vch_err freeze(struct vch_service *service, const struct vch_rec_authz *record, struct vch_str certificate_id,
                           struct vch_str client_id, struct vch_authz *authz, struct vch_arena *arena, struct vch_diag *diag) {
    for (size_t i = 0; i < record->policy_count; i++) {
        VCH_TRY(vch_policy_compiled(service->policies, &record->policies[i], &authz->policies[authz->count], diag));
        authz->count++;
    }
    VCH_TRY(freeze_certificate(service, certificate_id, authz, arena, diag));
    const struct vch_rec_thing *thing = vch_authz_thing(record, client_id);
    if (!thing) return VCH_OK;
    authz->exclusive = record->exclusive != NULL;
    VCH_TRY(freeze_attributes(authz, thing->attributes, arena));
    return table_new(&(struct vch_authz_item){thing->name, thing->type_name}, 1, &authz->thing);
}

enum vch_err vch_authz_build(struct vch_service *service, const struct vch_rec_authz *record, struct vch_str certificate_id,
                             struct vch_str client_id, struct vch_authz **ret, struct vch_diag *diag) {
    struct vch_authz *authz = calloc(1, sizeof *authz + record->policy_count * sizeof authz->policies[0]);
    struct vch_arena *arena = vch_arena_new(LOAD_ARENA_BYTES, false);
    enum vch_err err = VCH_ERR_NOMEM;
    *ret = NULL;
    if (authz) atomic_init(&authz->refs, 1);
    if (authz && arena) err = freeze(service, record, certificate_id, client_id, authz, arena, diag);
    vch_arena_free(arena);
    if (err == VCH_OK) *ret = authz;
    else vch_authz_unref(authz);
    return err;
}

struct vch_str vch_authz_thing_name(const struct vch_authz *authz) {
    return authz && authz->thing ? authz->thing->items[0].name : VCH_STR("");
}

struct vch_str vch_authz_exclusive_thing(const struct vch_authz *authz) {
    return authz && authz->exclusive ? vch_authz_thing_name(authz) : VCH_STR("");
}

enum vch_err vch_authz_load(struct vch_service *service, struct vch_str certificate_id, struct vch_str client_id,
                            struct vch_authz **ret, struct vch_diag *diag) {
    struct vch_rec_authz record;
    *ret = NULL;
    struct vch_arena *arena = vch_arena_new(LOAD_ARENA_BYTES, false);
    if (!arena) return VCH_ERR_NOMEM;
    enum vch_err err = vch_store_authz_as(service->store, certificate_id, client_id, &record, arena, diag);
    if (err == VCH_OK) err = vch_authz_build(service, &record, certificate_id, client_id, ret, diag);
    vch_arena_free(arena);
    return err;
}

/* ---- questions ---------------------------------------------------------- */

struct vch_policy_decision vch_authz_decide(const struct vch_authz_ask *ask, const struct vch_policy_trace *trace) {
    char arn[VCH_AUTHZ_ARN_MAX];
    struct vch_str resource = ask->resource;
    if (!resource.ptr) resource = vch_str_of(arn, vch_authz_arn(arn, ask->site, ask->resource_type, ask->name));
    if (resource.len == 0) return (struct vch_policy_decision){VCH_VERDICT_IMPLICIT_DENY, NULL, 0};
    struct vch_authz_answering answering;
    answering.ask = ask;
    const struct vch_policy_request request = {vch_str_from(ask->action), resource, vch_authz_lookup, &answering};
    return vch_policy_eval_traced((const struct vch_policy *const *)ask->authz->policies, ask->authz->count, &request, trace);
}

enum vch_verdict vch_authz_eval(const struct vch_authz_ask *ask) {
    return vch_authz_decide(ask, NULL).verdict;
}

enum vch_err vch_authz_check(const struct vch_authz_ask *ask, struct vch_diag *diag) {
    struct vch_policy_decision decision = vch_authz_decide(ask, NULL);
    if (decision.verdict == VCH_VERDICT_ALLOW) return VCH_OK;
    if (decision.verdict == VCH_VERDICT_EXPLICIT_DENY && ask->ret_denied) *ask->ret_denied = decision;
    if (decision.verdict == VCH_VERDICT_EXPLICIT_DENY)
        return VCH_REFUSE(diag, VCH_ERR_DENIED, POLICY_DENIES, ask->action, "Policy %.*s, statement %zu, denies %s on %s/%.*s.",
                          VCH_STR_ARG(vch_policy_name(decision.policy)), decision.statement, ask->action,
                          ask->resource_type, VCH_STR_ARG(ask->name));
    return VCH_REFUSE(diag, VCH_ERR_DENIED, POLICY_SILENT, ask->action, "No policy of the certificate allows %s on %s/%.*s.",
                      ask->action, ask->resource_type, VCH_STR_ARG(ask->name));
}

/* ---- identity ----------------------------------------------------------- */

static enum vch_err check_claim(const struct vch_identity *identity, int64_t now_ms, struct vch_diag *diag) {
    if (!identity->usable)
        return VCH_REFUSE(diag, VCH_ERR_DENIED, CLAIM_CANCELLED, "", "The provisioning claim has been cancelled.");
    if (now_ms >= identity->not_after_ms)
        return VCH_REFUSE(diag, VCH_ERR_EXPIRED, CLAIM_EXPIRED, "", "The provisioning claim has expired.");
    return VCH_OK;
}

static enum vch_err check_device(const struct vch_identity *identity, int64_t now_ms, struct vch_diag *diag) {
    if (identity->revoked)
        return VCH_REFUSE(diag, VCH_ERR_DENIED, CERTIFICATE_REVOKED, "", "The certificate has been revoked.");
    if (!identity->usable)
        return VCH_REFUSE(diag, VCH_ERR_DENIED, CERTIFICATE_INACTIVE, "", "The certificate is not ACTIVE.");
    if (now_ms >= identity->not_after_ms)
        return VCH_REFUSE(diag, VCH_ERR_EXPIRED, CERTIFICATE_EXPIRED, "", "The certificate has expired.");
    return VCH_OK;
}

enum vch_err vch_identity_check(struct vch_service *service, struct vch_str certificate_id, struct vch_identity *ret,
                                struct vch_diag *diag) {
    enum vch_err err = vch_store_identity(service->store, certificate_id, ret);
    if (err != VCH_OK) return VCH_REFUSE(diag, err, STORE_FAILED, "", "The registry could not be read.");
    if (ret->kind == VCH_IDENTITY_UNKNOWN)
        return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, CERTIFICATE_UNKNOWN, "", "The certificate is not registered.");
    int64_t now_ms = vch_now_ms();
    if (now_ms < ret->not_before_ms)
        return VCH_REFUSE(diag, VCH_ERR_EXPIRED, CERTIFICATE_NOT_YET_VALID, "", "The certificate is not valid yet.");
    return ret->kind == VCH_IDENTITY_CLAIM ? check_claim(ret, now_ms, diag) : check_device(ret, now_ms, diag);
}

static bool knows_host(const struct vch_service *service, struct vch_str name) {
    if (vch_str_ieq(name, VCH_STR("localhost"))) return true;
    for (size_t i = 0; i < service->hostname_count; i++)
        if (vch_str_ieq(name, vch_str_from(service->hostnames[i]))) return true;
    return false;
}

enum vch_err vch_identity_check_from(struct vch_service *service, struct vch_str certificate_id, struct vch_str sni,
                                     struct vch_identity *ret, struct vch_diag *diag) {
    VCH_TRY(vch_identity_check(service, certificate_id, ret, diag));
    if (!ret->sni_only || knows_host(service, sni)) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_DENIED, SNI_REQUIRED, "", "The certificate is of mode SNI_ONLY: the client must ask for one of the server's names.");
}
