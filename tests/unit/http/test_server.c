/* HTTP over real connections: order, keep-alive, time, and exchanges that
 * outlive their connection. */
#include "base/clock.h"
#include "http/parse.h"
#include "http/server.h"
#include "net/pool.h"
#include "support/cmocka_all.h"
#include "support/net_server.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the test's application does is chosen by the path. */
struct app {
    struct net_server server;
    struct vch_http_options options;
    struct vch_pool *pool;
    _Atomic unsigned requests, answered;
    struct vch_http_exchange *held; /* of /hold, once `holding` is 1 */
    _Atomic unsigned holding;
};

struct work {
    struct app *app;
    struct vch_http_exchange *x;
};

static void answer_text(struct vch_http_exchange *x, int status, struct vch_str body) {
    const struct vch_http_answer answer = {.status = status, .content_type = "text/plain", .body = body};
    vch_http_reply(x, &answer);
}

/* "METHOD path?query body". */
static void answer_summary(struct vch_http_exchange *x) {
    const struct vch_http_request *request = vch_http_exchange_request(x);
    struct vch_buf buf;
    struct vch_str body;
    vch_buf_init(&buf, 1 << 20);
    vch_buf_printf(&buf, "%.*s %.*s?%.*s ", VCH_STR_ARG(request->method), VCH_STR_ARG(request->path),
                   VCH_STR_ARG(request->query));
    vch_buf_str(&buf, request->body);
    assert_int_equal(vch_buf_finish(&buf, &body), VCH_OK);
    answer_text(x, 200, body);
    vch_buf_deinit(&buf);
}

static void work_done(void *arg) {
    struct work *work = arg;
    answer_summary(work->x);
    atomic_fetch_add(&work->app->answered, 1);
    free(work);
}

static void work_run(void *arg) {
    struct work *work = arg;
    (void)usleep(2000);
    assert_true(vch_loop_post(vch_http_exchange_loop(work->x), work_done, work));
}

static void on_request(struct vch_http_exchange *x, void *arg) {
    struct app *app = arg;
    const struct vch_http_request *request = vch_http_exchange_request(x);
    atomic_fetch_add(&app->requests, 1);
    if (vch_str_eq_c(request->path, "/worker")) {
        struct work *work = malloc(sizeof *work);
        *work = (struct work){app, x};
        assert_int_equal(vch_pool_submit(app->pool, work_run, work), VCH_OK);
    } else if (vch_str_eq_c(request->path, "/hold")) {
        app->held = x;
        atomic_store(&app->holding, 1);
    } else if (vch_str_eq_c(request->path, "/split")) {
        const struct vch_http_header header = {VCH_STR("Location"), VCH_STR("/\r\nX-Evil: 1")};
        vch_http_reply(x, &(struct vch_http_answer){
                              .status = 302, .headers = &header, .header_count = 1, .body = VCH_STR("secret")});
    } else if (vch_str_eq_c(request->path, "/close")) {
        vch_http_reply(x, &(struct vch_http_answer){.status = 200, .close = true});
    } else if (vch_str_eq_c(request->path, "/nothing")) {
        vch_http_reply(x, &(struct vch_http_answer){.status = 204, .body = VCH_STR("ignored")});
    } else if (vch_str_eq_c(request->path, "/large")) {
        static const char large[4 * 1024 * 1024];
        answer_text(x, 200, vch_str_of(large, sizeof large));
    } else if (vch_str_eq_c(request->path, "/peer")) {
        char text[256];
        int len = snprintf(text, sizeof text, "%s [%s] %s", request->peer_ip, request->peer_id,
                           request->secure ? "secure" : "plain");
        answer_text(x, 200, vch_str_of(text, (size_t)len));
    } else {
        answer_summary(x);
    }
}

static void attach(struct net_server *server, struct vch_conn *conn) {
    struct app *app = (struct app *)server->user;
    assert_int_equal(vch_http_attach(conn, &app->options), VCH_OK);
}

/* The counters of net_server are the script's, which HTTP replaces: a wait on
 * requests has its own way. */
static void await(_Atomic unsigned *counter, unsigned want) {
    for (int i = 0; i < 5000 && atomic_load(counter) < want; i++) (void)usleep(1000);
    assert_true(atomic_load(counter) >= want);
}

