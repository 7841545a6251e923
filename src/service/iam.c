#include "service/iam.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "core/reason.h"
#include "service/iam_priv.h"
#include "store/iam.h"

enum { HOLDERS_MAX = 1024, ARENA_MAX = 16 << 20, KEY_MAX = 192 };

/* Compiled policies of one holder; immutable but for the count of references. */
struct grants {
    unsigned refs; /* under the lock */
    size_t count;
    struct vch_policy *policies[];
};

struct vch_iam {
    struct vch_service *service;
    pthread_mutex_t lock; /* short: lookups and swaps, never the registry */
    struct vch_map *holders; /* "user/NAME", "role/NAME", "session/KEYID" */
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
    for (size_t pos = 0; vch_map_next(iam->holders, &pos, &key, &value);) drop_locked(vch_map_remove(iam->holders, key));
}

enum vch_err vch_iam_new(struct vch_service *service, struct vch_iam **ret) {
    struct vch_iam *iam = calloc(1, sizeof *iam);
    if (!iam) return VCH_ERR_NOMEM;
    iam->service = service;
    iam->holders = vch_map_new();
    if (!iam->holders || pthread_mutex_init(&iam->lock, NULL) != 0) {
        vch_map_free(iam->holders);
        free(iam);
        return VCH_ERR_NOMEM;
    }
    *ret = iam;
    return VCH_OK;
}

void vch_iam_free(struct vch_iam *iam) {
    if (!iam) return;
    drop_all_locked(iam);
    vch_map_free(iam->holders);
    pthread_mutex_destroy(&iam->lock);
    free(iam);
}

static struct vch_str holder_key(const char *kind, struct vch_str name, char out[KEY_MAX]) {
    (void)snprintf(out, KEY_MAX, "%s/%.*s", kind, VCH_STR_ARG(name));
    return vch_str_from(out);
}

static void forget(struct vch_iam *iam, const char *kind, struct vch_str name) {
    char key[KEY_MAX];
    pthread_mutex_lock(&iam->lock);
    iam->generation++;
    drop_locked(vch_map_remove(iam->holders, holder_key(kind, name, key)));
    pthread_mutex_unlock(&iam->lock);
}

void vch_iam_forget_all(struct vch_iam *iam) {
    pthread_mutex_lock(&iam->lock);
    iam->generation++;
    drop_all_locked(iam);
    pthread_mutex_unlock(&iam->lock);
}

void vch_iam_changed(struct vch_iam *iam, struct vch_str user) {
    forget(iam, "user", user);
}

void vch_iam_role_changed(struct vch_iam *iam, struct vch_str role) {
    forget(iam, "role", role);
}

