/* The small encoders of clients write what the large ones write, and what the server's decoders read. */
#include "mqtt_bytes.h"

#include "wire/mqtt_client.h"

enum { ROOM = 300 };

static uint8_t small[ROOM], large[ROOM];

/* Every smaller room is refused and left alone. */
#define CHECK_ROOM(len, call)                                                                                          \
    for (size_t room = 0; room < (len); room++) {                                                                      \
        size_t ret;                                                                                                    \
        memset(small, 0xA5, sizeof small);                                                                             \
        assert_int_equal(call, VCH_ERR_TOO_LARGE);                                                                     \
        assert_int_equal(ret, 0);                                                                                      \
        assert_int_equal(small[room], 0xA5);                                                                           \
    }

static void check_hello(const struct vch_mqtt_hello *hello) {
    struct vch_mqtt_connect p = {
        .level = hello->level,
        .clean_session = hello->clean_session,
        .keep_alive_s = hello->keep_alive_s,
        .client_id = hello->client_id,
        .has_username = hello->username.len > 0,
        .username = hello->username,
    };
    size_t a, b;
    p.props.session_expiry_s = hello->session_expiry_s;
    p.props.receive_maximum = hello->receive_maximum;
    p.props.maximum_packet_size = hello->maximum_packet_size;
    if (hello->level == VCH_MQTT_LEVEL_5)
        p.props.present = VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_RECEIVE_MAXIMUM) |
                          VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_MAXIMUM_PACKET_SIZE) |
                          (hello->session_expiry_s ? VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_SESSION_EXPIRY) : 0);
    assert_int_equal(vch_mqtt_hello_encode(hello, small, sizeof small, &a), VCH_OK);
    assert_int_equal(vch_mqtt_connect_encode(&p, large, sizeof large, &b), VCH_OK);
    assert_int_equal(a, b);
    assert_memory_equal(small, large, a);
    CHECK_ROOM(a, vch_mqtt_hello_encode(hello, small, room, &ret));
}

static void test_hello(void **state) {
    (void)state;
    struct vch_mqtt_hello hello = {.client_id = VCH_STR("lamp"), .maximum_packet_size = 8192, .receive_maximum = 8};
    for (unsigned variant = 0; variant < 16; variant++) {
        hello.level = variant & 1 ? VCH_MQTT_LEVEL_5 : VCH_MQTT_LEVEL_311;
        hello.clean_session = variant & 2;
        hello.username = variant & 4 ? VCH_STR("u") : VCH_STR("");
        hello.session_expiry_s = variant & 8 ? 0x01020304 : 0;
        hello.keep_alive_s = (uint16_t)(variant * 1000);
        check_hello(&hello);
    }
    static char name[UINT16_MAX + 2];
    size_t ret;
    hello.client_id = vch_str_of(name, sizeof name);
    assert_int_equal(vch_mqtt_hello_encode(&hello, small, sizeof small, &ret), VCH_ERR_TOO_LARGE);
}

static void test_hello_refuses_what_no_server_takes(void **state) {
    (void)state;
    const struct vch_mqtt_hello good = {
        .level = 5, .client_id = VCH_STR("lamp"), .maximum_packet_size = 1, .receive_maximum = 1};
    struct vch_mqtt_hello bad = good;
    size_t ret;
    assert_int_equal(vch_mqtt_hello_encode(&good, small, sizeof small, &ret), VCH_OK);
    bad.maximum_packet_size = 0;
    assert_int_equal(vch_mqtt_hello_encode(&bad, small, sizeof small, &ret), VCH_ERR_INVALID);
    bad = good;
    bad.receive_maximum = 0;
    assert_int_equal(vch_mqtt_hello_encode(&bad, small, sizeof small, &ret), VCH_ERR_INVALID);
}

