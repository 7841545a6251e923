/* MQTT 5 packets byte by byte, as section 3 of the specification lays them out:
 * decoded to what they say, encoded to the same bytes; then mutations of them,
 * each refused as the row says. */
#include "mqtt5_bytes.h"

static void connect_whole(void **state) {
    (void)state;
    static union packet5 p;
    struct vch_str bytes = BYTES("\x10\x32\x00\x04MQTT\x05\xEE\x00\x0A"
                                 "\x05\x11\x00\x00\x00\x0A"
                                 "\x00\x02id"
                                 "\x05\x18\x00\x00\x00\x01"
                                 "\x00\x03w/t\x00\x03\x00\x01\x02"
                                 "\x00\x04user\x00\x06secret");
    assert_int_equal(decode5(bytes, &p), VCH_OK);
    const struct vch_mqtt_connect *c = &p.connect;
    assert_int_equal(c->level, 5);
    assert_true(c->clean_session && c->has_will && c->will_retain && c->has_username && c->has_password);
    assert_int_equal(c->will_qos, 1);
    assert_int_equal(c->keep_alive_s, 10);
    assert_int_equal(c->props.session_expiry_s, 10);
    assert_int_equal(c->will_props.will_delay_s, 1);
    assert_str(c->client_id, "id");
    assert_str(c->will_topic, "w/t");
    assert_true(vch_str_eq(c->will_payload, BYTES("\x00\x01\x02")));
    assert_str(c->username, "user");
    assert_str(c->password, "secret");
}

/* Decoded before the level of the connection is known. */
static void connect_says_its_level(void **state) {
    (void)state;
    struct vch_mqtt_frame frame = whole(BYTES("\x10\x0D\x00\x04MQTT\x05\x02\x00\x3C\x00\x00\x00"));
    struct vch_mqtt_connect p;
    assert_int_equal(vch_mqtt_connect_decode(&frame, &p), VCH_OK);
    assert_int_equal(p.level, 5);
    frame = whole(BYTES("\x10\x8D\x00\x00\x04MQTT\x05\x02\x00\x3C\x00\x00\x00"));
    assert_true(frame.padded);
    assert_int_equal(vch_mqtt_connect_decode(&frame, &p), VCH_ERR_MALFORMED);
    assert_int_equal(p.level, 5);
    frame = whole(BYTES("\x10\x8C\x00\x00\x04MQTT\x04\x02\x00\x3C\x00\x00"));
    assert_int_equal(vch_mqtt_connect_decode(&frame, &p), VCH_OK); /* 3.1.1 allows it */
    frame = whole(BYTES("\x10\x0D\x00\x04MQTT\x05\x03\x00\x3C\x00\x00\x00"));
    assert_int_equal(vch_mqtt_connect_decode(&frame, &p), VCH_ERR_MALFORMED);
    assert_int_equal(p.level, 5); /* so that the refusal can be a CONNACK of MQTT 5 */
    assert_int_equal(p.client_id.len, 0);
}

static void publish_forms(void **state) {
    (void)state;
    static union packet5 p;
    assert_int_equal(decode5(BYTES("\x3D\x0B\x00\x03"
                                   "a/b\x00\x0A\x00"
                                   "hey"),
                             &p),
                     VCH_OK);
    assert_true(p.publish.dup && p.publish.retain);
    assert_int_equal(p.publish.qos, 2);
    assert_int_equal(p.publish.packet_id, 10);
    assert_int_equal(p.publish.props.present, 0);
    assert_int_equal(p.publish.props.raw.len, 0);
    assert_str(p.publish.payload, "hey");
    assert_int_equal(decode5(BYTES("\x30\x06\x00\x00\x03\x23\x00\x01"), &p), VCH_OK); /* by its alias */
    assert_int_equal(p.publish.topic.len, 0);
    assert_int_equal(p.publish.props.topic_alias, 1);
}

