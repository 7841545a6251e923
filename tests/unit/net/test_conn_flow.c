/* A connection's life beside its bytes: deadlines, a change of protocol, many
 * at once, running out of descriptors, the server's stop. */
#include "base/clock.h"
#include "support/cmocka_all.h"
#include "support/net_server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static int64_t soon(void) {
    return vch_mono_ms() + 5000;
}

static void assert_echo(struct vch_dial *dial, const char *text) {
    char buf[64] = {0};
    assert_int_equal(vch_dial_send(dial, vch_str_from(text), soon()), VCH_OK);
    assert_int_equal(net_recv_all(dial, buf, strlen(text)), strlen(text));
    assert_string_equal(buf, text);
}

/* ---- deadlines --------------------------------------------------------------------- */

static void deadline_at_open(struct net_server *server, struct vch_conn *conn) {
    (void)server;
    vch_conn_deadline(conn, 500);
}

static size_t extend_or_drop(struct net_server *server, struct vch_conn *conn, struct vch_str bytes) {
    (void)server;
    vch_conn_deadline(conn, bytes.ptr[0] == '0' ? 0 : 500);
    vch_conn_write(conn, bytes);
    return bytes.len;
}

static void a_deadline_is_moved_and_dropped(void **state) {
    (void)state;
    static const struct net_script script = {.on_open = deadline_at_open, .on_data = extend_or_drop};
    struct net_server server;
    char byte;
    size_t len = 0;
    net_server_start(&server, &(struct net_setup){.script = &script});
    struct vch_dial *kept = net_dial(&server, NULL, NULL), *dropped = net_dial(&server, NULL, NULL);
    assert_echo(kept, "0");
    int64_t before = vch_mono_ms();
    for (int i = 0; i < 4; i++) {
        assert_echo(dropped, "+");
        (void)usleep(200000);
    }
    assert_int_equal(net_count(&server, &server.closed), 0);
    assert_int_equal(vch_dial_recv(dropped, &byte, 1, &len, soon()), VCH_ERR_NOT_FOUND); /* an orderly end */
    assert_in_range(vch_mono_ms() - before, 1000, 4000);                                 /* three moves, then 500 ms */
    net_wait(&server, &server.closed, 1);
    assert_int_equal(server.reason, VCH_CLOSE_TIMEOUT);
    assert_string_equal(server.diag.reason, "connection-timeout");
    assert_echo(kept, "still here");
    vch_dial_close(kept);
    vch_dial_close(dropped);
    net_server_free(&server);
}

static void long_deadline_at_accept(struct net_server *server, struct vch_conn *conn) {
    (void)server;
    vch_conn_deadline(conn, 60000);
}

/* A protocol's own long deadline does not lengthen the handshake's. */
static void the_handshake_deadline_stays(void **state) {
    (void)state;
    static const struct net_script script = {.on_accept = long_deadline_at_accept};
    struct net_server server;
    net_server_start(&server, &(struct net_setup){.script = &script, .handshake_timeout_ms = 100});
    struct vch_dial *dial = NULL;
    const struct vch_dial_options plain = {.host = VCH_STR("127.0.0.1"), .port = server.port, .deadline_ms = soon()};
    assert_int_equal(vch_dial_open(&plain, &dial, NULL), VCH_OK);
    net_wait(&server, &server.closed, 1);
    assert_int_equal(server.reason, VCH_CLOSE_TIMEOUT);
    vch_dial_close(dial);
    net_server_free(&server);
}

/* ---- a change of protocol -------------------------------------------------------------- */

struct other_protocol {
    struct net_server *server;
    unsigned opened;
};

static void other_open(struct vch_conn *conn, void *arg) {
    (void)conn;
    ((struct other_protocol *)arg)->opened++;
}

static size_t other_data(struct vch_conn *conn, void *arg, struct vch_str bytes) {
    (void)arg;
    vch_conn_write(conn, VCH_STR("["));
    vch_conn_write(conn, bytes);
    vch_conn_write(conn, VCH_STR("]"));
    return bytes.len;
}

