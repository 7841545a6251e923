/* One good packet of each type and its mutations: the good one passes, each
 * mutation is refused by the rule that the row names. Then every cut of every
 * good packet, and every packet in every other decoder. */
#include "mqtt_bytes.h"

static enum vch_err decode_as(enum vch_mqtt_type type, const struct vch_mqtt_frame *frame) {
    union {
        struct vch_mqtt_connect connect;
        struct vch_mqtt_connack connack;
        struct vch_mqtt_publish publish;
        struct vch_mqtt_subscribe subscribe;
        struct vch_mqtt_suback suback;
        uint16_t id;
    } p;
    switch (type) {
    case VCH_MQTT_CONNECT: return vch_mqtt_connect_decode(frame, &p.connect);
    case VCH_MQTT_CONNACK: return vch_mqtt_connack_decode(frame, &p.connack);
    case VCH_MQTT_PUBLISH: return vch_mqtt_publish_decode(frame, &p.publish);
    case VCH_MQTT_SUBSCRIBE: return vch_mqtt_subscribe_decode(frame, &p.subscribe);
    case VCH_MQTT_UNSUBSCRIBE: return vch_mqtt_unsubscribe_decode(frame, &p.subscribe);
    case VCH_MQTT_SUBACK: return vch_mqtt_suback_decode(frame, &p.suback);
    case VCH_MQTT_PINGREQ:
    case VCH_MQTT_PINGRESP:
    case VCH_MQTT_DISCONNECT: return vch_mqtt_empty_decode(frame);
    default: return vch_mqtt_ack_decode(frame, &p.id);
    }
}

static enum vch_err decode(struct vch_str bytes) {
    struct vch_mqtt_frame frame;
    size_t size;
    enum vch_err err = vch_mqtt_frame_decode(bytes, &frame, &size);
    if (err != VCH_OK) return err;
    assert_true(frame.whole);
    assert_int_equal(size, bytes.len);
    return decode_as(frame.type, &frame);
}

