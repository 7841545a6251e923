/* Wills: the session's own publish when it ends otherwise than by DISCONNECT. */
#include "client.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static struct rig rig;
static int watcher;

static int setup(void **state) {
    (void)state;
    const struct vch_mqtt_options options = {.keep_alive_min_s = 1, .keep_alive_max_s = 1200};
    rig_start(&rig, 2, &options);
    watcher = client_open(&rig, 1, "watcher");
    client_subscribe(watcher, "#", 1);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    (void)close(watcher);
    rig_stop(&rig);
    return 0;
}

static int open_with_will(const char *name, const char *topic, uint8_t qos) {
    int fd = client_dial(&rig, 0);
    client_send(fd, pkt_connect_will(name, topic, "gone", qos, true));
    client_expect(fd, CONNACK_OK);
    assert_string_equal(rig.will_topic, topic);
    return fd;
}

static void connection_lost(void **state) {
    (void)state;
    (void)close(open_with_will("lost", "state/lost", 1));
    client_expect(watcher, pkt_publish("state/lost", "gone", 1, 1));
    rig_expect_end(&rig, "lost", "client");
    assert_string_equal(rig.ends[0].detail, "connection lost");
    assert_true(rig.last_retain);
}

static void closed_by_the_server(void **state) {
    (void)state;
    int fd = open_with_will("bad", "state/bad", 0);
    client_send(fd, VCH_STR("\xF0\x00"));
    client_expect_closed(fd);
    client_expect(watcher, pkt_publish("state/bad", "gone", 0, 0));
}

/* The deny that closes the session lets its will through. */
static void forbidden_publish(void **state) {
    (void)state;
    int fd = open_with_will("forbidden", "state/forbidden", 1);
    client_send(fd, pkt_publish("deny/x", "x", 0, 0));
    client_expect_closed(fd);
    client_expect(watcher, pkt_publish("state/forbidden", "gone", 1, 1));
}

static void keep_alive(void **state) {
    (void)state;
    static const char packet[] = "\x10\x1C\x00\x04"
                                 "MQTT"
                                 "\x04\x06\x00\x01\x00\x03"
                                 "dev"
                                 "\x00\x04"
                                 "s/ka"
                                 "\x00\x05"
                                 "quiet";
    int fd = client_dial(&rig, 0);
    client_send(fd, vch_str_of(packet, sizeof packet - 1));
    client_expect(fd, CONNACK_OK);
    client_expect(watcher, pkt_publish("s/ka", "quiet", 0, 0));
    client_expect_closed(fd);
    rig_expect_end(&rig, "dev", "keep-alive-timeout");
}

/* [MQTT-3.14.4-3] */
static void disconnect_takes_it_back(void **state) {
    (void)state;
    int fd = open_with_will("polite", "state/polite", 1);
    client_send(fd, DISCONNECT);
    client_expect_closed(fd);
    rig_expect_end(&rig, "polite", "client");
    client_ping(watcher);
}

/* The old session's will comes before anything of the new one. */
static void take_over_order(void **state) {
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        int old = open_with_will("same", "state/same", 0);
        int new = client_dial(&rig, i % 2);
        client_send(new, pkt_connect("same", true, 60));
        client_send(new, pkt_publish("state/same", "here", 0, 0));
        client_expect(new, CONNACK_OK);
        client_expect(watcher, pkt_publish("state/same", "gone", 0, 0));
        client_expect(watcher, pkt_publish("state/same", "here", 0, 0));
        client_expect_closed(old);
        client_send(new, DISCONNECT);
        client_expect_closed(new);
    }
}

static void not_permitted_or_taken(void **state) {
    (void)state;
    (void)close(open_with_will("denied", "deny/will", 1));
    (void)close(open_with_will("taken", "take/will", 1));
    rig_expect_end(&rig, "denied", "client");
    rig_expect_end(&rig, "taken", "client");
    client_ping(watcher);
    assert_int_equal(rig_stats(&rig).denied, 1);
}