static void other_close(struct vch_conn *conn, void *arg, enum vch_close_reason reason, const struct vch_diag *diag) {
    net_script_handler.on_close(conn, ((struct other_protocol *)arg)->server, reason, diag);
}

static const struct vch_conn_handler other_handler = {other_open, other_data, NULL, other_close, NULL};

static void switch_by_alpn(struct net_server *server, struct vch_conn *conn) {
    struct other_protocol *other = server->user;
    vch_assert(vch_conn_is_open(conn));
    if (vch_str_eq_c(vch_conn_alpn(conn), "other")) vch_conn_set_handler(conn, &other_handler, other);
}

/* The edge listener's way: on_open looks at ALPN and hands over. */
static void on_open_may_hand_over(void **state) {
    (void)state;
    static const struct net_script script = {.on_open = switch_by_alpn};
    static const char *const protocols[] = {"other", "echo", NULL};
    struct net_server server;
    struct other_protocol other = {.server = &server};
    net_server_start(&server, &(struct net_setup){.script = &script, .alpn = protocols});
    server.user = &other;
    struct vch_dial *a = net_dial(&server, NULL, "other"), *b = net_dial(&server, NULL, "echo");
    char buf[16] = {0};
    assert_int_equal(vch_dial_send(a, VCH_STR("x"), soon()), VCH_OK);
    assert_int_equal(net_recv_all(a, buf, 3), 3);
    assert_string_equal(buf, "[x]");
    assert_echo(b, "x");
    vch_dial_close(a);
    vch_dial_close(b);
    net_wait(&server, &server.closed, 2);
    assert_int_equal(other.opened, 0); /* it was open already */
    net_server_free(&server);
}

static size_t switch_after_line(struct net_server *server, struct vch_conn *conn, struct vch_str bytes) {
    size_t end = vch_str_find(bytes, '\n', 0);
    if (end == SIZE_MAX) return 0;
    vch_conn_set_handler(conn, &other_handler, server->user);
    return end + 1;
}

static void on_data_may_hand_over(void **state) {
    (void)state;
    static const struct net_script script = {.on_data = switch_after_line};
    struct net_server server;
    struct other_protocol other = {.server = &server};
    net_server_start(&server, &(struct net_setup){.script = &script, .plain = true});
    server.user = &other;
    struct vch_dial *dial = net_dial(&server, NULL, NULL);
    char buf[16] = {0};
    assert_int_equal(vch_dial_send(dial, VCH_STR("upgrade\nrest"), soon()), VCH_OK);
    assert_int_equal(net_recv_all(dial, buf, 6), 6);
    assert_string_equal(buf, "[rest]");
    vch_dial_close(dial);
    net_server_free(&server);
}

/* ---- many --------------------------------------------------------------------------------- */

enum { MANY = 200 };

static void many_connections_at_once(void **state) {
    (void)state;
    struct net_server server;
    static struct vch_dial *dials[MANY];
    net_server_start(&server, &(struct net_setup){0});
    for (int i = 0; i < MANY; i++) dials[i] = net_dial(&server, NULL, NULL);
    for (int i = 0; i < MANY; i++) assert_int_equal(vch_dial_send(dials[i], VCH_STR("ping"), soon()), VCH_OK);
    for (int i = 0; i < MANY; i++) {
        char buf[5] = {0};
        assert_int_equal(net_recv_all(dials[i], buf, 4), 4);
        assert_string_equal(buf, "ping");
    }
    for (int i = 0; i < MANY; i++) vch_dial_close(dials[i]);
    net_wait(&server, &server.closed, MANY);
    assert_int_equal(net_count(&server, &server.opened), MANY);
    net_server_free(&server);
}

