#include "core/window.h"

#include "core/reason.h"

enum { DAY_MIN = 1440, WEEK_DAYS = 7 };

static int day_of(struct vch_str word) {
    static const char *const names[WEEK_DAYS] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    for (int i = 0; i < WEEK_DAYS; i++)
        if (vch_str_ieq(word, vch_str_from(names[i]))) return i;
    return -1;
}

/* "Fri-Mon" goes over the end of the week. */
static bool add_range(struct vch_str word, uint8_t *days) {
    size_t dash = vch_str_find(word, '-', 0);
    int from = day_of(vch_str_sub(word, 0, dash));
    int to = dash == SIZE_MAX ? from : day_of(vch_str_sub(word, dash + 1, SIZE_MAX));
    if (from < 0 || to < 0) return false;
    for (int day = from;; day = (day + 1) % WEEK_DAYS) {
        *days = (uint8_t)(*days | 1u << day);
        if (day == to) return true;
    }
}

static bool parse_days(struct vch_str text, uint8_t *ret) {
    struct vch_str word;
    *ret = 0;
    while (vch_str_split(&text, ',', &word))
        if (!add_range(word, ret)) return false;
    return *ret != 0;
}

/* "08:00"; "24:00" is the end of the day. */
static bool parse_minute(struct vch_str text, int16_t *ret) {
    int64_t hour = 0, minute = 0;
    if (text.len != 5 || text.ptr[2] != ':') return false;
    if (vch_str_int(vch_str_sub(text, 0, 2), &hour) != VCH_OK || vch_str_int(vch_str_sub(text, 3, 2), &minute) != VCH_OK) return false;
    if (hour < 0 || minute < 0 || minute > 59 || hour * 60 + minute > DAY_MIN) return false;
    *ret = (int16_t)(hour * 60 + minute);
    return true;
}

enum vch_err vch_window_parse(struct vch_str text, struct vch_window *ret, struct vch_diag *diag) {
    struct vch_window window = {.days = 0x7F};
    size_t space = vch_str_find(text, ' ', 0);
    struct vch_str hours = space == SIZE_MAX ? text : vch_str_sub(text, space + 1, SIZE_MAX);
    bool ok = space == SIZE_MAX || parse_days(vch_str_sub(text, 0, space), &window.days);
    size_t dash = vch_str_find(hours, '-', 0);
    ok = ok && dash != SIZE_MAX && parse_minute(vch_str_sub(hours, 0, dash), &window.start_min) &&
         parse_minute(vch_str_sub(hours, dash + 1, SIZE_MAX), &window.end_min) && window.start_min < DAY_MIN;
    *ret = window;
    if (ok) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_MALFORMED, FIELD_INVALID, "windows", "A window is such as \"Mon-Fri 08:00-18:00\" (UTC), not \"%.*s\".",
                      VCH_STR_ARG(vch_str_sub(text, 0, 40)));
}

bool vch_window_open(const struct vch_window *window, int64_t now_ms) {
    int64_t minutes = now_ms / 60000;
    int today = (int)((minutes / DAY_MIN + 3) % WEEK_DAYS); /* 1970-01-01 was a Thursday */
    int now = (int)(minutes % DAY_MIN);
    bool opens_today = window->days >> today & 1, opened_yesterday = window->days >> (today + 6) % WEEK_DAYS & 1;
    bool over_midnight = window->end_min <= window->start_min;
    if (!over_midnight) return opens_today && now >= window->start_min && now < window->end_min;
    return (opens_today && now >= window->start_min) || (opened_yesterday && now < window->end_min);
}
