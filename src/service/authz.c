#include "service/authz.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/map.h"
#include "core/names.h"
#include "core/reason.h"

/* ---- compiled policies -------------------------------------------------- */

enum { CACHE_MAX = 4096 };

struct cached {
    uint8_t digest[VCH_SHA256_LEN]; /* of the document: a name can be given anew */
    struct vch_policy *policy;
};

struct vch_policy_cache {
    /* A lock: many workers share it, and it is held for a lookup only. */
    pthread_mutex_t lock;
    struct vch_map *by_name;
};

enum vch_err vch_policy_cache_new(struct vch_policy_cache **ret) {
    struct vch_policy_cache *cache = calloc(1, sizeof *cache);
    struct vch_map *map = cache ? vch_map_new() : NULL;
    if (!map) {
        free(cache);
        return VCH_ERR_NOMEM;
    }
    cache->by_name = map;
    (void)pthread_mutex_init(&cache->lock, NULL);
    *ret = cache;
    return VCH_OK;
}

static void drop_all(struct vch_policy_cache *cache) {
    size_t pos = 0;
    struct vch_str key;
    void *value;
    while (vch_map_next(cache->by_name, &pos, &key, &value)) {
        struct cached *entry = value;
        (void)vch_map_remove(cache->by_name, key);
        vch_policy_unref(entry->policy);
        free(entry);
    }
}

void vch_policy_cache_free(struct vch_policy_cache *cache) {
    if (!cache) return;
    drop_all(cache);
    vch_map_free(cache->by_name);
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static struct vch_policy *cache_get(struct vch_policy_cache *cache, struct vch_str name, const uint8_t *digest) {
    (void)pthread_mutex_lock(&cache->lock);
    const struct cached *entry = vch_map_get(cache->by_name, name);
    bool same = entry && memcmp(entry->digest, digest, VCH_SHA256_LEN) == 0;
    struct vch_policy *policy = same ? vch_policy_ref(entry->policy) : NULL;
    (void)pthread_mutex_unlock(&cache->lock);
    return policy;
}

static void cache_put(struct vch_policy_cache *cache, struct vch_str name, const uint8_t *digest, struct vch_policy *policy) {
    struct cached *entry = calloc(1, sizeof *entry);
    if (!entry) return;
    memcpy(entry->digest, digest, VCH_SHA256_LEN);
    entry->policy = vch_policy_ref(policy);
    void *old = NULL;
    (void)pthread_mutex_lock(&cache->lock);
    if (vch_map_count(cache->by_name) >= CACHE_MAX) drop_all(cache);
    bool kept = vch_map_put(cache->by_name, name, entry, &old) == VCH_OK;
    (void)pthread_mutex_unlock(&cache->lock);
    struct cached *dropped = kept ? old : entry;
    if (!dropped) return;
    vch_policy_unref(dropped->policy);
    free(dropped);
}

static enum vch_err compiled(struct vch_policy_cache *cache, const struct vch_rec_policy *record, struct vch_policy **ret,
                             struct vch_diag *diag) {
    uint8_t digest[VCH_SHA256_LEN];
    vch_sha256(record->document, digest);
    *ret = cache_get(cache, record->name, digest);
    if (*ret) return VCH_OK;
    VCH_TRY(vch_policy_parse(VCH_POLICY_IOT, record->name, record->document, ret, diag));
    cache_put(cache, record->name, digest, *ret);
    return VCH_OK;
}

/* ---- the frozen view ---------------------------------------------------- */

struct vch_authz {
    atomic_uint refs;
    bool attached;    /* to a thing of the client id's name, or exclusively */
    size_t count;
    struct vch_str thing_name, thing_type, thing_attributes; /* into `text` */
    char *text;
    struct vch_policy *policies[];
};

void vch_authz_unref(struct vch_authz *authz) {
    if (!authz || atomic_fetch_sub(&authz->refs, 1) != 1) return;
    for (size_t i = 0; i < authz->count; i++) vch_policy_unref(authz->policies[i]);
    free(authz->text);
    free(authz);
}

static enum vch_err freeze_thing(struct vch_authz *authz, const struct vch_rec_thing *thing) {
    size_t size = thing->name.len + thing->type_name.len + thing->attributes.len;
    authz->text = malloc(size + 1);
    if (!authz->text) return VCH_ERR_NOMEM;
    char *at = authz->text;
    struct {
        struct vch_str from;
        struct vch_str *to;
    } parts[] = {{thing->name, &authz->thing_name}, {thing->type_name, &authz->thing_type}, {thing->attributes, &authz->thing_attributes}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].from.len) memcpy(at, parts[i].from.ptr, parts[i].from.len);
        *parts[i].to = vch_str_of(at, parts[i].from.len);
        at += parts[i].from.len;
    }
    authz->attached = true;
    return VCH_OK;
}

