#include "agent/clock.h"

#include "base/clock.h"

static const int64_t year_ms = INT64_C(366) * 24 * 3600 * 1000;

enum vch_clock vch_clock_judge(const struct vch_validity *validity, bool is_claim, int64_t now_ms) {
    if (now_ms + VCH_CLOCK_SKEW_MS < validity->not_before_ms) return VCH_CLOCK_BEHIND;
    if (is_claim && now_ms - year_ms > validity->not_after_ms) return VCH_CLOCK_AHEAD;
    return VCH_CLOCK_PLAUSIBLE;
}

int64_t vch_clock_mend(const struct vch_validity *validity) {
    vch_clock_advance(validity->not_before_ms - vch_now_ms());
    return validity->not_before_ms;
}
