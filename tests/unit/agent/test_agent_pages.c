#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/pages.h"

enum { TABLE = 1 << 20, STEP = 4096 };

static const char table[TABLE] = {[0] = 'a', [TABLE / 2] = 'b', [TABLE - 1] = 'c'}; /* in the file */
static volatile char written[TABLE] = "data";                                       /* in the file, and ours */
static const char *const words[] = {"relocated", "at", "start"};                    /* written by the dynamic linker */

/* KiB of memory that are a file's, by the page tables themselves. */
static long shared_kib(void) {
    char line[128];
    long rss = 0, anonymous = 0;
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "Rss: %ld", &rss) != 1) (void)sscanf(line, "Anonymous: %ld", &anonymous);
    (void)fclose(file);
    return rss - anonymous;
}

static long sum(void) {
    const volatile char *bytes = table; /* read each time */
    long all = 0;
    for (size_t i = 0; i < TABLE; i += STEP) all += bytes[i];
    return all + bytes[TABLE - 1];
}

static void what_was_read_goes_and_comes_back(void **state) {
    (void)state;
    vch_pages_let_go();
    long little = shared_kib();
    long all = sum();
    long much = shared_kib();
    assert_true(much - little > TABLE / 1024 / 2);
    vch_pages_let_go();
    assert_true(much - shared_kib() > TABLE / 1024 / 2);
    assert_int_equal(sum(), all);
    assert_int_equal(table[TABLE / 2], 'b');
}

static void what_was_written_stays(void **state) {
    (void)state;
    for (size_t i = STEP; i < TABLE; i += STEP) written[i] = (char)(i / STEP);
    vch_pages_let_go();
    assert_int_equal(written[0], 'd');
    for (size_t i = STEP; i < TABLE; i += STEP) assert_int_equal(written[i], (char)(i / STEP));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) assert_non_null(strchr("ras", words[i][0]));
    assert_string_equal(words[2], "start");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_read_goes_and_comes_back),
        cmocka_unit_test(what_was_written_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
