#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "devlib/json.h"

static void test_finds_members(void **state) {
    (void)state;
    struct vch_str text = VCH_STR(
        " {\"a\":\"one\", \"b\" : {\"a\":\"inner\",\"x\":[1,2,{}]} ,\"n\":-12,\"t\":true,\"z\":null,\"l\":[ ]}\n");
    struct vch_devjson_field f[] = {{.name = "a"}, {.name = "b"}, {.name = "n"}, {.name = "t"},
                                    {.name = "z"}, {.name = "l"}, {.name = "q"}};
    char out[16];
    int number;
    assert_int_equal(vch_devjson_scan(text, f, 7), VCH_OK);
    assert_int_equal(vch_devjson_copy(text, &f[0], out, sizeof out), VCH_OK);
    assert_string_equal(out, "one");
    assert_int_equal(f[1].type, VCH_DEVJSON_OBJECT);
    assert_true(vch_str_eq_c(vch_str_sub(text, f[1].start, f[1].len), "{\"a\":\"inner\",\"x\":[1,2,{}]}"));
    assert_int_equal(vch_devjson_int(text, &f[2], &number), VCH_OK);
    assert_int_equal(number, -12);
    assert_int_equal(f[3].type, VCH_DEVJSON_BOOL);
    assert_int_equal(f[4].type, VCH_DEVJSON_NULL);
    assert_int_equal(f[5].type, VCH_DEVJSON_ARRAY);
    assert_int_equal(f[6].type, VCH_DEVJSON_ABSENT);
    assert_int_equal(vch_devjson_copy(text, &f[6], out, sizeof out), VCH_ERR_MALFORMED);
}

static const struct {
    const char *text;
    const char *value; /* of "k"; NULL: the text is refused */
} strings[] = {
    {"{\"k\":\"\"}", ""},
    {"{\"k\":\"a\\nb\\t\\\"\\\\\\/\\b\\f\\r\"}", "a\nb\t\"\\/\b\f\r"},
    {"{\"k\":\"\\u000A\\u00e9\\u20AC\"}", "\n\xC3\xA9\xE2\x82\xAC"},
    {"{\"k\":\"\\uD83D\\uDE00\"}", "\xF0\x9F\x98\x80"},
    {"{\"\\u006b\":\"escaped name\"}", "escaped name"},
    {"{\"k\":\"\xC3\xA9\"}", "\xC3\xA9"},
    {"{\"k\":\"\\uD83D\"}", NULL},
    {"{\"k\":\"\\uDE00\"}", NULL},
    {"{\"k\":\"\\uD83Dx\"}", NULL},
    {"{\"k\":\"\\u12G4\"}", NULL},
    {"{\"k\":\"\\x\"}", NULL},
    {"{\"k\":\"\\", NULL},
    {"{\"k\":\"a\nb\"}", NULL},
    {"{\"k\":\"\xC3\"}", NULL},
    {"{\"k\":\"\xED\xA0\x80\"}", NULL},
    {"{\"k\":\"open}", NULL},
    {"{\"k\":\"a\"} x", NULL},
    {"{\"k\":\"a\",}", NULL},
    {"{\"k\":\"a\" \"j\":1}", NULL},
    {"{k:\"a\"}", NULL},
    {"{\"k\" \"a\"}", NULL},
    {"{\"k\":\"a\",\"k\":\"b\"}", NULL},
    {"{\"k\":\"a\",\"\\u006b\":\"b\"}", NULL},
    {"[\"k\"]", NULL},
    {"\"k\"", NULL},
    {"", NULL},
    {"{", NULL},
    {"{\"k\":\"a\",\"n\":01}", NULL},
    {"{\"k\":\"a\",\"n\":1.}", NULL},
    {"{\"k\":\"a\",\"n\":1e}", NULL},
    {"{\"k\":\"a\",\"n\":+1}", NULL},
    {"{\"k\":\"a\",\"n\":tru}", NULL},
    {"{\"k\":\"a\",\"n\":NaN}", NULL},
    {"{\"k\":\"a\",\"n\":[1,]}", NULL},
    {"{\"k\":\"a\",\"n\":-0.5e+10}", "a"},
    {"{\"k\":\"a\",\"n\":[[],{},[{\"k\":\"deep\"}]]}", "a"},
};

static void test_strings(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        struct vch_str text = vch_str_from(strings[i].text);
        struct vch_devjson_field f = {.name = "k"};
        char out[64], document[128], *in_place;
        enum vch_err err = vch_devjson_scan(text, &f, 1);
        if (!strings[i].value) {
            if (err == VCH_OK) fail_msg("accepted: %s", strings[i].text);
            continue;
        }
        if (err != VCH_OK) fail_msg("refused: %s", strings[i].text);
        assert_int_equal(vch_devjson_copy(text, &f, out, sizeof out), VCH_OK);
        assert_string_equal(out, strings[i].value);
        memcpy(document, text.ptr, text.len);
        assert_int_equal(vch_devjson_unescape(document, &f, &in_place), VCH_OK);
        assert_string_equal(in_place, strings[i].value);
        if (strlen(out) > 0)
            assert_int_equal(vch_devjson_copy(text, &f, out, strlen(strings[i].value)), VCH_ERR_TOO_LARGE);
    }
}