static enum vch_err freeze(struct vch_service *service, const struct vch_rec_authz *record, struct vch_str client_id,
                           struct vch_authz *authz, struct vch_diag *diag) {
    for (size_t i = 0; i < record->policy_count; i++) {
        VCH_TRY(compiled(service->policies, &record->policies[i], &authz->policies[authz->count], diag));
        authz->count++;
    }
    /* AWS IoT "Exclusive thing": it is the connection's thing whatever the client id. */
    if (record->exclusive) return freeze_thing(authz, record->exclusive);
    for (size_t i = 0; i < record->thing_count; i++)
        if (vch_str_eq(record->things[i].name, client_id)) return freeze_thing(authz, &record->things[i]);
    return VCH_OK;
}

enum vch_err vch_authz_load(struct vch_service *service, struct vch_str certificate_id, struct vch_str client_id,
                            struct vch_authz **ret, struct vch_diag *diag) {
    *ret = NULL;
    struct vch_arena *arena = vch_arena_new(4u << 20, false);
    if (!arena) return VCH_ERR_NOMEM;
    struct vch_rec_authz record;
    enum vch_err err = vch_store_authz_as(service->store, certificate_id, client_id, &record, arena, diag);
    struct vch_authz *authz = NULL;
    if (err == VCH_OK) {
        authz = calloc(1, sizeof *authz + record.policy_count * sizeof authz->policies[0]);
        err = authz ? VCH_OK : VCH_ERR_NOMEM;
    }
    if (authz) {
        atomic_init(&authz->refs, 1);
        err = freeze(service, &record, client_id, authz, diag);
    }
    vch_arena_free(arena);
    if (err == VCH_OK) *ret = authz;
    else vch_authz_unref(authz);
    return err;
}

/* ---- variables ---------------------------------------------------------- */

struct answering {
    const struct vch_authz_ask *ask;
    struct vch_arena *scratch; /* made when first needed */
    char time[25];
    char arn[512];
};

static void one(struct vch_policy_values *ret, struct vch_str value) {
    if (!value.ptr) return;
    ret->value[0] = value;
    ret->count = 1;
}

/* A value with a wildcard of MQTT or of policies stays unsubstituted, so that a
 * client id of "+" opens no filter. */
static bool substitutable(struct vch_str value) {
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] == '+' || value.ptr[i] == '#' || value.ptr[i] == '*' || value.ptr[i] == '?' || value.ptr[i] == '$')
            return false;
    return value.len > 0;
}

static void look_client_id(struct answering *a, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    if (substitutable(a->ask->client_id)) one(ret, a->ask->client_id);
}

static void look_source_ip(struct answering *a, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    one(ret, a->ask->source_ip);
}

static void look_certificate_id(struct answering *a, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    one(ret, a->ask->certificate_id);
}

static void look_thing_name(struct answering *a, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    if (a->ask->authz->attached) one(ret, a->ask->authz->thing_name);
}

static void look_thing_type(struct answering *a, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    if (a->ask->authz->attached && a->ask->authz->thing_type.len) one(ret, a->ask->authz->thing_type);
}

static void look_attached(struct answering *a, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    one(ret, a->ask->authz->attached ? VCH_STR("true") : VCH_STR("false"));
}

/* "…Attributes[name]" */
static void look_attribute(struct answering *a, struct vch_str rest, struct vch_policy_values *ret) {
    if (!a->ask->authz->attached || rest.len < 2 || rest.ptr[rest.len - 1] != ']') return;
    if (!a->scratch) a->scratch = vch_arena_new(262144, false);
    struct vch_val *attributes;
    if (!a->scratch || vch_json_decode(a->ask->authz->thing_attributes, NULL, a->scratch, &attributes, NULL) != VCH_OK) return;
    const struct vch_val *value = vch_val_get_str(attributes, vch_str_sub(rest, 0, rest.len - 1));
    if (vch_val_is(value, VCH_VAL_STR) && substitutable(value->str)) one(ret, value->str);
}

