#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/file.h"
#include "daemon/config.h"
#include "daemon/listen.h"
#include "support/folder.h"

enum { ARGS_MAX = 16 };

/* Words of one string as a command line. */
static enum vch_err parse(const char *line, struct vch_config *config, struct vch_diag *diag) {
    static char copy[2048];
    char *argv[ARGS_MAX + 1] = {"vouchd"};
    int argc = 1;
    (void)snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word && argc < ARGS_MAX; word = strtok(NULL, " ")) argv[argc++] = word;
    *diag = (struct vch_diag){.reason = NULL};
    return vch_config_parse(argc, argv, config, diag);
}

static void nothing_gives_the_presets(void **state) {
    (void)state;
    struct vch_config c;
    struct vch_diag diag;
    assert_int_equal(parse("", &c, &diag), VCH_OK);
    assert_string_equal(c.data, "/var/lib/vouch");
    assert_string_equal(c.api, "127.0.0.1:8443");
    assert_string_equal(c.mqtt, "127.0.0.1:8883");
    assert_null(c.edge);
    assert_int_equal(c.workers, 16);
    assert_string_equal(c.store, "sqlite");
    assert_string_equal(c.limits, "open");
    assert_string_equal(c.profile, "aws");
    assert_string_equal(c.key_algorithm, "ec-p256");
    assert_string_equal(c.account, "");
    assert_int_equal(c.hostnames.count, 0);
    assert_false(c.test_clock);
    assert_int_equal(c.action, VCH_CONFIG_SERVE);
    vch_config_deinit(&c);
}

static void every_flag_is_taken(void **state) {
    (void)state;
    struct vch_config c;
    struct vch_diag diag;
    assert_int_equal(parse("--data /d --hostname a.example --hostname=10.0.0.1 --api [::1]:0 --mqtt=0.0.0.0:8883 --edge 0.0.0.0:443", &c, &diag), VCH_OK);
    assert_string_equal(c.data, "/d");
    assert_int_equal(c.hostnames.count, 2);
    assert_string_equal(c.hostnames.items[0], "a.example");
    assert_string_equal(c.hostnames.items[1], "10.0.0.1");
    assert_string_equal(c.api, "[::1]:0");
    assert_string_equal(c.edge, "0.0.0.0:443");
    vch_config_deinit(&c);
    assert_int_equal(parse("--workers 4 --loops 2 --store postgresql://h/db --account 123456789012 --region eu-west-1", &c, &diag), VCH_OK);
    assert_int_equal(c.workers, 4);
    assert_int_equal(c.loops, 2);
    assert_string_equal(c.store, "postgresql://h/db");
    assert_string_equal(c.account, "123456789012");
    assert_string_equal(c.region, "eu-west-1");
    vch_config_deinit(&c);
    assert_int_equal(parse("--limits aws --profile spec --key-algorithm rsa-2048 --user nobody --test-clock --log-level debug -n", &c, &diag), VCH_OK);
    assert_string_equal(c.limits, "aws");
    assert_string_equal(c.profile, "spec");
    assert_string_equal(c.key_algorithm, "rsa-2048");
    assert_string_equal(c.user, "nobody");
    assert_true(c.test_clock);
    assert_int_equal(c.action, VCH_CONFIG_CHECK);
    vch_config_deinit(&c);
    assert_int_equal(parse("--version", &c, &diag), VCH_OK);
    assert_int_equal(c.action, VCH_CONFIG_VERSION);
    vch_config_deinit(&c);
    assert_int_equal(parse("--role signer --fd 3 --data /d", &c, &diag), VCH_OK);
    assert_int_equal(c.action, VCH_CONFIG_ROLE);
    assert_string_equal(c.role, "signer");
    assert_int_equal(c.role_fd, 3);
    vch_config_deinit(&c);
}

