/* The eight steps of a pairing, as the server and its pages name them. */
#ifndef VCH_AGENT_PAIR_STEP_H
#define VCH_AGENT_PAIR_STEP_H

#include "agent/report.h"

enum vch_pair_step {
#define VCH_X(name, word, sentence) VCH_PAIR_STEP_##name,
#include "agent/pair_step.def"
#undef VCH_X
    VCH_PAIR_STEPS
};
/* "Step 3 of 8: ..."; with --json the event "step" with the members step, of, name. */
void vch_pair_step_say(struct vch_report *report, enum vch_pair_step step);

#endif
