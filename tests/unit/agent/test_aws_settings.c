#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The AWS IoT Device Client's flags, configuration keys and defaults, written down
 * apart from ours: none is unknown to the agent, each lands in its setting. */
#include "agent/options.h"

struct row {
    enum vch_opt opt;
    const char *flag, *key; /* NULL: there is none */
    char kind;              /* t(ext), b(oolean), n(o value), i(nteger) */
    const char *preset;
};

static const struct row rows[] = {
    {VCH_OPT_EXPORT_SETTINGS, "--export-default-settings", NULL, 't', ""},
    {VCH_OPT_CONFIG_FILE, "--config-file", NULL, 't', ""},
    {VCH_OPT_ENDPOINT, "--endpoint", "endpoint", 't', ""},
    {VCH_OPT_CERT, "--cert", "cert", 't', ""},
    {VCH_OPT_KEY, "--key", "key", 't', ""},
    {VCH_OPT_ROOT_CA, "--root-ca", "root-ca", 't', ""},
    {VCH_OPT_THING_NAME, "--thing-name", "thing-name", 't', ""},
    {VCH_OPT_LOG_LEVEL, "--log-level", "logging.level", 't', "DEBUG"},
    {VCH_OPT_LOG_TYPE, "--log-type", "logging.type", 't', "STDOUT"},
    {VCH_OPT_LOG_FILE, "--log-file", "logging.file", 't', "/var/log/aws-iot-device-client/aws-iot-device-client.log"},
    {VCH_OPT_SDK_LOGGING, "--enable-sdk-logging", "logging.enable-sdk-logging", 'n', "false"},
    {VCH_OPT_SDK_LOG_LEVEL, "--sdk-log-level", "logging.sdk-log-level", 't', "TRACE"},
    {VCH_OPT_SDK_LOG_FILE, "--sdk-log-file", "logging.sdk-log-file", 't', "/var/log/aws-iot-device-client/sdk.log"},
    {VCH_OPT_JOBS, "--enable-jobs", "jobs.enabled", 'b', "true"},
    {VCH_OPT_JOBS_DIR, "--jobs-handler-dir", "jobs.handler-directory", 't', "/h/.aws-iot-device-client/jobs/"},
    {VCH_OPT_TUNNELING, "--enable-tunneling", "tunneling.enabled", 'b', "true"},
    {VCH_OPT_TUNNELING_REGION, "--tunneling-region", NULL, 't', ""},
    {VCH_OPT_TUNNELING_SERVICE, "--tunneling-service", NULL, 't', ""},
    {VCH_OPT_TUNNELING_QUIET, "--tunneling-disable-notification", NULL, 'n', "false"},
    {VCH_OPT_DEFENDER, "--enable-device-defender", "device-defender.enabled", 'b', "false"},
    {VCH_OPT_DEFENDER_INTERVAL, "--device-defender-interval", "device-defender.interval", 'i', "300"},
    {VCH_OPT_FLEET, "--enable-fleet-provisioning", "fleet-provisioning.enabled", 'b', "false"},
    {VCH_OPT_TEMPLATE, "--fleet-provisioning-template-name", "fleet-provisioning.template-name", 't', ""},
    {VCH_OPT_PARAMETERS, "--fleet-provisioning-template-parameters", "fleet-provisioning.template-parameters", 't', ""},
    {VCH_OPT_CSR_FILE, "--csr-file", "fleet-provisioning.csr-file", 't', ""},
    {VCH_OPT_DEVICE_KEY, "--device-key", "fleet-provisioning.device-key", 't', ""},
    {VCH_OPT_SYSTEM_INFORMATION, "--collect-system-information", "fleet-provisioning.collect-system-information", 'b',
     "false"},
    {VCH_OPT_PUB_SUB, "--enable-pub-sub", "samples.pub-sub.enabled", 'b', "false"},
    {VCH_OPT_PUBLISH_TOPIC, "--publish-topic", "samples.pub-sub.publish-topic", 't', ""},
    {VCH_OPT_PUBLISH_FILE, "--publish-file", "samples.pub-sub.publish-file", 't', ""},
    {VCH_OPT_SUBSCRIBE_TOPIC, "--subscribe-topic", "samples.pub-sub.subscribe-topic", 't', ""},
    {VCH_OPT_SUBSCRIBE_FILE, "--subscribe-file", "samples.pub-sub.subscribe-file", 't', ""},
    {VCH_OPT_PUBLISH_ON_CHANGE, NULL, "samples.pub-sub.publish-on-change", 'b', "false"},
    {VCH_OPT_SHADOW, "--enable-sample-shadow", "sample-shadow.enabled", 'b', "false"},
    {VCH_OPT_SHADOW_NAME, "--shadow-name", "sample-shadow.shadow-name", 't', ""},
    {VCH_OPT_SHADOW_INPUT, "--shadow-input-file", "sample-shadow.shadow-input-file", 't', ""},
    {VCH_OPT_SHADOW_OUTPUT, "--shadow-output-file", "sample-shadow.shadow-output-file", 't', ""},
    {VCH_OPT_CONFIG_SHADOW, "--enable-config-shadow", "config-shadow.enabled", 'b', "false"},
    {VCH_OPT_CONFIG_SHADOW_UPDATE, NULL, "config-shadow.persistent-update", 'b', "false"},
    {VCH_OPT_SECURE_ELEMENT, "--enable-secure-element", "secure-element.enabled", 'b', "false"},
    {VCH_OPT_PKCS11_LIB, "--pkcs11-lib", "secure-element.pkcs11-lib", 't', ""},
    {VCH_OPT_SECURE_ELEMENT_PIN, "--secure-element-pin", "secure-element.secure-element-pin", 't', ""},
    {VCH_OPT_SECURE_ELEMENT_LABEL, "--secure-element-key-label", "secure-element.secure-element-key-label", 't', ""},
    {VCH_OPT_SECURE_ELEMENT_SLOT, "--secure-element-slot-id", "secure-element.secure-element-slot-id", 't', ""},
    {VCH_OPT_SECURE_ELEMENT_TOKEN, "--secure-element-token-label", "secure-element.secure-element-token-label", 't',
     ""},
    {VCH_OPT_HTTP_PROXY, "--http-proxy-config", NULL, 't', ""},
};

