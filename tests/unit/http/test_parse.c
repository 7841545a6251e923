/* The request reader: bytes in, a request or a status out. Every row is also
 * fed one byte at a time and in two parts at every place: the outcome is the same. */
#include "http/parse.h"
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_MAX = 64 };

#define H "Host: a\r\n"

/* As a server feeds it: unconsumed bytes are offered again with more. */
struct feeder {
    struct vch_http_reader *reader;
    char *bytes;
    size_t len, consumed, size;
    unsigned continues;
    enum vch_http_read last;
};

static void feed(struct feeder *feeder, struct vch_str part) {
    if (part.len) memcpy(feeder->bytes + feeder->len, part.ptr, part.len);
    feeder->len += part.len;
    for (;;) {
        size_t used = 0;
        struct vch_str left = vch_str_of(feeder->bytes + feeder->consumed, feeder->len - feeder->consumed);
        /* A copy of its own, so that a view kept into the input would be caught. */
        char *copy = malloc(left.len ? left.len : 1);
        if (left.len) memcpy(copy, left.ptr, left.len);
        feeder->last = vch_http_reader_feed(feeder->reader, vch_str_of(copy, left.len), &used);
        if (left.len) memset(copy, 'Z', left.len);
        free(copy);
        assert_true(used <= left.len);
        feeder->consumed += used;
        if (feeder->last != VCH_HTTP_CONTINUE) return;
        feeder->continues++;
    }
}

static void feeder_init(struct feeder *feeder, size_t size) {
    *feeder = (struct feeder){.reader = vch_http_reader_new(BODY_MAX), .bytes = malloc(size ? size : 1), .size = size};
    assert_non_null(feeder->reader);
}

static void feeder_free(struct feeder *feeder) {
    vch_http_reader_free(feeder->reader);
    free(feeder->bytes);
}

/* Parts of `step` bytes after a first one of `first`. */
static void feed_parts(struct feeder *feeder, struct vch_str text, size_t first, size_t step) {
    feeder_init(feeder, text.len);
    feed(feeder, vch_str_sub(text, 0, first));
    for (size_t at = first; at < text.len && feeder->last == VCH_HTTP_MORE; at += step)
        feed(feeder, vch_str_sub(text, at, step));
}

struct row {
    const char *what;
    struct vch_str text;
    int status; /* 0: a request; -1: needs more */
    const char *path, *query, *body;
    size_t rest; /* bytes that belong to the next request */
};

static void check(const struct row *row, struct feeder *feeder, size_t first, size_t step) {
    int status = feeder->last == VCH_HTTP_DONE   ? 0
                 : feeder->last == VCH_HTTP_MORE ? -1
                                                 : vch_http_reader_status(feeder->reader);
    if (status != row->status) fail_msg("%s (%zu, %zu): %d, not %d", row->what, first, step, status, row->status);
    if (status > 0) assert_true(strlen(vch_http_reader_why(feeder->reader)) > 10);
    if (status != 0) return;
    const struct vch_http_request *request = vch_http_reader_request(feeder->reader);
    if (row->path && !vch_str_eq_c(request->path, row->path))
        fail_msg("%s: path %.*s", row->what, VCH_STR_ARG(request->path));
    if (row->query && !vch_str_eq_c(request->query, row->query))
        fail_msg("%s: query %.*s", row->what, VCH_STR_ARG(request->query));
    if (!vch_str_eq_c(request->body, row->body ? row->body : ""))
        fail_msg("%s: body %.*s", row->what, VCH_STR_ARG(request->body));
    if (step > row->text.len && feeder->consumed != row->text.len - row->rest)
        fail_msg("%s: consumed %zu", row->what, feeder->consumed);
}

static void check_rows(const struct row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct feeder feeder;
        size_t len = rows[i].text.len;
        size_t cuts = len > 400 ? 1 : len;
        for (size_t first = 0; first < cuts; first++) {
            feed_parts(&feeder, rows[i].text, first, len + 1);
            check(&rows[i], &feeder, first, len + 1);
            feeder_free(&feeder);
        }
        feed_parts(&feeder, rows[i].text, 0, 1);
        check(&rows[i], &feeder, 0, 1);
        feeder_free(&feeder);
    }
}

