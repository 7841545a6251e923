/* The HTTP client against a scripted server on loopback: what it sends, what
 * it makes of answers, how it names failures. */
#include <stdio.h>

#include "base/clock.h"
#include "http/client.h"
#include "support/http_script.h"

static struct vch_arena *arena;
static struct vch_http_client *client;

static int setup(void **state) {
    (void)state;
    const struct vch_http_client_options options = {
        .user_agent = "test/1", .timeout_ms = 5000, .answer_max = 4096, .direct = true, .allow_plain = true};
    arena = vch_arena_new(1 << 20, true);
    client = vch_http_client_new(&options);
    return arena && client ? 0 : 1;
}

static int teardown(void **state) {
    (void)state;
    vch_http_client_free(client);
    vch_arena_free(arena);
    return 0;
}

static struct vch_str url_of(const struct script *s, const char *scheme, const char *path) {
    return vch_arena_printf(arena, "%s://127.0.0.1:%d%s", scheme, s->port, path);
}

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-One:  a b \r\nx-two:\r\n\r\n{}"

static void request_is_sent_as_given(void **state) {
    (void)state;
    struct script s = {.rounds = 1, .answers[0] = OK_ANSWER};
    struct vch_http_result result;
    script_start(&s);
    const struct vch_http_field headers[] = {{VCH_STR("host"), VCH_STR("named.example")},
                                             {VCH_STR("x-empty"), VCH_STR("")},
                                             {VCH_STR("content-type"), VCH_STR("application/json")}};
    const struct vch_http_call call = {"PUT", url_of(&s, "http", "/a/../b%3A//c?x=&y=%20"), headers, 3,
                                       VCH_STR("{\"k\":1}")};
    assert_int_equal(vch_http_client_send(client, &call, arena, &result, NULL), VCH_OK);
    script_stop(&s);
    assert_true(strncmp(s.requests[0], "PUT /a/../b%3A//c?x=&y=%20 HTTP/1.1\r\n", 37) == 0);
    assert_non_null(strcasestr(s.requests[0], "\r\nhost: named.example\r\n"));
    assert_null(strstr(s.requests[0], "127.0.0.1"));
    assert_non_null(strcasestr(s.requests[0], "\r\nx-empty:\r\n"));
    assert_non_null(strstr(s.requests[0], "\r\ncontent-type: application/json\r\n"));
    assert_non_null(strstr(s.requests[0], "\r\nUser-Agent: test/1\r\n"));
    assert_null(strcasestr(s.requests[0], "expect:"));
    assert_null(strcasestr(s.requests[0], "\naccept:"));
    assert_string_equal(strstr(s.requests[0], "\r\n\r\n"), "\r\n\r\n{\"k\":1}");
}

static void answer_is_told(void **state) {
    (void)state;
    struct script s = {.rounds = 1, .answers[0] = OK_ANSWER};
    struct vch_http_result result;
    script_start(&s);
    const struct vch_http_call call = {"GET", url_of(&s, "http", "/"), NULL, 0, VCH_STR("")};
    assert_int_equal(vch_http_client_send(client, &call, arena, &result, NULL), VCH_OK);
    script_stop(&s);
    assert_int_equal(result.status, 200);
    assert_int_equal(result.header_count, 3);
    assert_true(vch_str_eq_c(vch_http_result_header(&result, "X-ONE"), "a b"));
    assert_int_equal(vch_http_result_header(&result, "x-two").len, 0);
    assert_null(vch_http_result_header(&result, "x-three").ptr);
    assert_true(vch_str_eq_c(result.body, "{}"));
    assert_null(strcasestr(s.requests[0], "content-length"));
    assert_null(strcasestr(s.requests[0], "content-type"));
}

