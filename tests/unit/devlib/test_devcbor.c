#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "devlib/cbor.h"

#define BYTES(literal) VCH_STR(literal)

static void test_finds_members(void **state) {
    (void)state;
    /* {"a": "one", "b": {"a": "inner", "x": [1, 2, {}]}, "n": -12, "t": true, "z": null, "l": []} */
    struct vch_str text = BYTES("\xA6"
                                "\x61\x61\x63one"
                                "\x61\x62\xA2\x61\x61\x65inner\x61x\x83\x01\x02\xA0"
                                "\x61n\x2B"
                                "\x61t\xF5"
                                "\x61z\xF6"
                                "\x61l\x80");
    struct vch_devjson_field f[] = {{.name = "a"}, {.name = "b"}, {.name = "n"}, {.name = "t"},
                                    {.name = "z"}, {.name = "l"}, {.name = "q"}};
    int number;
    assert_int_equal(vch_devcbor_scan(text, f, 7), VCH_OK);
    assert_int_equal(f[0].type, VCH_DEVJSON_STRING);
    assert_int_equal(f[1].type, VCH_DEVJSON_OBJECT);
    assert_memory_equal(text.ptr + f[1].start, "\xA2\x61\x61\x65inner\x61x\x83\x01\x02\xA0", f[1].len);
    assert_int_equal(f[1].len, 15);
    assert_int_equal(vch_devcbor_int(text, &f[2], &number), VCH_OK);
    assert_int_equal(number, -12);
    assert_int_equal(f[3].type, VCH_DEVJSON_BOOL);
    assert_int_equal(f[4].type, VCH_DEVJSON_NULL);
    assert_int_equal(f[5].type, VCH_DEVJSON_ARRAY);
    assert_int_equal(f[5].len, 1);
    assert_int_equal(f[6].type, VCH_DEVJSON_ABSENT);
}

static const struct {
    struct vch_str bytes;
    const char *value; /* of "k"; NULL: refused */
} texts[] = {
    {BYTES("\xA1\x61k\x60"), ""},
    {BYTES("\xA1\x61k\x63\x61\n\"b"), NULL}, /* a byte too many */
    {BYTES("\xA1\x61k\x64\x61\n\"b"), "a\n\"b"},
    {BYTES("\xA1\x61k\x78\x03one"), "one"},
    {BYTES("\xA1\x61k\x79\x00\x03one"), "one"},
    {BYTES("\xA1\x61k\x7A\x00\x00\x00\x03one"), "one"},
    {BYTES("\xA1\x61k\x7B\x00\x00\x00\x00\x00\x00\x00\x03one"), "one"},
    {BYTES("\xA1\x61k\x7B\x00\x00\x00\x01\x00\x00\x00\x03one"), NULL},
    {BYTES("\xBF\x61k\x63one\xFF"), "one"},
    {BYTES("\xA1\x61k\x7F\x62on\x61\x65\xFF"), "one"},
    {BYTES("\xA1\x61k\x7F\x60\xFF"), ""},
    {BYTES("\xA1\x61k\x7F\xFF"), ""},
    {BYTES("\xA1\x7F\x61k\x60\xFF\x63one"), "one"}, /* a name in chunks */
    {BYTES("\xBF\x61j\xBF\x61k\x61x\xFF\x61k\x63one\xFF"), "one"},
    {BYTES("\xA1\x61k\x62\xC3\xA9"), "\xC3\xA9"},
    {BYTES("\xA1\x61k\x61\xC3"), NULL},
    {BYTES("\xA1\x61k\x7F\x61\xC3\x61\xA9\xFF"), NULL}, /* RFC 8949 section 3.2.3 */
    {BYTES("\xA1\x61k\x7F\x7F\x61\x61\xFF\xFF"), NULL},
    {BYTES("\xA1\x61k\x7F\x41\x61\xFF"), NULL},
    {BYTES("\xA1\x61k\x7F\x61\x61"), NULL},
    {BYTES("\xA1\x61k\x43one"), NULL},                     /* bytes */
    {BYTES("\xA1\x41k\x63one"), NULL},                     /* a name of bytes */
    {BYTES("\xA1\x01\x63one"), NULL},                      /* a number as a name */
    {BYTES("\xA1\x61k\xC0\x63one"), NULL},                 /* a tag */
    {BYTES("\xD9\xD9\xF7\xA1\x61k\x63one"), NULL},         /* a tag around it all */
    {BYTES("\xA2\x61k\x63one\x61k\x63two"), NULL},         /* twice */
    {BYTES("\xA2\x61k\x63one\x7F\x61k\xFF\x63two"), NULL}, /* twice, once in chunks */
    {BYTES("\xA1\x61k\x63one\x00"), NULL},                 /* something behind it */
    {BYTES("\xA2\x61k\x63one"), NULL},                     /* a member is missing */
    {BYTES("\xBF\x61k\x63one"), NULL},                     /* no end */
    {BYTES("\xBF\x61k\x63one\x61j\xFF"), NULL},            /* a name without a value */
    {BYTES("\xA1\x61k\xFF"), NULL},
    {BYTES("\xA1\x61k\x1C"), NULL},
    {BYTES("\xA1\x61k\x1F"), NULL},
    {BYTES("\xA1\x61k\xF8\x20"), NULL},
    {BYTES("\xA1\x61k\xE0"), NULL},
    {BYTES("\xBB\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x61k\x63one"), NULL},
    {BYTES("\x81\x61k"), NULL},
    {BYTES("\x61k"), NULL},
    {BYTES("\xA1\x61k\x81\x81\x81\x01"), "!"}, /* four levels; "!": found, and no text */
    {BYTES("\xA1\x61k\x81\x81\x81\x81\x01"), NULL},
    {BYTES("\xA2\x61j\xFB\x3F\xF0\x00\x00\x00\x00\x00\x00\x61k\x61x"), "x"},
    {BYTES("\xA2\x61j\xF9\x3C\x00\x61k\x61x"), "x"},
};