#define T(text)                                                                                                        \
    { "" text, sizeof(text) - 1 }

static void good_requests(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"plain", T("GET / HTTP/1.1\r\n" H "\r\n"), 0, "/", "", NULL, 0},
        {"path and query stay raw", T("GET /a%2Fb/%7e?x=%20&y=a+b?c HTTP/1.1\r\n" H "\r\n"), 0, "/a%2Fb/%7e",
         "x=%20&y=a+b?c", NULL, 0},
        {"dots stay", T("GET /../a//./b HTTP/1.1\r\n" H "\r\n"), 0, "/../a//./b", "", NULL, 0},
        {"empty query", T("GET /a? HTTP/1.1\r\n" H "\r\n"), 0, "/a", "", NULL, 0},
        {"odd but legal characters", T("GET /$aws/things/a:b;c=(d)!*'@,~ HTTP/1.1\r\n" H "\r\n"), 0,
         "/$aws/things/a:b;c=(d)!*'@,~", "", NULL, 0},
        {"a body", T("POST /p HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello"), 0, "/p", "", "hello", 0},
        {"an empty body", T("POST /p HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n"), 0, "/p", "", "", 0},
        {"no length, no body", T("POST /p HTTP/1.1\r\n" H "\r\n"), 0, "/p", "", "", 0},
        {"the next one waits", T("GET /1 HTTP/1.1\r\n" H "\r\nGET /2 HTTP/1.1\r\n"), 0, "/1", "", "", 17},
        {"the next one waits behind a body", T("PUT /1 HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nokGET"), 0, "/1", "",
         "ok", 3},
        {"chunks",
         T("POST /c HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"), 0,
         "/c", "", "abc0123456789", 0},
        {"chunk sizes with zeros and small letters",
         T("POST /c HTTP/1.1\r\n" H "transfer-encoding: CHUNKED\r\n\r\n0000000b\r\n0123456789a\r\n00\r\n\r\n"), 0, "/c",
         "", "0123456789a", 0},
        {"no chunks", T("POST /c HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nX"), 0, "/c", "", "", 1},
        {"the body at its bound",
         T("POST / HTTP/1.1\r\n" H
           "Content-Length: 64\r\n\r\n0123456789012345678901234567890123456789012345678901234567890123"),
         0, "/", "", "0123456789012345678901234567890123456789012345678901234567890123", 0},
        {"HTTP/1.0 needs no Host", T("GET / HTTP/1.0\r\n\r\n"), 0, "/", "", NULL, 0},
        {"an empty Host is one", T("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 0, "/", "", NULL, 0},
        {"a Host with port", T("GET / HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n"), 0, "/", "", NULL, 0},
        {"an empty line before", T("\r\nGET / HTTP/1.1\r\n" H "\r\n"), 0, "/", "", NULL, 0},
        {"an upgrade is ignored", T("GET /w HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nXYZ"), 0,
         "/w", "", NULL, 3},
        {"an upgrade with a body",
         T("POST /w HTTP/1.1\r\n" H "Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nokX"), 0, "/w", "",
         "ok", 1},
        {"blanks around a value", T("GET / HTTP/1.1\r\n" H "X:\t  v  \t\r\n\r\n"), 0, "/", "", NULL, 0},
        {"bytes over 127 in a value", T("GET / HTTP/1.1\r\n" H "X: caf\xc3\xa9\r\n\r\n"), 0, "/", "", NULL, 0},
    };
    check_rows(rows, COUNT_OF(rows));
}

static void incomplete_requests(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"nothing", T(""), -1, NULL, NULL, NULL, 0},
        {"empty line", T("\r\n"), -1, NULL, NULL, NULL, 0},
        {"a word", T("GET"), -1, NULL, NULL, NULL, 0},
        {"no empty line", T("GET / HTTP/1.1\r\n" H), -1, NULL, NULL, NULL, 0},
        {"half of it", T("GET / HTTP/1.1\r\n" H "\r"), -1, NULL, NULL, NULL, 0},
        {"a short body", T("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhell"), -1, NULL, NULL, NULL, 0},
        {"a chunk cut", T("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhel"), -1, NULL, NULL, NULL,
         0},
        {"the last chunk's line cut", T("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r"), -1, NULL,
         NULL, NULL, 0},
    };
    check_rows(rows, COUNT_OF(rows));
}

