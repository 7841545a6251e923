/* Every property of MQTT 5 in every packet: where table 2-4 allows it, it is
 * decoded to its value and encoded to the same bytes; elsewhere it is a Protocol
 * Error. Then values out of range, properties twice, and blocks that lie. */
#include "mqtt5_bytes.h"

struct row {
    const char *name;
    uint8_t id;
    struct vch_str bytes; /* id and value */
    const char *where;    /* carriers, as table 2-4 has them */
};

#define EVERY "CWcP1234SsUuDA"

static const struct row rows[] = {
    {"payload format indicator", 0x01, BYTES("\x01\x01"), "PW"},
    {"message expiry interval", 0x02, BYTES("\x02\x00\x01\x02\x03"), "PW"},
    {"content type", 0x03, BYTES("\x03\x00\x02tx"), "PW"},
    {"response topic", 0x08, BYTES("\x08\x00\x03r/t"), "PW"},
    {"correlation data", 0x09, BYTES("\x09\x00\x02\x00\xFF"), "PW"},
    {"subscription identifier", 0x0B, BYTES("\x0B\xFF\xFF\xFF\x7F"), "PS"},
    {"session expiry interval", 0x11, BYTES("\x11\xFF\xFF\xFF\xFF"), "CcD"},
    {"assigned client identifier", 0x12, BYTES("\x12\x00\x01x"), "c"},
    {"server keep alive", 0x13, BYTES("\x13\x04\xB0"), "c"},
    {"authentication method", 0x15, BYTES("\x15\x00\x01m"), "CcA"},
    {"authentication data", 0x16, BYTES("\x16\x00\x01\x00"), "CcA"},
    {"request problem information", 0x17, BYTES("\x17\x00"), "C"},
    {"will delay interval", 0x18, BYTES("\x18\x00\x00\x00\x0A"), "W"},
    {"request response information", 0x19, BYTES("\x19\x01"), "C"},
    {"response information", 0x1A, BYTES("\x1A\x00\x01i"), "c"},
    {"server reference", 0x1C, BYTES("\x1C\x00\x01h"), "cD"},
    {"reason string", 0x1F, BYTES("\x1F\x00\x01r"), "c1234suDA"},
    {"receive maximum", 0x21, BYTES("\x21\x00\x01"), "Cc"},
    {"topic alias maximum", 0x22, BYTES("\x22\x00\x00"), "Cc"},
    {"topic alias", 0x23, BYTES("\x23\xFF\xFF"), "P"},
    {"maximum QoS", 0x24, BYTES("\x24\x01"), "c"},
    {"retain available", 0x25, BYTES("\x25\x00"), "c"},
    {"user property", 0x26, BYTES("\x26\x00\x01n\x00\x01v"), EVERY},
    {"maximum packet size", 0x27, BYTES("\x27\x00\x00\x13\x88"), "Cc"},
    {"wildcard subscription available", 0x28, BYTES("\x28\x01"), "c"},
    {"subscription identifiers available", 0x29, BYTES("\x29\x00"), "c"},
    {"shared subscription available", 0x2A, BYTES("\x2A\x01"), "c"},
};
enum { ROWS = sizeof rows / sizeof *rows };

/* An authentication's data comes with its method. */
static struct vch_str block_of(const struct row *row, struct pen *pen) {
    pen->len = 0;
    if (row->id == 0x16) pen_str(pen, BYTES("\x15\x00\x01m"));
    pen_str(pen, row->bytes);
    return vch_str_of(pen->bytes, pen->len);
}

/* AUTH always has its method, or nothing else would be told by its refusal. */
static struct vch_str carried(char carrier, struct vch_str props, struct pen *out) {
    static struct pen block;
    if (carrier != 'A' || (props.len && props.ptr[0] == 0x15)) return carry(carrier, props, out);
    block.len = 0;
    pen_str(&block, BYTES("\x15\x00\x01m"));
    pen_str(&block, props);
    return carry(carrier, vch_str_of(block.bytes, block.len), out);
}

