/* Histograms, sequence numbers, plans, and what a run of messages reports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/val.h"
#include "fleet/load_summary.h"
#include "fleet/seen.h"

static void test_small_durations_are_exact(void **state) {
    (void)state;
    static struct vch_histogram h;
    h = (struct vch_histogram){0};
    assert_int_equal(vch_histogram_at(&h, 500), 0);
    for (int i = 200; i >= 1; i--) vch_histogram_add(&h, i);
    assert_int_equal(vch_histogram_at(&h, 0), 1);
    assert_int_equal(vch_histogram_at(&h, 500), 100);
    assert_int_equal(vch_histogram_at(&h, 990), 198);
    assert_int_equal(vch_histogram_at(&h, 1000), 200);
    assert_true(vch_histogram_mean(&h) == 100.5);
}

static void test_long_durations_are_near(void **state) {
    (void)state;
    static struct vch_histogram h;
    static const int64_t cases[] = {255, 256, 257, 511, 512, 1000, 65535, 65536, 123456789, 3599999999};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        h = (struct vch_histogram){0};
        vch_histogram_add(&h, cases[i]);
        vch_histogram_add(&h, INT64_C(3600000000));
        uint32_t at = vch_histogram_at(&h, 500);
        assert_true(at >= cases[i] && (double)at <= (double)cases[i] * 1.008);
    }
}

static void test_durations_have_bounds(void **state) {
    (void)state;
    static struct vch_histogram a, b;
    vch_histogram_add(&a, -5);
    vch_histogram_add(&b, INT64_MAX);
    vch_histogram_merge(&a, &b);
    assert_int_equal(a.count, 2);
    assert_int_equal(vch_histogram_at(&a, 500), 0);
    assert_true(vch_histogram_at(&a, 1000) == 3600000000u);
}

static void test_numbers_are_seen_once(void **state) {
    (void)state;
    struct vch_seen a = {0}, b = {0};
    assert_false(vch_seen_has(&a, 0));
    for (uint64_t i = 0; i < 5000; i++) vch_seen_add(&a, i);
    vch_seen_add(&a, 4999);
    assert_int_equal(a.count, 5000);
    assert_int_equal(a.repeats, 1);
    assert_true(vch_seen_has(&a, 4999));
    assert_false(vch_seen_has(&a, 5000));
    assert_false(vch_seen_has(&a, 100000));
    for (uint64_t i = 0; i < 5000; i++)
        if (i != 0 && i != 63 && i != 64) vch_seen_add(&b, i);
    assert_int_equal(vch_seen_missing(&a, &b), 3);
    assert_int_equal(vch_seen_missing(&b, &a), 0);
    vch_seen_add(&b, VCH_SEEN_MAX);
    assert_true(b.failed && !a.failed);
    vch_seen_deinit(&a);
    vch_seen_deinit(&b);
    vch_seen_add(&b, 7);
    assert_int_equal(vch_seen_missing(&b, &a), 1);
    vch_seen_deinit(&b);
}

static void test_plans(void **state) {
    (void)state;
    struct vch_load_plan plan;
    struct vch_fleet_options o = {
        .mode = VCH_FLEET_FAN, .json = true, .concurrency = 16, .seconds = 5, .devices = 1000};
    vch_load_plan_make(&o, &plan);
    assert_int_equal(plan.mode, VCH_FLEET_PUBLISH);
    assert_int_equal(plan.publishers, 1);
    assert_int_equal(plan.subscribers, 50);
    assert_int_equal(plan.connections, 51);
    assert_int_equal(plan.window, 1000);
    assert_int_equal(plan.payload, 100);
    assert_int_equal(plan.level, 4);
    assert_int_equal(plan.threads, 1);
    assert_true(plan.run_us == 5000000);
    o = (struct vch_fleet_options){
        .mode = VCH_FLEET_PUBLISH, .publishers = 200, .qos = 1, .mqtt = 5, .threads = 64, .concurrency = 16};
    vch_load_plan_make(&o, &plan);
    assert_int_equal(plan.window, 20);
    assert_int_equal(plan.level, 5);
    assert_int_equal(plan.threads, 64);
    assert_int_equal(plan.opening_max, 1);
    o.qos = 0;
    vch_load_plan_make(&o, &plan);
    assert_int_equal(plan.window, 20);
    o = (struct vch_fleet_options){.mode = VCH_FLEET_CONNECT, .concurrency = 4, .threads = 8, .devices = 77};
    vch_load_plan_make(&o, &plan);
    assert_int_equal(plan.connections, 4);
    assert_int_equal(plan.threads, 4);
    assert_int_equal(plan.count_max, 77);
    o.mode = VCH_FLEET_IDLE;
    vch_load_plan_make(&o, &plan);
    assert_int_equal(plan.connections, 77);
    assert_int_equal(plan.count_max, 0);
}

static const struct vch_val *decode(const struct vch_load_summary *s, struct vch_arena *arena) {
    struct vch_buf buf;
    struct vch_str text;
    struct vch_val *val = NULL;
    vch_buf_init(&buf, 65536);
    vch_load_json(s, &buf);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    assert_int_equal(vch_json_decode(vch_arena_str(arena, text), NULL, arena, &val, NULL), VCH_OK);
    vch_buf_deinit(&buf);
    return val;
}

static void test_summaries(void **state) {
    (void)state;
    struct vch_causes causes = VCH_CAUSES_INIT;
    static struct vch_load_result r;
    struct vch_load_plan plan = {.mode = VCH_FLEET_PUBLISH, .publishers = 2, .subscribers = 3, .qos = 1, .level = 5};
    const struct vch_load_summary s = {"fan", &plan, &r, &causes};
    struct vch_arena *arena = vch_arena_new(1 << 20, false);
    r = (struct vch_load_result){
        .connected = 5, .wall_us = 2000000, .sent = 10, .acknowledged = 9, .expected = 30, .received = 25, .lost = 5};
    r.acknowledged_lost = 2;
    vch_causes_add(&causes, "connection: reset");
    const struct vch_val *val = decode(&s, arena);
    assert_true(vch_str_eq_c(vch_val_str_at(val, "mode"), "fan"));
    assert_true(vch_str_eq_c(vch_val_str_at(val, "mqtt"), "5"));
    assert_int_equal(vch_val_int_at(val, "lost", 0), 5);
    assert_int_equal(vch_val_int_at(val, "acknowledgedLost", 0), 2);
    assert_true(vch_val_get(val, "receivedPerSecond")->real == 12.5);
    assert_int_equal(vch_val_int_at(vch_val_get(val, "errors"), "connection: reset", 0), 1);
    assert_null(vch_val_get(vch_val_get(val, "server"), "cpuUsEach"));
    r.before = (struct vch_usage){3, 100, 100, 200};
    r.after = (struct vch_usage){3, 150, 110, 200};
    val = decode(&s, arena);
    assert_true(vch_val_get(vch_val_get(val, "server"), "cpuUsEach")->real == 2000.0);
    plan.mode = VCH_FLEET_IDLE;
    val = decode(&s, arena);
    assert_int_equal(vch_val_int_at(vch_val_get(val, "server"), "bytesPerIdleConnection", 0), 2048);
    assert_null(vch_val_get(val, "lost"));
    vch_arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_durations_are_exact),
        cmocka_unit_test(test_long_durations_are_near),
        cmocka_unit_test(test_durations_have_bounds),
        cmocka_unit_test(test_numbers_are_seen_once),
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_summaries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