static const struct net_script at_accept = {.on_accept = attach};

static void app_start(struct app *app, struct net_setup setup) {
    memset(app, 0, sizeof *app);
    app->options = (struct vch_http_options){.on_request = on_request, .arg = app, .server_name = "test"};
    assert_int_equal(vch_pool_new(2, 1000, &app->pool), VCH_OK);
    if (!setup.script) setup.script = &at_accept;
    net_server_start(&app->server, &setup);
    app->server.user = app;
}

static void app_stop(struct app *app) {
    vch_pool_free(app->pool);
    net_server_free(&app->server);
}

static int64_t soon(void) {
    return vch_mono_ms() + 5000;
}

static void send_text(struct vch_dial *dial, const char *text) {
    assert_int_equal(vch_dial_send(dial, vch_str_from(text), soon()), VCH_OK);
}

/* All that comes until the server ends it. */
static char *read_to_end(struct vch_dial *dial) {
    static char buf[1 << 16];
    size_t len = net_recv_all(dial, buf, sizeof buf - 1);
    buf[len] = '\0';
    return buf;
}

/* One answer with its head; `head_only` for HEAD. The body is what follows the empty line. */
static char *read_answer(struct vch_dial *dial, bool head_only) {
    static char buf[1 << 20];
    size_t len = 0, want = 0;
    while (!want || len < want) {
        size_t got = net_recv_all(dial, buf + len, want ? want - len : 1);
        if (!got) break;
        len += got;
        buf[len] = '\0';
        if (want || len < 4 || memcmp(buf + len - 4, "\r\n\r\n", 4) != 0) continue;
        const char *length = strstr(buf, "Content-Length: ");
        want = len + (length && !head_only ? (size_t)atol(length + 16) : 0);
    }
    return buf;
}

static const char *body_of(const char *answer) {
    const char *end = strstr(answer, "\r\n\r\n");
    assert_non_null(end);
    return end + 4;
}

static void assert_answer(struct vch_dial *dial, const char *status, const char *body) {
    const char *answer = read_answer(dial, false);
    if (strncmp(answer, status, strlen(status)) != 0) fail_msg("not %s: %s", status, answer);
    assert_string_equal(body_of(answer), body);
}

#define OK "HTTP/1.1 200 OK\r\n"
#define HOST "Host: a\r\n"

static void one_after_another(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct net_setup){.plain = true});
    struct vch_dial *dial = net_dial(&app.server, NULL, NULL);
    send_text(dial, "GET /a?b=c HTTP/1.1\r\n" HOST "\r\n");
    const char *answer = read_answer(dial, false);
    assert_non_null(strstr(answer, "\r\nDate: "));
    assert_non_null(strstr(answer, "\r\nServer: test\r\n"));
    assert_non_null(strstr(answer, "\r\nContent-Type: text/plain\r\n"));
    assert_non_null(strstr(answer, "\r\nConnection: keep-alive\r\n"));
    assert_string_equal(body_of(answer), "GET /a?b=c ");
    send_text(dial, "POST /p HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nbody");
    assert_answer(dial, OK, "POST /p? body");
    send_text(dial, "PUT /c HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n");
    assert_answer(dial, OK, "PUT /c? abcde");
    send_text(dial, "GET /peer HTTP/1.1\r\n" HOST "\r\n");
    assert_answer(dial, OK, "127.0.0.1 [] plain");
    vch_dial_close(dial);
    app_stop(&app);
}

static void head_and_no_content(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct net_setup){.plain = true});
    struct vch_dial *dial = net_dial(&app.server, NULL, NULL);
    send_text(dial, "HEAD /a HTTP/1.1\r\n" HOST "\r\n");
    const char *answer = read_answer(dial, true);
    assert_non_null(strstr(answer, "Content-Length: 9\r\n")); /* "HEAD /a? " */
    assert_string_equal(body_of(answer), "");
    send_text(dial, "GET /nothing HTTP/1.1\r\n" HOST "\r\n");
    answer = read_answer(dial, false);
    assert_non_null(strstr(answer, "HTTP/1.1 204 No Content\r\n"));
    assert_null(strstr(answer, "Content-Length"));
    send_text(dial, "GET /x HTTP/1.1\r\n" HOST "\r\n");
    assert_answer(dial, OK, "GET /x? "); /* nothing was left over */
    vch_dial_close(dial);
    app_stop(&app);
}

