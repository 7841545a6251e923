/* A connection's flow: output, backpressure, pausing, closing; each over plain
 * TCP and over TLS. */
#include "base/clock.h"
#include "support/cmocka_all.h"
#include "support/net_server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int64_t soon(void) {
    return vch_mono_ms() + 5000;
}

static void send_text(struct vch_dial *dial, const char *text) {
    assert_int_equal(vch_dial_send(dial, vch_str_from(text), soon()), VCH_OK);
}

static void assert_reads(struct vch_dial *dial, const char *text) {
    char buf[256] = {0};
    assert_int_equal(net_recv_all(dial, buf, strlen(text)), strlen(text));
    assert_string_equal(buf, text);
}

static void assert_ended(struct vch_dial *dial) {
    char byte;
    size_t len = 0;
    assert_int_equal(vch_dial_recv(dial, &byte, 1, &len, soon()), VCH_ERR_NOT_FOUND);
}

static const struct net_setup *setup_of(void **state, const struct net_script *script) {
    static struct net_setup setup;
    setup = (struct net_setup){.plain = *(const bool *)*state, .script = script};
    return &setup;
}

/* ---- gathering --------------------------------------------------------------------- */

enum { PIECES = 1000 };

static size_t write_pieces(struct net_server *server, struct vch_conn *conn, struct vch_str bytes) {
    (void)server;
    for (int i = 0; i < PIECES; i++) vch_conn_write(conn, VCH_STR("0123456789"));
    vch_conn_write(conn, VCH_STR(""));
    vch_assert(vch_conn_pending(conn) == PIECES * 10); /* nothing leaves before the turn ends */
    return bytes.len;
}

static void many_writes_make_one(void **state) {
    static const struct net_script script = {.on_data = write_pieces};
    struct net_server server;
    net_server_start(&server, setup_of(state, &script));
    struct vch_dial *dial = net_dial(&server, NULL, NULL);
    char buf[PIECES * 10];
    size_t len = 0;
    send_text(dial, "go");
    net_wait(&server, &server.drains, 1);
    assert_int_equal(vch_dial_recv(dial, buf, sizeof buf, &len, soon()), VCH_OK);
    assert_int_equal(len, sizeof buf); /* one TLS record: a read returns no more than one */
    vch_dial_close(dial);
    net_wait(&server, &server.closed, 1);
    assert_int_equal(server.reason, VCH_CLOSE_PEER);
    assert_string_equal(server.diag.reason, "client-closed");
    assert_int_equal(net_count(&server, &server.drains), 1);
    net_server_free(&server);
}

/* ---- slow readers --------------------------------------------------------------------- */

enum { BULK = 8 * 1024 * 1024, BULK_CHUNK = 64 * 1024 };

static char bulk_byte(size_t at) {
    return (char)(at * 31 + at / 4093);
}

static void write_bulk(struct net_server *server, struct vch_conn *conn) {
    static char chunk[BULK_CHUNK];
    size_t *sent = server->user;
    while (*sent < BULK && vch_conn_pending(conn) < BULK_CHUNK) {
        for (size_t i = 0; i < sizeof chunk; i++) chunk[i] = bulk_byte(*sent + i);
        vch_conn_write(conn, vch_str_of(chunk, sizeof chunk));
        *sent += sizeof chunk;
    }
}

static size_t start_bulk(struct net_server *server, struct vch_conn *conn, struct vch_str bytes) {
    vch_conn_set_output_max(conn, 2 * BULK_CHUNK);
    write_bulk(server, conn);
    return bytes.len;
}

/* The writer keeps pace by on_drain and stays within a small bound. */
static void a_slow_reader_gets_all(void **state) {
    static const struct net_script script = {.on_data = start_bulk, .on_drain = write_bulk};
    struct net_server server;
    size_t sent = 0;
    net_server_start(&server, setup_of(state, &script));
    server.user = &sent;
    struct vch_dial *dial = net_dial(&server, NULL, NULL);
    send_text(dial, "go");
    (void)usleep(100000); /* the socket fills */
    char buf[10007];
    for (size_t total = 0; total < BULK;) {
        size_t len = 0;
        assert_int_equal(vch_dial_recv(dial, buf, sizeof buf, &len, soon()), VCH_OK);
        for (size_t i = 0; i < len; i++)
            if (buf[i] != bulk_byte(total + i)) fail_msg("wrong byte at %zu", total + i);
        total += len;
    }
    vch_dial_close(dial);
    net_wait(&server, &server.closed, 1);
    assert_int_equal(server.reason, VCH_CLOSE_PEER);
    net_server_free(&server);
}

