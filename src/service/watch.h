/* What the service counts and bounds about provisioning; a part of struct
 * vch_service. Zeroed memory is fine. Any thread. */
#ifndef VCH_SERVICE_WATCH_H
#define VCH_SERVICE_WATCH_H

#include <stdatomic.h>
#include <stdint.h>

enum { VCH_WATCH_SLOTS = 256, VCH_WATCH_ALARMS = 3 };

struct vch_watch {
    /* When the next refusal may be written, all together and by principal, in microseconds. */
    atomic_int_fast64_t next_us, slot_us[VCH_WATCH_SLOTS];
    atomic_uint_fast64_t refusals_left_out; /* since the last one that was written */
    atomic_uint_fast64_t refusals, alarms[VCH_WATCH_ALARMS], swept, retired;
};

#endif
