/* Well-formed packets, byte by byte, as MQTT 3.1.1 section 3 lays them out. */
#include "mqtt_bytes.h"

static void frame_asks_for_more_bytes(void **state) {
    (void)state;
    static const struct {
        struct vch_str bytes;
        size_t size;
    } rows[] = {
        {BYTES(""), 0},
        {BYTES("\x30"), 0},
        {BYTES("\x30\x80"), 0},
        {BYTES("\x30\xFF\xFF\xFF"), 0},
        {BYTES("\x30\x05"
               "ab"),
         7},
        {BYTES("\x30\x80\x01"), 131},
        {BYTES("\x30\xFF\xFF\xFF\x7F"), 268435460},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vch_mqtt_frame frame;
        size_t size = 99;
        assert_int_equal(vch_mqtt_frame_decode(rows[i].bytes, &frame, &size), VCH_OK);
        assert_false(frame.whole);
        assert_int_equal(size, rows[i].size);
    }
}

/* [MQTT-2.2.3] table 2.4: the edges of one to four bytes. */
static void frame_lengths(void **state) {
    (void)state;
    static const struct {
        struct vch_str head;
        size_t remaining;
    } rows[] = {
        {BYTES("\x30\x00"), 0},
        {BYTES("\x30\x7F"), 127},
        {BYTES("\x30\x80\x01"), 128},
        {BYTES("\x30\xFF\x7F"), 16383},
        {BYTES("\x30\x80\x80\x01"), 16384},
        {BYTES("\x30\xFF\xFF\x7F"), 2097151},
        {BYTES("\x30\x80\x80\x80\x01"), 2097152},
        {BYTES("\x30\xFF\xFF\xFF\x7F"), 268435455},
        {BYTES("\x30\x85\x80\x00"), 5}, /* padded: allowed by 3.1.1 */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vch_mqtt_frame frame;
        size_t size;
        assert_int_equal(vch_mqtt_frame_decode(rows[i].head, &frame, &size), VCH_OK);
        assert_int_equal(size, rows[i].head.len + rows[i].remaining);
    }
}

static void frame_takes_the_first_packet_only(void **state) {
    (void)state;
    struct vch_mqtt_frame frame;
    size_t size;
    assert_int_equal(vch_mqtt_frame_decode(BYTES("\x40\x02\x12\x34\xC0\x00"), &frame, &size), VCH_OK);
    assert_true(frame.whole);
    assert_int_equal(frame.type, VCH_MQTT_PUBACK);
    assert_int_equal(size, 4);
    assert_int_equal(frame.body.len, 2);
}

static void connect_smallest(void **state) {
    (void)state;
    struct vch_mqtt_frame frame = whole(BYTES("\x10\x0C\x00\x04"
                                              "MQTT"
                                              "\x04\x02\x00\x3C\x00\x00"));
    struct vch_mqtt_connect p;
    assert_int_equal(vch_mqtt_connect_decode(&frame, &p), VCH_OK);
    assert_int_equal(p.level, 4);
    assert_true(p.clean_session);
    assert_int_equal(p.keep_alive_s, 60);
    assert_int_equal(p.client_id.len, 0);
    assert_false(p.has_will || p.has_username || p.has_password);
}

