/* The rules of the handshake, and frames made by hand. */
#include "http/websocket.h"
#include "support/cmocka_all.h"

#include <string.h>

/* ---- the handshake ------------------------------------------------------------------- */

enum { UPGRADE, CONNECTION, VERSION, KEY, PROTOCOL, HEADER_COUNT };

static const struct vch_http_header good[HEADER_COUNT] = {
    [UPGRADE] = {VCH_STR("Upgrade"), VCH_STR("websocket")},
    [CONNECTION] = {VCH_STR("Connection"), VCH_STR("Upgrade")},
    [VERSION] = {VCH_STR("Sec-WebSocket-Version"), VCH_STR("13")},
    [KEY] = {VCH_STR("Sec-WebSocket-Key"), VCH_STR("dGhlIHNhbXBsZSBub25jZQ==")},
    [PROTOCOL] = {VCH_STR("Sec-WebSocket-Protocol"), VCH_STR("mqtt")},
};

static struct vch_http_request request_of(const struct vch_http_header *headers, size_t count) {
    return (struct vch_http_request){
        .method = VCH_STR("GET"), .path = VCH_STR("/mqtt"), .headers = headers, .header_count = count, .http11 = true};
}

/* RFC 6455 1.3. */
static void the_rfc_has_an_example(void **state) {
    (void)state;
    char accept[VCH_WS_ACCEPT];
    const char *why = NULL;
    const struct vch_http_request request = request_of(good, HEADER_COUNT);
    assert_int_equal(vch_ws_check(&request, "mqtt", accept, &why), 0);
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

static void one_header_at_a_time(void **state) {
    (void)state;
    static const struct {
        int which;
        struct vch_str value; /* .ptr NULL: without it */
        int status;
    } rows[] = {
        {UPGRADE, {NULL, 0}, 426},
        {UPGRADE, VCH_STR("h2c"), 426},
        {UPGRADE, VCH_STR("WebSocket"), 0},
        {UPGRADE, VCH_STR("h2c, websocket"), 0},
        {UPGRADE, VCH_STR("websocketx"), 426},
        {CONNECTION, {NULL, 0}, 426},
        {CONNECTION, VCH_STR("keep-alive"), 426},
        {CONNECTION, VCH_STR("keep-alive , upgrade"), 0},
        {VERSION, {NULL, 0}, 426},
        {VERSION, VCH_STR("12"), 426},
        {VERSION, VCH_STR("013"), 426},
        {VERSION, VCH_STR("13,12"), 426},
        {KEY, {NULL, 0}, 400},
        {KEY, VCH_STR(""), 400},
        {KEY, VCH_STR("dGhlIHNhbXBsZSBub25jZQ="), 400},
        {KEY, VCH_STR("dGhlIHNhbXBsZSBub25jZQ!="), 400},
        {KEY, VCH_STR("dGhlIHNhbXBsZSBub25jZTE="), 400},
        {PROTOCOL, {NULL, 0}, 400},
        {PROTOCOL, VCH_STR("mqttv3.1"), 400},
        {PROTOCOL, VCH_STR("Mqtt"), 400},
        {PROTOCOL, VCH_STR("mqttv3.1,mqtt"), 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct vch_http_header headers[HEADER_COUNT];
        char accept[VCH_WS_ACCEPT];
        const char *why = "";
        memcpy(headers, good, sizeof good);
        headers[rows[i].which].value = rows[i].value;
        if (!rows[i].value.ptr) headers[rows[i].which].name = VCH_STR("X-Other");
        const struct vch_http_request request = request_of(headers, HEADER_COUNT);
        int status = vch_ws_check(&request, "mqtt", accept, &why);
        if (status != rows[i].status) fail_msg("row %zu: %d, %s", i, status, why);
        if (status) assert_true(why[0] != '\0');
    }
}

static void two_of_a_header(void **state) {
    (void)state;
    static const struct vch_http_header more[] = {
        {VCH_STR("sec-websocket-key"), VCH_STR("dGhlIHNhbXBsZSBub25jZQ==")}, {VCH_STR("Sec-WebSocket-Version"), VCH_STR("13")}, {VCH_STR("Content-Length"), VCH_STR("0")},
        {VCH_STR("transfer-encoding"), VCH_STR("chunked")}, {VCH_STR("Sec-WebSocket-Protocol"), VCH_STR("other")}};
    static const int expect[] = {400, 426, 400, 400, 0};
    for (size_t i = 0; i < 5; i++) {
        struct vch_http_header headers[HEADER_COUNT + 1];
        char accept[VCH_WS_ACCEPT];
        const char *why;
        memcpy(headers, good, sizeof good);
        headers[HEADER_COUNT] = more[i];
        const struct vch_http_request request = request_of(headers, HEADER_COUNT + 1);
        assert_int_equal(vch_ws_check(&request, "mqtt", accept, &why), expect[i]);
    }
}

static void method_version_and_body(void **state) {
    (void)state;
    char accept[VCH_WS_ACCEPT];
    const char *why;
    struct vch_http_header told[2];
    struct vch_http_request request = request_of(good, HEADER_COUNT);
    request.method = VCH_STR("POST");
    assert_int_equal(vch_ws_check(&request, "mqtt", accept, &why), 405);
    assert_int_equal(vch_ws_refusal_headers(405, told), 1);
    assert_true(vch_str_eq_c(told[0].value, "GET"));
    assert_int_equal(vch_ws_refusal_headers(426, told), 2);
    assert_int_equal(vch_ws_refusal_headers(400, told), 0);
    request = request_of(good, HEADER_COUNT);
    request.http11 = false;
    assert_int_equal(vch_ws_check(&request, "mqtt", accept, &why), 400);
    request = request_of(good, HEADER_COUNT);
    request.body = VCH_STR("x");
    assert_int_equal(vch_ws_check(&request, "mqtt", accept, &why), 400);
}

/* ---- frames --------------------------------------------------------------------------- */

struct line {
    struct vch_ws *ws;
    struct vch_buf plain, out;
    struct vch_diag diag;
};

static void line_open(struct line *line, size_t frame_max) {
    *line = (struct line){.ws = NULL};
    assert_int_equal(vch_ws_new(frame_max, &line->ws), VCH_OK);
    vch_buf_init(&line->plain, 1 << 20);
    vch_buf_init(&line->out, 1 << 20);
}

static void line_close(struct line *line) {
    vch_ws_filter.free(line->ws);
    vch_buf_deinit(&line->plain);
    vch_buf_deinit(&line->out);
}

static bool feed(struct line *line, const void *bytes, size_t len) {
    return vch_ws_filter.decode(line->ws, vch_str_of(bytes, len), &line->plain, &line->out, &line->diag);
}

static bool gave(const struct vch_buf *buf, const void *bytes, size_t len) {
    return buf->len == len && (len == 0 || memcmp(buf->ptr, bytes, len) == 0);
}

/* The mask is zero, so that what is sent can be read here. */
#define FRAME(first, len, ...) {(char)(first), (char)(0x80 | (len)), 0, 0, 0, 0, __VA_ARGS__}

static void bytes_come_through(void **state) {
    (void)state;
    struct line line;
    const char masked[] = {(char)0x82, (char)0x83, 1, 2, 3, 4, 'a' ^ 1, 'b' ^ 2, 'c' ^ 3};
    line_open(&line, 1000);
    assert_true(feed(&line, masked, sizeof masked));
    assert_true(gave(&line.plain, "abc", 3));
    for (size_t i = 0; i < sizeof masked; i++) assert_true(feed(&line, masked + i, 1));
    assert_true(gave(&line.plain, "abcabc", 6));
    assert_true(gave(&line.out, "", 0));
    line_close(&line);
}

static void cut_messages_and_pings_between(void **state) {
    (void)state;
    struct line line;
    const char begin[] = FRAME(0x02, 1, 'a'), ping[] = FRAME(0x89, 2, 'h', 'i'), end[] = FRAME(0x80, 1, 'b');
    line_open(&line, 1000);
    assert_true(feed(&line, begin, sizeof begin));
    assert_true(feed(&line, ping, sizeof ping));
    assert_true(feed(&line, end, sizeof end));
    assert_true(gave(&line.plain, "ab", 2));
    assert_true(gave(&line.out, "\x8a\x02hi", 4)); /* unmasked: RFC 6455 5.1 */
    line_close(&line);
}

/* Only what a frame announces is bounded: a message may go on for ever, for nothing of it is kept. */
static void the_bound_is_of_frames(void **state) {
    (void)state;
    struct line line;
    const char more[] = FRAME(0x00, 4, 'a', 'b', 'c', 'd'), begin[] = FRAME(0x02, 4, 'a', 'b', 'c', 'd'),
               large[] = FRAME(0x00, 5, 'a', 'b', 'c', 'd', 'e');
    line_open(&line, 4);
    assert_true(feed(&line, begin, sizeof begin));
    for (int i = 0; i < 100; i++) assert_true(feed(&line, more, sizeof more));
    assert_int_equal(line.plain.len, 404);
    assert_false(feed(&line, large, sizeof large));
    assert_string_equal(line.diag.reason, "websocket-protocol");
    assert_true(gave(&line.out, "\x88\x02\x03\xf1", 4)); /* 1009 */
    line_close(&line);
}

static void what_ends_it(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *answer; /* a close frame */
        bool fault;
    } rows[] = {
        {"\x81\x81\0\0\0\0x", 7, "\x88\x02\x03\xeb", true},         /* text: 1003 */
        {"\x81\x80\0\0\0\0", 6, "\x88\x02\x03\xeb", true},          /* empty text */
        {"\x82\x01x", 3, "\x88\x02\x03\xea", true},                 /* not masked: 1002 */
        {"\xc2\x81\0\0\0\0x", 7, "\x88\x02\x03\xea", true},         /* RSV1 */
        {"\x83\x81\0\0\0\0x", 7, "\x88\x02\x03\xea", true},         /* opcode 3 */
        {"\x80\x81\0\0\0\0x", 7, "\x88\x02\x03\xea", true},         /* continues nothing */
        {"\x09\x80\0\0\0\0", 6, "\x88\x02\x03\xea", true},          /* a ping in parts */
        {"\x82\xfe\0\x01\0\0\0\0x", 9, "\x88\x02\x03\xea", true},   /* a length longer than needed */
        {"\x88\x80\0\0\0\0", 6, NULL, false},                       /* goodbyes */
        {"\x88\x82\0\0\0\0\x03\xe8", 8, "\x88\x02\x03\xe8", false},
        {"\x88\x82\0\0\0\0\x03\xea", 8, "\x88\x02\x03\xea", false}, /* it says that we broke the rules */
        {"\x88\x82\0\0\0\0\x03\xee", 8, "\x88\x02\x03\xea", true},  /* 1006 is never sent */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct line line;
        line_open(&line, 1000);
        if (feed(&line, rows[i].bytes, rows[i].len)) fail_msg("row %zu goes on", i);
        if ((line.diag.reason != NULL) != rows[i].fault) fail_msg("row %zu: %s", i, line.diag.reason ? line.diag.message : "no fault");
        if (rows[i].answer && !gave(&line.out, rows[i].answer, 4)) fail_msg("row %zu: another answer of %zu bytes", i, line.out.len);
        size_t said = line.out.len;
        vch_ws_filter.encode(line.ws, VCH_STR("late"), &line.out); /* nothing behind a close frame */
        vch_ws_filter.finish(line.ws, VCH_CLOSE_LOCAL, &line.diag, &line.out);
        assert_int_equal(line.out.len, said);
        line_close(&line);
    }
}

static void a_turn_is_one_frame(void **state) {
    (void)state;
    static char large[70000];
    struct line line;
    line_open(&line, 1000);
    vch_ws_filter.encode(line.ws, VCH_STR("hello"), &line.out);
    assert_true(gave(&line.out, "\x82\x05hello", 7));
    vch_buf_clear(&line.out);
    vch_ws_filter.encode(line.ws, vch_str_of(large, 126), &line.out);
    assert_true(line.out.len == 4 + 126 && memcmp(line.out.ptr, "\x82\x7e\x00\x7e", 4) == 0);
    vch_buf_clear(&line.out);
    vch_ws_filter.encode(line.ws, vch_str_of(large, sizeof large), &line.out);
    assert_true(line.out.len == 10 + sizeof large && memcmp(line.out.ptr, "\x82\x7f\0\0\0\0\0\x01\x11\x70", 10) == 0);
    line_close(&line);
}

static void closing_has_codes(void **state) {
    (void)state;
    static const struct {
        enum vch_close_reason reason;
        const char *said;
        const char *frame;
    } rows[] = {
        {VCH_CLOSE_LOCAL, NULL, "\x88\x02\x03\xe8"},
        {VCH_CLOSE_LOCAL, "client", "\x88\x02\x03\xe8"},
        {VCH_CLOSE_STOP, "server-stopping", "\x88\x02\x03\xe9"},
        {VCH_CLOSE_LOCAL, "server-stopping", "\x88\x02\x03\xe9"},
        {VCH_CLOSE_LOCAL, "policy-denies", "\x88\x02\x03\xf0"},
        {VCH_CLOSE_TIMEOUT, "connection-timeout", "\x88\x02\x03\xf0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct line line;
        const struct vch_diag diag = {.reason = rows[i].said};
        line_open(&line, 1000);
        vch_ws_filter.finish(line.ws, rows[i].reason, &diag, &line.out);
        assert_true(gave(&line.out, rows[i].frame, 4));
        vch_ws_filter.finish(line.ws, rows[i].reason, &diag, &line.out);
        assert_int_equal(line.out.len, 4);
        line_close(&line);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rfc_has_an_example),   cmocka_unit_test(one_header_at_a_time), cmocka_unit_test(two_of_a_header),
        cmocka_unit_test(method_version_and_body),  cmocka_unit_test(bytes_come_through),   cmocka_unit_test(cut_messages_and_pings_between),
        cmocka_unit_test(the_bound_is_of_frames),   cmocka_unit_test(what_ends_it),         cmocka_unit_test(a_turn_is_one_frame),
        cmocka_unit_test(closing_has_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
