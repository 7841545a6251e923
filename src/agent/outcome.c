#include "agent/outcome.h"

#include <stdarg.h>
#include <stdio.h>

static void flatten(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7F) *text = ' ';
}

static const char *usual_next(enum vch_exit exit) {
    switch (exit) {
#define VCH_X(name, code, word, next)                                                                                  \
    case VCH_EXIT_##name:                                                                                              \
        return next;
#include "agent/exit.def"
#undef VCH_X
    }
    return "";
}

enum vch_exit vch_outcome_set(struct vch_outcome *outcome, enum vch_exit exit, const char *next, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(outcome->sentence, sizeof outcome->sentence, fmt, args);
    va_end(args);
    (void)vch_str_copy(outcome->next, sizeof outcome->next, vch_str_from(next ? next : usual_next(exit)));
    flatten(outcome->sentence);
    flatten(outcome->next);
    outcome->exit = exit;
    outcome->again = false;
    return exit;
}

enum vch_exit vch_outcome_diag(struct vch_outcome *outcome, enum vch_exit exit, const char *next,
                               const struct vch_diag *diag) {
    return vch_outcome_set(outcome, exit, next, "%s",
                           diag->message[0] ? diag->message : "Something failed without a word.");
}

const char *vch_exit_word(enum vch_exit exit) {
    switch (exit) {
#define VCH_X(name, code, word, next)                                                                                  \
    case VCH_EXIT_##name:                                                                                              \
        return word;
#include "agent/exit.def"
#undef VCH_X
    }
    return "unknown";
}
