#include "ctl/call.h"

#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "core/sigv4.h"
#include "ctl/output.h"
#include "shape/shape.h"

enum { HEADERS_MAX = VCH_SHAPE_HEADERS_MAX + 4, PAGES_MAX = 100000, FAILURE_MAX = 4096 };

enum vch_ctl_exit vch_ctl_fail(struct vch_ctl *ctl, const char *fmt, ...) {
    va_list args;
    char line[FAILURE_MAX];
    struct vch_buf buf;
    va_start(args, fmt);
    (void)vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    vch_buf_init(&buf, sizeof line);
    vch_ctl_text(vch_str_from(line), &buf);
    (void)fprintf(ctl->err, "vouch: %.*s\n", (int)buf.len, buf.ptr ? buf.ptr : "");
    vch_buf_deinit(&buf);
    return VCH_CTL_USAGE;
}

enum vch_ctl_exit vch_ctl_refused(struct vch_ctl *ctl, enum vch_ctl_exit exit, const struct vch_ctl_error *error) {
    if (exit != VCH_CTL_DONE) (void)vch_ctl_fail(ctl, "%s: %s", error->code, error->message);
    return exit;
}

static enum vch_ctl_exit set_error(struct vch_ctl_error *error, enum vch_ctl_exit exit, const char *code,
                                   const char *message) {
    (void)snprintf(error->code, sizeof error->code, "%s", code);
    (void)snprintf(error->message, sizeof error->message, "%s", message);
    return exit;
}

/* The text between <name> and </name>; STS answers in XML. */
static struct vch_str element(struct vch_str xml, const char *name) {
    char open[64];
    (void)snprintf(open, sizeof open, "<%s>", name);
    const char *at = xml.len ? strstr(xml.ptr, open) : NULL;
    const char *end = at ? strchr(at + strlen(open), '<') : NULL;
    if (!end) return (struct vch_str){NULL, 0};
    at += strlen(open);
    return vch_str_of(at, (size_t)(end - at));
}

/* botocore: the header up to ':' and after '#'; else the body's own words. */
static struct vch_str error_code(const struct vch_http_result *answer, const struct vch_val *body) {
    struct vch_str code = vch_http_result_header(answer, "x-amzn-errortype");
    if (!code.len) code = vch_val_str_at(body, "code");
    if (!code.len) code = vch_val_str_at(body, "__type");
    if (!code.len) code = element(answer->body, "Code");
    size_t hash = vch_str_find(code, '#', 0);
    if (hash != SIZE_MAX) code = vch_str_sub(code, hash + 1, SIZE_MAX);
    size_t colon = vch_str_find(code, ':', 0);
    return vch_str_sub(code, 0, colon);
}

static void plain(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7F) *text = ' ';
}

void vch_ctl_error_read(const struct vch_http_result *answer, struct vch_arena *arena, struct vch_ctl_error *ret) {
    struct vch_val *body = NULL;
    (void)snprintf(ret->code, sizeof ret->code, "HTTP%d", answer->status);
    (void)snprintf(ret->message, sizeof ret->message, "The server answered with status %d.", answer->status);
    if (vch_json_decode(answer->body, &VCH_VAL_LIMITS_DEFAULT, arena, &body, NULL) != VCH_OK) body = NULL;
    struct vch_str code = error_code(answer, body);
    struct vch_str message = vch_val_str_at(body, "message");
    if (!message.len) message = vch_val_str_at(body, "Message");
    if (!message.len) message = element(answer->body, "Message");
    if (code.len) (void)vch_str_copy(ret->code, sizeof ret->code, code);
    if (message.len) (void)vch_str_copy(ret->message, sizeof ret->message, message);
    plain(ret->code);
    plain(ret->message);
}

struct outgoing {
    struct vch_http_field fields[HEADERS_MAX];
    struct vch_sigv4_header signed_headers[HEADERS_MAX];
    size_t count;
};