static const struct {
    const char *name;
    struct vch_str bytes;
} good[] = {
    {"connect", BYTES("\x10\x23\x00\x04"
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
                      "p\x00w")},
    {"connect, no will", BYTES("\x10\x0D\x00\x04"
                               "MQTT"
                               "\x04\x02\x00\x3C\x00\x01"
                               "d")},
    {"connack", BYTES("\x20\x02\x01\x00")},
    {"publish 0", BYTES("\x30\x05\x00\x01"
                        "a"
                        "hi")},
    {"publish 1", BYTES("\x3A\x05\x00\x01"
                        "a"
                        "\x00\x01")},
    {"puback", BYTES("\x40\x02\x00\x01")},
    {"pubrec", BYTES("\x50\x02\x00\x01")},
    {"pubrel", BYTES("\x62\x02\x00\x01")},
    {"pubcomp", BYTES("\x70\x02\x00\x01")},
    {"subscribe", BYTES("\x82\x0A\x00\x0A\x00\x01"
                        "a"
                        "\x01\x00\x01"
                        "b"
                        "\x00")},
    {"suback", BYTES("\x90\x04\x00\x0A\x01\x80")},
    {"unsubscribe", BYTES("\xA2\x08\x00\x0B\x00\x01"
                          "a"
                          "\x00\x01"
                          "b")},
    {"unsuback", BYTES("\xB0\x02\x00\x01")},
    {"pingreq", BYTES("\xC0\x00")},
    {"pingresp", BYTES("\xD0\x00")},
    {"disconnect", BYTES("\xE0\x00")},
};
static const struct {
    const char *rule;
    struct vch_str bytes;
    enum vch_err err;
} bad[] = {
    /* fixed header */
    {"[MQTT-2.2.1] type 0 is reserved", BYTES("\x00\x00"), VCH_ERR_MALFORMED},
    {"[MQTT-2.2.1] type 15 is reserved", BYTES("\xF0\x00"), VCH_ERR_MALFORMED},
    {"[MQTT-2.2.3] five bytes of length", BYTES("\x30\xFF\xFF\xFF\xFF\x01"), VCH_ERR_MALFORMED},
    {"[MQTT-2.2.3] length that never ends", BYTES("\x30\x80\x80\x80\x80"), VCH_ERR_MALFORMED},
    {"[MQTT-2.2.2-2] TLS where MQTT should be: flags of the first byte", BYTES("\x16\x03\x01"), VCH_ERR_MALFORMED},
    /* CONNECT */
    {"[MQTT-2.2.2-1] CONNECT flags",
     BYTES("\x11\x0D\x00\x04"
           "MQTT"
           "\x04\x02\x00\x3C\x00\x01"
           "d"),
     VCH_ERR_MALFORMED},
    {"[MQTT-3.1.2-1] protocol name",
     BYTES("\x10\x0D\x00\x04"
           "MQTX"
           "\x04\x02\x00\x3C\x00\x01"
           "d"),
     VCH_ERR_MALFORMED},
    {"[MQTT-3.1.2-1] name of 3.1 with a level of its own",
     BYTES("\x10\x0F\x00\x06"
           "MQIsdp"
           "\x04\x02\x00\x3C\x00\x01"
           "d"),
     VCH_ERR_MALFORMED},
    {"[MQTT-3.1.2-3] reserved connect flag",
     BYTES("\x10\x0D\x00\x04"
           "MQTT"
           "\x04\x03\x00\x3C\x00\x01"
           "d"),
     VCH_ERR_MALFORMED},
    {"[MQTT-3.1.2-13] will QoS without a will",
     BYTES("\x10\x0D\x00\x04"
           "MQTT"
           "\x04\x0A\x00\x3C\x00\x01"
           "d"),
     VCH_ERR_MALFORMED},
    {"[MQTT-3.1.2-15] will retain without a will",
     BYTES("\x10\x0D\x00\x04"
           "MQTT"
           "\x04\x22\x00\x3C\x00\x01"
           "d"),
     VCH_ERR_MALFORMED},
    {"[MQTT-3.1.2-14] will QoS 3",
     BYTES("\x10\x12\x00\x04"
           "MQTT"
           "\x04\x1E\x00\x3C\x00\x01"
           "d"
           "\x00\x01"
           "t"
           "\x00\x00"),
     VCH_ERR_MALFORMED},
    {"[MQTT-3.1.2-22] password without a user name",
     BYTES("\x10\x0F\x00\x04"
           "MQTT"
           "\x04\x42\x00\x3C\x00\x01"
           "d"
           "\x00\x00"),
     VCH_ERR_MALFORMED},
    {"[MQTT-3.1.3-1] will announced, absent",
     BYTES("\x10\x0D\x00\x04"
           "MQTT"
           "\x04\x06\x00\x3C\x00\x01"
           "d"),
     VCH_ERR_MALFORMED},
    {"[MQTT-3.1.3-4] client id not UTF-8",
     BYTES("\x10\x0D\x00\x04"
           "MQTT"
           "\x04\x02\x00\x3C\x00\x01"
           "\xFF"),
     VCH_ERR_MALFORMED},
    {"[MQTT-1.5.3-1] surrogate in the client id",
     BYTES("\x10\x0F\x00\x04"
           "MQTT"
           "\x04\x02\x00\x3C\x00\x03"
           "\xED\xA0\x80"),
     VCH_ERR_MALFORMED},
    {"[MQTT-1.5.3-2] U+0000 in the client id",
     BYTES("\x10\x0D\x00\x04"
           "MQTT"
           "\x04\x02\x00\x3C\x00\x01"
           "\x00"),
     VCH_ERR_MALFORMED},
    {"[MQTT-3.1.3-11] user name not UTF-8",
     BYTES("\x10\x10\x00\x04"
           "MQTT"
           "\x04\x82\x00\x3C\x00\x01"
           "d"
           "\x00\x01"
           "\xC0"),
     VCH_ERR_MALFORMED},
    {"[MQTT-3.1.3-10] will topic not UTF-8",
     BYTES("\x10\x12\x00\x04"
           "MQTT"
           "\x04\x06\x00\x3C\x00\x01"
           "d"
           "\x00\x01"
           "\x80"
           "\x00\x00"),
     VCH_ERR_MALFORMED},
    {"client id longer than the packet",
     BYTES("\x10\x0D\x00\x04"
           "MQTT"
           "\x04\x02\x00\x3C\x00\x02"
           "d"),
     VCH_ERR_MALFORMED},
    {"bytes after the client id",
     BYTES("\x10\x0E\x00\x04"
           "MQTT"
           "\x04\x02\x00\x3C\x00\x01"
           "dd"),
     VCH_ERR_MALFORMED},
    {"empty CONNECT", BYTES("\x10\x00"), VCH_ERR_MALFORMED},
    /* CONNACK */
    {"[MQTT-2.2.2-1] CONNACK flags", BYTES("\x21\x02\x00\x00"), VCH_ERR_MALFORMED},
    {"[MQTT-3.2.2] reserved acknowledge flags", BYTES("\x20\x02\x02\x00"), VCH_ERR_MALFORMED},
    {"[MQTT-3.2.2-4] session present with a refusal", BYTES("\x20\x02\x01\x05"), VCH_ERR_MALFORMED},
    {"CONNACK of one byte", BYTES("\x20\x01\x00"), VCH_ERR_MALFORMED},
    {"CONNACK of three bytes", BYTES("\x20\x03\x00\x00\x00"), VCH_ERR_MALFORMED},
    /* PUBLISH */
    {"[MQTT-3.3.1-4] QoS 3",
     BYTES("\x36\x05\x00\x01"
           "a"
           "\x00\x01"),
     VCH_ERR_MALFORMED},
    {"[MQTT-3.3.1-2] DUP with QoS 0",
     BYTES("\x38\x05\x00\x01"
           "a"
           "hi"),
     VCH_ERR_MALFORMED},
    {"[MQTT-2.3.1-1] packet id 0",
     BYTES("\x32\x05\x00\x01"
           "a"
           "\x00\x00"),
     VCH_ERR_MALFORMED},
    {"[MQTT-3.3.2-1] topic not UTF-8",
     BYTES("\x30\x03\x00\x01"
           "\xFE"),
     VCH_ERR_MALFORMED},
    {"[MQTT-1.5.3-2] U+0000 in the topic",
     BYTES("\x30\x05\x00\x03"
           "a\x00"
           "b"),
     VCH_ERR_MALFORMED},
    {"topic longer than the packet",
     BYTES("\x30\x03\x00\x02"
           "a"),
     VCH_ERR_MALFORMED},
    {"QoS 1 without a packet id",
     BYTES("\x32\x03\x00\x01"
           "a"),
     VCH_ERR_MALFORMED},
    {"empty PUBLISH", BYTES("\x30\x00"), VCH_ERR_MALFORMED},
    /* acknowledgements */
    {"[MQTT-2.2.2-1] PUBACK flags", BYTES("\x42\x02\x00\x01"), VCH_ERR_MALFORMED},
    {"[MQTT-2.2.2-1] PUBREC flags", BYTES("\x52\x02\x00\x01"), VCH_ERR_MALFORMED},
    {"[MQTT-3.6.1-1] PUBREL flags", BYTES("\x60\x02\x00\x01"), VCH_ERR_MALFORMED},
    {"[MQTT-2.2.2-1] PUBCOMP flags", BYTES("\x71\x02\x00\x01"), VCH_ERR_MALFORMED},
    {"[MQTT-2.2.2-1] UNSUBACK flags", BYTES("\xB2\x02\x00\x01"), VCH_ERR_MALFORMED},
    {"[MQTT-2.3.1] PUBACK of packet 0", BYTES("\x40\x02\x00\x00"), VCH_ERR_MALFORMED},
    {"PUBACK of one byte", BYTES("\x40\x01\x01"), VCH_ERR_MALFORMED},
    {"PUBACK of three bytes", BYTES("\x40\x03\x00\x01\x00"), VCH_ERR_MALFORMED},
    {"empty PUBREL", BYTES("\x62\x00"), VCH_ERR_MALFORMED},
    /* SUBSCRIBE and SUBACK */
    {"[MQTT-3.8.1-1] SUBSCRIBE flags",
     BYTES("\x80\x06\x00\x0A\x00\x01"
           "a"
           "\x01"),
     VCH_ERR_MALFORMED},
    {"[MQTT-2.3.1-1] SUBSCRIBE with packet id 0",
     BYTES("\x82\x06\x00\x00\x00\x01"
           "a"
           "\x01"),
     VCH_ERR_MALFORMED},
    {"[MQTT-3.8.3-3] no filter", BYTES("\x82\x02\x00\x0A"), VCH_ERR_MALFORMED},
    {"[MQTT-3.8.3-4] QoS 3",
     BYTES("\x82\x06\x00\x0A\x00\x01"
           "a"
           "\x03"),
     VCH_ERR_MALFORMED},
    {"[MQTT-3.8.3-4] reserved bits of the QoS byte",
     BYTES("\x82\x06\x00\x0A\x00\x01"
           "a"
           "\x41"),
     VCH_ERR_MALFORMED},
    {"[MQTT-3.8.3-1] filter not UTF-8",
     BYTES("\x82\x06\x00\x0A\x00\x01"
           "\xF8"
           "\x01"),
     VCH_ERR_MALFORMED},
    {"filter without its QoS",
     BYTES("\x82\x05\x00\x0A\x00\x01"
           "a"),
     VCH_ERR_MALFORMED},
    {"filter longer than the packet",
     BYTES("\x82\x06\x00\x0A\x00\x09"
           "a"
           "\x01"),
     VCH_ERR_MALFORMED},
    {"[MQTT-2.2.2-1] SUBACK flags", BYTES("\x92\x03\x00\x0A\x01"), VCH_ERR_MALFORMED},
    {"[MQTT-3.9.3-2] return code 3", BYTES("\x90\x03\x00\x0A\x03"), VCH_ERR_MALFORMED},
    {"SUBACK without a code", BYTES("\x90\x02\x00\x0A"), VCH_ERR_MALFORMED},
    /* UNSUBSCRIBE */
    {"[MQTT-3.10.1-1] UNSUBSCRIBE flags",
     BYTES("\xA0\x05\x00\x0B\x00\x01"
           "a"),
     VCH_ERR_MALFORMED},
    {"[MQTT-2.3.1-1] UNSUBSCRIBE with packet id 0",
     BYTES("\xA2\x05\x00\x00\x00\x01"
           "a"),
     VCH_ERR_MALFORMED},
    {"[MQTT-3.10.3-2] no filter", BYTES("\xA2\x02\x00\x0B"), VCH_ERR_MALFORMED},
    {"[MQTT-3.10.3-1] filter not UTF-8",
     BYTES("\xA2\x05\x00\x0B\x00\x01"
           "\xFF"),
     VCH_ERR_MALFORMED},
    {"half a filter length",
     BYTES("\xA2\x06\x00\x0B\x00\x01"
           "a"
           "\x00"),
     VCH_ERR_MALFORMED},
    /* empty packets */
    {"[MQTT-2.2.2-1] PINGREQ flags", BYTES("\xC1\x00"), VCH_ERR_MALFORMED},
    {"PINGREQ with a body",
     BYTES("\xC0\x01"
           "x"),
     VCH_ERR_MALFORMED},
    {"[MQTT-2.2.2-1] PINGRESP flags", BYTES("\xD8\x00"), VCH_ERR_MALFORMED},
    {"[MQTT-3.14.1-1] DISCONNECT flags", BYTES("\xE2\x00"), VCH_ERR_MALFORMED},
    {"DISCONNECT with a body", BYTES("\xE0\x02\x00\x00"), VCH_ERR_MALFORMED},
};