static void refused_connect_has_no_will(void **state) {
    (void)state;
    int fd = client_dial(&rig, 0);
    client_send(fd, pkt_connect_will("no-way", "state/no", "gone", 1, false));
    client_expect(fd, VCH_STR("\x20\x02\x00\x05"));
    client_expect_closed(fd);
    rig_expect_end(&rig, "no-way", "policy-denies");
    client_ping(watcher);
}

static void bad_wills(void **state) {
    (void)state;
    static const struct {
        const char *topic, *reason;
        uint8_t qos;
    } rows[] = {{"a/+", "topic-invalid", 0},
                {"", "topic-invalid", 1},
                {"1/2/3/4/5/6/7/8/9", "topic-invalid", 0},
                {"a", "qos-unsupported", 2}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int fd = client_dial(&rig, 0);
        const char name[] = {(char)('a' + i), '\0'};
        client_send(fd, pkt_connect_will(name, rows[i].topic, "x", rows[i].qos, false));
        client_expect_closed(fd);
        rig_expect_end(&rig, name, rows[i].reason);
    }
}

/* The hook must look something up: the will outlives its connection. */
static void will_waits(void **state) {
    (void)state;
    atomic_store(&rig.waiting, true);
    (void)close(open_with_will("patient", "wait/will", 1));
    rig_wait_waits(&rig, 1);
    client_expect_silence(watcher, 50);
    char peer[65];
    assert_int_equal(rig_ends(&rig, "patient", "client"), 0);
    int again = client_open(&rig, 1, "patient"); /* and does not hold the client id */
    assert_true(vch_mqtt_client_online(rig.broker, VCH_STR("patient"), peer));
    (void)usleep(50000);
    rig_recheck(&rig);
    client_expect(watcher, pkt_publish("wait/will", "gone", 1, 1));
    rig_expect_end(&rig, "patient", "client");
    client_ping(again);
}

/* Nobody answers: it is dropped after its time, or when the server stops. */
static void will_waits_in_vain(void **state) {
    (void)state;
    atomic_store(&rig.waiting, true);
    (void)close(open_with_will("vain", "wait/will", 1));
    rig_expect_end(&rig, "vain", "client"); /* within ten seconds */
    client_ping(watcher);
    (void)close(open_with_will("stop", "wait/will", 1));
    rig_wait_waits(&rig, 2);
    (void)usleep(50000);
}

static void close_it(struct vch_mqtt_session *session) {
    vch_mqtt_close(session, NULL);
}

/* The fresh data says no: the owner closes what is left. */
static void will_waits_and_is_closed(void **state) {
    (void)state;
    atomic_store(&rig.waiting, true);
    (void)close(open_with_will("closed", "wait/will", 1));
    rig_wait_waits(&rig, 1);
    (void)usleep(50000);
    int64_t before = vch_mono_ms();
    rig_on_session(&rig, rig_last(&rig), close_it);
    rig_expect_end(&rig, "closed", "client");
    assert_true(vch_mono_ms() - before < 2000);
    client_ping(watcher);
}

/* At the server's end wills have no audience. */
static void server_stops(void **state) {
    (void)state;
    int fd = open_with_will("last", "state/last", 1);
    rig_stop(&rig);
    (void)close(fd);
    (void)close(watcher);
    size_t found = 0; /* the lock is gone with the threads */
    for (size_t i = 0; i < rig.end_count; i++)
        found += strcmp(rig.ends[i].client_id, "last") == 0 && strcmp(rig.ends[i].reason, "server-stopping") == 0;
    assert_int_equal(found, 1);
    (void)setup(NULL);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(connection_lost),
        CASE(closed_by_the_server),
        CASE(forbidden_publish),
        CASE(keep_alive),
        CASE(disconnect_takes_it_back),
        CASE(take_over_order),
        CASE(not_permitted_or_taken),
        CASE(refused_connect_has_no_will),
        CASE(bad_wills),
        CASE(will_waits),
        CASE(will_waits_in_vain),
        CASE(will_waits_and_is_closed),
        CASE(server_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
