/* Sessions that outlive their connection: what waits, what is sent again, when they end. */
#include "client.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static struct rig rig;

static void start(const struct vch_mqtt_options *options) {
    rig_start(&rig, 2, options);
}

static int teardown(void **state) {
    (void)state;
    rig_stop(&rig);
    return 0;
}

#define EXPIRY_100 VCH_STR("\x11\x00\x00\x00\x64")

/* 3.1.1 with Clean Session 0. */
static int come(size_t loop, const char *client_id, bool present) {
    int fd = client_dial(&rig, loop);
    client_send(fd, pkt_connect(client_id, false, 60));
    client_expect(fd, present ? VCH_STR("\x20\x02\x01\x00") : CONNACK_OK);
    return fd;
}

static void wait_away(uint64_t count) {
    int64_t until = vch_mono_ms() + 10000;
    while (rig_stats(&rig).sessions_away != count) {
        assert_true(vch_mono_ms() < until);
        (void)usleep(1000);
    }
}

static void leave(int fd) {
    uint64_t away = rig_stats(&rig).sessions_away;
    client_send(fd, DISCONNECT);
    client_expect_closed(fd);
    wait_away(away + 1);
}

static void tell(const char *topic, const char *payload, uint8_t qos) {
    int fd = client_open(&rig, 0, "teller");
    client_send(fd, pkt_publish(topic, payload, qos, 1));
    if (qos == 1) client_expect(fd, VCH_STR("\x40\x02\x00\x01"));
    client_ping(fd);
    (void)close(fd);
}

static void queued_while_away(void **state) {
    (void)state;
    start(NULL);
    int fd = come(0, "dev", false);
    client_subscribe(fd, "a/+", 1);
    client_subscribe(fd, "b", 0);
    leave(fd);
    tell("a/1", "one", 1);
    tell("a/2", "nobody waits for QoS 0", 0);
    tell("b", "granted QoS 0", 1);
    tell("a/3", "three", 1);
    assert_int_equal(rig_stats(&rig).queued, 2);
    fd = come(0, "dev", true);
    client_expect(fd, pkt_publish("a/1", "one", 1, 1));
    client_expect(fd, pkt_publish("a/3", "three", 1, 2));
    client_ping(fd);
    tell("b", "live", 0);
    client_expect(fd, pkt_publish("b", "live", 0, 0));
    assert_int_equal(rig_stats(&rig).sessions_away, 0);
}

/* Rights that went while nobody was here: subscriptions and messages by what is true now, sent before or not. */
static void rights_lost_while_away(void **state) {
    (void)state;
    start(NULL);
    int fd = come(0, "dev", false);
    client_subscribe(fd, "turn/a", 1);
    client_subscribe(fd, "cut/b", 1);
    client_subscribe(fd, "keep", 1);
    tell("cut/b", "sent", 1);
    client_expect(fd, pkt_publish("cut/b", "sent", 1, 1));
    tell("turn/a", "sent", 1);
    client_expect(fd, pkt_publish("turn/a", "sent", 1, 2));
    tell("keep", "sent", 1);
    client_expect(fd, pkt_publish("keep", "sent", 1, 3));
    leave(fd);
    tell("turn/a", "waits", 1);
    tell("cut/b", "waits", 1);
    tell("keep", "waits", 1);
    atomic_store(&rig.turned, true);
    fd = come(1, "dev", true);
    client_expect(fd, pkt_publish("keep", "sent", 1, 3));
    client_expect(fd, pkt_publish("keep", "waits", 1, 4));
    client_ping(fd);
    assert_int_equal(rig_stats(&rig).subscriptions, 2);
    atomic_store(&rig.turned, false);
    tell("turn/a", "live", 1);
    tell("cut/b", "live", 1);
    client_expect(fd, pkt_publish("cut/b", "live", 1, 5));
    client_ping(fd);
}

/* What the client takes no more because of its size does not hold up what it would. [MQTT-3.1.2-25] */
static void too_large_to_be_sent_again(void **state) {
    (void)state;
    const struct vch_str small = VCH_STR("\x11\x00\x00\x00\x64\x21\x00\x01\x27\x00\x00\x00\x20");
    char large[101] = {0};
    bool present;
    start(NULL);
    memset(large, 'x', sizeof large - 1);
    int fd = client5_open(&rig, 0, "dev", false, EXPIRY_100, &present);
    client5_subscribe(fd, "a", 1);
    tell("a", large, 1);
    assert_true(client_packet(fd).len > 100);
    leave(fd);
    fd = client5_open(&rig, 0, "dev", false, small, &present);
    assert_true(present);
    tell("a", "fits", 1);
    client_expect(fd, pkt5_publish("a", "fits", 1, 2, NONE));
    assert_int_equal(rig_stats(&rig).dropped, 1);
}

