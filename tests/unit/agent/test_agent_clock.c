#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/clock.h"
#include "base/clock.h"

static void what_cannot_be_right(void **state) {
    (void)state;
    const int64_t s = 1000, day = 24 * 3600 * s, begin = 20000 * day, end = begin + 420 * s;
    const struct vch_validity v = {.not_before_ms = begin, .not_after_ms = end};
    const struct {
        int64_t now;
        bool is_claim;
        enum vch_clock want;
    } cases[] = {
        {0, true, VCH_CLOCK_BEHIND},
        {0, false, VCH_CLOCK_BEHIND},
        {begin - 121 * s, true, VCH_CLOCK_BEHIND},
        {begin - 120 * s, true, VCH_CLOCK_PLAUSIBLE},
        {begin, true, VCH_CLOCK_PLAUSIBLE},
        {end + day, true, VCH_CLOCK_PLAUSIBLE}, /* expired, and nothing odd about it */
        {end + 366 * day, true, VCH_CLOCK_PLAUSIBLE},
        {end + 366 * day + 1, true, VCH_CLOCK_AHEAD},
        {end + 366 * day + 1, false, VCH_CLOCK_PLAUSIBLE}, /* devices sleep for years */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (vch_clock_judge(&v, cases[i].is_claim, cases[i].now) != cases[i].want) fail_msg("case %zu", i);
}

static void time_goes_on_from_the_certificate(void **state) {
    (void)state;
    const struct vch_validity v = {.not_before_ms = INT64_C(4102444800000)};
    assert_int_equal(vch_clock_mend(&v), v.not_before_ms);
    int64_t now = vch_now_ms();
    assert_true(now >= v.not_before_ms && now < v.not_before_ms + 60000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_right),
        cmocka_unit_test(time_goes_on_from_the_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
