/* One question after the other over TLS: the connection that is kept, made again, given up; answers that never end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "http/ask.h"
#include "support/cmocka_all.h"
#include "support/net_server.h"

enum { ANSWERS_MAX = 4 };

/* What the server says to each question in turn; NULL: nothing. */
struct answers {
    const char *texts[ANSWERS_MAX];
    bool close_after[ANSWERS_MAX];
    unsigned asked;
    char last[4096];
};

/* A question is whole when its body is; on the loop. */
static bool is_whole(struct vch_str bytes) {
    char text[4096];
    if (!vch_str_copy(text, sizeof text, bytes)) return false;
    const char *end = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");
    return end && length && strlen(end + 4) >= strtoul(length + 16, NULL, 10);
}

static size_t on_data(struct net_server *server, struct vch_conn *conn, struct vch_str bytes) {
    struct answers *a = server->user;
    if (!is_whole(bytes)) return 0;
    unsigned at = a->asked < ANSWERS_MAX ? a->asked : ANSWERS_MAX - 1;
    a->asked++;
    (void)vch_str_copy(a->last, sizeof a->last, bytes);
    if (a->texts[at]) vch_conn_write(conn, vch_str_from(a->texts[at]));
    if (a->close_after[at]) vch_conn_close(conn, NULL);
    return bytes.len;
}

static const struct net_script script = {.on_data = on_data};

static void start(struct net_server *server, struct answers *answers) {
    static const char *const alpn[] = {"http/1.1", NULL};
    net_server_start(server, &(struct net_setup){.script = &script, .alpn = alpn});
    server->user = answers;
}

static struct vch_ask ask_of(const struct net_server *server) {
    return (struct vch_ask){.to = {.host = VCH_STR("localhost"),
                                   .port = server->port,
                                   .root_pem = vch_str_from(server->identity.certificate_pem)},
                            .agent = VCH_STR("test/1")};
}

static enum vch_err post(struct vch_ask *ask, int64_t wait_ms, struct vch_reply *ret, struct vch_diag *diag) {
    return vch_ask_post(ask, VCH_STR("/path"), VCH_STR("{\"a\":1}"), vch_mono_ms() + wait_ms, ret, diag);
}

static void assert_answer(struct vch_ask *ask, int status, const char *body) {
    struct vch_reply reply;
    struct vch_diag diag = {0};
    enum vch_err err = post(ask, 5000, &reply, &diag);
    if (err != VCH_OK) fail_msg("%d: %s", err, diag.message);
    assert_int_equal(reply.status, status);
    assert_true(vch_str_eq_c(vch_str_of(reply.body.ptr, reply.body.len), body));
    vch_reply_deinit(&reply);
}

static void assert_failure(struct vch_ask *ask, int64_t wait_ms, enum vch_err want, const char *words) {
    struct vch_reply reply;
    struct vch_diag diag = {0};
    assert_int_equal(post(ask, wait_ms, &reply, &diag), want);
    if (!strstr(diag.message, words)) fail_msg("\"%s\" lacks \"%s\"", diag.message, words);
    assert_null(ask->dial); /* nothing is read from it again */
    vch_reply_deinit(&reply);
}

#define OK_1 "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1"
#define OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2"

