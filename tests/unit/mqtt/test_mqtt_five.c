/* MQTT 5: what CONNACK says, reason codes, properties on their way, limits of either side. */
#include "client.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static struct rig rig;

static int setup(void **state) {
    (void)state;
    rig_start(&rig, 2, &(struct vch_mqtt_options){.explain = false});
    return 0;
}

static int setup_spec(void **state) {
    (void)state;
    rig_start(&rig, 2, &(struct vch_mqtt_options){.profile = VCH_MQTT_SPEC});
    return 0;
}

static int teardown(void **state) {
    (void)state;
    rig_stop(&rig);
    return 0;
}

static bool holds(struct vch_str packet, struct vch_str part) {
    for (size_t i = 0; i + part.len <= packet.len; i++)
        if (memcmp(packet.ptr + i, part.ptr, part.len) == 0) return true;
    return false;
}

/* DISCONNECT with this code, and the end. */
static void expect_goodbye(int fd, uint8_t code) {
    const char bytes[] = {(char)0xE0, 1, (char)code};
    client_expect(fd, vch_str_of(bytes, 3));
    client_expect_closed(fd);
}

static void connack_says(void **state) {
    (void)state;
    int fd = client_dial(&rig, 0);
    client_send(fd, pkt5_connect("", true, VCH_STR("\x11\x7F\xFF\xFF\xFF")));
    struct vch_str got = client_packet(fd);
    assert_true(holds(got, VCH_STR("\x11\x00\x00\x0E\x10"))); /* Session Expiry: an hour */
    assert_true(holds(got, VCH_STR("\x21\x00\x64")));         /* Receive Maximum 100 */
    assert_true(holds(got, VCH_STR("\x24\x01")));             /* Maximum QoS 1 */
    assert_true(holds(got, VCH_STR("\x25\x01")));             /* Retain Available */
    assert_true(holds(got, VCH_STR("\x27\x00\x02\x48\x00"))); /* Maximum Packet Size 149,504 */
    assert_true(holds(got, VCH_STR("\x12\x00\x29"
                                   "auto-")));
    assert_true(holds(got, VCH_STR("\x22\x00\x08"))); /* Topic Alias Maximum */
    assert_true(holds(got, VCH_STR("\x28\x01")));     /* wildcards, but no identifiers; shared */
    assert_true(holds(got, VCH_STR("\x29\x00\x2A\x01")));
    assert_true(holds(got, VCH_STR("\x13\x00\x3C"))); /* Server Keep Alive */
}

