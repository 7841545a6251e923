#include "support/cmocka_all.h"

#include <string.h>

#include "base/codec.h"
#include "base/val.h"

static enum vch_err from_json(struct vch_arena *arena, const char *text, struct vch_val **ret) {
    struct vch_val_limits limits = {.depth = 4, .values = 50};
    return vch_json_decode(vch_str_from(text), &limits, arena, ret, NULL);
}

static void json_round_trip(void **state) {
    (void)state;
    static const char *const cases[] = {
        "{}", "[]", "null", "true", "-12", "\"x\"", "{\"b\":1,\"a\":[1,2,{\"c\":null}]}", "\"\\u00e4\\n\\\"\\\\\"", "[1.500]",
        "{\"\":\"\"}",
    };
    static const char *const expected[] = {
        "{}", "[]", "null", "true", "-12", "\"x\"", "{\"b\":1,\"a\":[1,2,{\"c\":null}]}", "\"\xc3\xa4\\n\\\"\\\\\"", "[1.500]",
        "{\"\":\"\"}",
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct vch_arena *arena = vch_arena_new(65536, false);
        struct vch_val *val;
        assert_int_equal(from_json(arena, cases[i], &val), VCH_OK);
        struct vch_buf buf;
        struct vch_str out;
        vch_buf_init(&buf, 1000);
        vch_json_encode(val, &buf);
        assert_int_equal(vch_buf_finish(&buf, &out), VCH_OK);
        assert_str(out, expected[i]);
        vch_buf_deinit(&buf);
        vch_arena_free(arena);
    }
}

static void json_refusals(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum vch_err err;
    } cases[] = {
        {"", VCH_ERR_MALFORMED}, {"{", VCH_ERR_MALFORMED}, {"{\"a\":1,}", VCH_ERR_MALFORMED}, {"{\"a\":1}{}", VCH_ERR_MALFORMED},
        {"{\"a\":1,\"a\":2}", VCH_ERR_MALFORMED}, {"[1,]", VCH_ERR_MALFORMED}, {"'x'", VCH_ERR_MALFORMED}, {"\"\\u0000\"", VCH_ERR_MALFORMED},
        {"\"\xff\"", VCH_ERR_MALFORMED}, {"\"\\ud800\"", VCH_ERR_MALFORMED}, {"NaN", VCH_ERR_MALFORMED}, {"01", VCH_ERR_MALFORMED},
        {"99999999999999999999", VCH_ERR_MALFORMED}, {"[[[[[1]]]]]", VCH_ERR_TOO_LARGE},
        {"[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", VCH_ERR_TOO_LARGE},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct vch_arena *arena = vch_arena_new(65536, false);
        struct vch_val *val;
        assert_int_equal(from_json(arena, cases[i].text, &val), cases[i].err);
        assert_null(val);
        vch_arena_free(arena);
    }
    struct vch_arena *small = vch_arena_new(64, false);
    struct vch_val *val;
    assert_int_equal(from_json(small, "[1,2,3,4,5]", &val), VCH_ERR_NOMEM);
    vch_arena_free(small);
}

/* Nesting far past jansson's own bound must be refused before it recurses. */
static void json_depth_bomb(void **state) {
    (void)state;
    static char bomb[200001];
    memset(bomb, '[', 200000);
    struct vch_arena *arena = vch_arena_new(65536, false);
    struct vch_val *val;
    assert_int_equal(from_json(arena, bomb, &val), VCH_ERR_TOO_LARGE);
    vch_arena_free(arena);
}