static void any_status_is_an_answer(void **state) {
    (void)state;
    struct script s = {.rounds = 1,
                       .answers[0] = "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n"
                                     "HTTP/1.1 404 No\r\nx-amzn-ErrorType: NotFound:x\r\nContent-Length: 0\r\n\r\n"};
    struct vch_http_result result;
    script_start(&s);
    const struct vch_http_call call = {"DELETE", url_of(&s, "http", "/x"), NULL, 0, VCH_STR("")};
    assert_int_equal(vch_http_client_send(client, &call, arena, &result, NULL), VCH_OK);
    script_stop(&s);
    assert_int_equal(result.status, 404);
    assert_int_equal(result.body.len, 0);
    assert_true(vch_str_eq_c(vch_http_result_header(&result, "x-amzn-errortype"), "NotFound:x"));
    assert_null(vch_http_result_header(&result, "x-early").ptr);
}

static void redirects_are_not_followed(void **state) {
    (void)state;
    struct script s = {
        .rounds = 1, .answers[0] = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"};
    struct vch_http_result result;
    script_start(&s);
    const struct vch_http_call call = {"GET", url_of(&s, "http", "/"), NULL, 0, VCH_STR("")};
    assert_int_equal(vch_http_client_send(client, &call, arena, &result, NULL), VCH_OK);
    script_stop(&s);
    assert_int_equal(result.status, 302);
}

static void connection_is_kept(void **state) {
    (void)state;
    struct script s = {.rounds = 3, .answers = {OK_ANSWER, OK_ANSWER, OK_ANSWER}};
    struct vch_http_result result;
    script_start(&s);
    const struct vch_http_call get = {"GET", url_of(&s, "http", "/"), NULL, 0, VCH_STR("")};
    const struct vch_http_call post = {"POST", url_of(&s, "http", "/"), NULL, 0, VCH_STR("body")};
    assert_int_equal(vch_http_client_send(client, &post, arena, &result, NULL), VCH_OK);
    assert_int_equal(vch_http_client_send(client, &get, arena, &result, NULL), VCH_OK);

    assert_int_equal(vch_http_client_send(client, &get, arena, &result, NULL), VCH_OK);
    script_stop(&s);
    assert_int_equal(s.accepted, 1);
    assert_int_equal(s.served, 3);
    assert_non_null(strstr(s.requests[0], "body"));
    assert_null(strstr(s.requests[1], "body"));
}

static void failure(const struct vch_http_call *call, enum vch_err expected, const char *reason) {
    struct vch_http_result result;
    struct vch_diag diag = {0};
    assert_int_equal(vch_http_client_send(client, call, arena, &result, &diag), expected);
    assert_string_equal(diag.reason, reason);
    assert_true(strlen(diag.message) > 10);
    assert_int_equal(result.status, 0);
}

static void closed_port_is_unreachable(void **state) {
    (void)state;
    struct script s = {.rounds = 0};
    script_start(&s);
    script_stop(&s);
    const struct vch_http_call call = {"GET", url_of(&s, "http", "/"), NULL, 0, VCH_STR("")};
    failure(&call, VCH_ERR_UNAVAILABLE, "unreachable");
    const struct vch_http_call nowhere = {"GET", VCH_STR("http://no-such-host.invalid/"), NULL, 0, VCH_STR("")};
    failure(&nowhere, VCH_ERR_UNAVAILABLE, "unreachable");
}

static void broken_answers_are_unreachable(void **state) {
    (void)state;
    static const char *const answers[] = {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}", "", "garbage\r\n\r\n"};
    for (size_t i = 0; i < 3; i++) {
        struct script s = {.rounds = 1, .answers[0] = answers[i], .close_each = true};
        script_start(&s);
        const struct vch_http_call call = {"GET", url_of(&s, "http", "/"), NULL, 0, VCH_STR("")};
        failure(&call, VCH_ERR_UNAVAILABLE, "unreachable");
        script_stop(&s);
    }
}

/* The peer answers the ClientHello with text. */
static void no_tls_there_is_a_tls_failure(void **state) {
    (void)state;
    struct script s = {.rounds = 1, .answers[0] = "HTTP/1.1 400 Bad\r\n\r\n", .at_once = true, .close_each = true};
    script_start(&s);
    const struct vch_http_call call = {"GET", url_of(&s, "https", "/"), NULL, 0, VCH_STR("")};
    failure(&call, VCH_ERR_UNAUTHENTICATED, "tls-failed");
    script_stop(&s);
}

static void too_large_answers_are_cut(void **state) {
    (void)state;
    char answer[8192];
    int head = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n");
    memset(answer + head, 'x', 5000);
    answer[head + 5000] = '\0';
    struct script s = {.rounds = 1, .answers[0] = answer, .close_each = true};
    script_start(&s);
    const struct vch_http_call call = {"GET", url_of(&s, "http", "/"), NULL, 0, VCH_STR("")};
    failure(&call, VCH_ERR_TOO_LARGE, "answer-too-large");
    script_stop(&s);
}

static void silence_times_out(void **state) {
    (void)state;
    struct script s = {.rounds = 1};
    const struct vch_http_client_options options = {.timeout_ms = 200, .direct = true, .allow_plain = true};
    struct vch_http_client *hasty = vch_http_client_new(&options);
    struct vch_http_result result;
    struct vch_diag diag = {0};
    script_start(&s);
    const struct vch_http_call call = {"GET", url_of(&s, "http", "/"), NULL, 0, VCH_STR("")};
    int64_t began_ms = vch_mono_ms();
    assert_int_equal(vch_http_client_send(hasty, &call, arena, &result, &diag), VCH_ERR_TIMEOUT);
    assert_true(vch_mono_ms() - began_ms < 4000);
    assert_string_equal(diag.reason, "unreachable");
    vch_http_client_free(hasty);
    script_stop(&s);
}

static void only_wanted_schemes(void **state) {
    (void)state;
    const struct vch_http_client_options options = {.timeout_ms = 1000, .direct = true};
    struct vch_http_client *strict = vch_http_client_new(&options);
    static const char *const urls[] = {"http://127.0.0.1:1/", "ftp://127.0.0.1:1/", "file:///etc/passwd", "https://",
                                       ""};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct vch_http_result result;
        struct vch_diag diag = {0};
        const struct vch_http_call call = {"GET", vch_str_from(urls[i]), NULL, 0, VCH_STR("")};
        assert_int_equal(vch_http_client_send(strict, &call, arena, &result, &diag), VCH_ERR_INVALID);
        assert_string_equal(diag.reason, "url-invalid");
    }
    vch_http_client_free(strict);
}