static void test_texts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct vch_devjson_field f = {.name = "k"};
        char document[64], *text;
        enum vch_err err = vch_devcbor_scan(texts[i].bytes, &f, 1);
        if ((err == VCH_OK) != (texts[i].value != NULL)) fail_msg("case %zu: %d", i, (int)err);
        if (err != VCH_OK) continue;
        memcpy(document, texts[i].bytes.ptr, texts[i].bytes.len);
        memset(document + texts[i].bytes.len, '#', sizeof document - texts[i].bytes.len);
        err = vch_devcbor_text(document, &f, &text);
        assert_int_equal(err, texts[i].value[0] == '!' ? VCH_ERR_MALFORMED : VCH_OK);
        if (err == VCH_OK) assert_string_equal(text, texts[i].value);
        /* Nothing outside the text's own bytes was touched. */
        assert_memory_equal(document, texts[i].bytes.ptr, f.start);
        size_t end = f.start + f.len;
        assert_memory_equal(document + end, texts[i].bytes.ptr + end, texts[i].bytes.len - end);
        assert_int_equal(document[texts[i].bytes.len], '#');
    }
}

/* Each beginning of a good text is refused. */
static void test_cut_texts_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct vch_devjson_field f = {.name = "k"};
        if (!texts[i].value) continue;
        for (size_t len = 0; len < texts[i].bytes.len; len++)
            assert_int_not_equal(vch_devcbor_scan(vch_str_of(texts[i].bytes.ptr, len), &f, 1), VCH_OK);
    }
}

static void test_nul_is_no_text(void **state) {
    (void)state;
    char document[] = "\xA1\x61k\x63"
                      "a\0b";
    struct vch_devjson_field f = {.name = "k"};
    char *text;
    assert_int_equal(vch_devcbor_scan(vch_str_of(document, 7), &f, 1), VCH_OK);
    assert_int_equal(vch_devcbor_text(document, &f, &text), VCH_ERR_MALFORMED);
}

