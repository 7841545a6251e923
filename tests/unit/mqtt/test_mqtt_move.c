/* A client that returns on another loop finds its session, and loses nothing on the way. */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static struct rig rig;

static int setup(void **state) {
    (void)state;
    rig_start(&rig, 4, NULL);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    atomic_store(&rig.busy, false);
    rig_stop(&rig);
    return 0;
}

static void wait_away(uint64_t count) {
    int64_t until = vch_mono_ms() + 10000;
    while (rig_stats(&rig).sessions_away != count) {
        assert_true(vch_mono_ms() < until);
        (void)usleep(1000);
    }
}

static int come(size_t loop, const char *client_id, bool present) {
    int fd = client_dial(&rig, loop);
    client_send(fd, pkt_connect(client_id, false, 60));
    client_expect(fd, present ? VCH_STR("\x20\x02\x01\x00") : CONNACK_OK);
    return fd;
}

static void round_the_loops(void **state) {
    (void)state;
    int pub = client_open(&rig, 3, "pub");
    int fd = come(0, "dev", false);
    client_subscribe(fd, "a/#", 1);
    client_subscribe(fd, "$share/g/s", 1);
    for (uint16_t n = 1; n <= 12; n++) {
        char one[8], two[8];
        (void)snprintf(one, sizeof one, "a%u", n);
        (void)snprintf(two, sizeof two, "s%u", n);
        (void)close(fd);
        wait_away(1);
        client_send(pub, pkt_publish("a/x", one, 1, 1));
        client_expect(pub, VCH_STR("\x40\x02\x00\x01"));
        client_send(pub, pkt_publish("s", two, 1, 2));
        client_expect(pub, VCH_STR("\x40\x02\x00\x02"));
        fd = come(n % 4, "dev", true);
        const uint16_t id = (uint16_t)(2 * n - 1);
        struct vch_str first = client_packet(fd);
        bool plain_first = first.ptr[first.len - 2] == 'a' || first.ptr[first.len - 3] == 'a';
        client_expect(fd, pkt_publish(plain_first ? "s" : "a/x", plain_first ? two : one, 1, (uint16_t)(id + 1)));
        for (uint16_t k = id; k <= id + 1; k++)
            client_send(fd, vch_str_of((char[]){0x40, 2, (char)(k >> 8), (char)k}, 4));
        client_ping(fd);
    }
    assert_int_equal(rig_stats(&rig).subscriptions, 2);
}

enum { MESSAGES = 1500 };

/* Numbers, QoS 1, one after the other, from another loop each time. */
static void *count_up(void *arg) {
    (void)arg;
    int fds[4];
    for (size_t i = 0; i < 4; i++) {
        char name[] = "pub0";
        name[3] = (char)('0' + i);
        fds[i] = client_open(&rig, i, name);
    }
    for (unsigned n = 1; n <= MESSAGES; n++) {
        char payload[8];
        (void)snprintf(payload, sizeof payload, "%05u", n);
        client_send(fds[n % 4], pkt_publish("count/up", payload, 1, 1));
        client_expect(fds[n % 4], VCH_STR("\x40\x02\x00\x01"));
    }
    for (size_t i = 0; i < 4; i++) (void)close(fds[i]);
    return NULL;
}

/* Reads until the connection has been used for `turns` messages; acknowledges all but the last. In order is what one
 * publisher said: those of a number's four. True: all have come. */
static bool read_some(int fd, unsigned turns, bool *seen, unsigned *last, unsigned *count) {
    for (unsigned i = 0; i < turns; i++) {
        struct vch_str got = client_packet(fd);
        assert_int_equal(got.len, 2 + 2 + 8 + 2 + 5);
        unsigned n = (unsigned)strtoul((char[]){got.ptr[got.len - 5], got.ptr[got.len - 4], got.ptr[got.len - 3],
                                                got.ptr[got.len - 2], got.ptr[got.len - 1], 0},
                                       NULL, 10);
        assert_in_range(n, 1, MESSAGES);
        if (!seen[n]) assert_int_equal(n, last[n % 4] ? last[n % 4] + 4 : n); /* none is left out, none comes early */
        if (!seen[n]) last[n % 4] = n;
        *count += !seen[n];
        seen[n] = true;
        if (*count == MESSAGES) return true;
        if (i + 1 < turns) client_send(fd, vch_str_of((char[]){0x40, 2, got.ptr[12], got.ptr[13]}, 4));
    }
    return false;
}