static void test_filter(void **state) {
    (void)state;
    for (uint8_t level = VCH_MQTT_LEVEL_311; level <= VCH_MQTT_LEVEL_5; level++) {
        for (uint8_t qos = 0; qos < 3; qos++) {
            struct vch_mqtt_subscribe p = {.packet_id = 0x1234, .level = level, .count = 1};
            size_t a, b;
            p.filters[0].filter = VCH_STR("a/+/#");
            p.filters[0].qos = qos;
            assert_int_equal(vch_mqtt_filter_encode(VCH_MQTT_SUBSCRIBE, level, 0x1234, VCH_STR("a/+/#"), qos, small,
                                                    sizeof small, &a),
                             VCH_OK);
            assert_int_equal(vch_mqtt_subscribe_encode(&p, large, sizeof large, &b), VCH_OK);
            assert_int_equal(a, b);
            assert_memory_equal(small, large, a);
            CHECK_ROOM(
                a, vch_mqtt_filter_encode(VCH_MQTT_SUBSCRIBE, level, 0x1234, VCH_STR("a/+/#"), qos, small, room, &ret));
            p.filters[0].qos = 0;
            assert_int_equal(vch_mqtt_filter_encode(VCH_MQTT_UNSUBSCRIBE, level, 0x1234, VCH_STR("a/+/#"), 0, small,
                                                    sizeof small, &a),
                             VCH_OK);
            assert_int_equal(vch_mqtt_unsubscribe_encode(&p, large, sizeof large, &b), VCH_OK);
            assert_int_equal(a, b);
            assert_memory_equal(small, large, a);
        }
    }
}

static void test_filter_refuses(void **state) {
    (void)state;
    size_t ret;
    struct vch_str f = VCH_STR("f");
    assert_int_equal(vch_mqtt_filter_encode(VCH_MQTT_PUBLISH, 4, 1, f, 0, small, ROOM, &ret), VCH_ERR_INVALID);
    assert_int_equal(vch_mqtt_filter_encode(VCH_MQTT_SUBSCRIBE, 4, 0, f, 0, small, ROOM, &ret), VCH_ERR_INVALID);
    assert_int_equal(vch_mqtt_filter_encode(VCH_MQTT_SUBSCRIBE, 4, 1, f, 3, small, ROOM, &ret), VCH_ERR_INVALID);
    assert_int_equal(vch_mqtt_filter_encode(VCH_MQTT_SUBSCRIBE, 4, 1, f, 2, small, ROOM, &ret), VCH_OK);
}

static void test_message_head(void **state) {
    (void)state;
    static const size_t lengths[] = {0, 1, 100, 200, 20000, 3000000};
    for (uint8_t level = VCH_MQTT_LEVEL_311; level <= VCH_MQTT_LEVEL_5; level++) {
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths * 2; i++) {
            uint16_t id = i & 1 ? 7 : 0;
            struct vch_mqtt_publish p = {.level = level,
                                         .qos = id ? 1 : 0,
                                         .packet_id = id,
                                         .topic = VCH_STR("a/b"),
                                         .payload = vch_str_of(small, lengths[i / 2])};
            size_t a, b;
            assert_int_equal(
                vch_mqtt_message_head_encode(level, id, VCH_STR("a/b"), lengths[i / 2], small, sizeof small, &a),
                VCH_OK);
            assert_int_equal(vch_mqtt_publish_head_encode(&p, large, sizeof large, &b), VCH_OK);
            assert_int_equal(a, b);
            assert_memory_equal(small, large, a);
            CHECK_ROOM(a, vch_mqtt_message_head_encode(level, id, VCH_STR("a/b"), lengths[i / 2], small, room, &ret));
        }
    }
    size_t ret;
    assert_int_equal(vch_mqtt_message_head_encode(4, 0, VCH_STR(""), 1, small, ROOM, &ret), VCH_ERR_INVALID);
    assert_int_equal(vch_mqtt_message_head_encode(4, 0, VCH_STR("t"), VCH_MQTT_REMAINING_MAX, small, ROOM, &ret),
                     VCH_ERR_TOO_LARGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello),        cmocka_unit_test(test_hello_refuses_what_no_server_takes),
        cmocka_unit_test(test_filter),       cmocka_unit_test(test_filter_refuses),
        cmocka_unit_test(test_message_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
