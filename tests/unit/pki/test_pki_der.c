#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "pki/der_priv.h"
#include "pki/name_priv.h"

#define BYTES(literal) vch_str_of(literal, sizeof(literal) - 1)

static void reads_what_is_der(void **state) {
    (void)state;
    struct vch_str in = BYTES("\x04\x03" "abc" "\x05\x00"), body;
    assert_true(vch_der_take(&in, VCH_DER_OCTETS, &body));
    assert_true(vch_str_eq_c(body, "abc"));
    assert_false(vch_der_take(&in, VCH_DER_OCTETS, &body)); /* another tag: nothing is taken */
    assert_int_equal(in.len, 2);
    assert_true(vch_der_take(&in, VCH_DER_NULL, &body));
    assert_int_equal(in.len, 0);
}

static void refuses_what_is_only_ber(void **state) {
    (void)state;
    static const struct vch_str cases[] = {
        {"", 0},
        {"\x04", 1},
        {"\x04\x80" "ab\0\0", 6},        /* indefinite */
        {"\x04\x81\x03" "abc", 6},       /* long form of a short length */
        {"\x04\x82\x00\x80", 4},         /* leading zero in the length */
        {"\x04\x84\x00\x00\x00\x01" "a", 7},
        {"\x04\x04" "abc", 5},           /* one byte short */
        {"\x1F\x81\x01\x00", 4},         /* high tag number */
        {"\x04\x83\x01\x00\x01", 5},     /* longer than 64 KiB */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vch_str in = cases[i];
        struct vch_der element;
        assert_false(vch_der_any(&in, &element));
        assert_int_equal(in.len, cases[i].len);
    }
}