static void acks_in_three_lengths(void **state) {
    (void)state;
    static union packet5 p;
    assert_int_equal(decode5(BYTES("\x40\x02\x00\x0A"), &p), VCH_OK);
    assert_int_equal(p.ack.packet_id, 10);
    assert_int_equal(p.ack.reason, VCH_MQTT_RC_SUCCESS);
    assert_int_equal(decode5(BYTES("\x40\x03\x00\x0A\x10"), &p), VCH_OK);
    assert_int_equal(p.ack.reason, VCH_MQTT_RC_NO_MATCHING_SUBSCRIBERS);
    assert_int_equal(decode5(BYTES("\x40\x04\x00\x0A\x87\x00"), &p), VCH_OK);
    assert_int_equal(p.ack.reason, VCH_MQTT_RC_NOT_AUTHORIZED);
    assert_int_equal(decode5(BYTES("\x62\x08\x00\x0A\x92\x04\x1F\x00\x01r"), &p), VCH_OK);
    assert_int_equal(p.ack.reason, VCH_MQTT_RC_PACKET_ID_NOT_FOUND);
    assert_str(p.ack.props.reason_string, "r");
}

static void subscribe_options(void **state) {
    (void)state;
    static union packet5 p;
    assert_int_equal(decode5(BYTES("\x82\x0F\x00\x0A\x02\x0B\x07\x00\x03"
                                   "a/#\x2E\x00\x01"
                                   "b\x11"),
                             &p),
                     VCH_OK);
    const struct vch_mqtt_subscribe *s = &p.subscribe;
    assert_int_equal(s->count, 2);
    assert_int_equal(s->props.subscription_id, 7);
    assert_str(s->filters[0].filter, "a/#");
    assert_int_equal(s->filters[0].qos, 2);
    assert_true(s->filters[0].no_local && s->filters[0].retain_as_published);
    assert_int_equal(s->filters[0].retain_handling, 2);
    assert_int_equal(s->filters[1].qos, 1);
    assert_false(s->filters[1].no_local || s->filters[1].retain_as_published);
    assert_int_equal(s->filters[1].retain_handling, 1);
}

static void codes_of_many(void **state) {
    (void)state;
    static union packet5 p;
    assert_int_equal(decode5(BYTES("\x90\x06\x00\x0A\x00\x01\x8F\xA2"), &p), VCH_OK);
    assert_int_equal(p.suback.count, 3);
    assert_int_equal(p.suback.codes[1], VCH_MQTT_RC_TOPIC_FILTER_INVALID);
    assert_int_equal(decode5(BYTES("\xB0\x05\x00\x0A\x00\x11\x00"), &p), VCH_OK);
    assert_int_equal(p.suback.count, 2);
    assert_int_equal(p.suback.codes[0], VCH_MQTT_RC_NO_SUBSCRIPTION_EXISTED);
}

static void leaving(void **state) {
    (void)state;
    static union packet5 p;
    assert_int_equal(decode5(BYTES("\xE0\x00"), &p), VCH_OK);
    assert_int_equal(p.disconnect.reason, VCH_MQTT_RC_NORMAL_DISCONNECTION);
    assert_int_equal(decode5(BYTES("\xE0\x01\x04"), &p), VCH_OK);
    assert_int_equal(p.disconnect.reason, VCH_MQTT_RC_DISCONNECT_WITH_WILL);
    assert_int_equal(decode5(BYTES("\xE0\x07\x00\x05\x11\x00\x00\x00\x01"), &p), VCH_OK);
    assert_int_equal(p.disconnect.props.session_expiry_s, 1);
    assert_int_equal(decode5(BYTES("\xF0\x00"), &p), VCH_OK);
    assert_int_equal(decode5(BYTES("\xF0\x06\x18\x04\x15\x00\x01m"), &p), VCH_OK);
    assert_int_equal(p.disconnect.reason, VCH_MQTT_RC_CONTINUE_AUTHENTICATION);
    assert_str(p.disconnect.props.auth_method, "m");
}

