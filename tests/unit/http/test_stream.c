/* Answers that are written piece by piece, over real connections: their bytes,
 * their ends, and clients that do not read. */
#include "base/clock.h"
#include "http/stream.h"
#include "support/cmocka_all.h"
#include "support/net_server.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PENDING_MAX = 256 * 1024, FLOOD = 64 * 1024 };

struct app {
    struct net_server server;
    struct vch_http_options options;
    struct vch_http_stream *stream;      /* [loop] */
    struct vch_http_exchange *held;      /* of /hold */
    _Atomic unsigned begun, ended, drained, refused;
    char reason[64];
};

static void on_drain(void *arg) {
    struct app *app = arg;
    atomic_fetch_add(&app->drained, 1);
}

static void on_end(void *arg, const struct vch_diag *diag) {
    struct app *app = arg;
    app->stream = NULL;
    (void)vch_str_copy(app->reason, sizeof app->reason, vch_str_from(diag->reason));
    atomic_fetch_add(&app->ended, 1);
}

static const struct vch_http_stream_handler handler = {on_drain, on_end};

static void begin(struct app *app, struct vch_http_exchange *x) {
    const struct vch_http_header header = {VCH_STR("X-One"), VCH_STR("1")};
    const struct vch_http_answer head = {
        .status = 200, .content_type = "text/event-stream", .headers = &header, .header_count = 1, .body = VCH_STR("not sent")};
    app->stream = vch_http_stream_begin(x, &head, PENDING_MAX, &handler, app);
    atomic_fetch_add(app->stream ? &app->begun : &app->refused, 1);
}

static void count_up(struct app *app) {
    struct vch_diag diag = {.reason = "enough"};
    vch_http_stream_write(app->stream, VCH_STR("a"));
    vch_http_stream_write(app->stream, VCH_STR("")); /* would be the last chunk */
    vch_http_stream_write(app->stream, VCH_STR("bcdefghijklmnopq"));
    vch_http_stream_end(app->stream, &diag);
    vch_http_stream_write(app->stream, VCH_STR("late"));
    vch_http_stream_end(app->stream, NULL);
}

static void flood(struct app *app, size_t times) {
    static const char piece[FLOOD];
    for (size_t i = 0; i < times; i++) vch_http_stream_write(app->stream, vch_str_of(piece, sizeof piece));
}

static void on_request(struct vch_http_exchange *x, void *arg) {
    struct app *app = arg;
    struct vch_str path = vch_http_exchange_request(x)->path;
    bool hold = vch_str_eq_c(path, "/hold"), count = vch_str_eq_c(path, "/count"), over = vch_str_eq_c(path, "/over"),
         much = vch_str_eq_c(path, "/much");
    if (vch_str_eq_c(path, "/broken")) {
        const struct vch_http_answer broken = {.status = 200, .content_type = "a\r\nb"};
        app->stream = vch_http_stream_begin(x, &broken, PENDING_MAX, &handler, app);
        atomic_fetch_add(app->stream ? &app->begun : &app->refused, 1);
        return;
    }
    if (hold) {
        app->held = x;
        atomic_fetch_add(&app->begun, 1);
        return;
    }
    begin(app, x);
    if (count) count_up(app);
    if (much) flood(app, 3);
    if (over) flood(app, 2 * PENDING_MAX / FLOOD);
}

static void attach(struct net_server *server, struct vch_conn *conn) {
    struct app *app = (struct app *)server->user;
    assert_int_equal(vch_http_attach(conn, &app->options), VCH_OK);
}

static void await(_Atomic unsigned *counter, unsigned want) {
    for (int i = 0; i < 5000 && atomic_load(counter) < want; i++) (void)usleep(1000);
    assert_int_equal(atomic_load(counter), want);
}

static void app_start(struct app *app, bool plain) {
    static const struct net_script script = {.on_accept = attach};
    const struct net_setup setup = {.plain = plain, .script = &script};
    memset(app, 0, sizeof *app);
    app->options = (struct vch_http_options){.on_request = on_request, .arg = app, .idle_timeout_ms = 100};
    net_server_start(&app->server, &setup);
    app->server.user = app;
}

static struct vch_dial *ask(struct app *app, const char *request) {
    struct vch_dial *dial = net_dial(&app->server, NULL, NULL);
    assert_int_equal(vch_dial_send(dial, vch_str_from(request), vch_mono_ms() + 5000), VCH_OK);
    return dial;
}

static const char *all_of(struct vch_dial *dial) {
    static char text[1 << 20];
    size_t len = net_recv_all(dial, text, sizeof text - 1);
    text[len] = '\0';
    return text;
}

static void on_the_loop(struct app *app, void (*fn)(void *arg)) {
    assert_true(vch_loop_post(app->server.loop, fn, app));
}

