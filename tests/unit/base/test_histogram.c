#include "base/histogram.h"
#include "support/cmocka_all.h"

#include <string.h>

static void steps_are_cumulative(void **state) {
    (void)state;
    struct vch_histogram h = {0};
    struct vch_buf buf;
    struct vch_str text;
    vch_histogram_add(&h, -5);
    vch_histogram_add(&h, 10);
    vch_histogram_add(&h, 11);
    vch_histogram_add(&h, 1000000);
    vch_histogram_add(&h, INT64_C(60000000));
    assert_int_equal(vch_histogram_count(&h), 5);
    vch_buf_init(&buf, 65536);
    vch_histogram_print(&h, "x_seconds", "op=\"A\"", &buf);
    vch_buf_u8(&buf, 0);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    assert_non_null(strstr(text.ptr, "x_seconds_bucket{op=\"A\",le=\"1e-05\"} 2\n"));
    assert_non_null(strstr(text.ptr, "x_seconds_bucket{op=\"A\",le=\"2.5e-05\"} 3\n"));
    assert_non_null(strstr(text.ptr, "x_seconds_bucket{op=\"A\",le=\"0.5\"} 3\n"));
    assert_non_null(strstr(text.ptr, "x_seconds_bucket{op=\"A\",le=\"1\"} 4\n"));
    assert_non_null(strstr(text.ptr, "x_seconds_bucket{op=\"A\",le=\"10\"} 4\n"));
    assert_non_null(strstr(text.ptr, "x_seconds_bucket{op=\"A\",le=\"+Inf\"} 5\n"));
    assert_non_null(strstr(text.ptr, "x_seconds_sum{op=\"A\"} 61.000021\n"));
    assert_non_null(strstr(text.ptr, "x_seconds_count{op=\"A\"} 5\n"));
    vch_buf_clear(&buf);
    vch_histogram_print(&h, "y", "", &buf);
    vch_buf_u8(&buf, 0);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    assert_non_null(strstr(text.ptr, "y_bucket{le=\"+Inf\"} 5\n"));
    assert_non_null(strstr(text.ptr, "y_sum 61.000021\ny_count 5\n"));
    vch_buf_deinit(&buf);
}

static void one_is_added_to_another(void **state) {
    (void)state;
    struct vch_histogram a = {.sum_us = 0}, b = {.sum_us = 0};
    vch_histogram_add(&a, 20);
    vch_histogram_add(&b, 20);
    vch_histogram_add(&b, 5000);
    vch_histogram_merge(&a, &b);
    assert_int_equal(vch_histogram_count(&a), 3);
    assert_int_equal(a.sum_us, 5040);
    assert_int_equal(vch_histogram_count(&b), 2);
}

static void steps_ascend(void **state) {
    (void)state;
    for (size_t i = 1; i < VCH_HISTOGRAM_STEPS; i++) assert_true(vch_histogram_steps_us[i] > vch_histogram_steps_us[i - 1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(steps_are_cumulative), cmocka_unit_test(steps_ascend),
                                       cmocka_unit_test(one_is_added_to_another)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
