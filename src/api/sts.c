/* The query protocol of STS: a form in, XML out. Source: AWS STS API
 * reference, version 2011-06-15. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/form_priv.h"
#include "api/http_job_priv.h"
#include "core/reason.h"

#define NAMESPACE "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\""

static struct vch_str form_of(const struct vch_http_request *request) {
    return vch_str_eq_c(request->method, "POST") ? request->body : request->query;
}

bool vch_sts_wanted(const struct vch_http_request *request) {
    struct vch_str raw;
    if (!vch_str_eq_c(request->path, "/")) return false;
    if (vch_str_eq_c(request->method, "POST")) return true;
    return vch_str_eq_c(request->method, "GET") && vch_form_find(request->query, "Action", &raw) > 0;
}

enum vch_op vch_sts_route(const struct vch_http_request *request, struct vch_arena *arena) {
    struct vch_str action, version;
    if (vch_form_get(form_of(request), "Action", arena, &action) != VCH_OK ||
        vch_form_get(form_of(request), "Version", arena, &version) != VCH_OK)
        return VCH_OP_NONE;
    return vch_op_route_query(action, version);
}

/* What AWS would let narrow or mark a session, and would be lost here. */
static enum vch_err unknown_refuse(struct vch_http_job *job, struct vch_str form) {
    static const char *const names[] = {"PolicyArns.", "Tags.", "TransitiveTagKeys.", "SourceIdentity", "SerialNumber",
                                        "TokenCode", "ProvidedContexts."};
    struct vch_str part;
    while (vch_str_split(&form, '&', &part))
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (vch_str_starts(part, vch_str_from(names[i])))
                return VCH_REFUSE(&job->diag, VCH_ERR_INVALID, FIELD_INVALID, names[i], "The parameter %s is not supported.", names[i]);
    return VCH_OK;
}

static enum vch_err gather_field(struct vch_http_job *job, const struct vch_op_field *f, struct vch_val *map) {
    struct vch_str raw, value;
    size_t count = vch_form_find(form_of(job->request), f->name, &raw);
    if (count == 0) return VCH_OK;
    if (count > 1)
        return VCH_REFUSE(&job->diag, VCH_ERR_INVALID, FIELD_INVALID, f->name, "The parameter %s is given twice.", f->name);
    enum vch_err err = vch_form_get(form_of(job->request), f->name, job->arena, &value);
    if (err == VCH_ERR_NOMEM) return err;
    if (err != VCH_OK)
        return VCH_REFUSE(&job->diag, VCH_ERR_MALFORMED, FIELD_INVALID, f->name, "The value of %s is not valid.", f->name);
    return vch_val_put_str(job->arena, map, f->name, value);
}

enum vch_err vch_sts_gather(struct vch_http_job *job, struct vch_val **ret) {
    *ret = vch_val_new_map(job->arena);
    if (!*ret) return VCH_ERR_NOMEM;
    for (const struct vch_op_field *f = vch_op_row(job->op)->in; f->name; f++) VCH_TRY(gather_field(job, f, *ret));
    return unknown_refuse(job, form_of(job->request));
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

static void members_write(struct vch_buf *buf, const struct vch_val *map);

static void member_write(struct vch_buf *buf, const char *name, const struct vch_val *val) {
    char number[24];
    if (val->type == VCH_VAL_STR) element_write(buf, name, val->str);
    if (val->type == VCH_VAL_INT && snprintf(number, sizeof number, "%" PRId64, val->integer) > 0)
        element_write(buf, name, vch_str_from(number));
    if (val->type != VCH_VAL_MAP) return;
    vch_buf_printf(buf, "<%s>", name);
    members_write(buf, val);
    vch_buf_printf(buf, "</%s>", name);
}

static void members_write(struct vch_buf *buf, const struct vch_val *map) {
    char element[64];
    for (size_t i = 0; i < map->count; i++)
        if (vch_str_copy(element, sizeof element, map->members[i].name)) member_write(buf, element, &map->members[i].value);
}

void vch_sts_answer_output(struct vch_http_job *job, const struct vch_val *out) {
    const char *name = vch_op_row(job->op)->name;
    job->content_type = "text/xml";
    vch_buf_printf(&job->body, "<%sResponse " NAMESPACE "><%sResult>", name, name);
    members_write(&job->body, out);
    vch_buf_printf(&job->body, "</%sResult><ResponseMetadata>", name);
    element_write(&job->body, "RequestId", vch_str_from(job->request_id));
    vch_buf_printf(&job->body, "</ResponseMetadata></%sResponse>", name);
}

/* STS has names of its own for what the signature layer refuses. */
static const char *sts_code(const char *code) {
    static const char *const names[][2] = {
        {"AccessDeniedException", "AccessDenied"},
        {"InvalidRequestException", "ValidationError"},
        {"MalformedPolicyException", "MalformedPolicyDocument"},
        {"ResourceNotFoundException", "NoSuchEntity"},
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