static void bad_settings_name_their_key(void **state) {
    (void)state;
    static const struct {
        const char *line, *field;
    } cases[] = {
        {"--bogus", "bogus"},
        {"serve", "serve"},
        {"-x", "-x"},
        {"--data", "data"},
        {"--data=", "data"},
        {"--config", "config"},
        {"--version=1", "version"},
        {"--workers 0", "workers"},
        {"--workers 1025", "workers"},
        {"--workers 4x", "workers"},
        {"--loops -1", "loops"},
        {"--loops 65", "loops"},
        {"--api 8443", "api"},
        {"--api localhost:8443", "api"},
        {"--api 127.0.0.1:65536", "api"},
        {"--api 127.0.0.1:", "api"},
        {"--api ::1:80", "api"},
        {"--api [::1:80", "api"},
        {"--mqtt 127.0.0.1:-1", "mqtt"},
        {"--api off --mqtt off", "api"},
        {"--limits none", "limits"},
        {"--limits aws|open", "limits"},
        {"--profile ", "profile"},
        {"--key-algorithm ec-p521", "key-algorithm"},
        {"--store mysql://x", "store"},
        {"--account 12345678901", "account"},
        {"--region US", "region"},
        {"--hostname=", "hostname"},
        {"--test-clock=maybe", "test-clock"},
        {"--test-clock --mqtt 0.0.0.0:8883", "test-clock"},
        {"--test-clock --edge [::]:443", "test-clock"},
        {"--role signer --fd x", "fd"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vch_config c;
        struct vch_diag diag;
        if (parse(cases[i].line, &c, &diag) == VCH_OK) fail_msg("taken: %s", cases[i].line);
        if (strcmp(diag.field, cases[i].field) != 0) fail_msg("%s: the field is \"%s\", %s", cases[i].line, diag.field, diag.message);
    }
}

static void a_clock_may_be_moved_on_loopback_alone(void **state) {
    (void)state;
    static const struct {
        const char *address;
        bool valid, loopback;
    } cases[] = {
        {"127.0.0.1:1", true, true}, {"127.9.9.9:1", true, true},  {"[::1]:1", true, true},   {"0.0.0.0:1", true, false},
        {"[::]:1", true, false},     {"10.0.0.1:1", true, false},  {"[::2]:1", true, false},  {"128.0.0.1:1", true, false},
        {"", false, false},          {":1", false, false},         {"127.0.0.1", false, false}, {"[::ffff:10.0.0.1]:1", true, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vch_str address = vch_str_from(cases[i].address);
        if (vch_address_valid(address) != cases[i].valid || vch_address_is_loopback(address) != cases[i].loopback)
            fail_msg("%s", cases[i].address);
    }
}

static char folder[64], path[128];

static int setup(void **state) {
    (void)state;
    folder_make(folder);
    (void)snprintf(path, sizeof path, "%s/vouchd.conf", folder);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    folder_remove(folder);
    return 0;
}

static enum vch_err parse_file(const char *text, const char *flags, struct vch_config *config, struct vch_diag *diag) {
    char line[1024];
    assert_int_equal(vch_file_write(path, vch_str_from(text), 0600, NULL), VCH_OK);
    (void)snprintf(line, sizeof line, "%s --config %s", flags, path);
    return parse(line, config, diag);
}

static void the_file_is_read_and_flags_win(void **state) {
    (void)state;
    struct vch_config c;
    struct vch_diag diag;
    const char *text = "# a comment\n\n data = /srv/vouch \r\nworkers=8\nhostname = one\nhostname = two\ntest-clock = true\nregion = eu-west-1";
    assert_int_equal(parse_file(text, "--workers 9", &c, &diag), VCH_OK);
    assert_string_equal(c.data, "/srv/vouch");
    assert_int_equal(c.workers, 9);
    assert_int_equal(c.hostnames.count, 2);
    assert_true(c.test_clock);
    assert_string_equal(c.region, "eu-west-1");
    vch_config_deinit(&c);
    assert_int_equal(parse_file(text, "--hostname three --test-clock=false", &c, &diag), VCH_OK);
    assert_int_equal(c.hostnames.count, 1);
    assert_string_equal(c.hostnames.items[0], "three");
    assert_false(c.test_clock);
    vch_config_deinit(&c);
}

static void a_bad_file_is_refused(void **state) {
    (void)state;
    struct vch_config c;
    struct vch_diag diag;
    assert_int_equal(parse_file("data /x\n", "", &c, &diag), VCH_ERR_MALFORMED);
    assert_non_null(strstr(diag.message, "line 1"));
    assert_int_equal(parse_file("[section]\n", "", &c, &diag), VCH_ERR_MALFORMED);
    assert_int_equal(parse_file("bogus = 1\n", "", &c, &diag), VCH_ERR_INVALID);
    assert_string_equal(diag.field, "bogus");
    assert_int_equal(parse_file("role = signer\n", "", &c, &diag), VCH_ERR_INVALID);
    assert_int_equal(parse_file("workers = many\n", "", &c, &diag), VCH_ERR_INVALID);
    assert_int_equal(parse("--config /nonexistent/x", &c, &diag), VCH_ERR_NOT_FOUND);
}

static void differences_that_need_a_restart_are_named(void **state) {
    (void)state;
    struct vch_config a, b;
    struct vch_diag diag;
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, 4096);
    assert_int_equal(parse("--workers 4", &a, &diag), VCH_OK);
    assert_int_equal(parse("--workers 5 --hostname x --edge 127.0.0.1:0 --log-level debug --test-clock", &b, &diag), VCH_OK);
    vch_config_diff(&a, &b, &buf);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    assert_true(vch_str_eq_c(text, "hostname edge workers test-clock")); /* the level is applied at once */
    vch_buf_clear(&buf);
    vch_config_diff(&b, &b, &buf);
    assert_int_equal(buf.len, 0);
    vch_config_deinit(&a);
    vch_config_deinit(&b);
    vch_buf_deinit(&buf);
}

static void help_names_every_flag(void **state) {
    (void)state;
    static const char *const flags[] = {
#define VCH_X(field, key, type, preset, min, max, reload, metavar, help) "--" key,
#include "daemon/config.def"
#undef VCH_X
        "--config", "-n", "--version", "--help"};
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, 16384);
    vch_config_help(&buf);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (!strstr(text.ptr, flags[i])) fail_msg("%s is not explained", flags[i]);
    }
    assert_null(strstr(text.ptr, "--role"));
    vch_buf_deinit(&buf);
}