struct vch_service *vch_iam_service(const struct vch_iam *iam) {
    return iam->service;
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

/* Where the documents of a holder come from. */
struct holder {
    const char *kind;
    struct vch_str name;
    enum vch_iam_kind owner;         /* unless `document` is given */
    const struct vch_str *document;
};

static enum vch_err load(struct vch_iam *iam, const struct holder *holder, struct grants **ret, struct vch_diag *diag) {
    struct vch_rec_policy session = {.name = VCH_STR("session")};
    struct vch_list_policy list = {.items = &session, .count = 1};
    enum vch_err err = VCH_OK;
    struct vch_arena *arena = vch_arena_new(ARENA_MAX, false);
    if (!arena) return VCH_ERR_NOMEM;
    if (holder->document) session.document = *holder->document;
    else err = vch_store_grants(iam->service->store, holder->owner, holder->name, &list, arena, diag);
    if (err == VCH_OK) err = compile(&list, ret, diag);
    vch_arena_free(arena);
    return err;
}

static struct grants *cached(struct vch_iam *iam, struct vch_str key, uint64_t *ret_generation) {
    pthread_mutex_lock(&iam->lock);
    struct grants *g = vch_map_get(iam->holders, key);
    if (g) g->refs++;
    *ret_generation = iam->generation;
    pthread_mutex_unlock(&iam->lock);
    return g;
}

static void keep(struct vch_iam *iam, struct vch_str key, struct grants *g, uint64_t generation) {
    void *old = NULL;
    pthread_mutex_lock(&iam->lock);
    g->refs = 1;
    if (generation == iam->generation) {
        if (vch_map_count(iam->holders) >= HOLDERS_MAX) drop_all_locked(iam);
        if (vch_map_put(iam->holders, key, g, &old) == VCH_OK) g->refs++;
        drop_locked(old);
    }
    pthread_mutex_unlock(&iam->lock);
}

static enum vch_err acquire(struct vch_iam *iam, const struct holder *holder, struct grants **ret, struct vch_diag *diag) {
    uint64_t generation;
    char text[KEY_MAX];
    struct vch_str key = holder_key(holder->kind, holder->name, text);
    *ret = cached(iam, key, &generation);
    if (*ret) return VCH_OK;
    VCH_TRY(load(iam, holder, ret, diag));
    keep(iam, key, *ret, generation);
    return VCH_OK;
}

/* ---- asking ---- */

/* A document that does not compile was accepted once: a fault of ours, and it
 * denies; so does a holder who is gone. */
static bool is_broken(enum vch_err err) {
    return err == VCH_ERR_NOT_FOUND || err == VCH_ERR_MALFORMED || err == VCH_ERR_INVALID || err == VCH_ERR_TOO_LARGE;
}

/* NULL: broken, or gone. */
static enum vch_err acquire_sound(struct vch_iam *iam, const struct holder *holder, struct grants **ret, struct vch_diag *diag) {
    struct vch_diag inner = {0};
    *ret = NULL;
    enum vch_err err = acquire(iam, holder, ret, &inner);
    if (err == VCH_OK) return VCH_OK;
    *ret = NULL;
    return is_broken(err) ? VCH_OK : vch_diag_set(diag, err, inner.reason, inner.field, "%s", inner.message);
}

static enum vch_err eval(struct vch_iam *iam, const struct grants *g, const struct vch_iam_ask *ask, enum vch_verdict *ret,
                         struct vch_diag *diag) {
    struct vch_iam_context context;
    *ret = VCH_VERDICT_IMPLICIT_DENY;
    if (!g) return VCH_OK;
    vch_iam_context_init(&context, iam->service, ask);
    struct vch_policy_request request = {.action = ask->action, .resource = ask->resource, .lookup = vch_iam_lookup, .lookup_arg = &context};
    *ret = vch_policy_eval((const struct vch_policy *const *)g->policies, g->count, &request).verdict;
    enum vch_err read = context.err;
    vch_iam_context_deinit(&context);
    if (read == VCH_OK) return VCH_OK;
    *ret = VCH_VERDICT_IMPLICIT_DENY;
    return VCH_REFUSE(diag, read, STORE_FAILED, "", "The registry could not be read.");
}

struct vch_iam_held {
    struct grants *identity, *session;
    bool has_session;
};

static enum vch_err hold(struct vch_iam *iam, const struct vch_caller *caller, struct vch_iam_held *ret, struct vch_diag *diag) {
    const struct holder user = {"user", caller->user_name, VCH_IAM_USER, NULL};
    const struct holder role = {"role", caller->role_name, VCH_IAM_ROLE, NULL};
    const struct holder session = {"session", caller->access_key_id, VCH_IAM_ROLE, &caller->session_policy};
    *ret = (struct vch_iam_held){.has_session = caller->kind == VCH_CALLER_ROLE && caller->session_policy.len};
    VCH_TRY(acquire_sound(iam, caller->kind == VCH_CALLER_ROLE ? &role : &user, &ret->identity, diag));
    return ret->has_session ? acquire_sound(iam, &session, &ret->session, diag) : VCH_OK;
}

static void let_go(struct vch_iam *iam, struct vch_iam_held *held) {
    release(iam, held->identity);
    release(iam, held->session);
}

enum vch_err vch_iam_hold(struct vch_iam *iam, const struct vch_caller *caller, struct vch_iam_held **ret,
                          struct vch_diag *diag) {
    *ret = calloc(1, sizeof **ret);
    return *ret ? hold(iam, caller, *ret, diag) : VCH_ERR_NOMEM;
}

void vch_iam_let_go(struct vch_iam *iam, struct vch_iam_held *held) {
    if (!held) return;
    let_go(iam, held);
    free(held);
}

enum vch_err vch_iam_decide_held(struct vch_iam *iam, const struct vch_iam_held *held, const struct vch_iam_ask *ask,
                                 struct vch_iam_decision *ret, struct vch_diag *diag) {
    *ret = (struct vch_iam_decision){.has_session = held->has_session};
    VCH_TRY(eval(iam, held->identity, ask, &ret->identity, diag));
    return held->has_session ? eval(iam, held->session, ask, &ret->session, diag) : VCH_OK;
}

static enum vch_reach reach(const struct grants *g, const struct vch_reach_ask *ask) {
    return g ? vch_policy_reach((const struct vch_policy *const *)g->policies, g->count, ask) : VCH_REACH_NONE;
}

enum vch_reach vch_iam_reach_held(const struct vch_iam_held *held, const struct vch_reach_ask *ask) {
    enum vch_reach identity = reach(held->identity, ask), session = held->has_session ? reach(held->session, ask) : VCH_REACH_ALL;
    return identity < session ? identity : session;
}

enum vch_err vch_iam_decide(struct vch_iam *iam, const struct vch_iam_ask *ask, struct vch_iam_decision *ret,
                            struct vch_diag *diag) {
    struct vch_iam_held held;
    enum vch_err err = hold(iam, ask->caller, &held, diag);
    if (err == VCH_OK) err = vch_iam_decide_held(iam, &held, ask, ret, diag);
    let_go(iam, &held);
    return err;
}

enum vch_err vch_iam_refuse(const struct vch_iam_ask *ask, bool is_explicit, const char *why, struct vch_diag *diag) {
    enum vch_reason reason = is_explicit ? VCH_REASON_POLICY_DENIES : VCH_REASON_POLICY_SILENT;
    return vch_diag_set(diag, VCH_ERR_DENIED, vch_reason_code(reason), "",
                        "User: %.*s is not authorized to perform: %.*s on resource: %.*s%s", VCH_STR_ARG(ask->caller->arn),
                        VCH_STR_ARG(ask->action), VCH_STR_ARG(ask->resource), why);
}

enum vch_err vch_iam_tell(const struct vch_iam_decision *d, const struct vch_iam_ask *ask, struct vch_diag *diag) {
    if (d->identity == VCH_VERDICT_EXPLICIT_DENY)
        return vch_iam_refuse(ask, true, " with an explicit deny in an identity-based policy", diag);
    if (d->has_session && d->session == VCH_VERDICT_EXPLICIT_DENY)
        return vch_iam_refuse(ask, true, " with an explicit deny in a session policy", diag);
    if (d->identity != VCH_VERDICT_ALLOW) return vch_iam_refuse(ask, false, "", diag);
    if (d->has_session && d->session != VCH_VERDICT_ALLOW)
        return vch_iam_refuse(ask, false, " because no session policy allows it", diag);
    return VCH_OK;
}

enum vch_err vch_iam_check(struct vch_iam *iam, const struct vch_iam_ask *ask, struct vch_diag *diag) {
    struct vch_iam_decision decision;
    VCH_TRY(vch_iam_decide(iam, ask, &decision, diag));
    return vch_iam_tell(&decision, ask, diag);
}

enum vch_err vch_service_ready(struct vch_service *service, struct vch_diag *diag) {
    struct vch_list_user users;
    struct vch_arena *arena = vch_arena_new(65536, false);
    if (!arena) return VCH_ERR_NOMEM;
    enum vch_err err = vch_store_users(service->store, (struct vch_page){.limit = 1}, &users, arena, diag);
    vch_arena_free(arena);
    return err;
}
