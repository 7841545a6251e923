/* cmocka and the headers that it wants first. */
#ifndef TESTS_SUPPORT_CMOCKA_ALL_H
#define TESTS_SUPPORT_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

/* The view holds just this text. */
#define assert_str(view, text) assert_true(vch_str_eq_c((view), (text)))
#define COUNT_OF(a) (sizeof(a) / sizeof *(a))

#endif
