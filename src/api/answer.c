/* What went well, and what did not, as AWS's rest-json writes it. */
#include <string.h>

#include "api/errors.h"
#include "api/http_job_priv.h"
#include "api/squeeze.h"
#include "core/reason.h"

void vch_http_answer_output(struct vch_http_job *job, const struct vch_val *out) {
    job->status = 200;
    if (job->query) {
        vch_sts_answer_output(job, out);
        return;
    }
    job->content_type = "application/json";
    vch_json_encode(out, &job->body);
}

static void member(struct vch_buf *buf, const char *name, const struct vch_val *out) {
    struct vch_str value = vch_val_str_at(out, name);
    if (value.len == 0) return;
    vch_buf_printf(buf, ",\"%s\":", name);
    vch_json_encode_str(value, buf);
}

static bool is_own(enum vch_op op) {
    enum vch_op_scope scope = op == VCH_OP_NONE ? VCH_SCOPE_PUBLIC : vch_op_row(op)->scope;
    return scope == VCH_SCOPE_VOUCH || scope == VCH_SCOPE_OPEN;
}

void vch_http_answer_error(struct vch_http_job *job, enum vch_err err, const struct vch_val *out) {
    struct vch_api_error error = vch_api_error_of(err, &job->diag);
    bool data = vch_data_is(job->op);
    if (data) error.aws = vch_data_error(error.aws);
    char message[VCH_API_ERROR_TEXT];
    vch_api_error_text(err, &job->diag, message);
    vch_buf_clear(&job->body);
    job->error_type = vch_aws_error_name(error.aws);
    job->status = data && error.aws == VCH_AWS_THROTTLING ? 429 : vch_aws_error_status(error.aws);
    if (!job->diag.reason) job->diag.reason = vch_api_error_reason(err, NULL);
    if (job->query) {
        vch_sts_answer_error(job, job->error_type, job->status, message);
        return;
    }
    job->content_type = "application/json";
    vch_buf_c(&job->body, "{\"message\":");
    vch_json_encode_str(vch_str_from(message), &job->body);
    if (data) vch_buf_printf(&job->body, ",\"traceId\":\"%s\"", job->request_id);
    if (is_own(job->op)) vch_buf_printf(&job->body, ",\"reason\":\"%s\"", job->diag.reason); /* of core/reason.def */
    if (err == VCH_ERR_EXISTS) {
        member(&job->body, "resourceId", out);
        member(&job->body, "resourceArn", out);
    }
    vch_buf_c(&job->body, "}");
}

/* A change may answer with a key, and the session's answer holds its token: these stay as they are. */
static bool may_be_squeezed(const struct vch_http_job *job) {
    if (job->op == VCH_OP_NONE || job->op == VCH_OP_GET_SESSION || job->status != 200 || job->query) return false;
    bool reads = strcmp(vch_op_row(job->op)->method, "GET") == 0 || job->op == VCH_OP_SEARCH_INDEX;
    if (!reads || vch_page_file_of(job)) return false;
    enum vch_op_scope scope = vch_op_row(job->op)->scope;
    return scope == VCH_SCOPE_IOT || scope == VCH_SCOPE_VOUCH || scope == VCH_SCOPE_PUBLIC;
}

void vch_http_squeeze(struct vch_http_job *job) {
    struct vch_buf packed;
    struct vch_str plain = {NULL, 0};
    if (!may_be_squeezed(job) || job->body.len < VCH_SQUEEZE_FROM || job->extra_count + 2 > VCH_HTTP_EXTRA_MAX) return;
    if (vch_buf_finish(&job->body, &plain) != VCH_OK) return;
    job->extra[job->extra_count++] = (struct vch_http_header){VCH_STR("vary"), VCH_STR("accept-encoding")};
    if (!vch_takes_gzip(vch_http_header_get(job->request, "accept-encoding"))) return;
    vch_buf_init_secret(&packed, VCH_HTTP_ANSWER_MAX);
    if (vch_gzip(plain, &packed)) {
        struct vch_buf before = job->body;
        job->body = packed;
        packed = before;
        job->extra[job->extra_count++] = (struct vch_http_header){VCH_STR("content-encoding"), VCH_STR("gzip")};
    }
    vch_buf_deinit(&packed);
}