static void look_time(struct answering *a, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    vch_time_iso(vch_now_ms(), a->time);
    one(ret, vch_str_from(a->time));
}

static void look_secure(struct answering *a, struct vch_str rest, struct vch_policy_values *ret) {
    (void)a;
    (void)rest;
    one(ret, VCH_STR("true"));
}

static void look_connect_attributes(struct answering *a, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    if (!a->ask->connecting) return;
    ret->defined_empty = true;
    if (a->ask->persistent) ret->value[ret->count++] = VCH_STR("PersistentConnect");
    if (a->ask->will_topic.len) ret->value[ret->count++] = VCH_STR("LastWill");
}

static size_t arn_into(char *out, size_t size, const struct vch_site *site, const char *type, struct vch_str name) {
    int len = snprintf(out, size, "arn:%.*s:iot:%.*s:%.*s:%s/%.*s", VCH_STR_ARG(site->partition), VCH_STR_ARG(site->region),
                       VCH_STR_ARG(site->account), type, VCH_STR_ARG(name));
    return len < 0 || (size_t)len >= size ? 0 : (size_t)len;
}

static void look_will_topic(struct answering *a, struct vch_str rest, struct vch_policy_values *ret) {
    (void)rest;
    if (!a->ask->will_topic.len) return;
    size_t len = arn_into(a->arn, sizeof a->arn, a->ask->site, "topic", a->ask->will_topic);
    if (len) one(ret, vch_str_of(a->arn, len));
}

/* A name that ends with '[' is a prefix. */
static const struct {
    const char *name;
    void (*look)(struct answering *a, struct vch_str rest, struct vch_policy_values *ret);
} variables[] = {
    {"iot:ClientId", look_client_id},
    {"iot:Connection.Thing.ThingName", look_thing_name},
    {"iot:Connection.Thing.ThingTypeName", look_thing_type},
    {"iot:Connection.Thing.IsAttached", look_attached},
    {"iot:Connection.Thing.Attributes[", look_attribute},
    {"iot:CertificateId", look_certificate_id},
    {"iot:ConnectAttributes", look_connect_attributes},
    {"iot:LastWillTopic", look_will_topic},
    {"aws:SourceIp", look_source_ip},
    {"iot:SourceIp", look_source_ip},
    {"aws:CurrentTime", look_time},
    {"aws:SecureTransport", look_secure},
};

static void lookup(void *arg, struct vch_str name, struct vch_policy_values *ret) {
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        struct vch_str known = vch_str_from(variables[i].name);
        bool prefix = vch_str_ends(known, VCH_STR("["));
        struct vch_str head = prefix ? vch_str_sub(name, 0, known.len) : name;
        if (!vch_str_ieq(head, known)) continue;
        variables[i].look(arg, vch_str_sub(name, known.len, SIZE_MAX), ret);
        return;
    }
}

/* ---- questions ---------------------------------------------------------- */

static struct vch_policy_decision decide(const struct vch_authz_ask *ask) {
    char arn[1024];
    size_t len = arn_into(arn, sizeof arn, ask->site, ask->resource_type, ask->name);
    if (len == 0) return (struct vch_policy_decision){VCH_VERDICT_IMPLICIT_DENY, NULL, 0};
    struct answering answering = {.ask = ask};
    struct vch_policy_request request = {vch_str_from(ask->action), vch_str_of(arn, len), lookup, &answering};
    struct vch_policy_decision decision =
        vch_policy_eval((const struct vch_policy *const *)ask->authz->policies, ask->authz->count, &request);
    vch_arena_free(answering.scratch);
    return decision;
}

enum vch_verdict vch_authz_eval(const struct vch_authz_ask *ask) {
    return decide(ask).verdict;
}

enum vch_err vch_authz_check(const struct vch_authz_ask *ask, struct vch_diag *diag) {
    struct vch_policy_decision decision = decide(ask);
    if (decision.verdict == VCH_VERDICT_ALLOW) return VCH_OK;
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