static void building_and_lookup(void **state) {
    (void)state;
    struct vch_arena *arena = vch_arena_new(65536, false);
    struct vch_val *map = vch_val_new_map(arena);
    assert_int_equal(vch_val_put_str(arena, map, "s", VCH_STR("v")), VCH_OK);
    assert_int_equal(vch_val_put_int(arena, map, "i", 7), VCH_OK);
    assert_int_equal(vch_val_put_bool(arena, map, "b", true), VCH_OK);
    assert_int_equal(vch_val_put_time(arena, map, "t", 1541022751983), VCH_OK);
    struct vch_val *list = vch_val_put_list(arena, map, "l");
    for (int i = 0; i < 100; i++) assert_int_equal(vch_val_push_str(arena, list, VCH_STR("x")), VCH_OK);
    assert_str(vch_val_str_at(map, "s"), "v");
    assert_str(vch_val_str_at(map, "i"), "");
    assert_int_equal(vch_val_int_at(map, "i", 0), 7);
    assert_int_equal(vch_val_int_at(map, "s", 3), 3);
    assert_true(vch_val_bool_at(map, "b", false));
    assert_int_equal(vch_val_get(map, "l")->count, 100);
    assert_null(vch_val_get(NULL, "x"));
    struct vch_buf buf;
    struct vch_str out;
    vch_buf_init(&buf, 10000);
    vch_json_encode(vch_val_get(map, "t"), &buf);
    assert_int_equal(vch_buf_finish(&buf, &out), VCH_OK);
    assert_str(out, "1541022751.983");
    vch_buf_deinit(&buf);
    vch_arena_free(arena);
}

static void maps_compare_without_order(void **state) {
    (void)state;
    struct vch_arena *arena = vch_arena_new(65536, false);
    struct vch_val *a, *b, *c;
    assert_int_equal(from_json(arena, "{\"x\":1,\"y\":[true,\"z\"]}", &a), VCH_OK);
    assert_int_equal(from_json(arena, "{\"y\":[true,\"z\"],\"x\":1}", &b), VCH_OK);
    assert_int_equal(from_json(arena, "{\"y\":[true,\"z\"],\"x\":2}", &c), VCH_OK);
    assert_true(vch_val_eq(a, b));
    assert_false(vch_val_eq(a, c));
    vch_arena_free(arena);
}

/* ---- CBOR: RFC 8949 appendix A, and what the profile refuses ------------- */

static enum vch_err from_cbor(struct vch_arena *arena, const char *hex, struct vch_val **ret) {
    uint8_t bytes[256];
    size_t len = strlen(hex) / 2;
    assert_int_equal(vch_unhex(vch_str_from(hex), bytes, len), VCH_OK);
    struct vch_val_limits limits = {.depth = 4, .values = 50};
    return vch_cbor_decode(vch_str_of(bytes, len), &limits, arena, ret, NULL);
}

