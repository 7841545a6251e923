/* Template lint, and the header in which findings travel. */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "core/lint.h"
#include "core/template.h"

static struct vch_arena *arena;

static int set_up(void **state) {
    (void)state;
    arena = vch_arena_new(1 << 20, false);
    return arena ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    vch_arena_free(arena);
    return 0;
}

/* ' stands for ". */
static struct vch_str text_of(const char *quoted) {
    char *copy = vch_arena_alloc(arena, strlen(quoted) + 1);
    for (size_t i = 0; quoted[i]; i++) copy[i] = quoted[i] == '\'' ? '"' : quoted[i];
    return vch_str_of(copy, strlen(quoted));
}

static void assert_findings(const struct vch_lint *lint, const char *want) {
    char have[2048] = "";
    size_t len = 0;
    for (size_t i = 0; i < lint->count; i++) {
        struct vch_str sentence = lint->findings[i].sentence;
        assert_true(sentence.len > 10 && sentence.ptr[sentence.len - 1] == '.');
        len += (size_t)snprintf(have + len, sizeof have - len, "%s%s %.*s", i ? ", " : "", lint->findings[i].rule,
                                VCH_STR_ARG(lint->findings[i].field));
        assert_true(len < sizeof have);
    }
    if (strcmp(have, want) != 0) fail_msg("have: %s\nwant: %s", have, want);
}

static void assert_lint(const char *quoted, const struct vch_lint_template_options *options, const char *want) {
    struct vch_lint lint;
    struct vch_diag diag = {0};
    struct vch_str body = text_of(quoted);
    if (vch_template_check(VCH_TEMPLATE_FLEET, body, &diag) != VCH_OK) fail_msg("%s: %s", diag.field, diag.message);
    if (vch_lint_template(body, options, arena, &lint, &diag) != VCH_OK) fail_msg("%s", diag.message);
    assert_findings(&lint, want);
}

#define THING(name) "'thing':{'Type':'AWS::IoT::Thing','Properties':{'ThingName':" name "}}"
#define CERT "'cert':{'Type':'AWS::IoT::Certificate','Properties':{'CertificateId':{'Ref':'AWS::IoT::Certificate::Id'}}}"
#define POLICY(name) "'policy':{'Type':'AWS::IoT::Policy','Properties':{'PolicyName':" name "}}"
#define PARAMETERS(more) "'Parameters':{'AWS::IoT::Certificate::Id':{'Type':'String'}" more "}"
#define TEMPLATE(parameters, resources) "{" PARAMETERS(parameters) ",'Resources':{" resources "," CERT "}}"
#define BY_ID "{'Fn::Join':['',['d-',{'Ref':'AWS::IoT::Certificate::Id'}]]}"
#define A ",'A':{'Type':'String'}"
#define B ",'B':{'Type':'String'}"

static bool knows(void *arg, enum vch_lint_name kind, struct vch_str name) {
    char wanted[64];
    (void)snprintf(wanted, sizeof wanted, "%d:%.*s", (int)kind, VCH_STR_ARG(name));
    return strstr(arg, wanted) != NULL;
}

static void test_quiet(void **state) {
    (void)state;
    assert_lint(TEMPLATE("", THING(BY_ID) "," POLICY("'pubsub'")), NULL, "");
}

/* T8 and T7 of the workshop's traps: the name, and the undeclared parameter. */
static void test_workshop(void **state) {
    (void)state;
    struct vch_buf buf;
    struct vch_str body;
    struct vch_lint lint;
    vch_buf_init(&buf, 1 << 16);
    assert_int_equal(vch_file_read(VOUCH_SOURCE_DIR "/examples/workshop/TrustedUserProvisioningTemplate.json", &buf, NULL), VCH_OK);
    assert_int_equal(vch_buf_finish(&buf, &body), VCH_OK);
    assert_int_equal(vch_lint_template(body, NULL, arena, &lint, NULL), VCH_OK);
    assert_findings(&lint, "T2 /Resources/thing/Properties/ThingName, T3 /Resources/certificate/Properties/CertificateId");
    vch_buf_deinit(&buf);
}

