#include "support/cmocka_all.h"

#include <string.h>

#include "base/digest.h"
#include "core/binding.h"
#include "core/reason.h"

static struct vch_arena *arena;

static int up(void **state) {
    (void)state;
    arena = vch_arena_new(1 << 20, false);
    return arena ? 0 : -1;
}

static int down(void **state) {
    (void)state;
    vch_arena_free(arena);
    return 0;
}

static struct vch_val *json(const char *text) {
    struct vch_val *val;
    assert_int_equal(vch_json_decode(vch_str_from(text), NULL, arena, &val, NULL), VCH_OK);
    return val;
}

static void refused(enum vch_err got, const struct vch_diag *diag, enum vch_reason reason) {
    assert_int_not_equal(got, VCH_OK);
    assert_non_null(diag->reason);
    assert_string_equal(diag->reason, vch_reason_code(reason));
}

static void comes_back_as_it_went(void **state) {
    (void)state;
    struct vch_binding b = {.thing_name = VCH_STR("lamp"), .source = VCH_STR("10.0.0.0/8"), .key = VCH_STR("00ff"), .same_key = true,
                            .parameters = json("{\"A\":\"1\",\"B\":\"\\\"x\\\"\"}")}, back;
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, 4096);
    vch_json_encode(vch_binding_put(&b, arena), &buf);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    assert_int_equal(vch_binding_parse(text, arena, &back), VCH_OK);
    assert_true(vch_str_eq(back.thing_name, b.thing_name) && vch_str_eq(back.source, b.source) && vch_str_eq(back.key, b.key));
    assert_true(back.same_key && vch_val_eq(back.parameters, b.parameters));
    vch_buf_deinit(&buf);
    assert_int_equal(vch_binding_parse(VCH_STR("{}"), arena, &back), VCH_OK);
    assert_true(back.thing_name.len == 0 && !back.parameters && !back.same_key);
    assert_int_not_equal(vch_binding_parse(VCH_STR("{"), arena, &back), VCH_OK);
}

static void checks_its_form(void **state) {
    (void)state;
    static const struct {
        const char *thing, *source, *parameters;
        bool same_key;
        enum vch_reason reason;
    } bad[] = {
        {"a b", "", NULL, false, VCH_REASON_NAME_INVALID},
        {"", "10.0.0.0/33", NULL, false, VCH_REASON_FIELD_INVALID},
        {"", "2001:db8::/129", NULL, false, VCH_REASON_FIELD_INVALID},
        {"", "host", NULL, false, VCH_REASON_FIELD_INVALID},
        {"", "", NULL, true, VCH_REASON_FIELD_INVALID},
        {"", "", "{\"\":\"x\"}", false, VCH_REASON_PARAMETER_INVALID},
        {"", "", "{\"A\":7}", false, VCH_REASON_PARAMETER_INVALID},
        {"", "", "{\"AWS::IoT::Certificate::Id\":\"x\"}", false, VCH_REASON_PARAMETER_INVALID},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct vch_diag diag = {0};
        const struct vch_binding b = {.thing_name = vch_str_from(bad[i].thing), .source = vch_str_from(bad[i].source),
                                      .parameters = bad[i].parameters ? json(bad[i].parameters) : NULL, .same_key = bad[i].same_key};
        refused(vch_binding_check(&b, &diag), &diag, bad[i].reason);
    }
    const struct vch_binding good = {.thing_name = VCH_STR("a:b_c-1"), .source = VCH_STR("2001:db8::/32"), .parameters = json("{\"A\":\"\"}")};
    assert_int_equal(vch_binding_check(&good, NULL), VCH_OK);
}

