/* CONNECT: who may speak first, how, and what comes before the decision. */
#include "client.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static struct rig rig;

static int setup(void **state) {
    (void)state;
    const struct vch_mqtt_options options = {.connect_timeout_ms = 300, .keep_alive_min_s = 1, .keep_alive_max_s = 2};
    rig_start(&rig, 1, &options);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    rig_stop(&rig);
    return 0;
}

static void accepted_and_disconnected(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "dev-1");
    client_ping(fd);
    client_send(fd, DISCONNECT);
    client_expect_closed(fd);
    rig_expect_end(&rig, "dev-1", "client");
    assert_string_equal(rig.ends[0].detail, "disconnect");
    assert_int_equal(rig_stats(&rig).connects, 1);
    assert_int_equal(rig_stats(&rig).sessions, 0);
}

/* Clean session 0 is accepted, and nothing is kept: session present stays 0. */
static void clean_session_0(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        int fd = client_dial(&rig, 0);
        client_send(fd, pkt_connect("keeper", false, 1200));
        client_expect(fd, i ? VCH_STR("\x20\x02\x01\x00") : CONNACK_OK);
        client_send(fd, pkt_subscribe(1, "x", 1));
        client_expect(fd, VCH_STR("\x90\x03\x00\x01\x01"));
        client_send(fd, DISCONNECT);
        client_expect_closed(fd);
    }
}

static void says_nothing(void **state) {
    (void)state;
    int64_t before = vch_mono_ms();
    int fd = client_dial(&rig, 0);
    client_expect_closed(fd);
    assert_in_range(vch_mono_ms() - before, 250, 2000);
    rig_expect_end(&rig, "", "connect-timeout");
}

/* One byte now and then does not keep a connection open. */
static void says_it_slowly(void **state) {
    (void)state;
    int fd = client_dial(&rig, 0);
    struct vch_str packet = pkt_connect("slow", true, 60);
    int64_t before = vch_mono_ms();
    for (size_t i = 0; i + 1 < packet.len && vch_mono_ms() - before < 500; i++) {
        client_send(fd, vch_str_sub(packet, i, 1));
        (void)usleep(50000);
    }
    client_expect_closed(fd);
    rig_expect_end(&rig, "", "connect-timeout");
}

static void in_pieces(void **state) {
    (void)state;
    int fd = client_dial(&rig, 0);
    struct vch_str packet = pkt_connect("pieces", true, 60);
    for (size_t i = 0; i < packet.len; i++) client_send(fd, vch_str_sub(packet, i, 1));
    client_expect(fd, CONNACK_OK);
    for (int i = 0; i < 3; i++) {
        client_send(fd, vch_str_sub(PINGREQ, 0, 1));
        (void)usleep(2000);
        client_send(fd, vch_str_sub(PINGREQ, 1, 1));
        client_expect(fd, PINGRESP);
    }
    (void)close(fd);
    rig_expect_end(&rig, "pieces", "client");
}

static void first_packet_is_not_connect(void **state) {
    (void)state;
    const struct vch_str firsts[] = {PINGREQ,
                                     VCH_STR("\x30\x05\x00\x01"
                                             "a"
                                             "hi"),
                                     VCH_STR("GET / HTTP/1.1\r\n"),
                                     VCH_STR("\x82"),
                                     VCH_STR("\x16\x03\x01"),
                                     DISCONNECT};
    for (size_t i = 0; i < COUNT_OF(firsts); i++) {
        int fd = client_dial(&rig, 0);
        client_send(fd, firsts[i]);
        client_expect_closed(fd);
    }
    rig_expect_ends(&rig, "", "packet-malformed", COUNT_OF(firsts));
}

static void second_connect(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "twice");
    client_send(fd, pkt_connect("twice", true, 60));
    client_expect_closed(fd);
    rig_expect_end(&rig, "twice", "packet-malformed");
}

static void other_versions(void **state) {
    (void)state;
    static const struct {
        struct vch_str connect, answer;
    } rows[] = {
        {VCH_STR("\x10\x0F\x00\x06"
                 "MQIsdp"
                 "\x03\x02\x00\x1E\x00\x01"
                 "d"),
         VCH_STR("\x20\x02\x00\x01")},
        {VCH_STR("\x10\x0D\x00\x04"
                 "MQTT"
                 "\x06\x02\x00\x1E\x00\x01"
                 "d"),
         VCH_STR("\x20\x02\x00\x01")},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int fd = client_dial(&rig, 0);
        client_send(fd, rows[i].connect);
        client_expect(fd, rows[i].answer);
        client_expect_closed(fd);
    }
    rig_expect_end(&rig, "", "protocol-version");
}

static void client_ids(void **state) {
    (void)state;
    char longest[130];
    memset(longest, 'x', sizeof longest);
    longest[128] = '\0';
    int fd = client_open(&rig, 0, longest);
    (void)close(fd);
    fd = client_open(&rig, 0, "Ger\xC3\xA4t \xF0\x9F\x98\x80 +#/");
    (void)close(fd);
    longest[128] = 'x';
    longest[129] = '\0';
    const char *const refused[] = {longest, "$reserved"};
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        fd = client_dial(&rig, 0);
        client_send(fd, pkt_connect(refused[i], true, 60));
        client_expect(fd, VCH_STR("\x20\x02\x00\x02"));
        client_expect_closed(fd);
    }
    rig_expect_ends(&rig, "", "client-id-invalid", 2);
}