static void refused(void **state) {
    (void)state;
    static const struct {
        struct vch_str packet;
        uint8_t code;
        const char *reason;
    } rows[] = {
        {VCH_STR("\x10\x12\x00\x04MQTT\x05\x02\x00\x1E\x00\x00\x05no-me"), 0x87, "policy-denies"},
        {VCH_STR("\x10\x10\x00\x04MQTT\x05\x02\x00\x1E\x00\x00\x03$me"), 0x85, "client-id-invalid"},
        {VCH_STR("\x10\x0F\x00\x04MQTT\x05\x02\x00\x1E\x03\x21\x00\x00\x00"), 0x82, "protocol-error"},
        {VCH_STR("\x10\x0F\x00\x04MQTT\x05\x03\x00\x1E\x00\x00\x02" "ab"), 0x81, "packet-malformed"},
        {VCH_STR("\x10\x14\x00\x04MQTT\x05\x02\x00\x1E\x05\x15\x00\x02xx\x00\x02" "ab"), 0x8C, "authentication-unsupported"},
        {VCH_STR("\x10\x16\x00\x04MQTT\x05\x16\x00\x1E\x00\x00\x02" "ab\x00\x00\x01t\x00\x01p"), 0x9B, "qos-unsupported"},
        {VCH_STR("\x10\x16\x00\x04MQTT\x05\x06\x00\x1E\x00\x00\x02" "ab\x00\x00\x01#\x00\x01p"), 0x90, "topic-invalid"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int fd = client_dial(&rig, 0);
        client_send(fd, rows[i].packet);
        const char connack[] = {0x20, 3, 0, (char)rows[i].code, 0};
        client_expect(fd, vch_str_of(connack, 5));
        client_expect_closed(fd);
        rig_wait_ends(&rig, i + 1);
        assert_string_equal(rig.ends[i].reason, rows[i].reason);
    }
}

/* Everything but alias and expiry goes on as it came, user properties in their order, also through the other loop. */
static void properties_pass(void **state) {
    (void)state;
    int sub = client5_open(&rig, 1, "sub", true, NONE, NULL), old = client_open(&rig, 0, "old");
    int pub = client5_open(&rig, 0, "pub", true, NONE, NULL);
    client5_subscribe(sub, "a", 1);
    client_subscribe(old, "a", 1);
    struct vch_str props = VCH_STR("\x01\x01\x03\x00\x01t\x08\x00\x01r\x09\x00\x02\x00\xFF"
                                   "\x26\x00\x01z\x00\x01" "1\x26\x00\x01" "a\x00\x01" "2\x26\x00\x01z\x00\x01" "1");
    client_send(pub, pkt5_publish("a", "x", 1, 9, props));
    client_expect(pub, VCH_STR("\x40\x02\x00\x09"));
    client_expect(sub, pkt5_publish("a", "x", 1, 1, props));
    client_expect(old, pkt_publish("a", "x", 1, 1));
    client_send(pub, pkt5_publish("a", "y", 0, 0, VCH_STR("\x23\x00\x03"))); /* an alias is the sender's affair */
    client_expect(sub, pkt5_publish("a", "y", 0, 0, NONE));
    client_send(pub, pkt5_publish("", "z", 0, 0, VCH_STR("\x23\x00\x03")));
    client_expect(sub, pkt5_publish("a", "z", 0, 0, NONE));
}

static void message_expiry(void **state) {
    (void)state;
    int sub = client5_open(&rig, 0, "sub", false, VCH_STR("\x11\x00\x00\x10\x00"), NULL);
    int pub = client5_open(&rig, 0, "pub", true, NONE, NULL);
    client5_subscribe(sub, "a", 1);
    client_send(pub, pkt5_publish("a", "x", 1, 9, VCH_STR("\x02\x7F\xFF\xFF\xFF"))); /* a week at most */
    client_expect(pub, VCH_STR("\x40\x02\x00\x09"));
    client_expect(sub, pkt5_publish("a", "x", 1, 1, VCH_STR("\x02\x00\x09\x3A\x80")));
    client_send(sub, VCH_STR("\x40\x02\x00\x01\xE0\x00"));
    client_expect_closed(sub);
    rig_wait_sessions(&rig, 1);
    client_send(pub, pkt5_publish("a", "soon over", 1, 10, VCH_STR("\x02\x00\x00\x00\x05")));
    client_expect(pub, VCH_STR("\x40\x02\x00\x0A"));
    client_send(pub, pkt5_publish("a", "remains", 1, 11, VCH_STR("\x02\x00\x00\x00\x64")));
    client_expect(pub, VCH_STR("\x40\x02\x00\x0B"));
    vch_clock_advance(50 * 1000);
    sub = client5_open(&rig, 0, "sub", false, NONE, NULL);
    struct vch_str got = client_packet(sub); /* what is left of it */
    assert_true(holds(got, VCH_STR("remains")));
    assert_true(holds(got, VCH_STR("\x02\x00\x00\x00\x32")) || holds(got, VCH_STR("\x02\x00\x00\x00\x31")));
}

static void publish_refused(void **state) {
    (void)state;
    int fd = client5_open(&rig, 0, "me", true, NONE, NULL);
    client_send(fd, pkt5_publish("deny/x", "x", 1, 1, NONE));
    client_expect(fd, VCH_STR("\x40\x03\x00\x01\x87")); /* and the connection stays */
    client_send(fd, pkt5_publish("a/+", "x", 1, 2, NONE));
    client_expect(fd, VCH_STR("\x40\x03\x00\x02\x90"));
    client_ping(fd);
    client_send(fd, pkt5_publish("deny/x", "x", 0, 0, NONE));
    expect_goodbye(fd, 0x87);
    rig_expect_end(&rig, "me", "policy-silent");
}

static void goodbyes(void **state) {
    (void)state;
    static const struct {
        struct vch_str packet;
        uint8_t code;
    } rows[] = {
        {VCH_STR("\x30\x08\x00\x01" "a\x03\x23\x00\x09x"), 0x94},     /* alias over the maximum */
        {VCH_STR("\x30\x07\x00\x00\x03\x23\x00\x07x"), 0x82},         /* alias that stands for nothing */
        {VCH_STR("\x30\x07\x00\x01" "a\x02\x0B\x01x"), 0x82},         /* a client's subscription identifier */
        {VCH_STR("\x34\x07\x00\x01" "a\x00\x01\x00x"), 0x9B},         /* QoS 2 */
        {VCH_STR("\x82\x09\x00\x01\x02\x0B\x01\x00\x01" "a\x00"), 0xA1},
        {VCH_STR("\x82\x07\x00\x01\x00\x00\x01" "a\x02"), 0x9B},
        {VCH_STR("\x82\x10\x00\x01\x00\x00\x0A$share/g/a\x04"), 0x82}, /* No Local on a share */
        {VCH_STR("\xF0\x00"), 0x82},                                  /* AUTH */
        {VCH_STR("\x10\x0D\x00\x04MQTT\x05\x02\x00\x1E\x00\x00\x00"), 0x82},
        {VCH_STR("\x20\x02\x00\x00"), 0x82},
        {VCH_STR("\xC0\x80\x00"), 0x81},                              /* a padded length */
        {VCH_STR("\x30\x80\xA0\x09"), 0x95},                          /* 151,552 bytes */
        {VCH_STR("\xE0\x05\x00\x03\x1C\x00\x00"), 0x82},              /* Server Reference */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int fd = client5_open(&rig, 0, "me", true, NONE, NULL);
        client_send(fd, rows[i].packet);
        expect_goodbye(fd, rows[i].code);
    }
    int old = client5_open(&rig, 0, "same", true, NONE, NULL), new = client5_open(&rig, 1, "same", true, NONE, NULL);
    expect_goodbye(old, 0x8E);
    vch_mqtt_stop(rig.broker);
    expect_goodbye(new, 0x8B);
    int late = client_dial(&rig, 0);
    client_send(late, pkt5_connect("late", true, NONE));
    client_expect(late, VCH_STR("\x20\x03\x00\x88\x00"));
    client_expect_closed(late);
}

static void subscribing(void **state) {
    (void)state;
    int fd = client5_open(&rig, 0, "me", true, NONE, NULL);
    client_send(fd, VCH_STR("\x82\x16\x00\x05\x00\x00\x01" "a\x01\x00\x06" "deny/x\x01\x00\x03" "a+b\x01")); /* three at once */
    client_expect(fd, VCH_STR("\x90\x06\x00\x05\x00\x01\x87\x8F"));
    client_send(fd, pkt5_unsubscribe(6, "a"));
    client_expect(fd, VCH_STR("\xB0\x04\x00\x06\x00\x00"));
    client_send(fd, pkt5_unsubscribe(7, "a")); /* AWS does not tell the difference */
    client_expect(fd, VCH_STR("\xB0\x04\x00\x07\x00\x00"));
    char nine[64] = {(char)0x82, 3 + 9 * 4, 0, 8, 0};
    for (int i = 0; i < 9; i++) memcpy(nine + 5 + i * 4, (char[]){0, 1, (char)('a' + i), 0}, 4);
    client_send(fd, vch_str_of(nine, 5 + 9 * 4));
    client_expect(fd, VCH_STR("\x90\x0C\x00\x08\x00\x97\x97\x97\x97\x97\x97\x97\x97\x97"));
    client_ping(fd);
}

/* A message that the client does not take is as good as sent. [MQTT-3.1.2-24] */
static void their_maximum(void **state) {
    (void)state;
    int sub = client5_open(&rig, 0, "sub", true, VCH_STR("\x27\x00\x00\x00\x14"), NULL);
    int pub = client_open(&rig, 0, "pub");
    client5_subscribe(sub, "a", 1);
    client_send(pub, pkt_publish("a", "twenty bytes: no!", 1, 1)); /* 2 + 3 + 2 + 1 + 17 */
    client_send(pub, pkt_publish("a", "twelve bytes", 1, 2));      /* 20 in all */
    client_send(pub, pkt_publish("a", "thirteen byte", 0, 0));     /* 2 + 3 + 1 + 13 */
    client_expect(sub, pkt5_publish("a", "twelve bytes", 1, 1, NONE));
    client_expect(sub, pkt5_publish("a", "thirteen byte", 0, 0, NONE));
    client_expect(pub, VCH_STR("\x40\x02\x00\x01\x40\x02\x00\x02"));
    assert_int_equal(rig_stats(&rig).dropped, 1);
}

static void their_receive_maximum(void **state) {
    (void)state;
    int sub = client5_open(&rig, 0, "sub", true, VCH_STR("\x21\x00\x02"), NULL), pub = client_open(&rig, 0, "pub");
    client5_subscribe(sub, "a", 1);
    for (char n = '1'; n <= '3'; n++) client_send(pub, pkt_publish("a", (char[]){n, 0}, 1, 1));
    client_expect(sub, pkt5_publish("a", "1", 1, 1, NONE));
    client_expect(sub, pkt5_publish("a", "2", 1, 2, NONE));
    client_ping(sub);
    client_send(sub, VCH_STR("\x40\x04\x00\x02\x00\x00"));
    client_expect(sub, pkt5_publish("a", "3", 1, 3, NONE));
}

static void options_of_a_subscription(void **state) {
    (void)state;
    int me = client5_open(&rig, 0, "me", true, NONE, NULL), other = client5_open(&rig, 1, "other", true, NONE, NULL);
    client5_subscribe(me, "a", 0x04);    /* No Local */
    client5_subscribe(other, "a", 0x08); /* Retain As Published */
    struct vch_str sent = pkt5_publish("a", "x", 0, 0, NONE);
    char retained[32];
    memcpy(retained, sent.ptr, sent.len);
    retained[0] |= 1;
    client_send(me, vch_str_of(retained, sent.len));
    client_expect(other, vch_str_of(retained, sent.len));
    client_ping(me);
    client_send(other, vch_str_of(retained, sent.len));
    client_expect(me, sent);
    client_expect(other, vch_str_of(retained, sent.len));
}

static void identifiers(void **state) {
    (void)state;
    int fd = client5_open(&rig, 0, "me", true, NONE, NULL), pub = client_open(&rig, 1, "pub");
    client_send(fd, pkt5_subscribe(1, "a/+", 0, VCH_STR("\x0B\x05")));
    client_expect(fd, VCH_STR("\x90\x04\x00\x01\x00\x00"));
    client_send(fd, pkt5_subscribe(2, "a/#", 1, VCH_STR("\x0B\x80\x01")));
    client_expect(fd, VCH_STR("\x90\x04\x00\x02\x00\x01"));
    client_send(pub, pkt_publish("a/b", "x", 1, 1));
    struct vch_str got = client_packet(fd); /* one copy, both identifiers, the higher QoS */
    assert_int_equal((uint8_t)got.ptr[0], 0x32);
    assert_true(holds(got, VCH_STR("\x0B\x05")) && holds(got, VCH_STR("\x0B\x80\x01")));
    client_send(pub, pkt_publish("a/b/c", "x", 0, 0));
    client_expect(fd, pkt5_publish("a/b/c", "x", 0, 0, VCH_STR("\x0B\x80\x01")));
    client_send(fd, pkt5_unsubscribe(7, "nothing"));
    client_expect(fd, VCH_STR("\xB0\x04\x00\x07\x00\x11"));
}

/* The will waits for its delay, unless the session ends first, and not at all when the client is back. */
static void delayed_will(void **state) {
    (void)state;
    int sub = client_open(&rig, 1, "sub");
    client_subscribe(sub, "w", 0);
    for (int round = 0; round < 3; round++) {
        int fd = client_dial(&rig, 0);
        client_send(fd, pkt5_connect_will("me", round == 2 ? VCH_STR("\x11\x00\x00\x00\x05") : VCH_STR("\x11\x00\x00\x03\xE8"),
                                          "w", "gone", VCH_STR("\x18\x00\x00\x00\x64")));
        assert_true(client_packet(fd).len > 4);
        (void)close(fd);
        rig_wait_sessions(&rig, 1);
        client_ping(sub);
        if (round == 0) {
            fd = client5_open(&rig, 0, "me", false, VCH_STR("\x11\x00\x00\x03\xE8"), NULL);
            vch_clock_advance(150 * 1000);
            (void)usleep(1200 * 1000);
            client_ping(sub);
            (void)close(fd);
            rig_wait_sessions(&rig, 1);
        } else {
            vch_clock_advance(round == 1 ? 101 * 1000 : 6 * 1000);
            client_expect(sub, pkt_publish("w", "gone", 0, 0));
        }
    }
}

#define AWS(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define SPEC(fn) cmocka_unit_test_setup_teardown(fn, setup_spec, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        AWS(connack_says),  AWS(refused),     AWS(properties_pass), AWS(message_expiry),        AWS(publish_refused),
        AWS(goodbyes),      AWS(subscribing), AWS(their_maximum),   AWS(their_receive_maximum), AWS(options_of_a_subscription),
        SPEC(identifiers),  SPEC(delayed_will),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