/* The other level's packets: 3.1.1 knows neither properties nor reasons. */
static void levels_do_not_mix(void **state) {
    (void)state;
    struct vch_mqtt_frame frame;
    struct vch_mqtt_ack ack;
    struct vch_mqtt_disconnect leave;
    struct vch_mqtt_suback unsuback;
    size_t size;
    assert_int_equal(vch_mqtt_frame_decode(BYTES("\xF0\x00"), &frame, &size), VCH_ERR_MALFORMED);
    assert_int_equal(vch_mqtt_frame_decode_at(VCH_MQTT_LEVEL_5, BYTES("\xF0\x00"), &frame, &size), VCH_OK);
    assert_int_equal(vch_mqtt_frame_decode_at(VCH_MQTT_LEVEL_5, BYTES("\xC0\x80\x00"), &frame, &size),
                     VCH_ERR_MALFORMED);
    frame = whole(BYTES("\x40\x02\x00\x01"));
    assert_int_equal(vch_mqtt_puback_decode(&frame, &ack), VCH_OK);
    assert_int_equal(ack.packet_id, 1);
    frame = whole(BYTES("\x40\x03\x00\x01\x00"));
    assert_int_equal(vch_mqtt_puback_decode(&frame, &ack), VCH_ERR_MALFORMED);
    frame = whole(BYTES("\xE0\x01\x00"));
    assert_int_equal(vch_mqtt_disconnect_decode(&frame, &leave), VCH_ERR_MALFORMED);
    frame = whole(BYTES("\xE0\x00"));
    assert_int_equal(vch_mqtt_disconnect_decode(&frame, &leave), VCH_OK);
    frame = whole(BYTES("\xB0\x02\x00\x01"));
    assert_int_equal(vch_mqtt_unsuback_decode(&frame, &unsuback), VCH_OK);
    assert_int_equal(unsuback.count, 0);
    frame = whole(BYTES("\xB0\x03\x00\x01\x00"));
    assert_int_equal(vch_mqtt_unsuback_decode(&frame, &unsuback), VCH_ERR_MALFORMED);
    frame = whole(BYTES("\xE0\x00"));
    assert_int_equal(vch_mqtt_auth_decode(&frame, &leave), VCH_ERR_MALFORMED);
}

/* In the shortest form, which is the only one that the encoder knows. */
static const struct vch_str good[] = {
    BYTES("\x10\x0D\x00\x04MQTT\x05\x00\x00\x00\x00\x00\x00"),
    BYTES("\x10\x15\x00\x04MQTT\x05\x40\x00\x0A\x00\x00\x02id\x00\x04pass"),
    BYTES("\x10\x32\x00\x04MQTT\x05\xEE\x00\x0A\x05\x11\x00\x00\x00\x0A\x00\x02id\x05\x18\x00\x00\x00\x01"
          "\x00\x03w/t\x00\x03\x00\x01\x02\x00\x04user\x00\x06secret"),
    BYTES("\x20\x03\x00\x00\x00"),
    BYTES("\x20\x03\x01\x00\x00"),
    BYTES("\x20\x06\x00\x84\x03\x21\x00\x14"),
    BYTES("\x30\x07\x00\x03"
          "a/b\x00!"),
    BYTES("\x30\x06\x00\x00\x03\x23\x00\x01"),
    BYTES("\x3D\x0B\x00\x03"
          "a/b\x00\x0A\x00hey"),
    BYTES("\x40\x02\x00\x0A"),
    BYTES("\x40\x03\x00\x0A\x97"),
    BYTES("\x50\x08\x00\x0A\x00\x04\x1F\x00\x01r"),
    BYTES("\x62\x03\x00\x0A\x92"),
    BYTES("\x70\x02\xFF\xFF"),
    BYTES("\x82\x0F\x00\x0A\x02\x0B\x07\x00\x03"
          "a/#\x2E\x00\x01"
          "b\x11"),
    BYTES("\x90\x06\x00\x0A\x00\x00\x02\xA1"),
    BYTES("\xA2\x0E\x00\x0B\x07\x26\x00\x01n\x00\x01v\x00\x02"
          "a/"),
    BYTES("\xB0\x05\x00\x0A\x00\x11\x00"),
    BYTES("\xC0\x00"),
    BYTES("\xD0\x00"),
    BYTES("\xE0\x00"),
    BYTES("\xE0\x01\x8E"),
    BYTES("\xE0\x07\x00\x05\x11\x00\x00\x00\x01"),
    BYTES("\xF0\x00"),
    BYTES("\xF0\x06\x18\x04\x15\x00\x01m"),
};
enum { GOOD = sizeof good / sizeof *good };