/* One principal does not fill the server with sessions that nobody comes back for. */
static void lasting_sessions_are_bounded(void **state) {
    (void)state;
    start(&(struct vch_mqtt_options){.sessions_per_principal = 2});
    int one = come(0, "one", false), two = come(1, "two", false);
    leave(one);
    for (size_t loop = 0; loop < 2; loop++) {
        int third = client_dial(&rig, loop);
        client_send(third, pkt_connect("three", false, 60));
        client_expect(third, VCH_STR("\x20\x02\x00\x03"));
        client_expect_closed(third);
    }
    int five = client_dial(&rig, 0);
    client_send(five, pkt5_connect("three", true, EXPIRY_100));
    client_expect(five, VCH_STR("\x20\x03\x00\x97\x00"));
    client_expect_closed(five);
    (void)close(client_open(&rig, 0, "three")); /* a session that ends with its connection */
    one = come(1, "one", true);                 /* it has moved, and counts once */
    int clean = client_open(&rig, 1, "one");
    client_expect_closed(one);
    leave(two);
    (void)come(0, "three", false);
    (void)close(clean);
}

/* While memory is short the newest of what waits remains. */
static void relieved(void **state) {
    (void)state;
    static char large[40001];
    start(NULL);
    int fd = come(0, "dev", false), here = come(0, "here", false);
    client_subscribe(fd, "a", 1);
    leave(fd);
    for (char c = '1'; c <= '4'; c++) {
        memset(large, c, sizeof large - 1);
        tell("a", large, 1);
    }
    assert_int_equal(rig_stats(&rig).queued, 4);
    vch_mqtt_relieve(rig.broker);
    client_ping(here); /* behind it, on the same loop */
    assert_int_equal(rig_stats(&rig).queued, 1);
    assert_int_equal(rig_stats(&rig).dropped, 3);
    fd = come(0, "dev", true);
    client_expect(fd, pkt_publish("a", large, 1, 1));
    client_ping(fd);
}

/* A guest of the same client id comes in beside what waits, and takes nothing. */
static void a_guest_takes_nothing(void **state) {
    (void)state;
    for (size_t loop = 0; loop < 2; loop++) {
        start(NULL);
        int fd = come(0, "dev", false);
        client_subscribe(fd, "a", 1);
        leave(fd);
        atomic_store(&rig.transient, true);
        int guest = client_dial(&rig, loop);
        client_send(guest, pkt_connect("dev", false, 60));
        client_expect(guest, CONNACK_OK);
        client_subscribe(guest, "b", 1);
        int second = client_dial(&rig, loop);
        client_send(second, pkt_connect("dev", true, 60));
        client_expect(second, CONNACK_OK);
        atomic_store(&rig.transient, false);
        tell("a", "kept", 1);
        client_ping(guest);
        (void)close(second);
        fd = come(1, "dev", true);
        client_expect(fd, pkt_publish("a", "kept", 1, 1));
        client_send(guest, DISCONNECT);
        client_expect_closed(guest);
        client_ping(fd);
        rig_wait_sessions(&rig, 1);
        rig_stop(&rig);
    }
    start(NULL);
}

/* What was not acknowledged comes again under its id, before what waited; AWS does not mark it. */
static void sent_again(void **state) {
    (void)state;
    for (int profile = VCH_MQTT_AWS; profile <= VCH_MQTT_SPEC; profile++) {
        start(&(struct vch_mqtt_options){.profile = (enum vch_mqtt_profile)profile});
        int fd = come(0, "dev", false);
        client_subscribe(fd, "a", 1);
        tell("a", "one", 1);
        tell("a", "two", 1);
        client_expect(fd, pkt_publish("a", "one", 1, 1));
        client_expect(fd, pkt_publish("a", "two", 1, 2));
        client_send(fd, VCH_STR("\x40\x02\x00\x01"));
        client_ping(fd);
        leave(fd);
        tell("a", "three", 1);
        fd = come(0, "dev", true);
        struct vch_str again = client_packet(fd);
        assert_int_equal((uint8_t)again.ptr[0], profile == VCH_MQTT_SPEC ? 0x3A : 0x32);
        assert_memory_equal(again.ptr + 2, pkt_publish("a", "two", 1, 2).ptr + 2, again.len - 2);
        client_expect(fd, pkt_publish("a", "three", 1, 3));
        client_send(fd, VCH_STR("\x40\x02\x00\x02\x40\x02\x00\x03"));
        client_ping(fd);
        leave(fd);
        fd = come(0, "dev", true);
        client_ping(fd); /* nothing is left */
        if (profile == VCH_MQTT_AWS) rig_stop(&rig);
    }
}

