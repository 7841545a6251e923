/* The query protocol, as far as STS GetCallerIdentity goes: a form in, XML out.
 * Source: AWS STS API reference, version 2011-06-15. */
#include <string.h>

#include "api/http_job_priv.h"
#include "base/codec.h"

#define NAMESPACE "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\""

enum { PARAMETER_MAX = 256 };

/* The decoded value of one parameter of a form; empty when absent. */
static struct vch_str form_get(struct vch_str form, const char *name, struct vch_arena *arena) {
    struct vch_str part, value = {NULL, 0};
    while (vch_str_split(&form, '&', &part)) {
        size_t eq = vch_str_find(part, '=', 0);
        if (eq == SIZE_MAX || !vch_str_eq_c(vch_str_sub(part, 0, eq), name)) continue;
        struct vch_buf buf;
        vch_buf_init(&buf, PARAMETER_MAX);
        if (vch_unpercent(vch_str_sub(part, eq + 1, part.len), &buf) == VCH_OK && vch_buf_finish(&buf, &value) == VCH_OK)
            value = vch_arena_str(arena, value);
        vch_buf_deinit(&buf);
        return value;
    }
    return value;
}

static struct vch_str form_of(const struct vch_http_request *request) {
    return vch_str_eq_c(request->method, "POST") ? request->body : request->query;
}

static bool has_parameter(struct vch_str form, const char *name) {
    struct vch_str part;
    while (vch_str_split(&form, '&', &part))
        if (vch_str_eq_c(vch_str_sub(part, 0, vch_str_find(part, '=', 0)), name)) return true;
    return false;
}

bool vch_sts_wanted(const struct vch_http_request *request) {
    if (!vch_str_eq_c(request->path, "/")) return false;
    if (vch_str_eq_c(request->method, "POST")) return true;
    return vch_str_eq_c(request->method, "GET") && has_parameter(request->query, "Action");
}

enum vch_op vch_sts_route(const struct vch_http_request *request, struct vch_arena *arena) {
    struct vch_str form = form_of(request);
    return vch_op_route_query(form_get(form, "Action", arena), form_get(form, "Version", arena));
}

static void text_write(struct vch_buf *buf, struct vch_str text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '<')
            vch_buf_c(buf, "&lt;");
        else if (c == '>')
            vch_buf_c(buf, "&gt;");
        else if (c == '&')
            vch_buf_c(buf, "&amp;");
        else if ((unsigned char)c >= 0x20)
            vch_buf_bytes(buf, &c, 1);
    }
}

static void element_write(struct vch_buf *buf, const char *name, struct vch_str text) {
    vch_buf_printf(buf, "<%s>", name);
    text_write(buf, text);
    vch_buf_printf(buf, "</%s>", name);
}

void vch_sts_answer_output(struct vch_http_job *job, const struct vch_val *out) {
    const char *name = vch_op_row(job->op)->name;
    job->content_type = "text/xml";
    vch_buf_printf(&job->body, "<%sResponse " NAMESPACE "><%sResult>", name, name);
    for (size_t i = 0; i < out->count; i++) {
        const struct vch_member *m = &out->members[i];
        char element[64];
        if (m->value.type == VCH_VAL_STR && vch_str_copy(element, sizeof element, m->name))
            element_write(&job->body, element, m->value.str);
    }
    vch_buf_printf(&job->body, "</%sResult><ResponseMetadata>", name);
    element_write(&job->body, "RequestId", vch_str_from(job->request_id));
    vch_buf_printf(&job->body, "</ResponseMetadata></%sResponse>", name);
}

/* STS has names of its own for what the signature layer refuses. */
static const char *sts_code(const char *code) {
    static const char *const names[][2] = {
        {"UnrecognizedClientException", "InvalidClientTokenId"},
        {"InvalidSignatureException", "SignatureDoesNotMatch"},
        {"MissingAuthenticationTokenException", "MissingAuthenticationToken"},
        {"IncompleteSignatureException", "IncompleteSignature"},
        {"ExpiredTokenException", "ExpiredToken"},
        {"InternalFailureException", "InternalFailure"},
        {"ServiceUnavailableException", "ServiceUnavailable"},
        {"UnknownOperationException", "InvalidAction"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(code, names[i][0]) == 0) return names[i][1];
    return code;
}

void vch_sts_answer_error(struct vch_http_job *job, const char *code, int status, const char *message) {
    job->content_type = "text/xml";
    vch_buf_printf(&job->body, "<ErrorResponse " NAMESPACE "><Error><Type>%s</Type>", status >= 500 ? "Receiver" : "Sender");
    element_write(&job->body, "Code", vch_str_from(sts_code(code)));
    element_write(&job->body, "Message", vch_str_from(message));
    vch_buf_c(&job->body, "</Error>");
    element_write(&job->body, "RequestId", vch_str_from(job->request_id));
    vch_buf_c(&job->body, "</ErrorResponse>");
}
