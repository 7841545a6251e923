/* One client id, one session, however many want it at once. */
#include "client.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct rig rig;

static int setup(void **state) {
    (void)state;
    rig_start(&rig, 4, NULL);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    rig_stop(&rig);
    return 0;
}

static void newer_wins(void **state) {
    (void)state;
    for (size_t loop = 0; loop < 2; loop++) { /* the same loop, and another */
        const char *name = loop ? "there" : "here";
        int old = client_open(&rig, 0, name);
        client_subscribe(old, "topic", 0);
        int new = client_open(&rig, loop, name);
        client_expect_closed(old);
        rig_expect_end(&rig, name, "taken-over");
        client_send(new, pkt_publish("topic", "x", 0, 0)); /* the old subscription is gone */
        client_ping(new);
        (void)close(new);
    }
}

/* The older session has ended before the newer one hears CONNACK. */
static void old_is_gone_before_connack(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "same");
    for (unsigned i = 0; i < 200; i++) {
        int next = client_open(&rig, i % 4, "same");
        assert_int_equal(rig_stats(&rig).sessions, 1);
        client_expect_closed(fd);
        fd = next;
    }
    (void)close(fd);
}

/* A refused newcomer takes nothing over. */
static void refused_takes_nothing(void **state) {
    (void)state;
    int old = client_dial(&rig, 0);
    client_send(old, pkt_connect("later-x", true, 60));
    rig_decide(&rig, 0);
    client_expect(old, CONNACK_OK);
    int new = client_dial(&rig, 1);
    client_send(new, pkt_connect("later-x", true, 60));
    rig_decide(&rig, 5);
    client_expect(new, VCH_STR("\x20\x02\x00\x05"));
    client_expect_closed(new);
    client_ping(old);
}

static bool alive(int fd) {
    if (send(fd, "\xC0\x00", 2, MSG_NOSIGNAL) != 2) return false;
    for (;;) {
        struct vch_str packet = client_packet(fd);
        if (packet.len == 0) return false;
        if (vch_str_eq(packet, PINGRESP)) return true;
    }
}

/* Eight CONNECTs with one id land on four loops at once: exactly one stays. */
static void race(void **state) {
    (void)state;
    for (unsigned round = 0; round < 60; round++) {
        int fds[8];
        const char *name = round % 2 ? "soon-race" : "race";
        for (unsigned i = 0; i < 8; i++) fds[i] = client_dial(&rig, i % 4);
        struct vch_str packet = pkt_connect(name, true, 60);
        for (unsigned i = 0; i < 8; i++) client_send(fds[i], packet);
        unsigned left = 8;
        struct pollfd ready;
        bool gone[8] = {false};
        while (left > 1) { /* all but one are closed, whether they heard CONNACK or not */
            for (unsigned i = 0; i < 8 && left > 1; i++) {
                if (gone[i]) continue;
                ready = (struct pollfd){.fd = fds[i], .events = POLLIN};
                if (poll(&ready, 1, 1) <= 0) continue;
                struct vch_str got = client_packet(fds[i]);
                if (got.len) continue;
                gone[i] = true;
                left--;
            }
        }
        char peer[65];
        rig_wait_sessions(&rig, 1);
        assert_true(vch_mqtt_client_online(rig.broker, vch_str_from(name), peer));
        unsigned living = 0;
        for (unsigned i = 0; i < 8; i++) living += !gone[i] && alive(fds[i]);
        assert_int_equal(living, 1);
        for (unsigned i = 0; i < 8; i++) (void)close(fds[i]);
        rig_wait_sessions(&rig, 0);
    }
}

/* Clients that give up while they wait for the id leave no trace. */
static void race_with_quitters(void **state) {
    (void)state;
    for (unsigned round = 0; round < 100; round++) {
        int fds[6];
        for (unsigned i = 0; i < 6; i++) fds[i] = client_dial(&rig, (i + round) % 4);
        struct vch_str packet = pkt_connect("quit", true, 60);
        for (unsigned i = 0; i < 6; i++) {
            client_send(fds[i], packet);
            if (i % 2) (void)close(fds[i]);
        }
        for (unsigned i = 0; i < 6; i += 2) (void)close(fds[i]);
    }
    rig_wait_ends(&rig, 600); /* none is still on its way */
    assert_int_equal(rig_stats(&rig).sessions, 0);
    int fd = client_open(&rig, 0, "quit");
    client_ping(fd);
    client_send(fd, DISCONNECT);
    client_expect_closed(fd);
    while (rig_stats(&rig).connections > 0) (void)usleep(1000);
    char peer[65];
    assert_false(vch_mqtt_client_online(rig.broker, VCH_STR("quit"), peer));
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {CASE(newer_wins), CASE(old_is_gone_before_connack), CASE(refused_takes_nothing),
                                       CASE(race), CASE(race_with_quitters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
