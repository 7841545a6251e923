#include "core/lint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"

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

static struct vch_str read_example(const char *name) {
    char path[512];
    struct vch_buf buf;
    struct vch_str text;
    (void)snprintf(path, sizeof path, "%s/examples/workshop/%s", VOUCH_SOURCE_DIR, name);
    vch_buf_init(&buf, 1 << 16);
    assert_int_equal(vch_file_read(path, &buf, NULL), VCH_OK);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    text = vch_arena_str(arena, text);
    vch_buf_deinit(&buf);
    return text;
}

/* "L1 /Statement/0/Resource, L2 ..." in the order found. */
static void assert_findings(const struct vch_lint *lint, const char *want) {
    char have[2048] = "";
    size_t len = 0;
    for (size_t i = 0; i < lint->count; i++) {
        const struct vch_lint_finding *finding = &lint->findings[i];
        assert_true(finding->sentence.len > 10 && finding->sentence.ptr[finding->sentence.len - 1] == '.');
        len += (size_t)snprintf(have + len, sizeof have - len, "%s%s %.*s", i ? ", " : "", finding->rule,
                                VCH_STR_ARG(finding->field));
        assert_true(len < sizeof have);
    }
    if (strcmp(have, want) != 0) fail_msg("have: %s\nwant: %s", have, want);
    assert_false(lint->more);
}

static void assert_lint(enum vch_policy_kind kind, struct vch_str document, const char *want) {
    struct vch_lint lint;
    struct vch_diag diag = {0};
    if (vch_lint_policy(kind, document, arena, &lint, &diag) != VCH_OK) fail_msg("%s", diag.message);
    assert_findings(&lint, want);
}

/* ---- the workshop's own texts ---- */

static void test_claim_policy(void **state) {
    (void)state;
    /* T3, T4, T10 */
    assert_lint(VCH_POLICY_IOT, read_example("trusted-user-provisioning-policy.json"),
                "L6 /Statement/0/Resource/0, L6 /Statement/0/Resource/1, "
                "L1 /Statement/1/Resource/0, L1 /Statement/1/Resource/1, L1 /Statement/1/Resource/2, L1 "
                "/Statement/1/Resource/3, "
                "L6 /Statement/1/Resource/0, L6 /Statement/1/Resource/1, L6 /Statement/1/Resource/2, L6 "
                "/Statement/1/Resource/3, "
                "L4 /Statement/2/Resource, L6 /Statement/2/Resource");
}

static void test_pubsub(void **state) {
    (void)state;
    /* T9, T10 */
    assert_lint(VCH_POLICY_IOT, read_example("pubsub-policy.json"),
                "L3 /Statement/0/Resource/0, L6 /Statement/0/Resource/0, "
                "L3 /Statement/1/Resource/0, L6 /Statement/1/Resource/0, L6 /Statement/2/Resource/0");
}

static void test_iam_snippet(void **state) {
    (void)state;
    struct vch_str text = read_example("trusted-user-iam-snippet.txt");
    struct vch_lint lint;
    struct vch_diag diag = {0};
    assert_int_equal(vch_lint_policy(VCH_POLICY_IAM, text, arena, &lint, &diag), VCH_ERR_MALFORMED);
    assert_string_equal(diag.reason, "policy-malformed");
}

/* T6: the mended text is a policy that allows what the snippet's author meant. */
static void test_mend_iam_snippet(void **state) {
    (void)state;
    struct vch_lint lint;
    struct vch_diag diag = {0};
    struct vch_str mended;
    struct vch_str text = read_example("trusted-user-iam-snippet.txt");
    assert_int_equal(vch_lint_mend(text, VCH_STR("123456789012"), arena, &mended, &lint, &diag), VCH_OK);
    assert_findings(&lint, "M1 , M2 /Statement, M3 /Statement/0/Resource/0, M4 /Statement/0/Resource/0");
    assert_string_equal(
        mended.ptr,
        "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"iot:CreateProvisioningClaim\"],"
        "\"Resource\":[\"arn:aws:iot:us-east-1:123456789012:provisioningtemplate/"
        "TrustedUserProvisioningTemplate\"]}]}");
    struct vch_policy *policy = NULL;
    assert_int_equal(vch_policy_parse(VCH_POLICY_IAM, VCH_STR("p"), mended, &policy, &diag), VCH_OK);
    const struct vch_policy *list[] = {policy};
    struct vch_policy_request request = {
        VCH_STR("iot:CreateProvisioningClaim"),
        VCH_STR("arn:aws:iot:us-east-1:123456789012:provisioningtemplate/TrustedUserProvisioningTemplate"), NULL, NULL};
    assert_int_equal(vch_policy_eval(list, 1, &request).verdict, VCH_VERDICT_ALLOW);
    vch_policy_unref(policy);
    assert_lint(VCH_POLICY_IAM, mended, "");
}

