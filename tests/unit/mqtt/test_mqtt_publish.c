/* PUBLISH in and out: QoS, permission, packet ids, the window, slow readers. */
#include "client.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct rig rig;

static int setup(void **state) {
    (void)state;
    const struct vch_mqtt_options options = {.inflight_max = 3, .queue_bytes_max = 200000, .payload_max = 1000};
    rig_start(&rig, 1, &options);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    rig_stop(&rig);
    return 0;
}

/* The QoS of a delivery is the lower of the two. [MQTT-3.8.4-6] */
static void qos_of_deliveries(void **state) {
    (void)state;
    int pub = client_open(&rig, 0, "pub"), sub0 = client_open(&rig, 0, "sub0"), sub1 = client_open(&rig, 0, "sub1");
    client_subscribe(sub0, "t/+", 0);
    client_subscribe(sub1, "t/x", 1);
    client_send(pub, pkt_publish("t/x", "zero", 0, 0));
    client_expect(sub0, pkt_publish("t/x", "zero", 0, 0));
    client_expect(sub1, pkt_publish("t/x", "zero", 0, 0));
    client_send(pub, pkt_publish("t/x", "one", 1, 0x1234));
    client_expect(pub, VCH_STR("\x40\x02\x12\x34"));
    client_expect(sub0, pkt_publish("t/x", "one", 0, 0));
    client_expect(sub1, pkt_publish("t/x", "one", 1, 1));
    client_send(sub1, VCH_STR("\x40\x02\x00\x01"));
    client_ping(sub0);
    client_ping(sub1);
    assert_int_equal(rig_stats(&rig).messages_in, 2);
    assert_int_equal(rig_stats(&rig).messages_out, 4);
}

static void publisher_hears_itself(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "self");
    client_subscribe(fd, "me", 1);
    client_send(fd, pkt_publish("me", "hi", 1, 7));
    client_expect(fd, pkt_publish("me", "hi", 1, 1));
    client_expect(fd, VCH_STR("\x40\x02\x00\x07"));
    client_ping(fd);
}

/* The hook sees RETAIN; live deliveries do not carry it. [MQTT-3.3.1-9] */
static void retain(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "retainer");
    client_subscribe(fd, "r", 0);
    client_send(fd, VCH_STR("\x31\x05\x00\x01"
                            "r"
                            "hi"));
    client_expect(fd, pkt_publish("r", "hi", 0, 0));
    assert_true(rig.last_retain);
    int late = client_open(&rig, 0, "late");
    client_subscribe(late, "r", 0);
    client_ping(late); /* nothing was stored */
}

/* DUP tells nothing about this server's deliveries. [MQTT-3.3.1-3] */
static void duplicate(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "dup");
    client_subscribe(fd, "d", 1);
    client_send(fd, VCH_STR("\x3A\x05\x00\x01"
                            "d"
                            "\x00\x09"));
    client_expect(fd, pkt_publish("d", "", 1, 1));
    client_expect(fd, VCH_STR("\x40\x02\x00\x09"));
}

static void overlapping_subscriptions(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "overlap");
    client_subscribe(fd, "a/+", 0);
    client_subscribe(fd, "a/b", 1);
    client_subscribe(fd, "#", 0);
    client_send(fd, pkt_publish("a/b", "x", 1, 5));
    client_expect(fd, pkt_publish("a/b", "x", 1, 1)); /* one copy, the highest QoS */
    client_expect(fd, VCH_STR("\x40\x02\x00\x05"));
    client_ping(fd);
}

static void denied(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "denied"), sub = client_open(&rig, 0, "sub");
    client_subscribe(sub, "deny2/#", 0);
    client_send(fd, pkt_publish("deny/x", "x", 1, 5));
    client_expect_closed(fd); /* and no PUBACK */
    rig_expect_end(&rig, "denied", "policy-silent");
    client_ping(sub);
    assert_int_equal(rig_stats(&rig).denied, 1);
}

static void delivery_denied_is_silent(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "mute");
    client_subscribe(fd, "#", 0);
    client_send(fd, pkt_publish("mute/x", "x", 0, 0));
    client_send(fd, pkt_publish("loud/x", "y", 0, 0));
    client_expect(fd, pkt_publish("loud/x", "y", 0, 0));
    client_ping(fd);
}

/* PUBACK leaves before the answer; nobody else sees the request; the answer
 * comes whether or not it was subscribed, with the QoS that was. */
