/* Percentiles, command line, causes, process figures, summary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/val.h"
#include "fleet/options.h"
#include "fleet/summary.h"

static void test_percentiles(void **state) {
    (void)state;
    struct vch_series s = {0};
    assert_int_equal(vch_series_at(&s, 500), 0);
    for (int i = 1000; i >= 1; i--) vch_series_add(&s, i);
    vch_series_sort(&s);
    assert_int_equal(s.count, 1000);
    assert_int_equal(vch_series_at(&s, 500), 500);
    assert_int_equal(vch_series_at(&s, 990), 990);
    assert_int_equal(vch_series_at(&s, 999), 999);
    assert_int_equal(vch_series_at(&s, 1000), 1000);
    assert_int_equal(vch_series_at(&s, 0), 1);
    assert_int_equal(vch_series_mean(&s), 500);
    vch_series_deinit(&s);
}

static void test_percentiles_of_few(void **state) {
    (void)state;
    struct vch_series s = {0};
    vch_series_add(&s, 7);
    assert_int_equal(vch_series_at(&s, 1), 7);
    assert_int_equal(vch_series_at(&s, 999), 7);
    vch_series_add(&s, 5);
    vch_series_add(&s, 6);
    vch_series_sort(&s);
    assert_int_equal(vch_series_at(&s, 500), 6);
    assert_int_equal(vch_series_at(&s, 667), 7);
    assert_int_equal(vch_series_at(&s, 666), 6);
    vch_series_deinit(&s);
}

static void test_merging_and_bounds(void **state) {
    (void)state;
    struct vch_series a = {0}, b = {0};
    vch_series_merge(&a, &b);
    assert_int_equal(a.count, 0);
    for (int i = 0; i < 700; i++) vch_series_add(&b, i);
    vch_series_add(&a, -5);
    vch_series_add(&a, INT64_MAX);
    vch_series_merge(&a, &b);
    vch_series_sort(&a);
    assert_int_equal(a.count, 702);
    assert_int_equal(vch_series_at(&a, 0), 0);
    assert_true(vch_series_at(&a, 1000) == 3600000000u);
    vch_series_deinit(&a);
    vch_series_deinit(&b);
}

enum { WORDS = 12 };

static bool parse(struct vch_fleet_options *options, const char *const *words) {
    char *argv[WORDS + 1] = {(char *)(uintptr_t) "vouch-fleet"};
    int argc = 1;
    FILE *err = fopen("/dev/null", "w");
    while (argc < WORDS && words[argc - 1]) {
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
        argc++;
    }
    bool ok = vch_fleet_parse(argc, argv, options, err);
    (void)fclose(err);
    return ok;
}

static void test_command_lines(void **state) {
    (void)state;
    struct vch_fleet_options o;
    assert_true(parse(&o, (const char *const[]){"provision", "--data", "D", NULL}));
    assert_int_equal(o.mode, VCH_FLEET_PROVISION);
    assert_string_equal(o.data, "D");
    assert_int_equal(o.devices, 1000);
    assert_int_equal(o.concurrency, 16);
    assert_int_equal(o.seconds, 0);
    assert_false(o.csr || o.json);
    assert_true(
        parse(&o, (const char *const[]){"provision", "--json", "--data", "D", "--seconds", "3", "--csr", NULL}));
    assert_int_equal(o.devices, 10000000);
    assert_true(o.csr && o.json);
    assert_true(
        parse(&o, (const char *const[]){"idle", "--endpoint", "h", "--api", "https://h:1", "--devices", "4", NULL}));
    assert_int_equal(o.mode, VCH_FLEET_IDLE);
    assert_int_equal(o.mqtt_port, 8883);
    assert_int_equal(o.concurrency, 4);
    assert_int_equal(o.seconds, 5);
}

static void test_refused_command_lines(void **state) {
    (void)state;
    static const char *const cases[][8] = {
        {NULL},
        {"dance", "--data", "D"},
        {"provision"},
        {"provision", "--endpoint", "h"},
        {"provision", "--data", "D", "--api", "https://x"},
        {"provision", "--data"},
        {"provision", "--data", ""},
        {"provision", "--data", "D", "--devices", "0"},
        {"provision", "--data", "D", "--devices", "-1"},
        {"provision", "--data", "D", "--devices", "many"},
        {"provision", "--data", "D", "--concurrency", "1025"},
        {"provision", "--data", "D", "--mqtt-port", "65536"},
        {"provision", "--data", "D", "--data", "E"},
        {"provision", "--data", "D", "--what"},
        {"provision", "--host", "h"},
        {"publish", "--host", "h", "--data", "D"},
        {"publish", "--host", "h", "--cert", "c"},
        {"publish", "--data", "D", "--plain"},
        {"publish", "--data", "D", "--qos", "2"},
        {"publish", "--data", "D", "--payload", "23"},
        {"publish", "--data", "D", "--mqtt", "6"},
        {"fan", "--data", "D", "--publishers", "2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vch_fleet_options o;
        assert_false(parse(&o, cases[i]));
    }
}

static void put(const char *dir, const char *file, const char *text) {
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", dir, file);
    assert_int_equal(vch_file_write(path, vch_str_from(text), 0600, NULL), VCH_OK);
}

static void test_site_of_a_data_folder(void **state) {
    (void)state;
    char dir[] = "/tmp/vouch-fleet-XXXXXX", run[64], command[96];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(run, sizeof run, "%s/run", dir);
    assert_int_equal(vch_dir_make(run, 0700, NULL), VCH_OK);
    struct vch_arena *arena = vch_arena_new(1 << 20, true);
    struct vch_fleet_options o = {.data = dir};
    struct vch_fleet_site site;
    struct vch_diag diag = {0};
    assert_int_equal(vch_fleet_find(&o, arena, &site, &diag), VCH_ERR_NOT_FOUND);
    put(dir, "admin.json",
        "{\"accessKeyId\":\"AK\",\"secretAccessKey\":\"S\",\"account\":\"123456789012\",\"region\":\"r\"}");
    put(dir, "ca.pem", "PEM\n");
    put(dir, "run/endpoints.json", "{\"api\":\"https://localhost:1/\",\"mqtt\":\"[::1]:2\"}");
    put(dir, "run/vouchd.pid", "77\n");
    assert_int_equal(vch_fleet_find(&o, arena, &site, &diag), VCH_OK);
    assert_true(vch_str_eq_c(site.api, "https://localhost:1"));
    assert_true(vch_str_eq_c(site.host, "::1"));
    assert_int_equal(site.mqtt_port, 2);
    assert_int_equal(site.pid, 77);
    assert_true(vch_str_eq_c(site.ca_pem, "PEM\n"));
    static const char *const bad[] = {"{\"api\":\"https://h\",\"mqtt\":\"h\"}",
                                      "{\"api\":\"https://h\",\"mqtt\":\"h:0\"}",
                                      "{\"api\":\"http://h\",\"mqtt\":\"h:1\"}",
                                      "{\"api\":\"https://h\",\"mqtt\":\":1\"}",
                                      "{}",
                                      "["};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put(dir, "run/endpoints.json", bad[i]);
        assert_int_not_equal(vch_fleet_find(&o, arena, &site, &diag), VCH_OK);
    }
    vch_arena_free(arena);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
    assert_int_equal(system(command), 0);
}

static void test_causes(void **state) {
    (void)state;
    static struct vch_causes causes = VCH_CAUSES_INIT;
    vch_causes_add(&causes, "connect: port %d: refused", 12345);
    vch_causes_add(&causes, "connect: port %d: refused", 54321);
    vch_causes_add(&causes, "register: 403 AccessDenied\n");
    assert_int_equal(causes.count, 2);
    assert_string_equal(causes.rows[0].text, "connect: port #: refused");
    assert_int_equal(causes.rows[0].count, 2);
    assert_string_equal(causes.rows[1].text, "register: 403 AccessDenied ");
    for (int i = 0; i < 100; i++) vch_causes_add(&causes, "c%c%c", 'a' + i / 26, 'a' + i % 26);
    assert_int_equal(causes.count, VCH_CAUSES_MAX);
    assert_string_equal(causes.rows[VCH_CAUSES_MAX - 1].text, "other");
    assert_int_equal(vch_causes_total(&causes), 103);
}

static void test_process_figures(void **state) {
    (void)state;
    int64_t parent = 0, ticks = 0;
    assert_true(
        vch_stat_parse(VCH_STR("12 (a) b) (c) S 7 1 1 0 -1 4194560 10 20 30 40 5 6 7 8 20 0 1"), &parent, &ticks));
    assert_int_equal(parent, 7);
    assert_int_equal(ticks, 11);
    assert_false(vch_stat_parse(VCH_STR(""), &parent, &ticks));
    assert_false(vch_stat_parse(VCH_STR("12 (a) S 7 1"), &parent, &ticks));
    assert_false(vch_stat_parse(VCH_STR("12 (a) S x 1 1 0 -1 4194560 10 20 30 40 5 6"), &parent, &ticks));
    struct vch_usage mine, nobody;
    vch_usage_read(getpid(), &mine);
    assert_int_equal(mine.processes, 1);
    assert_true(mine.rss_kib > 0 && mine.peak_kib >= mine.rss_kib / 2);
    vch_usage_read(0, &nobody);
    assert_int_equal(nobody.processes, 0);
}

static void test_summary(void **state) {
    (void)state;
    struct vch_causes causes = VCH_CAUSES_INIT;
    struct vch_fleet_summary s = {
        .devices = 10, .concurrency = 2, .done = 4, .failed = 1, .wall_us = 2000000, .causes = &causes};
    struct vch_buf buf;
    struct vch_str text;
    struct vch_val *val;
    struct vch_arena *arena = vch_arena_new(1 << 20, false);
    s.before = (struct vch_usage){3, 100, 10, 20};
    s.after = (struct vch_usage){3, 110, 30, 40};
    vch_series_add(&s.phases[VCH_PHASE_ALL], 1500);
    s.floor = (struct vch_floor){.handshake_ns = 500000, .sign_ns = 20000, .verify_ns = 60000, .key_ns = 30000};
    vch_causes_add(&causes, "say \"no\"");
    vch_buf_init(&buf, 65536);
    vch_summary_json(&s, &buf);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    assert_int_equal(vch_json_decode(text, NULL, arena, &val, NULL), VCH_OK);
    assert_int_equal(vch_val_int_at(val, "done", 0), 4);
    assert_true(vch_val_get(val, "ratePerSecond")->real > 1.9 && vch_val_get(val, "ratePerSecond")->real < 2.1);
    assert_int_equal(vch_val_get(val, "phases")->count, 1);
    assert_int_equal(vch_val_int_at(vch_val_get(val, "errors"), "say \"no\"", 0), 1);
    const struct vch_val *server = vch_val_get(val, "server");
    assert_true(vch_val_get(server, "cpuMsPerProvisioning")->real == 2.5);
    assert_int_equal(vch_val_int_at(server, "peakKiB", 0), 40);
    const struct vch_val *crypto = vch_val_get(val, "crypto");
    assert_true(vch_val_get(crypto, "handshakeUs")->real == 500 && vch_val_get(crypto, "msPerProvisioning")->real == 1.1);
    assert_true(vch_val_get(server, "cpuToCrypto")->real == 2.27); /* 2.5 of 1.1 */
    vch_series_deinit(&s.phases[VCH_PHASE_ALL]);
    vch_buf_deinit(&buf);
    vch_arena_free(arena);
}

