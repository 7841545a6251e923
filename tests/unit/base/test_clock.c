#include "support/cmocka_all.h"

#include "base/clock.h"

static void dates_round_trip(void **state) {
    (void)state;
    static const struct {
        int64_t ms;
        const char *basic, *iso;
    } cases[] = {
        {0, "19700101T000000Z", "1970-01-01T00:00:00.000Z"},
        {951782400000, "20000229T000000Z", "2000-02-29T00:00:00.000Z"},
        {1795448668123, "20261123T154428Z", "2026-11-23T15:44:28.123Z"},
        {2524607999000, "20491231T235959Z", "2049-12-31T23:59:59.000Z"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char basic[17], iso[25];
        vch_time_basic(cases[i].ms, basic);
        vch_time_iso(cases[i].ms, iso);
        assert_string_equal(basic, cases[i].basic);
        assert_string_equal(iso, cases[i].iso);
        int64_t back;
        assert_int_equal(vch_time_parse_basic(vch_str_from(basic), &back), VCH_OK);
        assert_true(back == cases[i].ms / 1000 * 1000);
    }
}

static void every_day_of_eight_centuries(void **state) {
    (void)state;
    for (int64_t day = 0; day < 292194; day++) {
        struct vch_utc t = vch_time_to_utc(day * 86400000);
        assert_true(vch_time_from_utc(t.year, t.month, t.day, 0, 0, 0) == day * 86400000);
    }
}

static void bad_dates(void **state) {
    (void)state;
    static const char *const bad[] = {"20261123T154428",  "2026-11-23T154428Z", "20261323T154428Z", "20261131T154428Z", "20250229T000000Z",
                                      "20261123T244428Z", "20261123T156028Z",   "19691231T235959Z", "20261123 154428Z", "2026112-T154428Z", ""};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int64_t ms;
        assert_int_equal(vch_time_parse_basic(vch_str_from(bad[i]), &ms), VCH_ERR_MALFORMED);
    }
}

static void clock_moves_when_told(void **state) {
    (void)state;
    int64_t before = vch_now_ms(), mono = vch_mono_ms();
    vch_clock_advance(3600000);
    assert_true(vch_now_ms() - before >= 3600000);
    assert_true(vch_mono_ms() - mono < 60000);
    assert_true(vch_clock_offset_ms() == 3600000);
    vch_clock_advance(-3600000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_round_trip),
        cmocka_unit_test(every_day_of_eight_centuries),
        cmocka_unit_test(bad_dates),
        cmocka_unit_test(clock_moves_when_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