static void taken(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "taker"), spy = client_open(&rig, 0, "spy");
    client_subscribe(spy, "take/#", 1);
    client_send(fd, pkt_publish("take/create", "{}", 1, 3));
    client_expect(fd, VCH_STR("\x40\x02\x00\x03"));
    client_expect(fd, pkt_publish("take/create/accepted", "{}", 0, 0));
    client_subscribe(fd, "take/create/accepted", 1);
    client_subscribe(fd, "take/create/+", 0);
    client_send(fd, pkt_publish("take/create", "", 1, 4));
    client_expect(fd, VCH_STR("\x40\x02\x00\x04"));
    client_expect(fd, pkt_publish("take/create/accepted", "", 1, 1));
    client_send(fd, pkt_publish("take/create", "q0", 0, 0));
    client_expect(fd, pkt_publish("take/create/accepted", "q0", 1, 2));
    client_ping(spy);
    client_ping(fd);
}

static void wait_and_recheck(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "waiter");
    atomic_store(&rig.waiting, true);
    client_subscribe(fd, "#", 0);
    client_send(fd, pkt_publish("wait/a", "1", 1, 1));
    client_send(fd, pkt_publish("other", "2", 1, 2));
    rig_wait_waits(&rig, 1);
    client_expect_silence(fd, 50);
    assert_int_equal(rig.publishes, 1); /* the second is not looked at meanwhile */
    rig_recheck(&rig);
    client_expect(fd, pkt_publish("wait/a", "1", 0, 0));
    client_expect(fd, VCH_STR("\x40\x02\x00\x01"));
    client_expect(fd, pkt_publish("other", "2", 0, 0));
    client_expect(fd, VCH_STR("\x40\x02\x00\x02"));
    assert_int_equal(rig.publishes, 3);
}

/* A session that ends while its packet waits. */
static void wait_and_gone(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "impatient");
    atomic_store(&rig.waiting, true);
    client_send(fd, pkt_publish("wait/a", "1", 1, 1));
    rig_wait_waits(&rig, 1);
    int other = client_open(&rig, 0, "impatient"); /* takes over */
    client_expect_closed(fd);
    rig_expect_end(&rig, "impatient", "taken-over");
    rig_recheck(&rig);
    client_ping(other);
}

/* Deliveries that wait keep their order with those that come after them. */
static void delivery_waits(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "holder"), pub = client_open(&rig, 0, "pub");
    client_subscribe(fd, "#", 1);
    atomic_store(&rig.waiting, true);
    client_send(pub, pkt_publish("hold/1", "a", 1, 1));
    client_send(pub, pkt_publish("free/2", "b", 0, 0));
    client_send(pub, pkt_publish("mute/3", "c", 0, 0));
    client_send(pub, pkt_publish("free/4", "d", 1, 2));
    client_expect(pub, VCH_STR("\x40\x02\x00\x01\x40\x02\x00\x02"));
    client_expect_silence(fd, 50);
    rig_recheck(&rig);
    client_expect(fd, pkt_publish("hold/1", "a", 1, 1));
    client_expect(fd, pkt_publish("free/2", "b", 0, 0));
    client_expect(fd, pkt_publish("free/4", "d", 1, 2));
    client_ping(fd);
}

/* Three in flight; the rest waits for PUBACKs, in order; ids come round. */
static void window(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "window"), pub = client_open(&rig, 0, "pub");
    client_subscribe(fd, "w", 1);
    for (uint16_t i = 1; i <= 6; i++) {
        const char payload[2] = {(char)('0' + i), '\0'};
        const char puback[] = {0x40, 2, 0, (char)i};
        client_send(pub, pkt_publish("w", payload, 1, i));
        client_expect(pub, vch_str_of(puback, 4));
    }
    client_expect(fd, pkt_publish("w", "1", 1, 1));
    client_expect(fd, pkt_publish("w", "2", 1, 2));
    client_expect(fd, pkt_publish("w", "3", 1, 3));
    client_ping(fd);
    client_send(fd, VCH_STR("\x40\x02\x00\x02"));
    client_expect(fd, pkt_publish("w", "4", 1, 4));
    client_send(fd, VCH_STR("\x40\x02\x00\x02")); /* again: ignored */
    client_send(fd, VCH_STR("\x40\x02\x77\x77")); /* never sent: ignored */
    client_ping(fd);
    client_send(fd, VCH_STR("\x40\x02\x00\x01\x40\x02\x00\x03\x40\x02\x00\x04"));
    client_expect(fd, pkt_publish("w", "5", 1, 5));
    client_expect(fd, pkt_publish("w", "6", 1, 6));
    client_send(fd, VCH_STR("\x40\x02\x00\x05\x40\x02\x00\x06"));
    client_ping(fd);
}

