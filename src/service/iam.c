#include "service/iam.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "core/policy.h"
#include "core/reason.h"

enum { USERS_MAX = 1024, ARENA_MAX = 1 << 20 };

/* Compiled policies of one user; immutable but for the count of holders. */
struct grants {
    unsigned refs; /* under the lock */
    size_t count;
    struct vch_policy *policies[];
};

struct vch_iam {
    struct vch_service *service;
    pthread_mutex_t lock; /* short: lookups and swaps, never the registry */
    struct vch_map *users;
    uint64_t generation; /* counts changes, so that a slow reader keeps nothing old */
};

static void grants_free(struct grants *g) {
    for (size_t i = 0; i < g->count; i++) vch_policy_unref(g->policies[i]);
    free(g);
}

static void release(struct vch_iam *iam, struct grants *g) {
    if (!g) return;
    pthread_mutex_lock(&iam->lock);
    bool last = --g->refs == 0;
    pthread_mutex_unlock(&iam->lock);
    if (last) grants_free(g);
}

/* With the lock held. */
static void drop_locked(struct grants *g) {
    if (g && --g->refs == 0) grants_free(g);
}

static void drop_all_locked(struct vch_iam *iam) {
    struct vch_str key;
    void *value;
    for (size_t pos = 0; vch_map_next(iam->users, &pos, &key, &value);) drop_locked(vch_map_remove(iam->users, key));
}

enum vch_err vch_iam_new(struct vch_service *service, struct vch_iam **ret) {
    struct vch_iam *iam = calloc(1, sizeof *iam);
    if (!iam) return VCH_ERR_NOMEM;
    iam->service = service;
    iam->users = vch_map_new();
    if (!iam->users || pthread_mutex_init(&iam->lock, NULL) != 0) {
        vch_map_free(iam->users);
        free(iam);
        return VCH_ERR_NOMEM;
    }
    *ret = iam;
    return VCH_OK;
}

void vch_iam_free(struct vch_iam *iam) {
    if (!iam) return;
    drop_all_locked(iam);
    vch_map_free(iam->users);
    pthread_mutex_destroy(&iam->lock);
    free(iam);
}

void vch_iam_changed(struct vch_iam *iam, struct vch_str user) {
    pthread_mutex_lock(&iam->lock);
    iam->generation++;
    drop_locked(vch_map_remove(iam->users, user));
    pthread_mutex_unlock(&iam->lock);
}

/* ---- loading ---- */

static enum vch_err compile(const struct vch_list_policy *list, struct grants **ret, struct vch_diag *diag) {
    struct grants *g = calloc(1, sizeof *g + list->count * sizeof *g->policies);
    if (!g) return VCH_ERR_NOMEM;
    for (; g->count < list->count; g->count++) {
        const struct vch_rec_policy *rec = &list->items[g->count];
        enum vch_err err = vch_policy_parse(VCH_POLICY_IAM, rec->name, rec->document, &g->policies[g->count], diag);
        if (err == VCH_OK) continue;
        grants_free(g);
        return err;
    }
    *ret = g;
    return VCH_OK;
}

static enum vch_err load(struct vch_iam *iam, struct vch_str user, struct grants **ret, struct vch_diag *diag) {
    struct vch_list_policy list;
    struct vch_arena *arena = vch_arena_new(ARENA_MAX, false);
    if (!arena) return VCH_ERR_NOMEM;
    enum vch_err err = vch_store_user_policies(iam->service->store, user, &list, arena, diag);
    if (err == VCH_OK) err = compile(&list, ret, diag);
    vch_arena_free(arena);
    return err;
}

static struct grants *cached(struct vch_iam *iam, struct vch_str user, uint64_t *ret_generation) {
    pthread_mutex_lock(&iam->lock);
    struct grants *g = vch_map_get(iam->users, user);
    if (g) g->refs++;
    *ret_generation = iam->generation;
    pthread_mutex_unlock(&iam->lock);
    return g;
}

static void keep(struct vch_iam *iam, struct vch_str user, struct grants *g, uint64_t generation) {
    void *old = NULL;
    pthread_mutex_lock(&iam->lock);
    g->refs = 1;
    if (generation == iam->generation) {
        if (vch_map_count(iam->users) >= USERS_MAX) drop_all_locked(iam);
        if (vch_map_put(iam->users, user, g, &old) == VCH_OK) g->refs++;
        drop_locked(old);
    }
    pthread_mutex_unlock(&iam->lock);
}