static void add(struct outgoing *o, const char *name, struct vch_str value) {
    vch_assert(o->count < HEADERS_MAX);
    o->fields[o->count].name = o->signed_headers[o->count].name = vch_str_from(name);
    o->fields[o->count].value = o->signed_headers[o->count].value = value;
    o->count++;
}

static enum vch_err sign(struct vch_ctl *ctl, const struct vch_shape_request *request, const char *service,
                         struct outgoing *o) {
    const struct vch_sigv4_request whole = {
        vch_str_from(request->method), request->path, request->query, o->signed_headers, o->count, request->body};
    const struct vch_ctl_site *site = &ctl->site;
    int64_t now_ms = vch_now_ms();
    char date[17];
    struct vch_buf buf;
    struct vch_str line;
    vch_time_basic(now_ms, date);
    add(o, "x-amz-date", vch_arena_str(ctl->arena, vch_str_from(date)));
    if (site->session_token.len) add(o, "x-amz-security-token", site->session_token);
    struct vch_sigv4_request final = whole;
    final.header_count = o->count;
    vch_buf_init(&buf, 8192);
    enum vch_err err = vch_sigv4_sign(&final, site->access_key_id, site->secret_access_key, site->region,
                                      vch_str_from(service), now_ms, &buf);
    if (err == VCH_OK) err = vch_buf_finish(&buf, &line);
    if (err == VCH_OK) add(o, "authorization", vch_arena_str(ctl->arena, line));
    vch_buf_deinit(&buf);
    return err;
}

static enum vch_ctl_exit transport_error(enum vch_err err, const struct vch_diag *diag, struct vch_ctl_error *error) {
    return set_error(error, err == VCH_ERR_INVALID || err == VCH_ERR_NOMEM ? VCH_CTL_USAGE : VCH_CTL_UNREACHABLE,
                     diag->reason ? diag->reason : "failed", diag->message[0] ? diag->message : vch_err_word(err));
}

static enum vch_ctl_exit exchange(struct vch_ctl *ctl, const char *method, struct vch_str path, struct vch_str query,
                                  const struct outgoing *o, struct vch_str body, struct vch_http_result *answer,
                                  struct vch_ctl_error *error) {
    struct vch_diag diag = {0};
    struct vch_str url = vch_arena_printf(ctl->arena, "%s%s%s%s", ctl->site.endpoint.ptr, path.ptr,
                                          query.len ? "?" : "", query.len ? query.ptr : "");
    const struct vch_http_call call = {method, url, o->fields, o->count, body};
    enum vch_err err = url.ptr ? vch_http_client_send(ctl->client, &call, ctl->arena, answer, &diag) : VCH_ERR_NOMEM;
    if (err != VCH_OK) return transport_error(err, &diag, error);
    if (answer->status >= 200 && answer->status < 300) return VCH_CTL_DONE;
    vch_ctl_error_read(answer, ctl->arena, error);
    return VCH_CTL_REFUSED;
}

/* The authority of the endpoint: what libcurl would send as Host, and what is signed. */
static struct vch_str host_of(struct vch_str endpoint) {
    const char *start = strstr(endpoint.ptr, "://");
    struct vch_str rest = start ? vch_str_from(start + 3) : endpoint;
    struct vch_str host = vch_str_sub(rest, 0, vch_str_find(rest, '/', 0));
    return vch_str_ends(host, VCH_STR(":443")) ? vch_str_sub(host, 0, host.len - 4) : host;
}

static enum vch_ctl_exit decode(struct vch_ctl *ctl, const struct vch_http_result *answer, const struct vch_val **out,
                                struct vch_ctl_error *error) {
    struct vch_val *val = NULL;
    struct vch_str body = answer->body.len ? answer->body : VCH_STR("{}");
    enum vch_err err =
        vch_json_decode(body, &(struct vch_val_limits){.depth = 64, .values = 1 << 20}, ctl->arena, &val, NULL);
    if (err != VCH_OK || val->type != VCH_VAL_MAP)
        return set_error(error, VCH_CTL_REFUSED, "answer-invalid", "The server's answer is not a JSON object.");
    *out = val;
    return VCH_CTL_DONE;
}

