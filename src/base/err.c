#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const words[] = {
#define VCH_X(name, word) [VCH_ERR_##name] = (word),
#include "base/err.def"
#undef VCH_X
};
_Static_assert(sizeof words / sizeof words[0] == VCH_ERR_COUNT, "a word for every class");

const char *vch_err_word(enum vch_err err) {
    if ((unsigned)err >= VCH_ERR_COUNT) return "unknown";
    return words[err];
}

enum vch_err vch_diag_set(struct vch_diag *diag, enum vch_err err, const char *reason, const char *field,
                          const char *fmt, ...) {
    if (!diag || diag->reason) return err;
    diag->reason = reason;
    (void)snprintf(diag->field, sizeof diag->field, "%s", field ? field : "");
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(diag->message, sizeof diag->message, fmt, args);
    va_end(args);
    return err;
}

void vch_diag_clear(struct vch_diag *diag) {
    if (diag) memset(diag, 0, sizeof *diag);
}

_Noreturn void vch_assert_failed(const char *what, const char *file, int line) {
    (void)fprintf(stderr, "vouch: assertion failed: %s (%s:%d)\n", what, file, line);
    abort();
}