/* Pipelined requests are answered in order, though the first takes a worker's time. */
static void pipelining(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct net_setup){.plain = true});
    struct vch_dial *dial = net_dial(&app.server, NULL, NULL);
    enum { COUNT = 50 };
    char text[COUNT * 128];
    size_t len = 0;
    for (int i = 0; i < COUNT; i++)
        len += (size_t)snprintf(text + len, sizeof text - len,
                                "POST /%s?%d HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc",
                                i % 2 ? "loop" : "worker", i);
    send_text(dial, text);
    for (int i = 0; i < COUNT; i++) {
        char want[64];
        (void)snprintf(want, sizeof want, "POST /%s?%d abc", i % 2 ? "loop" : "worker", i);
        assert_answer(dial, OK, want);
    }
    vch_dial_close(dial);
    app_stop(&app);
}

static void who_closes(void **state) {
    (void)state;
    static const struct {
        const char *request;
        bool closes;
    } rows[] = {
        {"GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", true},
        {"GET / HTTP/1.0\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false},
        {"GET / HTTP/1.1\r\n" HOST "\r\n", false},
        {"GET /close HTTP/1.1\r\n" HOST "\r\n", true},
    };
    struct app app;
    app_start(&app, (struct net_setup){.plain = true});
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct vch_dial *dial = net_dial(&app.server, NULL, NULL);
        char byte;
        size_t len = 0;
        send_text(dial, rows[i].request);
        const char *answer = read_answer(dial, false);
        assert_non_null(
            strstr(answer, rows[i].closes ? "\r\nConnection: close\r\n" : "\r\nConnection: keep-alive\r\n"));
        enum vch_err err = vch_dial_recv(dial, &byte, 1, &len, vch_mono_ms() + (rows[i].closes ? 5000 : 50));
        assert_int_equal(err, rows[i].closes ? VCH_ERR_NOT_FOUND : VCH_ERR_TIMEOUT);
        vch_dial_close(dial);
    }
    app_stop(&app);
}

/* botocore sends Expect with every PUT and POST of a stream and waits a second. */
static void expectations(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct net_setup){0});
    struct vch_dial *dial = net_dial(&app.server, NULL, NULL);
    char buf[64] = {0};
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    for (int i = 0; i < 3; i++) {
        send_text(dial, "PUT /e HTTP/1.1\r\n" HOST "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
        assert_int_equal(net_recv_all(dial, buf, sizeof go_on - 1), sizeof go_on - 1);
        assert_string_equal(buf, go_on);
        send_text(dial, "12345");
        assert_answer(dial, OK, "PUT /e? 12345");
    }
    send_text(dial, "PUT /e HTTP/1.1\r\n" HOST "Content-Length: 999999\r\nExpect: 100-continue\r\n\r\n");
    assert_int_equal(strncmp(read_to_end(dial), "HTTP/1.1 413 ", 13), 0);
    vch_dial_close(dial);
    app_stop(&app);
}

