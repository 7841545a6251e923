/* SUBSCRIBE and UNSUBSCRIBE with AWS's limits. */
#include "client.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct rig rig;

static int setup(void **state) {
    (void)state;
    rig_start(&rig, 1, NULL);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    rig_stop(&rig);
    return 0;
}

/* A SUBSCRIBE of `count` filters f/<first>, f/<first + 1>, … with QoS 1. */
static struct vch_str subscribe_many(unsigned first, unsigned count) {
    static char out[600];
    size_t at = 3;
    out[at++] = 0;
    out[at++] = 1;
    for (unsigned i = 0; i < count; i++) {
        at += (size_t)snprintf(out + at, sizeof out - at, "%c%cf/%03u%c", 1, 5, first + i, 1);
        out[at - 8] = 0; /* the length's high byte, which printf could not write */
    }
    out[0] = (char)0x82;
    out[1] = (char)((at - 3) % 128 + 128);
    out[2] = (char)((at - 3) / 128);
    return vch_str_of(out, at);
}

static void eight_filters(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "eight");
    client_send(fd, subscribe_many(0, 8));
    client_expect(fd, VCH_STR("\x90\x0A\x00\x01\x01\x01\x01\x01\x01\x01\x01\x01"));
    client_send(fd, pkt_publish("f/007", "x", 0, 0));
    client_expect(fd, pkt_publish("f/007", "x", 0, 0));
    client_send(fd, subscribe_many(0, 9));
    client_expect_closed(fd);
    rig_expect_end(&rig, "eight", "subscriptions-full");
}

static void fifty_subscriptions(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "fifty");
    for (unsigned i = 0; i < 50; i += 5) {
        client_send(fd, subscribe_many(i, 5));
        client_expect(fd, VCH_STR("\x90\x07\x00\x01\x01\x01\x01\x01\x01"));
    }
    client_send(fd, subscribe_many(0, 8)); /* known ones do not count again */
    client_expect(fd, VCH_STR("\x90\x0A\x00\x01\x01\x01\x01\x01\x01\x01\x01\x01"));
    client_send(fd, pkt_unsubscribe(2, "f/000"));
    client_expect(fd, VCH_STR("\xB0\x02\x00\x02"));
    client_send(fd, subscribe_many(50, 1));
    client_expect(fd, VCH_STR("\x90\x03\x00\x01\x01"));
    client_send(fd, subscribe_many(51, 1));
    client_expect(fd, VCH_STR("\x90\x03\x00\x01\x80"));
    client_expect_closed(fd);
    rig_expect_end(&rig, "fifty", "subscriptions-full");
}

static void qos_2_gets_no_suback(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "two");
    client_send(fd, pkt_subscribe(1, "a", 2));
    client_expect_closed(fd);
    rig_expect_end(&rig, "two", "qos-unsupported");
}

static void bad_filters(void **state) {
    (void)state;
    static const char *const filters[] = {"", "a#", "a/#/b", "+a", "1/2/3/4/5/6/7/8/9", "$share/group", "$share//topic", "$share/g+/topic"};
    for (size_t i = 0; i < COUNT_OF(filters); i++) {
        int fd = client_open(&rig, 0, "bad");
        client_send(fd, pkt_subscribe(1, filters[i], 1));
        client_expect_closed(fd);
    }
    rig_wait_sessions(&rig, 0);
    rig_expect_ends(&rig, "bad", "topic-invalid", COUNT_OF(filters));
}

/* SUBACK 0x80 and a close; the good filter of the same packet does not stay. */
static void denied(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "denied");
    client_send(fd, VCH_STR("\x82\x10\x00\x01\x00\x01"
                            "a"
                            "\x01\x00\x06"
                            "deny/x"
                            "\x01")); /* 2 + 4 + 9 = 15, one too many announced */
    client_expect_silence(fd, 50);
    (void)close(fd);
    fd = client_open(&rig, 0, "denied2");
    client_send(fd, VCH_STR("\x82\x0F\x00\x01\x00\x01"
                            "a"
                            "\x01\x00\x06"
                            "deny/x"
                            "\x01"));
    client_expect(fd, VCH_STR("\x90\x04\x00\x01\x01\x80"));
    client_expect_closed(fd);
    rig_expect_end(&rig, "denied2", "policy-silent");
    assert_int_equal(rig_stats(&rig).denied, 1);
}

