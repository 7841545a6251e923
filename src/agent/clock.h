/* A clock that cannot be right: before the certificate was made, or years after
 * a claim of minutes ended. Then the certificate itself tells a time that has
 * passed for sure, and the process goes on from there. It lies in the same hands
 * as the root certificate that the device is told to trust: who could forge the
 * one could forge the other. */
#ifndef VCH_AGENT_CLOCK_H
#define VCH_AGENT_CLOCK_H

#include "agent/x509.h"

enum { VCH_CLOCK_SKEW_MS = 120000 };

enum vch_clock {
    VCH_CLOCK_PLAUSIBLE,
    VCH_CLOCK_BEHIND, /* the certificate begins in the future */
    VCH_CLOCK_AHEAD   /* a claim ended more than a year ago */
};
enum vch_clock vch_clock_judge(const struct vch_validity *validity, bool is_claim, int64_t now_ms);
/* Moves the process's own time to the certificate's begin, which it returns: the
 * floor for checking others. The system's clock stays as it is. */
int64_t vch_clock_mend(const struct vch_validity *validity);

#endif
