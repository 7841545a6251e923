#include "support/cmocka_all.h"

#include "base/clock.h"
#include "core/window.h"

/* 2026-11-23 is a Monday. */
static int64_t at(int day, int hour, int minute) {
    return vch_time_from_utc(2026, 11, 23 + day, hour, minute, 0);
}

static bool open(const char *text, int64_t now_ms) {
    struct vch_window window;
    assert_int_equal(vch_window_parse(vch_str_from(text), &window, NULL), VCH_OK);
    return vch_window_open(&window, now_ms);
}

static void days_and_hours(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int day, hour, minute;
        bool open;
    } rows[] = {
        {"Mon-Fri 08:00-18:00", 0, 8, 0, true},   {"Mon-Fri 08:00-18:00", 0, 7, 59, false}, {"Mon-Fri 08:00-18:00", 0, 17, 59, true},
        {"Mon-Fri 08:00-18:00", 0, 18, 0, false}, {"Mon-Fri 08:00-18:00", 4, 12, 0, true},  {"Mon-Fri 08:00-18:00", 5, 12, 0, false},
        {"mon,wed 00:00-24:00", 0, 23, 59, true}, {"mon,wed 00:00-24:00", 1, 12, 0, false}, {"mon,wed 00:00-24:00", 2, 0, 0, true},
        {"08:00-09:00", 6, 8, 30, true},          {"08:00-09:00", 6, 9, 0, false},          {"Sat-Mon 10:00-11:00", 6, 10, 0, true},
        {"Sat-Mon 10:00-11:00", 0, 10, 0, true},  {"Sat-Mon 10:00-11:00", 1, 10, 0, false},
        /* Over midnight: the day is the one on which it opens. */
        {"Fri 22:00-06:00", 4, 23, 0, true},      {"Fri 22:00-06:00", 5, 5, 59, true},      {"Fri 22:00-06:00", 5, 6, 0, false},
        {"Fri 22:00-06:00", 4, 5, 0, false},      {"Sun 22:00-06:00", 0, 3, 0, true},       {"00:00-00:00", 3, 12, 0, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (open(rows[i].text, at(rows[i].day, rows[i].hour, rows[i].minute)) != rows[i].open)
            fail_msg("row %zu: %s", i, rows[i].text);
}

static void what_is_no_window(void **state) {
    (void)state;
    static const char *const bad[] = {"", "Mon", "Mon-Fri", "Mon 8:00-9:00", "Mon 08:00", "Mon 08:00-", "Mon 08:00-09:60", "Mon 25:00-26:00",
                                      "Mon 24:00-06:00", "Mon 08:00-24:01", "Moon 08:00-09:00", "Mon- 08:00-09:00", ", 08:00-09:00",
                                      "Mon  08:00-09:00", "Mon 08:00-09:00 ", "Mon 08-09", "Mon -8:00-09:00"};
    struct vch_window window;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct vch_diag diag = {0};
        if (vch_window_parse(vch_str_from(bad[i]), &window, &diag) != VCH_ERR_MALFORMED) fail_msg("\"%s\" passes", bad[i]);
        assert_string_equal(diag.reason, "field-invalid");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(days_and_hours), cmocka_unit_test(what_is_no_window)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