/* A client on the move while all loops publish: every acknowledged message arrives, in order. */
static void nothing_is_lost(void **state) {
    (void)state;
    static bool seen[MESSAGES + 1];
    unsigned last[4] = {0}, count = 0, round = 0;
    pthread_t thread;
    memset(seen, 0, sizeof seen);
    rig_stop(&rig); /* all may wait: a reader that comes to nothing on a busy machine is no reason to drop */
    rig_start(&rig, 4, &(struct vch_mqtt_options){.kept_messages_max = MESSAGES});
    int fd = come(0, "dev", false);
    client_subscribe(fd, "count/+", 1);
    assert_int_equal(pthread_create(&thread, NULL, count_up, NULL), 0);
    while (!read_some(fd, 1 + round * 7 % 40, seen, last, &count)) {
        round++;
        if (round % 3) (void)close(fd); /* else the old connection is still there */
        int next = come(round % 4, "dev", true);
        if (round % 3 == 0) (void)close(fd);
        fd = next;
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(count, MESSAGES);
    assert_int_equal(rig_stats(&rig).dropped, 0);
    assert_true(round > 20);
}

/* One write: the batch for the loop of whoever wants both topics is full and leaves, what others want of "news" stays
 * where it is as long as rig.busy. */
static void publish_news(int pub) {
    char all[1024];
    size_t len = 0;
    for (unsigned i = 0; i < 65; i++) {
        struct vch_str one = i < 63    ? pkt_publish("rest", "x", 0, 0)
                             : i == 63 ? pkt_publish("news", "old", 1, 1)
                                       : pkt_publish("busy/", "", 0, 0);
        assert_true(len + one.len <= sizeof all);
        memcpy(all + len, one.ptr, one.len);
        len += one.len;
    }
    atomic_store(&rig.busy, true);
    client_send(pub, vch_str_of(all, len));
}

/* What a client has had and acknowledged on one loop, and what comes late to the other, where it is now. */
static void old_news_stay_away(void **state) {
    (void)state;
    int pub = client_open(&rig, 2, "pub"), other = client_open(&rig, 1, "other");
    int fd = come(0, "dev", false), here = client_open(&rig, 0, "here"), there = client_open(&rig, 1, "there");
    client_subscribe(other, "news", 0);
    client_subscribe(fd, "news", 1);
    client_subscribe(fd, "rest", 0);
    publish_news(pub);
    for (unsigned i = 0; i < 63; i++) client_expect(fd, pkt_publish("rest", "x", 0, 0));
    client_expect(fd, pkt_publish("news", "old", 1, 1));
    client_send(fd, VCH_STR("\x40\x02\x00\x01"));
    client_ping(fd);
    (void)close(fd);
    const uint64_t connects = rig_stats(&rig).connects;
    fd = client_dial(&rig, 1);
    client_send(fd, pkt_connect("dev", false, 60));
    int64_t until = vch_mono_ms() + 10000;
    while (rig_stats(&rig).connects == connects) assert_true(vch_mono_ms() < until);
    const int loops[] = {there, here, here, there, there}; /* each has done what it can do now */
    for (size_t i = 0; i < 5; i++) client_ping(loops[i]);
    atomic_store(&rig.busy, false);
    client_expect(pub, VCH_STR("\x40\x02\x00\x01"));
    client_expect(fd, VCH_STR("\x20\x02\x01\x00"));
    client_send(pub, pkt_publish("news", "new", 1, 2));
    client_expect(fd, pkt_publish("news", "new", 1, 2));
}

/* Each listener hands out in order: behind this, nobody of before waits to be let in, and everybody else is gone. */
static void wait_alone(uint64_t connections) {
    for (size_t loop = 0; loop < 4; loop++) {
        char id[8];
        (void)snprintf(id, sizeof id, "last%zu", loop);
        (void)close(client_open(&rig, loop, id));
    }
    int64_t until = vch_mono_ms() + 10000;
    while (rig_stats(&rig).connections != connections) {
        assert_true(vch_mono_ms() < until);
        (void)usleep(1000);
    }
}

/* Many connections want the session at once and give up at any moment: it survives, with all it has. */
static void survives_quitters(void **state) {
    (void)state;
    int fd = come(0, "dev", false), pub = client_open(&rig, 1, "pub");
    client_subscribe(fd, "a", 1);
    (void)close(fd);
    wait_away(1);
    client_send(pub, pkt_publish("a", "kept", 1, 1));
    client_expect(pub, VCH_STR("\x40\x02\x00\x01"));
    for (unsigned round = 0; round < 60; round++) {
        int fds[4];
        for (unsigned i = 0; i < 4; i++) {
            fds[i] = client_dial(&rig, (i + round) % 4);
            client_send(fds[i], pkt_connect("dev", false, 60));
            if ((i + round) % 3 == 0) (void)usleep(200);
        }
        for (unsigned i = 0; i < 4; i++) (void)close(fds[i]);
    }
    wait_alone(1); /* the publisher */
    rig_wait_sessions(&rig, 1);
    wait_away(1);
    fd = come(2, "dev", true);
    struct vch_str got = client_packet(fd);
    assert_int_equal((uint8_t)got.ptr[0], 0x32);
    assert_memory_equal(got.ptr + got.len - 4, "kept", 4);
    client_send(pub, pkt_publish("a", "more", 1, 1));
    client_expect(pub, VCH_STR("\x40\x02\x00\x01"));
    got = client_packet(fd);
    assert_memory_equal(got.ptr + got.len - 4, "more", 4);
    assert_int_equal(rig_stats(&rig).subscriptions, 1);
}

static atomic_uint done_count;

static void evicted(void *arg) {
    (void)arg;
    atomic_fetch_add(&done_count, 1);
}

/* Ended by an operator while it moves, again and again. */
static void ended_on_the_way(void **state) {
    (void)state;
    const struct vch_mqtt_eviction eviction = {.clean = true, .done = evicted};
    unsigned asked = 0;
    for (unsigned round = 0; round < 100; round++) {
        int fd = client_dial(&rig, round % 4);
        client_send(fd, pkt_connect("dev", false, 60));
        if (round % 2) (void)usleep(100);
        if (vch_mqtt_disconnect_client(rig.broker, VCH_STR("dev"), &eviction) == VCH_OK) asked++;
        (void)close(fd);
    }
    while (atomic_load(&done_count) < asked) (void)usleep(1000);
    wait_alone(0);
    enum vch_err err = vch_mqtt_disconnect_client(rig.broker, VCH_STR("dev"), &eviction);
    if (err == VCH_OK) {
        wait_away(0);
        while (atomic_load(&done_count) < asked + 1) (void)usleep(1000);
    }
    int fd = come(0, "dev", false);
    client_ping(fd);
}

/* The server stops in the middle of a move: all that was on its way is given back. */
static void stopped_on_the_way(void **state) {
    (void)state;
    for (unsigned round = 0; round < 40; round++) {
        int fd = come(round % 4, "dev", false), pub = client_open(&rig, 3, "pub");
        client_subscribe(fd, "a", 1);
        (void)close(fd);
        wait_away(1);
        client_send(pub, pkt_publish("a", "kept", 1, 1));
        client_expect(pub, VCH_STR("\x40\x02\x00\x01"));
        const uint64_t connects = rig_stats(&rig).connects;
        fd = client_dial(&rig, (round + 1 + round / 4 % 3) % 4);
        client_send(fd, pkt_connect("dev", false, 60));
        int64_t until = vch_mono_ms() + 10000;
        while (rig_stats(&rig).connects == connects) assert_true(vch_mono_ms() < until);
        if (round % 2) (void)usleep(round);
        rig_stop(&rig);
        (void)close(fd);
        (void)close(pub);
        rig_start(&rig, 4, NULL);
    }
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {CASE(round_the_loops), CASE(nothing_is_lost), CASE(old_news_stay_away),
                                       CASE(survives_quitters), CASE(ended_on_the_way), CASE(stopped_on_the_way)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
