/* Taking a role, and passing one on. Source: AWS STS AssumeRole; IAM user
 * guide, PassRole. */
#include <string.h>

#include "base/clock.h"
#include "core/names.h"
#include "core/reason.h"
#include "service/change.h"
#include "service/iam_priv.h"
#include "service/session.h"
#include "service/trust.h"
#include "store/iam.h"

enum { ARENA_MAX = 1 << 20 };

/* The last part of a role's ARN: paths are not kept here. False for another account's. */
static bool role_of_site(const struct vch_site *site, struct vch_str arn, struct vch_str *ret_name) {
    struct vch_arn_parts parts;
    if (!vch_role_arn_valid(arn) || vch_arn_parse(arn, &parts) != VCH_OK || !vch_str_eq(parts.account, site->account) ||
        !vch_str_eq(parts.partition, site->partition))
        return false;
    *ret_name = parts.resource;
    for (size_t at; (at = vch_str_find(*ret_name, '/', 0)) != SIZE_MAX;) *ret_name = vch_str_sub(*ret_name, at + 1, SIZE_MAX);
    return true;
}

/* Only role/NAME: an ARN with a path names no role that is kept here. */
static bool role_exact(const struct vch_site *site, struct vch_str arn, struct vch_str *ret_name) {
    return role_of_site(site, arn, ret_name) && vch_str_find(arn, '/', 0) == arn.len - ret_name->len - 1;
}

/* ---- may the caller? ---- */

static enum vch_err role_trusts(struct vch_iam *iam, const struct vch_iam_ask *ask, struct vch_arena *arena,
                                enum vch_trust *ret, struct vch_diag *diag) {
    const struct vch_service *service = vch_iam_service(iam);
    struct vch_rec_role role;
    struct vch_str name;
    struct vch_iam_context context;
    *ret = VCH_TRUST_NONE;
    if (!role_exact(&service->site, ask->resource, &name)) return VCH_OK;
    enum vch_err err = vch_store_role(service->store, name, &role, arena, diag);
    if (err == VCH_ERR_NOT_FOUND) {
        vch_diag_clear(diag);
        return VCH_OK;
    }
    if (err != VCH_OK) return err;
    vch_iam_context_init(&context, vch_iam_service(iam), ask);
    const struct vch_policy_request request = {.action = ask->action, .lookup = vch_iam_lookup, .lookup_arg = &context};
    err = vch_trust_eval(&service->site, role.trust, ask->caller, &request, ret, diag);
    vch_iam_context_deinit(&context);
    return err;
}

/* What the role and the caller's own policies say together. Being named by the
 * role suffices, but neither overrides a denial nor widens a session. */
static enum vch_err assume_tell(enum vch_trust trust, const struct vch_iam_decision *d, const struct vch_iam_ask *ask,
                                struct vch_diag *diag) {
    struct vch_iam_decision named = *d;
    if (trust == VCH_TRUST_DENIED)
        return vch_iam_refuse(ask, true, " with an explicit deny in a resource-based policy", diag);
    if (trust == VCH_TRUST_DIRECT && named.identity == VCH_VERDICT_IMPLICIT_DENY) named.identity = VCH_VERDICT_ALLOW;
    VCH_TRY(vch_iam_tell(&named, ask, diag));
    return trust == VCH_TRUST_NONE ? vch_iam_refuse(ask, false, "", diag) : VCH_OK;
}

enum vch_err vch_iam_check_assume(struct vch_iam *iam, const struct vch_iam_ask *ask, struct vch_diag *diag) {
    struct vch_iam_decision decision;
    struct vch_diag inner = {0};
    enum vch_trust trust;
    VCH_TRY(vch_iam_decide(iam, ask, &decision, diag));
    struct vch_arena *arena = vch_arena_new(ARENA_MAX, false);
    enum vch_err err = arena ? role_trusts(iam, ask, arena, &trust, &inner) : VCH_ERR_NOMEM;
    vch_arena_free(arena);
    if (err != VCH_OK) return vch_diag_set(diag, err, inner.reason, inner.field, "%s", inner.message);
    return assume_tell(trust, &decision, ask, diag);
}

enum vch_err vch_iam_check_pass(struct vch_iam *iam, const struct vch_iam_ask *ask, struct vch_str role_arn,
                                struct vch_diag *diag) {
    struct vch_service *service = vch_iam_service(iam);
    struct vch_rec_role role;
    struct vch_str name;
    struct vch_diag inner = {0};
    if (!role_of_site(&service->site, role_arn, &name)) return VCH_OK;
    struct vch_arena *arena = vch_arena_new(ARENA_MAX, false);
    if (!arena) return VCH_ERR_NOMEM;
    struct vch_iam_ask pass = *ask;
    pass.action = VCH_STR("iam:PassRole");
    enum vch_err err = vch_store_role(service->store, name, &role, arena, &inner);
    if (err == VCH_OK) {
        pass.resource = vch_iam_arn(&service->site, "role", name, arena);
        err = pass.resource.ptr ? vch_iam_check(iam, &pass, diag) : VCH_ERR_NOMEM;
    } else if (err == VCH_ERR_NOT_FOUND) {
        err = VCH_OK;
    } else {
        err = vch_diag_set(diag, err, inner.reason, inner.field, "%s", inner.message);
    }
    vch_arena_free(arena);
    return err;
}

