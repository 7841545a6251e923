#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/report.h"
#include "base/val.h"

static char *said;
static size_t said_len;

static struct vch_report open_report(bool json, enum vch_report_level lowest) {
    return (struct vch_report){.out = open_memstream(&said, &said_len), .json = json, .lowest = lowest};
}

static void close_report(struct vch_report *report) {
    (void)fclose(report->out);
    free(said);
    said = NULL;
}

static void test_lines_for_people(void **state) {
    (void)state;
    struct vch_report report = open_report(false, VCH_REPORT_DEBUG);
    vch_report_line(&report, VCH_REPORT_INFO, "event", "Said %s.", "a\nb\x1b[31m");
    assert_true(strlen(said) > 25);
    assert_string_equal(said + 24, " [INFO]  Said a b [31m.\n");
    assert_int_equal(said[10], 'T');
    assert_int_equal(said[23], 'Z');
    close_report(&report);
    report = open_report(false, VCH_REPORT_DEBUG);
    vch_report_line(&report, VCH_REPORT_ERROR, "event", "x");
    assert_string_equal(said + 24, " [ERROR] x\n");
    close_report(&report);
}

static void test_levels(void **state) {
    (void)state;
    static const char *const words[] = {"DEBUG", "info", "Warn", "ERROR"};
    enum vch_report_level level;
    for (int i = 0; i < 4; i++) {
        assert_true(vch_report_level_parse(vch_str_from(words[i]), &level));
        assert_int_equal(level, i);
        for (int line = 0; line < 4; line++) {
            struct vch_report report = open_report(false, level);
            vch_report_line(&report, (enum vch_report_level)line, "event", "x");
            (void)fflush(report.out);
            assert_int_equal(said_len > 0, line >= i);
            close_report(&report);
        }
    }
    assert_false(vch_report_level_parse(VCH_STR("TRACE"), &level));
    assert_false(vch_report_level_parse(VCH_STR(""), &level));
}

static const struct vch_val *decode(struct vch_arena *arena, const char *text) {
    struct vch_val *val;
    assert_int_equal(vch_json_decode(vch_str_from(text), NULL, arena, &val, NULL), VCH_OK);
    return val;
}

static void test_json_lines(void **state) {
    (void)state;
    struct vch_arena *arena = vch_arena_new(65536, false);
    struct vch_report report = open_report(true, VCH_REPORT_DEBUG);
    vch_report_line(&report, VCH_REPORT_WARN, "swapped", "He said \"%s\" \\.", "no\r\n");
    const struct vch_val *val = decode(arena, said);
    assert_true(vch_str_eq_c(vch_val_str_at(val, "event"), "swapped"));
    assert_true(vch_str_eq_c(vch_val_str_at(val, "level"), "WARN"));
    assert_true(vch_str_eq_c(vch_val_str_at(val, "message"), "He said \"no  \" \\."));
    assert_int_equal(said[said_len - 1], '\n');
    close_report(&report);
    vch_arena_free(arena);
}

static void test_failures(void **state) {
    (void)state;
    struct vch_arena *arena = vch_arena_new(65536, false);
    struct vch_outcome outcome = {0};
    struct vch_report report = open_report(true, VCH_REPORT_ERROR);
    assert_int_equal(vch_outcome_set(&outcome, VCH_EXIT_EXPIRED, "Make a new claim.", "The claim expired."),
                     VCH_EXIT_EXPIRED);
    (void)fflush(stderr);
    int kept = dup(STDERR_FILENO);
    assert_non_null(freopen("/dev/null", "w", stderr));
    vch_report_failure(&report, &outcome);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    (void)close(kept);
    const struct vch_val *val = decode(arena, said);
    assert_int_equal(vch_val_int_at(val, "exit", 0), 4);
    assert_true(vch_str_eq_c(vch_val_str_at(val, "cause"), "expired"));
    assert_true(vch_str_eq_c(vch_val_str_at(val, "next"), "Make a new claim."));
    close_report(&report);
    vch_arena_free(arena);
}

static void test_log_file(void **state) {
    (void)state;
    char dir[] = "/tmp/vouch-report-XXXXXX", folder[64], path[96];
    struct stat st;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(folder, sizeof folder, "%s/logs", dir);
    (void)snprintf(path, sizeof path, "%s/agent.log", folder);
    (void)umask(022);
    for (int i = 0; i < 2; i++) {
        struct vch_report report = {.out = stdout, .lowest = VCH_REPORT_DEBUG};
        vch_report_to_file(&report, path);
        assert_true(report.owned);
        vch_report_line(&report, VCH_REPORT_INFO, "event", "line %d", i);
        vch_report_close(&report);
    }
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(st.st_size > 60); /* both lines: it appends */
    assert_int_equal(stat(folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0745);
    struct vch_report report = open_report(false, VCH_REPORT_DEBUG);
    vch_report_to_file(&report, "/dev/null/x/agent.log");
    assert_false(report.owned);
    assert_non_null(strstr(said, "cannot be written"));
    close_report(&report);
    assert_int_equal(unlink(path) | rmdir(folder) | rmdir(dir), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_for_people), cmocka_unit_test(test_levels),   cmocka_unit_test(test_json_lines),
        cmocka_unit_test(test_log_file),         cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