static void cbor_accepts(void **state) {
    (void)state;
    static const struct {
        const char *hex, *json;
    } cases[] = {
        {"00", "0"}, {"17", "23"}, {"1818", "24"}, {"1903e8", "1000"}, {"1a000f4240", "1000000"}, {"1b000000e8d4a51000", "1000000000000"},
        {"20", "-1"}, {"3903e7", "-1000"}, {"f4", "false"}, {"f5", "true"}, {"f6", "null"}, {"60", "\"\""}, {"6449455446", "\"IETF\""},
        {"62c3bc", "\"\xc3\xbc\""}, {"80", "[]"}, {"83010203", "[1,2,3]"}, {"8301820203820405", "[1,[2,3],[4,5]]"}, {"a0", "{}"},
        {"a26161016162820203", "{\"a\":1,\"b\":[2,3]}"}, {"9fff", "[]"}, {"9f018202039f0405ffff", "[1,[2,3],[4,5]]"},
        {"bf61610161629f0203ffff", "{\"a\":1,\"b\":[2,3]}"}, {"7f657374726561646d696e67ff", "\"streaming\""}, {"fb3ff8000000000000", "1.500"},
        {"a17f6161ff01", "{\"a\":1}"}, {"7fff", "\"\""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct vch_arena *arena = vch_arena_new(65536, false);
        struct vch_val *val = NULL, *same = NULL;
        assert_int_equal(from_cbor(arena, cases[i].hex, &val), VCH_OK);
        struct vch_buf buf;
        struct vch_str out;
        vch_buf_init(&buf, 1000);
        vch_json_encode(val, &buf);
        assert_int_equal(vch_buf_finish(&buf, &out), VCH_OK);
        assert_str(out, cases[i].json);
        vch_buf_clear(&buf);
        vch_cbor_encode(val, &buf);
        assert_int_equal(vch_buf_finish(&buf, &out), VCH_OK);
        assert_int_equal(vch_cbor_decode(out, NULL, arena, &same, NULL), VCH_OK);
        assert_true(vch_val_eq(val, same));
        vch_buf_deinit(&buf);
        vch_arena_free(arena);
    }
}

static void cbor_refuses(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",               /* nothing */
        "0000",           /* two items */
        "18",             /* cut head */
        "6261",           /* cut text */
        "8201",           /* cut array */
        "a16161",         /* key without value */
        "a10101",         /* key that is not text */
        "a26161016161 02",
        "4161",           /* byte string */
        "5f4161ff",       /* indefinite byte string */
        "c000",           /* tag */
        "f7",             /* undefined */
        "f0",             /* simple value */
        "ff",             /* break outside */
        "81ff",           /* break in a definite array */
        "bf6161ff",       /* break between key and value */
        "61ff",           /* not UTF-8 */
        "6100",           /* NUL */
        "7f01ff",         /* number inside a text string */
        "7f7f6161ffff",   /* text string inside a text string */
        "1bffffffffffffffff", /* does not fit */
        "3bffffffffffffffff",
        "9bffffffffffffffff", /* endless array */
        "bbffffffffffffffff",
        "8181818181 01",  /* too deep */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char hex[64];
        size_t n = 0;
        for (const char *p = cases[i]; *p; p++)
            if (*p != ' ') hex[n++] = *p;
        hex[n] = '\0';
        struct vch_arena *arena = vch_arena_new(65536, false);
        struct vch_val *val;
        assert_int_not_equal(from_cbor(arena, hex, &val), VCH_OK);
        assert_null(val);
        vch_arena_free(arena);
    }
}

/* A decoded container has no spare room: adding must not reach its neighbours. */
static void adding_to_what_was_decoded(void **state) {
    (void)state;
    static const char *const cases[] = {
        "[[],[1]]", "[[1],[2]]", "[[1,2],[3]]", "[[1,2,3],[4]]", "[[1,2,3,4],[5]]", "[[1,2,3,4,5],[6]]", "[[1,2,3,4,5,6],[7]]",
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct vch_arena *arena = vch_arena_new(65536, false);
        struct vch_val *val;
        struct vch_val *map;
        assert_int_equal(from_json(arena, cases[i], &val), VCH_OK);
        assert_int_equal(from_json(arena, "{\"a\":{\"b\":1},\"c\":\"text\"}", &map), VCH_OK);
        for (size_t n = 0; n < 20; n++) assert_int_equal(vch_val_push_str(arena, &val->items[0], VCH_STR("new")), VCH_OK);
        assert_int_equal(val->items[0].count, i + 20);
        for (size_t n = 0; n < val->items[0].count; n++)
            assert_int_equal(val->items[0].items[n].type, n < i ? VCH_VAL_INT : VCH_VAL_STR);
        assert_int_equal(val->items[1].items[0].integer, (int64_t)i + 1);
        struct vch_val *inner = &map->members[0].value;
        for (size_t n = 0; n < 9; n++) assert_int_equal(vch_val_put_int(arena, inner, "n", 7), VCH_OK);
        assert_int_equal(inner->count, 10);
        assert_str(inner->members[0].name, "b");
        assert_str(vch_val_str_at(map, "c"), "text");
        vch_arena_free(arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_round_trip),   cmocka_unit_test(json_refusals), cmocka_unit_test(json_depth_bomb),
        cmocka_unit_test(building_and_lookup), cmocka_unit_test(maps_compare_without_order),
        cmocka_unit_test(adding_to_what_was_decoded),
        cmocka_unit_test(cbor_accepts),      cmocka_unit_test(cbor_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