static void test_floor(void **state) {
    (void)state;
    struct vch_floor floor;
    assert_int_equal(vch_floor_measure(&floor), VCH_OK);
    /* A handshake signs, verifies and agrees on a key; a signature is a part of it. */
    assert_true(floor.sign_ns > 0 && floor.key_ns > 0 && floor.verify_ns > 0);
    assert_true(floor.handshake_ns > floor.sign_ns + floor.verify_ns && floor.handshake_ns < 1000000000);
    assert_int_equal(vch_floor_total_ns(&floor, false), 2 * (floor.handshake_ns + floor.sign_ns + floor.key_ns));
    assert_int_equal(vch_floor_total_ns(&floor, true), 2 * (floor.handshake_ns + floor.sign_ns) + floor.key_ns + floor.verify_ns);
}

static void test_bar(void **state) {
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    vch_summary_bar(out, 8, 16, 0, 2000000);
    vch_summary_bar(out, 90, 16, 3, 0);
    (void)fclose(out);
    assert_string_equal(text, "\r[################................] 8/16  4/s  0 failed "
                              "\r[################################] 90/16  0/s  3 failed ");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_percentiles),
        cmocka_unit_test(test_percentiles_of_few),
        cmocka_unit_test(test_merging_and_bounds),
        cmocka_unit_test(test_command_lines),
        cmocka_unit_test(test_refused_command_lines),
        cmocka_unit_test(test_site_of_a_data_folder),
        cmocka_unit_test(test_causes),
        cmocka_unit_test(test_process_figures),
        cmocka_unit_test(test_summary),
        cmocka_unit_test(test_floor),
        cmocka_unit_test(test_bar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