static void test_mend_without_account(void **state) {
    (void)state;
    struct vch_lint lint;
    struct vch_str mended;
    struct vch_str text = read_example("trusted-user-iam-snippet.txt");
    assert_int_equal(vch_lint_mend(text, VCH_STR(""), arena, &mended, &lint, NULL), VCH_OK);
    assert_findings(&lint, "M1 , M2 /Statement, M3 /Statement/0/Resource/0");
    assert_lint(VCH_POLICY_IAM, mended, "L6 /Statement/0/Resource/0");
}

/* ---- mending ---- */

static void test_mends(void **state) {
    (void)state;
    static const struct {
        const char *text, *findings, *mended;
    } rows[] = {
        {"{\"Version\":\"2012-10-17\",\"Statement\":[]}", "", "{\"Version\":\"2012-10-17\",\"Statement\":[]}"},
        {"{\"Statement\":[]}", "M2 /Version", "{\"Statement\":[],\"Version\":\"2012-10-17\"}"},
        {"[1,2 , \n]", "M1 ", "[1,2]"},
        {"{\"a\":[1,],}", "M1 ", "{\"a\":[1]}"},
        {"[\",]\",\"\\\",]\"]", "", "[\",]\",\"\\\",]\"]"},
        {"[\"\\\\\",]", "M1 ", "[\"\\\\\"]"},
        {"{\"Version\":\"2012-10-17\",\"Statement\":{\"Resource\":\"arn:aws:iot:us-east-1:account:topic/a:b\"}}",
         "M4 /Statement/Resource",
         "{\"Version\":\"2012-10-17\",\"Statement\":{\"Resource\":\"arn:aws:iot:us-east-1:123456789012:topic/a:b\"}}"},
        {"{\"Version\":\"2012-10-17\",\"Statement\":{\"NotResource\":[\"*\",\"arn:aws:us-gov-west-1:111122223333:topic/"
         "${a:b}\"]}}",
         "M3 /Statement/NotResource/1",
         "{\"Version\":\"2012-10-17\",\"Statement\":{\"NotResource\":[\"*\",\"arn:aws:iot:us-gov-west-1:111122223333:"
         "topic/${a:b}\"]}}"},
        {"{\"Version\":\"2012-10-17\",\"Statement\":{\"Resource\":\"arn:aws:iot:*:${aws:x}:topic/a\"}}", "",
         "{\"Version\":\"2012-10-17\",\"Statement\":{\"Resource\":\"arn:aws:iot:*:${aws:x}:topic/a\"}}"},
        {"{\"Version\":\"2012-10-17\",\"Statement\":[1,\"x\",{\"Resource\":[1,{}]}]}", "",
         "{\"Version\":\"2012-10-17\",\"Statement\":[1,\"x\",{\"Resource\":[1,{}]}]}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct vch_lint lint;
        struct vch_str mended;
        assert_int_equal(
            vch_lint_mend(vch_str_from(rows[i].text), VCH_STR("123456789012"), arena, &mended, &lint, NULL), VCH_OK);
        assert_findings(&lint, rows[i].findings);
        assert_string_equal(mended.ptr, rows[i].mended);
    }
}

static void test_beyond_mending(void **state) {
    (void)state;
    static const char *const texts[] = {"", "{", "[1,,]", "{\"a\" 1}", "{\"a\":1,\"a\":2}", "[1]]"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct vch_lint lint;
        struct vch_diag diag = {0};
        struct vch_str mended;
        assert_int_equal(vch_lint_mend(vch_str_from(texts[i]), VCH_STR(""), arena, &mended, &lint, &diag),
                         VCH_ERR_MALFORMED);
        assert_string_equal(diag.reason, "policy-malformed");
    }
}

/* ---- each rule, and its neighbour that is right ---- */

#define A "arn:aws:iot:us-east-1:123456789012:"
#define DOC(...) "{\"Version\":\"2012-10-17\",\"Statement\":[" __VA_ARGS__ "]}"
#define ST(effect, actions, resources)                                                                                 \
    "{\"Effect\":\"" effect "\",\"Action\":[" actions "],\"Resource\":[" resources "]}"
#define SUB "\"iot:Subscribe\""
#define PUB "\"iot:Publish\""
#define REC "\"iot:Receive\""
#define PAIR(filter, topic)                                                                                            \
    DOC(ST("Allow", SUB, "\"" A "topicfilter/" filter "\"") "," ST("Allow", REC, "\"" A "topic/" topic "\""))
#define BOTH_L3 "L3 /Statement/0/Resource/0, L3 /Statement/1/Resource/0"

static const struct {
    const char *document, *findings;
} rules[] = {
    {DOC(ST("Allow", SUB "," REC, "\"" A "topic/a\"")), "L1 /Statement/0/Resource/0"},
    {DOC(ST("Allow", SUB "," REC, "\"" A "topic/a\",\"" A "topicfilter/a\"")), ""},
    {DOC(ST("Allow", SUB "," REC, "\"*\"")), ""},
    {DOC(ST("Deny", SUB, "\"" A "topic/a\"")), ""},
    {DOC(ST("Allow", "\"iot:SUBSCRIBE\"," REC, "\"" A "topic/a\"")), "L1 /Statement/0/Resource/0"},
    {DOC(ST("Allow", PUB, "\"" A "topicfilter/a\"")), "L2 /Statement/0/Resource/0"},
    {DOC(ST("Allow", "\"iot:RetainPublish\"", "\"" A "topicfilter/a\"")), "L2 /Statement/0/Resource/0"},
    {DOC(ST("Allow", PUB, "\"" A "topic/a\"")), ""},
    {DOC(ST("Allow", "\"iot:*\"", "\"" A "topicfilter/a\"")), ""},

    {PAIR("a/b", "a/b"), ""},
    {PAIR("a/b", "a/c"), BOTH_L3},
    {PAIR("a/+/c", "a/b/c"), ""},
    {PAIR("a/+/c", "a/b/b/c"), BOTH_L3},
    {PAIR("a/#", "a/b/b/c"), ""},
    {PAIR("a/*", "a/b"), ""},
    {PAIR("a/*/x", "*/y"), BOTH_L3},
    {PAIR("a?", "ab"), ""},
    {PAIR("a?", "abc"), BOTH_L3},
    {PAIR("${iot:ClientId}/*", "dev-1/x"), ""},
    {PAIR("${iot:ClientId}/*", "${iot:Connection.Thing.ThingName}/x"), ""},
    {PAIR("${iot:ClientId}/a", "x/y/a"), BOTH_L3},
    {PAIR("$aws/things/${iot:ClientId}/*", "${iot:ClientId}/*"), BOTH_L3},
    {PAIR("a${*}", "ab"), BOTH_L3},
    {PAIR("a${*}", "a${*}"), ""},
    {DOC(ST("Allow", SUB, "\"" A "topicfilter/a\"") "," ST("Allow", REC, "\"*\"")), ""},
    {DOC(ST("Allow", SUB, "\"" A "topicfilter/a\"") "," ST("Allow", "\"iot:R*\"", "\"" A "topic/*\"")), ""},
    {DOC(ST("Allow", SUB, "\"" A "topicfilter/a\"") "," ST("Deny", REC, "\"*\"")), "L3 /Statement/0/Resource/0"},
    {DOC(ST("Allow", SUB,
            "\"" A "topicfilter/a\"") ",{\"Effect\":\"Allow\",\"NotAction\":\"iot:Publish\",\"Resource\":\"*\"}"),
     ""},

    {DOC(ST("Allow", "\"iot:Connect\"", "\"" A "client/${iot:Connection.Thing.ThingName}\"")), ""},
    {DOC(ST("Allow", "\"iot:Connect\"", "\"" A "client/${iot:Connection.Thing.ThingName}\"") "," ST(
         "Allow", PUB, "\"" A "topic/$aws/provisioning-templates/T/provision/json\"")),
     "L4 /Statement/0/Resource/0"},
    {DOC(ST("Allow", "\"iot:Connect\"",
            "\"" A "client/${iot:ClientId}\"") "," ST("Allow", PUB, "\"" A "topic/$aws/certificates/create/json\"")),
     ""},

    {DOC(ST("Allow", "\"iot:*\"", "\"*\"")), "L5 /Statement/0/Resource/0"},
    {DOC(ST("Allow", "\"*\"", "\"*\"")), "L5 /Statement/0/Resource/0"},
    {DOC(ST("Deny", "\"iot:*\"", "\"*\"")), ""},
    {DOC(ST("Allow", "\"iot:*\"", "\"" A "*\"")), ""},
    {DOC(ST("Allow", "\"iot:Connect\"", "\"*\"")), ""},

    {DOC(ST("Allow", PUB, "\"arn:aws:iot:us-east-1:account:topic/a\"")), "L6 /Statement/0/Resource/0"},
    {DOC(ST("Allow", PUB, "\"arn:aws:iot:us-east-1:aws-account-id:topic/a\"")), "L6 /Statement/0/Resource/0"},
    {DOC(ST("Allow", PUB, "\"arn:aws:iot:us-east-1:--PUT YOUR ACCOUNT--:topic/a\"")), "L6 /Statement/0/Resource/0"},
    {DOC(ST("Allow", PUB, "\"arn:aws:iot:aws-region:123456789012:topic/a\"")), "L6 /Statement/0/Resource/0"},
    {DOC(ST("Allow", PUB, "\"arn:aws:iot:*:*:topic/a\"")), ""},
    {DOC(ST("Allow", PUB, "\"arn:aws:iot:us-east-1:${aws:x}:topic/a\"")), ""},
    {DOC(ST("Allow", PUB, "\"arn:aws:iot:us-east-1::topic/a\"")), ""},

    {DOC(ST("Allow", PUB, "\"" A "topic/a/+/b\"")), "L7 /Statement/0/Resource/0"},
    {DOC(ST("Allow", PUB, "\"" A "topic/a/#\"")), "L7 /Statement/0/Resource/0"},
    {DOC(ST("Allow", PUB, "\"" A "topic/a+b\"")), ""},
    {DOC(ST("Allow", SUB "," REC, "\"" A "topicfilter/a/+\",\"" A "topic/a/*\"")), ""},

    {DOC(ST("Allow", PUB, "\"arn:aws:us-east-1:123456789012:topic/a\"")), "L8 /Statement/0/Resource/0"},
    {DOC(ST("Allow", PUB, "\"arn:aws:iot:us-east-1:topic/a\"")), "L8 /Statement/0/Resource/0"},
    {DOC(ST("Allow", PUB, "\"arn:aws:iot:*\"")), ""},

    {DOC(ST("Deny", PUB, "\"" A "topic/${iot:ClientId}/*\"")), "L9 /Statement/0/Resource/0"},
    {DOC(ST("Deny", PUB, "\"" A "topic/a${*}\"")), ""},
    {DOC("{\"Effect\":\"Deny\",\"Action\":\"*\",\"NotResource\":\"" A "topic/${iot:ClientId}\"}"), ""},

    {"{\"Effect\":\"Allow\",\"Action\":\"iot:*\",\"Resource\":\"*\"}", "L5 /Resource"},
    {"{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"iot:*\",\"Resource\":\"*\"}}", "L5 /Statement/Resource"},
    {"[]", ""},
    {"null", ""},
    {"1", ""},
    {"{}", ""},
    {"{\"Statement\":[1,null,{\"Resource\":{}},{\"Resource\":[1]}]}", ""},
};

static void test_rules(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        print_message("%s\n", rules[i].document);
        assert_lint(VCH_POLICY_IOT, vch_str_from(rules[i].document), rules[i].findings);
    }
}

/* An administrator is no mistake. */
static void test_iam_breadth(void **state) {
    (void)state;
    assert_lint(VCH_POLICY_IAM, VCH_STR(DOC(ST("Allow", "\"*\"", "\"*\""))), "");
    assert_lint(VCH_POLICY_IAM, VCH_STR(DOC(ST("Allow", "\"iot:*\"", "\"*\""))), "L5 /Statement/0/Resource/0");
}

static void test_bounds(void **state) {
    (void)state;
    struct vch_lint lint;
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, 1 << 20);
    vch_buf_c(&buf, "{\"Effect\":\"Allow\",\"Action\":\"iot:*\",\"Resource\":[\"*\"");
    for (size_t i = 0; i < 40; i++) vch_buf_c(&buf, ",\"*\"");
    vch_buf_c(&buf, "]}");
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    assert_int_equal(vch_lint_policy(VCH_POLICY_IOT, text, arena, &lint, NULL), VCH_OK);
    assert_int_equal(lint.count, VCH_LINT_MAX);
    assert_true(lint.more);
    vch_buf_deinit(&buf);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_claim_policy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pubsub, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_iam_snippet, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mend_iam_snippet, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mend_without_account, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_beyond_mending, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rules, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_iam_breadth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bounds, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
