/* What a provisioning run found, for people and as one JSON object. */
#ifndef VCH_FLEET_SUMMARY_H
#define VCH_FLEET_SUMMARY_H

#include <stdio.h>

#include "base/buf.h"
#include "fleet/device.h"
#include "fleet/floor.h"
#include "fleet/proc.h"

struct vch_fleet_summary {
    int64_t devices, concurrency; /* asked for */
    bool csr;
    int64_t done, failed;
    int64_t wall_us;
    struct vch_series phases[VCH_PHASE_COUNT]; /* sorted */
    struct vch_causes *causes;
    struct vch_usage before, after; /* of the server */
    struct vch_floor floor;         /* zero: not measured */
};

void vch_summary_json(struct vch_fleet_summary *summary, struct vch_buf *buf);
void vch_summary_text(struct vch_fleet_summary *summary, FILE *out);
/* ,"errors":{...}, and a line for each. */
void vch_errors_json(const struct vch_causes *causes, struct vch_buf *buf);
void vch_errors_text(const struct vch_causes *causes, FILE *out);
/* "[#####.....] 512/1000  312/s  0 failed", redrawn in place. */
void vch_summary_bar(FILE *out, int64_t done, int64_t devices, int64_t failed, int64_t elapsed_us);

#endif