static void good_ones_come_back(void **state) {
    (void)state;
    static union packet5 p;
    static struct pen again;
    for (size_t i = 0; i < GOOD; i++) {
        assert_int_equal(decode5(good[i], &p), VCH_OK);
        assert_int_equal(encode5((enum vch_mqtt_type)((uint8_t)good[i].ptr[0] >> 4), &p, &again), VCH_OK);
        assert_int_equal(again.len, good[i].len);
        assert_memory_equal(again.bytes, good[i].ptr, again.len);
    }
}

/* Into too little memory: refused, whatever the packet. */
static void encoders_keep_to_their_memory(void **state) {
    (void)state;
    for (size_t i = 0; i < GOOD; i++) {
        struct vch_mqtt_frame frame;
        size_t size, len;
        uint8_t out[64];
        static union packet5 p;
        assert_int_equal(vch_mqtt_frame_decode_at(5, good[i], &frame, &size), VCH_OK);
        if (frame.type != VCH_MQTT_CONNECT && frame.type != VCH_MQTT_SUBSCRIBE && frame.type != VCH_MQTT_CONNACK)
            continue;
        assert_int_equal(decode5_as(frame.type, &frame, &p), VCH_OK);
        for (size_t room = 0; room < good[i].len; room++) {
            memset(out, 0xA5, sizeof out);
            enum vch_err err = frame.type == VCH_MQTT_CONNECT ? vch_mqtt_connect_encode(&p.connect, out, room, &len)
                               : frame.type == VCH_MQTT_CONNACK
                                   ? vch_mqtt_connack_encode(&p.connack, out, room, &len)
                                   : vch_mqtt_subscribe_encode(&p.subscribe, out, room, &len);
            assert_int_equal(err, VCH_ERR_TOO_LARGE);
            assert_int_equal(len, 0);
            for (size_t k = room; k < sizeof out; k++) assert_int_equal(out[k], 0xA5);
        }
    }
}

/* Shorter bodies of good packets: never read past, and refused unless the rest may be left out. */
static void cut_bodies(void **state) {
    (void)state;
    static union packet5 p;
    for (size_t i = 0; i < GOOD; i++) {
        for (size_t len = 0; len + 2 < good[i].len; len++) {
            static uint8_t bytes[128];
            memcpy(bytes, good[i].ptr, len + 2);
            bytes[1] = (uint8_t)len;
            enum vch_err err = decode5(vch_str_of(bytes, len + 2), &p);
            unsigned type = bytes[0] >> 4;
            bool may_end = (type >= VCH_MQTT_PUBACK && type <= VCH_MQTT_PUBCOMP && len >= 2 && len <= 3) ||
                           (type == VCH_MQTT_DISCONNECT && len <= 1) || (type == VCH_MQTT_AUTH && len == 0) ||
                           (type == VCH_MQTT_PUBLISH && err == VCH_OK) ||
                           ((type == VCH_MQTT_SUBACK || type == VCH_MQTT_UNSUBACK) && len > 3) ||
                           (type == VCH_MQTT_SUBSCRIBE && len == 11);
            if (may_end != (err == VCH_OK)) fail_msg("packet %zu cut to %zu: %d", i, len, (int)err);
        }
    }
}