static void the_connection_is_kept(void **state) {
    (void)state;
    struct net_server server;
    struct answers answers = {
        .texts = {OK_1, OK_2, "HTTP/1.1 429 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", OK_1}};
    start(&server, &answers);
    struct vch_ask ask = ask_of(&server);
    char host[64];
    assert_answer(&ask, 200, "1");
    assert_answer(&ask, 200, "2");
    assert_int_equal(net_count(&server, &server.accepted), 1);
    (void)snprintf(host, sizeof host, "\r\nHost: localhost:%u\r\n", server.port);
    assert_non_null(strstr(answers.last, host));
    assert_int_equal(strncmp(answers.last, "POST /path HTTP/1.1\r\n", 21), 0);
    assert_non_null(strstr(answers.last, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(answers.last, "\r\nContent-Length: 7\r\n\r\n{\"a\":1}"));
    assert_answer(&ask, 429, "");
    assert_null(ask.dial);
    assert_answer(&ask, 200, "1");
    assert_int_equal(net_count(&server, &server.accepted), 2);
    vch_ask_close(&ask);
    net_server_free(&server);
}

/* The server may end a kept connection at any time: then the question goes again, over a new one. */
static void a_kept_connection_that_ended_is_made_again(void **state) {
    (void)state;
    struct net_server server;
    struct answers answers = {.texts = {OK_1, OK_2}, .close_after = {true}};
    start(&server, &answers);
    struct vch_ask ask = ask_of(&server);
    assert_answer(&ask, 200, "1");
    net_wait(&server, &server.closed, 1);
    assert_non_null(ask.dial);
    assert_answer(&ask, 200, "2");
    assert_int_equal(net_count(&server, &server.accepted), 2);
    vch_ask_close(&ask);
    net_server_free(&server);
}

/* On a new connection no answer is no answer, and the question is not asked twice. */
static void a_connection_that_ends_is_an_error(void **state) {
    (void)state;
    static const char *const cut[] = {NULL, "HTTP/1.1 200 OK\r\nContent-Le",
                                      "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"};
    for (size_t i = 0; i < COUNT_OF(cut); i++) {
        struct net_server server;
        struct answers answers = {.texts = {cut[i]}, .close_after = {true}};
        start(&server, &answers);
        struct vch_ask ask = ask_of(&server);
        if (cut[i])
            assert_failure(&ask, 5000, VCH_ERR_MALFORMED, "ended before it was whole");
        else
            assert_failure(&ask, 5000, VCH_ERR_IO, "closed");
        assert_int_equal(answers.asked, 1);
        net_server_free(&server);
    }
}

static void garbage_is_an_error(void **state) {
    (void)state;
    static const char *const texts[] = {"SSH-2.0-x\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 131073\r\n\r\n",
                                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFF\r\n"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct net_server server;
        struct answers answers = {.texts = {texts[i]}};
        start(&server, &answers);
        struct vch_ask ask = ask_of(&server);
        assert_failure(&ask, 5000, VCH_ERR_MALFORMED, i ? "too large" : "not an HTTP answer");
        net_server_free(&server);
    }
}

/* What nobody asked for makes the connection no good for another question. */
static void more_than_the_answer(void **state) {
    (void)state;
    struct net_server server;
    struct answers answers = {.texts = {OK_1 OK_2, OK_2}};
    start(&server, &answers);
    struct vch_ask ask = ask_of(&server);
    assert_answer(&ask, 200, "1");
    assert_null(ask.dial);
    assert_answer(&ask, 200, "2");
    vch_ask_close(&ask);
    net_server_free(&server);
}

static unsigned waits;

static bool give_up(int fd, int64_t wait_ms) {
    assert_true(fd >= 0 && wait_ms > 0);
    return ++waits == 1;
}

static bool wait_a_little(int fd, int64_t wait_ms) {
    (void)fd;
    (void)wait_ms;
    waits++;
    struct timespec pause = {.tv_nsec = 5000000};
    (void)nanosleep(&pause, NULL);
    return false;
}

static void a_wait_ends(void **state) {
    (void)state;
    struct net_server server;
    struct answers answers = {.texts = {NULL}};
    start(&server, &answers);
    struct vch_ask ask = ask_of(&server);
    assert_failure(&ask, 50, VCH_ERR_TIMEOUT, "in time");
    ask.wait = give_up;
    waits = 0;
    assert_failure(&ask, 5000, VCH_ERR_STATE, "given up");
    assert_int_equal(waits, 1);
    ask.wait = wait_a_little;
    assert_failure(&ask, 50, VCH_ERR_TIMEOUT, "in time");
    assert_true(waits > 1);
    answers = (struct answers){.texts = {OK_1}};
    assert_answer(&ask, 200, "1");
    vch_ask_close(&ask);
    net_server_free(&server);
}

/* Nothing is said to who is not trusted; what would end a line is not sent to anybody. */
static void what_is_not_sent(void **state) {
    (void)state;
    struct net_server server;
    struct answers answers = {.texts = {OK_1}};
    struct tls_material other;
    struct vch_reply reply;
    start(&server, &answers);
    tls_make(&other, TLS_P256, "localhost", "DNS:localhost", 2);
    struct vch_ask ask = ask_of(&server);
    ask.to.root_pem = vch_str_from(other.certificate_pem);
    assert_failure(&ask, 5000, VCH_ERR_DENIED, "not trusted");
    ask = ask_of(&server);
    ask.agent = VCH_STR("a\r\nb");
    assert_int_equal(post(&ask, 5000, &reply, NULL), VCH_ERR_INVALID);
    vch_reply_deinit(&reply);
    ask.agent = VCH_STR("a");
    assert_int_equal(vch_ask_post(&ask, VCH_STR("/a b"), VCH_STR(""), vch_mono_ms() + 5000, &reply, NULL),
                     VCH_ERR_INVALID);
    vch_reply_deinit(&reply);
    assert_int_equal(answers.asked, 0);
    vch_ask_close(&ask);
    net_server_free(&server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_connection_is_kept),
        cmocka_unit_test(a_kept_connection_that_ended_is_made_again),
        cmocka_unit_test(a_connection_that_ends_is_an_error),
        cmocka_unit_test(garbage_is_an_error),
        cmocka_unit_test(more_than_the_answer),
        cmocka_unit_test(a_wait_ends),
        cmocka_unit_test(what_is_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
