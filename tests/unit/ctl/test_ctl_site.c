/* Where the server is and as whom to speak: folders, variables, profiles; the
 * placeholder account; errors of answers; the files of a claim. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "ctl/call.h"
#include "ctl/claim_files.h"
#include "ctl/placeholder.h"
#include "ctl/profile.h"

static struct vch_arena *arena;
static char folder[64];
static char *said;
static size_t said_len;
static FILE *err;

static void forget_environment(void) {
    static const char *const names[] = {"AWS_ACCESS_KEY_ID",   "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
                                        "AWS_REGION",          "AWS_DEFAULT_REGION",    "AWS_ENDPOINT_URL_IOT",
                                        "AWS_ENDPOINT_URL",    "AWS_CA_BUNDLE",         "AWS_PROFILE",
                                        "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE",       "AWS_SHARED_CREDENTIALS_FILE"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) (void)unsetenv(names[i]);
    (void)setenv("HOME", folder, 1);
}

static int setup(void **state) {
    (void)state;
    strcpy(folder, "/tmp/vouch-test-ctl-XXXXXX");
    arena = vch_arena_new(1 << 20, true);
    err = open_memstream(&said, &said_len);
    if (!arena || !err || !mkdtemp(folder)) return 1;
    forget_environment();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    vch_arena_free(arena);
    (void)fclose(err);
    free(said);
    return system(command) == 0 ? 0 : 1;
}

static const char *path_of(const char *name) {
    return vch_arena_printf(arena, "%s/%s", folder, name).ptr;
}

static void put_file(const char *name, const char *text) {
    assert_int_equal(vch_file_write(path_of(name), vch_str_from(text), 0600, NULL), VCH_OK);
}

static void put_folder(void) {
    assert_int_equal(vch_dir_make(path_of("run"), 0700, NULL), VCH_OK);
    put_file("admin.json",
             "{\"userName\":\"admin\",\"accessKeyId\":\"AK\",\"secretAccessKey\":\"SK\",\"consolePassword\":\"p\","
             "\"account\":\"123456789012\",\"region\":\"us-east-1\"}");
    put_file("run/endpoints.json", "{\"api\":\"https://localhost:8443\",\"mqtt\":\"localhost:8883\",\"edge\":\"\"}");
}

static void folder_is_read(void **state) {
    (void)state;
    struct vch_ctl_site site;
    const struct vch_ctl_globals globals = {.data = folder};
    put_folder();
    (void)setenv("AWS_ACCESS_KEY_ID", "other", 1);
    (void)setenv("AWS_ENDPOINT_URL", "https://other", 1);
    assert_int_equal(vch_ctl_site_load(&globals, arena, &site, err), VCH_CTL_DONE);
    assert_string_equal(site.endpoint.ptr, "https://localhost:8443");
    assert_string_equal(site.access_key_id.ptr, "AK");
    assert_string_equal(site.secret_access_key.ptr, "SK");
    assert_string_equal(site.session_token.ptr, "");
    assert_string_equal(site.region.ptr, "us-east-1");
    assert_string_equal(site.account.ptr, "123456789012");
    assert_string_equal(site.ca_file.ptr, path_of("ca.pem"));
    assert_int_equal(site.mqtt_port, 8883);
    assert_int_equal(site.edge_port, 0);
    assert_true(site.local);
}

static void folder_without_a_server(void **state) {
    (void)state;
    struct vch_ctl_site site;
    const struct vch_ctl_globals globals = {.data = folder};
    assert_int_equal(vch_ctl_site_load(&globals, arena, &site, err), VCH_CTL_USAGE);
    put_folder();
    assert_int_equal(unlink(path_of("run/endpoints.json")), 0);
    assert_int_equal(vch_ctl_site_load(&globals, arena, &site, err), VCH_CTL_UNREACHABLE);
    put_file("admin.json", "{\"accessKeyId\":");
    assert_int_equal(vch_ctl_site_load(&globals, arena, &site, err), VCH_CTL_USAGE);
    put_file("admin.json", "{}");
    put_file("run/endpoints.json", "{\"api\":\"https://localhost:8443\"}");
    assert_int_equal(vch_ctl_site_load(&globals, arena, &site, err), VCH_CTL_USAGE);
    (void)fflush(err);
    assert_non_null(strstr(said, "no server has used this folder"));
    assert_non_null(strstr(said, "not running"));
    assert_non_null(strstr(said, "no access key"));
}

static void variables_are_read(void **state) {
    (void)state;
    struct vch_ctl_site site;
    const struct vch_ctl_globals globals = {0};
    (void)setenv("AWS_ACCESS_KEY_ID", "VK", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "VS", 1);
    (void)setenv("AWS_SESSION_TOKEN", "VT", 1);
    (void)setenv("AWS_DEFAULT_REGION", "r-2", 1);
    (void)setenv("AWS_ENDPOINT_URL", "https://general", 1);
    (void)setenv("AWS_CA_BUNDLE", "/ca", 1);
    assert_int_equal(vch_ctl_site_load(&globals, arena, &site, err), VCH_CTL_DONE);
    assert_string_equal(site.access_key_id.ptr, "VK");
    assert_string_equal(site.session_token.ptr, "VT");
    assert_string_equal(site.region.ptr, "r-2");
    assert_string_equal(site.endpoint.ptr, "https://general");
    assert_string_equal(site.ca_file.ptr, "/ca");
    assert_false(site.local);
    (void)setenv("AWS_REGION", "r-1", 1);
    (void)setenv("AWS_ENDPOINT_URL_IOT", "https://iot:1//", 1);
    assert_int_equal(vch_ctl_site_load(&globals, arena, &site, err), VCH_CTL_DONE);
    assert_string_equal(site.region.ptr, "r-1");
    assert_string_equal(site.endpoint.ptr, "https://iot:1");
    const struct vch_ctl_globals options = {.endpoint_url = "https://o", .region = "r-0", .ca_bundle = "/o"};
    assert_int_equal(vch_ctl_site_load(&options, arena, &site, err), VCH_CTL_DONE);
    assert_string_equal(site.region.ptr, "r-0");
    assert_string_equal(site.endpoint.ptr, "https://o");
    assert_string_equal(site.ca_file.ptr, "/o");
}

static void put_profiles(void) {
    assert_int_equal(vch_dir_make(path_of(".aws"), 0700, NULL), VCH_OK);
    put_file(".aws/credentials", "[default]\naws_access_key_id = DK\naws_secret_access_key=DS\n"
                                 "[work]\naws_access_key_id=WK\naws_secret_access_key=WS\naws_session_token=WT\n");
    put_file(".aws/config", "[default]\nregion=d-1\nendpoint_url=https://d\n"
                            "[profile work]\nregion = w-1\nservices = mine\nca_bundle=/w\n"
                            "[services mine]\ns3 =\n  endpoint_url = https://s3\niot =\n  endpoint_url = https://w\n");
}

static void profiles_are_read(void **state) {
    (void)state;
    struct vch_ctl_site site;
    const struct vch_ctl_globals none = {0};
    const struct vch_ctl_globals work = {.profile = "work"};
    put_profiles();
    assert_int_equal(vch_ctl_site_load(&none, arena, &site, err), VCH_CTL_DONE);
    assert_string_equal(site.access_key_id.ptr, "DK");
    assert_string_equal(site.secret_access_key.ptr, "DS");
    assert_string_equal(site.endpoint.ptr, "https://d");
    assert_string_equal(site.region.ptr, "d-1");
    /* Variables win over the default profile, and lose to one that is named. */
    (void)setenv("AWS_ACCESS_KEY_ID", "VK", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "VS", 1);
    assert_int_equal(vch_ctl_site_load(&none, arena, &site, err), VCH_CTL_DONE);
    assert_string_equal(site.access_key_id.ptr, "VK");
    assert_int_equal(vch_ctl_site_load(&work, arena, &site, err), VCH_CTL_DONE);
    assert_string_equal(site.access_key_id.ptr, "WK");
    assert_string_equal(site.session_token.ptr, "WT");
    assert_string_equal(site.endpoint.ptr, "https://w");
    assert_string_equal(site.region.ptr, "w-1");
    assert_string_equal(site.ca_file.ptr, "/w");
    const struct vch_ctl_globals missing = {.profile = "missing", .endpoint_url = "https://h"};
    assert_int_equal(vch_ctl_site_load(&missing, arena, &site, err), VCH_CTL_USAGE);
}

