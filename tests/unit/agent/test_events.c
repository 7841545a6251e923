#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/events.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"

static char folder[] = "/tmp/vouch-events-XXXXXX";
static char program[64], said[64];
static struct vch_report report;

static int set_up(void **state) {
    (void)state;
    report = (struct vch_report){.out = stdout, .lowest = VCH_REPORT_ERROR};
    if (!mkdtemp(folder)) return 1;
    (void)snprintf(program, sizeof program, "%s/program", folder);
    (void)snprintf(said, sizeof said, "%s/said", folder);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    (void)unlink(program);
    (void)unlink(said);
    return rmdir(folder);
}

static void write_program(const char *text, unsigned mode) {
    assert_int_equal(vch_file_write(program, vch_str_from(text), mode, NULL), VCH_OK);
}

static struct vch_events ready(int64_t limit_ms) {
    return (struct vch_events){.program = program, .limit_ms = limit_ms, .report = &report, .thing_name = "t", .state_dir = folder};
}

static void expect_said(const char *wanted) {
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, 65536);
    assert_int_equal(vch_file_read(said, &buf, NULL), VCH_OK);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    assert_string_equal(text.ptr, wanted);
    vch_buf_deinit(&buf);
    (void)unlink(said);
}

static void test_words(void **state) {
    (void)state;
    static const char *const words[] = {"provisioned", "connected", "rotated", "revoked", "refused"};
    for (int i = 0; i < VCH_EVENT_COUNT; i++) assert_string_equal(vch_event_word((enum vch_event)i), words[i]);
}

static void test_in_order_one_at_a_time(void **state) {
    (void)state;
    write_program("#!/bin/sh\necho \"$1 $VOUCH_CERTIFICATE_ID $VOUCH_MESSAGE\" >> \"$HOME/said\"\n", 0700);
    struct vch_events events = ready(10000);
    vch_events_raise(&events, VCH_EVENT_PROVISIONED, "ab", "A \"message\"; $(true)");
    vch_events_raise(&events, VCH_EVENT_CONNECTED, "cd", "");
    vch_events_drain(&events);
    expect_said("provisioned ab A \"message\"; $(true)\nconnected cd \n");
    assert_int_equal(vch_events_turn(&events, vch_mono_ms()), INT64_MAX);
}

static void test_the_queue_is_bounded(void **state) {
    (void)state;
    write_program("#!/bin/sh\necho \"$1\" >> \"$HOME/said\"\n", 0700);
    struct vch_events events = ready(10000);
    for (int i = 0; i < VCH_EVENT_QUEUE; i++) vch_events_raise(&events, VCH_EVENT_CONNECTED, "", "");
    vch_events_raise(&events, VCH_EVENT_REVOKED, "", "");
    assert_int_equal(events.count, VCH_EVENT_QUEUE);
    vch_events_drain(&events);
    expect_said("connected\nconnected\nconnected\nconnected\nconnected\nconnected\nconnected\nconnected\n");
}

static void test_what_takes_too_long_is_killed(void **state) {
    (void)state;
    write_program("#!/bin/sh\nsleep 100; echo late >> \"$HOME/said\"\n", 0700);
    struct vch_events events = ready(100);
    int64_t start = vch_mono_ms();
    vch_events_raise(&events, VCH_EVENT_CONNECTED, "", "");
    vch_events_drain(&events);
    assert_true(vch_mono_ms() - start < 50000);
    assert_int_equal(access(said, F_OK), -1);
}

static void test_which_programs_may_run(void **state) {
    (void)state;
    struct vch_outcome outcome = {0};
    write_program("#!/bin/sh\n", 0700);
    assert_int_equal(vch_events_check(program, &outcome), VCH_EXIT_OK);
    assert_int_equal(chmod(program, 0600), 0);
    assert_int_equal(vch_events_check(program, &outcome), VCH_EXIT_CONFIG);
    assert_int_equal(chmod(program, 0720), 0);
    assert_int_equal(vch_events_check(program, &outcome), VCH_EXIT_CONFIG);
    assert_int_equal(vch_events_check(folder, &outcome), VCH_EXIT_CONFIG);
    assert_int_equal(vch_events_check("bin/true", &outcome), VCH_EXIT_CONFIG);
    assert_true(outcome.sentence[0] != '\0' && outcome.next[0] != '\0');
}

static void test_without_a_program_nothing_waits(void **state) {
    (void)state;
    struct vch_events events = {.report = &report};
    vch_events_raise(&events, VCH_EVENT_REVOKED, "", "");
    assert_int_equal(events.count, 0);
    assert_int_equal(vch_events_turn(&events, 0), INT64_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_in_order_one_at_a_time),
        cmocka_unit_test(test_the_queue_is_bounded),
        cmocka_unit_test(test_what_takes_too_long_is_killed),
        cmocka_unit_test(test_which_programs_may_run),
        cmocka_unit_test(test_without_a_program_nothing_waits),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