static void test_what_the_device_chooses(void **state) {
    (void)state;
    const struct vch_lint_template_options hooked = {.hook = true};
    const char *name = TEMPLATE(A, THING(BY_ID) "," POLICY("{'Ref':'A'}"));
    assert_lint(name, NULL, "T1 /Resources/policy/Properties/PolicyName");
    assert_lint(name, &hooked, "");
    assert_lint(TEMPLATE(A, THING(BY_ID) "," POLICY("{'Fn::Sub':'p-${A}'}")), NULL, "T1 /Resources/policy/Properties/PolicyName");
    assert_lint(TEMPLATE(A, THING(BY_ID) "," POLICY("{'Fn::Sub':['p-${X}',{'X':{'Ref':'A'}}]}")), NULL,
                "T1 /Resources/policy/Properties/PolicyName");
    assert_lint(TEMPLATE(A, THING(BY_ID) "," POLICY("{'Fn::Join':['-',['p',{'Fn::Select':['0',{'Fn::Split':[',',{'Ref':'A'}]}]}]]}")),
                NULL, "T1 /Resources/policy/Properties/PolicyName");
    assert_lint(TEMPLATE(A, "'thing':{'Type':'AWS::IoT::Thing','Properties':{'ThingName':" BY_ID
                            ",'ThingGroups':['fixed',{'Ref':'A'}]}}," POLICY("'p'")),
                NULL, "T1 /Resources/thing/Properties/ThingGroups");
    /* The name of the thing: bound by its certificate, by a hook, or not at all. */
    assert_lint(TEMPLATE(A, THING("{'Ref':'A'}") "," POLICY("'p'")), NULL, "T2 /Resources/thing/Properties/ThingName");
    assert_lint(TEMPLATE(A, THING("{'Ref':'A'}") "," POLICY("'p'")), &hooked, "");
    assert_lint(TEMPLATE(A, THING("{'Fn::Sub':'${A}-${AWS::IoT::Certificate::Id}'}") "," POLICY("'p'")), NULL, "");
}

static void test_parameters(void **state) {
    (void)state;
    assert_lint(TEMPLATE(A B, THING(BY_ID) "," POLICY("'p'")), NULL, "T5 /Parameters/A, T5 /Parameters/B");
    assert_lint("{" PARAMETERS(A) ",'Resources':{" THING(BY_ID) "," POLICY("'p'") "," CERT "},'DeviceConfiguration':{'x':{'Ref':'A'}}}",
                NULL, "");
    assert_lint("{'Resources':{" THING(BY_ID) "," POLICY("'p'") "," CERT "}}", NULL,
                "T3 /Resources/thing/Properties/ThingName/Fn::Join/1/1, T3 /Resources/cert/Properties/CertificateId");
    assert_lint(TEMPLATE("", THING("{'Ref':'AWS::IoT::Certificate::CommonName'}") "," POLICY("'p'")), NULL,
                "T3 /Resources/thing/Properties/ThingName");
}

static void test_what_is_there(void **state) {
    (void)state;
    const char *body = TEMPLATE("", "'thing':{'Type':'AWS::IoT::Thing','Properties':{'ThingName':" BY_ID
                                    ",'ThingGroups':['g1','g2'],'ThingTypeName':'t','BillingGroup':'b'}}," POLICY("'p'"));
    char all[] = "0:p 1:t 2:g1 2:g2 3:b", some[] = "0:q 2:g1", kinds[] = "1:p 0:t 2:g1 2:g2 3:b";
    const struct vch_lint_template_options knowing = {.exists = knows, .arg = all}, lacking = {.exists = knows, .arg = some},
                                           mixed = {.exists = knows, .arg = kinds};
    assert_lint(body, &knowing, "");
    assert_lint(body, &lacking,
                "T4 /Resources/thing/Properties/ThingGroups/1, T4 /Resources/thing/Properties/ThingTypeName, "
                "T4 /Resources/thing/Properties/BillingGroup, T4 /Resources/policy/Properties/PolicyName");
    assert_lint(body, &mixed, "T4 /Resources/thing/Properties/ThingTypeName, T4 /Resources/policy/Properties/PolicyName");
    assert_lint(body, NULL, "");
}

