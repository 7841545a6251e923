#include "base/clock.h"
#include "http/server.h"
#include "support/cmocka_all.h"

#include "http/answer_priv.h"

#include <string.h>

static const char *head_of(const struct vch_http_answer *answer, bool keep_alive, const char *server, int64_t now_ms) {
    static char text[2048];
    struct vch_buf buf;
    struct vch_str out;
    vch_buf_init(&buf, sizeof text - 1);
    bool sound = vch_http_answer_head(answer, keep_alive, server, now_ms, &buf);
    assert_int_equal(vch_buf_finish(&buf, &out), VCH_OK);
    assert_true(vch_str_copy(text, sizeof text, out));
    vch_buf_deinit(&buf);
    return sound ? text : NULL;
}

static void golden_heads(void **state) {
    (void)state;
    const struct vch_http_header headers[] = {{VCH_STR("x-amzn-RequestId"), VCH_STR("abc")},
                                              {VCH_STR("X-Empty"), VCH_STR("")}};
    const struct vch_http_answer full = {.status = 200,
                                         .content_type = "application/json",
                                         .headers = headers,
                                         .header_count = 2,
                                         .body = VCH_STR("{}")};
    assert_string_equal(head_of(&full, true, "vouch", 0),
                        "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: vouch\r\n"
                        "Content-Type: application/json\r\nContent-Length: 2\r\nx-amzn-RequestId: abc\r\nX-Empty: \r\n"
                        "Connection: keep-alive\r\n\r\n");
    const struct vch_http_answer bare = {.status = 404};
    assert_string_equal(head_of(&bare, false, NULL, 1795451072000),
                        "HTTP/1.1 404 Not Found\r\nDate: Mon, 23 Nov 2026 16:24:32 GMT\r\nContent-Length: 0\r\n"
                        "Connection: close\r\n\r\n");
    const struct vch_http_answer nothing = {.status = 204};
    assert_null(strstr(head_of(&nothing, true, NULL, 0), "Content-Length"));
    assert_false(vch_http_answer_has_body(&nothing));
    assert_true(vch_http_answer_has_body(&full));
}

static void dates(void **state) {
    (void)state;
    static const struct {
        int year, month, day;
        const char *text;
    } rows[] = {
        {1994, 11, 6, "Sun, 06 Nov 1994"},  {2000, 2, 29, "Tue, 29 Feb 2000"}, {2024, 12, 31, "Tue, 31 Dec 2024"},
        {2026, 11, 23, "Mon, 23 Nov 2026"}, {2100, 3, 1, "Mon, 01 Mar 2100"},  {2038, 1, 19, "Tue, 19 Jan 2038"},
    };
    const struct vch_http_answer answer = {.status = 200};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t at = vch_time_from_utc(rows[i].year, rows[i].month, rows[i].day, 8, 49, 37);
        const char *head = head_of(&answer, true, NULL, at);
        if (!strstr(head, rows[i].text) || !strstr(head, " 08:49:37 GMT\r\n")) fail_msg("%s: %s", rows[i].text, head);
    }
}

/* A value that an attacker chose must not become a header, or an answer, of its own. */
static void answers_are_not_split(void **state) {
    (void)state;
    const struct {
        struct vch_http_header header;
        const char *content_type;
    } rows[] = {
        {{VCH_STR("Location"), VCH_STR("/a\r\nSet-Cookie: b")}, NULL},
        {{VCH_STR("Location"), VCH_STR("/a\nX: b")}, NULL},
        {{VCH_STR("Location"), VCH_STR("/a\rX: b")}, NULL},
        {{VCH_STR("Location"), VCH_STR("/a\0b")}, NULL},
        {{VCH_STR("Lo cation"), VCH_STR("/a")}, NULL},
        {{VCH_STR("Location:"), VCH_STR("/a")}, NULL},
        {{VCH_STR(""), VCH_STR("/a")}, NULL},
        {{VCH_STR("X"), VCH_STR("y")}, "text/html\r\nX: y"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct vch_http_answer answer = {
            .status = 200, .content_type = rows[i].content_type, .headers = &rows[i].header, .header_count = 1};
        assert_null(head_of(&answer, true, NULL, 0));
    }
    const struct vch_http_header good = {VCH_STR("Location"), VCH_STR("/a\tb \xc3\xa9")};
    const struct vch_http_answer answer = {.status = 302, .headers = &good, .header_count = 1};
    assert_non_null(head_of(&answer, true, NULL, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden_heads), cmocka_unit_test(dates),
                                       cmocka_unit_test(answers_are_not_split)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
