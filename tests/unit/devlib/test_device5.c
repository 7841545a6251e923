/* The device library on MQTT 5: what it says, and what a server may answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "script.h"
#include "wire/mqtt.h"

static struct script s; /* large; one test at a time */

static const struct vch_device_connect CONNECT = {
    .client_id = "dev-5", .keep_alive_s = 60, .clean_session = true, .protocol = 5, .session_expiry_s = 300};

static void raw(size_t after, struct vch_str bytes) {
    script_raw(&s, after, bytes.ptr, bytes.len);
}

static enum vch_device_status connect_to(struct vch_str connack) {
    script_init(&s, SCRIPT_IN, SCRIPT_OUT);
    raw(1, connack);
    return vch_device_connect(&s.device, &CONNECT);
}

static void connected(void) {
    assert_int_equal(connect_to(VCH_STR("\x20\x03\x00\x00\x00")), VCH_DEVICE_OK);
}

static void test_connect_says_what_fits(void **state) {
    (void)state;
    struct vch_mqtt_frame frame;
    struct vch_mqtt_connect p;
    size_t size;
    connected();
    assert_int_equal(vch_mqtt_frame_decode(script_sent(&s, 0), &frame, &size), VCH_OK);
    assert_int_equal(vch_mqtt_connect_decode(&frame, &p), VCH_OK);
    assert_int_equal(p.level, 5);
    assert_true(p.clean_session);
    assert_int_equal(p.props.maximum_packet_size, SCRIPT_IN);
    assert_int_equal(p.props.session_expiry_s, 300);
    assert_true(p.props.receive_maximum > 0);
    assert_false(vch_mqtt_has(&p.props, VCH_MQTT_PROP_TOPIC_ALIAS_MAXIMUM));
    assert_int_equal(s.device.keep_alive_s, 60);
}