static void clean_ends_it(void **state) {
    (void)state;
    start(NULL);
    int fd = come(0, "dev", false);
    client_subscribe(fd, "a", 1);
    leave(fd);
    tell("a", "lost", 1);
    fd = client_open(&rig, 0, "dev"); /* Clean Session 1: session present 0 */
    client_ping(fd);
    tell("a", "nobody", 1);
    client_ping(fd);
    (void)close(fd);
    rig_wait_sessions(&rig, 0);
    fd = come(0, "dev", false);
    client_ping(fd);
    assert_int_equal(rig_stats(&rig).subscriptions, 0);
}

/* A connection that is lost, not ended, keeps its session as well; a take-over hands it on. */
static void taken_over(void **state) {
    (void)state;
    start(NULL);
    int old = come(0, "dev", false);
    client_subscribe(old, "a", 1);
    int new = come(0, "dev", true);
    client_expect_closed(old);
    tell("a", "x", 1);
    client_expect(new, pkt_publish("a", "x", 1, 1));
    (void)close(new);
    wait_away(1);
}

static void oldest_goes_first(void **state) {
    (void)state;
    start(&(struct vch_mqtt_options){.kept_messages_max = 3});
    int fd = come(0, "dev", false);
    client_subscribe(fd, "a", 1);
    leave(fd);
    for (char n = '1'; n <= '5'; n++) tell("a", (char[]){n, 0}, 1);
    assert_int_equal(rig_stats(&rig).queued, 3);
    assert_int_equal(rig_stats(&rig).dropped, 2);
    fd = come(0, "dev", true);
    client_expect(fd, pkt_publish("a", "3", 1, 1));
    client_expect(fd, pkt_publish("a", "4", 1, 2));
    client_expect(fd, pkt_publish("a", "5", 1, 3));
}

static void bounded_in_bytes(void **state) {
    (void)state;
    static char payload[4001];
    memset(payload, 'z', 4000);
    start(&(struct vch_mqtt_options){.kept_bytes_max = 10000});
    int fd = come(0, "dev", false);
    client_subscribe(fd, "a", 1);
    leave(fd);
    for (int i = 0; i < 10; i++) tell("a", payload, 1);
    assert_int_equal(rig_stats(&rig).queued, 2);
}

/* The message at which a client is cut off for its slowness waits for it like those behind. */
static void cut_off_without_a_gap(void **state) {
    (void)state;
    unsigned sent = 0, next = 0;
    char payload[8];
    start(&(struct vch_mqtt_options){.inflight_max = 1, .queue_bytes_max = 2000, .kept_bytes_max = 2000});
    int fd = come(0, "dev", false), pub = client_open(&rig, 0, "pub");
    client_subscribe(fd, "a", 1);
    while (rig_ends(&rig, "dev", "slow-reader") == 0) {
        assert_true(++sent < 1000);
        (void)snprintf(payload, sizeof payload, "%03u", sent);
        client_send(pub, pkt_publish("a", payload, 1, 1));
        client_expect(pub, VCH_STR("\x40\x02\x00\x01"));
    }
    (void)close(fd);
    fd = come(0, "dev", true);
    client_expect(fd, pkt_publish("a", "001", 1, 1)); /* was in flight */
    for (uint16_t id = 1; next != sent; id++) {
        client_send(fd, vch_str_of((char[]){0x40, 2, 0, (char)id}, 4));
        struct vch_str got = client_packet(fd);
        assert_int_equal(got.len, 2 + 3 + 2 + 3);
        unsigned n = (unsigned)((got.ptr[7] - '0') * 100 + (got.ptr[8] - '0') * 10 + got.ptr[9] - '0');
        if (next) assert_int_equal(n, next + 1);
        next = n;
    }
    client_ping(fd);
}