/* [MQTT-3.1.3-8] and AWS's silence: an empty id is assigned, with a clean session only. */
static void empty_client_id(void **state) {
    (void)state;
    int fd = client_dial(&rig, 0);
    client_send(fd, pkt_connect("", false, 60));
    client_expect(fd, VCH_STR("\x20\x02\x00\x02"));
    client_expect_closed(fd);
    int a = client_open(&rig, 0, ""), b = client_open(&rig, 0, "");
    client_ping(a);
    client_ping(b);
    (void)close(a);
    (void)close(b);
    rig_wait_sessions(&rig, 0);
    rig_expect_end(&rig, rig.ends[1].client_id, "client");
    assert_int_equal(strlen(rig.ends[1].client_id), 5 + 36);
    assert_memory_equal(rig.ends[1].client_id, "auto-", 5);
}

static void refused_by_the_hook(void **state) {
    (void)state;
    int fd = client_dial(&rig, 0);
    client_send(fd, pkt_connect("no-entry", true, 60));
    client_send(fd, pkt_publish("a", "x", 0, 0));
    client_expect(fd, VCH_STR("\x20\x02\x00\x05"));
    client_expect_closed(fd);
    rig_expect_end(&rig, "no-entry", "policy-denies");
    assert_string_equal(rig.ends[0].detail, "The test refuses this client.");
    assert_int_equal(rig_stats(&rig).denied, 1);
    assert_int_equal(rig.publishes, 0);
}

/* What comes before CONNACK waits and is then worked off in order. */
static void early_packets_wait(void **state) {
    (void)state;
    int fd = client_dial(&rig, 0);
    client_send(fd, pkt_connect("later-1", true, 60));
    client_send(fd, pkt_subscribe(9, "early", 1));
    client_send(fd, pkt_publish("early", "hello", 0, 0));
    client_send(fd, PINGREQ);
    client_expect_silence(fd, 100);
    assert_int_equal(rig.publishes, 0);
    rig_decide(&rig, 0);
    client_expect(fd, CONNACK_OK);
    client_expect(fd, VCH_STR("\x90\x03\x00\x09\x01"));
    client_expect(fd, pkt_publish("early", "hello", 0, 0));
    client_expect(fd, PINGRESP);
    (void)close(fd);
}

static void later_no(void **state) {
    (void)state;
    int fd = client_dial(&rig, 0);
    client_send(fd, pkt_connect("later-2", true, 60));
    rig_decide(&rig, 5);
    client_expect(fd, VCH_STR("\x20\x02\x00\x05"));
    client_expect_closed(fd);
}

/* A decision that never comes does not hold the connection for ever. */
static void decision_never_comes(void **state) {
    (void)state;
    int fd = client_dial(&rig, 0);
    client_send(fd, pkt_connect("later-3", true, 60));
    client_expect_closed(fd);
    rig_expect_end(&rig, "later-3", "internal");
    rig_decide(&rig, 0); /* finds nobody */
}

static void keep_alive(void **state) {
    (void)state;
    int silent = client_dial(&rig, 0), alive = client_dial(&rig, 0), zero = client_dial(&rig, 0);
    client_send(silent, pkt_connect("silent", true, 1));
    client_expect(silent, CONNACK_OK);
    client_send(alive, pkt_connect("alive", true, 1));
    client_expect(alive, CONNACK_OK);
    client_send(zero, pkt_connect("zero", true, 0)); /* asks for the maximum: 2 s */
    client_expect(zero, CONNACK_OK);
    int64_t before = vch_mono_ms();
    for (int i = 0; i < 4; i++) {
        (void)usleep(500000);
        client_ping(alive);
    }
    client_expect_closed(silent);
    rig_expect_end(&rig, "silent", "keep-alive-timeout");
    client_expect_closed(zero);
    assert_in_range(vch_mono_ms() - before, 2900, 4500);
    rig_expect_end(&rig, "zero", "keep-alive-timeout");
    client_ping(alive);
    (void)close(alive);
    rig_expect_end(&rig, "alive", "client");
}

/* After DISCONNECT nothing is read any more. */
static void after_disconnect(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "gone");
    char both[64];
    struct vch_str publish = pkt_publish("a", "x", 0, 0);
    memcpy(both, DISCONNECT.ptr, 2);
    memcpy(both + 2, publish.ptr, publish.len);
    client_send(fd, vch_str_of(both, 2 + publish.len));
    client_expect_closed(fd);
    assert_int_equal(rig.publishes, 0);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(accepted_and_disconnected),
        CASE(clean_session_0),
        CASE(says_nothing),
        CASE(says_it_slowly),
        CASE(in_pieces),
        CASE(first_packet_is_not_connect),
        CASE(second_connect),
        CASE(other_versions),
        CASE(client_ids),
        CASE(empty_client_id),
        CASE(refused_by_the_hook),
        CASE(early_packets_wait),
        CASE(later_no),
        CASE(decision_never_comes),
        CASE(keep_alive),
        CASE(after_disconnect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
