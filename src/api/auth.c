/* From a signature to a user; without one, from a session (browser.c). */
#include "api/browser_priv.h"
#include "core/reason.h"
#include "service/access_key.h"
#include "service/session.h"

enum { WEBSOCKET_EXPIRES_MAX_S = 86400 };

static enum vch_err as_signed(const struct vch_http_job *job, struct vch_sigv4_request *ret) {
    const struct vch_http_request *r = job->request;
    struct vch_sigv4_header *headers = vch_arena_array(job->arena, r->header_count ? r->header_count : 1, sizeof *headers);
    if (!headers) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < r->header_count; i++)
        headers[i] = (struct vch_sigv4_header){r->headers[i].name, r->headers[i].value};
    *ret = (struct vch_sigv4_request){.method = r->method,
                                      .path = r->path,
                                      .query = r->query,
                                      .headers = headers,
                                      .header_count = r->header_count,
                                      .body = r->body};
    return VCH_OK;
}

static bool listed(struct vch_str signed_headers, const char *name) {
    struct vch_str part;
    while (vch_str_split(&signed_headers, ';', &part))
        if (vch_str_ieq(part, vch_str_from(name))) return true;
    return false;
}

/* An input in a header must be signed, or whoever holds a presigned URL could
 * choose it. */
static enum vch_err inputs_signed(struct vch_http_job *job, struct vch_str signed_headers) {
    if (job->op == VCH_OP_NONE) return VCH_OK;
    for (const struct vch_op_field *f = vch_op_row(job->op)->in; f->name; f++) {
        if (f->in != VCH_IN_HEADER || listed(signed_headers, f->wire)) continue;
        if (vch_http_header_get(job->request, f->wire).len)
            return VCH_REFUSE(&job->diag, VCH_ERR_UNAUTHENTICATED, SIGNATURE_INCOMPLETE, f->wire, "The header %s is not signed.",
                              f->wire);
    }
    return VCH_OK;
}

/* A user, by a key that is kept here. */
static enum vch_err key_caller(struct vch_http_job *job, struct vch_str key_id, int64_t now_ms, struct vch_str *ret_secret) {
    struct vch_service *service = job->door->options.service;
    struct vch_rec_access_key key;
    VCH_TRY(vch_access_key_load(service, key_id, job->arena, &key, ret_secret, &job->diag));
    job->key_use_due = now_ms - key.last_used_ms >= VCH_KEY_USE_REMEMBERED_MS;
    job->caller.kind = VCH_CALLER_USER;
    job->caller.user_name = key.user_name;
    job->caller.arn = vch_iam_arn(&service->site, "user", key.user_name, job->arena);
    return job->caller.arn.ptr ? VCH_OK : VCH_ERR_NOMEM;
}

/* A role, by temporary credentials. */
static enum vch_err session_caller(struct vch_http_job *job, const struct vch_sigv4_claim *claim, int64_t now_ms,
                                   struct vch_str *ret_secret) {
    struct vch_service *service = job->door->options.service;
    struct vch_caller *caller = &job->caller;
    struct vch_session session;
    VCH_TRY(vch_session_open(service, claim->access_key_id, claim->session_token, now_ms, job->arena, &session, &job->diag));
    VCH_TRY(vch_session_check(service, &session, job->arena, &job->diag));
    caller->kind = VCH_CALLER_ROLE;
    caller->role_name = session.role_name;
    caller->session_policy = session.policy;
    caller->role_person = session.person;
    caller->role_arn = vch_iam_arn(&service->site, "role", session.role_name, job->arena);
    caller->arn = vch_assumed_role_arn(&service->site, session.role_name, session.session_name, job->arena);
    caller->role_user_id = vch_arena_printf(job->arena, "%.*s:%.*s", VCH_STR_ARG(session.role_id), VCH_STR_ARG(session.session_name));
    job->credentials_end_ms = session.expires_ms;
    *ret_secret = session.secret;
    return caller->role_arn.ptr && caller->arn.ptr && caller->role_user_id.ptr ? VCH_OK : VCH_ERR_NOMEM;
}

/* What the credential may be scoped to. Debian's AWS CLI and boto3 still sign IoT
 * calls for execute-api, as AWS itself accepts. */
static const char *services_of(const struct vch_http_job *job) {
    if (job->websocket || vch_data_is(job->op)) return "iotdevicegateway,iotdata";
    return job->query ? "sts" : "iot,execute-api";
}

/* AWS IoT "MQTT over the WebSocket Protocol": a day at most. */
static enum vch_err check_life(struct vch_http_job *job, const struct vch_sigv4_claim *claim) {
    if (!job->websocket || !claim->presigned || claim->expires_s <= WEBSOCKET_EXPIRES_MAX_S) return VCH_OK;
    return VCH_REFUSE(&job->diag, VCH_ERR_MALFORMED, SIGNATURE_INCOMPLETE, "X-Amz-Expires",
                      "X-Amz-Expires is more than %d seconds.", WEBSOCKET_EXPIRES_MAX_S);
}

static enum vch_err verify(struct vch_http_job *job, const struct vch_sigv4_request *request,
                           const struct vch_sigv4_claim *claim, int64_t now_ms) {
    const char *services = services_of(job);
    struct vch_str secret;
    if (claim->session_token.len) VCH_TRY(session_caller(job, claim, now_ms, &secret));
    else VCH_TRY(key_caller(job, claim->access_key_id, now_ms, &secret));
    enum vch_err err = vch_sigv4_verify(request, claim, secret, job->door->options.service->site.region, services, now_ms, &job->diag);
    if (err == VCH_OK) return VCH_OK;
    /* Whoever could not sign for the key is not that caller. */
    job->caller.kind = VCH_CALLER_NOBODY;
    job->key_use_due = false;
    return err;
}

bool vch_http_is_signed(const struct vch_http_request *request) {
    struct vch_str rest = request->query, part;
    if (vch_http_header_get(request, "authorization").ptr) return true;
    while (vch_str_split(&rest, '&', &part))
        if (vch_str_starts(part, VCH_STR("X-Amz-"))) return true;
    return false;
}

enum vch_err vch_http_authenticate(struct vch_http_job *job, int64_t now_ms) {
    struct vch_sigv4_request request;
    struct vch_sigv4_claim claim;
    if (vch_data_is(job->op) && job->request->peer_id[0] && !vch_http_is_signed(job->request)) return vch_data_certificate(job);
    if (!vch_http_is_signed(job->request) && vch_browser_wanted(job)) return vch_browser_authenticate(job, now_ms);
    VCH_TRY(as_signed(job, &request));
    VCH_TRY(vch_sigv4_parse(&request, job->arena, &claim, &job->diag));
    job->caller.access_key_id = claim.access_key_id;
    VCH_TRY(inputs_signed(job, claim.signed_headers));
    VCH_TRY(check_life(job, &claim));
    return verify(job, &request, &claim, now_ms);
}