static size_t flood(struct net_server *server, struct vch_conn *conn, struct vch_str bytes) {
    static const char chunk[BULK_CHUNK];
    (void)server;
    for (int i = 0; i < 1000; i++) vch_conn_write(conn, vch_str_of(chunk, sizeof chunk));
    vch_assert(vch_conn_pending(conn) <= 1024 * 1024);
    return bytes.len;
}

static void output_over_its_bound_ends(void **state) {
    static const struct net_script script = {.on_data = flood};
    struct net_server server;
    net_server_start(&server, setup_of(state, &script));
    struct vch_dial *dial = net_dial(&server, NULL, NULL);
    send_text(dial, "go");
    net_wait(&server, &server.closed, 1);
    assert_int_equal(server.reason, VCH_CLOSE_OVERFLOW);
    assert_string_equal(server.diag.reason, "output-overflow");
    vch_dial_close(dial);
    net_server_free(&server);
}

static size_t write_within(struct net_server *server, struct vch_conn *conn, struct vch_str bytes) {
    (void)server;
    vch_conn_set_output_max(conn, 10);
    vch_conn_write(conn, VCH_STR("0123456789"));
    if (bytes.ptr[0] == '+') vch_conn_write(conn, VCH_STR("x"));
    return bytes.len;
}

static void the_bound_is_exact(void **state) {
    static const struct net_script script = {.on_data = write_within};
    struct net_server server;
    net_server_start(&server, setup_of(state, &script));
    struct vch_dial *dial = net_dial(&server, NULL, NULL);
    send_text(dial, "=");
    assert_reads(dial, "0123456789");
    send_text(dial, "+");
    net_wait(&server, &server.closed, 1);
    assert_int_equal(server.reason, VCH_CLOSE_OVERFLOW);
    vch_dial_close(dial);
    net_server_free(&server);
}

/* ---- input ---------------------------------------------------------------------------- */

/* Takes whole words of four bytes; what is left comes back with more. */
static size_t take_words(struct net_server *server, struct vch_conn *conn, struct vch_str bytes) {
    size_t used = bytes.len / 4 * 4;
    (void)server;
    vch_conn_write(conn, vch_str_sub(bytes, 0, used));
    return used;
}

static void unconsumed_input_comes_again(void **state) {
    static const struct net_script script = {.on_data = take_words};
    struct net_server server;
    net_server_start(&server, setup_of(state, &script));
    struct vch_dial *dial = net_dial(&server, NULL, NULL);
    static const char text[] = "abcdefghijklmnopqrst";
    for (size_t i = 0; i < sizeof text - 1; i++) {
        assert_int_equal(vch_dial_send(dial, vch_str_of(text + i, 1), soon()), VCH_OK);
        net_wait(&server, &server.datas, (unsigned)i + 1);
    }
    assert_reads(dial, text);
    vch_dial_close(dial);
    net_server_free(&server);
}

static size_t take_nothing(struct net_server *server, struct vch_conn *conn, struct vch_str bytes) {
    (void)conn;
    *(size_t *)server->user = bytes.len;
    vch_assert(bytes.len <= 1000);
    return 0;
}

static void limit_input(struct net_server *server, struct vch_conn *conn) {
    (void)server;
    vch_conn_set_input_max(conn, 1000);
}

static void unconsumed_input_is_bounded(void **state) {
    static const struct net_script script = {.on_accept = limit_input, .on_data = take_nothing};
    struct net_server server;
    size_t offered = 0;
    char junk[5000] = {0};
    net_server_start(&server, setup_of(state, &script));
    server.user = &offered;
    struct vch_dial *dial = net_dial(&server, NULL, NULL);
    assert_int_equal(vch_dial_send(dial, vch_str_of(junk, sizeof junk), soon()), VCH_OK);
    (void)usleep(100000);
    net_server_stop(&server);
    assert_int_equal(offered, 1000);
    assert_int_equal(net_count(&server, &server.closed), 1);
    vch_dial_close(dial);
    net_server_free(&server);
}

/* ---- pausing ---------------------------------------------------------------------------- */

struct held {
    struct vch_conn *conn;
    bool paused;
    unsigned while_paused;
};

static size_t pause_after_first(struct net_server *server, struct vch_conn *conn, struct vch_str bytes) {
    struct held *held = server->user;
    held->while_paused += held->paused;
    vch_conn_write(conn, vch_str_sub(bytes, 0, 1));
    held->conn = conn;
    held->paused = true;
    vch_conn_pause(conn);
    return 1;
}

static void resume_held(void *arg) {
    struct held *held = arg;
    held->paused = false;
    vch_conn_resume(held->conn);
    vch_conn_resume(held->conn); /* a second one changes nothing */
}