static void read_head(struct vch_dial *dial) {
    char last[5] = "----";
    while (strcmp(last, "\r\n\r\n") != 0) {
        memmove(last, last + 1, 3);
        assert_int_equal(net_recv_all(dial, last + 3, 1), 1);
    }
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* ---- bytes ---- */

static void chunks(void **state) {
    (void)state;
    for (int plain = 0; plain < 2; plain++) {
        struct app app;
        app_start(&app, plain);
        struct vch_dial *dial = ask(&app, GET("/count"));
        const char *text = all_of(dial);
        const char *body = strstr(text, "\r\n\r\n");
        assert_non_null(strstr(text, "HTTP/1.1 200 OK\r\n"));
        assert_non_null(strstr(text, "\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\nX-One: 1\r\nConnection: close\r\n"));
        assert_null(strstr(text, "Content-Length"));
        assert_string_equal(body, "\r\n\r\n1\r\na\r\n10\r\nbcdefghijklmnopq\r\n0\r\n\r\n");
        await(&app.ended, 1);
        assert_string_equal(app.reason, "enough");
        vch_dial_close(dial);
        net_server_free(&app.server);
    }
}

static void http_1_0(void **state) {
    (void)state;
    struct app app;
    app_start(&app, true);
    struct vch_dial *dial = ask(&app, "GET /count HTTP/1.0\r\n\r\n");
    const char *text = all_of(dial);
    assert_null(strstr(text, "chunked"));
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\nabcdefghijklmnopq");
    vch_dial_close(dial);
    net_server_free(&app.server);
}

static void a_head_that_is_not_sound(void **state) {
    (void)state;
    struct app app;
    app_start(&app, true);
    struct vch_dial *dial = ask(&app, GET("/broken"));
    assert_non_null(strstr(all_of(dial), "HTTP/1.1 500 "));
    assert_int_equal(atomic_load(&app.refused), 1);
    assert_int_equal(atomic_load(&app.ended), 0);
    vch_dial_close(dial);
    net_server_free(&app.server);
}

/* ---- ends ---- */

static void write_more(void *arg) {
    struct app *app = arg;
    vch_http_stream_write(app->stream, VCH_STR("more"));
}

static void it_outlasts_the_idle_time(void **state) {
    (void)state;
    struct app app;
    char got[9];
    app_start(&app, true);
    struct vch_dial *dial = ask(&app, GET("/open") "GET /never HTTP/1.1\r\n");
    await(&app.begun, 1);
    (void)usleep(300 * 1000);
    assert_int_equal(atomic_load(&app.ended), 0);
    on_the_loop(&app, write_more);
    read_head(dial);
    assert_int_equal(net_recv_all(dial, got, 9), 9);
    assert_memory_equal(got, "4\r\nmore\r\n", 9);
    assert_int_equal(atomic_load(&app.begun), 1); /* what came behind the request is nobody's */
    vch_dial_close(dial);
    await(&app.ended, 1);
    net_server_free(&app.server);
}

static void the_client_leaves(void **state) {
    (void)state;
    for (int plain = 0; plain < 2; plain++) {
        struct app app;
        app_start(&app, plain);
        struct vch_dial *dial = ask(&app, GET("/open"));
        await(&app.begun, 1);
        vch_dial_close(dial);
        await(&app.ended, 1);
        assert_true(strcmp(app.reason, "client-closed") == 0 || strcmp(app.reason, "connection-lost") == 0);
        net_server_free(&app.server);
    }
}

static void the_server_stops(void **state) {
    (void)state;
    struct app app;
    app_start(&app, true);
    struct vch_dial *dial = ask(&app, GET("/open"));
    await(&app.begun, 1);
    net_server_stop(&app.server);
    assert_int_equal(atomic_load(&app.ended), 1);
    assert_string_equal(app.reason, "server-stopping");
    vch_dial_close(dial);
    net_server_free(&app.server);
}

static void begin_late(void *arg) {
    struct app *app = arg;
    begin(app, app->held);
}

static void it_begins_too_late(void **state) {
    (void)state;
    struct app app;
    app_start(&app, true);
    struct vch_dial *dial = ask(&app, GET("/hold"));
    await(&app.begun, 1);
    net_server_stop(&app.server); /* the connection is gone, the exchange is not */
    begin_late(&app);
    assert_int_equal(atomic_load(&app.refused), 1);
    assert_int_equal(atomic_load(&app.ended), 0);
    vch_dial_close(dial);
    net_server_free(&app.server);
}

/* ---- clients that do not read ---- */

static void who_reads_is_waited_for(void **state) {
    (void)state;
    struct app app;
    app_start(&app, true);
    struct vch_dial *dial = ask(&app, GET("/much"));
    static char text[3 * FLOOD];
    assert_int_equal(net_recv_all(dial, text, sizeof text), sizeof text);
    for (int i = 0; i < 5000 && !atomic_load(&app.drained); i++) (void)usleep(1000);
    assert_true(atomic_load(&app.drained) >= 1);
    assert_int_equal(atomic_load(&app.ended), 0);
    vch_dial_close(dial);
    await(&app.ended, 1);
    net_server_free(&app.server);
}

static void who_does_not_read_is_cut(void **state) {
    (void)state;
    struct app app;
    app_start(&app, true);
    struct vch_dial *dial = ask(&app, GET("/over")); /* twice the bound in one turn of the loop */
    await(&app.ended, 1);
    assert_string_equal(app.reason, "output-overflow");
    vch_dial_close(dial);
    net_server_free(&app.server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks),
        cmocka_unit_test(http_1_0),
        cmocka_unit_test(a_head_that_is_not_sound),
        cmocka_unit_test(it_outlasts_the_idle_time),
        cmocka_unit_test(the_client_leaves),
        cmocka_unit_test(the_server_stops),
        cmocka_unit_test(it_begins_too_late),
        cmocka_unit_test(who_reads_is_waited_for),
        cmocka_unit_test(who_does_not_read_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
