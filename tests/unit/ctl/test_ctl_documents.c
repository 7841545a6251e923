/* Comma-separated values, and what is different between two documents. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "ctl/csv.h"
#include "ctl/diff.h"

static struct vch_arena *arena;

static int setup(void **state) {
    (void)state;
    arena = vch_arena_new(16 << 20, false);
    return arena ? 0 : 1;
}

static int teardown(void **state) {
    (void)state;
    vch_arena_free(arena);
    return 0;
}

/* Records as "a|b;c", or the error's word. */
static const char *read_csv(const char *text) {
    static char out[512];
    struct vch_csv csv = {.rest = vch_str_from(text)};
    struct vch_csv_record record;
    size_t len = 0;
    out[0] = '\0';
    for (bool more = true;;) {
        enum vch_err err = vch_csv_next(&csv, arena, &record, &more);
        if (err != VCH_OK) return vch_err_word(err);
        if (!more) return out;
        for (size_t i = 0; i < record.count; i++)
            len += (size_t)snprintf(out + len, sizeof out - len, "%s%.*s", i ? "|" : len ? ";" : "", VCH_STR_ARG(record.fields[i]));
    }
}

static void csv_is_read(void **state) {
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {"\n\r\n\n", ""},
        {"a", "a"},
        {"a,b\nc,d\n", "a|b;c|d"},
        {"a,b\r\nc,d", "a|b;c|d"},
        {" a , b ", "a|b"},
        {",\n", "|"},
        {"a,\n", "a|"},
        {"\"a,b\",\"c\nd\"\ne", "a,b|c\nd;e"},
        {"\"\"\"x\"\"\",\"\"", "\"x\"|"},
        {"\xEF\xBB\xBFserial\nx", "serial;x"},
        {"\"a", "malformed"},
        {"\"a\"b", "malformed"},
        {"a\"b", "malformed"},
        {"a,\"b\"\"", "malformed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_string_equal(read_csv(cases[i].text), cases[i].want);
}

static void csv_is_bounded(void **state) {
    (void)state;
    char wide[VCH_CSV_FIELDS_MAX + 1];
    memset(wide, ',', sizeof wide);
    wide[VCH_CSV_FIELDS_MAX - 1] = '\0';
    assert_string_not_equal(read_csv(wide), "too large");
    wide[VCH_CSV_FIELDS_MAX - 1] = ',';
    wide[VCH_CSV_FIELDS_MAX] = '\0';
    assert_string_equal(read_csv(wide), "too large");
    /* Many quoted fields cost their own length, not that of what follows. */
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, 8 << 20);
    for (size_t i = 0; i < 200000; i++) vch_buf_c(&buf, "\"x\"\n");
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    struct vch_csv csv = {.rest = text};
    struct vch_csv_record record;
    size_t count = 0;
    for (bool more = true; more; count += more) assert_int_equal(vch_csv_next(&csv, arena, &record, &more), VCH_OK);
    assert_int_equal(count, 200000);
    assert_true(vch_arena_used(arena) < 10 << 20);
    vch_buf_deinit(&buf);
}

static struct vch_val *json(const char *text) {
    struct vch_val *val = NULL;
    assert_int_equal(vch_json_decode(vch_str_from(text), NULL, arena, &val, NULL), VCH_OK);
    return val;
}

static void differences_have_their_place(void **state) {
    (void)state;
    static const struct {
        const char *from, *to, *want;
    } cases[] = {
        {"{}", "{}", ""},
        {"{\"a\":1,\"b\":[1,{\"c\":2}]}", "{\"b\":[1,{\"c\":2}],\"a\":1}", ""},
        {"{\"a\":1}", "{\"a\":2}", "~ /a 1 -> 2\n"},
        {"{\"a\":1}", "{}", "- /a 1\n"},
        {"{}", "{\"a\":{\"b\":[]}}", "+ /a {\"b\":[]}\n"},
        {"{\"a\":[1,2,3]}", "{\"a\":[1,4]}", "~ /a/1 2 -> 4\n- /a/2 3\n"},
        {"{\"a\":{\"b\":\"x\"}}", "{\"a\":\"x\"}", "~ /a {\"b\":\"x\"} -> \"x\"\n"},
        {"{\"a\":null}", "{\"a\":false}", "~ /a null -> false\n"},
        {"{\"a/b\":1,\"c~d\":1,\"\":1}", "{}", "- /a~1b 1\n- /c~0d 1\n- / 1\n"},
        {"1", "2", "~ (all) 1 -> 2\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vch_val *list = vch_val_new_list(arena);
        struct vch_buf buf;
        struct vch_str text;
        vch_buf_init(&buf, 65536);
        assert_int_equal(vch_ctl_diff(json(cases[i].from), json(cases[i].to), arena, list), VCH_OK);
        vch_ctl_diff_lines(list, &buf);
        assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
        assert_string_equal(text.len ? text.ptr : "", cases[i].want);
        vch_buf_deinit(&buf);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(csv_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(csv_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(differences_have_their_place, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