static enum vch_err acquire(struct vch_iam *iam, struct vch_str user, struct grants **ret, struct vch_diag *diag) {
    uint64_t generation;
    *ret = cached(iam, user, &generation);
    if (*ret) return VCH_OK;
    VCH_TRY(load(iam, user, ret, diag));
    keep(iam, user, *ret, generation);
    return VCH_OK;
}

/* ---- asking ---- */

struct context {
    const struct vch_iam_ask *ask;
    char time[25];
    char epoch[24];
};

static void one(struct vch_policy_values *ret, struct vch_str value) {
    ret->value[0] = value;
    ret->count = value.len ? 1 : 0;
}

static void lookup(void *arg, struct vch_str name, struct vch_policy_values *ret) {
    const struct context *c = arg;
    if (vch_str_ieq(name, VCH_STR("aws:SourceIp"))) one(ret, c->ask->caller->source_ip);
    if (vch_str_ieq(name, VCH_STR("aws:CurrentTime"))) one(ret, vch_str_from(c->time));
    if (vch_str_ieq(name, VCH_STR("aws:EpochTime"))) one(ret, vch_str_from(c->epoch));
    if (vch_str_ieq(name, VCH_STR("aws:SecureTransport"))) one(ret, c->ask->secure ? VCH_STR("true") : VCH_STR("false"));
    if (vch_str_ieq(name, VCH_STR("aws:PrincipalArn"))) one(ret, c->ask->caller->arn);
    if (vch_str_ieq(name, VCH_STR("aws:username"))) one(ret, c->ask->caller->user_name);
}

static enum vch_err verdict_tell(enum vch_verdict verdict, const struct vch_iam_ask *ask, struct vch_diag *diag) {
    bool explicit = verdict == VCH_VERDICT_EXPLICIT_DENY;
    enum vch_reason reason = explicit ? VCH_REASON_POLICY_DENIES : VCH_REASON_POLICY_SILENT;
    if (verdict == VCH_VERDICT_ALLOW) return VCH_OK;
    return vch_diag_set(diag, VCH_ERR_DENIED, vch_reason_code(reason), "",
                        "User: %.*s is not authorized to perform: %.*s on resource: %.*s%s", VCH_STR_ARG(ask->caller->arn),
                        VCH_STR_ARG(ask->action), VCH_STR_ARG(ask->resource), explicit ? " with an explicit deny" : "");
}

enum vch_err vch_iam_check(struct vch_iam *iam, const struct vch_iam_ask *ask, struct vch_diag *diag) {
    struct context context = {.ask = ask};
    struct grants *g = NULL;
    struct vch_diag inner = {0};
    enum vch_err err = acquire(iam, ask->caller->user_name, &g, &inner);
    if (err == VCH_ERR_NOT_FOUND || err == VCH_ERR_MALFORMED || err == VCH_ERR_INVALID || err == VCH_ERR_TOO_LARGE)
        return verdict_tell(VCH_VERDICT_IMPLICIT_DENY, ask, diag);
    if (err != VCH_OK) return vch_diag_set(diag, err, inner.reason, inner.field, "%s", inner.message);
    vch_time_iso(ask->now_ms, context.time);
    (void)snprintf(context.epoch, sizeof context.epoch, "%lld", (long long)(ask->now_ms / 1000));
    struct vch_policy_request request = {.action = ask->action, .resource = ask->resource, .lookup = lookup, .lookup_arg = &context};
    struct vch_policy_decision decision = vch_policy_eval((const struct vch_policy *const *)g->policies, g->count, &request);
    release(iam, g);
    return verdict_tell(decision.verdict, ask, diag);
}

enum vch_err vch_service_ready(struct vch_service *service, struct vch_diag *diag) {
    struct vch_list_user users;
    struct vch_arena *arena = vch_arena_new(65536, false);
    if (!arena) return VCH_ERR_NOMEM;
    enum vch_err err = vch_store_users(service->store, (struct vch_page){.limit = 1}, &users, arena, diag);
    vch_arena_free(arena);
    return err;
}
