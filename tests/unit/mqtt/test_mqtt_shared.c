/* Shared subscriptions: one member gets each message, whichever loop it is on. */
#include "client.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { MEMBERS = 6, MESSAGES = 120 };

static struct rig rig;

static int setup(void **state) {
    (void)state;
    rig_start(&rig, 3, &(struct vch_mqtt_options){.inflight_max = MESSAGES + 1});
    return 0;
}

static int teardown(void **state) {
    (void)state;
    rig_stop(&rig);
    return 0;
}

/* How many whole packets lie at a socket after a ping, which is answered behind them. */
static unsigned drain(int fd, bool seen[MESSAGES], uint8_t qos) {
    unsigned count = 0;
    client_send(fd, PINGREQ);
    for (;;) {
        struct vch_str got = client_packet(fd);
        if (vch_str_eq(got, PINGRESP)) return count;
        unsigned n = (uint8_t)got.ptr[got.len - 1];
        assert_int_equal((uint8_t)got.ptr[0], 0x30 | qos << 1);
        assert_true(n < MESSAGES && !seen[n]);
        seen[n] = true;
        if (qos) client_send(fd, vch_str_of((char[]){0x40, 2, got.ptr[got.len - 3], got.ptr[got.len - 2]}, 4));
        count++;
    }
}

static void publish_all(int fd, uint8_t qos) {
    for (unsigned n = 0; n < MESSAGES; n++) {
        const char q0[] = {0x30, 6, 0, 3, 's', '/', 'x', (char)n};
        const char q1[] = {0x32, 8, 0, 3, 's', '/', 'x', 0, 1, (char)n};
        client_send(fd, qos ? vch_str_of(q1, sizeof q1) : vch_str_of(q0, sizeof q0));
        if (qos) client_expect(fd, VCH_STR("\x40\x02\x00\x01"));
    }
    client_ping(fd);
}

static void settle_loops(void) {
    for (size_t i = 0; i < rig.count; i++) {
        uint64_t before = rig_stats(&rig).sessions;
        int fd = client_open(&rig, i, "settle");
        client_ping(fd);
        (void)close(fd);
        rig_wait_sessions(&rig, before);
    }
}

static void one_member_each(void **state) {
    (void)state;
    for (uint8_t qos = 0; qos < 2; qos++) {
        int fds[MEMBERS], whole = client_open(&rig, 1, "whole"), other = client_open(&rig, 2, "other");
        bool seen[MESSAGES] = {false}, all[MESSAGES] = {false}, again[MESSAGES] = {false};
        client_subscribe(whole, "s/+", qos);
        client_subscribe(other, "$share/second/s/#", qos);
        for (unsigned i = 0; i < MEMBERS; i++) {
            char name[] = "member0";
            name[6] = (char)('0' + i);
            fds[i] = client_open(&rig, i % 3, name);
            client_subscribe(fds[i], "$share/group/s/+", qos);
        }
        int pub = client_open(&rig, 0, "pub");
        publish_all(pub, qos);
        settle_loops();
        unsigned total = 0;
        for (unsigned i = 0; i < MEMBERS; i++) {
            unsigned got = drain(fds[i], seen, qos);
            assert_in_range(got, MESSAGES / MEMBERS / 2, MESSAGES / MEMBERS * 2);
            total += got;
            (void)close(fds[i]);
        }
        assert_int_equal(total, MESSAGES);
        assert_int_equal(drain(whole, all, qos), MESSAGES); /* the share takes nothing from others */
        assert_int_equal(drain(other, again, qos), MESSAGES);
        (void)close(whole);
        (void)close(other);
        (void)close(pub);
        rig_wait_sessions(&rig, 0);
        assert_int_equal(rig_stats(&rig).subscriptions, 0);
    }
}

static int come(size_t loop, const char *client_id, bool present) {
    int fd = client_dial(&rig, loop);
    client_send(fd, pkt_connect(client_id, false, 60));
    client_expect(fd, present ? VCH_STR("\x20\x02\x01\x00") : CONNACK_OK);
    return fd;
}

