/* The reason codes against table 2-6 of MQTT 5, written out again from the specification. */
#include "mqtt_bytes.h"

static const struct {
    uint8_t code;
    const char *name;
    const char *packets; /* C CONNACK, 1 to 4 PUBACK to PUBCOMP, S SUBACK, U UNSUBACK, D DISCONNECT, A AUTH */
} rows[] = {
    {0x00, "Success", "C1234SUDA"},
    {0x01, "Granted QoS 1", "S"},
    {0x02, "Granted QoS 2", "S"},
    {0x04, "Disconnect with Will Message", "D"},
    {0x10, "No matching subscribers", "12"},
    {0x11, "No subscription existed", "U"},
    {0x18, "Continue authentication", "A"},
    {0x19, "Re-authenticate", "A"},
    {0x80, "Unspecified error", "C12SUD"},
    {0x81, "Malformed Packet", "CD"},
    {0x82, "Protocol Error", "CD"},
    {0x83, "Implementation specific error", "C12SUD"},
    {0x84, "Unsupported Protocol Version", "C"},
    {0x85, "Client Identifier not valid", "C"},
    {0x86, "Bad User Name or Password", "C"},
    {0x87, "Not authorized", "C12SUD"},
    {0x88, "Server unavailable", "C"},
    {0x89, "Server busy", "CD"},
    {0x8A, "Banned", "C"},
    {0x8B, "Server shutting down", "D"},
    {0x8C, "Bad authentication method", "CD"},
    {0x8D, "Keep Alive timeout", "D"},
    {0x8E, "Session taken over", "D"},
    {0x8F, "Topic Filter invalid", "SUD"},
    {0x90, "Topic Name invalid", "C12D"},
    {0x91, "Packet Identifier in use", "12SU"},
    {0x92, "Packet Identifier not found", "34"},
    {0x93, "Receive Maximum exceeded", "D"},
    {0x94, "Topic Alias invalid", "D"},
    {0x95, "Packet too large", "CD"},
    {0x96, "Message rate too high", "D"},
    {0x97, "Quota exceeded", "C12SD"},
    {0x98, "Administrative action", "D"},
    {0x99, "Payload format invalid", "C12D"},
    {0x9A, "Retain not supported", "CD"},
    {0x9B, "QoS not supported", "CD"},
    {0x9C, "Use another server", "CD"},
    {0x9D, "Server moved", "CD"},
    {0x9E, "Shared Subscriptions not supported", "SD"},
    {0x9F, "Connection rate exceeded", "CD"},
    {0xA0, "Maximum connect time", "D"},
    {0xA1, "Subscription Identifiers not supported", "SD"},
    {0xA2, "Wildcard Subscriptions not supported", "SD"},
};
enum { ROWS = sizeof rows / sizeof *rows };

static int row_of(unsigned code) {
    for (int i = 0; i < ROWS; i++)
        if (rows[i].code == code) return i;
    return -1;
}

static void every_number(void **state) {
    (void)state;
    static const char letters[] = "  C 1234 S U  DA";
    for (unsigned code = 0; code < 256; code++) {
        int row = row_of(code);
        assert_string_equal(vch_mqtt_rc_name((uint8_t)code), row < 0 ? "unknown" : rows[row].name);
        for (unsigned type = 0; type < 16; type++) {
            bool want = row >= 0 && letters[type] != ' ' && strchr(rows[row].packets, letters[type]);
            if (vch_mqtt_rc_fits((uint8_t)code, type) != want) fail_msg("code %02X in packet %u", code, type);
        }
        assert_false(vch_mqtt_rc_fits((uint8_t)code, 16 + code));
    }
}

static void of_errors(void **state) {
    (void)state;
    assert_int_equal(vch_mqtt_rc_of(VCH_OK), 0);
    assert_int_equal(vch_mqtt_rc_of(VCH_ERR_MALFORMED), 0x81);
    assert_int_equal(vch_mqtt_rc_of(VCH_ERR_INVALID), 0x82);
    assert_int_equal(vch_mqtt_rc_of(VCH_ERR_TOO_LARGE), 0x95);
    assert_int_equal(vch_mqtt_rc_of(VCH_ERR_NOMEM), 0x80);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_number), cmocka_unit_test(of_errors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