/* The members of a row's output that the answer has; names are told once in
 * it, and their values need no unescaping. */
static enum vch_err xml_members(struct vch_ctl *ctl, struct vch_str xml, const struct vch_op_field *fields, struct vch_val *map) {
    for (const struct vch_op_field *f = fields; f->name; f++) {
        struct vch_str text = element(xml, f->name);
        int64_t number;
        if (f->type == VCH_FIELD_OBJECT) {
            struct vch_val *inner = vch_val_put_map(ctl->arena, map, f->name);
            VCH_TRY(inner ? xml_members(ctl, xml, f->members, inner) : VCH_ERR_NOMEM);
        } else if (f->type == VCH_FIELD_INT && vch_str_int(text, &number) == VCH_OK) {
            VCH_TRY(vch_val_put_int(ctl->arena, map, f->name, number));
        } else if (f->type == VCH_FIELD_STR && text.ptr) {
            VCH_TRY(vch_val_put_str(ctl->arena, map, f->name, text));
        }
    }
    return VCH_OK;
}

static enum vch_ctl_exit decode_xml(struct vch_ctl *ctl, enum vch_op op, const struct vch_http_result *answer,
                                    const struct vch_val **out, struct vch_ctl_error *error) {
    struct vch_val *map = vch_val_new_map(ctl->arena);
    enum vch_err err = map ? xml_members(ctl, answer->body, vch_op_row(op)->out, map) : VCH_ERR_NOMEM;
    if (err != VCH_OK || vch_shape_check_output(op, map, NULL) != VCH_OK)
        return set_error(error, VCH_CTL_REFUSED, "answer-invalid", "The server's answer lacks a member.");
    *out = map;
    return VCH_CTL_DONE;
}

enum vch_ctl_exit vch_ctl_try(struct vch_ctl *ctl, enum vch_op op, const struct vch_val *inputs,
                              const struct vch_val **out, struct vch_ctl_error *error) {
    struct vch_shape_request request;
    struct vch_diag diag = {0};
    struct vch_http_result answer;
    struct outgoing o = {.count = 0};
    bool sts = vch_op_row(op)->scope == VCH_SCOPE_STS;
    enum vch_err err = vch_shape_request(op, inputs, ctl->arena, &request, &diag);
    if (err == VCH_OK) {
        add(&o, "host", host_of(ctl->site.endpoint));
        for (size_t i = 0; i < request.header_count; i++)
            add(&o, request.headers[i].name.ptr, request.headers[i].value);
        err = sign(ctl, &request, sts ? "sts" : vch_op_row(op)->scope == VCH_SCOPE_DATA ? "iotdata" : "iot", &o);
    }
    if (err != VCH_OK)
        return set_error(error, VCH_CTL_USAGE, "input", diag.message[0] ? diag.message : vch_err_word(err));
    enum vch_ctl_exit exit =
        exchange(ctl, request.method, request.path, request.query, &o, request.body, &answer, error);
    if (exit != VCH_CTL_DONE) return exit;
    ctl->lint = vch_http_result_header(&answer, "x-vouch-lint");
    return sts ? decode_xml(ctl, op, &answer, out, error) : decode(ctl, &answer, out, error);
}

enum vch_ctl_exit vch_ctl_call(struct vch_ctl *ctl, enum vch_op op, const struct vch_val *inputs,
                               const struct vch_val **out) {
    struct vch_ctl_error error;
    return vch_ctl_refused(ctl, vch_ctl_try(ctl, op, inputs, out, &error), &error);
}

static enum vch_err append_items(struct vch_ctl *ctl, struct vch_val *all, const struct vch_val *page) {
    for (size_t i = 0; page && page->type == VCH_VAL_LIST && i < page->count; i++) {
        struct vch_val *slot = vch_val_push(ctl->arena, all);
        if (!slot) return VCH_ERR_NOMEM;
        *slot = page->items[i];
    }
    return VCH_OK;
}