static void waits(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "waits");
    atomic_store(&rig.waiting, true);
    client_send(fd, VCH_STR("\x82\x0F\x00\x01\x00\x01"
                            "a"
                            "\x01\x00\x06"
                            "wait/x"
                            "\x01"));
    client_send(fd, PINGREQ);
    rig_wait_waits(&rig, 1);
    client_expect_silence(fd, 50);
    rig_recheck(&rig);
    client_expect(fd, VCH_STR("\x90\x04\x00\x01\x01\x01"));
    client_expect(fd, PINGRESP);
    client_send(fd, pkt_publish("a", "x", 0, 0));
    client_expect(fd, pkt_publish("a", "x", 0, 0));
}

/* [MQTT-3.8.4-3]: the new QoS replaces the old one. */
static void again_with_another_qos(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "again");
    client_subscribe(fd, "a", 0);
    client_subscribe(fd, "a", 1);
    client_send(fd, pkt_publish("a", "x", 1, 9));
    client_expect(fd, pkt_publish("a", "x", 1, 1));
    client_expect(fd, VCH_STR("\x40\x02\x00\x09"));
    client_subscribe(fd, "a", 0);
    client_send(fd, pkt_publish("a", "y", 1, 9));
    client_expect(fd, pkt_publish("a", "y", 0, 0));
    client_expect(fd, VCH_STR("\x40\x02\x00\x09"));
}

static void unsubscribe(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "unsub");
    client_subscribe(fd, "a/+", 0);
    client_subscribe(fd, "a/b", 0);
    client_send(fd, pkt_unsubscribe(3, "never/had/it/+"));
    client_expect(fd, VCH_STR("\xB0\x02\x00\x03"));
    client_send(fd, pkt_unsubscribe(4, "a/+"));
    client_expect(fd, VCH_STR("\xB0\x02\x00\x04"));
    client_send(fd, pkt_publish("a/b", "x", 0, 0));
    client_expect(fd, pkt_publish("a/b", "x", 0, 0));
    client_send(fd, VCH_STR("\xA2\x0B\x00\x05\x00\x03"
                            "a/b"
                            "\x00\x02"
                            "zz"));
    client_expect(fd, VCH_STR("\xB0\x02\x00\x05"));
    client_send(fd, pkt_publish("a/b", "x", 0, 0));
    client_ping(fd);
}

/* AWS: "a/#" is not "a"; wildcards in front do not see '$'. */
static void aws_matching(void **state) {
    (void)state;
    int fd = client_open(&rig, 0, "aws");
    client_subscribe(fd, "a/#", 0);
    client_subscribe(fd, "#", 0);
    client_send(fd, pkt_unsubscribe(1, "#"));
    client_expect(fd, VCH_STR("\xB0\x02\x00\x01"));
    client_send(fd, pkt_publish("a", "no", 0, 0));
    client_send(fd, pkt_publish("a/b", "yes", 0, 0));
    client_expect(fd, pkt_publish("a/b", "yes", 0, 0));
    client_subscribe(fd, "#", 0);
    client_send(fd, pkt_publish("$x/y", "no", 0, 0));
    client_ping(fd);
}

static void other_profile(void **state) {
    (void)state;
    rig_stop(&rig);
    rig_start(&rig, 1, &(struct vch_mqtt_options){.profile = VCH_MQTT_SPEC, .topic_slashes_max = 20});
    int fd = client_open(&rig, 0, "spec");
    client_subscribe(fd, "a/#", 0);
    client_send(fd, pkt_publish("a", "yes", 0, 0));
    client_expect(fd, pkt_publish("a", "yes", 0, 0));
    client_send(fd, pkt_publish("a/2/3/4/5/6/7/8/9/10/11", "deep", 0, 0));
    client_expect(fd, pkt_publish("a/2/3/4/5/6/7/8/9/10/11", "deep", 0, 0));
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(eight_filters),
        CASE(fifty_subscriptions),
        CASE(qos_2_gets_no_suback),
        CASE(bad_filters),
        CASE(denied),
        CASE(waits),
        CASE(again_with_another_qos),
        CASE(unsubscribe),
        CASE(aws_matching),
        CASE(other_profile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