static void mutations(void **state) {
    (void)state;
    static const struct {
        const char *what;
        struct vch_str bytes;
        enum vch_err want;
    } bad[] = {
        {"CONNECT, reserved flag", BYTES("\x10\x0D\x00\x04MQTT\x05\x01\x00\x00\x00\x00\x00"), VCH_ERR_MALFORMED},
        {"CONNECT, will QoS 3", BYTES("\x10\x14\x00\x04MQTT\x05\x1C\x00\x00\x00\x00\x00\x00\x00\x01t\x00\x01m"),
         VCH_ERR_MALFORMED},
        {"CONNECT, QoS of no will", BYTES("\x10\x0D\x00\x04MQTT\x05\x08\x00\x00\x00\x00\x00"), VCH_ERR_MALFORMED},
        {"CONNECT, retain of no will", BYTES("\x10\x0D\x00\x04MQTT\x05\x20\x00\x00\x00\x00\x00"), VCH_ERR_MALFORMED},
        {"CONNECT, other name", BYTES("\x10\x0D\x00\x04MQTX\x05\x00\x00\x00\x00\x00\x00"), VCH_ERR_MALFORMED},
        {"CONNECT, will without properties",
         BYTES("\x10\x13\x00\x04MQTT\x05\x04\x00\x00\x00\x00\x00\x00\x01t\x00\x01m"), VCH_ERR_MALFORMED},
        {"CONNECT, more behind", BYTES("\x10\x0E\x00\x04MQTT\x05\x00\x00\x00\x00\x00\x00\x00"), VCH_ERR_MALFORMED},
        {"CONNECT, block longer than the packet", BYTES("\x10\x0D\x00\x04MQTT\x05\x00\x00\x00\x05\x00\x00"),
         VCH_ERR_MALFORMED},
        {"CONNECT, client id with U+0000", BYTES("\x10\x0E\x00\x04MQTT\x05\x00\x00\x00\x00\x00\x01\x00"),
         VCH_ERR_MALFORMED},
        {"CONNACK, reserved flag", BYTES("\x20\x03\x02\x00\x00"), VCH_ERR_MALFORMED},
        {"CONNACK, session of a refusal", BYTES("\x20\x03\x01\x87\x00"), VCH_ERR_INVALID},
        {"CONNACK, reason of another packet", BYTES("\x20\x03\x00\x8E\x00"), VCH_ERR_INVALID},
        {"CONNACK, no properties", BYTES("\x20\x02\x00\x00"), VCH_ERR_MALFORMED},
        {"PUBLISH, QoS 3",
         BYTES("\x36\x08\x00\x03"
               "a/b\x00\x01\x00"),
         VCH_ERR_MALFORMED},
        {"PUBLISH, DUP of QoS 0",
         BYTES("\x38\x06\x00\x03"
               "a/b\x00"),
         VCH_ERR_MALFORMED},
        {"PUBLISH, id 0",
         BYTES("\x32\x08\x00\x03"
               "a/b\x00\x00\x00"),
         VCH_ERR_MALFORMED},
        {"PUBLISH, no topic, no alias", BYTES("\x30\x03\x00\x00\x00"), VCH_ERR_INVALID},
        {"PUBLISH, topic with U+0000", BYTES("\x30\x04\x00\x01\x00\x00"), VCH_ERR_MALFORMED},
        {"PUBLISH, no properties", BYTES("\x30\x03\x00\x01t"), VCH_ERR_MALFORMED},
        {"PUBACK, id 0", BYTES("\x40\x02\x00\x00"), VCH_ERR_MALFORMED},
        {"PUBACK, unknown reason", BYTES("\x40\x03\x00\x01\x01"), VCH_ERR_INVALID},
        {"PUBACK, reason of PUBREL", BYTES("\x40\x03\x00\x01\x92"), VCH_ERR_INVALID},
        {"PUBREL, reason of PUBACK", BYTES("\x62\x03\x00\x01\x87"), VCH_ERR_INVALID},
        {"PUBREL, flags 0", BYTES("\x60\x02\x00\x01"), VCH_ERR_MALFORMED},
        {"PUBCOMP, more behind", BYTES("\x70\x05\x00\x01\x00\x00\x00"), VCH_ERR_MALFORMED},
        {"SUBSCRIBE, flags 0", BYTES("\x80\x07\x00\x0A\x00\x00\x01t\x00"), VCH_ERR_MALFORMED},
        {"SUBSCRIBE, id 0", BYTES("\x82\x07\x00\x00\x00\x00\x01t\x00"), VCH_ERR_MALFORMED},
        {"SUBSCRIBE, reserved options", BYTES("\x82\x07\x00\x0A\x00\x00\x01t\x40"), VCH_ERR_MALFORMED},
        {"SUBSCRIBE, QoS 3", BYTES("\x82\x07\x00\x0A\x00\x00\x01t\x03"), VCH_ERR_INVALID},
        {"SUBSCRIBE, retain handling 3", BYTES("\x82\x07\x00\x0A\x00\x00\x01t\x30"), VCH_ERR_INVALID},
        {"SUBSCRIBE, no local and shared", BYTES("\x82\x10\x00\x0A\x00\x00\x0A$share/g/t\x04"), VCH_ERR_INVALID},
        {"SUBSCRIBE, no filter", BYTES("\x82\x03\x00\x0A\x00"), VCH_ERR_INVALID},
        {"SUBSCRIBE, no options", BYTES("\x82\x06\x00\x0A\x00\x00\x01t"), VCH_ERR_MALFORMED},
        {"SUBACK, no code", BYTES("\x90\x03\x00\x0A\x00"), VCH_ERR_MALFORMED},
        {"SUBACK, code of UNSUBACK", BYTES("\x90\x04\x00\x0A\x00\x11"), VCH_ERR_INVALID},
        {"UNSUBSCRIBE, no filter", BYTES("\xA2\x03\x00\x0A\x00"), VCH_ERR_INVALID},
        {"UNSUBSCRIBE, flags 0", BYTES("\xA0\x06\x00\x0A\x00\x00\x01t"), VCH_ERR_MALFORMED},
        {"UNSUBACK, no code", BYTES("\xB0\x03\x00\x0A\x00"), VCH_ERR_MALFORMED},
        {"UNSUBACK, code of SUBACK", BYTES("\xB0\x04\x00\x0A\x00\x01"), VCH_ERR_INVALID},
        {"PINGREQ with a body", BYTES("\xC0\x01\x00"), VCH_ERR_MALFORMED},
        {"PINGREQ, flags", BYTES("\xC1\x00"), VCH_ERR_MALFORMED},
        {"DISCONNECT, reason of CONNACK", BYTES("\xE0\x01\x84"), VCH_ERR_INVALID},
        {"DISCONNECT, flags", BYTES("\xE1\x00"), VCH_ERR_MALFORMED},
        {"DISCONNECT, more behind", BYTES("\xE0\x03\x00\x00\x00"), VCH_ERR_MALFORMED},
        {"AUTH, unknown reason", BYTES("\xF0\x06\x01\x04\x15\x00\x01m"), VCH_ERR_INVALID},
        {"AUTH, flags", BYTES("\xF2\x00"), VCH_ERR_MALFORMED},
        {"type 0", BYTES("\x00\x00"), VCH_ERR_MALFORMED},
        {"length over four bytes", BYTES("\xC0\x80\x80\x80\x80\x00"), VCH_ERR_MALFORMED},
        {"length padded", BYTES("\xC0\x80\x00"), VCH_ERR_MALFORMED},
    };
    static union packet5 p;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        enum vch_err err = decode5(bad[i].bytes, &p);
        if (err != bad[i].want) fail_msg("%s: %d", bad[i].what, (int)err);
    }
}

