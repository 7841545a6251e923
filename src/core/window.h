/* When people may make claims: "Mon-Fri 08:00-18:00", days and hours of UTC.
 * Days are Mon to Sun, single, ranges, or several with commas; without days
 * every day counts. An end at or before the start is that of the next day; the
 * day is the one on which the window opens. Pure; any thread.
 */
#ifndef VCH_CORE_WINDOW_H
#define VCH_CORE_WINDOW_H

#include "base/str.h"

struct vch_window {
    uint8_t days;          /* a bit each, Monday is 1 */
    int16_t start_min, end_min; /* minutes of the day; the end does not belong to it */
};

/* MALFORMED with FIELD_INVALID. */
enum vch_err vch_window_parse(struct vch_str text, struct vch_window *ret, struct vch_diag *diag) VCH_MUST;
bool vch_window_open(const struct vch_window *window, int64_t now_ms);

#endif