/* The same inputs with the page's mark; `mark` is "marker" or "nextToken". */
static struct vch_val *inputs_at(struct vch_ctl *ctl, const struct vch_val *inputs, const char *mark,
                                 struct vch_str value) {
    struct vch_val *map = vch_ctl_inputs(ctl);
    for (size_t i = 0; map && i < inputs->count; i++) {
        struct vch_val *slot = vch_val_put_str_name(ctl->arena, map, inputs->members[i].name);
        if (!slot) return NULL;
        *slot = inputs->members[i].value;
    }
    return map && vch_val_put_str(ctl->arena, map, mark, value) == VCH_OK ? map : NULL;
}

enum vch_ctl_exit vch_ctl_call_all(struct vch_ctl *ctl, enum vch_op op, const struct vch_val *inputs, const char *list,
                                   const struct vch_val **out) {
    struct vch_val *whole = vch_ctl_inputs(ctl);
    struct vch_val *all = vch_val_put_list(ctl->arena, whole, list);
    const struct vch_val *page = NULL;
    const struct vch_val *at = inputs;
    for (size_t pages = 0; pages < PAGES_MAX; pages++) {
        if (!all || !at) return vch_ctl_fail(ctl, "out of memory");
        enum vch_ctl_exit exit = vch_ctl_call(ctl, op, at, &page);
        if (exit != VCH_CTL_DONE) return exit;
        if (append_items(ctl, all, vch_val_get(page, list)) != VCH_OK) return vch_ctl_fail(ctl, "out of memory");
        struct vch_str token = vch_val_str_at(page, "nextToken");
        struct vch_str marker = vch_val_str_at(page, "nextMarker");
        if (!token.len && !marker.len) break;
        at = token.len ? inputs_at(ctl, inputs, "nextToken", token) : inputs_at(ctl, inputs, "marker", marker);
    }
    *out = whole;
    return VCH_CTL_DONE;
}

enum vch_ctl_exit vch_ctl_page(struct vch_ctl *ctl, const char *path, struct vch_str *ret) {
    struct vch_http_result answer;
    struct vch_ctl_error error;
    struct outgoing o = {.count = 0};
    enum vch_ctl_exit exit = exchange(ctl, "GET", vch_str_from(path), VCH_STR(""), &o, VCH_STR(""), &answer, &error);
    if (exit == VCH_CTL_DONE) *ret = answer.body;
    return vch_ctl_refused(ctl, exit, &error);
}

enum vch_ctl_exit vch_ctl_account(struct vch_ctl *ctl, struct vch_str *ret) {
    const struct vch_val *identity = NULL;
    if (!ctl->site.account.len) {
        enum vch_ctl_exit exit = vch_ctl_call(ctl, VCH_OP_GET_CALLER_IDENTITY, vch_ctl_inputs(ctl), &identity);
        if (exit != VCH_CTL_DONE) return exit;
        ctl->site.account = vch_val_str_at(identity, "Account");
    }
    *ret = ctl->site.account;
    return VCH_CTL_DONE;
}

struct vch_val *vch_ctl_inputs(struct vch_ctl *ctl) {
    return vch_val_new_map(ctl->arena);
}

bool vch_ctl_put(struct vch_ctl *ctl, enum vch_op op, struct vch_val *inputs, const char *name, struct vch_str text) {
    const struct vch_op_field *field = vch_op_row(op)->in;
    while (field->name && strcmp(field->name, name) != 0) field++;
    vch_assert(field->name);
    int64_t number = 0;
    bool yes = vch_str_eq_c(text, "true");
    switch (field->type) {
    case VCH_FIELD_INT:
        return vch_str_int(text, &number) == VCH_OK && vch_val_put_int(ctl->arena, inputs, name, number) == VCH_OK;
    case VCH_FIELD_BOOL:
        return (yes || vch_str_eq_c(text, "false")) && vch_val_put_bool(ctl->arena, inputs, name, yes) == VCH_OK;
    default: return vch_val_put_str(ctl->arena, inputs, name, text) == VCH_OK;
    }
}