static void allowed_where_the_table_says(void **state) {
    (void)state;
    static struct pen block, packet, again;
    static union packet5 p;
    for (size_t i = 0; i < ROWS; i++) {
        for (const char *carrier = CARRIERS; *carrier; carrier++) {
            struct vch_str bytes = carried(*carrier, block_of(&rows[i], &block), &packet);
            bool fits = strchr(rows[i].where, *carrier);
            enum vch_err err = decode5(bytes, &p);
            if (err != (fits ? VCH_OK : VCH_ERR_INVALID)) fail_msg("%s in %c: %d", rows[i].name, *carrier, (int)err);
            if (!fits) continue;
            assert_true(vch_mqtt_has(props_of(*carrier, &p), (enum vch_mqtt_prop)rows[i].id));
            assert_int_equal(encode5((enum vch_mqtt_type)(packet.bytes[0] >> 4), &p, &again), VCH_OK);
            if (*carrier == 'A') continue; /* the order of ids is the encoder's */
            assert_int_equal(again.len, bytes.len);
            assert_memory_equal(again.bytes, bytes.ptr, bytes.len);
        }
    }
}

static void only_user_properties_and_ids_repeat(void **state) {
    (void)state;
    static struct pen block, packet;
    static union packet5 p;
    for (size_t i = 0; i < ROWS; i++) {
        for (const char *carrier = rows[i].where; *carrier; carrier++) {
            (void)block_of(&rows[i], &block);
            pen_str(&block, rows[i].bytes);
            bool may = rows[i].id == 0x26 || (rows[i].id == 0x0B && *carrier == 'P');
            enum vch_err err = decode5(carried(*carrier, vch_str_of(block.bytes, block.len), &packet), &p);
            if (err != (may ? VCH_OK : VCH_ERR_INVALID))
                fail_msg("%s twice in %c: %d", rows[i].name, *carrier, (int)err);
        }
    }
}

/* A block cut within a property, whatever the packet goes on with. */
static void cut_blocks(void **state) {
    (void)state;
    static struct pen packet;
    static union packet5 p;
    for (size_t i = 0; i < ROWS; i++)
        for (const char *carrier = rows[i].where; *carrier; carrier++)
            for (size_t len = 1; len < rows[i].bytes.len; len++) {
                enum vch_err err = decode5(carried(*carrier, vch_str_sub(rows[i].bytes, 0, len), &packet), &p);
                if (err != VCH_ERR_MALFORMED)
                    fail_msg("%s cut to %zu in %c: %d", rows[i].name, len, *carrier, (int)err);
            }
}

