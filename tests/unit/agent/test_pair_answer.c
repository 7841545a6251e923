/* What a server may say to a device that pairs, and what it may not: each row changes one member of an answer that is
 * taken. */
#include <stdio.h>
#include <string.h>

#include "agent/pair_answer.h"
#include "support/cmocka_all.h"

struct change {
    const char *name, *value; /* JSON; NULL: without the member */
    bool good;
};

static const struct change start_members[] = {
    {"pairingId", "\"9d725a40-8e3f\"", true},
    {"deviceCode", "\"abcdefghijklmnopqrstuvwxyz0123456789-_ABCDE\"", true},
    {"userCode", "\"BCDF-GHJK\"", true},
    {"verificationUri", "\"https://localhost:8443/install\"", true},
    {"verificationUriComplete", "\"https://localhost:8443/install#c=BCDFGHJK\"", true},
    {"expiresIn", "600", true},
    {"interval", "2", true},
    {"serverFingerprint", "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"", true},
};

static const struct change start_changes[] = {
    {"pairingId", NULL, false},
    {"pairingId", "\"a/b\"", false},
    {"pairingId", "7", false},
    {"deviceCode", NULL, false},
    {"deviceCode", "\"short\"", false},
    {"deviceCode", "\"abcdefghijklmnopqrst\\\"uvwxyz0123456789\"", false},
    {"userCode", NULL, false},
    {"userCode", "\"BCDF\\u001b[2J\"", false},
    {"userCode", "\"A\"", false},
    {"userCode", "\"BCDF-GHJK-LMNP-QRST\"", false},
    {"verificationUri", NULL, false},
    {"verificationUri", "\"http://localhost/install\"", false},
    {"verificationUri", "\"https://\"", false},
    {"verificationUri", "\"https://h/$(reboot)\"", false},
    {"verificationUri", "\"https://h/\\u001b]0;x\"", false},
    {"verificationUri", "\"https://h/ x\"", false},
    {"verificationUri", "\"https://h/\\u00e9\"", false},
    {"verificationUriComplete", NULL, false},
    {"verificationUriComplete", "\"https://h/install\"", false},
    {"verificationUriComplete", "\"https://h/install#c='x\"", false},
    {"serverFingerprint", NULL, true},
    {"serverFingerprint", "\"0011\"", false},
    {"serverFingerprint", "\"zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"", false},
    {"expiresIn", NULL, true},
    {"interval", NULL, true},
    {"unknown", "{\"a\": [1, null]}", true},
};

static const struct change poll_members[] = {
    {"state", "\"APPROVED\"", true},
    {"interval", "2", true},
    {"certificatePem", "\"-----BEGIN CERTIFICATE-----\"", true},
    {"templateName", "\"Lamp_1\"", true},
    {"parameters", "{\"SerialNumber\": \"7\\u0022\"}", true},
    {"thingName", "\"lamp:7\"", true},
    {"endpoint", "\"iot.example.org\"", true},
    {"mqttPort", "8883", true},
    {"rootCaPem", "\"-----BEGIN CERTIFICATE-----\"", true},
};

static const struct change poll_changes[] = {
    {"state", NULL, false},
    {"state", "\"approved\"", false},
    {"state", "3", false},
    {"certificatePem", "\"\"", false},
    {"certificatePem", "7", false},
    {"templateName", NULL, false},
    {"templateName", "\"a b\"", false},
    {"templateName", "\"../x\"", false},
    {"parameters", "[]", false},
    {"parameters", NULL, true},
    {"parameters", "null", true},
    {"parameters", "{\"a\": 1}", false},
    {"parameters", "{\"a\": {\"b\": \"c\"}}", false},
    {"thingName", NULL, true},
    {"thingName", "\"a#b\"", false},
    {"endpoint", NULL, false},
    {"endpoint", "\"\"", false},
    {"endpoint", "\"a/b\"", false},
    {"endpoint", "\"h\\r\\nX\"", false},
    {"mqttPort", NULL, false},
    {"mqttPort", "0", false},
    {"mqttPort", "65536", false},
    {"mqttPort", "\"8883\"", false},
    {"rootCaPem", NULL, false},
    {"interval", "\"x\"", true},
};

static void put(struct vch_buf *buf, const struct change *member) {
    if (member->value) vch_buf_printf(buf, "%s\"%s\": %s", buf->len > 1 ? "," : "", member->name, member->value);
}

static struct vch_str document(struct vch_buf *buf, const struct change *members, size_t count,
                               const struct change *change) {
    bool done = !change;
    vch_buf_clear(buf);
    vch_buf_c(buf, "{");
    for (size_t i = 0; i < count; i++) {
        bool this = change && strcmp(members[i].name, change->name) == 0;
        put(buf, this ? change : &members[i]);
        done = done || this;
    }
    if (!done) put(buf, change);
    vch_buf_c(buf, "}");
    return vch_str_of(buf->ptr, buf->len);
}

static enum vch_err read_start(struct vch_str json, struct vch_arena *arena, struct vch_diag *diag) {
    struct vch_pair_start start;
    return vch_pair_start_read(json, arena, &start, diag);
}

static enum vch_err read_poll(struct vch_str json, struct vch_arena *arena, struct vch_diag *diag) {
    struct vch_pair_poll poll;
    return vch_pair_poll_read(json, arena, &poll, diag);
}

static void assert_changes(enum vch_err read(struct vch_str, struct vch_arena *, struct vch_diag *),
                           const struct change *members, size_t count, const struct change *changes,
                           size_t change_count) {
    struct vch_buf buf;
    vch_buf_init(&buf, 65536);
    for (size_t i = 0; i <= change_count; i++) {
        struct vch_arena *arena = vch_arena_new(1 << 18, true);
        struct vch_diag diag = {0};
        const struct change *change = i < change_count ? &changes[i] : NULL;
        enum vch_err err = read(document(&buf, members, count, change), arena, &diag);
        if ((err == VCH_OK) != (!change || change->good))
            fail_msg("%s: %s", change ? change->name : "(whole)", buf.ptr);
        if (err != VCH_OK) assert_string_equal(diag.field, change->name);
        vch_arena_free(arena);
    }
    vch_buf_deinit(&buf);
}

static void starts(void **state) {
    (void)state;
    assert_changes(read_start, start_members, COUNT_OF(start_members), start_changes, COUNT_OF(start_changes));
}

static void polls(void **state) {
    (void)state;
    assert_changes(read_poll, poll_members, COUNT_OF(poll_members), poll_changes, COUNT_OF(poll_changes));
}

static void states(void **state) {
    (void)state;
    static const struct {
        const char *word;
        enum vch_pair_state want;
    } rows[] = {{"WAITING", VCH_PAIR_WAITING}, {"LOOKED_AT", VCH_PAIR_LOOKED_AT}, {"APPROVED", VCH_PAIR_OVER},
                {"DONE", VCH_PAIR_OVER},       {"DENIED", VCH_PAIR_DENIED},       {"EXPIRED", VCH_PAIR_EXPIRED},
                {"FAILED", VCH_PAIR_FAILED}};
    struct vch_arena *arena = vch_arena_new(1 << 20, true);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct vch_pair_poll poll;
        struct vch_str json = vch_arena_printf(
            arena, "{\"state\": \"%s\", \"interval\": 99, \"message\": \"Why \\u0007not\"}", rows[i].word);
        assert_int_equal(vch_pair_poll_read(json, arena, &poll, NULL), VCH_OK);
        assert_int_equal(poll.state, rows[i].want);
        assert_int_equal(poll.interval_s, VCH_PAIR_INTERVAL_MAX_S);
        assert_int_equal(poll.message.len, 0); /* what a terminal obeys is not shown */
    }
    /* A state before the approval has no claim, whatever else the answer holds. */
    struct vch_pair_poll poll;
    struct vch_str early = VCH_STR("{\"state\": \"WAITING\", \"certificatePem\": \"x\"}");
    assert_int_equal(vch_pair_poll_read(early, arena, &poll, NULL), VCH_OK);
    assert_int_equal(poll.state, VCH_PAIR_WAITING);
    assert_int_equal(poll.claim.certificate_pem.len, 0);
    vch_arena_free(arena);
}

static void what_is_no_json(void **state) {
    (void)state;
    static const char *const rows[] = {
        "", "[]", "7", "null", "{", "{\"state\": \"WAITING\"", "<html>", "{\"a\":1,\"a\":2}", "[[[[[[[[[[[[[[[["};
    struct vch_arena *arena = vch_arena_new(1 << 20, true);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct vch_diag diag = {0};
        assert_int_not_equal(read_poll(vch_str_from(rows[i]), arena, &diag), VCH_OK);
        assert_int_not_equal(read_start(vch_str_from(rows[i]), arena, NULL), VCH_OK);
        assert_true(diag.message[0] != '\0');
    }
    /* More values than any answer has. */
    struct vch_buf many;
    vch_buf_init(&many, 65536);
    vch_buf_c(&many, "{\"state\": \"WAITING\", \"steps\": [0");
    for (int i = 0; i < 1000; i++) vch_buf_c(&many, ",0");
    vch_buf_c(&many, "]}");
    assert_int_equal(read_poll(vch_str_of(many.ptr, many.len), arena, NULL), VCH_ERR_TOO_LARGE);
    vch_buf_deinit(&many);
    vch_arena_free(arena);
}