/* In-place undoing touches nothing outside the string and its closing quote. */
static void test_unescape_stays_inside(void **state) {
    (void)state;
    char document[] = "{\"a\":\"\\u0041\\n\",\"b\":\"next\"}";
    struct vch_devjson_field f[] = {{.name = "a"}, {.name = "b"}};
    char *a, *b;
    assert_int_equal(vch_devjson_scan(vch_str_from(document), f, 2), VCH_OK);
    assert_int_equal(vch_devjson_unescape(document, &f[0], &a), VCH_OK);
    assert_memory_equal(document + f[0].start + f[0].len + 1, ",\"b\":\"next\"}", 13);
    assert_int_equal(vch_devjson_unescape(document, &f[1], &b), VCH_OK);
    assert_string_equal(a, "A\n");
    assert_string_equal(b, "next");
}

static void test_escaped_nul_is_refused(void **state) {
    (void)state;
    struct vch_str text = VCH_STR("{\"k\":\"a\\u0000b\"}");
    struct vch_devjson_field f = {.name = "k"};
    char out[8];
    assert_int_equal(vch_devjson_scan(text, &f, 1), VCH_OK);
    assert_int_equal(vch_devjson_copy(text, &f, out, sizeof out), VCH_ERR_MALFORMED);
    assert_int_equal(vch_devjson_check_map(text), VCH_ERR_INVALID);
}

static void test_depth(void **state) {
    (void)state;
    char text[256] = "{\"k\":";
    struct vch_devjson_field f = {.name = "k"};
    for (int nested = 1; nested <= 40; nested++) {
        char *at = text + 5;
        for (int i = 0; i < nested; i++) *at++ = '[';
        for (int i = 0; i < nested; i++) *at++ = ']';
        strcpy(at, "}");
        /* The outer object counts as one level. */
        assert_int_equal(vch_devjson_scan(vch_str_from(text), &f, 1),
                         nested < VCH_DEVJSON_DEPTH_MAX ? VCH_OK : VCH_ERR_TOO_LARGE);
    }
}

static void test_check_map(void **state) {
    (void)state;
    assert_int_equal(vch_devjson_check_map(VCH_STR("{}")), VCH_OK);
    assert_int_equal(vch_devjson_check_map(VCH_STR("{\"ThingName\": \"device-client-fp\"}")), VCH_OK);
    assert_int_equal(vch_devjson_check_map(VCH_STR("{\"ThingName\": 7}")), VCH_ERR_INVALID);
    assert_int_equal(vch_devjson_check_map(VCH_STR("{\"ThingName\": {}}")), VCH_ERR_INVALID);
    assert_int_equal(vch_devjson_check_map(VCH_STR("[]")), VCH_ERR_MALFORMED);
}

static void test_int(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum vch_err err;
    } cases[] = {{"{\"n\":400}", VCH_OK},
                 {"{\"n\":4.5}", VCH_ERR_MALFORMED},
                 {"{\"n\":1e3}", VCH_ERR_MALFORMED},
                 {"{\"n\":9999999999}", VCH_ERR_MALFORMED},
                 {"{\"n\":\"4\"}", VCH_ERR_MALFORMED},
                 {"{}", VCH_ERR_MALFORMED}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vch_devjson_field f = {.name = "n"};
        int n = 0;
        assert_int_equal(vch_devjson_scan(vch_str_from(cases[i].text), &f, 1), VCH_OK);
        assert_int_equal(vch_devjson_int(vch_str_from(cases[i].text), &f, &n), cases[i].err);
    }
}

static void test_writer(void **state) {
    (void)state;
    char memory[40];
    struct vch_devjson_out out = {.ptr = memory, .size = sizeof memory};
    vch_devjson_string(&out, VCH_STR("a\"\\\n\t\x7F\xC3\xA9"));
    assert_false(out.overflow);
    assert_true(vch_str_eq_c(vch_str_of(out.ptr, out.len), "\"a\\\"\\\\\\n\\u0009\\u007f\xC3\xA9\""));
    for (size_t size = 0; size < out.len; size++) {
        char small[40];
        memset(small, '#', sizeof small);
        struct vch_devjson_out cut = {.ptr = small, .size = size};
        vch_devjson_string(&cut, VCH_STR("a\"\\\n\t\x7F\xC3\xA9"));
        assert_true(cut.overflow);
        assert_int_equal(small[size], '#');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_members),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_unescape_stays_inside),
        cmocka_unit_test(test_escaped_nul_is_refused),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_check_map),
        cmocka_unit_test(test_int),
        cmocka_unit_test(test_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
