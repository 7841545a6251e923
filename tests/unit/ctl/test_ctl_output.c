/* Answers as JSON, as tables and as lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/output.h"

static struct vch_arena *arena;

static int setup(void **state) {
    (void)state;
    arena = vch_arena_new(1 << 20, true);
    return arena ? 0 : 1;
}

static int teardown(void **state) {
    (void)state;
    vch_arena_free(arena);
    return 0;
}

static const struct vch_val *json(const char *text) {
    struct vch_val *val = NULL;
    assert_int_equal(vch_json_decode(vch_str_from(text), &VCH_VAL_LIMITS_DEFAULT, arena, &val, NULL), VCH_OK);
    return val;
}

static const struct {
    const char *in, *out;
} documents[] = {
    {"{}", "{}\n"},
    {"[]", "[]\n"},
    {"{\"a\":{}}", "{\n    \"a\": {}\n}\n"},
    {"{\"a\":1,\"b\":[true,null,\"x\"]}",
     "{\n    \"a\": 1,\n    \"b\": [\n        true,\n        null,\n        \"x\"\n    ]\n}\n"},
    {"{\"a\\u001b\":\"\\u001b[2J\"}", "{\n    \"a\\u001b\": \"\\u001b[2J\"\n}\n"},
    {"{\"t\":1541022751.983}", "{\n    \"t\": 1541022751.983\n}\n"},
    {"{\"\\u202eb\":\"\\u009b31m\\u200bx\\u00e9\\ufeff\"}", "{\n    \"\\u202eb\": \"\\u009b31m\\u200bx\xC3\xA9\\ufeff\"\n}\n"},
    {"[\"\\u2066\"]", "[\n    \"\\u2066\"\n]\n"},
};

static void json_is_indented(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        struct vch_buf buf;
        struct vch_str text;
        vch_buf_init(&buf, 65536);
        vch_ctl_json(json(documents[i].in), &buf);
        assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
        for (char *p = buf.ptr; *p; p++)
            if (*p == '\\' && strncasecmp(p, "\\u001b", 6) == 0) memcpy(p, "\\u001b", 6);
        assert_string_equal(text.ptr, documents[i].out);
        assert_true(vch_val_eq(json(documents[i].in), json(text.ptr)));
        vch_buf_deinit(&buf);
    }
}

static const struct {
    const char *list, *columns, *table;
} tables[] = {
    {"[]", "a bb", "a  bb\n"},
    {"[{\"a\":\"x\",\"bb\":\"y\"}]", "a bb", "a  bb\nx  y\n"},
    {"[{\"a\":\"long\",\"bb\":1},{\"bb\":true}]", "a bb", "a     bb\nlong  1\n-     true\n"},
    {"[{\"a\":null,\"b\":{\"k\":\"v\"}}]", "a b", "a  b\n-  {\"k\":\"v\"}\n"},
    {"[\"one\",\"three\"]", "target", "target\none\nthree\n"},
    {"[{\"t\":1541022751.983},{\"t\":0},{}]", "t:time", "t\n2018-10-31T21:52:31.983Z\n1970-01-01T00:00:00.000Z\n-\n"},
    {"[{\"t\":\"soon\"},{\"t\":-5}]", "t:time", "t\nsoon\n-5\n"},
    {"[{\"a\":\"\\u001b[2J\\n\\u007f\",\"b\":\"z\"}]", "a b", "a       b\n?[2J??  z\n"},
    {"[{\"a\":\"1\\u202e2\\u009b\\u2069\",\"b\":{\"\\u200b\":\"\\u2066\"}}]", "a b",
     "a      b\n1?2??  {\"\\u200b\":\"\\u2066\"}\n"},
    {"[{\"a\":\"\xc3\xbc\",\"b\":\"z\"},{\"a\":\"xy\",\"b\":\"z\"}]", "a b", "a   b\n\xc3\xbc   z\nxy  z\n"},
};

static void tables_are_aligned(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct vch_buf buf;
        struct vch_str text;
        vch_buf_init(&buf, 65536);
        vch_ctl_table(json(tables[i].list), tables[i].columns, &buf);
        assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
        assert_string_equal(text.ptr, tables[i].table);
        vch_buf_deinit(&buf);
    }
}

static void long_cells_are_cut(void **state) {
    (void)state;
    struct vch_buf buf;
    struct vch_str text;
    struct vch_val *list = vch_val_new_list(arena);
    char *wide = vch_arena_alloc(arena, 1000);
    memset(wide, 'x', 1000);
    assert_int_equal(vch_val_push_str(arena, list, vch_str_of(wide, 1000)), VCH_OK);
    vch_buf_init(&buf, 65536);
    vch_ctl_table(list, "a", &buf);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    assert_int_equal(text.len, 2 + 120 + 1);
    vch_buf_clear(&buf);
    vch_ctl_table(json("{}"), "a", &buf);
    vch_ctl_table(NULL, "a", &buf);
    assert_int_equal(buf.len, 0);
    vch_buf_deinit(&buf);
}

static const struct {
    const char *in, *out;
} lines[] = {
    {"{}", ""},
    {"{\"a\":\"x\",\"b\":5,\"c\":[1,2]}", "a  x\nb  5\nc  [1,2]\n"},
    {"{\"o\":{\"p\":\"q\",\"n\":{\"m\":1}}}", "o.p  q\no.n  {\"m\":1}\n"},
    {"{\"pem\":\"L1\\nL2\\n\",\"z\":1}", "pem:\nL1\nL2\nz  1\n"},
    {"{\"pem\":\"L1\\nL2\"}", "pem:\nL1\nL2\n"},
    {"{\"creationDate\":1.5,\"expiration\":60}",
     "creationDate  1970-01-01T00:00:01.500Z\nexpiration  1970-01-01T00:01:00.000Z\n"},
    {"{\"a\":\"\\u001b[2J\\u0007\"}", "a  ?[2J?\n"},
    {"{\"\\u202ea\":\"\\u009b\\u200e\",\"o\":{\"\\u2028\":[\"\\ufeff\"]}}", "?a  ??\no.?  [\"\\ufeff\"]\n"},
    {"[1]", ""},
};

static void lines_name_their_members(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct vch_buf buf;
        struct vch_str text;
        vch_buf_init(&buf, 65536);
        vch_ctl_lines(json(lines[i].in), &buf);
        assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
        assert_string_equal(text.ptr, lines[i].out);
        vch_buf_deinit(&buf);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_indented),
        cmocka_unit_test(tables_are_aligned),
        cmocka_unit_test(long_cells_are_cut),
        cmocka_unit_test(lines_name_their_members),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
