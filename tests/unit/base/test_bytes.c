#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/codec.h"
#include "base/digest.h"
#include "base/map.h"

static void views_compare_and_cut(void **state) {
    (void)state;
    assert_true(vch_str_eq(VCH_STR("abc"), vch_str_from("abc")));
    assert_false(vch_str_eq(VCH_STR("abc"), VCH_STR("abd")));
    assert_true(vch_str_eq(VCH_STR(""), (struct vch_str){NULL, 0}));
    assert_true(vch_str_ieq(VCH_STR("Host"), VCH_STR("hOST")));
    assert_true(vch_str_cmp(VCH_STR("a"), VCH_STR("ab")) < 0);
    assert_true(vch_str_starts(VCH_STR("$aws/x"), VCH_STR("$aws/")));
    assert_false(vch_str_starts(VCH_STR("$a"), VCH_STR("$aws/")));
    assert_true(vch_str_ends(VCH_STR("x/accepted"), VCH_STR("/accepted")));
    assert_false(vch_str_ends(VCH_STR("d"), VCH_STR("/accepted")));
    assert_str(vch_str_sub(VCH_STR("hello"), 1, 3), "ell");
    assert_str(vch_str_sub(VCH_STR("hello"), 9, 3), "");
    assert_str(vch_str_trim(VCH_STR(" \t a b\r\n")), "a b");
    assert_int_equal(vch_str_find(VCH_STR("a:b:c"), ':', 2), 3);
    assert_true(vch_str_find(VCH_STR("abc"), ':', 0) == SIZE_MAX);
}

static void split_keeps_empty_parts(void **state) {
    (void)state;
    struct vch_str rest = VCH_STR("a//b/"), part;
    const char *expected[] = {"a", "", "b", ""};
    size_t n = 0;
    for (; vch_str_split(&rest, '/', &part); n++) {
        assert_true(n < COUNT_OF(expected));
        assert_str(part, expected[n]);
    }
    assert_int_equal(n, 4);
    rest = (struct vch_str){NULL, 0};
    assert_false(vch_str_split(&rest, '/', &part));
}

static void integers_are_strict(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool good;
        int64_t value;
    } cases[] = {
        {"0", true, 0}, {"-7", true, -7}, {"0042", true, 42},
        {"9223372036854775807", true, INT64_MAX}, {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0}, {"-9223372036854775809", false, 0}, {"", false, 0}, {"-", false, 0},
        {"+1", false, 0}, {" 1", false, 0}, {"1 ", false, 0}, {"1e3", false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t value = 99;
        enum vch_err err = vch_str_int(vch_str_from(cases[i].text), &value);
        assert_int_equal(err == VCH_OK, cases[i].good);
        if (cases[i].good) assert_true(value == cases[i].value);
        else assert_int_equal(value, 99);
    }
}