static void test_refusals_in_words(void **state) {
    (void)state;
    static const struct {
        struct vch_str connack;
        enum vch_device_status status;
        int code;
        const char *message;
    } cases[] = {
        {VCH_STR("\x20\x03\x00\x87\x00"), VCH_DEVICE_REFUSED, 0x87, ""},
        {VCH_STR("\x20\x09\x00\x87\x06\x1F\x00\x03No!"), VCH_DEVICE_REFUSED, 0x87, "No!"},
        {VCH_STR("\x20\x09\x00\x89\x06\x1F\x00\x03\x01\xC3\xA9"), VCH_DEVICE_REFUSED, 0x89, " \xC3\xA9"},
        {VCH_STR("\x20\x02\x00\x01"), VCH_DEVICE_REFUSED, 1, ""}, /* a server of 3.1.1 alone */
        {VCH_STR("\x20\x02\x00\x00"), VCH_DEVICE_PROTOCOL, 0, ""},
        {VCH_STR("\x20\x03\x00\x01\x00"), VCH_DEVICE_PROTOCOL, 0, ""}, /* no reason code */
        {VCH_STR("\x20\x03\x01\x87\x00"), VCH_DEVICE_PROTOCOL, 0, ""}, /* a session with a refusal */
        {VCH_STR("\x20\x05\x00\x00\x02\x23\x00"), VCH_DEVICE_PROTOCOL, 0, ""},
        {VCH_STR("\x20\x83\x00\x00\x00\x00"), VCH_DEVICE_PROTOCOL, 0, ""}, /* a padded length */
        {VCH_STR("\xE0\x01\x8B"), VCH_DEVICE_PROTOCOL, 0, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum vch_device_status status = connect_to(cases[i].connack);
        if (status != cases[i].status) fail_msg("case %zu: %s", i, vch_device_status_word(status));
        assert_int_equal(s.device.failure.code, cases[i].code);
        assert_string_equal(s.device.failure.error_message, cases[i].message);
        assert_false(s.device.connected);
        script_check_guards(&s);
    }
    assert_string_equal(vch_device_reason_word(0x87), "Not authorized");
    assert_string_equal(vch_device_reason_word(0xA2), "Wildcard Subscriptions not supported");
    assert_string_equal(vch_device_reason_word(0), "Success");
    assert_string_equal(vch_device_reason_word(3), "unknown");
    assert_string_equal(vch_device_reason_word(-1), "unknown");
    assert_string_equal(vch_device_reason_word(256 + 0x87), "unknown");
}

/* Server Keep Alive, Maximum QoS 0, Maximum Packet Size 20. */
static void test_the_servers_limits_hold(void **state) {
    (void)state;
    assert_int_equal(connect_to(VCH_STR("\x20\x0D\x00\x00\x0A\x13\x00\x1E\x24\x00\x27\x00\x00\x00\x14")),
                     VCH_DEVICE_OK);
    assert_int_equal(s.device.keep_alive_s, 30);
    assert_int_equal(vch_device_publish(&s.device, "t", "x", 1, 1), VCH_DEVICE_ARGUMENT);
    assert_int_equal(vch_device_publish(&s.device, "t", "0123456789abcd", 14, 0), VCH_DEVICE_OK); /* 20 bytes */
    assert_int_equal(script_sent(&s, 1).len, 20);
    assert_int_equal(vch_device_publish(&s.device, "t", "0123456789abcde", 15, 0), VCH_DEVICE_ARGUMENT);
    assert_int_equal(s.packets, 2);
    assert_true(s.device.connected);
}

static void test_acknowledgements_refuse(void **state) {
    (void)state;
    connected();
    raw(2, VCH_STR("\x40\x07\x00\x01\x97\x03\x1F\x00\x00")); /* PUBACK with an empty reason string */
    raw(3, VCH_STR("\x40\x03\x00\x02\x10"));                 /* nobody listens: that is no refusal */
    raw(4, VCH_STR("\x90\x09\x00\x03\x05\x1F\x00\x02no\x87"));
    raw(5, VCH_STR("\xB0\x04\x00\x04\x00\x11"));
    raw(6, VCH_STR("\xB0\x04\x00\x05\x00\x87"));
    raw(7, VCH_STR("\x40\x02\x00\x06"));
    assert_int_equal(vch_device_publish(&s.device, "t", "x", 1, 1), VCH_DEVICE_REFUSED);
    assert_int_equal(s.device.failure.code, 0x97);
    assert_int_equal(vch_device_publish(&s.device, "t", "x", 1, 1), VCH_DEVICE_OK);
    assert_int_equal(vch_device_subscribe(&s.device, "a/b", 1), VCH_DEVICE_REFUSED);
    assert_int_equal(s.device.failure.code, 0x87);
    assert_string_equal(s.device.failure.error_message, "no");
    assert_int_equal(vch_device_unsubscribe(&s.device, "a/b"), VCH_DEVICE_OK);
    assert_int_equal(vch_device_unsubscribe(&s.device, "a/b"), VCH_DEVICE_REFUSED);
    assert_int_equal(vch_device_publish(&s.device, "t", "x", 1, 1), VCH_DEVICE_OK);
    assert_int_equal(s.device.failure.code, 0);
    assert_string_equal(s.device.failure.error_message, "");
    assert_memory_equal(script_sent(&s, 4).ptr,
                        "\xA2\x08\x00\x04\x00\x00\x03"
                        "a/b",
                        10);
}

static void test_dismissed_with_a_reason(void **state) {
    (void)state;
    connected();
    raw(1, VCH_STR("\xE0\x07\x8E\x05\x1F\x00\x02"
                   "me"));
    assert_int_equal(vch_device_poll(&s.device, 5000), VCH_DEVICE_DISMISSED);
    assert_int_equal(s.device.failure.code, 0x8E);
    assert_string_equal(s.device.failure.error_message, "me");
    assert_int_equal(vch_device_poll(&s.device, 5000), VCH_DEVICE_CLOSED);
    connected();
    raw(2, VCH_STR("\xE0\x00"));
    assert_int_equal(vch_device_publish(&s.device, "t", "x", 1, 1), VCH_DEVICE_DISMISSED);
    assert_int_equal(s.device.failure.code, 0);
}

/* The stream is closed for sending, and what the server said before can be read. */
static void test_last_words_are_heard(void **state) {
    (void)state;
    connected();
    raw(0, VCH_STR("\x30\x05\x00\x01t\x00x\xE0\x01\x8B"));
    s.send_fails = VCH_DEVICE_NETWORK;
    assert_int_equal(vch_device_publish(&s.device, "t", "x", 1, 0), VCH_DEVICE_DISMISSED);
    assert_int_equal(s.device.failure.code, 0x8B);
    connected();
    s.send_fails = VCH_DEVICE_CLOSED;
    assert_int_equal(vch_device_publish(&s.device, "t", "x", 1, 0), VCH_DEVICE_CLOSED);
    assert_false(s.device.connected);
}

static void test_messages_with_properties(void **state) {
    (void)state;
    connected();
    raw(1, VCH_STR("\x32\x12\x00\x03"
                   "a/b\x00\x07\x06\x26\x00\x01k\x00\x00"
                   "five"));
    assert_int_equal(vch_device_poll(&s.device, 2000), VCH_DEVICE_OK);
    assert_string_equal(s.message_topic, "a/b");
    assert_string_equal(s.message_payload, "five");
    assert_memory_equal(script_sent(&s, 1).ptr, "\x40\x02\x00\x07", 4);
}

static void test_server_must_not_send_these(void **state) {
    (void)state;
    static const struct vch_str cases[] = {
        {"\x30\x06\x00\x00\x03\x23\x00\x01", 8},  /* an alias, which was not offered */
        {"\x30\x07\x00\x01t\x03\x23\x00\x00", 9}, /* alias zero */
        {"\x34\x06\x00\x01t\x00\x01\x00", 8},     /* QoS 2 */
        {"\xF0\x00", 2},                          /* AUTH */
        {"\xE0\x01\x04", 3 - 1},                  /* cut */
        {"\x40\x03\x00\x01\x8B", 5},              /* a reason that PUBACK does not have */
        {"\x90\x05\x00\x01\x00\x00\x00", 7},      /* two codes for one filter */
        {"\xD0\x01\x00", 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        connected();
        raw(1, cases[i]);
        enum vch_device_status status = vch_device_poll(&s.device, 2000);
        if (i != 4)
            assert_int_equal(status, VCH_DEVICE_PROTOCOL);
        else
            assert_int_equal(status, VCH_DEVICE_OK); /* waits for the rest */
    }
}

/* A server that never stops is left at last. */
static enum vch_device_status endless(void *arg, void *buf, size_t size, size_t *ret_len, int64_t deadline_ms) {
    (void)deadline_ms;
    assert_true(size >= 2);
    memcpy(buf, "\xD0\x00", *ret_len = 2);
    ((struct script *)arg)->now_ms += 7;
    return VCH_DEVICE_OK;
}

static void test_floods_end(void **state) {
    (void)state;
    connected();
    int64_t start = s.now_ms;
    s.device.options.transport.recv = endless;
    assert_int_equal(vch_device_poll(&s.device, start + 100), VCH_DEVICE_OK);
    assert_in_range(s.now_ms, start + 100, start + 100 + 10000 + 10);
    start = s.now_ms;
    assert_int_equal(vch_device_publish(&s.device, "t", "x", 1, 1), VCH_DEVICE_TIMEOUT);
    assert_in_range(s.now_ms, start, start + 10000 + 10);
}

static void test_arguments(void **state) {
    (void)state;
    struct vch_device_connect bad = CONNECT;
    script_init(&s, SCRIPT_IN, SCRIPT_OUT);
    bad.protocol = 3;
    assert_int_equal(vch_device_connect(&s.device, &bad), VCH_DEVICE_ARGUMENT);
    assert_int_equal(s.sent_len, 0);
    assert_int_equal(vch_device_unsubscribe(&s.device, "x"), VCH_DEVICE_CLOSED);
    connected();
    assert_int_equal(vch_device_unsubscribe(&s.device, ""), VCH_DEVICE_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect_says_what_fits),
        cmocka_unit_test(test_refusals_in_words),
        cmocka_unit_test(test_the_servers_limits_hold),
        cmocka_unit_test(test_acknowledgements_refuse),
        cmocka_unit_test(test_dismissed_with_a_reason),
        cmocka_unit_test(test_last_words_are_heard),
        cmocka_unit_test(test_messages_with_properties),
        cmocka_unit_test(test_server_must_not_send_these),
        cmocka_unit_test(test_floods_end),
        cmocka_unit_test(test_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