static void networks(void **state) {
    (void)state;
    static const struct {
        const char *network, *ip;
        bool holds;
    } rows[] = {
        {"10.0.0.0/8", "10.255.0.1", true},    {"10.0.0.0/8", "11.0.0.1", false},     {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},     {"0.0.0.0/0", "203.0.113.9", true},    {"0.0.0.0/0", "2001:db8::1", false},
        {"2001:db8::/32", "2001:db8:1::1", true}, {"2001:db8::/32", "2001:db9::1", false}, {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"10.0.0.0/8", "", false},             {"10.0.0.0/8", "x", false},            {"x", "10.0.0.1", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_true(vch_network_holds(vch_str_from(rows[i].network), vch_str_from(rows[i].ip)) == rows[i].holds);
    struct vch_diag diag = {0};
    const struct vch_binding b = {.source = VCH_STR("10.0.0.0/8")}, none = {.source = VCH_STR("")};
    refused(vch_binding_source(&b, VCH_STR("127.0.0.1"), &diag), &diag, VCH_REASON_CLAIM_SOURCE);
    assert_int_equal(vch_binding_source(&b, VCH_STR("10.0.0.1"), NULL), VCH_OK);
    assert_int_equal(vch_binding_source(&none, VCH_STR("127.0.0.1"), NULL), VCH_OK);
}

static void things_and_keys(void **state) {
    (void)state;
    char hex[VCH_SHA256_HEX];
    struct vch_diag diag = {0};
    vch_sha256_hex(VCH_STR("key"), hex);
    const struct vch_binding b = {.thing_name = VCH_STR("lamp"), .key = vch_str_from(hex), .same_key = true}, loose = {.key = vch_str_from(hex)};
    assert_int_equal(vch_binding_thing(&b, VCH_STR("lamp"), NULL), VCH_OK);
    refused(vch_binding_thing(&b, VCH_STR("Lamp"), &diag), &diag, VCH_REASON_CLAIM_THING);
    vch_diag_clear(&diag);
    refused(vch_binding_thing(&b, VCH_STR(""), &diag), &diag, VCH_REASON_CLAIM_THING);
    vch_diag_clear(&diag);
    assert_int_equal(vch_binding_key(&b, VCH_STR("key"), NULL), VCH_OK);
    refused(vch_binding_key(&b, VCH_STR("other"), &diag), &diag, VCH_REASON_CLAIM_KEY);
    vch_diag_clear(&diag);
    refused(vch_binding_key(&b, VCH_STR(""), &diag), &diag, VCH_REASON_CLAIM_KEY);
    assert_int_equal(vch_binding_key(&loose, VCH_STR("other"), NULL), VCH_OK);
}

static void parameters_are_filled_in_and_kept(void **state) {
    (void)state;
    const struct vch_binding b = {.parameters = json("{\"A\":\"1\",\"B\":\"2\"}")}, none = {.parameters = NULL};
    struct vch_diag diag = {0};
    struct vch_val *got, over;
    assert_int_equal(vch_binding_parameters(&b, NULL, arena, &got, NULL), VCH_OK);
    assert_true(vch_val_eq(got, json("{\"A\":\"1\",\"B\":\"2\"}")));
    assert_int_equal(vch_binding_parameters(&b, json("{\"C\":\"3\",\"A\":\"1\"}"), arena, &got, NULL), VCH_OK);
    assert_true(vch_val_eq(got, json("{\"C\":\"3\",\"A\":\"1\",\"B\":\"2\"}")));
    refused(vch_binding_parameters(&b, json("{\"A\":\"2\"}"), arena, &got, &diag), &diag, VCH_REASON_CLAIM_PARAMETER);
    assert_int_equal(vch_binding_parameters(&none, json("{\"A\":\"2\"}"), arena, &got, NULL), VCH_OK);
    assert_true(vch_val_eq(got, json("{\"A\":\"2\"}")));
    assert_int_equal(vch_binding_copy(&b, json("{\"A\":\"hook\",\"D\":\"4\"}"), arena, &over), VCH_OK);
    assert_true(vch_val_eq(&over, json("{\"A\":\"1\",\"D\":\"4\",\"B\":\"2\"}")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(comes_back_as_it_went, up, down), cmocka_unit_test_setup_teardown(checks_its_form, up, down),
        cmocka_unit_test_setup_teardown(networks, up, down),              cmocka_unit_test_setup_teardown(things_and_keys, up, down),
        cmocka_unit_test_setup_teardown(parameters_are_filled_in_and_kept, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
