/* QoS 2 in the profile spec, both ways: exactly once, over connections. */
#include "client.h"

#include <unistd.h>

static struct rig rig;

static int setup(void **state) {
    (void)state;
    rig_start(&rig, 2, &(struct vch_mqtt_options){.profile = VCH_MQTT_SPEC, .inflight_max = 4});
    return 0;
}

static int teardown(void **state) {
    (void)state;
    rig_stop(&rig);
    return 0;
}

static int come(size_t loop, bool present) {
    int fd = client_dial(&rig, loop);
    client_send(fd, pkt_connect("dev", false, 60));
    client_expect(fd, present ? VCH_STR("\x20\x02\x01\x00") : CONNACK_OK);
    return fd;
}

static void received_once(void **state) {
    (void)state;
    int sub = client_open(&rig, 1, "sub"), pub = come(0, false);
    client_subscribe(sub, "a", 0);
    client_send(pub, pkt_publish("a", "x", 2, 7));
    client_expect(pub, VCH_STR("\x50\x02\x00\x07"));
    client_expect(sub, pkt_publish("a", "x", 0, 0));
    client_send(pub, pkt_publish("a", "x", 2, 7)); /* again: the same message */
    client_expect(pub, VCH_STR("\x50\x02\x00\x07"));
    (void)close(pub);
    rig_wait_sessions(&rig, 1);
    pub = come(1, true); /* also over a new connection */
    client_send(pub, pkt_publish("a", "x", 2, 7));
    client_expect(pub, VCH_STR("\x50\x02\x00\x07"));
    client_ping(sub);
    client_send(pub, VCH_STR("\x62\x02\x00\x07"));
    client_expect(pub, VCH_STR("\x70\x02\x00\x07"));
    client_send(pub, VCH_STR("\x62\x02\x00\x07")); /* nothing is left of it, and that is fine */
    client_expect(pub, VCH_STR("\x70\x02\x00\x07"));
    client_send(pub, pkt_publish("a", "y", 2, 7)); /* the id is free again */
    client_expect(pub, VCH_STR("\x50\x02\x00\x07"));
    client_expect(sub, pkt_publish("a", "y", 0, 0));
}

static void sent_once(void **state) {
    (void)state;
    int sub = come(0, false), pub = client_open(&rig, 1, "pub");
    client_subscribe(sub, "a", 2);
    client_send(pub, pkt_publish("a", "x", 2, 1));
    client_expect(pub, VCH_STR("\x50\x02\x00\x01"));
    client_expect(sub, pkt_publish("a", "x", 2, 1));
    (void)close(sub);
    rig_wait_sessions(&rig, 1);
    sub = come(1, true); /* PUBREC was not sent: the message again */
    struct vch_str again = client_packet(sub);
    assert_int_equal((uint8_t)again.ptr[0], 0x3C);
    client_send(sub, VCH_STR("\x50\x02\x00\x01"));
    client_expect(sub, VCH_STR("\x62\x02\x00\x01"));
    (void)close(sub);
    rig_wait_sessions(&rig, 1);
    sub = come(0, true); /* PUBCOMP was not sent: PUBREL again */
    client_expect(sub, VCH_STR("\x62\x02\x00\x01"));
    client_send(sub, VCH_STR("\x70\x02\x00\x01"));
    client_ping(sub);
    (void)close(sub);
    rig_wait_sessions(&rig, 1);
    sub = come(0, true);
    client_ping(sub);
}

/* MQTT 5: a PUBREC with an error ends it, an unknown id is said. */
static void codes(void **state) {
    (void)state;
    int sub = client5_open(&rig, 0, "sub", true, NONE, NULL);
    client5_subscribe(sub, "a", 2);
    client_send(sub, pkt5_publish("a", "x", 2, 9, NONE));
    client_expect(sub, pkt5_publish("a", "x", 2, 1, NONE));
    client_expect(sub, VCH_STR("\x50\x02\x00\x09"));
    client_send(sub, VCH_STR("\x50\x03\x00\x01\x83"));
    client_ping(sub);
    client_send(sub, VCH_STR("\x50\x02\x00\x01"));
    client_expect(sub, VCH_STR("\x62\x03\x00\x01\x92"));
    client_send(sub, VCH_STR("\x62\x02\x00\x63"));
    client_expect(sub, VCH_STR("\x70\x03\x00\x63\x92"));
    client_send(sub, pkt5_publish("deny/x", "x", 2, 10, NONE));
    client_expect(sub, VCH_STR("\x50\x03\x00\x0A\x87")); /* refused: the id was never taken */
    client_send(sub, VCH_STR("\x62\x02\x00\x0A"));
    client_expect(sub, VCH_STR("\x70\x03\x00\x0A\x92"));
}

/* Five without PUBREL where four may be. */
static void receive_maximum(void **state) {
    (void)state;
    int fd = client5_open(&rig, 0, "me", true, NONE, NULL);
    for (uint16_t id = 1; id <= 3; id++) {
        client_send(fd, pkt5_publish("a", "x", 2, id, NONE));
        client_expect(fd, vch_str_of((char[]){0x50, 2, 0, (char)id}, 4));
    }
    client_send(fd, VCH_STR("\x62\x02\x00\x02")); /* by id 9, one was freed */
    client_expect(fd, VCH_STR("\x70\x02\x00\x02"));
    client_send(fd, pkt5_publish("a", "x", 2, 8, NONE));
    client_expect(fd, VCH_STR("\x50\x02\x00\x08"));
    client_send(fd, pkt5_publish("a", "x", 2, 9, NONE));
    client_expect(fd, VCH_STR("\x50\x02\x00\x09"));
    client_send(fd, pkt5_publish("a", "x", 0, 0, NONE)); /* QoS 0 does not count */
    client_ping(fd);
    client_send(fd, pkt5_publish("a", "x", 2, 10, NONE));
    client_expect(fd, VCH_STR("\xE0\x01\x93"));
    client_expect_closed(fd);
}

static void taken(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "me");
    client_send(fd, pkt_publish("take/x", "q", 2, 3));
    client_expect(fd, VCH_STR("\x50\x02\x00\x03"));
    client_expect(fd, pkt_publish("take/x/accepted", "q", 0, 0));
    client_send(fd, pkt_publish("take/x", "q", 2, 3)); /* not asked twice */
    client_expect(fd, VCH_STR("\x50\x02\x00\x03"));
    client_ping(fd);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {CASE(received_once), CASE(sent_once), CASE(codes), CASE(receive_maximum), CASE(taken)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
