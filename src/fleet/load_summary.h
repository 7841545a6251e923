/* What a load run found, for people and as one JSON object. */
#ifndef VCH_FLEET_LOAD_SUMMARY_H
#define VCH_FLEET_LOAD_SUMMARY_H

#include <stdio.h>

#include "base/buf.h"
#include "fleet/load.h"

struct vch_load_summary {
    const char *mode;
    const struct vch_load_plan *plan;
    const struct vch_load_result *result;
    struct vch_causes *causes;
};
void vch_load_json(const struct vch_load_summary *summary, struct vch_buf *buf);
void vch_load_text(const struct vch_load_summary *summary, FILE *out);

#endif