static void what_is_missing_is_said(void **state) {
    (void)state;
    struct vch_ctl_site site;
    const struct vch_ctl_globals none = {0};
    const struct vch_ctl_globals plain = {.endpoint_url = "http://h"};
    const struct vch_ctl_globals no_key = {.endpoint_url = "https://h"};
    assert_int_equal(vch_ctl_site_load(&none, arena, &site, err), VCH_CTL_USAGE);
    assert_int_equal(vch_ctl_site_load(&plain, arena, &site, err), VCH_CTL_USAGE);
    assert_int_equal(vch_ctl_site_load(&no_key, arena, &site, err), VCH_CTL_USAGE);
    (void)setenv("AWS_ACCESS_KEY_ID", "VK", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "VS", 1);
    assert_int_equal(vch_ctl_site_load(&no_key, arena, &site, err), VCH_CTL_USAGE);
    (void)fflush(err);
    assert_non_null(strstr(said, "which server?"));
    assert_non_null(strstr(said, "does not start with https://"));
    assert_non_null(strstr(said, "no access key"));
    assert_non_null(strstr(said, "which region?"));
}

static const struct {
    const char *text, *section, *outer, *key, *value; /* value NULL: absent */
} settings[] = {
    {"[a]\nk=v\n", "a", NULL, "k", "v"},
    {"[a]\r\nk = v w \r\n", "a", NULL, "k", "v w"},
    {"[a]\nk=v=w", "a", NULL, "k", "v=w"},
    {"[a]\nk=", "a", NULL, "k", ""},
    {"[a]\n#k=x\n;k=x\nk=v", "a", NULL, "k", "v"},
    {"[a]\nk=1\nk=2", "a", NULL, "k", "1"},
    {"[a]\nk=1\n[b]\nk=2", "b", NULL, "k", "2"},
    {"[ profile   x ]\nk=1", "profile x", NULL, "k", "1"},
    {"[profile xy]\nk=1", "profile x", NULL, "k", NULL},
    {"k=1\n[a]\n", "a", NULL, "k", NULL},
    {"[a\nk=1", "a", NULL, "k", NULL},
    {"[a]\nkk=1", "a", NULL, "k", NULL},
    {"[a]\no =\n  k = 1\n", "a", "o", "k", "1"},
    {"[a]\no =\n  k = 1\n", "a", NULL, "k", NULL},
    {"[a]\nk=1\n", "a", "o", "k", NULL},
    {"[a]\np =\n  k = 1\no =\n\tk = 2\n", "a", "o", "k", "2"},
    {"", "a", NULL, "k", NULL},
};

