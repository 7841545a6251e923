#include "agent/pair_step.h"

void vch_pair_step_say(struct vch_report *report, enum vch_pair_step step) {
    static const struct {
        const char *word, *sentence;
    } rows[] = {
#define VCH_X(name, word, sentence) {word, sentence},
#include "agent/pair_step.def"
#undef VCH_X
    };
    char members[96];
    (void)snprintf(members, sizeof members, ",\"step\":%d,\"of\":%d,\"name\":\"%s\"", (int)step + 1, VCH_PAIR_STEPS,
                   rows[step].word);
    vch_report_event(report, VCH_REPORT_INFO, "step", members, "Step %d of %d: %s", (int)step + 1, VCH_PAIR_STEPS,
                     rows[step].sentence);
}