static void test_int(void **state) {
    (void)state;
    static const struct {
        struct vch_str bytes;
        enum vch_err err;
        int value;
    } cases[] = {
        {BYTES("\xA1\x61n\x19\x01\x93"), VCH_OK, 403},
        {BYTES("\xA1\x61n\x00"), VCH_OK, 0},
        {BYTES("\xA1\x61n\x1B\x00\x00\x00\x00\x00\x00\x01\x93"), VCH_OK, 403},
        {BYTES("\xA1\x61n\x1A\x3B\x9A\xC9\xFF"), VCH_ERR_MALFORMED, 0},
        {BYTES("\xA1\x61n\x3A\x3B\x9A\xC9\xFE"), VCH_OK, -999999999},
        {BYTES("\xA1\x61n\xF9\x3C\x00"), VCH_ERR_MALFORMED, 0},
        {BYTES("\xA1\x61n\x63"
               "403"),
         VCH_ERR_MALFORMED, 0},
        {BYTES("\xA0"), VCH_ERR_MALFORMED, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vch_devjson_field f = {.name = "n"};
        int n = 0;
        assert_int_equal(vch_devcbor_scan(cases[i].bytes, &f, 1), VCH_OK);
        assert_int_equal(vch_devcbor_int(cases[i].bytes, &f, &n), cases[i].err);
        assert_int_equal(n, cases[i].value);
    }
}

static const struct {
    struct vch_str bytes;
    const char *json;
} pairs[] = {
    {BYTES("\xA0"), "{}"},
    {BYTES("\xBF\xFF"), "{}"},
    {BYTES("\xA2\x61\x61\x01\x61\x62\x02"), "{\"a\":1,\"b\":2}"},
    {BYTES("\x84\x20\x18\xFF\x39\xFF\xFF\x1A\x00\x01\x00\x00"), "[-1,255,-65536,65536]"},
    {BYTES("\x82\x1B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x3B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"),
     "[18446744073709551615,-18446744073709551616]"},
    {BYTES("\x86\xF4\xF5\xF6\xF7\xF9\x3C\x00\x60"), "[false,true,null,null,null,\"\"]"},
    {BYTES("\xBF\x61\x61\x9F\x01\x9F\xFF\xFF\x61\x62\xA1\x61\x63\x80\xFF"), "{\"a\":[1,[]],\"b\":{\"c\":[]}}"},
    {BYTES("\xA1\x61\"\x7F\x62\n\x01\x61\\\xFF"), "{\"\\\"\":\"\\n\\u0001\\\\\"}"},
};

static void test_json(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char memory[80];
        struct vch_devjson_out out = {.ptr = memory, .size = sizeof memory};
        assert_int_equal(vch_devcbor_json(pairs[i].bytes, &out), VCH_OK);
        assert_true(vch_str_eq_c(vch_str_of(out.ptr, out.len), pairs[i].json));
        for (size_t size = 0; size < out.len; size++) {
            char cut[80];
            memset(cut, '#', sizeof cut);
            struct vch_devjson_out less = {.ptr = cut, .size = size};
            assert_int_equal(vch_devcbor_json(pairs[i].bytes, &less), VCH_ERR_TOO_LARGE);
            assert_int_equal(cut[size], '#');
        }
    }
}

static void test_from_json(void **state) {
    (void)state;
    static const struct {
        const char *json;
        struct vch_str bytes;
    } cases[] = {
        {"{}", BYTES("\xA0")},
        {" { \"ThingName\" : \"lamp\" } ", BYTES("\xA1\x69ThingName\x64lamp")},
        {"{\"a\":\"\",\"\\u0062\":\"\\uD83D\\uDE00\\n\"}", BYTES("\xA2\x61\x61\x60\x61\x62\x65\xF0\x9F\x98\x80\n")},
        {"{\"k\":\"aaaaaaaaaaaaaaaaaaaaaaaa\"}", BYTES("\xA1\x61k\x78\x18"
                                                       "aaaaaaaaaaaaaaaaaaaaaaaa")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char memory[64];
        struct vch_devjson_out out = {.ptr = memory, .size = sizeof memory};
        assert_int_equal(vch_devcbor_put_json(&out, vch_str_from(cases[i].json)), VCH_OK);
        assert_int_equal(out.len, cases[i].bytes.len);
        assert_memory_equal(memory, cases[i].bytes.ptr, out.len);
        out = (struct vch_devjson_out){.ptr = memory, .size = cases[i].bytes.len - 1};
        assert_int_equal(vch_devcbor_put_json(&out, vch_str_from(cases[i].json)), VCH_ERR_TOO_LARGE);
    }
    struct vch_devjson_out none = {0};
    assert_int_equal(vch_devcbor_put_json(&none, VCH_STR("{\"a\":1}")), VCH_ERR_INVALID);
    assert_int_equal(vch_devcbor_put_json(&none, VCH_STR("[]")), VCH_ERR_MALFORMED);
}

/* Heads are as short as they go, and the reader takes them back. */
static void test_put_text_lengths(void **state) {
    (void)state;
    static const size_t lengths[] = {0, 23, 24, 255, 256, 65535, 65536};
    static const size_t heads[] = {1, 1, 2, 2, 3, 3, 5};
    static char text[65536], memory[65552];
    memset(text, 't', sizeof text);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct vch_devjson_out out = {.ptr = memory, .size = sizeof memory};
        struct vch_devcbor_item item;
        vch_devcbor_put_text(&out, vch_str_of(text, lengths[i]));
        assert_int_equal(out.len, heads[i] + lengths[i]);
        struct vch_devcbor r = vch_devcbor_read(vch_str_of(memory, out.len));
        assert_int_equal(vch_devcbor_next(&r, &item), VCH_OK);
        assert_int_equal(item.encoded.len, out.len);
        assert_int_equal(vch_devcbor_next(&r, &item), VCH_OK);
        assert_int_equal(item.step, VCH_DEVCBOR_END);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_members),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_cut_texts_are_refused),
        cmocka_unit_test(test_nul_is_no_text),
        cmocka_unit_test(test_int),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_from_json),
        cmocka_unit_test(test_put_text_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