static void refusals_are_answered_and_end(void **state) {
    (void)state;
    static const struct {
        const char *request, *status;
    } rows[] = {
        {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
        {"GET / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         "HTTP/1.1 400 Bad Request\r\n"},
        {"BREW / HTTP/1.1\r\n" HOST "\r\n", "HTTP/1.1 501 Not Implemented\r\n"},
        {"GET / HTTP/3.0\r\n" HOST "\r\n", "HTTP/1.1 505 HTTP Version Not Supported\r\n"},
        {"GET / HTTP/1.1\r\n" HOST "Content-Length: 262145\r\n\r\n", "HTTP/1.1 413 Payload Too Large\r\n"},
        {"\x16\x03\x01", "HTTP/1.1 400 Bad Request\r\n"},
    };
    struct app app;
    app_start(&app, (struct net_setup){.plain = true});
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct vch_dial *dial = net_dial(&app.server, NULL, NULL);
        send_text(dial, rows[i].request);
        send_text(dial, "GET /smuggled HTTP/1.1\r\n" HOST "\r\n");
        const char *answer = read_to_end(dial);
        if (strncmp(answer, rows[i].status, strlen(rows[i].status)) != 0) fail_msg("%zu: %s", i, answer);
        assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
        assert_non_null(strstr(answer, "{\"message\":\""));
        assert_null(strstr(body_of(answer), "\r\n")); /* one answer */
        vch_dial_close(dial);
    }
    app_stop(&app);
    assert_int_equal(app.requests, 0);
}

static void a_broken_answer_becomes_500(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct net_setup){.plain = true});
    struct vch_dial *dial = net_dial(&app.server, NULL, NULL);
    send_text(dial, "GET /split HTTP/1.1\r\n" HOST "\r\n");
    const char *answer = read_answer(dial, false);
    assert_int_equal(strncmp(answer, "HTTP/1.1 500 ", 13), 0);
    assert_null(strstr(answer, "X-Evil"));
    assert_string_equal(body_of(answer), "");
    vch_dial_close(dial);
    app_stop(&app);
}

/* ---- size and time ------------------------------------------------------------------ */

static void large_bodies(void **state) {
    (void)state;
    struct app app;
    enum { SIZE = VCH_HTTP_BODY_MAX };
    static char body[SIZE + 1];
    memset(body, 'b', SIZE);
    app_start(&app, (struct net_setup){0});
    struct vch_dial *dial = net_dial(&app.server, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        char head[128];
        (void)snprintf(head, sizeof head, "POST /b HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n", SIZE);
        send_text(dial, head);
        send_text(dial, body);
        const char *answer = read_answer(dial, false);
        assert_int_equal(strlen(body_of(answer)), SIZE + 9);
        assert_memory_equal(body_of(answer), "POST /b? bbb", 12);
    }
    static char large[4 * 1024 * 1024];
    send_text(dial, "GET /large HTTP/1.1\r\n" HOST "\r\n");
    char head[512] = {0};
    size_t len = 0;
    while (!strstr(head, "\r\n\r\n")) {
        assert_int_equal(net_recv_all(dial, head + len, 1), 1);
        len++;
    }
    assert_int_equal(net_recv_all(dial, large, sizeof large), sizeof large);
    vch_dial_close(dial);
    app_stop(&app);
}

/* Pipelined requests whose answers nobody reads wait, and are answered once somebody does. */
static void unread_answers_hold_the_next_request(void **state) {
    (void)state;
    enum { COUNT = 8, LARGE = 4 * 1024 * 1024 };
    struct app app;
    char text[COUNT * 64] = "";
    app_start(&app, (struct net_setup){0});
    struct vch_dial *dial = net_dial(&app.server, NULL, NULL);
    for (int i = 0; i < COUNT; i++) (void)strcat(text, "GET /large HTTP/1.1\r\n" HOST "\r\n");
    send_text(dial, text);
    await(&app.requests, 1);
    (void)usleep(200000);
    assert_true(atomic_load(&app.requests) <= 2); /* 4 MiB may just fit into the sockets */
    size_t total = 0, len = 0;
    static char buf[65536];
    while (total < (size_t)COUNT * LARGE && vch_dial_recv(dial, buf, sizeof buf, &len, soon()) == VCH_OK) total += len;
    assert_true(total > (size_t)COUNT * LARGE);
    assert_int_equal(atomic_load(&app.requests), COUNT);
    vch_dial_close(dial);
    app_stop(&app);
}

/* 413 comes back although the client keeps sending. */
static void too_large_while_sending(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct net_setup){.plain = true});
    struct vch_dial *dial = net_dial(&app.server, NULL, NULL);
    static char body[400000];
    memset(body, 'x', sizeof body);
    send_text(dial, "POST / HTTP/1.1\r\n" HOST "Content-Length: 400000\r\n\r\n");
    (void)!vch_dial_send(dial, vch_str_of(body, sizeof body), soon());
    assert_int_equal(strncmp(read_to_end(dial), "HTTP/1.1 413 ", 13), 0);
    vch_dial_close(dial);
    app_stop(&app);
}

