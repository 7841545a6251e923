/* Encoded bytes against bytes written by hand, decode(encode(x)) == x over many
 * random packets, and what encoders refuse. */
#include <stdlib.h>

#include "mqtt_bytes.h"

static void assert_bytes(const uint8_t *got, size_t len, struct vch_str want) {
    assert_int_equal(len, want.len);
    assert_memory_equal(got, want.ptr, len);
}

static void golden_bytes(void **state) {
    (void)state;
    uint8_t out[128];
    size_t len;
    struct vch_mqtt_connect connect = {.level = 4,
                                       .has_will = true,
                                       .will_qos = 1,
                                       .will_retain = true,
                                       .has_username = true,
                                       .has_password = true,
                                       .keep_alive_s = 1200,
                                       .client_id = VCH_STR("dev"),
                                       .will_topic = VCH_STR("a/b"),
                                       .will_payload = VCH_STR("\x00\xFF"),
                                       .username = VCH_STR("?SDK"),
                                       .password = VCH_STR("p\x00w")};
    assert_int_equal(vch_mqtt_connect_encode(&connect, out, sizeof out, &len), VCH_OK);
    assert_bytes(out, len,
                 BYTES("\x10\x23\x00\x04"
                       "MQTT"
                       "\x04\xEC\x04\xB0"
                       "\x00\x03"
                       "dev"
                       "\x00\x03"
                       "a/b"
                       "\x00\x02"
                       "\x00\xFF"
                       "\x00\x04"
                       "?SDK"
                       "\x00\x03"
                       "p\x00w"));
    struct vch_mqtt_connack connack = {.code = 5};
    assert_int_equal(vch_mqtt_connack_encode(&connack, out, sizeof out, &len), VCH_OK);
    assert_bytes(out, len, BYTES("\x20\x02\x00\x05"));
    struct vch_mqtt_publish publish = {
        .dup = true, .retain = true, .qos = 1, .packet_id = 65535, .topic = VCH_STR("a"), .payload = VCH_STR("xyz")};
    assert_int_equal(vch_mqtt_publish_head_encode(&publish, out, sizeof out, &len), VCH_OK);
    assert_bytes(out, len,
                 BYTES("\x3B\x08\x00\x01"
                       "a"
                       "\xFF\xFF"));
    struct vch_mqtt_subscribe subscribe = {
        .packet_id = 10,
        .filters = {{.filter = VCH_STR("a/#"), .qos = 1}, {.filter = VCH_STR("b"), .qos = 0}},
        .count = 2};
    assert_int_equal(vch_mqtt_subscribe_encode(&subscribe, out, sizeof out, &len), VCH_OK);
    assert_bytes(out, len,
                 BYTES("\x82\x0C\x00\x0A\x00\x03"
                       "a/#"
                       "\x01\x00\x01"
                       "b"
                       "\x00"));
    assert_int_equal(vch_mqtt_unsubscribe_encode(&subscribe, out, sizeof out, &len), VCH_OK);
    assert_bytes(out, len,
                 BYTES("\xA2\x0A\x00\x0A\x00\x03"
                       "a/#"
                       "\x00\x01"
                       "b"));
    struct vch_mqtt_suback suback = {.packet_id = 10, .codes = {0, 1, 0x80}, .count = 3};
    assert_int_equal(vch_mqtt_suback_encode(&suback, out, sizeof out, &len), VCH_OK);
    assert_bytes(out, len, BYTES("\x90\x05\x00\x0A\x00\x01\x80"));
}