static size_t listen_and_pause(struct net_server *server, struct vch_conn *conn, struct vch_str bytes) {
    struct held *held = server->user;
    (void)bytes;
    held->conn = conn;
    held->paused = true;
    vch_conn_pause(conn);
    return 1;
}

static void paused_input_waits(void **state) {
    static const struct net_script script = {.on_data = pause_after_first};
    struct net_server server;
    struct held held = {0};
    net_server_start(&server, setup_of(state, &script));
    server.user = &held;
    struct vch_dial *dial = net_dial(&server, NULL, NULL);
    send_text(dial, "abc");
    assert_reads(dial, "a");
    send_text(dial, "de");
    (void)usleep(50000);
    static const char *const rest[] = {"b", "c", "d", "e"};
    for (size_t i = 0; i < COUNT_OF(rest); i++) {
        assert_true(vch_loop_post(server.loop, resume_held, &held));
        assert_reads(dial, rest[i]);
    }
    net_server_stop(&server);
    assert_int_equal(held.while_paused, 0);
    vch_dial_close(dial);
    net_server_free(&server);
}

/* The client says its last word and goes: the word is heard, then the end. */
static void input_before_the_end_is_heard(void **state) {
    static const struct net_script script = {.on_data = listen_and_pause};
    struct net_server server;
    struct held held = {0};
    net_server_start(&server, setup_of(state, &script));
    server.user = &held;
    struct vch_dial *dial = net_dial(&server, NULL, NULL);
    send_text(dial, "ab");
    net_wait(&server, &server.datas, 1);
    vch_dial_close(dial);
    (void)usleep(50000);
    assert_int_equal(net_count(&server, &server.closed), 0);
    assert_true(vch_loop_post(server.loop, resume_held, &held));
    net_wait(&server, &server.datas, 2);
    assert_true(vch_loop_post(server.loop, resume_held, &held));
    net_wait(&server, &server.closed, 1);
    assert_int_equal(server.reason, VCH_CLOSE_PEER);
    net_server_free(&server);
}

/* ---- closing -------------------------------------------------------------------------------- */

static void close_with_words(struct vch_conn *conn) {
    struct vch_diag diag = {0};
    (void)vch_diag_set(&diag, VCH_ERR_DENIED, "policy-denies", "topic", "No.");
    vch_conn_write(conn, VCH_STR("bye"));
    vch_conn_close(conn, &diag);
    vch_diag_clear(&diag); /* it was copied */
    vch_conn_write(conn, VCH_STR("too late"));
    vch_conn_close(conn, NULL);
    vch_conn_resume(conn);
}

static void close_on_open(struct net_server *server, struct vch_conn *conn) {
    (void)server;
    close_with_words(conn);
}

static size_t close_on_data(struct net_server *server, struct vch_conn *conn, struct vch_str bytes) {
    (void)server;
    vch_assert(vch_conn_is_open(conn));
    close_with_words(conn);
    vch_assert(!vch_conn_is_open(conn));
    return bytes.ptr[0] == 'x' ? 0 : bytes.len;
}

static void write_and_wait(struct net_server *server, struct vch_conn *conn) {
    (void)server;
    vch_conn_write(conn, VCH_STR("hello"));
}

static void close_on_drain(struct net_server *server, struct vch_conn *conn) {
    (void)server;
    close_with_words(conn);
}

static void meddle_on_close(struct net_server *server, struct vch_conn *conn) {
    vch_conn_write(conn, VCH_STR("from the grave"));
    vch_conn_close(conn, NULL);
    vch_conn_deadline(conn, 1);
    vch_conn_pause(conn);
    vch_conn_resume(conn);
    vch_conn_set_handler(conn, &net_script_handler, server);
}

static void closing_inside_callbacks(void **state) {
    static const struct net_script scripts[] = {
        {.on_open = close_on_open, .on_close = meddle_on_close},
        {.on_data = close_on_data, .on_close = meddle_on_close},
        {.on_open = write_and_wait, .on_drain = close_on_drain, .on_close = meddle_on_close},
    };
    static const char *const expected[] = {"bye", "bye", "hellobye"};
    static const char *const inputs[] = {"a", "x"};
    for (size_t i = 0; i < COUNT_OF(scripts) * COUNT_OF(inputs); i++) {
        struct net_server server;
        net_server_start(&server, setup_of(state, &scripts[i / 2]));
        struct vch_dial *dial = net_dial(&server, NULL, NULL);
        if (i / 2 == 1) send_text(dial, inputs[i % 2]);
        assert_reads(dial, expected[i / 2]);
        assert_ended(dial);
        net_wait(&server, &server.closed, 1);
        assert_int_equal(server.reason, VCH_CLOSE_LOCAL);
        assert_string_equal(server.diag.reason, "policy-denies");
        assert_string_equal(server.diag.message, "No.");
        vch_dial_close(dial);
        net_server_stop(&server);
        assert_int_equal(net_count(&server, &server.closed), 1); /* once */
        net_server_free(&server);
    }
}