static void assert_cut_after(struct vch_dial *dial, int64_t since, int64_t from_ms) {
    char byte;
    size_t len = 0;
    enum vch_err err = vch_dial_recv(dial, &byte, 1, &len, soon());
    assert_true(err == VCH_ERR_NOT_FOUND || err == VCH_ERR_IO);
    assert_in_range(vch_mono_ms() - since, (uintmax_t)from_ms, (uintmax_t)from_ms + 2000);
}

/* A byte now and then does not keep a request alive. */
static void slow_requests_are_cut(void **state) {
    (void)state;
    static const char *const starts[] = {
        "GET / HTTP/1.1\r\n" HOST "X: ", "POST / HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n400\r\n"};
    struct app app;
    app_start(&app, (struct net_setup){.plain = true});
    app.options.request_timeout_ms = 600;
    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        struct vch_dial *dial = net_dial(&app.server, NULL, NULL);
        int64_t before = vch_mono_ms();
        send_text(dial, starts[i]);
        for (int j = 0; j < 3; j++) {
            (void)usleep(50000);
            send_text(dial, "x");
        }
        assert_cut_after(dial, before, 590);
        vch_dial_close(dial);
    }
    app_stop(&app);
    assert_int_equal(app.requests, 0);
}

static void idle_connections_are_cut(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct net_setup){.plain = true});
    app.options.idle_timeout_ms = 500;
    int64_t before = vch_mono_ms();
    struct vch_dial *silent = net_dial(&app.server, NULL, NULL), *once = net_dial(&app.server, NULL, NULL);
    (void)usleep(100000);
    send_text(once, "GET / HTTP/1.1\r\n" HOST "\r\n");
    assert_answer(once, OK, "GET /? ");
    assert_cut_after(silent, before, 490);
    assert_cut_after(once, before, 590); /* counted from the answer */
    vch_dial_close(silent);
    vch_dial_close(once);
    app_stop(&app);
}

/* A request at work is not idle. */
static void work_may_take_longer_than_idle(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct net_setup){.plain = true});
    app.options.idle_timeout_ms = 100;
    app.options.request_timeout_ms = 100;
    struct vch_dial *dial = net_dial(&app.server, NULL, NULL);
    send_text(dial, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
    await(&app.holding, 1);
    (void)usleep(250000);
    struct work *work = malloc(sizeof *work);
    *work = (struct work){&app, app.held};
    assert_true(vch_loop_post(app.server.loop, work_done, work));
    assert_answer(dial, OK, "GET /hold? ");
    vch_dial_close(dial);
    app_stop(&app);
}

/* ---- an exchange and its connection --------------------------------------------------- */

static void answering_after_the_client_left(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct net_setup){.plain = true});
    for (unsigned i = 0; i < 30; i++) {
        struct vch_dial *dial = net_dial(&app.server, NULL, NULL);
        send_text(dial, "POST /worker HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nbody");
        if (i % 2) await(&app.requests, i + 1);
        vch_dial_close(dial);
        await(&app.answered, i + 1);
    }
    app_stop(&app);
}

/* The server stops while a request is at work; its answer comes to nobody, and
 * what it asked is still readable. */
static void answering_after_the_connection_is_gone(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct net_setup){.plain = true});
    struct vch_dial *dial = net_dial(&app.server, NULL, NULL);
    send_text(dial, "POST /hold?q HTTP/1.1\r\n" HOST "X-Id: 7\r\nContent-Length: 4\r\n\r\nbody");
    await(&app.holding, 1);
    net_server_stop(&app.server);
    const struct vch_http_request *request = vch_http_exchange_request(app.held);
    assert_str(request->path, "/hold");
    assert_str(request->query, "q");
    assert_str(request->body, "body");
    assert_str(vch_http_header_get(request, "x-id"), "7");
    assert_string_equal(request->peer_ip, "127.0.0.1");
    answer_summary(app.held);
    assert_string_equal(read_to_end(dial), "");
    vch_dial_close(dial);
    app_stop(&app);
}

