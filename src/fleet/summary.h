/* What a run found, for people and as one JSON object. */
#ifndef VCH_FLEET_SUMMARY_H
#define VCH_FLEET_SUMMARY_H

#include <stdio.h>

#include "base/buf.h"
#include "fleet/device.h"
#include "fleet/proc.h"

struct vch_fleet_summary {
    const char *mode;
    int64_t devices, concurrency; /* asked for */
    bool csr;
    int64_t done, failed;
    int64_t wall_us;
    struct vch_series phases[VCH_PHASE_COUNT]; /* sorted */
    struct vch_causes *causes;
    struct vch_usage before, after; /* of the server */
    int64_t idle_bytes;             /* of the server for each idle connection; -1: not measured */
};

void vch_summary_json(struct vch_fleet_summary *summary, struct vch_buf *buf);
void vch_summary_text(struct vch_fleet_summary *summary, FILE *out);
/* "[#####.....] 512/1000  312/s  0 failed", redrawn in place. */
void vch_summary_bar(FILE *out, int64_t done, int64_t devices, int64_t failed, int64_t elapsed_us);

#endif