static void close_at_accept(struct net_server *server, struct vch_conn *conn) {
    (void)server;
    vch_conn_close(conn, NULL);
}

static void closing_before_the_handshake(void **state) {
    static const struct net_script script = {.on_accept = close_at_accept};
    struct net_server server;
    struct vch_dial *dial = NULL;
    net_server_start(&server, setup_of(state, &script));
    bool plain = *(const bool *)*state;
    enum vch_err err = net_dial_try(&server, NULL, NULL, &dial, NULL);
    assert_true(plain ? err == VCH_OK : err == VCH_ERR_IO);
    net_wait(&server, &server.closed, 1);
    assert_int_equal(net_count(&server, &server.opened), 0);
    assert_int_equal(server.reason, VCH_CLOSE_LOCAL);
    vch_dial_close(dial);
    net_server_free(&server);
}

static size_t refuse_at_first_byte(struct net_server *server, struct vch_conn *conn, struct vch_str bytes) {
    (void)server;
    vch_conn_write(conn, VCH_STR("refused"));
    vch_conn_close(conn, NULL);
    return bytes.len;
}

/* The client is still sending when the answer comes: no reset may take it away. */
static void the_last_word_survives_unread_input(void **state) {
    static const struct net_script script = {.on_data = refuse_at_first_byte};
    for (int round = 0; round < 5; round++) {
        struct net_server server;
        static char junk[200000];
        net_server_start(&server, setup_of(state, &script));
        struct vch_dial *dial = net_dial(&server, NULL, NULL);
        assert_int_equal(vch_dial_send(dial, vch_str_of(junk, sizeof junk), soon()), VCH_OK);
        net_wait(&server, &server.closed, 1);
        assert_reads(dial, "refused");
        assert_ended(dial);
        vch_dial_close(dial);
        net_server_free(&server);
    }
}

static size_t write_much_and_close(struct net_server *server, struct vch_conn *conn, struct vch_str bytes) {
    static const char chunk[BULK_CHUNK];
    (void)server;
    vch_conn_set_output_max(conn, SIZE_MAX);
    for (int i = 0; i < 256; i++) vch_conn_write(conn, vch_str_of(chunk, sizeof chunk));
    vch_conn_close(conn, NULL);
    return bytes.len;
}

/* Pending output is written before the end, but not for longer than two seconds. */
static void closing_waits_for_a_reader_but_not_forever(void **state) {
    static const struct net_script script = {.on_data = write_much_and_close};
    struct net_server server;
    static char buf[16 * 1024 * 1024];
    net_server_start(&server, setup_of(state, &script));
    struct vch_dial *reader = net_dial(&server, NULL, NULL);
    send_text(reader, "go");
    assert_int_equal(net_recv_all(reader, buf, sizeof buf), sizeof buf);
    assert_ended(reader);
    net_wait(&server, &server.closed, 1);
    struct vch_dial *sleeper = net_dial(&server, NULL, NULL);
    send_text(sleeper, "go");
    int64_t before = vch_mono_ms();
    net_wait(&server, &server.closed, 2);
    assert_in_range(vch_mono_ms() - before, 1500, 4000);
    assert_int_equal(server.reason, VCH_CLOSE_LOCAL);
    vch_dial_close(reader);
    vch_dial_close(sleeper);
    net_server_free(&server);
}

int main(void) {
    static bool plain = true, tls = false;
    static const struct {
        const char *name;
        CMUnitTestFunction fn;
    } rows[] = {
#define ROW(fn) {#fn, fn}
        ROW(many_writes_make_one),
        ROW(a_slow_reader_gets_all),
        ROW(output_over_its_bound_ends),
        ROW(the_bound_is_exact),
        ROW(unconsumed_input_comes_again),
        ROW(unconsumed_input_is_bounded),
        ROW(paused_input_waits),
        ROW(input_before_the_end_is_heard),
        ROW(closing_inside_callbacks),
        ROW(closing_before_the_handshake),
        ROW(the_last_word_survives_unread_input),
        ROW(closing_waits_for_a_reader_but_not_forever),
    };
    static struct CMUnitTest tests[2 * COUNT_OF(rows)];
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++)
        tests[i] = (struct CMUnitTest){rows[i / 2].name, rows[i / 2].fn, NULL, NULL, i % 2 ? &tls : &plain};
    return cmocka_run_group_tests_name("conn, plain and TLS", tests, NULL, NULL);
}