static void too_many_filters(void **state) {
    (void)state;
    static struct pen body, packet;
    static union packet5 p;
    body.len = 0;
    pen_str(&body, BYTES("\x00\x01\x00"));
    for (int i = 0; i < VCH_MQTT_FILTERS_MAX; i++) pen_str(&body, BYTES("\x00\x01t\x00"));
    assert_int_equal(decode5(pen_packet(&packet, 0x82, vch_str_of(body.bytes, body.len)), &p), VCH_OK);
    pen_str(&body, BYTES("\x00\x01t\x00"));
    assert_int_equal(decode5(pen_packet(&packet, 0x82, vch_str_of(body.bytes, body.len)), &p), VCH_ERR_LIMIT);
    assert_int_equal(vch_mqtt_rc_of(VCH_ERR_LIMIT), VCH_MQTT_RC_QUOTA_EXCEEDED);
}

static void unsuback_of_311_has_no_codes(void **state) {
    (void)state;
    static struct pen out;
    const union packet5 p = {.suback = {.level = 4, .packet_id = 7, .count = 2, .codes = {0, 0x11}}};
    assert_int_equal(encode5(VCH_MQTT_UNSUBACK, &p, &out), VCH_OK);
    assert_true(vch_str_eq(vch_str_of(out.bytes, out.len), BYTES("\xB0\x02\x00\x07")));
}

