#include "service/iam_principal.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/digest.h"
#include "core/reason.h"
#include "service/access_key.h"
#include "service/authz_priv.h"
#include "service/iam_priv.h"
#include "service/session.h"

enum { ID_MAX = 64, CUT_DIGEST = 8, ARENA_MAX = 65536 };

struct vch_iam_principal {
    atomic_uint refs;
    struct vch_caller caller; /* in `arena` */
    struct vch_arena *arena;
    char id[ID_MAX + 1];
    bool secure;
    int64_t expires_ms;
};

struct vch_iam_view {
    struct vch_iam *iam;
    struct vch_iam_principal *principal;
    struct vch_iam_held *held;
};

/* ---- who ---- */

static bool keep(struct vch_arena *arena, struct vch_str *text) {
    *text = vch_arena_str(arena, *text);
    return text->ptr != NULL;
}

static enum vch_err name_it(struct vch_iam_principal *p, struct vch_arena *arena) {
    struct vch_str id = vch_caller_id(&p->caller, arena);
    char digest[VCH_SHA256_HEX];
    if (!id.ptr) return VCH_ERR_NOMEM;
    if (vch_str_copy(p->id, sizeof p->id, id)) return VCH_OK;
    vch_sha256_hex(id, digest);
    (void)snprintf(p->id + ID_MAX - CUT_DIGEST - 1, CUT_DIGEST + 2, "~%.*s", CUT_DIGEST, digest);
    return VCH_OK;
}

static enum vch_err fill(struct vch_iam_principal *p, const struct vch_caller *caller) {
    struct vch_caller *c = &p->caller;
    p->arena = vch_arena_new(ARENA_MAX, true);
    if (!p->arena) return VCH_ERR_NOMEM;
    *c = *caller;
    struct vch_str *const texts[] = {&c->arn,          &c->user_name,      &c->role_name,     &c->role_arn,
                                     &c->role_user_id, &c->session_policy, &c->access_key_id, &c->source_ip};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!keep(p->arena, texts[i])) return VCH_ERR_NOMEM;
    c->certificate_id = c->template_name = c->client_id = VCH_STR("");
    return name_it(p, p->arena);
}

enum vch_err vch_iam_principal_new(const struct vch_caller *caller, bool secure, int64_t expires_ms,
                                   struct vch_iam_principal **ret) {
    struct vch_iam_principal *p = calloc(1, sizeof *p);
    *ret = NULL;
    if (!p) return VCH_ERR_NOMEM;
    atomic_init(&p->refs, 1);
    p->secure = secure;
    p->expires_ms = expires_ms;
    enum vch_err err = fill(p, caller);
    if (err == VCH_OK) *ret = p;
    else vch_iam_principal_unref(p);
    return err;
}

struct vch_iam_principal *vch_iam_principal_ref(struct vch_iam_principal *p) {
    if (p) atomic_fetch_add(&p->refs, 1);
    return p;
}

void vch_iam_principal_unref(struct vch_iam_principal *p) {
    if (!p || atomic_fetch_sub(&p->refs, 1) != 1) return;
    vch_arena_free(p->arena);
    free(p);
}

const struct vch_caller *vch_iam_principal_caller(const struct vch_iam_principal *p) {
    return &p->caller;
}

const char *vch_iam_principal_id(const struct vch_iam_principal *p) {
    return p->id;
}

int64_t vch_iam_principal_expires_ms(const struct vch_iam_principal *p) {
    return p->expires_ms;
}

bool vch_iam_principal_is(const struct vch_iam_principal *p, bool role, struct vch_str name) {
    if (role != (p->caller.kind == VCH_CALLER_ROLE)) return false;
    return vch_str_eq(role ? p->caller.role_name : p->caller.user_name, name);
}

/* ---- the login ---- */

static enum vch_err login(struct vch_service *service, struct vch_str key_id, struct vch_str secret, struct vch_arena *arena,
                          struct vch_caller *caller, struct vch_diag *diag) {
    struct vch_str kept;
    VCH_TRY(vch_access_key_find(service, key_id, arena, &caller->user_name, &kept, diag));
    if (!vch_ct_eq(kept.ptr, kept.len, secret.ptr, secret.len)) return vch_access_key_refuse(diag);
    caller->arn = vch_iam_arn(&service->site, "user", caller->user_name, arena);
    return caller->arn.ptr ? VCH_OK : VCH_ERR_NOMEM;
}