static void the_number_is_bounded(void **state) {
    (void)state;
    struct net_server server;
    net_server_start(&server, &(struct net_setup){.plain = true, .connections_max = 2});
    struct vch_dial *dials[3];
    char buf[5] = {0};
    size_t len = 0;
    for (int i = 0; i < 3; i++) dials[i] = net_dial(&server, NULL, NULL); /* the third waits in the kernel */
    assert_echo(dials[0], "one");
    assert_echo(dials[1], "two");
    assert_int_equal(vch_dial_send(dials[2], VCH_STR("wait"), soon()), VCH_OK);
    assert_int_equal(vch_dial_recv(dials[2], buf, 4, &len, vch_mono_ms() + 100), VCH_ERR_TIMEOUT);
    assert_int_equal(net_count(&server, &server.accepted), 2);
    vch_dial_close(dials[0]);
    assert_int_equal(net_recv_all(dials[2], buf, 4), 4);
    assert_string_equal(buf, "wait");
    vch_dial_close(dials[1]);
    vch_dial_close(dials[2]);
    net_server_free(&server);
}

/* All descriptors gone: newcomers are turned away, nothing spins, and once there
 * is room they are served. */
static void running_out_of_descriptors(void **state) {
    (void)state;
    struct net_server server;
    struct rlimit before;
    int hoard[4096], count = 0;
    net_server_start(&server, &(struct net_setup){.plain = true});
    struct vch_dial *early = net_dial(&server, NULL, NULL);
    assert_echo(early, "early");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit tight = before;
    tight.rlim_cur = 64;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    int fd = -1;
    while (count < 4096 && (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) hoard[count++] = fd;
    assert_int_equal(errno, EMFILE);
    (void)close(hoard[--count]); /* one for the client's own socket */
    const struct vch_dial_options options = {.host = VCH_STR("127.0.0.1"), .port = server.port, .deadline_ms = soon()};
    struct vch_dial *late = NULL;
    assert_int_equal(vch_dial_open(&options, &late, NULL), VCH_OK); /* the kernel shakes hands */
    char byte;
    size_t len = 0;
    enum vch_err err = vch_dial_recv(late, &byte, 1, &len, soon());
    assert_true(err == VCH_ERR_NOT_FOUND || err == VCH_ERR_IO); /* told, not left hanging */
    vch_dial_close(late);
    clock_t cpu = clock();
    (void)usleep(100000);
    assert_true(clock() - cpu < CLOCKS_PER_SEC / 20);
    assert_echo(early, "unharmed");
    while (count > 0) (void)close(hoard[--count]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    struct vch_dial *later = net_dial(&server, NULL, NULL);
    assert_echo(later, "served");
    vch_dial_close(later);
    vch_dial_close(early);
    net_server_free(&server);
}

/* ---- the end ---------------------------------------------------------------------------------- */

static void bye_on_close(struct net_server *server, struct vch_conn *conn) {
    (void)conn;
    ++*(unsigned *)server->user;
}

static void stopping_closes_in_order(void **state) {
    (void)state;
    static const struct net_script script = {.on_close = bye_on_close};
    for (int plain = 0; plain < 2; plain++) {
        struct net_server server;
        unsigned told = 0;
        char byte;
        size_t len = 0;
        net_server_start(&server, &(struct net_setup){.script = &script, .plain = plain == 1});
        server.user = &told;
        struct vch_dial *a = net_dial(&server, NULL, NULL), *b = net_dial(&server, NULL, NULL);
        assert_echo(a, "a");
        assert_echo(b, "b");
        net_server_stop(&server);
        assert_int_equal(told, 2);
        assert_int_equal(server.reason, VCH_CLOSE_STOP);
        assert_string_equal(server.diag.reason, "server-stopping");
        assert_int_equal(vch_dial_recv(a, &byte, 1, &len, soon()), VCH_ERR_NOT_FOUND); /* close_notify, not a reset */
        vch_dial_close(a);
        vch_dial_close(b);
        net_server_free(&server);
    }
}

static void free_listener(void *arg) {
    struct net_server *server = arg;
    vch_listener_free(server->listener);
    server->listener = NULL;
    vch_loop_stop(server->loop);
}

static void a_listener_may_go_while_the_loop_runs(void **state) {
    (void)state;
    struct net_server server;
    net_server_start(&server, &(struct net_setup){0});
    struct vch_dial *dial = net_dial(&server, NULL, NULL);
    assert_echo(dial, "x");
    assert_true(vch_loop_post(server.loop, free_listener, &server));
    vch_loop_join(server.loop);
    assert_int_equal(net_count(&server, &server.closed), 1);
    assert_int_equal(server.reason, VCH_CLOSE_STOP);
    vch_dial_close(dial);
    net_server_free(&server);
}

/* ---- addresses ------------------------------------------------------------------------------------ */

static void addresses_to_listen_on(void **state) {
    (void)state;
    static const char *const good[] = {"127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"};
    static const char *const bad[] = {"",
                                      "127.0.0.1",
                                      ":0",
                                      "127.0.0.1:",
                                      "127.0.0.1:65536",
                                      "127.0.0.1:-1",
                                      "127.0.0.1:0x1",
                                      "localhost:0",
                                      "::1:0",
                                      "[::1]",
                                      "[::1]0",
                                      "[::1:0",
                                      "[]:0",
                                      "1.2.3:0",
                                      "127.0.0.1:0 ",
                                      "[::1]:",
                                      "127.0.0.1:1:2",
                                      "[127.0.0.1]:0"};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        int fd = -1, again = -1;
        uint16_t port = 0, same = 0;
        assert_int_equal(vch_listen(vch_str_from(good[i]), &fd, &port, NULL), VCH_OK);
        assert_true(port > 0);
        char address[64];
        (void)snprintf(address, sizeof address, "%.*s:%u", (int)strlen(good[i]) - 2, good[i], (unsigned)port);
        assert_int_equal(vch_listen(vch_str_from(address), &again, &same, NULL), VCH_OK); /* a listener per loop */
        assert_int_equal(port, same);
        (void)close(fd);
        (void)close(again);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct vch_diag diag = {0};
        int fd = 0;
        uint16_t port = 0;
        if (vch_listen(vch_str_from(bad[i]), &fd, &port, &diag) != VCH_ERR_INVALID)
            fail_msg("\"%s\" was taken", bad[i]);
        assert_int_equal(fd, -1);
        assert_string_equal(diag.reason, "address-invalid");
    }
    struct vch_diag diag = {0};
    int fd = -1;
    uint16_t port = 0;
    assert_int_equal(vch_listen(VCH_STR("192.0.2.1:443"), &fd, &port, &diag), VCH_ERR_IO);
    assert_string_equal(diag.reason, "listen-failed");
}

/* ---- who may come at all ------------------------------------------------------------------ */

static struct vch_dial *plain_dial(const struct net_server *server) {
    struct vch_dial *dial = NULL;
    const struct vch_dial_options plain = {.host = VCH_STR("127.0.0.1"), .port = server->port, .deadline_ms = soon()};
    assert_int_equal(vch_dial_open(&plain, &dial, NULL), VCH_OK);
    return dial;
}

static void an_address_has_so_many_connections(void **state) {
    (void)state;
    struct net_server server;
    struct vch_gate *gate;
    char byte;
    size_t len = 0;
    assert_int_equal(vch_gate_new(&(struct vch_gate_options){.per_key_max = 2}, &gate), VCH_OK);
    net_server_start(&server, &(struct net_setup){.plain = true, .gate = gate});
    struct vch_dial *first = plain_dial(&server), *second = plain_dial(&server);
    net_wait(&server, &server.opened, 2);
    struct vch_dial *third = plain_dial(&server);
    net_wait(&server, &server.refused, 1);
    assert_int_equal(server.verdict, VCH_GATE_KEY_FULL);
    assert_string_equal(server.ip, "127.0.0.1");
    assert_int_not_equal(vch_dial_recv(third, &byte, 1, &len, soon()), VCH_OK);
    assert_echo(first, "first");
    assert_echo(second, "second");
    vch_dial_close(third);
    vch_dial_close(second);
    net_wait(&server, &server.closed, 1);
    for (int i = 0; i < 500 && vch_gate_total(gate) > 1; i++) (void)usleep(10000);
    struct vch_dial *fourth = plain_dial(&server);
    assert_echo(fourth, "room again");
    assert_int_equal(vch_gate_refused(gate, VCH_GATE_KEY_FULL), 1);
    vch_gate_shut(gate, true);
    struct vch_dial *fifth = plain_dial(&server);
    net_wait(&server, &server.refused, 2);
    assert_int_equal(server.verdict, VCH_GATE_SHUT);
    assert_echo(first, "still here");
    vch_dial_close(fifth);
    vch_dial_close(fourth);
    vch_dial_close(first);
    net_server_free(&server);
    assert_int_equal(vch_gate_total(gate), 0);
    vch_gate_free(gate);
}

/* A listener that rests answers nobody new, and those who are here go on. */
static void rest_now(void *arg) {
    struct net_server *server = arg;
    vch_listener_rest(server->listener);
    (void)pthread_mutex_lock(&server->lock);
    server->drains = 1000;
    (void)pthread_cond_broadcast(&server->changed);
    (void)pthread_mutex_unlock(&server->lock);
}

static void a_resting_listener_accepts_nobody(void **state) {
    (void)state;
    struct net_server server;
    net_server_start(&server, &(struct net_setup){.plain = true});
    struct vch_dial *first = plain_dial(&server);
    assert_echo(first, "here");
    assert_true(vch_loop_post(server.loop, rest_now, &server));
    net_wait(&server, &server.drains, 1000);
    struct vch_dial *second = plain_dial(&server); /* the kernel's queue takes it */
    assert_echo(first, "still here");
    assert_int_equal(net_count(&server, &server.accepted), 1);
    vch_dial_close(second);
    vch_dial_close(first);
    net_server_free(&server);
}

/* ---- handshakes take turns ------------------------------------------------------------------ */

enum { STORM = 150 };

static void *storm(void *arg) {
    struct net_server *server = arg;
    for (int i = 0; i < STORM; i++) {
        struct vch_dial *dial = NULL;
        struct vch_diag diag = {0};
        if (net_dial_try(server, NULL, NULL, &dial, &diag) == VCH_OK) vch_dial_close(dial);
    }
    return NULL;
}

static void a_storm_of_handshakes_ends_well(void **state) {
    (void)state;
    struct net_server server;
    struct vch_loop_stats stats;
    pthread_t threads[4];
    net_server_start(&server, &(struct net_setup){.plain = false});
    struct vch_dial *here = net_dial(&server, NULL, NULL);
    for (size_t i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, storm, &server), 0);
    for (int i = 0; i < 100; i++) assert_echo(here, "and here I am");
    for (size_t i = 0; i < 4; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    net_wait(&server, &server.closed, 4 * STORM);
    vch_loop_stats(server.loop, &stats);
    assert_int_equal(stats.accepted, 4 * STORM + 1);
    assert_int_equal(stats.handshakes, 4 * STORM + 1);
    assert_int_equal(stats.handshakes_failed, 0);
    assert_echo(here, "still");
    vch_dial_close(here);
    net_server_free(&server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deadline_is_moved_and_dropped),
        cmocka_unit_test(the_handshake_deadline_stays),
        cmocka_unit_test(on_open_may_hand_over),
        cmocka_unit_test(on_data_may_hand_over),
        cmocka_unit_test(many_connections_at_once),
        cmocka_unit_test(the_number_is_bounded),
        cmocka_unit_test(running_out_of_descriptors),
        cmocka_unit_test(stopping_closes_in_order),
        cmocka_unit_test(a_listener_may_go_while_the_loop_runs),
        cmocka_unit_test(addresses_to_listen_on),
        cmocka_unit_test(an_address_has_so_many_connections), cmocka_unit_test(a_resting_listener_accepts_nobody),
        cmocka_unit_test(a_storm_of_handshakes_ends_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
