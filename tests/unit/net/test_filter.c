/* What stands between a connection and its handler; each over plain TCP and over
 * TLS. The filter of the tests: bytes are shifted by one, what is written in one
 * turn comes in brackets, '!' is a fault and '.' a goodbye of the peer. */
#include "base/clock.h"
#include "support/cmocka_all.h"
#include "support/net_server.h"

#include <stdlib.h>
#include <string.h>

static _Atomic int freed, users_freed;

static bool decode(void *arg, struct vch_str wire, struct vch_buf *plain, struct vch_buf *out, struct vch_diag *diag) {
    (void)arg;
    for (size_t i = 0; i < wire.len; i++) {
        char c = wire.ptr[i];
        if (c == '!') return vch_diag_set(diag, VCH_ERR_MALFORMED, "packet-malformed", "", "A fault."), false;
        if (c == '.') return false;
        if (c == '?') vch_buf_c(out, "pong");
        else vch_buf_u8(plain, (uint8_t)(c - 1));
    }
    return true;
}

static void encode(void *arg, struct vch_str plain, struct vch_buf *out) {
    (void)arg;
    vch_buf_printf(out, "[%.*s]", VCH_STR_ARG(plain));
}

static void finish(void *arg, enum vch_close_reason reason, const struct vch_diag *diag, struct vch_buf *out) {
    (void)arg;
    vch_buf_printf(out, "bye %d %s", (int)reason, diag->reason ? diag->reason : "");
}

static void release(void *arg) {
    (void)arg;
    freed++;
}

static void release_user(void *user) {
    (void)user;
    users_freed++;
}

static const struct vch_conn_filter shift = {decode, encode, finish, release};

static void install(struct net_server *server, struct vch_conn *conn) {
    (void)server;
    static char text[] = "x";
    vch_conn_write(conn, VCH_STR("before;"));
    vch_conn_set_user(conn, text, release_user);
    vch_conn_set_user(conn, text, release_user); /* the one before is released */
    vch_assert(vch_conn_user(conn) == text);
    vch_assert(vch_conn_set_filter(conn, &shift, NULL) == VCH_OK);
    vch_assert(vch_conn_set_filter(conn, &shift, NULL) == VCH_ERR_STATE);
}

static void send_text(struct vch_dial *dial, const char *text) {
    assert_int_equal(vch_dial_send(dial, vch_str_from(text), vch_mono_ms() + 5000), VCH_OK);
}

/* All up to the end of the connection. */
static void assert_rest(struct vch_dial *dial, const char *text) {
    char buf[256] = {0};
    (void)net_recv_all(dial, buf, sizeof buf - 1);
    assert_string_equal(buf, text);
}

static void assert_reads(struct vch_dial *dial, const char *text) {
    char buf[256] = {0};
    assert_int_equal(net_recv_all(dial, buf, strlen(text)), strlen(text));
    assert_string_equal(buf, text);
}

static struct vch_dial *begin(struct net_server *server, void **state, const struct net_script *script) {
    freed = users_freed = 0;
    net_server_start(server, &(struct net_setup){.plain = *(const bool *)*state, .script = script});
    return net_dial(server, NULL, NULL);
}

static void end(struct net_server *server, struct vch_dial *dial) {
    vch_dial_close(dial);
    net_wait(server, &server->closed, 1);
    net_server_free(server);
    assert_int_equal(freed, 1);
    assert_int_equal(users_freed, 2);
}

static void both_ways(void **state) {
    static const struct net_script script = {.on_open = install};
    struct net_server server;
    struct vch_dial *dial = begin(&server, state, &script);
    assert_reads(dial, "before;"); /* what was written first is not framed */
    send_text(dial, "bcd");
    assert_reads(dial, "[abc]");
    send_text(dial, "?");
    assert_reads(dial, "pong"); /* the filter's own answer; the handler saw nothing */
    assert_int_equal(net_count(&server, &server.datas), 1);
    end(&server, dial);
}

static size_t write_thrice(struct net_server *server, struct vch_conn *conn, struct vch_str bytes) {
    (void)server;
    vch_conn_write(conn, VCH_STR("1"));
    vch_conn_write(conn, VCH_STR("2"));
    vch_conn_write(conn, VCH_STR("3"));
    vch_assert(vch_conn_pending(conn) == 3);
    return bytes.len;
}

static void a_turn_is_framed_once(void **state) {
    static const struct net_script script = {.on_open = install, .on_data = write_thrice};
    struct net_server server;
    struct vch_dial *dial = begin(&server, state, &script);
    assert_reads(dial, "before;"); /* written, so that nothing of it is pending */
    send_text(dial, "b");
    assert_reads(dial, "[123]");
    end(&server, dial);
}

static size_t close_it(struct net_server *server, struct vch_conn *conn, struct vch_str bytes) {
    (void)server;
    struct vch_diag diag = {0};
    if (bytes.ptr[0] == 'x') (void)vch_diag_set(&diag, VCH_ERR_DENIED, "access-denied", "", "No.");
    vch_conn_write(conn, VCH_STR("last"));
    vch_conn_close(conn, &diag);
    return bytes.len;
}

static void last_words(void **state) {
    static const struct net_script script = {.on_open = install, .on_data = close_it};
    static const char *const sent[] = {"b", "y"}, *const heard[] = {"before;[last]bye 3 ", "before;[last]bye 3 access-denied"};
    for (size_t i = 0; i < 2; i++) {
        struct net_server server;
        struct vch_dial *dial = begin(&server, state, &script);
        send_text(dial, sent[i]);
        assert_rest(dial, heard[i]);
        end(&server, dial);
    }
}