struct world {
    struct vch_arena *arena;
    struct vch_options options;
    struct vch_outcome outcome;
};

static void start(struct world *w) {
    memset(w, 0, sizeof *w);
    (void)setenv("HOME", "/h", 1);
    w->arena = vch_arena_new(1 << 20, true);
    assert_non_null(w->arena);
    vch_options_init(&w->options, w->arena);
}

static const char *value_of(const struct row *row) {
    return row->kind == 'i' ? "41" : row->kind == 't' ? "given" : strcmp(row->preset, "true") == 0 ? "false" : "true";
}

static void every_flag(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world w;
        char flag[64], value[16];
        char program[] = "vouch-agent", *argv[] = {program, flag, value};
        if (!rows[i].flag) continue;
        start(&w);
        assert_string_equal(vch_options_text(&w.options, rows[i].opt), rows[i].preset);
        (void)snprintf(flag, sizeof flag, "%s", rows[i].flag);
        (void)snprintf(value, sizeof value, "%s", value_of(&rows[i]));
        int argc = rows[i].kind == 'n' ? 2 : 3;
        if (vch_options_parse(&w.options, argc, argv, &w.outcome) != VCH_EXIT_OK) fail_msg("%s", w.outcome.sentence);
        assert_string_equal(vch_options_text(&w.options, rows[i].opt), value);
        vch_arena_free(w.arena);
    }
}

/* {"a":{"b":VALUE}} of "a.b"; a feature's object is on, or it would not be read. */
static void nest(const struct row *row, char *out, size_t size) {
    char value[32];
    (void)snprintf(value, sizeof value, row->kind == 't' ? "\"%s\"" : "%s", value_of(row));
    struct vch_str rest = vch_str_from(row->key), part;
    size_t at = 0, depth = 0;
    while (vch_str_split(&rest, '.', &part)) {
        bool on = depth > 0 && !vch_str_eq_c(part, "enabled") && !vch_str_eq_c(part, "pub-sub");
        at += (size_t)snprintf(out + at, size - at, "{%s\"%.*s\":", on ? "\"enabled\":true," : "", VCH_STR_ARG(part));
        depth++;
    }
    at += (size_t)snprintf(out + at, size - at, "%s", value);
    while (depth-- > 0) at += (size_t)snprintf(out + at, size - at, "}");
    assert_true(at < size);
}

static void load(struct world *w, const char *json) {
    struct vch_val *document;
    assert_int_equal(vch_json_decode(vch_str_from(json), NULL, w->arena, &document, NULL), VCH_OK);
    if (vch_options_load(&w->options, document, &w->outcome) != VCH_EXIT_OK) fail_msg("%s", w->outcome.sentence);
}

static void every_key_and_the_flag_wins(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world w;
        char json[512];
        if (!rows[i].key) continue;
        nest(&rows[i], json, sizeof json);
        start(&w);
        load(&w, json);
        assert_string_equal(vch_options_text(&w.options, rows[i].opt), value_of(&rows[i]));
        vch_arena_free(w.arena);
        start(&w);
        vch_options_set(&w.options, rows[i].opt, VCH_STR("99"), VCH_SOURCE_CLI);
        load(&w, json);
        assert_string_equal(vch_options_text(&w.options, rows[i].opt), "99");
        vch_arena_free(w.arena);
    }
}

/* What --export-default-settings writes has each key, with the default. */
static void exported(void **state) {
    (void)state;
    struct world w;
    struct vch_buf buf;
    struct vch_val *document;
    start(&w);
    vch_buf_init(&buf, 65536);
    assert_int_equal(vch_options_export(w.arena, &buf), VCH_OK);
    assert_int_equal(vch_json_decode(vch_str_of(buf.ptr, buf.len), NULL, w.arena, &document, NULL), VCH_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vch_str rest = vch_str_from(rows[i].key), part;
        const struct vch_val *at = document;
        while (at && vch_str_split(&rest, '.', &part)) at = vch_val_get_str(at, part);
        if (!at) fail_msg("%s is not exported", rows[i].key);
    }
    vch_buf_deinit(&buf);
    vch_arena_free(w.arena);
}

/* Ours come behind theirs; a setting of theirs that this table lacks would be a hole in it. */
static void the_table_is_whole(void **state) {
    (void)state;
    bool seen[VCH_OPT_COUNT] = {false};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_false(seen[rows[i].opt]);
        seen[rows[i].opt] = true;
    }
    for (size_t i = 0; i <= VCH_OPT_HTTP_PROXY; i++) assert_true(seen[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flag),
        cmocka_unit_test(every_key_and_the_flag_wins),
        cmocka_unit_test(exported),
        cmocka_unit_test(the_table_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
