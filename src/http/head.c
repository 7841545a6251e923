#include "http/head_priv.h"

#include <http_parser.h>
#include <string.h>

/* ---- lines -------------------------------------------------------------------- */

static bool is_tchar(char c) {
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

bool vch_http_is_token(struct vch_str s) {
    for (size_t i = 0; i < s.len; i++)
        if (!is_tchar(s.ptr[i])) return false;
    return s.len > 0;
}

bool vch_http_is_field_value(struct vch_str s) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) return false;
    }
    return true;
}

/* Up to the CRLF, which every line has: the reader saw to it. */
static struct vch_str next_line(struct vch_str *rest) {
    size_t end = vch_str_find(*rest, '\r', 0);
    struct vch_str line = vch_str_sub(*rest, 0, end);
    *rest = vch_str_sub(*rest, end + 2, rest->len);
    return line;
}

/* RFC 9112 3: method SP target SP version, each SP one space. */
static int check_request_line(struct vch_str line, const char **why) {
    size_t first = vch_str_find(line, ' ', 0);
    size_t second = first == SIZE_MAX ? SIZE_MAX : vch_str_find(line, ' ', first + 1);
    *why = "The request line is malformed.";
    if (second == SIZE_MAX || !vch_http_is_token(vch_str_sub(line, 0, first))) return 400;
    struct vch_str target = vch_str_sub(line, first + 1, second - first - 1);
    struct vch_str version = vch_str_sub(line, second + 1, line.len);
    if (!vch_str_starts(version, VCH_STR("HTTP/")) || version.len != 8) return 400;
    *why = "Only HTTP/1.0 and HTTP/1.1 are spoken here.";
    if (!vch_str_eq_c(version, "HTTP/1.1") && !vch_str_eq_c(version, "HTTP/1.0")) return 505;
    /* origin-form alone: no proxying, no CONNECT, no '*' */
    *why = "The request target must be a path.";
    if (target.len == 0 || target.ptr[0] != '/') return 400;
    for (size_t i = 0; i < target.len; i++)
        if (target.ptr[i] <= 0x20 || target.ptr[i] >= 0x7f || target.ptr[i] == '#') return 400;
    return 0;
}

/* RFC 9112 5: name ':' value; nothing before the colon but the name, no folding. */
static int check_field_line(struct vch_str line, const char **why) {
    size_t colon = vch_str_find(line, ':', 0);
    *why = "A header field is malformed.";
    if (colon == SIZE_MAX || !vch_http_is_token(vch_str_sub(line, 0, colon))) return 400;
    return vch_http_is_field_value(vch_str_sub(line, colon + 1, line.len)) ? 0 : 400;
}

static int check_lines(struct vch_str text, const char **why) {
    struct vch_str rest = text;
    int status = check_request_line(next_line(&rest), why);
    size_t count = 0;
    for (struct vch_str line = next_line(&rest); status == 0 && line.len; line = next_line(&rest)) {
        status = check_field_line(line, why);
        if (status == 0 && ++count > VCH_HTTP_HEADERS_MAX) {
            *why = "Too many header fields.";
            status = 431;
        }
    }
    return status;
}

/* ---- http_parser ----------------------------------------------------------------- */

/* One view out of what may come in several pieces of the same text. */
static void extend(struct vch_str *view, const char *at, size_t len) {
    if (!view->ptr) *view = vch_str_of(at, 0);
    view->len = (size_t)(at + len - view->ptr);
}

static int on_url(http_parser *parser, const char *at, size_t len) {
    struct vch_http_head *head = parser->data;
    extend(&head->target, at, len);
    return 0;
}

static int on_field(http_parser *parser, const char *at, size_t len) {
    struct vch_http_head *head = parser->data;
    if (head->header_count == 0 || head->headers[head->header_count - 1].value.ptr) {
        if (head->header_count == VCH_HTTP_HEADERS_MAX) return 1;
        head->header_count++;
    }
    extend(&head->headers[head->header_count - 1].name, at, len);
    return 0;
}

static int on_value(http_parser *parser, const char *at, size_t len) {
    struct vch_http_head *head = parser->data;
    if (head->header_count == 0) return 1;
    extend(&head->headers[head->header_count - 1].value, at, len);
    return 0;
}