/* ---- the use case: who may has been asked at the door ---- */

static enum vch_err duration_check(struct vch_call *call, const struct vch_rec_role *role, int64_t seconds) {
    if (seconds > role->session_max_s)
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_INVALID, "DurationSeconds",
                          "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
    if (call->caller.kind == VCH_CALLER_ROLE && seconds > VCH_SESSION_CHAINED_MAX_S)
        return VCH_REFUSE(call->diag, VCH_ERR_INVALID, FIELD_INVALID, "DurationSeconds",
                          "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.");
    return VCH_OK;
}

static enum vch_err policy_check(struct vch_call *call, struct vch_str document) {
    struct vch_policy *policy = NULL;
    if (document.len == 0) return VCH_OK;
    enum vch_err err = vch_policy_parse(VCH_POLICY_IAM, VCH_STR("session"), document, &policy, call->diag);
    vch_policy_unref(policy);
    return err;
}

/* One that went since the door asked for it is as if it had never been. */
static enum vch_err role_load(struct vch_call *call, struct vch_rec_role *ret) {
    struct vch_str name;
    enum vch_err err = VCH_ERR_NOT_FOUND;
    if (role_exact(&call->service->site, vch_val_str_at(call->in, "RoleArn"), &name))
        err = vch_store_role(call->service->store, name, ret, call->arena, call->diag);
    if (err != VCH_ERR_NOT_FOUND) return err;
    if (call->diag) vch_diag_clear(call->diag);
    return VCH_REFUSE(call->diag, VCH_ERR_DENIED, ACCESS_DENIED, "RoleArn", "The role cannot be assumed.");
}

/* The new session is bounded by the role's policies and its own; a policy of
 * the session that asked has spoken at the door, and ends there. */
static enum vch_err session_read(struct vch_call *call, struct vch_session *ret) {
    struct vch_rec_role role;
    int64_t seconds = vch_val_int_at(call->in, "DurationSeconds", VCH_SESSION_DEFAULT_S);
    VCH_TRY(role_load(call, &role));
    VCH_TRY(duration_check(call, &role, seconds));
    *ret = (struct vch_session){.role_name = role.name,
                                .role_id = role.id,
                                .session_name = vch_val_str_at(call->in, "RoleSessionName"),
                                .person = vch_caller_person(&call->caller, call->arena),
                                .policy = vch_val_str_at(call->in, "Policy"),
                                .expires_ms = call->now_ms - call->now_ms % 1000 + seconds * 1000};
    return ret->person.ptr ? policy_check(call, ret->policy) : VCH_ERR_NOMEM;
}

static enum vch_err put_credentials(struct vch_call *call, const struct vch_session *s, struct vch_str key_id, struct vch_str token) {
    char time[25];
    struct vch_val *map = vch_val_put_map(call->arena, call->out, "Credentials");
    if (!map) return VCH_ERR_NOMEM;
    vch_time_iso(s->expires_ms, time);
    struct vch_str expiration = vch_arena_printf(call->arena, "%.19sZ", time);
    if (!expiration.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, map, "AccessKeyId", key_id));
    VCH_TRY(vch_val_put_str(call->arena, map, "SecretAccessKey", s->secret));
    VCH_TRY(vch_val_put_str(call->arena, map, "SessionToken", token));
    return vch_val_put_str(call->arena, map, "Expiration", expiration);
}

static enum vch_err put_assumed(struct vch_call *call, const struct vch_session *s) {
    struct vch_val *map = vch_val_put_map(call->arena, call->out, "AssumedRoleUser");
    struct vch_str id = vch_arena_printf(call->arena, "%.*s:%.*s", VCH_STR_ARG(s->role_id), VCH_STR_ARG(s->session_name));
    struct vch_str arn = vch_assumed_role_arn(&call->service->site, s->role_name, s->session_name, call->arena);
    if (!map || !id.ptr || !arn.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_str(call->arena, map, "AssumedRoleId", id));
    VCH_TRY(vch_val_put_str(call->arena, map, "Arn", arn));
    if (s->policy.len == 0) return VCH_OK;
    return vch_val_put_int(call->arena, call->out, "PackedPolicySize", (int64_t)(s->policy.len * 100 / VCH_SESSION_POLICY_MAX));
}

static enum vch_err remember(struct vch_call *call, const struct vch_session *s, struct vch_str key_id) {
    const char *names[] = {"roleName", "sessionName", "accessKeyId", NULL};
    struct vch_str values[] = {s->role_name, s->session_name, key_id};
    struct vch_change change;
    VCH_TRY(vch_change_begin(call, "role-assumed", &change));
    VCH_TRY(vch_change_detail(call, &change, names, values));
    return vch_change_apply(call, &change);
}

enum vch_err vch_uc_assume_role(struct vch_call *call) {
    struct vch_session session;
    struct vch_str key_id, token;
    VCH_TRY(session_read(call, &session));
    VCH_TRY(vch_session_seal(call->service, &session, call->arena, &key_id, &token));
    VCH_TRY(remember(call, &session, key_id));
    VCH_TRY(put_credentials(call, &session, key_id, token));
    return put_assumed(call, &session);
}