static void golden_small_packets(void **state) {
    (void)state;
    static const struct {
        enum vch_mqtt_type type;
        struct vch_str bytes;
    } rows[] = {
        {VCH_MQTT_PUBACK, BYTES("\x40\x02\x12\x34")},   {VCH_MQTT_PUBREC, BYTES("\x50\x02\x12\x34")},
        {VCH_MQTT_PUBREL, BYTES("\x62\x02\x12\x34")},   {VCH_MQTT_PUBCOMP, BYTES("\x70\x02\x12\x34")},
        {VCH_MQTT_UNSUBACK, BYTES("\xB0\x02\x12\x34")}, {VCH_MQTT_PINGREQ, BYTES("\xC0\x00")},
        {VCH_MQTT_PINGRESP, BYTES("\xD0\x00")},         {VCH_MQTT_DISCONNECT, BYTES("\xE0\x00")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t out[4];
        size_t len;
        bool ack = rows[i].bytes.len == 4;
        if (ack)
            assert_int_equal(vch_mqtt_ack_encode(rows[i].type, 0x1234, out, sizeof out, &len), VCH_OK);
        else
            assert_int_equal(vch_mqtt_empty_encode(rows[i].type, out, sizeof out, &len), VCH_OK);
        assert_bytes(out, len, rows[i].bytes);
        assert_int_equal(ack ? vch_mqtt_empty_encode(rows[i].type, out, sizeof out, &len)
                             : vch_mqtt_ack_encode(rows[i].type, 1, out, sizeof out, &len),
                         VCH_ERR_INVALID);
        assert_int_equal(len, 0);
    }
}

/* A payload that makes the length cross each byte boundary. */
static void publish_lengths(void **state) {
    (void)state;
    static const struct {
        size_t payload;
        struct vch_str head;
    } rows[] = {
        {124, BYTES("\x30\x7F\x00\x01"
                    "a")},
        {125, BYTES("\x30\x80\x01\x00\x01"
                    "a")},
        {16380, BYTES("\x30\xFF\x7F\x00\x01"
                      "a")},
        {16381, BYTES("\x30\x80\x80\x01\x00\x01"
                      "a")},
        {2097149, BYTES("\x30\x80\x80\x80\x01\x00\x01"
                        "a")},
        {268435452, BYTES("\x30\xFF\xFF\xFF\x7F\x00\x01"
                          "a")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vch_mqtt_publish p = {.topic = VCH_STR("a"), .payload = {"", rows[i].payload}};
        uint8_t out[16];
        size_t len;
        assert_int_equal(vch_mqtt_publish_head_encode(&p, out, sizeof out, &len), VCH_OK);
        assert_bytes(out, len, rows[i].head);
    }
    struct vch_mqtt_publish p = {.topic = VCH_STR("a"), .payload = {"", 268435453}};
    uint8_t out[16];
    size_t len;
    assert_int_equal(vch_mqtt_publish_head_encode(&p, out, sizeof out, &len), VCH_ERR_TOO_LARGE);
    p.payload.len = SIZE_MAX;
    assert_int_equal(vch_mqtt_publish_head_encode(&p, out, sizeof out, &len), VCH_ERR_TOO_LARGE);
}

/* ---- decode(encode(x)) == x ---------------------------------------------- */

static unsigned seed = 20261123;

static unsigned any(unsigned below) {
    return (unsigned)rand_r(&seed) % below;
}

static struct vch_str any_text(char *buf, size_t max) {
    static const char *const letters[] = {"a",    "/",   "+", "#", "$", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
                                          "\x01", "\x7F"};
    size_t len = 0;
    for (unsigned n = any(20); n > 0; n--) {
        const char *letter = letters[any(10)];
        if (len + strlen(letter) > max) break;
        memcpy(buf + len, letter, strlen(letter));
        len += strlen(letter);
    }
    return vch_str_of(buf, len);
}

static struct vch_str any_bytes(char *buf, size_t max) {
    size_t len = any((unsigned)max + 1);
    for (size_t i = 0; i < len; i++) buf[i] = (char)any(256);
    return vch_str_of(buf, len);
}

static void round_trip_connect(void) {
    char text[5][80];
    struct vch_mqtt_connect in = {.level = 4,
                                  .clean_session = any(2),
                                  .has_will = any(2),
                                  .has_username = any(2),
                                  .keep_alive_s = (uint16_t)any(65536)},
                            back;
    in.has_password = in.has_username && any(2);
    in.client_id = any_text(text[0], 80);
    if (in.has_will) {
        in.will_qos = (uint8_t)any(3);
        in.will_retain = any(2);
        in.will_topic = any_text(text[1], 80);
        in.will_payload = any_bytes(text[2], 80);
    }
    if (in.has_username) in.username = any_text(text[3], 80);
    if (in.has_password) in.password = any_bytes(text[4], 80);
    uint8_t out[512];
    size_t len;
    assert_int_equal(vch_mqtt_connect_encode(&in, out, sizeof out, &len), VCH_OK);
    struct vch_mqtt_frame frame = whole(vch_str_of(out, len));
    assert_int_equal(vch_mqtt_connect_decode(&frame, &back), VCH_OK);
    assert_true(back.level == 4 && back.clean_session == in.clean_session && back.keep_alive_s == in.keep_alive_s);
    assert_true(back.has_will == in.has_will && back.has_username == in.has_username &&
                back.has_password == in.has_password);
    assert_true(back.will_qos == in.will_qos && back.will_retain == in.will_retain);
    assert_true(vch_str_eq(back.client_id, in.client_id) && vch_str_eq(back.will_topic, in.will_topic));
    assert_true(vch_str_eq(back.will_payload, in.will_payload) && vch_str_eq(back.username, in.username) &&
                vch_str_eq(back.password, in.password));
}

static void round_trip_publish(void) {
    char topic[80], payload[300];
    struct vch_mqtt_publish in = {.qos = (uint8_t)any(3),
                                  .retain = any(2),
                                  .topic = any_text(topic, 80),
                                  .payload = any_bytes(payload, 300)},
                            back;
    in.dup = in.qos > 0 && any(2);
    in.packet_id = in.qos > 0 ? (uint16_t)(1 + any(65535)) : 0;
    uint8_t out[512];
    size_t len;
    assert_int_equal(vch_mqtt_publish_head_encode(&in, out, sizeof out, &len), VCH_OK);
    memcpy(out + len, payload, in.payload.len);
    struct vch_mqtt_frame frame = whole(vch_str_of(out, len + in.payload.len));
    assert_int_equal(vch_mqtt_publish_decode(&frame, &back), VCH_OK);
    assert_true(back.dup == in.dup && back.retain == in.retain && back.qos == in.qos && back.packet_id == in.packet_id);
    assert_true(vch_str_eq(back.topic, in.topic) && vch_str_eq(back.payload, in.payload));
}

static void round_trip_filters(bool subscribe) {
    static char text[VCH_MQTT_FILTERS_MAX][40];
    struct vch_mqtt_subscribe in = {.packet_id = (uint16_t)(1 + any(65535)), .count = 1 + any(VCH_MQTT_FILTERS_MAX)},
                              back;
    for (size_t i = 0; i < in.count; i++)
        in.filters[i] =
            (struct vch_mqtt_filter){.filter = any_text(text[i], 40), .qos = subscribe ? (uint8_t)any(3) : 0};
    uint8_t out[4096];
    size_t len;
    assert_int_equal((subscribe ? vch_mqtt_subscribe_encode : vch_mqtt_unsubscribe_encode)(&in, out, sizeof out, &len),
                     VCH_OK);
    struct vch_mqtt_frame frame = whole(vch_str_of(out, len));
    assert_int_equal((subscribe ? vch_mqtt_subscribe_decode : vch_mqtt_unsubscribe_decode)(&frame, &back), VCH_OK);
    assert_true(back.packet_id == in.packet_id && back.count == in.count);
    for (size_t i = 0; i < in.count; i++)
        assert_true(back.filters[i].qos == in.filters[i].qos &&
                    vch_str_eq(back.filters[i].filter, in.filters[i].filter));
}

static void round_trip_suback(void) {
    struct vch_mqtt_suback in = {.packet_id = (uint16_t)(1 + any(65535)), .count = 1 + any(VCH_MQTT_FILTERS_MAX)}, back;
    for (size_t i = 0; i < in.count; i++) in.codes[i] = (uint8_t[]){0, 1, 2, 0x80}[any(4)];
    uint8_t out[128];
    size_t len;
    assert_int_equal(vch_mqtt_suback_encode(&in, out, sizeof out, &len), VCH_OK);
    struct vch_mqtt_frame frame = whole(vch_str_of(out, len));
    assert_int_equal(vch_mqtt_suback_decode(&frame, &back), VCH_OK);
    assert_true(back.packet_id == in.packet_id && back.count == in.count);
    assert_memory_equal(back.codes, in.codes, in.count);
}

static void round_trips(void **state) {
    (void)state;
    for (int i = 0; i < 2000; i++) {
        round_trip_connect();
        round_trip_publish();
        round_trip_filters(true);
        round_trip_filters(false);
        round_trip_suback();
    }
}

/* ---- refusals ------------------------------------------------------------ */

/* Every size below the packet's own is TOO_LARGE, and nothing is written past it. */
static void too_small_memory(void **state) {
    (void)state;
    struct vch_mqtt_connect connect = {.level = 4, .client_id = VCH_STR("dev")};
    struct vch_mqtt_publish publish = {.qos = 1, .packet_id = 1, .topic = VCH_STR("a/b")};
    struct vch_mqtt_subscribe subscribe = {
        .packet_id = 1, .filters = {{.filter = VCH_STR("a/#"), .qos = 1}}, .count = 1};
    struct vch_mqtt_suback suback = {.packet_id = 1, .codes = {1}, .count = 1};
    for (size_t size = 0; size <= 17; size++) {
        uint8_t *out = malloc(size + 1); /* exact, for ASan */
        assert_non_null(out);
        out[size] = 0xA5;
        size_t len;
        assert_int_equal(vch_mqtt_connect_encode(&connect, out, size, &len), size >= 17 ? VCH_OK : VCH_ERR_TOO_LARGE);
        assert_int_equal(vch_mqtt_publish_head_encode(&publish, out, size, &len),
                         size >= 9 ? VCH_OK : VCH_ERR_TOO_LARGE);
        assert_int_equal(vch_mqtt_subscribe_encode(&subscribe, out, size, &len),
                         size >= 10 ? VCH_OK : VCH_ERR_TOO_LARGE);
        assert_int_equal(vch_mqtt_suback_encode(&suback, out, size, &len), size >= 5 ? VCH_OK : VCH_ERR_TOO_LARGE);
        assert_int_equal(vch_mqtt_ack_encode(VCH_MQTT_PUBACK, 1, out, size, &len),
                         size >= 4 ? VCH_OK : VCH_ERR_TOO_LARGE);
        assert_int_equal(vch_mqtt_empty_encode(VCH_MQTT_PINGREQ, out, size, &len),
                         size >= 2 ? VCH_OK : VCH_ERR_TOO_LARGE);
        assert_int_equal(len, size >= 2 ? 2 : 0);
        assert_int_equal(out[size], 0xA5);
        free(out);
    }
}

static void invalid_structs(void **state) {
    (void)state;
    uint8_t out[64];
    size_t len;
    const struct vch_mqtt_connect connects[] = {
        {.level = 6},
        {.level = 4, .has_will = true, .will_qos = 3},
        {.level = 4, .will_qos = 1},
        {.level = 4, .has_password = true},
        {.level = 4, .username = VCH_STR("u")},
        {.level = 4, .will_topic = VCH_STR("t")},
    };
    for (size_t i = 0; i < sizeof connects / sizeof *connects; i++)
        assert_int_equal(vch_mqtt_connect_encode(&connects[i], out, sizeof out, &len), VCH_ERR_INVALID);
    const struct vch_mqtt_publish publishes[] = {
        {.qos = 3, .packet_id = 1, .topic = VCH_STR("a")},
        {.dup = true, .topic = VCH_STR("a")},
        {.qos = 1, .topic = VCH_STR("a")},
        {.packet_id = 1, .topic = VCH_STR("a")},
    };
    for (size_t i = 0; i < sizeof publishes / sizeof *publishes; i++)
        assert_int_equal(vch_mqtt_publish_head_encode(&publishes[i], out, sizeof out, &len), VCH_ERR_INVALID);
    struct vch_mqtt_subscribe subscribe = {.packet_id = 1};
    assert_int_equal(vch_mqtt_subscribe_encode(&subscribe, out, sizeof out, &len), VCH_ERR_INVALID);
    subscribe =
        (struct vch_mqtt_subscribe){.packet_id = 0, .filters = {{.filter = VCH_STR("a"), .qos = 0}}, .count = 1};
    assert_int_equal(vch_mqtt_unsubscribe_encode(&subscribe, out, sizeof out, &len), VCH_ERR_INVALID);
    subscribe =
        (struct vch_mqtt_subscribe){.packet_id = 1, .filters = {{.filter = VCH_STR("a"), .qos = 3}}, .count = 1};
    assert_int_equal(vch_mqtt_subscribe_encode(&subscribe, out, sizeof out, &len), VCH_ERR_INVALID);
    struct vch_mqtt_suback suback = {.packet_id = 1, .codes = {3}, .count = 1};
    assert_int_equal(vch_mqtt_suback_encode(&suback, out, sizeof out, &len), VCH_ERR_INVALID);
    assert_int_equal(
        vch_mqtt_connack_encode(&(struct vch_mqtt_connack){.session_present = true, .code = 5}, out, sizeof out, &len),
        VCH_ERR_INVALID);
    assert_int_equal(vch_mqtt_ack_encode(VCH_MQTT_PUBACK, 0, out, sizeof out, &len), VCH_ERR_INVALID);
}

static void strings_over_16_bits(void **state) {
    (void)state;
    static char text[65537];
    static uint8_t out[70000];
    memset(text, 'a', sizeof text);
    size_t len;
    struct vch_mqtt_connect p = {.level = 4, .client_id = {text, 65535}};
    assert_int_equal(vch_mqtt_connect_encode(&p, out, sizeof out, &len), VCH_OK);
    p.client_id.len = 65536;
    assert_int_equal(vch_mqtt_connect_encode(&p, out, sizeof out, &len), VCH_ERR_TOO_LARGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_bytes),         cmocka_unit_test(golden_small_packets),
        cmocka_unit_test(publish_lengths),      cmocka_unit_test(round_trips),
        cmocka_unit_test(too_small_memory),     cmocka_unit_test(invalid_structs),
        cmocka_unit_test(strings_over_16_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