/* An id in flight is not given out again when the counter comes round. */
static void packet_ids_come_round(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "round"), pub = client_open(&rig, 0, "pub");
    client_subscribe(fd, "w", 1);
    for (unsigned i = 0; i < 65537; i++) {
        client_send(pub, pkt_publish("w", "", 1, 1));
        struct vch_str got = client_packet(fd);
        assert_int_equal(got.len, 7);
        unsigned id = (unsigned)(uint8_t)got.ptr[5] << 8 | (uint8_t)got.ptr[6];
        const char puback[] = {0x40, 2, got.ptr[5], got.ptr[6]};
        assert_int_equal(id, i < 65535 ? i + 1 : i - 65535 + 2); /* 1 stays in flight */
        if (i) client_send(fd, vch_str_of(puback, 4));
        client_expect(pub, VCH_STR("\x40\x02\x00\x01"));
    }
}

static void payload_limit(void **state) {
    (void)state;
    char payload[1002];
    memset(payload, 'p', sizeof payload);
    payload[1000] = '\0';
    int fd = client_open(&rig, 0, "large");
    client_send(fd, pkt_publish("t", payload, 1, 1));
    client_expect(fd, VCH_STR("\x40\x02\x00\x01"));
    payload[1000] = 'p';
    payload[1001] = '\0';
    client_send(fd, pkt_publish("t", payload, 1, 2));
    client_expect_closed(fd);
    rig_expect_end(&rig, "large", "payload-too-large");
    /* Refused by its announced length, before it arrives. */
    fd = client_open(&rig, 0, "huge");
    client_send(fd, VCH_STR("\x30\xFF\xFF\xFF\x7F\x00\x01"
                            "t"));
    client_expect_closed(fd);
    rig_expect_end(&rig, "huge", "payload-too-large");
}

static void bad_topics(void **state) {
    (void)state;
    static const char *const topics[] = {"", "a/+", "#", "1/2/3/4/5/6/7/8/9"};
    for (size_t i = 0; i < COUNT_OF(topics); i++) {
        int fd = client_open(&rig, 0, "topics");
        client_send(fd, pkt_publish(topics[i], "x", 1, 1));
        client_expect_closed(fd);
    }
    rig_wait_sessions(&rig, 0);
    rig_expect_ends(&rig, "topics", "topic-invalid", COUNT_OF(topics));
}

static void qos_2(void **state) {
    (void)state;
    const struct vch_str packets[] = {pkt_publish("t", "x", 2, 1), VCH_STR("\x50\x02\x00\x01"),
                                      VCH_STR("\x62\x02\x00\x01"), VCH_STR("\x70\x02\x00\x01")};
    char first[64];
    memcpy(first, packets[0].ptr, packets[0].len);
    for (size_t i = 0; i < COUNT_OF(packets); i++) {
        int fd = client_open(&rig, 0, "two");
        client_send(fd, i ? packets[i] : vch_str_of(first, packets[0].len));
        client_expect_closed(fd);
    }
    rig_wait_sessions(&rig, 0);
    rig_expect_ends(&rig, "two", "qos-unsupported", COUNT_OF(packets));
}

/* Who does not read is cut; who publishes does not notice. */
static void slow_reader(void **state) {
    (void)state;
    for (uint8_t qos = 0; qos < 2; qos++) {
        const char *name = qos ? "slow1" : "slow0";
        int slow = client_dial(&rig, 0), pub = client_open(&rig, 0, "pub"), small = 4096;
        (void)setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        client_send(slow, pkt_connect(name, true, 60));
        client_expect(slow, CONNACK_OK);
        client_subscribe(slow, "flood", qos);
        char payload[1000];
        memset(payload, 'f', sizeof payload);
        payload[999] = '\0';
        for (unsigned i = 0; i < 20000 && rig_ends(&rig, name, "slow-reader") == 0; i++) {
            client_send(pub, pkt_publish("flood", payload, 1, 1));
            client_expect(pub, VCH_STR("\x40\x02\x00\x01"));
        }
        rig_expect_end(&rig, name, "slow-reader");
        client_ping(pub);
        (void)close(slow);
        (void)close(pub);
    }
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(qos_of_deliveries),
        CASE(publisher_hears_itself),
        CASE(retain),
        CASE(duplicate),
        CASE(overlapping_subscriptions),
        CASE(denied),
        CASE(delivery_denied_is_silent),
        CASE(taken),
        CASE(wait_and_recheck),
        CASE(wait_and_gone),
        CASE(delivery_waits),
        CASE(window),
        CASE(packet_ids_come_round),
        CASE(payload_limit),
        CASE(bad_topics),
        CASE(qos_2),
        CASE(slow_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