static void ends_in_time(void **state) {
    (void)state;
    start(NULL);
    int fd = come(0, "dev", false);
    client_subscribe(fd, "a", 1);
    leave(fd);
    vch_clock_advance(3500 * 1000);
    fd = come(0, "dev", true); /* an hour is not over */
    leave(fd);
    vch_clock_advance(3601 * 1000);
    wait_away(0);
    fd = come(0, "dev", false);
    client_ping(fd);
    assert_int_equal(rig_stats(&rig).subscriptions, 0);
}

static void expiry_of_mqtt_5(void **state) {
    (void)state;
    bool present;
    start(NULL);
    int fd = client5_open(&rig, 0, "five", false, EXPIRY_100, &present);
    assert_false(present);
    client5_subscribe(fd, "a", 1);
    client_send(fd, VCH_STR("\xE0\x00"));
    client_expect_closed(fd);
    wait_away(1);
    fd = client5_open(&rig, 0, "five", false, EXPIRY_100, &present);
    assert_true(present);
    client_send(fd, VCH_STR("\xE0\x07\x00\x05\x11\x00\x00\x00\x00")); /* ends with this connection after all */
    client_expect_closed(fd);
    rig_wait_sessions(&rig, 0);
    fd = client5_open(&rig, 0, "five", false, NONE, &present);
    assert_false(present);
    client_send(fd, VCH_STR("\xE0\x07\x00\x05\x11\x00\x00\x00\x09")); /* 0 cannot become more */
    struct vch_str got = client_packet(fd);
    assert_int_equal((uint8_t)got.ptr[0], 0xE0);
    assert_int_equal((uint8_t)got.ptr[2], 0x82);
    client_expect_closed(fd);
    assert_int_equal(rig_stats(&rig).sessions_away, 0);
}

/* AWS: a session of one version is not the other's. */
static void versions_apart(void **state) {
    (void)state;
    for (int profile = VCH_MQTT_AWS; profile <= VCH_MQTT_SPEC; profile++) {
        bool present;
        start(&(struct vch_mqtt_options){.profile = (enum vch_mqtt_profile)profile});
        leave(come(0, "dev", false));
        (void)close(client5_open(&rig, 0, "dev", false, EXPIRY_100, &present));
        assert_int_equal(present, profile == VCH_MQTT_SPEC);
        if (profile == VCH_MQTT_AWS) rig_stop(&rig);
    }
}

static void delivery_is_asked_again(void **state) {
    (void)state;
    start(NULL);
    int fd = come(0, "dev", false);
    client_subscribe(fd, "#", 1);
    leave(fd);
    tell("mute/x", "not any more", 1);
    tell("a", "yes", 1);
    fd = come(0, "dev", true);
    client_expect(fd, pkt_publish("a", "yes", 1, 1));
    client_ping(fd);
    assert_int_equal(rig_stats(&rig).denied, 1);
}

/* Not more at once than the client takes, also of what is sent again. */
static void receive_maximum_on_return(void **state) {
    (void)state;
    start(NULL);
    int fd = client5_open(&rig, 0, "five", false, EXPIRY_100, NULL);
    client5_subscribe(fd, "a", 1);
    for (char n = '1'; n <= '4'; n++) tell("a", (char[]){n, 0}, 1);
    for (char n = '1'; n <= '4'; n++)
        client_expect(fd, pkt5_publish("a", (char[]){n, 0}, 1, (uint16_t)(n - '0'), NONE));
    (void)close(fd);
    wait_away(1);
    tell("a", "5", 1);
    fd = client5_open(&rig, 0, "five", false, VCH_STR("\x11\x00\x00\x00\x64\x21\x00\x02"), NULL);
    for (char n = '1'; n <= '5'; n++) {
        client_expect(fd, pkt5_publish("a", (char[]){n, 0}, 1, (uint16_t)(n - '0'), NONE));
        if (n == '1') continue;
        if (n == '2') client_ping(fd); /* two at a time */
        client_send(fd, vch_str_of((char[]){0x40, 2, 0, (char)(n - '1')}, 4));
    }
}

#define CASE(fn) cmocka_unit_test_teardown(fn, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(queued_while_away), CASE(sent_again),        CASE(clean_ends_it),           CASE(taken_over),
        CASE(oldest_goes_first), CASE(bounded_in_bytes), CASE(cut_off_without_a_gap),  CASE(ends_in_time),            CASE(expiry_of_mqtt_5),
        CASE(versions_apart),    CASE(delivery_is_asked_again), CASE(receive_maximum_on_return),
        CASE(rights_lost_while_away), CASE(too_large_to_be_sent_again), CASE(a_guest_takes_nothing), CASE(lasting_sessions_are_bounded), CASE(relieved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