enum vch_err vch_iam_principal_login(struct vch_service *service, struct vch_str key_id, struct vch_str secret,
                                     struct vch_str source_ip, bool secure, struct vch_iam_principal **ret,
                                     struct vch_diag *diag) {
    struct vch_caller caller = {.kind = VCH_CALLER_USER, .access_key_id = key_id, .source_ip = source_ip};
    struct vch_arena *arena = vch_arena_new(ARENA_MAX, true);
    *ret = NULL;
    if (!arena) return VCH_ERR_NOMEM;
    enum vch_err err = login(service, key_id, secret, arena, &caller, diag);
    if (err == VCH_OK) err = vch_iam_principal_new(&caller, secure, 0, ret);
    vch_arena_free(arena);
    return err;
}

/* ---- what it may do ---- */

static enum vch_err check_key(struct vch_service *service, const struct vch_iam_principal *p, struct vch_arena *arena,
                              struct vch_diag *diag) {
    struct vch_str user, secret;
    VCH_TRY(vch_access_key_find(service, p->caller.access_key_id, arena, &user, &secret, diag));
    return vch_str_eq(user, p->caller.user_name) ? VCH_OK : vch_access_key_refuse(diag);
}

static enum vch_err check_session(struct vch_service *service, const struct vch_iam_principal *p, struct vch_arena *arena,
                                  struct vch_diag *diag) {
    struct vch_str id = p->caller.role_user_id;
    const struct vch_session session = {.role_name = p->caller.role_name,
                                        .role_id = vch_str_sub(id, 0, vch_str_find(id, ':', 0))};
    if (p->expires_ms && vch_now_ms() >= p->expires_ms)
        return VCH_REFUSE(diag, VCH_ERR_EXPIRED, SESSION_EXPIRED, "", "The temporary credentials have expired.");
    return vch_session_check(service, &session, arena, diag);
}

static enum vch_err check_credentials(struct vch_service *service, const struct vch_iam_principal *p, struct vch_diag *diag) {
    struct vch_arena *arena = vch_arena_new(ARENA_MAX, true);
    if (!arena) return VCH_ERR_NOMEM;
    enum vch_err err = p->caller.kind == VCH_CALLER_ROLE ? check_session(service, p, arena, diag)
                                                         : check_key(service, p, arena, diag);
    vch_arena_free(arena);
    return err;
}

enum vch_err vch_iam_view_load(struct vch_iam *iam, struct vch_iam_principal *principal, struct vch_iam_view **ret,
                               struct vch_diag *diag) {
    struct vch_iam_view *view = calloc(1, sizeof *view);
    *ret = NULL;
    if (!view) return VCH_ERR_NOMEM;
    view->iam = iam;
    view->principal = vch_iam_principal_ref(principal);
    enum vch_err err = check_credentials(vch_iam_service(iam), principal, diag);
    if (err == VCH_OK) err = vch_iam_hold(iam, &principal->caller, &view->held, diag);
    if (err == VCH_OK) *ret = view;
    else vch_iam_view_unref(view);
    return err;
}

void vch_iam_view_unref(struct vch_iam_view *view) {
    if (!view) return;
    vch_iam_let_go(view->iam, view->held);
    vch_iam_principal_unref(view->principal);
    free(view);
}

enum vch_err vch_iam_view_check(const struct vch_iam_view *view, const char *action, const char *resource_type,
                                struct vch_str name, struct vch_diag *diag) {
    char arn[VCH_AUTHZ_ARN_MAX];
    struct vch_iam_decision decision;
    const struct vch_site *site = &vch_iam_service(view->iam)->site;
    struct vch_iam_ask ask = {
        .caller = &view->principal->caller,
        .action = vch_str_from(action),
        .resource = vch_str_of(arn, vch_authz_arn(arn, site, resource_type, name)),
        .secure = view->principal->secure,
        .now_ms = vch_now_ms(),
        .without_tags = true,
    };
    if (ask.resource.len == 0) return vch_iam_refuse(&ask, false, "", diag);
    VCH_TRY(vch_iam_decide_held(view->iam, view->held, &ask, &decision, diag));
    return vch_iam_tell(&decision, &ask, diag);
}