static void a_close_without_output_has_last_words_too(void **state) {
    static const struct net_script script = {.on_open = install};
    struct net_server server;
    struct vch_dial *dial = begin(&server, state, &script);
    assert_reads(dial, "before;");
    net_server_stop(&server);
    assert_rest(dial, "bye 5 "); /* nobody gave a reason: the server stops */
    assert_int_equal(server.reason, VCH_CLOSE_STOP);
    end(&server, dial);
}

static void a_fault_comes_after_what_was_sound(void **state) {
    static const struct net_script script = {.on_open = install};
    struct net_server server;
    struct vch_dial *dial = begin(&server, state, &script);
    send_text(dial, "bc!de");
    assert_rest(dial, "before;[ab]bye 3 packet-malformed");
    net_wait(&server, &server.closed, 1);
    assert_int_equal(server.reason, VCH_CLOSE_LOCAL);
    assert_string_equal(server.diag.reason, "packet-malformed");
    end(&server, dial);
}

/* Within the framing the peer is done, though its socket is open. */
static void a_goodbye_ends_it(void **state) {
    static const struct net_script script = {.on_open = install};
    struct net_server server;
    struct vch_dial *dial = begin(&server, state, &script);
    send_text(dial, "bc.xx");
    assert_rest(dial, "before;[ab]");
    net_wait(&server, &server.closed, 1);
    assert_int_equal(server.reason, VCH_CLOSE_PEER);
    assert_string_equal(server.diag.reason, "client-closed");
    end(&server, dial);
}

static size_t install_late(struct net_server *server, struct vch_conn *conn, struct vch_str bytes) {
    (void)server;
    if (bytes.len < 4) return 0; /* nobody consumes it: it is kept */
    vch_assert(vch_conn_unread(conn) >= 3);
    vch_assert(vch_conn_set_filter(conn, &shift, NULL) == VCH_ERR_STATE);
    vch_conn_write(conn, VCH_STR("refused"));
    return bytes.len;
}

static void bytes_that_nobody_took_forbid_it(void **state) {
    static const struct net_script script = {.on_data = install_late};
    struct net_server server;
    struct vch_dial *dial = begin(&server, state, &script);
    send_text(dial, "abc");
    net_wait(&server, &server.datas, 1);
    send_text(dial, "d");
    assert_reads(dial, "refused");
    vch_dial_close(dial);
    net_wait(&server, &server.closed, 1);
    net_server_free(&server);
    assert_int_equal(freed, 0);
}

/* Who provokes answers of the filter and reads none is a slow reader like others. */
static void answers_of_the_filter_are_bounded(void **state) {
    static const struct net_script script = {.on_open = install};
    struct net_server server;
    struct vch_dial *dial = begin(&server, state, &script);
    static char questions[65536];
    memset(questions, '?', sizeof questions);
    enum vch_err err = VCH_OK;
    for (int i = 0; i < 2000 && err == VCH_OK; i++)
        err = vch_dial_send(dial, vch_str_of(questions, sizeof questions), vch_mono_ms() + 1000);
    assert_int_not_equal(err, VCH_OK);
    net_wait(&server, &server.closed, 1);
    assert_int_equal(server.reason, VCH_CLOSE_OVERFLOW);
    end(&server, dial);
}

static size_t rename_peer(struct net_server *server, struct vch_conn *conn, struct vch_str bytes) {
    (void)server;
    char long_name[66];
    memset(long_name, 'n', sizeof long_name);
    vch_assert(!vch_conn_set_peer_id(conn, vch_str_of(long_name, 65)) && vch_conn_peer_id(conn)[0] == '\0');
    vch_assert(vch_conn_set_peer_id(conn, vch_str_of(long_name, 64)) && strlen(vch_conn_peer_id(conn)) == 64);
    vch_assert(vch_conn_set_peer_id(conn, VCH_STR("AIDA")) && strcmp(vch_conn_peer_id(conn), "AIDA") == 0);
    vch_assert(vch_conn_peer_der(conn).len == 0);
    vch_conn_set_handler(conn, NULL, NULL); /* nobody: what comes is thrown away */
    vch_conn_write(conn, VCH_STR("ok"));
    return bytes.len;
}

static void a_peer_gets_a_name(void **state) {
    static const struct net_script script = {.on_data = rename_peer};
    struct net_server server;
    struct vch_dial *dial = begin(&server, state, &script);
    send_text(dial, "x");
    assert_reads(dial, "ok");
    send_text(dial, "nobody listens");
    vch_dial_close(dial);
    net_server_free(&server);
}

int main(void) {
    static bool plain = true, tls = false;
#define BOTH(test) {#test " (plain)", test, NULL, NULL, &plain}, {#test " (TLS)", test, NULL, NULL, &tls}
    const struct CMUnitTest tests[] = {
        BOTH(both_ways),         BOTH(a_turn_is_framed_once),
        BOTH(last_words),        BOTH(a_close_without_output_has_last_words_too),
        BOTH(a_goodbye_ends_it), BOTH(a_fault_comes_after_what_was_sound),
        BOTH(a_peer_gets_a_name), BOTH(bytes_that_nobody_took_forbid_it),
        BOTH(answers_of_the_filter_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