static void utf8_is_strict(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        bool good;
    } cases[] = {
        {"plain", true}, {"\xc3\xa4", true}, {"\xe2\x82\xac", true}, {"\xf0\x9f\x98\x80", true}, {"\xf4\x8f\xbf\xbf", true},
        {"\xc0\x80", false}, {"\xc1\xbf", false}, {"\xe0\x9f\xbf", false}, {"\xed\xa0\x80", false}, {"\xf0\x8f\xbf\xbf", false},
        {"\xf4\x90\x80\x80", false}, {"\xf5\x80\x80\x80", false}, {"\x80", false}, {"\xc3", false}, {"\xe2\x82", false},
        {"\xf0\x9f\x98", false}, {"\xff", false}, {"a\xc3(", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(vch_utf8_valid(vch_str_from(cases[i].bytes)), cases[i].good);
}

static void secrets_compare_whole(void **state) {
    (void)state;
    assert_true(vch_ct_eq("secret", 6, "secret", 6));
    assert_false(vch_ct_eq("secret", 6, "secreT", 6));
    assert_false(vch_ct_eq("secret", 6, "Secret", 6));
    assert_false(vch_ct_eq("secret", 6, "secret", 5));
    char text[] = "key";
    vch_wipe(text, 3);
    assert_memory_equal(text, "\0\0\0", 3);
}

static void buffer_remembers_overflow(void **state) {
    (void)state;
    struct vch_buf buf;
    struct vch_str out;
    vch_buf_init(&buf, 5);
    vch_buf_c(&buf, "abc");
    vch_buf_c(&buf, "de");
    assert_int_equal(vch_buf_finish(&buf, &out), VCH_OK);
    assert_str(out, "abcde");
    assert_int_equal(out.ptr[5], 0);
    vch_buf_c(&buf, "f");
    vch_buf_clear(&buf);
    vch_buf_c(&buf, "toolong");
    vch_buf_c(&buf, "x"); /* would fit, and must not be taken */
    assert_int_equal(vch_buf_finish(&buf, &out), VCH_ERR_TOO_LARGE);
    assert_null(out.ptr);
    vch_buf_deinit(&buf);
}

static void buffer_numbers_are_big_endian(void **state) {
    (void)state;
    struct vch_buf buf;
    struct vch_str out;
    vch_buf_init_secret(&buf, 1024);
    vch_buf_u8(&buf, 1);
    vch_buf_u16(&buf, 0x0203);
    vch_buf_u32(&buf, 0x04050607);
    vch_buf_u64(&buf, 0x08090a0b0c0d0e0f);
    vch_buf_printf(&buf, "-%d", 42);
    for (int i = 0; i < 600; i++) vch_buf_u8(&buf, 'x'); /* grows */
    assert_int_equal(vch_buf_finish(&buf, &out), VCH_OK);
    assert_int_equal(out.len, 618);
    assert_memory_equal(out.ptr, "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17-42xx", 20);
    vch_buf_deinit(&buf);
}

static void arena_is_capped_and_zeroed(void **state) {
    (void)state;
    struct vch_arena *arena = vch_arena_new(10000, true);
    unsigned char *p = vch_arena_alloc(arena, 100);
    for (int i = 0; i < 100; i++) assert_int_equal(p[i], 0);
    memset(p, 0xAA, 100);
    assert_non_null(vch_arena_alloc(arena, 6000)); /* larger than a block */
    assert_null(vch_arena_alloc(arena, 6000));
    assert_null(vch_arena_array(arena, SIZE_MAX / 2, 4));
    assert_non_null(vch_arena_alloc(arena, 1000)); /* still usable */
    vch_arena_reset(arena);
    assert_int_equal(vch_arena_used(arena), 0);
    p = vch_arena_alloc(arena, 100);
    for (int i = 0; i < 100; i++) assert_int_equal(p[i], 0);
    assert_str(vch_arena_printf(arena, "%s/%d", "v", 7), "v/7");
    assert_int_equal((uintptr_t)vch_arena_alloc(arena, 3) % 16, 0);
    vch_arena_free(arena);
    vch_arena_free(NULL);
}

static void hex_and_base64(void **state) {
    (void)state;
    char hex[9];
    uint8_t back[4];
    vch_hex("\x00\xff\x10\xab", 4, hex);
    assert_string_equal(hex, "00ff10ab");
    assert_int_equal(vch_unhex(VCH_STR("00FF10ab"), back, 4), VCH_OK);
    assert_memory_equal(back, "\x00\xff\x10\xab", 4);
    assert_int_equal(vch_unhex(VCH_STR("00ff10"), back, 4), VCH_ERR_MALFORMED);
    assert_int_equal(vch_unhex(VCH_STR("00ff10ag"), back, 4), VCH_ERR_MALFORMED);
    /* RFC 4648 section 10 */
    static const struct {
        const char *plain, *code;
    } cases[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct vch_buf buf;
        struct vch_str out;
        vch_buf_init(&buf, 100);
        vch_base64(vch_str_from(cases[i].plain), &buf);
        assert_int_equal(vch_buf_finish(&buf, &out), VCH_OK);
        assert_str(out, cases[i].code);
        vch_buf_clear(&buf);
        assert_int_equal(vch_unbase64(vch_str_from(cases[i].code), &buf), VCH_OK);
        assert_int_equal(vch_buf_finish(&buf, &out), VCH_OK);
        assert_str(out, cases[i].plain);
        vch_buf_deinit(&buf);
    }
    static const char *const bad[] = {"Zg=", "Zg", "Z===", "Zh==", "Zm9v=", "Zm 9", "====", "Zm8=Zm8=", "Zm9-"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct vch_buf buf;
        vch_buf_init(&buf, 100);
        assert_int_equal(vch_unbase64(vch_str_from(bad[i]), &buf), VCH_ERR_MALFORMED);
        vch_buf_deinit(&buf);
    }
}

static void percent_encoding(void **state) {
    (void)state;
    struct vch_buf buf;
    struct vch_str out;
    vch_buf_init(&buf, 100);
    vch_percent(VCH_STR("a b/c:d~e"), false, &buf);
    assert_int_equal(vch_buf_finish(&buf, &out), VCH_OK);
    assert_str(out, "a%20b%2Fc%3Ad~e");
    vch_buf_clear(&buf);
    assert_int_equal(vch_unpercent(VCH_STR("a%20b%2fc+d"), &buf), VCH_OK);
    assert_int_equal(vch_buf_finish(&buf, &out), VCH_OK);
    assert_str(out, "a b/c+d");
    assert_int_equal(vch_unpercent(VCH_STR("%0"), &buf), VCH_ERR_MALFORMED);
    assert_int_equal(vch_unpercent(VCH_STR("%zz"), &buf), VCH_ERR_MALFORMED);
    assert_int_equal(vch_unpercent(VCH_STR("%00"), &buf), VCH_ERR_MALFORMED);
    vch_buf_deinit(&buf);
}

static void digests(void **state) {
    (void)state;
    char hex[VCH_SHA256_HEX];
    vch_sha256_hex(VCH_STR("abc"), hex); /* FIPS 180-4 */
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    uint8_t mac[VCH_SHA256_LEN];
    vch_hmac_sha256(VCH_STR("Jefe"), VCH_STR("what do ya want for nothing?"), mac); /* RFC 4231 case 2 */
    vch_hex(mac, sizeof mac, hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    char a[37], b[37];
    vch_uuid(a);
    vch_uuid(b);
    assert_string_not_equal(a, b);
    assert_int_equal(a[14], '4');
    assert_int_equal(strlen(a), 36);
}

static void map_survives_growth_and_removal(void **state) {
    (void)state;
    struct vch_map *map = vch_map_new();
    static int values[2000];
    for (int i = 0; i < 2000; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "key-%d", i);
        assert_int_equal(vch_map_put(map, vch_str_from(key), &values[i], NULL), VCH_OK);
    }
    assert_int_equal(vch_map_count(map), 2000);
    for (int i = 0; i < 2000; i += 2) {
        char key[16];
        (void)snprintf(key, sizeof key, "key-%d", i);
        assert_ptr_equal(vch_map_remove(map, vch_str_from(key)), &values[i]);
        assert_null(vch_map_remove(map, vch_str_from(key)));
    }
    void *old = NULL;
    assert_int_equal(vch_map_put(map, VCH_STR("key-1"), &values[0], &old), VCH_OK);
    assert_ptr_equal(old, &values[1]);
    size_t pos = 0, seen = 0;
    struct vch_str key;
    void *value;
    while (vch_map_next(map, &pos, &key, &value)) seen++;
    assert_int_equal(seen, 1000);
    /* Removing and adding for ever must not fill the table with tombstones. */
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(vch_map_put(map, VCH_STR("same"), &values[0], NULL), VCH_OK);
        assert_non_null(vch_map_remove(map, VCH_STR("same")));
    }
    assert_null(vch_map_get(map, VCH_STR("same")));
    assert_ptr_equal(vch_map_get(map, VCH_STR("key-3")), &values[3]);
    vch_map_free(map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_compare_and_cut),
        cmocka_unit_test(split_keeps_empty_parts),
        cmocka_unit_test(integers_are_strict),
        cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(secrets_compare_whole),
        cmocka_unit_test(buffer_remembers_overflow),
        cmocka_unit_test(buffer_numbers_are_big_endian),
        cmocka_unit_test(arena_is_capped_and_zeroed),
        cmocka_unit_test(hex_and_base64),
        cmocka_unit_test(percent_encoding),
        cmocka_unit_test(digests),
        cmocka_unit_test(map_survives_growth_and_removal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