static void test_what_is_missing(void **state) {
    (void)state;
    assert_lint("{" PARAMETERS("") ",'Resources':{" CERT "}}", NULL, "T6 /Resources, T8 /Resources");
    assert_lint("{" PARAMETERS("") ",'Resources':{" THING(BY_ID) "," POLICY("'p'")
                ",'c':{'Type':'AWS::IoT::Certificate','Properties':{'CertificateId':{'Ref':'AWS::IoT::Certificate::Id'},'Status':'Inactive'}}}}",
                NULL, "T7 /Resources/c/Properties/Status");
}

#define INLINE(resource)                                                                                               \
    "'policy':{'Type':'AWS::IoT::Policy','Properties':{'PolicyDocument':{'Version':'2012-10-17','Statement':[{'Effect':"  \
    "'Allow','Action':['iot:Subscribe','iot:Receive'],'Resource':" resource "}]}}}"
#define ARN "arn:aws:iot:us-east-1:123456789012:"

static void test_inline_policies(void **state) {
    (void)state;
    assert_lint(TEMPLATE("", THING(BY_ID) "," INLINE("'" ARN "topic/a'")), NULL,
                "L1 /Resources/policy/Properties/PolicyDocument/Statement/0/Resource");
    assert_lint(TEMPLATE("", THING(BY_ID) "," INLINE("['" ARN "topic/a',{'Fn::Sub':'" ARN "topicfilter/${AWS::IoT::Certificate::Id}'}]")),
                NULL, ""); /* what a function becomes is not known */
    assert_lint(TEMPLATE("", THING(BY_ID) ",'policy':{'Type':'AWS::IoT::Policy','Properties':{'PolicyDocument':"
                             "'{\\\'Version\\\':\\\'2012-10-17\\\',\\\'Statement\\\':{\\\'Effect\\\':\\\'Allow\\\',"
                             "\\\'Action\\\':\\\'iot:*\\\',\\\'Resource\\\':\\\'*\\\'}}'}}"),
                NULL, "L5 /Resources/policy/Properties/PolicyDocument/Statement/Resource");
}

static void test_no_template(void **state) {
    (void)state;
    struct vch_lint lint;
    struct vch_diag diag = {0};
    assert_int_equal(vch_lint_template(VCH_STR("[]"), NULL, arena, &lint, &diag), VCH_ERR_INVALID);
    assert_string_equal(diag.reason, "template-invalid");
    assert_int_equal(lint.count, 0);
}

/* ---- the header ---- */

static struct vch_str header(const struct vch_lint *lint, size_t max) {
    struct vch_buf buf;
    struct vch_str line;
    vch_buf_init(&buf, 8192);
    vch_lint_header(lint, max, &buf);
    assert_int_equal(vch_buf_finish(&buf, &line), VCH_OK);
    line = vch_arena_str(arena, line);
    vch_buf_deinit(&buf);
    return line;
}

static void test_header(void **state) {
    (void)state;
    struct vch_lint lint = {.count = 0};
    assert_int_equal(header(&lint, 100).len, 0);
    lint.findings[lint.count++] = (struct vch_lint_finding){"L1", VCH_STR("/Statement/0"), VCH_STR("One.")};
    lint.findings[lint.count++] = (struct vch_lint_finding){"T5", VCH_STR("/Parameters/\xC3\xA9\"\r\n%"), VCH_STR("Two.")};
    assert_string_equal(header(&lint, 1000).ptr,
                        "[{\"rule\":\"L1\",\"field\":\"/Statement/0\",\"sentence\":\"One.\"},"
                        "{\"rule\":\"T5\",\"field\":\"/Parameters/%C3%A9\\\"%0D%0A%25\",\"sentence\":\"Two.\"}]");
    /* Too long for two; too long for the first, not for the second. */
    assert_string_equal(header(&lint, 80).ptr, "[{\"rule\":\"L1\",\"field\":\"/Statement/0\",\"sentence\":\"One.\"}]");
    struct vch_str large = vch_arena_printf(arena, "/%0200d", 1);
    lint.findings[0].field = large;
    assert_string_equal(header(&lint, 150).ptr, "[{\"rule\":\"T5\",\"field\":\"/Parameters/%C3%A9\\\"%0D%0A%25\",\"sentence\":\"Two.\"}]");
    assert_int_equal(header(&lint, 10).len, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_quiet, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_workshop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_the_device_chooses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_parameters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_inline_policies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_template, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_header, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
