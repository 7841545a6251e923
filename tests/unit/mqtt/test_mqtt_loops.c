/* Several loops: delivery between them, calls on all sessions, many sessions. */
#include "client.h"

#include <stdio.h>
#include <string.h>
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

static void publish_crosses_loops(void **state) {
    (void)state;
    int subs[4], pub = client_open(&rig, 0, "pub");
    for (size_t i = 0; i < 4; i++) {
        char name[] = "sub0";
        name[3] = (char)('0' + i);
        subs[i] = client_open(&rig, i, name);
        client_subscribe(subs[i], i % 2 ? "news/+" : "#", i % 2);
    }
    for (uint16_t n = 1; n <= 300; n++) {
        char payload[8];
        (void)snprintf(payload, sizeof payload, "%u", n);
        client_send(pub, pkt_publish("news/a", payload, 1, n));
    }
    for (uint16_t n = 1; n <= 300; n++) {
        char payload[8];
        (void)snprintf(payload, sizeof payload, "%u", n);
        const char puback[] = {0x40, 2, (char)(n >> 8), (char)n};
        client_expect(pub, vch_str_of(puback, 4));
        for (size_t i = 0; i < 4; i++) {
            client_expect(subs[i], pkt_publish("news/a", payload, i % 2, i % 2 ? n : 0));
            const char ack[] = {0x40, 2, (char)(n >> 8), (char)n};
            if (i % 2) client_send(subs[i], vch_str_of(ack, 4));
        }
    }
    assert_int_equal(rig_stats(&rig).messages_in, 300);
    assert_int_equal(rig_stats(&rig).messages_out, 1200);
}

/* All to all at once, each in the order of its publisher. */
static void all_to_all(void **state) {
    (void)state;
    int fds[4];
    for (size_t i = 0; i < 4; i++) {
        char name[] = "peer0";
        name[4] = (char)('0' + i);
        fds[i] = client_open(&rig, i, name);
        client_subscribe(fds[i], "all/+", 0);
    }
    for (unsigned n = 0; n < 200; n++) {
        for (size_t i = 0; i < 4; i++) {
            char topic[] = "all/0", payload[] = "000";
            topic[4] = (char)('0' + i);
            (void)snprintf(payload, sizeof payload, "%03u", n);
            client_send(fds[i], pkt_publish(topic, payload, 0, 0));
        }
    }
    for (size_t i = 0; i < 4; i++) {
        unsigned next[4] = {0};
        for (unsigned n = 0; n < 800; n++) {
            struct vch_str got = client_packet(fds[i]);
            assert_int_equal(got.len, 12);
            unsigned from = (unsigned)(got.ptr[8] - '0');
            unsigned value =
                (unsigned)(got.ptr[9] - '0') * 100 + (unsigned)(got.ptr[10] - '0') * 10 + (unsigned)(got.ptr[11] - '0');
            assert_true(from < 4);
            assert_int_equal(value, next[from]++);
        }
        client_ping(fds[i]);
    }
}

static atomic_bool blocked;

static void block_loop(void *arg) {
    (void)arg;
    while (atomic_load(&blocked)) (void)usleep(1000);
}

struct flood {
    int fd;
    unsigned count;
    const char *payload;
};

static void *send_flood(void *arg) {
    const struct flood *flood = arg;
    for (unsigned n = 1; n <= flood->count; n++)
        client_send(flood->fd, pkt_publish("big/x", flood->payload, 1, (uint16_t)n));
    return NULL;
}

/* A loop that stands still holds up the publishers of the others once 16 MiB
 * wait for it; when it goes on, everything arrives, in order. */
static void publishers_wait_for_a_loop(void **state) {
    (void)state;
    enum { COUNT = 400, LEN = 60000 };
    static char payload[LEN + 1];
    memset(payload, 'z', LEN);
    rig_stop(&rig);
    rig_start(&rig, 2, &(struct vch_mqtt_options){.queue_bytes_max = 64 * 1024 * 1024});
    int sub = client_open(&rig, 1, "sub"), pub = client_open(&rig, 0, "pub"), bystander = client_open(&rig, 0, "by");
    struct flood flood = {pub, COUNT, payload};
    pthread_t thread;
    client_subscribe(sub, "big/x", 0);
    atomic_store(&blocked, true);
    assert_true(vch_loop_post(rig.loops[1], block_loop, NULL));
    assert_int_equal(pthread_create(&thread, NULL, send_flood, &flood), 0);
    uint64_t before, in = 0;
    do {
        before = in;
        (void)usleep(300000);
        in = rig_stats(&rig).messages_in;
    } while (in != before || in == 0);
    assert_in_range(in, 16 * 1024 * 1024 / LEN, COUNT - 50);
    client_ping(bystander); /* only publishers wait */
    atomic_store(&blocked, false);
    for (unsigned n = 0; n < COUNT; n++) assert_int_equal(client_packet(sub).len, 4 + 7 + LEN);
    assert_int_equal(pthread_join(thread, NULL), 0);
    for (unsigned n = 1; n <= COUNT; n++) {
        const char puback[] = {0x40, 2, (char)(n >> 8), (char)n};
        client_expect(pub, vch_str_of(puback, 4));
    }
}