static void missing_roots_are_a_tls_failure(void **state) {
    (void)state;
    const struct vch_http_client_options options = {
        .ca_file = "/nonexistent/ca.pem", .timeout_ms = 2000, .direct = true};
    struct vch_http_client *strict = vch_http_client_new(&options);
    struct script s = {.rounds = 1, .answers[0] = "no", .at_once = true};
    struct vch_http_result result;
    struct vch_diag diag = {0};
    script_start(&s);
    const struct vch_http_call call = {"GET", url_of(&s, "https", "/"), NULL, 0, VCH_STR("")};
    assert_int_equal(vch_http_client_send(strict, &call, arena, &result, &diag), VCH_ERR_UNAUTHENTICATED);
    assert_string_equal(diag.reason, "tls-failed");
    vch_http_client_free(strict);
    script_stop(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(request_is_sent_as_given, setup, teardown),
        cmocka_unit_test_setup_teardown(answer_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(any_status_is_an_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(redirects_are_not_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(connection_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(closed_port_is_unreachable, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_answers_are_unreachable, setup, teardown),
        cmocka_unit_test_setup_teardown(no_tls_there_is_a_tls_failure, setup, teardown),
        cmocka_unit_test_setup_teardown(too_large_answers_are_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(silence_times_out, setup, teardown),
        cmocka_unit_test_setup_teardown(only_wanted_schemes, setup, teardown),
        cmocka_unit_test_setup_teardown(missing_roots_are_a_tls_failure, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