static void settings_are_found(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        struct vch_str value =
            vch_profile_get(vch_str_from(settings[i].text), settings[i].section, settings[i].outer, settings[i].key);
        if (!settings[i].value ? value.len > 0 : !vch_str_eq_c(value, settings[i].value))
            fail_msg("%s: got %.*s", settings[i].text, VCH_STR_ARG(value));
    }
}

static const struct {
    const char *in, *out;
} documents[] = {
    {"", ""},
    {"\"arn:aws:iot:us-east-1:account:topic/a\"", "\"arn:aws:iot:us-east-1:12:topic/a\""},
    {"arn:aws:iot:us-east-1:account:x", "arn:aws:iot:us-east-1:12:x"},
    {"[\"arn:aws:iot:r:account:a\",\"arn:aws:iot:r:account:b\"]", "[\"arn:aws:iot:r:12:a\",\"arn:aws:iot:r:12:b\"]"},
    {"\"arn:aws:iot:us-east-1:999:topic/account\"", "\"arn:aws:iot:us-east-1:999:topic/account\""},
    {"\"arn:aws:iot:us-east-1:999:topic/:account:\"", "\"arn:aws:iot:us-east-1:999:topic/:account:\""},
    {"\"arn:aws:us-east-1:account:x\"", "\"arn:aws:us-east-1:account:x\""},
    {"\"urn:aws:iot:r:account:x\"", "\"urn:aws:iot:r:account:x\""},
    {"\"the :account: is\"", "\"the :account: is\""},
    {"\"arn:aws:iot:r:accounts:x\"", "\"arn:aws:iot:r:accounts:x\""},
    {"\"arn:aws:iot:r:account\"", "\"arn:aws:iot:r:account\""},
    {"\"arn:aws:iam::account:role/x\"", "\"arn:aws:iam::12:role/x\""},
};