static void reads_numbers_minimally(void **state) {
    (void)state;
    static const struct {
        struct vch_str der;
        bool ok;
        size_t len;
    } cases[] = {
        {{"\x02\x01\x00", 3}, true, 1},  {{"\x02\x01\x7F", 3}, true, 1},        {{"\x02\x02\x00\x80", 4}, true, 1},
        {{"\x02\x00", 2}, false, 0},     {{"\x02\x01\x80", 3}, false, 0},       {{"\x02\x02\x00\x7F", 4}, false, 0},
        {{"\x02\x02\x01\x00", 4}, true, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vch_str in = cases[i].der, magnitude;
        assert_int_equal(vch_der_unsigned(&in, &magnitude), cases[i].ok);
        if (cases[i].ok) assert_int_equal(magnitude.len, cases[i].len);
    }
}

static void writes_lengths_of_every_form(void **state) {
    (void)state;
    static const size_t lengths[] = {0, 1, 127, 128, 255, 256, 3000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        uint8_t buf[4096], content[3000];
        memset(content, 0x5A, sizeof content);
        struct vch_der_out out;
        vch_der_out_init(&out, buf, sizeof buf);
        vch_der_put(&out, vch_str_of(content, lengths[i]));
        vch_der_wrap(&out, VCH_DER_OCTETS, sizeof buf);
        struct vch_str in = vch_der_done(&out), body;
        assert_true(vch_der_take(&in, VCH_DER_OCTETS, &body));
        assert_int_equal(in.len, 0);
        assert_true(vch_str_eq(body, vch_str_of(content, lengths[i])));
    }
}

static void a_full_writer_yields_nothing(void **state) {
    (void)state;
    uint8_t buf[4];
    struct vch_der_out out;
    vch_der_out_init(&out, buf, sizeof buf);
    vch_der_put(&out, VCH_STR("abc"));
    vch_der_wrap(&out, VCH_DER_OCTETS, sizeof buf);
    vch_der_put_u8(&out, 1);
    assert_int_equal(vch_der_done(&out).len, 0);
}

/* RFC 5280 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on. */
static void times_change_form_in_2050(void **state) {
    (void)state;
    static const struct {
        int64_t ms;
        const char *der;
    } cases[] = {
        {INT64_C(2524607999000), "\x17\x0D" "491231235959Z"},
        {INT64_C(2524608000000), "\x18\x0F" "20500101000000Z"},
        {INT64_C(946684800000), "\x17\x0D" "000101000000Z"},
        {INT64_C(1595955066999), "\x17\x0D" "200728165106Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t buf[32];
        struct vch_der_out out;
        int64_t back = 0;
        vch_der_out_init(&out, buf, sizeof buf);
        vch_der_put_time(&out, cases[i].ms);
        struct vch_str done = vch_der_done(&out);
        assert_true(vch_str_eq_c(done, cases[i].der));
        assert_true(vch_der_time(&done, &back));
        assert_int_equal(back, cases[i].ms / 1000 * 1000);
    }
}

static void refuses_other_times(void **state) {
    (void)state;
    static const char *const cases[] = {
        "\x17\x0B" "4912312359Z",          "\x17\x0D" "491331235959Z", "\x17\x0D" "4912312359590",
        "\x18\x0D" "491231235959Z",        "\x18\x13" "20500101000000+0000", "\x17\x0D" "49-231235959Z",
        "\x18\x11" "20500101000000.5Z",    "\x17\x0D" "210229000000Z",
        "\x17\x0D" "500101000000Z", /* 1950: before the clock's years */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vch_str in = vch_str_from(cases[i]);
        int64_t ms = 0;
        assert_false(vch_der_time(&in, &ms));
    }
    struct vch_str old = VCH_STR("\x17\x0D" "700101000001Z");
    int64_t ms = 0;
    assert_true(vch_der_time(&old, &ms));
    assert_int_equal(ms, 1000);
}

static const struct name_case {
    const char *what;
    struct vch_str der;
    bool ok;
    const char *cn;
} names[] = {
    {"empty", {"\x30\x00", 2}, true, ""},
    {"utf8", {"\x30\x0D\x31\x0B\x30\x09\x06\x03\x55\x04\x03\x0C\x02\xC3\xA9", 15}, true, "\xC3\xA9"},
    {"printable", {"\x30\x0D\x31\x0B\x30\x09\x06\x03\x55\x04\x03\x13\x02" "ab", 15}, true, "ab"},
    {"teletex", {"\x30\x0C\x31\x0A\x30\x08\x06\x03\x55\x04\x03\x14\x01\xE9", 14}, true, "\xC3\xA9"},
    {"bmp", {"\x30\x0D\x31\x0B\x30\x09\x06\x03\x55\x04\x03\x1E\x02\x20\xAC", 15}, true, "\xE2\x82\xAC"},
    {"universal", {"\x30\x0F\x31\x0D\x30\x0B\x06\x03\x55\x04\x03\x1C\x04\x00\x01\xF6\x00", 17}, true, "\xF0\x9F\x98\x80"},
    {"organisation alone", {"\x30\x0D\x31\x0B\x30\x09\x06\x03\x55\x04\x0A\x0C\x02" "ab", 15}, true, ""},
    {"bad utf8", {"\x30\x0D\x31\x0B\x30\x09\x06\x03\x55\x04\x03\x0C\x02\xC3\x28", 15}, false, ""},
    {"nul inside", {"\x30\x0E\x31\x0C\x30\x0A\x06\x03\x55\x04\x03\x0C\x03" "a\0b", 16}, false, ""},
    {"newline inside", {"\x30\x0E\x31\x0C\x30\x0A\x06\x03\x55\x04\x03\x0C\x03" "a\nb", 16}, false, ""},
    {"empty value", {"\x30\x0B\x31\x09\x30\x07\x06\x03\x55\x04\x03\x0C\x00", 13}, false, ""},
    {"surrogate", {"\x30\x0D\x31\x0B\x30\x09\x06\x03\x55\x04\x03\x1E\x02\xD8\x00", 15}, false, ""},
    {"odd bmp", {"\x30\x0C\x31\x0A\x30\x08\x06\x03\x55\x04\x03\x1E\x01\x20", 14}, false, ""},
    {"integer value", {"\x30\x0C\x31\x0A\x30\x08\x06\x03\x55\x04\x03\x02\x01\x20", 14}, false, ""},
    {"empty set", {"\x30\x02\x31\x00", 4}, false, ""},
    {"after the name", {"\x30\x00\x00", 3}, false, ""},
    {"after the value", {"\x30\x0F\x31\x0D\x30\x0B\x06\x03\x55\x04\x03\x0C\x02" "ab\x05\x00", 17}, false, ""},
};

static void names_are_checked_and_read(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct name_case *c = &names[i];
        if (vch_name_valid(c->der) != c->ok) fail_msg("%s", c->what);
        if (!c->ok) continue;
        struct vch_arena *arena = vch_arena_new(4096, false);
        struct vch_str cn;
        assert_int_equal(vch_name_first_cn(c->der, arena, &cn), VCH_OK);
        if (!vch_str_eq_c(cn, c->cn)) fail_msg("%s: %.*s", c->what, VCH_STR_ARG(cn));
        vch_arena_free(arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_der),        cmocka_unit_test(refuses_what_is_only_ber),
        cmocka_unit_test(reads_numbers_minimally),  cmocka_unit_test(writes_lengths_of_every_form),
        cmocka_unit_test(a_full_writer_yields_nothing), cmocka_unit_test(times_change_form_in_2050),
        cmocka_unit_test(refuses_other_times),      cmocka_unit_test(names_are_checked_and_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