static void refusals(void **state) {
    (void)state;
    static const struct {
        const char *json, *want;
    } rows[] = {
        {"{\"message\": \"Slow down.\"}", "Slow down."},
        {"{\"message\": \"\\u001b[2J\"}", ""},
        {"{\"message\": 7}", ""},
        {"{}", ""},
        {"<html>", ""},
        {"", ""},
        {"{\"message\": \"A sentence that is longer than there is room for it\"}", "A sentence that is longer than "}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char out[32];
        vch_pair_refusal_read(vch_str_from(rows[i].json), out, sizeof out);
        assert_string_equal(out, rows[i].want);
    }
}

static void a_claim_reads_back(void **state) {
    (void)state;
    struct vch_arena *arena = vch_arena_new(1 << 20, true);
    struct vch_buf buf, kept;
    struct vch_pair_poll poll;
    struct vch_val *map = NULL;
    struct vch_pair_claim again;
    vch_buf_init(&buf, 65536);
    vch_buf_init(&kept, 65536);
    assert_int_equal(vch_pair_poll_read(document(&buf, poll_members, COUNT_OF(poll_members), NULL), arena, &poll, NULL),
                     VCH_OK);
    assert_int_equal(poll.state, VCH_PAIR_CLAIM);
    assert_true(vch_str_eq_c(poll.claim.parameters, "{\"SerialNumber\":\"7\\\"\"}"));
    vch_pair_claim_write(&poll.claim, &kept);
    assert_int_equal(vch_json_decode(vch_str_of(kept.ptr, kept.len), NULL, arena, &map, NULL), VCH_OK);
    assert_int_equal(vch_pair_claim_read(map, arena, &again, NULL), VCH_OK);
    assert_true(vch_str_eq(again.certificate_pem, poll.claim.certificate_pem) &&
                vch_str_eq(again.parameters, poll.claim.parameters));
    assert_true(vch_str_eq(again.thing_name, poll.claim.thing_name) &&
                vch_str_eq(again.template_name, poll.claim.template_name));
    assert_int_equal(again.mqtt_port, 8883);
    vch_buf_deinit(&buf);
    vch_buf_deinit(&kept);
    vch_arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts),          cmocka_unit_test(polls),    cmocka_unit_test(states),
        cmocka_unit_test(what_is_no_json), cmocka_unit_test(refusals), cmocka_unit_test(a_claim_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
