/* Forms of the query protocol. */
#include "support/cmocka_all.h"

#include <string.h>

#include "api/form_priv.h"

static struct vch_arena *arena;

static int setup(void **state) {
    (void)state;
    arena = vch_arena_new(1 << 20, false);
    return arena ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    vch_arena_free(arena);
    return 0;
}

static void values_are_found_and_decoded(void **state) {
    (void)state;
    static const struct {
        const char *form, *value;
        size_t count;
        enum vch_err err;
    } cases[] = {
        {"", "", 0, VCH_OK},
        {"a=1", "1", 1, VCH_OK},
        {"b=2&a=1", "1", 1, VCH_OK},
        {"a=1&a=2", "1", 2, VCH_OK},
        {"a", "", 1, VCH_OK},
        {"a=", "", 1, VCH_OK},
        {"a==b", "=b", 1, VCH_OK},
        {"aa=1&b=a=3", "", 0, VCH_OK},
        {"A=1", "", 0, VCH_OK},
        {"a=x+y", "x y", 1, VCH_OK},
        {"a=x%2By", "x+y", 1, VCH_OK},
        {"a=%7B%0A%09%7D", "{\n\t}", 1, VCH_OK},
        {"a=%C3%BC", "\xC3\xBC", 1, VCH_OK},
        {"&&a=1&", "1", 1, VCH_OK},
        {"a=%", NULL, 1, VCH_ERR_MALFORMED},
        {"a=%4", NULL, 1, VCH_ERR_MALFORMED},
        {"a=%zz", NULL, 1, VCH_ERR_MALFORMED},
        {"a=%00", NULL, 1, VCH_ERR_MALFORMED},
        {"a=%FF", NULL, 1, VCH_ERR_MALFORMED},
        {"a=%ED%A0%80", NULL, 1, VCH_ERR_MALFORMED},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct vch_str raw, value;
        assert_int_equal(vch_form_find(vch_str_from(cases[i].form), "a", &raw), cases[i].count);
        enum vch_err err = vch_form_get(vch_str_from(cases[i].form), "a", arena, &value);
        if (err != cases[i].err || (err == VCH_OK && !vch_str_eq_c(value, cases[i].value))) fail_msg("%s: %d", cases[i].form, (int)err);
    }
}

static void values_are_bounded(void **state) {
    (void)state;
    static char form[VCH_FORM_VALUE_MAX + 16];
    struct vch_str value;
    memset(form, 'x', sizeof form - 1);
    memcpy(form, "a=", 2);
    form[VCH_FORM_VALUE_MAX + 2] = '\0';
    assert_int_equal(vch_form_get(vch_str_from(form), "a", arena, &value), VCH_OK);
    assert_int_equal(value.len, VCH_FORM_VALUE_MAX);
    form[VCH_FORM_VALUE_MAX + 2] = 'x';
    assert_int_equal(vch_form_get(vch_str_from(form), "a", arena, &value), VCH_ERR_TOO_LARGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_are_found_and_decoded, setup, teardown),
        cmocka_unit_test_setup_teardown(values_are_bounded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