static void values_out_of_range(void **state) {
    (void)state;
    static const struct {
        const char *name;
        char carrier;
        struct vch_str props;
        enum vch_err want;
    } bad[] = {
        {"payload format 2", 'P', BYTES("\x01\x02"), VCH_ERR_INVALID},
        {"payload format 2 of a will", 'W', BYTES("\x01\x02"), VCH_ERR_INVALID},
        {"request problem 2", 'C', BYTES("\x17\x02"), VCH_ERR_INVALID},
        {"request response 255", 'C', BYTES("\x19\xFF"), VCH_ERR_INVALID},
        {"maximum QoS 2", 'c', BYTES("\x24\x02"), VCH_ERR_INVALID},
        {"retain available 2", 'c', BYTES("\x25\x02"), VCH_ERR_INVALID},
        {"wildcards available 2", 'c', BYTES("\x28\x02"), VCH_ERR_INVALID},
        {"ids available 2", 'c', BYTES("\x29\x02"), VCH_ERR_INVALID},
        {"shared available 2", 'c', BYTES("\x2A\x02"), VCH_ERR_INVALID},
        {"receive maximum 0", 'C', BYTES("\x21\x00\x00"), VCH_ERR_INVALID},
        {"receive maximum 0", 'c', BYTES("\x21\x00\x00"), VCH_ERR_INVALID},
        {"maximum packet size 0", 'C', BYTES("\x27\x00\x00\x00\x00"), VCH_ERR_INVALID},
        {"topic alias 0", 'P', BYTES("\x23\x00\x00"), VCH_ERR_INVALID},
        {"subscription id 0", 'S', BYTES("\x0B\x00"), VCH_ERR_INVALID},
        {"subscription id 0", 'P', BYTES("\x0B\x00"), VCH_ERR_INVALID},
        {"subscription id over four bytes", 'S', BYTES("\x0B\xFF\xFF\xFF\xFF\x01"), VCH_ERR_MALFORMED},
        {"subscription id padded", 'S', BYTES("\x0B\x81\x00"), VCH_ERR_MALFORMED},
        {"property id padded", 'P', BYTES("\x81\x00\x01"), VCH_ERR_MALFORMED},
        {"property id 0", 'P', BYTES("\x00"), VCH_ERR_MALFORMED},
        {"property id 4", 'P', BYTES("\x04\x00"), VCH_ERR_MALFORMED},
        {"property id 43", 'P', BYTES("\x2B\x00"), VCH_ERR_MALFORMED},
        {"property id 127", 'P', BYTES("\x7F\x00"), VCH_ERR_MALFORMED},
        {"property id of two bytes", 'P', BYTES("\x80\x01\x00"), VCH_ERR_MALFORMED},
        {"response topic a/+", 'P',
         BYTES("\x08\x00\x03"
               "a/+"),
         VCH_ERR_INVALID},
        {"response topic #", 'W', BYTES("\x08\x00\x01#"), VCH_ERR_INVALID},
        {"content type with U+0000", 'P',
         BYTES("\x03\x00\x02"
               "a\x00"),
         VCH_ERR_MALFORMED},
        {"response topic with a surrogate", 'P', BYTES("\x08\x00\x03\xED\xA0\x80"), VCH_ERR_MALFORMED},
        {"reason string that is overlong", '1', BYTES("\x1F\x00\x02\xC0\x80"), VCH_ERR_MALFORMED},
        {"user name that is cut UTF-8", 'P', BYTES("\x26\x00\x01\xC3\x00\x01v"), VCH_ERR_MALFORMED},
        {"user value with U+0000", 'P', BYTES("\x26\x00\x01n\x00\x01\x00"), VCH_ERR_MALFORMED},
        {"authentication data alone", 'C', BYTES("\x16\x00\x01x"), VCH_ERR_INVALID},
        {"authentication data alone", 'A', BYTES("\x16\x00\x01x"), VCH_ERR_INVALID},
        {"AUTH without method", 'A', BYTES("\x1F\x00\x01r"), VCH_ERR_INVALID},
    };
    static struct pen packet;
    static union packet5 p;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        enum vch_err err = decode5(carry(bad[i].carrier, bad[i].props, &packet), &p);
        if (err != bad[i].want) fail_msg("%s in %c: %d", bad[i].name, bad[i].carrier, (int)err);
    }
}

/* Strings may be empty, binary may hold anything, a BOM stays. [MQTT-1.5.4-3] */
static void odd_values_that_are_fine(void **state) {
    (void)state;
    static struct pen packet;
    static union packet5 p;
    assert_int_equal(decode5(carry('P', BYTES("\x03\x00\x00\x09\x00\x00\x26\x00\x00\x00\x00"), &packet), &p), VCH_OK);
    assert_int_equal(p.publish.props.content_type.len, 0);
    assert_int_equal(decode5(carry('P', BYTES("\x03\x00\x03\xEF\xBB\xBF"), &packet), &p), VCH_OK);
    assert_str(p.publish.props.content_type, "\xEF\xBB\xBF");
    assert_int_equal(decode5(carry('C', BYTES("\x11\x00\x00\x00\x00"), &packet), &p), VCH_OK);
    assert_int_equal(p.connect.props.session_expiry_s, 0);
}