/* A publisher outruns the loop of its subscriber; nothing of QoS 1 is lost. */
static void faster_than_the_other_loop(void **state) {
    (void)state;
    static char payload[60001];
    memset(payload, 'z', 60000);
    int sub = client_open(&rig, 1, "sub"), pub = client_open(&rig, 0, "pub");
    client_subscribe(sub, "big/x", 0);
    for (unsigned round = 0; round < 40; round++) {
        for (uint16_t n = 1; n <= 8; n++) client_send(pub, pkt_publish("big/x", payload, 1, n));
        for (uint16_t n = 1; n <= 8; n++) {
            const char puback[] = {0x40, 2, 0, (char)n};
            client_expect(pub, vch_str_of(puback, 4));
            assert_int_equal(client_packet(sub).len, 4 + 7 + 60000);
        }
    }
}

static enum vch_err publish(const char *topic, uint8_t qos) {
    const struct vch_mqtt_publish packet = {.topic = vch_str_from(topic), .payload = VCH_STR("now"), .qos = qos};
    return vch_mqtt_publish(rig.broker, &packet, NULL, NULL);
}

static void server_publishes(void **state) {
    (void)state;
    int a = client_open(&rig, 0, "a"), b = client_open(&rig, 3, "b");
    client_subscribe(a, "$events/+", 1);
    client_subscribe(b, "$events/x", 0);
    assert_int_equal(publish("$events/x", 1), VCH_OK);
    client_expect(a, pkt_publish("$events/x", "now", 1, 1));
    client_expect(b, pkt_publish("$events/x", "now", 0, 0));
    assert_int_equal(publish("nobody", 1), VCH_OK);
    assert_int_equal(publish("a/+", 1), VCH_ERR_INVALID);
    assert_int_equal(publish("a", 2), VCH_ERR_INVALID);
}

static void online(void **state) {
    (void)state;
    char peer[65];
    assert_false(vch_mqtt_client_online(rig.broker, VCH_STR("who"), peer));
    int fd = client_open(&rig, 2, "who");
    assert_true(vch_mqtt_client_online(rig.broker, VCH_STR("who"), peer));
    assert_string_equal(peer, "");
    assert_false(vch_mqtt_client_online(rig.broker, VCH_STR("wh"), peer));
    client_send(fd, DISCONNECT);
    client_expect_closed(fd);
    rig_expect_end(&rig, "who", "client");
    assert_false(vch_mqtt_client_online(rig.broker, VCH_STR("who"), peer));
}

static atomic_uint called;

static void close_all_but(struct vch_mqtt_session *session, const char *key) {
    atomic_fetch_add(&called, 1);
    if (vch_str_eq_c(vch_mqtt_session_client_id(session), key)) return;
    const struct vch_diag diag = {.reason = "certificate-revoked", .message = "The test says so."};
    vch_mqtt_close(session, &diag);
}

static void each(void **state) {
    (void)state;
    static const char *const names[] = {"one", "two", "three", "four"};
    int fds[4];
    for (size_t i = 0; i < 4; i++) fds[i] = client_open(&rig, i, names[i]);
    assert_int_equal(vch_mqtt_each(rig.broker, close_all_but, VCH_STR("three")), VCH_OK);
    for (size_t i = 0; i < 4; i++) {
        if (i == 2) continue;
        client_expect_closed(fds[i]);
        rig_expect_end(&rig, names[i], "certificate-revoked");
    }
    client_ping(fds[2]);
    assert_int_equal(atomic_load(&called), 4);
}

/* Every second one subscribes to its own topic and hears itself. */
static void a_thousand_sessions(void **state) {
    (void)state;
    enum { N = 1000 };
    static int fds[N];
    for (unsigned i = 0; i < N; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "dev-%u", i);
        fds[i] = client_open(&rig, i % 4, name);
        if (i % 2) client_subscribe(fds[i], name, 1);
    }
    assert_int_equal(rig_stats(&rig).sessions, N);
    int pub = client_open(&rig, 0, "pub");
    for (unsigned i = 1; i < N; i += 2) {
        char name[16];
        (void)snprintf(name, sizeof name, "dev-%u", i);
        client_send(pub, pkt_publish(name, "hi", 1, (uint16_t)(i + 1)));
        client_expect(fds[i], pkt_publish(name, "hi", 1, 1));
    }
    for (unsigned i = 0; i < N; i++) client_ping(fds[i]);
    for (unsigned i = 0; i < N; i++) (void)close(fds[i]);
    (void)close(pub);
    rig_wait_sessions(&rig, 0);
    assert_int_equal(rig_stats(&rig).connects, N + 1);
}

/* The server stops with everything in the air. */
static void stops_under_load(void **state) {
    (void)state;
    int fds[8];
    for (unsigned i = 0; i < 8; i++) {
        char name[] = "load0";
        name[4] = (char)('0' + i);
        fds[i] = client_open(&rig, i % 4, name);
        client_subscribe(fds[i], "#", 1);
    }
    for (unsigned n = 0; n < 50; n++)
        for (unsigned i = 0; i < 8; i++)
            client_send(fds[i], pkt_publish("storm", "xxxxxxxxxxxxxxxx", 1, (uint16_t)(n + 1)));
    rig_stop(&rig);
    for (unsigned i = 0; i < 8; i++) (void)close(fds[i]);
    assert_int_equal(rig.end_count, 8);
    assert_string_equal(rig.ends[0].reason, "server-stopping");
    rig_start(&rig, 4, NULL); /* for teardown */
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(publish_crosses_loops),
        CASE(all_to_all),
        CASE(faster_than_the_other_loop),
        CASE(publishers_wait_for_a_loop),
        CASE(server_publishes),
        CASE(online),
        CASE(each),
        CASE(a_thousand_sessions),
        CASE(stops_under_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
