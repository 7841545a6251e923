/* Error classes and the diagnosis that travels beside them.
 *
 * Every function that can fail returns enum vch_err; zero is success. The
 * detail goes into an optional struct vch_diag that the caller owns. There is
 * no thread-local error. A diagnosis is written once, by the function that
 * knows; callers above leave a filled one alone (VCH_DIAG keeps the first).
 */
#ifndef VCH_BASE_ERR_H
#define VCH_BASE_ERR_H

#include <stdarg.h>
#include <stddef.h>

enum vch_err {
#define VCH_X(name, word) VCH_ERR_##name,
#include "base/err.def"
#undef VCH_X
    VCH_ERR_COUNT
};
#define VCH_OK VCH_ERR_OK

#if defined(__GNUC__)
#define VCH_MUST __attribute__((warn_unused_result))
#define VCH_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define VCH_MUST
#define VCH_PRINTF(fmt, args)
#endif

/* Why something was refused. `reason` is a stable word such as
 * "token-expired" (rows of core/reason.def); `field` is the offending input: a
 * field name or a JSON pointer; `message` is one plain sentence, free of
 * secrets. All strings are always terminated. */
struct vch_diag {
    const char *reason; /* static string, or NULL when nothing was said */
    char field[96];
    char message[320];
};

/* The word of a class, for logs. Never NULL. */
const char *vch_err_word(enum vch_err err);

/* Fills `diag` unless it is NULL or already filled, and returns `err`. */
enum vch_err vch_diag_set(struct vch_diag *diag, enum vch_err err, const char *reason, const char *field,
                          const char *fmt, ...) VCH_PRINTF(5, 6);

/* Forgets what was said. */
void vch_diag_clear(struct vch_diag *diag);

#define VCH_TRY(expr)                                                                                                  \
    do {                                                                                                               \
        enum vch_err vch_try_err_ = (expr);                                                                            \
        if (vch_try_err_ != VCH_OK) return vch_try_err_;                                                               \
    } while (0)

/* For programmer errors only; what a peer sends never reaches it. Prints and
 * aborts, in release builds too. */
_Noreturn void vch_assert_failed(const char *what, const char *file, int line);
#define vch_assert(cond) ((cond) ? (void)0 : vch_assert_failed(#cond, __FILE__, __LINE__))

#endif