static void accounts_are_substituted(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        struct vch_buf buf;
        struct vch_str text;
        vch_buf_init(&buf, 4096);
        vch_ctl_substitute(vch_str_from(documents[i].in), VCH_STR("12"), &buf);
        assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
        assert_string_equal(text.ptr, documents[i].out);
        vch_buf_deinit(&buf);
    }
}

static const struct {
    const char *header, *body, *code, *message;
} answers[] = {
    {"ResourceNotFoundException", "{\"message\":\"m\"}", "ResourceNotFoundException", "m"},
    {"ns#Denied:http://x", "{\"Message\":\"m\"}", "Denied", "m"},
    {NULL, "{\"code\":\"C\",\"message\":\"m\"}", "C", "m"},
    {NULL, "{\"__type\":\"a.b#T\"}", "T", "The server answered with status 418."},
    {NULL, "<ErrorResponse><Error><Code>X</Code><Message>m</Message></Error></ErrorResponse>", "X", "m"},
    {NULL, "", "HTTP418", "The server answered with status 418."},
    {NULL, "[]", "HTTP418", "The server answered with status 418."},
    {NULL, "<Code>", "HTTP418", "The server answered with status 418."},
    {NULL, "{\"code\":\"C\",\"message\":\"a\\u001b[2Jb\\nc\"}", "C", "a [2Jb c"},
};

static void errors_are_read(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct vch_http_result result = {.status = 418, .body = vch_str_from(answers[i].body)};
        struct vch_ctl_error error;
        if (answers[i].header) {
            result.headers[0] = (struct vch_http_field){VCH_STR("x-amzn-ErrorType"), vch_str_from(answers[i].header)};
            result.header_count = 1;
        }
        vch_ctl_error_read(&result, arena, &error);
        assert_string_equal(error.code, answers[i].code);
        assert_string_equal(error.message, answers[i].message);
    }
}

static const struct vch_val *json(const char *text) {
    struct vch_val *val = NULL;
    assert_int_equal(vch_json_decode(vch_str_from(text), &VCH_VAL_LIMITS_DEFAULT, arena, &val, NULL), VCH_OK);
    return val;
}

static void file_is(const char *name, const char *text, unsigned mode) {
    struct stat info;
    struct vch_str got;
    const char *path = vch_arena_printf(arena, "%s/new/claim/%s", folder, name).ptr;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, mode);
    assert_int_equal(vch_ctl_read(path, arena, &got, err), VCH_OK);
    if (text) assert_string_equal(got.ptr, text);
}

