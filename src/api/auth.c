/* From a signature to a user. */
#include "api/http_job_priv.h"
#include "core/reason.h"
#include "service/access_key.h"

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
    for (const struct vch_op_field *f = vch_op_row(job->op)->in; f->name; f++) {
        if (f->in != VCH_IN_HEADER || listed(signed_headers, f->wire)) continue;
        if (vch_http_header_get(job->request, f->wire).len)
            return VCH_REFUSE(&job->diag, VCH_ERR_UNAUTHENTICATED, SIGNATURE_INCOMPLETE, f->wire, "The header %s is not signed.",
                              f->wire);
    }
    return VCH_OK;
}

static enum vch_err verify(struct vch_http_job *job, const struct vch_sigv4_request *request,
                           const struct vch_sigv4_claim *claim, int64_t now_ms) {
    struct vch_service *service = job->door->options.service;
    /* Debian's AWS CLI and boto3 still sign IoT calls for execute-api, as AWS itself accepts. */
    const char *services = job->query ? "sts" : "iot,execute-api";
    struct vch_str user, secret;
    /* There are no temporary credentials here, so no session token is good. */
    if (claim->session_token.len)
        return VCH_REFUSE(&job->diag, VCH_ERR_UNAUTHENTICATED, ACCESS_KEY_UNKNOWN, "",
                          "The security token included in the request is invalid.");
    VCH_TRY(vch_access_key_find(service, claim->access_key_id, job->arena, &user, &secret, &job->diag));
    VCH_TRY(vch_sigv4_verify(request, claim, secret, service->site.region, services, now_ms, &job->diag));
    job->caller.kind = VCH_CALLER_USER;
    job->caller.user_name = user;
    job->caller.arn = vch_iam_arn(&service->site, "user", user, job->arena);
    return job->caller.arn.ptr ? VCH_OK : VCH_ERR_NOMEM;
}

enum vch_err vch_http_authenticate(struct vch_http_job *job, int64_t now_ms) {
    struct vch_sigv4_request request;
    struct vch_sigv4_claim claim;
    VCH_TRY(as_signed(job, &request));
    VCH_TRY(vch_sigv4_parse(&request, job->arena, &claim, &job->diag));
    job->caller.access_key_id = claim.access_key_id;
    VCH_TRY(inputs_signed(job, claim.signed_headers));
    return verify(job, &request, &claim, now_ms);
}
