/* The installed library has no stdio to tell a programmer's error with. */
#include "base/err.h"

_Noreturn void vch_assert_failed(const char *what, const char *file, int line) {
    (void)what;
    (void)file;
    (void)line;
    __builtin_trap();
}