static void malformed_requests(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"TLS", T("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 400, NULL, NULL, NULL, 0},
        {"MQTT", T("\x10\x0c\x00\x04MQTT"), 400, NULL, NULL, NULL, 0},
        {"a small letter first", T("get / HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL, NULL, 0},
        {"many empty lines", T("\r\n\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL, NULL, 0},
        {"an unknown method", T("BREW / HTTP/1.1\r\n" H "\r\n"), 501, NULL, NULL, NULL, 0},
        {"a method that is no token", T("GE(T / HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL, NULL, 0},
        {"HTTP/0.9", T("GET /\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"HTTP/2.0", T("GET / HTTP/2.0\r\n" H "\r\n"), 505, NULL, NULL, NULL, 0},
        {"the HTTP/2 preface", T("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505, NULL, NULL, NULL, 0},
        {"HTTP/1.2", T("GET / HTTP/1.2\r\n" H "\r\n"), 505, NULL, NULL, NULL, 0},
        {"HTTP/1.10", T("GET / HTTP/1.10\r\n" H "\r\n"), 400, NULL, NULL, NULL, 0},
        {"http/1.1", T("GET / http/1.1\r\n" H "\r\n"), 400, NULL, NULL, NULL, 0},
        {"two spaces", T("GET  / HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL, NULL, 0},
        {"space after the version", T("GET / HTTP/1.1 \r\n" H "\r\n"), 400, NULL, NULL, NULL, 0},
        {"a space in the target", T("GET /a b HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL, NULL, 0},
        {"a tab for a space", T("GET\t/ HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL, NULL, 0},
        {"a fragment", T("GET /a#b HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL, NULL, 0},
        {"raw UTF-8 in the target", T("GET /\xc3\xa9 HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL, NULL, 0},
        {"DEL in the target", T("GET /\x7f HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL, NULL, 0},
        {"absolute-form", T("GET http://a/ HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL, NULL, 0},
        {"authority-form", T("CONNECT a:443 HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL, NULL, 0},
        {"asterisk-form", T("OPTIONS * HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL, NULL, 0},
        {"an empty target", T("GET  HTTP/1.1\r\n" H "\r\n"), 400, NULL, NULL, NULL, 0},
        {"no Host", T("GET / HTTP/1.1\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"two Hosts", T("GET / HTTP/1.1\r\n" H H "\r\n"), 400, NULL, NULL, NULL, 0},
        {"two Hosts in HTTP/1.0", T("GET / HTTP/1.0\r\n" H "HOST: b\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"a Host with a path", T("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"a Host with a user", T("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"a Host list", T("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"an unknown expectation", T("POST / HTTP/1.1\r\n" H "Expect: 200-ok\r\nContent-Length: 1\r\n\r\nx"), 417, NULL,
         NULL, NULL, 0},
    };
    check_rows(rows, COUNT_OF(rows));
}

#define CL(v) "Content-Length:" v "\r\n"
#define TE(v) "Transfer-Encoding:" v "\r\n"
#define POST "POST / HTTP/1.1\r\n" H
#define CHUNKED POST TE(" chunked") "\r\n"

/* What one server reads as one request and another as two. */
static void smuggling(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"length and coding", T(POST CL(" 5") TE(" chunked") "\r\n0\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"coding and length", T(POST TE(" chunked") CL(" 5") "\r\n0\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"two lengths", T(POST CL(" 5") CL(" 6") "\r\nhello"), 400, NULL, NULL, NULL, 0},
        {"two equal lengths", T(POST CL(" 5") CL(" 5") "\r\nhello"), 400, NULL, NULL, NULL, 0},
        {"a list of lengths", T(POST CL(" 5, 5") "\r\nhello"), 400, NULL, NULL, NULL, 0},
        {"a signed length", T(POST CL(" +5") "\r\nhello"), 400, NULL, NULL, NULL, 0},
        {"a negative length", T(POST CL(" -5") "\r\nhello"), 400, NULL, NULL, NULL, 0},
        {"a hexadecimal length", T(POST CL(" 0x5") "\r\nhello"), 400, NULL, NULL, NULL, 0},
        {"a split length", T(POST CL(" 1 1") "\r\nhello"), 400, NULL, NULL, NULL, 0},
        {"an empty length", T(POST CL("") "\r\n"), 400, NULL, NULL, NULL, 0},
        {"a length over 64 bits", T(POST CL(" 18446744073709551621") "\r\nhello"), 400, NULL, NULL, NULL, 0},
        {"an unknown coding", T(POST TE(" gzip") "\r\n"), 400, NULL, NULL, NULL, 0},
        {"two codings", T(POST TE(" gzip, chunked") "\r\n0\r\n\r\n"), 501, NULL, NULL, NULL, 0},
        {"chunked is not last", T(POST TE(" chunked, identity") "\r\n0\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"chunked twice", T(POST TE(" chunked") TE(" chunked") "\r\n0\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"chunked in disguise",
         T(POST TE(" \x0b"
                   "chunked") "\r\n0\r\n\r\n"),
         400, NULL, NULL, NULL, 0},
        {"xchunked", T(POST TE(" xchunked") "\r\n0\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"chunked in quotes", T(POST TE(" \"chunked\"") "\r\n0\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"chunked in HTTP/1.0", T("POST / HTTP/1.0\r\n" H TE(" chunked") "\r\n0\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"a blank before the colon", T(POST "Content-Length : 5\r\n\r\nhello"), 400, NULL, NULL, NULL, 0},
        {"a tab before the colon", T(POST "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"a folded line", T(POST "X: a\r\n Content-Length: 5\r\n\r\nhello"), 400, NULL, NULL, NULL, 0},
        {"a folded line with a tab", T(POST "X: a\r\n\tb\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"a folded first line", T("POST / HTTP/1.1\r\n " H "\r\n"), 400, NULL, NULL, NULL, 0},
        {"bare LF", T("POST / HTTP/1.1\n" H "\r\n"), 400, NULL, NULL, NULL, 0},
        {"bare LF in a header", T(POST "X: a\nContent-Length: 5\r\n\r\nhello"), 400, NULL, NULL, NULL, 0},
        {"bare LF at the end", T("POST / HTTP/1.1\r\nHost: a\r\n\nhello"), 400, NULL, NULL, NULL, 0},
        {"bare CR in a header", T(POST "X: a\rContent-Length: 5\r\n\r\nhello"), 400, NULL, NULL, NULL, 0},
        {"CR CR LF", T("POST / HTTP/1.1\r\r\n" H "\r\n"), 400, NULL, NULL, NULL, 0},
        {"a NUL in a value", T(POST "X: a\0b\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"a NUL in a name", T(POST "X\0: b\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"a control in a value", T(POST "X: a\x01\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"no colon", T(POST "Content-Length 5\r\n\r\nhello"), 400, NULL, NULL, NULL, 0},
        {"no name", T(POST ": 5\r\n\r\nhello"), 400, NULL, NULL, NULL, 0},
        {"a name with brackets", T(POST "Content[Length]: 5\r\n\r\nhello"), 400, NULL, NULL, NULL, 0},
        {"a chunk line with LF alone", T(CHUNKED "5\nhello\r\n0\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"a chunk ended by other bytes", T(CHUNKED "5\r\nhelloXX0\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"a chunk ended by LF alone", T(CHUNKED "5\r\nhello\n0\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"a chunk extension", T(CHUNKED "5;a=b\r\nhello\r\n0\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"a blank after a chunk size", T(CHUNKED "5 \r\nhello\r\n0\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"a signed chunk size", T(CHUNKED "+5\r\nhello\r\n0\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"a chunk size with 0x", T(CHUNKED "0x5\r\nhello\r\n0\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"an empty chunk size", T(CHUNKED "\r\nhello\r\n0\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"a chunk size over 64 bits", T(CHUNKED "10000000000000005\r\nhello\r\n0\r\n\r\n"), 413, NULL, NULL, NULL, 0},
        {"CR without LF after a chunk size", T(CHUNKED "5\rXhello\r\n0\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"a trailer", T(CHUNKED "0\r\nContent-Length: 5\r\n\r\n"), 400, NULL, NULL, NULL, 0},
        {"the end by LF alone", T(CHUNKED "0\r\n\n"), 400, NULL, NULL, NULL, 0},
    };
    check_rows(rows, COUNT_OF(rows));
}

static void sizes(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"a body over its bound", T(POST CL(" 65") "\r\n"), 413, NULL, NULL, NULL, 0},
        {"an enormous body", T(POST CL(" 999999999999999999") "\r\n"), 413, NULL, NULL, NULL, 0},
        {"one chunk over the bound", T(CHUNKED "41\r\n"), 413, NULL, NULL, NULL, 0},
        {"chunks over the bound", T(CHUNKED "1\r\nx\r\n40\r\n"), 413, NULL, NULL, NULL, 0},
    };
    check_rows(rows, COUNT_OF(rows));
}

/* One fed whole and in parts of 1000. */
static int status_of(const char *text, size_t len) {
    int statuses[2];
    for (size_t i = 0; i < 2; i++) {
        struct feeder feeder;
        feed_parts(&feeder, vch_str_of(text, len), 0, i ? 1000 : len + 1);
        statuses[i] = feeder.last == VCH_HTTP_BAD    ? vch_http_reader_status(feeder.reader)
                      : feeder.last == VCH_HTTP_DONE ? 0
                                                     : -1;
        feeder_free(&feeder);
    }
    assert_int_equal(statuses[0], statuses[1]);
    return statuses[0];
}

static int line_of(size_t line_len, bool ended) {
    char *text = malloc(line_len + 64);
    memset(text, 'a', line_len);
    memcpy(text, "GET /", 5);
    memcpy(text + line_len - 11, " HTTP/1.1\r\n", 11);
    size_t len = line_len;
    if (ended)
        len += (size_t)sprintf(text + line_len, H "\r\n");
    else
        len -= 11;
    int status = status_of(text, len);
    free(text);
    return status;
}

static void the_request_line_is_bounded(void **state) {
    (void)state;
    assert_int_equal(line_of(VCH_HTTP_LINE_MAX, true), 0);
    assert_int_equal(line_of(VCH_HTTP_LINE_MAX + 1, true), 414);
    assert_int_equal(line_of(VCH_HTTP_LINE_MAX + 11, false), -1);
    assert_int_equal(line_of(VCH_HTTP_LINE_MAX + 12, false), 414);
}

static int headers_of(size_t count, size_t value_len, size_t total) {
    char *text = malloc(VCH_HTTP_HEAD_MAX * 2);
    size_t len = (size_t)sprintf(text, "GET / HTTP/1.1\r\n" H), line = len - sizeof(H) + 1;
    for (size_t i = 1; i < count; i++) {
        len += (size_t)sprintf(text + len, "x%02zu: ", i);
        memset(text + len, 'v', value_len);
        len += value_len;
        len += (size_t)sprintf(text + len, "\r\n");
    }
    if (total) { /* the last value is filled up until the head has this size */
        len += (size_t)sprintf(text + len, "y: ");
        while (len - line < total - 4) text[len++] = 'v';
        len += (size_t)sprintf(text + len, "\r\n");
    }
    len += (size_t)sprintf(text + len, "\r\n");
    int status = status_of(text, len);
    free(text);
    return status;
}

static void header_fields_are_bounded(void **state) {
    (void)state;
    assert_int_equal(headers_of(VCH_HTTP_HEADERS_MAX, 8, 0), 0);
    assert_int_equal(headers_of(VCH_HTTP_HEADERS_MAX + 1, 8, 0), 431);
    assert_int_equal(headers_of(2, 8, VCH_HTTP_HEAD_MAX), 0);
    assert_int_equal(headers_of(2, 8, VCH_HTTP_HEAD_MAX + 1), 431);
}

static void headers_are_found(void **state) {
    (void)state;
    struct feeder feeder;
    static const struct vch_str text =
        T("GET / HTTP/1.1\r\n" H "X-One: 1\r\nx-two:\r\nX-ONE: again\r\nAuthorization:  AWS4 a, b \r\n\r\n");
    feed_parts(&feeder, text, 0, text.len + 1);
    const struct vch_http_request *request = vch_http_reader_request(feeder.reader);
    assert_str(vch_http_header_get(request, "x-one"), "1");
    assert_str(vch_http_header_get(request, "X-TWO"), "");
    assert_str(vch_http_header_get(request, "authorization"), "AWS4 a, b");
    assert_str(vch_http_header_get(request, "x-three"), "");
    assert_int_equal(request->header_count, 5);
    assert_str(request->headers[1].name, "X-One"); /* as sent */
    assert_str(request->method, "GET");
    feeder_free(&feeder);
}

static void keep_alive_or_not(void **state) {
    (void)state;
    static const struct {
        struct vch_str text;
        bool keep_alive, is_11;
    } rows[] = {
        {T("GET / HTTP/1.1\r\n" H "\r\n"), true, true},
        {T("GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n"), false, true},
        {T("GET / HTTP/1.1\r\n" H "Connection: Foo, CLOSE\r\n\r\n"), false, true},
        {T("GET / HTTP/1.0\r\n" H "\r\n"), false, false},
        {T("GET / HTTP/1.0\r\n" H "Connection: keep-alive\r\n\r\n"), true, false},
        {T("POST / HTTP/1.1\r\n" H CL(" 1") "Connection: keep-alive\r\n\r\nx"), true, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct feeder feeder;
        feed_parts(&feeder, rows[i].text, 0, rows[i].text.len + 1);
        assert_int_equal(feeder.last, VCH_HTTP_DONE);
        assert_int_equal(vch_http_reader_keep_alive(feeder.reader), rows[i].keep_alive);
        assert_int_equal(vch_http_reader_is_11(feeder.reader), rows[i].is_11);
        feeder_free(&feeder);
    }
}

static void continue_is_asked_once(void **state) {
    (void)state;
    static const struct {
        struct vch_str text;
        unsigned continues;
    } rows[] = {
        {T(POST CL(" 3") "Expect: 100-continue\r\n\r\nabc"), 1},
        {T(POST TE(" chunked") "Expect: 100-Continue\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), 1},
        {T(POST CL(" 3") "\r\nabc"), 0},
        {T(POST CL(" 0") "Expect: 100-continue\r\n\r\n"), 0},                     /* there is nothing to wait for */
        {T("POST / HTTP/1.0\r\n" CL(" 3") "Expect: 100-continue\r\n\r\nabc"), 0}, /* RFC 9110 10.1.1 */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t step = 1; step <= rows[i].text.len + 1; step += rows[i].text.len) {
            struct feeder feeder;
            feed_parts(&feeder, rows[i].text, 0, step);
            assert_int_equal(feeder.last, VCH_HTTP_DONE);
            assert_int_equal(feeder.continues, rows[i].continues);
            feeder_free(&feeder);
        }
    }
    struct feeder feeder; /* too large: no invitation */
    static const struct vch_str large = T(POST CL(" 65") "Expect: 100-continue\r\n\r\n");
    feed_parts(&feeder, large, 0, large.len + 1);
    assert_int_equal(feeder.last, VCH_HTTP_BAD);
    assert_int_equal(vch_http_reader_status(feeder.reader), 413);
    assert_int_equal(feeder.continues, 0);
    feeder_free(&feeder);
}

static void a_reader_is_used_once(void **state) {
    (void)state;
    struct feeder feeder;
    static const struct vch_str text = T("GET / HTTP/1.1\r\n" H "\r\n");
    size_t used = 0;
    feed_parts(&feeder, text, 0, text.len + 1);
    assert_int_equal(vch_http_reader_feed(feeder.reader, text, &used), VCH_HTTP_BAD);
    assert_int_equal(used, 0);
    feeder_free(&feeder);
    vch_http_reader_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_requests),
        cmocka_unit_test(incomplete_requests),
        cmocka_unit_test(malformed_requests),
        cmocka_unit_test(smuggling),
        cmocka_unit_test(sizes),
        cmocka_unit_test(the_request_line_is_bounded),
        cmocka_unit_test(header_fields_are_bounded),
        cmocka_unit_test(headers_are_found),
        cmocka_unit_test(keep_alive_or_not),
        cmocka_unit_test(continue_is_asked_once),
        cmocka_unit_test(a_reader_is_used_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
