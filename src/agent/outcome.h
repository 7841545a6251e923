/* How a step of the agent ended: an exit code, one plain sentence, and what to
 * do next. Written by the step that knows; free of secrets and of control
 * characters. */
#ifndef VCH_AGENT_OUTCOME_H
#define VCH_AGENT_OUTCOME_H

#include "base/str.h"

enum vch_exit {
#define VCH_X(name, code, word, next) VCH_EXIT_##name = code,
#include "agent/exit.def"
#undef VCH_X
};

struct vch_outcome {
    enum vch_exit exit;
    bool again; /* trying once more may help */
    char sentence[480];
    char next[320];
};

/* Fills `outcome` and returns `exit`. `next` NULL: what always helps with that exit. */
enum vch_exit vch_outcome_set(struct vch_outcome *outcome, enum vch_exit exit, const char *next, const char *fmt, ...)
    VCH_PRINTF(4, 5) VCH_MUST;
/* From a diagnosis of a room below; its message is the sentence. */
enum vch_exit vch_outcome_diag(struct vch_outcome *outcome, enum vch_exit exit, const char *next,
                               const struct vch_diag *diag) VCH_MUST;
const char *vch_exit_word(enum vch_exit exit);

#define VCH_STEP(expr)                                                                                                 \
    do {                                                                                                               \
        enum vch_exit vch_step_exit_ = (expr);                                                                         \
        if (vch_step_exit_ != VCH_EXIT_OK) return vch_step_exit_;                                                      \
    } while (0)

#endif
