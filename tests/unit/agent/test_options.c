#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "agent/options.h"
#include "base/file.h"

enum { WORDS = 24 };

struct fixture {
    struct vch_arena *arena;
    struct vch_options options;
    struct vch_outcome outcome;
};

static void start(struct fixture *f) {
    memset(f, 0, sizeof *f);
    f->arena = vch_arena_new(1 << 20, true);
    assert_non_null(f->arena);
    vch_options_init(&f->options, f->arena);
}

static enum vch_exit parse(struct fixture *f, const char *const *words) {
    char *argv[WORDS] = {(char *)(uintptr_t) "vouch-agent"};
    int argc = 1;
    while (argc < WORDS && words[argc - 1]) {
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
        argc++;
    }
    return vch_options_parse(&f->options, argc, argv, &f->outcome);
}

static enum vch_exit load(struct fixture *f, const char *json) {
    struct vch_val *document;
    assert_int_equal(vch_json_decode(vch_str_from(json), NULL, f->arena, &document, NULL), VCH_OK);
    return vch_options_load(&f->options, document, &f->outcome);
}

static const char *const workshop[] = {"--enable-fleet-provisioning",
                                       "true",
                                       "--endpoint",
                                       "E",
                                       "--cert",
                                       "/c",
                                       "--key",
                                       "/k",
                                       "--root-ca",
                                       "/r",
                                       "--thing-name",
                                       "device-client-fp",
                                       "--fleet-provisioning-template-name",
                                       "TrustedUserProvisioningTemplate",
                                       "--enable-jobs",
                                       "false",
                                       "--enable-tunneling",
                                       "false",
                                       "--fleet-provisioning-template-parameters",
                                       "{\"ThingName\": \"device-client-fp\"}",
                                       NULL};

static void test_workshop_flags(void **state) {
    (void)state;
    struct fixture f;
    char list[256];
    start(&f);
    assert_int_equal(parse(&f, workshop), VCH_EXIT_OK);
    assert_true(vch_options_on(&f.options, VCH_OPT_FLEET));
    assert_false(vch_options_on(&f.options, VCH_OPT_JOBS));
    assert_string_equal(vch_options_text(&f.options, VCH_OPT_ENDPOINT), "E");
    assert_string_equal(vch_options_text(&f.options, VCH_OPT_PARAMETERS), "{\"ThingName\": \"device-client-fp\"}");
    assert_false(vch_options_missing(&f.options, list, sizeof list));
    vch_arena_free(f.arena);
}

static void test_refused_command_lines(void **state) {
    (void)state;
    static const char *const cases[][6] = {
        {"--unknown", "x"},
        {"endpoint", "x"},
        {"--endpoint=x"},
        {"--endpoint"},
        {"--endpoint", "a", "--endpoint", "b"},
        {"--once", "--once"},
        {"--port", "x"},
        {"--port", "-1"},
        {"--port", "99999999999"},
        {"--device-defender-interval", "often"},
        {"--once", "true"},
        {"--enable-fleet-provisioning"},
        {""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        start(&f);
        assert_int_equal(parse(&f, cases[i]), VCH_EXIT_CONFIG);
        assert_true(strlen(f.outcome.sentence) > 0);
        vch_arena_free(f.arena);
    }
}

/* Every flag is accepted once, with a value of its kind. */
static void test_every_flag(void **state) {
    (void)state;
    static const struct {
        const char *flag;
        bool alone;
    } flags[] = {
#define ALONE_TEXT false
#define ALONE_PATH false
#define ALONE_BOOL false
#define ALONE_INT false
#define ALONE_NONE true
#define VCH_X(name, flag, kind, json, preset, feature, help) {flag, ALONE_##kind},
#include "agent/options.def"
#undef VCH_X
    };
    for (size_t i = 0; i < VCH_OPT_COUNT; i++) {
        struct fixture f;
        const char *words[] = {flags[i].flag, flags[i].alone ? NULL : "7", NULL};
        if (!flags[i].flag) continue;
        start(&f);
        assert_int_equal(parse(&f, words), VCH_EXIT_OK);
        assert_int_equal(f.options.settings[i].source, VCH_SOURCE_CLI);
        vch_arena_free(f.arena);
    }
}

static void test_booleans_are_exact(void **state) {
    (void)state;
    static const char *const words[] = {"true", "True", "1", "yes", "false", ""};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct fixture f;
        start(&f);
        assert_int_equal(parse(&f, (const char *const[]){"--enable-jobs", words[i], NULL}), VCH_EXIT_OK);
        assert_int_equal(vch_options_on(&f.options, VCH_OPT_JOBS), i == 0);
        vch_arena_free(f.arena);
    }
}