static void values(void **state) {
    (void)state;
    static struct pen packet;
    static union packet5 p;
    assert_int_equal(decode5(carry('P',
                                   BYTES("\x01\x01\x02\x01\x02\x03\x04\x03\x00\x02tx\x08\x00\x03r/t\x09\x00\x02\x00\xFF"
                                         "\x0B\x80\x01\x23\x01\x02"),
                                   &packet),
                             &p),
                     VCH_OK);
    const struct vch_mqtt_props *props = &p.publish.props;
    assert_int_equal(props->payload_format, 1);
    assert_int_equal(props->message_expiry_s, 0x01020304);
    assert_str(props->content_type, "tx");
    assert_str(props->response_topic, "r/t");
    assert_true(vch_str_eq(props->correlation_data, BYTES("\x00\xFF")));
    assert_int_equal(props->subscription_id, 128);
    assert_int_equal(props->topic_alias, 0x0102);
    assert_str(p.publish.payload, "payload");
    assert_int_equal(
        decode5(carry('c',
                      BYTES("\x11\x00\x00\x0E\x10\x12\x00\x02id\x13\x04\xB0\x15\x00\x01m\x16\x00\x01z\x1A\x00\x01i"
                            "\x1C\x00\x01h\x1F\x00\x01r\x21\x00\x64\x22\x00\x08\x24\x01\x25\x01\x27\x00\x02\x00\x00"
                            "\x28\x01\x29\x00\x2A\x01"),
                      &packet),
                &p),
        VCH_OK);
    props = &p.connack.props;
    assert_int_equal(props->session_expiry_s, 3600);
    assert_str(props->assigned_client_id, "id");
    assert_int_equal(props->server_keep_alive_s, 1200);
    assert_str(props->auth_method, "m");
    assert_str(props->auth_data, "z");
    assert_str(props->response_information, "i");
    assert_str(props->server_reference, "h");
    assert_str(props->reason_string, "r");
    assert_int_equal(props->receive_maximum, 100);
    assert_int_equal(props->topic_alias_maximum, 8);
    assert_int_equal(props->maximum_qos, 1);
    assert_int_equal(props->retain_available, 1);
    assert_int_equal(props->maximum_packet_size, 131072);
    assert_int_equal(props->wildcard_available, 1);
    assert_int_equal(props->subscription_id_available, 0);
    assert_int_equal(props->shared_available, 1);
    assert_int_equal(decode5(carry('C', BYTES("\x17\x00\x19\x01"), &packet), &p), VCH_OK);
    assert_int_equal(p.connect.props.request_problem, 0);
    assert_int_equal(p.connect.props.request_response, 1);
    assert_int_equal(decode5(carry('W', BYTES("\x18\x00\x00\x00\x0A"), &packet), &p), VCH_OK);
    assert_int_equal(p.connect.will_props.will_delay_s, 10);
    assert_str(p.connect.will_topic, "t");
}

/* In their order, also equal ones, among other properties. [MQTT-3.3.2-18] */
static void iterators(void **state) {
    (void)state;
    static struct pen packet;
    static union packet5 p;
    assert_int_equal(decode5(carry('P',
                                   BYTES("\x26\x00\x01"
                                         "b\x00\x01"
                                         "1\x0B\x05\x03\x00\x01x\x26\x00\x01"
                                         "a\x00\x00\x0B\x80\x01"
                                         "\x26\x00\x01"
                                         "b\x00\x01"
                                         "1\x02\x00\x00\x00\x01"),
                                   &packet),
                             &p),
                     VCH_OK);
    struct vch_str rest = p.publish.props.raw, name, value;
    static const char *const want[] = {"b", "1", "a", "", "b", "1"};
    for (size_t i = 0; i < 6; i += 2) {
        assert_true(vch_mqtt_user_next(&rest, &name, &value));
        assert_str(name, want[i]);
        assert_str(value, want[i + 1]);
    }
    assert_false(vch_mqtt_user_next(&rest, &name, &value));
    uint32_t id;
    rest = p.publish.props.raw;
    assert_true(vch_mqtt_subscription_id_next(&rest, &id));
    assert_int_equal(id, 5);
    assert_int_equal(id, p.publish.props.subscription_id);
    assert_true(vch_mqtt_subscription_id_next(&rest, &id));
    assert_int_equal(id, 128);
    assert_false(vch_mqtt_subscription_id_next(&rest, &id));
}