/* Who is there comes first; nobody there, a persistent member waits for it, QoS 0 does not wait. */
static void persistent_members(void **state) {
    (void)state;
    int away = come(1, "away", false), here = client_open(&rig, 2, "here"), pub = client_open(&rig, 0, "pub");
    bool seen[MESSAGES] = {false};
    client_subscribe(away, "$share/group/s/+", 1);
    client_subscribe(here, "$share/group/s/+", 1);
    (void)close(away);
    rig_wait_sessions(&rig, 2);
    publish_all(pub, 1);
    settle_loops();
    assert_int_equal(drain(here, seen, 1), MESSAGES);
    client_send(here, DISCONNECT);
    client_expect_closed(here);
    rig_wait_sessions(&rig, 1);
    client_send(pub, pkt_publish("s/x", "nobody", 0, 0));
    client_send(pub, pkt_publish("s/x", "later", 1, 5));
    client_expect(pub, VCH_STR("\x40\x02\x00\x05"));
    settle_loops();
    assert_int_equal(rig_stats(&rig).queued, 1);
    away = come(0, "away", true); /* from another loop, too */
    client_expect(away, pkt_publish("s/x", "later", 1, 1));
    client_send(away, VCH_STR("\x40\x02\x00\x01"));
    client_send(pub, pkt_publish("s/x", "now", 1, 6));
    client_expect(pub, VCH_STR("\x40\x02\x00\x06"));
    client_expect(away, pkt_publish("s/x", "now", 1, 2));
}

/* What a member had and did not acknowledge goes to another when its session ends. */
static void passed_on(void **state) {
    (void)state;
    int first = client_open(&rig, 1, "first"), pub = client_open(&rig, 0, "pub");
    client_subscribe(first, "$share/group/s", 1);
    for (char n = '1'; n <= '3'; n++) {
        client_send(pub, pkt_publish("s", (char[]){n, 0}, 1, 1));
        client_expect(pub, VCH_STR("\x40\x02\x00\x01"));
        client_expect(first, pkt_publish("s", (char[]){n, 0}, 1, (uint16_t)(n - '0')));
    }
    client_send(first, VCH_STR("\x40\x02\x00\x02"));
    int second = client_open(&rig, 2, "second");
    client_subscribe(second, "$share/group/s", 1);
    client_ping(first);
    (void)close(first);
    client_expect(second, pkt_publish("s", "1", 1, 1));
    client_expect(second, pkt_publish("s", "3", 1, 2));
}

/* A member without the right to receive does not swallow the message. */
static void denied_member(void **state) {
    (void)state;
    int one = client_open(&rig, 1, "one"), two = client_open(&rig, 2, "two"), pub = client_open(&rig, 0, "pub");
    client_subscribe(one, "$share/group/mute/x", 1);
    client_subscribe(two, "$share/group/mute/x", 1);
    client_send(pub, pkt_publish("mute/x", "nobody may", 1, 1));
    client_expect(pub, VCH_STR("\x40\x02\x00\x01"));
    settle_loops();
    int64_t until = vch_mono_ms() + 10000;
    while (rig_stats(&rig).dropped == 0 && vch_mono_ms() < until) (void)usleep(1000);
    assert_int_equal(rig_stats(&rig).dropped, 1);
    assert_int_equal(rig_stats(&rig).denied, 3); /* each once, and who was first again */
    client_ping(one);
    client_ping(two);
}

static void unsubscribed(void **state) {
    (void)state;
    int fd = client_open(&rig, 1, "me");
    client_subscribe(fd, "$share/group/s", 1);
    client_subscribe(fd, "$share/group/s", 0); /* the same again */
    assert_int_equal(rig_stats(&rig).subscriptions, 1);
    client_send(fd, pkt_publish("s", "x", 1, 1));
    client_expect(fd, pkt_publish("s", "x", 0, 0));
    client_expect(fd, VCH_STR("\x40\x02\x00\x01"));
    client_send(fd, pkt_unsubscribe(3, "$share/group/s"));
    client_expect(fd, VCH_STR("\xB0\x02\x00\x03"));
    client_send(fd, pkt_publish("s", "x", 0, 0));
    client_ping(fd);
    assert_int_equal(rig_stats(&rig).subscriptions, 0);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {CASE(one_member_each), CASE(persistent_members), CASE(passed_on),
                                       CASE(denied_member), CASE(unsubscribed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
