#include "base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static _Atomic int64_t offset_ms;

static int64_t read_clock(clockid_t id, int64_t per_second) {
    struct timespec now;
    vch_assert(clock_gettime(id, &now) == 0);
    return (int64_t)now.tv_sec * per_second + (int64_t)now.tv_nsec / (1000000000 / per_second);
}

int64_t vch_now_ms(void) {
    return read_clock(CLOCK_REALTIME, 1000) + atomic_load_explicit(&offset_ms, memory_order_relaxed);
}

int64_t vch_mono_ms(void) {
    return read_clock(CLOCK_MONOTONIC, 1000);
}

int64_t vch_mono_us(void) {
    return read_clock(CLOCK_MONOTONIC, 1000000);
}

void vch_clock_advance(int64_t delta_ms) {
    atomic_fetch_add(&offset_ms, delta_ms);
}

int64_t vch_clock_offset_ms(void) {
    return atomic_load(&offset_ms);
}

/* Civil from days and back, after the usual era arithmetic on a year that
 * starts in March. */
static int64_t days_from_civil(int year, int month, int day) {
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

int64_t vch_time_from_utc(int year, int month, int day, int hour, int minute, int second) {
    return (((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000;
}

static void civil_from_days(int64_t days, struct vch_utc *ret) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    ret->day = (int)(doy - (153 * mp + 2) / 5 + 1);
    ret->month = (int)(mp < 10 ? mp + 3 : mp - 9);
    ret->year = (int)(yoe + era * 400 + (ret->month <= 2));
}

struct vch_utc vch_time_to_utc(int64_t ms) {
    struct vch_utc utc = {0};
    int64_t in_day = ms % 86400000;
    int64_t days = ms / 86400000;
    if (in_day < 0) {
        in_day += 86400000;
        days--;
    }
    civil_from_days(days, &utc);
    utc.hour = (int)(in_day / 3600000);
    utc.minute = (int)(in_day / 60000 % 60);
    utc.second = (int)(in_day / 1000 % 60);
    utc.ms = (int)(in_day % 1000);
    return utc;
}

void vch_time_basic(int64_t ms, char out[17]) {
    struct vch_utc t = vch_time_to_utc(ms);
    (void)snprintf(out, 17, "%04u%02u%02uT%02u%02u%02uZ", (unsigned)t.year % 10000, (unsigned)t.month % 100,
                   (unsigned)t.day % 100, (unsigned)t.hour % 100, (unsigned)t.minute % 100, (unsigned)t.second % 100);
}

void vch_time_iso(int64_t ms, char out[25]) {
    struct vch_utc t = vch_time_to_utc(ms);
    (void)snprintf(out, 25, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)t.year % 10000, (unsigned)t.month % 100,
                   (unsigned)t.day % 100, (unsigned)t.hour % 100, (unsigned)t.minute % 100, (unsigned)t.second % 100,
                   (unsigned)t.ms % 1000);
}

/* `width` digits from `at`, within [low, high]; -1 else. */
static int digits(struct vch_str s, size_t at, size_t width, int low, int high) {
    int64_t value = 0;
    struct vch_str part = vch_str_sub(s, at, width);
    if (part.len != width || part.ptr[0] == '-' || vch_str_int(part, &value) != VCH_OK) return -1;
    return value >= low && value <= high ? (int)value : -1;
}

static int days_in_month(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

enum vch_err vch_time_parse_basic(struct vch_str s, int64_t *ret_ms) {
    if (s.len != 16 || s.ptr[8] != 'T' || s.ptr[15] != 'Z') return VCH_ERR_MALFORMED;
    int year = digits(s, 0, 4, 1970, 9999);
    int month = digits(s, 4, 2, 1, 12);
    int day = year < 0 || month < 0 ? -1 : digits(s, 6, 2, 1, days_in_month(year, month));
    int hour = digits(s, 9, 2, 0, 23);
    int minute = digits(s, 11, 2, 0, 59);
    int second = digits(s, 13, 2, 0, 60);
    if (day < 0 || hour < 0 || minute < 0 || second < 0) return VCH_ERR_MALFORMED;
    *ret_ms = vch_time_from_utc(year, month, day, hour, minute, second);
    return VCH_OK;
}
