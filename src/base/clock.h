/* Time. Wall time is milliseconds since the epoch, UTC; monotonic time is
 * milliseconds since some start. A process may move its own wall clock for
 * tests; nothing else in the project asks the system for the date. */
#ifndef VCH_BASE_CLOCK_H
#define VCH_BASE_CLOCK_H

#include "base/str.h"

int64_t vch_now_ms(void);       /* wall, with the offset */
int64_t vch_mono_ms(void);      /* monotonic, without it */
int64_t vch_mono_us(void);
void vch_clock_advance(int64_t delta_ms); /* any thread; takes effect at once */
int64_t vch_clock_offset_ms(void);

/* "20261123T154428Z" and "2026-11-23T15:44:28.123Z"; years 1970 to 9999. */
void vch_time_basic(int64_t ms, char out[17]);
void vch_time_iso(int64_t ms, char out[25]);
/* The first form, strictly. */
enum vch_err vch_time_parse_basic(struct vch_str s, int64_t *ret_ms) VCH_MUST;
/* Days-based conversion of a UTC date; month 1-12. */
int64_t vch_time_from_utc(int year, int month, int day, int hour, int minute, int second);
struct vch_utc {
    int year, month, day, hour, minute, second, ms;
};
struct vch_utc vch_time_to_utc(int64_t ms);

#endif