static int on_headers_complete(http_parser *parser) {
    struct vch_http_head *head = parser->data;
    head->keep_alive = http_should_keep_alive(parser) != 0;
    parser->upgrade = 0; /* an offer to upgrade may be ignored, RFC 9110 7.8 */
    return 0;
}

static int run_parser(struct vch_str text, struct vch_http_head *head, const char **why) {
    http_parser parser;
    http_parser_settings settings;
    http_parser_init(&parser, HTTP_REQUEST);
    http_parser_settings_init(&settings);
    parser.data = head;
    settings.on_url = on_url;
    settings.on_header_field = on_field;
    settings.on_header_value = on_value;
    settings.on_headers_complete = on_headers_complete;
    size_t used = http_parser_execute(&parser, &settings, text.ptr, text.len);
    enum http_errno failure = HTTP_PARSER_ERRNO(&parser);
    if (failure == HPE_OK && used == text.len) {
        for (size_t i = 0; i < head->header_count; i++) head->headers[i].value = vch_str_trim(head->headers[i].value);
        head->method = vch_str_from(http_method_str((enum http_method)parser.method));
        head->is_11 = parser.http_minor == 1;
        return 0;
    }
    *why = failure == HPE_INVALID_METHOD ? "The method is not known." : "The request is malformed.";
    return failure == HPE_INVALID_METHOD ? 501 : 400;
}

/* ---- meaning ------------------------------------------------------------------------ */

/* How often `name` occurs; *ret is the last value. */
static size_t find(const struct vch_http_head *head, const char *name, struct vch_str *ret) {
    size_t count = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        if (!vch_str_ieq(head->headers[i].name, vch_str_from(name))) continue;
        *ret = head->headers[i].value;
        count++;
    }
    return count;
}

static bool is_digits(struct vch_str s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return false;
    return s.len > 0 && s.len <= 18;
}

/* RFC 9112 6.1, 6.3, 11.2: whatever leaves two readings is refused. */
static int check_framing(struct vch_http_head *head, const char **why) {
    struct vch_str length = {0}, coding = {0};
    size_t lengths = find(head, "Content-Length", &length);
    size_t codings = find(head, "Transfer-Encoding", &coding);
    int64_t value = 0;
    *why = "The length of the request is ambiguous.";
    if (lengths > 1 || codings > 1 || (lengths && codings)) return 400;
    if (lengths && (!is_digits(length) || vch_str_int(length, &value) != VCH_OK)) return 400;
    if (codings && !head->is_11) return 400;
    *why = "The transfer coding is not known.";
    if (codings && !vch_str_ieq(coding, VCH_STR("chunked"))) return 501;
    head->content_length = (uint64_t)value;
    head->chunked = codings > 0;
    return 0;
}

static int check_host(const struct vch_http_head *head, const char **why) {
    struct vch_str host = {0};
    size_t hosts = find(head, "Host", &host);
    *why = "Exactly one Host header is needed.";
    if (hosts > 1 || (hosts == 0 && head->is_11)) return 400;
    for (size_t i = 0; i < host.len; i++)
        if (host.ptr[i] <= 0x20 || host.ptr[i] >= 0x7f || strchr("/?#@\\,", host.ptr[i])) return 400;
    return 0;
}

static int check_expect(struct vch_http_head *head, const char **why) {
    struct vch_str expect = {0};
    if (find(head, "Expect", &expect) == 0 || !head->is_11) return 0;
    *why = "The expectation cannot be met.";
    if (!vch_str_ieq(expect, VCH_STR("100-continue"))) return 417;
    head->expects_continue = head->chunked || head->content_length > 0;
    return 0;
}

int vch_http_head_parse(struct vch_str text, struct vch_http_head *ret, const char **ret_why) {
    *ret = (struct vch_http_head){0};
    int status = check_lines(text, ret_why);
    if (status == 0) status = run_parser(text, ret, ret_why);
    if (status == 0) status = check_framing(ret, ret_why);
    if (status == 0) status = check_host(ret, ret_why);
    if (status == 0) status = check_expect(ret, ret_why);
    return status;
}