static void connect_with_everything(void **state) {
    (void)state;
    struct vch_mqtt_frame frame = whole(BYTES("\x10\x23\x00\x04"
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
    struct vch_mqtt_connect p;
    assert_int_equal(vch_mqtt_connect_decode(&frame, &p), VCH_OK);
    assert_false(p.clean_session);
    assert_int_equal(p.keep_alive_s, 1200);
    assert_str(p.client_id, "dev");
    assert_true(p.has_will && p.will_retain);
    assert_int_equal(p.will_qos, 1);
    assert_str(p.will_topic, "a/b");
    assert_true(vch_str_eq(p.will_payload, BYTES("\x00\xFF")));
    assert_str(p.username, "?SDK");
    assert_true(vch_str_eq(p.password, BYTES("p\x00w")));
}

/* [MQTT-3.1.2-2]: the level is told, nothing else is looked at. */
static void connect_of_other_levels(void **state) {
    (void)state;
    static const struct {
        struct vch_str bytes;
        uint8_t level;
    } rows[] = {
        {BYTES("\x10\x0D\x00\x04"
               "MQTT"
               "\x07\x02\x00\x3C\x00\x00\x00"),
         7},
        {BYTES("\x10\x0E\x00\x06"
               "MQIsdp"
               "\x03\x02\x00\x3C\x00\x00"),
         3},
        {BYTES("\x10\x07\x00\x04"
               "MQTT"
               "\x06"),
         6},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vch_mqtt_frame frame = whole(rows[i].bytes);
        struct vch_mqtt_connect p;
        assert_int_equal(vch_mqtt_connect_decode(&frame, &p), VCH_OK);
        assert_int_equal(p.level, rows[i].level);
        assert_false(p.clean_session);
    }
}

static void connack(void **state) {
    (void)state;
    struct vch_mqtt_frame frame = whole(BYTES("\x20\x02\x01\x00"));
    struct vch_mqtt_connack p;
    assert_int_equal(vch_mqtt_connack_decode(&frame, &p), VCH_OK);
    assert_true(p.session_present);
    frame = whole(BYTES("\x20\x02\x00\x05"));
    assert_int_equal(vch_mqtt_connack_decode(&frame, &p), VCH_OK);
    assert_false(p.session_present);
    assert_int_equal(p.code, 5);
}

static void publish(void **state) {
    (void)state;
    static const struct {
        struct vch_str bytes;
        bool dup, retain;
        uint8_t qos;
        uint16_t packet_id;
        const char *topic, *payload;
    } rows[] = {
        {BYTES("\x30\x05\x00\x01"
               "a"
               "hi"),
         false, false, 0, 0, "a", "hi"},
        {BYTES("\x31\x03\x00\x01"
               "a"),
         false, true, 0, 0, "a", ""},
        {BYTES("\x32\x07\x00\x03"
               "a/b"
               "\x01\x02"),
         false, false, 1, 0x102, "a/b", ""},
        {BYTES("\x3B\x08\x00\x01"
               "a"
               "\xFF\xFF"
               "xyz"),
         true, true, 1, 65535, "a", "xyz"},
        {BYTES("\x34\x05\x00\x01"
               "a"
               "\x00\x01"),
         false, false, 2, 1, "a", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vch_mqtt_frame frame = whole(rows[i].bytes);
        struct vch_mqtt_publish p;
        assert_int_equal(vch_mqtt_publish_decode(&frame, &p), VCH_OK);
        assert_int_equal(p.dup, rows[i].dup);
        assert_int_equal(p.retain, rows[i].retain);
        assert_int_equal(p.qos, rows[i].qos);
        assert_int_equal(p.packet_id, rows[i].packet_id);
        assert_str(p.topic, rows[i].topic);
        assert_str(p.payload, rows[i].payload);
    }
}

static void subscribe(void **state) {
    (void)state;
    struct vch_mqtt_frame frame = whole(BYTES("\x82\x0D\x00\x0A\x00\x03"
                                              "a/#"
                                              "\x01\x00\x02"
                                              "+\xC3"
                                              "\x02"));
    struct vch_mqtt_subscribe p;
    assert_int_equal(vch_mqtt_subscribe_decode(&frame, &p), VCH_ERR_MALFORMED); /* half a letter */
    frame = whole(BYTES("\x82\x0E\x00\x0A\x00\x03"
                        "a/#"
                        "\x01\x00\x03"
                        "+\xC3\xA4"
                        "\x02"));
    assert_int_equal(vch_mqtt_subscribe_decode(&frame, &p), VCH_OK);
    assert_int_equal(p.packet_id, 10);
    assert_int_equal(p.count, 2);
    assert_str(p.filters[0].filter, "a/#");
    assert_int_equal(p.filters[0].qos, 1);
    assert_str(p.filters[1].filter, "+\xC3\xA4");
    assert_int_equal(p.filters[1].qos, 2);
}

static void unsubscribe(void **state) {
    (void)state;
    struct vch_mqtt_frame frame = whole(BYTES("\xA2\x08\x00\x0B\x00\x01"
                                              "a"
                                              "\x00\x01"
                                              "b"));
    struct vch_mqtt_subscribe p;
    assert_int_equal(vch_mqtt_unsubscribe_decode(&frame, &p), VCH_OK);
    assert_int_equal(p.packet_id, 11);
    assert_int_equal(p.count, 2);
    assert_str(p.filters[1].filter, "b");
}

static void suback(void **state) {
    (void)state;
    struct vch_mqtt_frame frame = whole(BYTES("\x90\x06\x00\x0A\x00\x01\x02\x80"));
    struct vch_mqtt_suback p;
    assert_int_equal(vch_mqtt_suback_decode(&frame, &p), VCH_OK);
    assert_int_equal(p.packet_id, 10);
    assert_int_equal(p.count, 4);
    assert_memory_equal(p.codes, "\x00\x01\x02\x80", 4);
}

static void acks_and_empty_packets(void **state) {
    (void)state;
    static const struct vch_str acks[] = {BYTES("\x40\x02\x12\x34"), BYTES("\x50\x02\x12\x34"),
                                          BYTES("\x62\x02\x12\x34"), BYTES("\x70\x02\x12\x34"),
                                          BYTES("\xB0\x02\x12\x34")};
    for (size_t i = 0; i < sizeof acks / sizeof *acks; i++) {
        struct vch_mqtt_frame frame = whole(acks[i]);
        uint16_t id;
        assert_int_equal(vch_mqtt_ack_decode(&frame, &id), VCH_OK);
        assert_int_equal(id, 0x1234);
        assert_int_equal(vch_mqtt_empty_decode(&frame), VCH_ERR_MALFORMED);
    }
    static const struct vch_str empties[] = {BYTES("\xC0\x00"), BYTES("\xD0\x00"), BYTES("\xE0\x00")};
    for (size_t i = 0; i < sizeof empties / sizeof *empties; i++) {
        struct vch_mqtt_frame frame = whole(empties[i]);
        uint16_t id;
        assert_int_equal(vch_mqtt_empty_decode(&frame), VCH_OK);
        assert_int_equal(vch_mqtt_ack_decode(&frame, &id), VCH_ERR_MALFORMED);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_asks_for_more_bytes),
        cmocka_unit_test(frame_lengths),
        cmocka_unit_test(frame_takes_the_first_packet_only),
        cmocka_unit_test(connect_smallest),
        cmocka_unit_test(connect_with_everything),
        cmocka_unit_test(connect_of_other_levels),
        cmocka_unit_test(connack),
        cmocka_unit_test(publish),
        cmocka_unit_test(subscribe),
        cmocka_unit_test(unsubscribe),
        cmocka_unit_test(suback),
        cmocka_unit_test(acks_and_empty_packets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