static void claim_becomes_files(void **state) {
    (void)state;
    struct vch_str bundle;
    struct vch_ctl_claim claim = {.endpoint = VCH_STR("iot.example"),
                                  .mqtt_port = 8883,
                                  .template_name = VCH_STR("T"),
                                  .root_pem = VCH_STR("ROOT\n")};
    const char *target = path_of("new/claim");
    claim.answer =
        json("{\"certificateId\":\"ab\",\"certificatePem\":\"CERT\\n\",\"keyPair\":{\"PrivateKey\":\"KEY\\n\"},"
             "\"expiration\":12.5}");
    mode_t before = umask(0);
    assert_int_equal(vch_ctl_claim_write(target, &claim, arena, NULL), VCH_OK);
    (void)umask(077);
    assert_int_equal(vch_ctl_claim_write(target, &claim, arena, NULL), VCH_OK);
    (void)umask(before);
    file_is("claim.pem.crt", "CERT\n", 0644);
    file_is("claim.private.pem.key", "KEY\n", 0600);
    file_is("root-ca.pem", "ROOT\n", 0644);
    file_is("bundle.json", NULL, 0600);
    assert_int_equal(vch_ctl_read(path_of("new/claim/bundle.json"), arena, &bundle, err), VCH_OK);
    assert_true(vch_val_eq(
        json(bundle.ptr),
        json("{\"endpoint\":\"iot.example\",\"mqttPort\":8883,\"templateName\":\"T\",\"certificateId\":\"ab\","
             "\"expiration\":12.5,\"certificatePem\":\"CERT\\n\",\"privateKey\":\"KEY\\n\",\"rootCa\":\"ROOT\\n\"}")));
}

static void no_claim_no_files(void **state) {
    (void)state;
    static const char *const incomplete[] = {"{}", "{\"certificatePem\":\"C\"}",
                                             "{\"certificatePem\":\"C\",\"keyPair\":{}}",
                                             "{\"keyPair\":{\"PrivateKey\":\"K\"}}"};
    for (size_t i = 0; i < 4; i++) {
        struct vch_diag diag = {0};
        const struct vch_ctl_claim claim = {.answer = json(incomplete[i])};
        assert_int_equal(vch_ctl_claim_write(path_of("none"), &claim, arena, &diag), VCH_ERR_INVALID);
        assert_string_equal(diag.reason, "answer-invalid");
    }
    assert_int_not_equal(access(path_of("none"), F_OK), 0);
    const struct vch_ctl_claim claim = {.answer =
                                            json("{\"certificatePem\":\"C\",\"keyPair\":{\"PrivateKey\":\"K\"}}")};
    put_file("plain", "x");
    assert_int_not_equal(vch_ctl_claim_write(path_of("plain/sub"), &claim, arena, NULL), VCH_OK);
}

static void inputs_take_the_row_types(void **state) {
    (void)state;
    struct vch_ctl ctl = {.arena = arena, .out = err, .err = err};
    struct vch_val *inputs = vch_ctl_inputs(&ctl);
    assert_true(vch_ctl_put(&ctl, VCH_OP_UPDATE_PROVISIONING_TEMPLATE, inputs, "defaultVersionId", VCH_STR("3")));
    assert_true(vch_ctl_put(&ctl, VCH_OP_UPDATE_PROVISIONING_TEMPLATE, inputs, "enabled", VCH_STR("false")));
    assert_true(vch_ctl_put(&ctl, VCH_OP_UPDATE_PROVISIONING_TEMPLATE, inputs, "templateName", VCH_STR("3")));
    assert_true(vch_val_eq(inputs, json("{\"defaultVersionId\":3,\"enabled\":false,\"templateName\":\"3\"}")));
    assert_false(vch_ctl_put(&ctl, VCH_OP_UPDATE_PROVISIONING_TEMPLATE, inputs, "defaultVersionId", VCH_STR("three")));
    assert_false(vch_ctl_put(&ctl, VCH_OP_UPDATE_PROVISIONING_TEMPLATE, inputs, "enabled", VCH_STR("yes")));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(folder_is_read),           CASE(folder_without_a_server),   CASE(variables_are_read),
        CASE(profiles_are_read),        CASE(what_is_missing_is_said),   CASE(settings_are_found),
        CASE(accounts_are_substituted), CASE(errors_are_read),           CASE(claim_becomes_files),
        CASE(no_claim_no_files),        CASE(inputs_take_the_row_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