static void test_precedence(void **state) {
    (void)state;
    struct fixture f;
    start(&f);
    assert_int_equal(parse(&f, (const char *const[]){"--endpoint", "from-cli", NULL}), VCH_EXIT_OK);
    assert_int_equal(load(&f, "{\"endpoint\":\"from-file\",\"thing-name\":\"from-file\",\"cert\":\"/file\"}"),
                     VCH_EXIT_OK);
    assert_string_equal(vch_options_text(&f.options, VCH_OPT_ENDPOINT), "from-cli");
    assert_string_equal(vch_options_text(&f.options, VCH_OPT_THING_NAME), "from-file");
    vch_options_set(&f.options, VCH_OPT_THING_NAME, VCH_STR("from-claim"), VCH_SOURCE_CLAIM);
    vch_options_set(&f.options, VCH_OPT_ENDPOINT, VCH_STR("from-claim"), VCH_SOURCE_CLAIM);
    assert_string_equal(vch_options_text(&f.options, VCH_OPT_THING_NAME), "from-claim");
    assert_string_equal(vch_options_text(&f.options, VCH_OPT_ENDPOINT), "from-cli");
    vch_options_set(&f.options, VCH_OPT_CERT, VCH_STR("/runtime"), VCH_SOURCE_RUNTIME);
    assert_string_equal(vch_options_text(&f.options, VCH_OPT_CERT), "/runtime");
    vch_arena_free(f.arena);
}

static void test_configuration_keys(void **state) {
    (void)state;
    struct fixture f;
    char list[256];
    start(&f);
    assert_int_equal(
        load(
            &f,
            "{\"logging\":{\"level\":\"WARN\",\"enable-sdk-logging\":true},\"jobs\":{\"enabled\":true},"
            "\"device-defender\":{\"enabled\":true,\"interval\":600},\"unknown\":[1],\"tunneling\":{\"enabled\":false},"
            "\"samples\":{\"pub-sub\":{\"enabled\":true,\"publish-topic\":\"a/b\"}},"
            "\"sensor-publish\":{\"sensors\":[{\"enabled\":false},{\"enabled\":true}]},"
            "\"fleet-provisioning\":{\"enabled\":true,\"template-name\":\"T\",\"template-parameters\":{\"a\":\"b\"}}}"),
        VCH_EXIT_OK);
    assert_string_equal(vch_options_text(&f.options, VCH_OPT_LOG_LEVEL), "WARN");
    assert_int_equal(vch_options_int(&f.options, VCH_OPT_DEFENDER_INTERVAL), 600);
    assert_string_equal(vch_options_text(&f.options, VCH_OPT_PUBLISH_TOPIC), "a/b");
    assert_string_equal(vch_options_text(&f.options, VCH_OPT_PARAMETERS), "{\"a\":\"b\"}");
    assert_true(vch_options_missing(&f.options, list, sizeof list));
    assert_string_equal(list, "SDK logging, jobs, device defender, sensor publish");
    vch_arena_free(f.arena);
}