/* What a server does with a PUBLISH: takes out what is its own, keeps the rest, adds to each delivery. */
static void forwarded_with_extra(void **state) {
    (void)state;
    static struct pen packet, again;
    static union packet5 p;
    static uint8_t kept[64];
    size_t len;
    assert_int_equal(
        decode5(carry('P', BYTES("\x26\x00\x01n\x00\x01v\x23\x00\x07\x02\x00\x00\x00\x64\x03\x00\x01x"), &packet), &p),
        VCH_OK);
    p.publish.props.present &=
        ~(VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_TOPIC_ALIAS) | VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_MESSAGE_EXPIRY));
    assert_int_equal(vch_mqtt_props_size(&p.publish.props), 11);
    assert_int_equal(vch_mqtt_props_encode(&p.publish.props, kept, sizeof kept, &len), VCH_OK);
    assert_int_equal(len, 11);
    struct vch_mqtt_publish out = {.level = 5, .topic = VCH_STR("t"), .payload = VCH_STR("payload")};
    out.props.extra = vch_str_of(kept, len);
    out.props.message_expiry_s = 99;
    out.props.present = VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_MESSAGE_EXPIRY);
    assert_int_equal(vch_mqtt_publish_head_encode(&out, again.bytes, sizeof again.bytes, &again.len), VCH_OK);
    pen_str(&again, out.payload);
    struct vch_str want = carry('P', BYTES("\x02\x00\x00\x00\x63\x03\x00\x01x\x26\x00\x01n\x00\x01v"), &packet);
    assert_int_equal(again.len, want.len);
    assert_memory_equal(again.bytes, want.ptr, want.len);
    assert_int_equal(vch_mqtt_props_encode(&p.publish.props, kept, 10, &len), VCH_ERR_TOO_LARGE);
    assert_int_equal(len, 0);
}

static void made_by_hand(void **state) {
    (void)state;
    uint8_t out[32];
    size_t len;
    assert_int_equal(vch_mqtt_user_encode(VCH_STR("n"), VCH_STR(""), out, sizeof out, &len), VCH_OK);
    assert_true(vch_str_eq(vch_str_of(out, len), BYTES("\x26\x00\x01n\x00\x00")));
    assert_int_equal(vch_mqtt_subscription_id_encode(128, out, sizeof out, &len), VCH_OK);
    assert_true(vch_str_eq(vch_str_of(out, len), BYTES("\x0B\x80\x01")));
    assert_int_equal(vch_mqtt_subscription_id_encode(0, out, sizeof out, &len), VCH_ERR_INVALID);
    assert_int_equal(vch_mqtt_subscription_id_encode(268435456, out, sizeof out, &len), VCH_ERR_TOO_LARGE);
    assert_int_equal(vch_mqtt_user_encode(VCH_STR("n"), VCH_STR("v"), out, 6, &len), VCH_ERR_TOO_LARGE);
}

static void encoders_refuse(void **state) {
    (void)state;
    static struct pen out;
#define ONLY(id) .present = VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_##id)
    static const struct vch_mqtt_props bad[] = {
        {ONLY(RECEIVE_MAXIMUM)},
        {ONLY(MAXIMUM_PACKET_SIZE)},
        {ONLY(REQUEST_PROBLEM), .request_problem = 2},
        {ONLY(TOPIC_ALIAS), .topic_alias = 1},
        {.present = 1},
        {.present = UINT64_C(1) << 43},
        {.present = UINT64_C(1) << 63},
        {ONLY(AUTH_DATA)},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        union packet5 p = {.connect = {.level = 5, .client_id = VCH_STR("i"), .props = bad[i]}};
        assert_int_equal(encode5(VCH_MQTT_CONNECT, &p, &out), VCH_ERR_INVALID);
    }
    union packet5 will = {
        .connect = {.level = 5, .has_will = true, .will_props = {ONLY(RECEIVE_MAXIMUM), .receive_maximum = 1}}};
    assert_int_equal(encode5(VCH_MQTT_CONNECT, &will, &out), VCH_ERR_INVALID);
#undef ONLY
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allowed_where_the_table_says),
        cmocka_unit_test(only_user_properties_and_ids_repeat),
        cmocka_unit_test(cut_blocks),
        cmocka_unit_test(values_out_of_range),
        cmocka_unit_test(odd_values_that_are_fine),
        cmocka_unit_test(values),
        cmocka_unit_test(iterators),
        cmocka_unit_test(forwarded_with_extra),
        cmocka_unit_test(made_by_hand),
        cmocka_unit_test(encoders_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
