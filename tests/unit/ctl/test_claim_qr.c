#include "ctl/claim_qr.h"
#include "support/cmocka_all.h"

#include <string.h>

static struct vch_arena *arena;

static int setup(void **state) {
    (void)state;
    arena = vch_arena_new(1 << 20, true);
    return arena ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    vch_arena_free(arena);
    return 0;
}

/* A code of that size: dark squares only in its first row and column. */
static struct vch_val *code(int64_t size, size_t rows, size_t columns) {
    struct vch_val *map = vch_val_new_map(arena);
    assert_int_equal(vch_val_put_int(arena, map, "size", size), VCH_OK);
    struct vch_val *list = vch_val_put_list(arena, map, "rows");
    for (size_t r = 0; r < rows; r++) {
        char text[200];
        assert_true(columns < sizeof text);
        for (size_t c = 0; c < columns; c++) text[c] = r == 0 || c == 0 ? '1' : '0';
        assert_int_equal(vch_val_push_str(arena, list, vch_arena_str(arena, vch_str_of(text, columns))), VCH_OK);
    }
    return map;
}

static size_t count(const struct vch_buf *buf, const char *what) {
    size_t found = 0;
    for (const char *at = buf->ptr; (at = strstr(at, what)) != NULL; at += strlen(what)) found++;
    return found;
}

static void a_code_and_its_quiet_zone(void **state) {
    (void)state;
    struct vch_buf buf;
    vch_buf_init(&buf, 1 << 16);
    assert_true(vch_ctl_qr_draw(code(21, 21, 21), false, &buf));
    vch_buf_u8(&buf, 0);
    assert_int_equal(count(&buf, "\n"), 15); /* 29 rows, two a line */
    assert_int_equal(count(&buf, "▄"), 21);  /* under the first row; and where the first column ends */
    assert_int_equal(count(&buf, " "), 10);  /* the first column */
    assert_int_equal(count(&buf, "▀"), 29);  /* the last row of 29 */
    assert_int_equal(count(&buf, "\033"), 0);
    vch_buf_clear(&buf);
    assert_true(vch_ctl_qr_draw(code(21, 21, 21), true, &buf));
    vch_buf_u8(&buf, 0);
    assert_int_equal(count(&buf, "\033"), 30); /* on and off, each line */
    vch_buf_deinit(&buf);
}

static void what_is_no_code_is_not_drawn(void **state) {
    (void)state;
    static const struct {
        int64_t size;
        size_t rows, columns;
    } bad[] = {{20, 20, 20}, {178, 178, 178}, {21, 20, 21}, {21, 22, 21}, {21, 21, 20}, {-1, 21, 21}, {0, 0, 0}};
    struct vch_buf buf;
    vch_buf_init(&buf, 1 << 17);
    for (size_t i = 0; i < COUNT_OF(bad); i++) assert_false(vch_ctl_qr_draw(code(bad[i].size, bad[i].rows, bad[i].columns), false, &buf));
    struct vch_val *numbers = vch_val_new_map(arena), *list;
    assert_int_equal(vch_val_put_int(arena, numbers, "size", 21), VCH_OK);
    assert_false(vch_ctl_qr_draw(numbers, false, &buf));
    list = vch_val_put_list(arena, numbers, "rows");
    for (int i = 0; i < 21; i++) *vch_val_push(arena, list) = (struct vch_val){.type = VCH_VAL_INT, .integer = i};
    assert_false(vch_ctl_qr_draw(numbers, false, &buf));
    assert_int_equal(buf.len, 0);
    assert_true(vch_ctl_qr_draw(code(177, 177, 177), false, &buf));
    vch_buf_deinit(&buf);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_and_its_quiet_zone),
        cmocka_unit_test(what_is_no_code_is_not_drawn),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