/* A client that has said all and shuts its side still gets its answer. */
static void half_closed_clients(void **state) {
    (void)state;
    struct app app;
    app_start(&app, (struct net_setup){.plain = true});
    struct vch_dial *dial = net_dial(&app.server, NULL, NULL);
    send_text(dial, "GET /worker HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(shutdown(vch_dial_fd(dial), SHUT_WR), 0);
    assert_answer(dial, OK, "GET /worker? ");
    vch_dial_close(dial);
    app_stop(&app);
}

/* ---- TLS and the edge ------------------------------------------------------------------- */

static void refuse_nobody(struct app *app, struct net_setup *setup, vch_verify_peer *verify) {
    (void)app;
    setup->client_cert = VCH_CLIENT_CERT_OPTIONAL;
    setup->verify = verify;
}

static enum vch_err welcome(void *arg, const char id[65], struct vch_diag *diag) {
    (void)arg;
    (void)id;
    (void)diag;
    return VCH_OK;
}

static void the_peer_is_known(void **state) {
    (void)state;
    struct app app;
    struct net_setup setup = {0};
    struct tls_material device;
    char want[256];
    tls_make(&device, TLS_P256, "device", NULL, 2);
    refuse_nobody(&app, &setup, welcome);
    app_start(&app, setup);
    struct vch_dial *with = net_dial(&app.server, &device, NULL), *without = net_dial(&app.server, NULL, NULL);
    send_text(with, "GET /peer HTTP/1.1\r\n" HOST "\r\n");
    (void)snprintf(want, sizeof want, "127.0.0.1 [%s] secure", device.id);
    assert_answer(with, OK, want);
    send_text(without, "GET /peer HTTP/1.1\r\n" HOST "\r\n");
    assert_answer(without, OK, "127.0.0.1 [] secure");
    vch_dial_close(with);
    vch_dial_close(without);
    app_stop(&app);
}

static void attach_if_http(struct net_server *server, struct vch_conn *conn) {
    struct vch_str alpn = vch_conn_alpn(conn);
    if (alpn.len == 0 || vch_str_eq_c(alpn, "http/1.1")) attach(server, conn);
}

/* The edge: one port, ALPN decides; what is not HTTP stays with the first protocol (here an echo). */
static void alpn_decides_after_the_handshake(void **state) {
    (void)state;
    static const char *const protocols[] = {"x-amzn-mqtt-ca", "http/1.1", NULL};
    static const struct net_script script = {.on_open = attach_if_http};
    static const char *const offers[] = {"http/1.1", NULL, "x-amzn-mqtt-ca"};
    struct app app;
    app_start(&app, (struct net_setup){.script = &script, .alpn = protocols});
    app.options.idle_timeout_ms = 500;
    for (size_t i = 0; i < COUNT_OF(offers); i++) {
        struct vch_dial *dial = net_dial(&app.server, NULL, offers[i]);
        send_text(dial, "GET /edge HTTP/1.1\r\n" HOST "\r\n");
        if (i < 2) {
            assert_answer(dial, OK, "GET /edge? ");
            assert_cut_after(dial, vch_mono_ms(), 100); /* its own deadlines run */
        } else {
            char buf[64] = {0};
            assert_int_equal(net_recv_all(dial, buf, 3), 3);
            assert_string_equal(buf, "GET");
        }
        vch_dial_close(dial);
    }
    app_stop(&app);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_after_another),
        cmocka_unit_test(head_and_no_content),
        cmocka_unit_test(pipelining),
        cmocka_unit_test(who_closes),
        cmocka_unit_test(expectations),
        cmocka_unit_test(refusals_are_answered_and_end),
        cmocka_unit_test(a_broken_answer_becomes_500),
        cmocka_unit_test(large_bodies),
        cmocka_unit_test(unread_answers_hold_the_next_request),
        cmocka_unit_test(too_large_while_sending),
        cmocka_unit_test(slow_requests_are_cut),
        cmocka_unit_test(idle_connections_are_cut),
        cmocka_unit_test(work_may_take_longer_than_idle),
        cmocka_unit_test(answering_after_the_client_left),
        cmocka_unit_test(answering_after_the_connection_is_gone),
        cmocka_unit_test(half_closed_clients),
        cmocka_unit_test(the_peer_is_known),
        cmocka_unit_test(alpn_decides_after_the_handshake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