static void test_disabled_provisioning_is_not_read(void **state) {
    (void)state;
    struct fixture f;
    start(&f);
    assert_int_equal(load(&f, "{\"fleet-provisioning\":{\"enabled\":false,\"template-name\":7}}"), VCH_EXIT_OK);
    assert_false(vch_options_has(&f.options, VCH_OPT_TEMPLATE));
    vch_arena_free(f.arena);
}

static void test_wrong_types_in_the_file(void **state) {
    (void)state;
    static const char *const cases[] = {"{\"endpoint\":7}",
                                        "{\"jobs\":{\"enabled\":7}}",
                                        "{\"vouch\":{\"port\":\"many\"}}",
                                        "[]",
                                        "{\"endpoint\":[\"a\"]}",
                                        "{\"device-defender\":{\"interval\":1.5}}"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        start(&f);
        assert_int_equal(load(&f, cases[i]), VCH_EXIT_CONFIG);
        vch_arena_free(f.arena);
    }
}

/* Only a file that switches the proxy on counts; a named one must be readable and make sense. */
static void test_proxy_file(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum vch_exit exit;
        bool proxy;
    } cases[] = {{"{\"http-proxy-enabled\": true, \"http-proxy-host\": \"gate\", \"http-proxy-port\": \"3128\"}",
                  VCH_EXIT_OK, true},
                 {"{\"http-proxy-enabled\": true}", VCH_EXIT_CONFIG, false},
                 {"{\"http-proxy-enabled\": false}", VCH_EXIT_OK, false},
                 {"{", VCH_EXIT_CONFIG, false}};
    char dir[] = "/tmp/vouch-proxy-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/p.conf", dir);
    (void)setenv("HOME", dir, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        char *argv[] = {dir, (char *)(uintptr_t) "--http-proxy-config", path};
        start(&f);
        assert_int_equal(vch_file_write(path, vch_str_from(cases[i].text), 0600, NULL), VCH_OK);
        assert_int_equal(vch_agent_configure(&f.options, 3, argv, &f.outcome), cases[i].exit);
        assert_int_equal(f.options.proxy.host.len > 0, cases[i].proxy);
        vch_arena_free(f.arena);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void test_paths(void **state) {
    (void)state;
    struct vch_arena *arena = vch_arena_new(65536, false);
    static const char *const cases[][2] = {
        {"~/x", "/home/d/x"},
        {"~", "/home/d"},
        {"$VCH_T/x", "/there/x"},
        {"${VCH_T}x", "/therex"},
        {"~other/x", "~other/x"},
        {"a~b", "a~b"},
        {"$VCH_NONE/x", "/x"},
        {"${VCH_T", "${VCH_T"},
        {"5$", "5$"},
        {"", ""},
    };
    (void)setenv("HOME", "/home/d", 1);
    (void)setenv("VCH_T", "/there", 1);
    (void)unsetenv("VCH_NONE");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(vch_path_expand(vch_str_from(cases[i][0]), arena).ptr, cases[i][1]);
    vch_arena_free(arena);
}

static void test_export_reads_back(void **state) {
    (void)state;
    struct fixture f;
    struct vch_buf buf;
    struct vch_str text;
    char list[256];
    start(&f);
    vch_buf_init(&buf, 65536);
    assert_int_equal(vch_options_export(f.arena, &buf), VCH_OK);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    assert_non_null(strstr(text.ptr, "\"pub-sub\":{\"enabled\":false"));
    assert_int_equal(load(&f, text.ptr), VCH_EXIT_OK);
    assert_true(vch_options_missing(&f.options, list, sizeof list));
    assert_string_equal(list, "jobs, secure tunneling");
    vch_buf_deinit(&buf);
    vch_arena_free(f.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workshop_flags),
        cmocka_unit_test(test_refused_command_lines),
        cmocka_unit_test(test_every_flag),
        cmocka_unit_test(test_booleans_are_exact),
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_configuration_keys),
        cmocka_unit_test(test_disabled_provisioning_is_not_read),
        cmocka_unit_test(test_wrong_types_in_the_file),
        cmocka_unit_test(test_proxy_file),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_export_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