static void good_ones_pass(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (decode(good[i].bytes) != VCH_OK) fail_msg("%s", good[i].name);
}

static void bad_ones_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (decode(bad[i].bytes) != bad[i].err) fail_msg("%s", bad[i].rule);
}

/* A body cut anywhere, with the length made to agree, is refused, except where
 * the rest is still a packet: PUBLISH's payload and whole filters or codes. */
static void cut_bodies_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct vch_str bytes = good[i].bytes;
        for (size_t cut = 2; cut < bytes.len; cut++) {
            char copy[64];
            memcpy(copy, bytes.ptr, cut);
            copy[1] = (char)(cut - 2);
            enum vch_err err = decode(vch_str_of(copy, cut));
            bool may_pass = (strncmp(good[i].name, "publish 0", 9) == 0 && cut >= 5) ||
                            (strcmp(good[i].name, "subscribe") == 0 && cut == 8) ||
                            (strcmp(good[i].name, "unsubscribe") == 0 && cut == 7) ||
                            (strcmp(good[i].name, "suback") == 0 && cut == 5);
            if ((err == VCH_OK) != may_pass) fail_msg("%s cut to %zu", good[i].name, cut);
        }
    }
}

static void no_decoder_takes_another_type(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct vch_mqtt_frame frame = whole(good[i].bytes);
        for (unsigned type = VCH_MQTT_CONNECT; type <= VCH_MQTT_SUBSCRIBE; type++) {
            struct vch_mqtt_frame other = frame;
            bool acks = frame.body.len == 2 && type >= VCH_MQTT_PUBACK && type <= VCH_MQTT_PUBCOMP;
            if (type != (unsigned)frame.type && !acks)
                assert_int_equal(decode_as((enum vch_mqtt_type)type, &other), VCH_ERR_MALFORMED);
        }
        frame.whole = false;
        assert_int_equal(decode_as(frame.type, &frame), VCH_ERR_MALFORMED);
    }
}

static void too_many_filters(void **state) {
    (void)state;
    char packet[3 + 2 + 65 * 4] = "\x82\x86\x02\x00\x01"; /* 2 + 65 * 4 = 262 */
    for (size_t i = 0; i < 65; i++)
        memcpy(packet + 5 + 4 * i,
               "\x00\x01"
               "a"
               "\x01",
               4);
    assert_int_equal(decode(vch_str_of(packet, sizeof packet)), VCH_ERR_LIMIT);
    packet[1] = (char)0x82; /* 64 filters: 258 */
    assert_int_equal(decode(vch_str_of(packet, sizeof packet - 4)), VCH_OK);
    char suback[3 + 2 + 65] = "\x90\x43\x00\x01";
    assert_int_equal(decode(vch_str_of(suback, 4 + 65)), VCH_ERR_LIMIT);
    suback[1] = 0x42;
    assert_int_equal(decode(vch_str_of(suback, 4 + 64)), VCH_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_pass),         cmocka_unit_test(bad_ones_are_refused),
        cmocka_unit_test(cut_bodies_are_refused), cmocka_unit_test(no_decoder_takes_another_type),
        cmocka_unit_test(too_many_filters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