/* ---- listening -------------------------------------------------------------- */

static void ready_tells_what_is_on(void **state) {
    (void)state;
    struct vch_config c;
    struct vch_diag diag;
    struct vch_entrances e;
    struct vch_buf buf;
    struct vch_str text;
    char expected[256];
    vch_buf_init(&buf, 4096);
    assert_int_equal(parse("--api 127.0.0.1:0 --mqtt [::1]:0 --loops 3", &c, &diag), VCH_OK);
    if (vch_entrances_open(&c, &e, &diag) != VCH_OK) fail_msg("%s", diag.message);
    assert_int_equal(e.loops, 3);
    assert_true(e.list[VCH_ENTRANCE_API].fds[2] >= 0 && e.list[VCH_ENTRANCE_API].port > 0);
    assert_true(e.list[VCH_ENTRANCE_EDGE].fds[0] < 0 && e.list[VCH_ENTRANCE_API].fds[3] < 0);
    unsigned api = e.list[VCH_ENTRANCE_API].port, mqtt = e.list[VCH_ENTRANCE_MQTT].port;
    vch_entrances_ready_line(&e, &buf);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    (void)snprintf(expected, sizeof expected, "ready api=https://localhost:%u mqtt=localhost:%u\n", api, mqtt);
    assert_string_equal(text.ptr, expected);
    vch_buf_clear(&buf);
    vch_entrances_json(&e, &buf);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    (void)snprintf(expected, sizeof expected, "{\"api\":\"https://localhost:%u\",\"mqtt\":\"localhost:%u\"}\n", api, mqtt);
    assert_string_equal(text.ptr, expected);
    vch_entrances_close(&e);
    vch_entrances_close(&e); /* harmless */
    vch_config_deinit(&c);
    assert_int_equal(parse("--api 192.0.2.1:0", &c, &diag), VCH_OK); /* an address that is not ours */
    assert_int_equal(vch_entrances_open(&c, &e, &diag), VCH_ERR_IO);
    vch_config_deinit(&c);
    vch_buf_deinit(&buf);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_gives_the_presets),
        cmocka_unit_test(every_flag_is_taken),
        cmocka_unit_test(bad_settings_name_their_key),
        cmocka_unit_test(a_clock_may_be_moved_on_loopback_alone),
        cmocka_unit_test_setup_teardown(the_file_is_read_and_flags_win, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_file_is_refused, setup, teardown),
        cmocka_unit_test(differences_that_need_a_restart_are_named),
        cmocka_unit_test(help_names_every_flag),
        cmocka_unit_test(ready_tells_what_is_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