static void encoders_refuse(void **state) {
    (void)state;
    static struct pen out;
    const struct {
        enum vch_mqtt_type type;
        union packet5 p;
    } bad[] = {
        {VCH_MQTT_CONNACK, {.connack = {.level = 5, .session_present = true, .code = 0x87}}},
        {VCH_MQTT_CONNACK, {.connack = {.level = 5, .code = 0x8E}}},
        {VCH_MQTT_PUBLISH, {.publish = {.level = 5}}},
        {VCH_MQTT_PUBACK, {.ack = {.level = 5, .packet_id = 1, .reason = 0x92}}},
        {VCH_MQTT_PUBACK, {.ack = {.level = 4, .packet_id = 1, .reason = 0x87}}},
        {VCH_MQTT_PUBACK, {.ack = {.level = 5}}},
        {VCH_MQTT_SUBSCRIBE, {.subscribe = {.level = 5, .packet_id = 1}}},
        {VCH_MQTT_SUBSCRIBE,
         {.subscribe =
              {.level = 5, .packet_id = 1, .count = 1, .filters = {{.filter = VCH_STR("a"), .retain_handling = 3}}}}},
        {VCH_MQTT_SUBSCRIBE,
         {.subscribe = {.level = 5,
                        .packet_id = 1,
                        .count = 1,
                        .filters = {{.filter = VCH_STR("$share/g/a"), .no_local = true}}}}},
        {VCH_MQTT_SUBACK, {.suback = {.level = 5, .packet_id = 1, .count = 1, .codes = {0x11}}}},
        {VCH_MQTT_SUBACK, {.suback = {.level = 5, .packet_id = 1}}},
        {VCH_MQTT_UNSUBACK, {.suback = {.level = 5, .packet_id = 1}}},
        {VCH_MQTT_UNSUBACK, {.suback = {.level = 4}}},
        {VCH_MQTT_DISCONNECT, {.disconnect = {.level = 4, .reason = 0x8E}}},
        {VCH_MQTT_DISCONNECT, {.disconnect = {.level = 5, .reason = 0x01}}},
        {VCH_MQTT_AUTH, {.disconnect = {.level = 5, .reason = 0x18}}},
        {VCH_MQTT_AUTH, {.disconnect = {.level = 4}}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(encode5(bad[i].type, &bad[i].p, &out), VCH_ERR_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connect_whole),
        cmocka_unit_test(connect_says_its_level),
        cmocka_unit_test(publish_forms),
        cmocka_unit_test(acks_in_three_lengths),
        cmocka_unit_test(subscribe_options),
        cmocka_unit_test(codes_of_many),
        cmocka_unit_test(leaving),
        cmocka_unit_test(levels_do_not_mix),
        cmocka_unit_test(good_ones_come_back),
        cmocka_unit_test(encoders_keep_to_their_memory),
        cmocka_unit_test(cut_bodies),
        cmocka_unit_test(mutations),
        cmocka_unit_test(too_many_filters),
        cmocka_unit_test(unsuback_of_311_has_no_codes),
        cmocka_unit_test(encoders_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
