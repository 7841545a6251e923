/* How far policies reach: golden answers. */
#include "core/policy_reach.h"
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#define PREFIX "arn:aws:iot:us-east-1:123456789012:"
enum { POLICIES_MAX = 3 };

struct row {
    const char *statements[POLICIES_MAX]; /* of one policy each; ' stands for " */
    const char *action, *prefix;
    bool deep, whole;
    enum vch_reach want;
};

static struct vch_policy *compiled(const char *statements) {
    char text[1024];
    struct vch_policy *policy = NULL;
    (void)snprintf(text, sizeof text, "{'Version':'2012-10-17','Statement':[%s]}", statements);
    for (char *c = text; *c; c++)
        if (*c == '\'') *c = '"';
    struct vch_diag diag = {0};
    if (vch_policy_parse(VCH_POLICY_IAM, VCH_STR("p"), vch_str_from(text), &policy, &diag) != VCH_OK) fail_msg("%s: %s", text, diag.message);
    return policy;
}

static enum vch_reach reach_of(const struct row *row) {
    struct vch_policy *policies[POLICIES_MAX];
    size_t count = 0;
    while (count < POLICIES_MAX && row->statements[count]) {
        policies[count] = compiled(row->statements[count]);
        count++;
    }
    const struct vch_reach_ask ask = {.action = vch_str_from(row->action), .prefix = vch_str_from(row->prefix), .deep = row->deep, .whole = row->whole};
    enum vch_reach reach = vch_policy_reach((const struct vch_policy *const *)policies, count, &ask);
    for (size_t i = 0; i < count; i++) vch_policy_unref(policies[i]);
    return reach;
}

#define ALLOW(action, resource) "{'Effect':'Allow','Action':'" action "','Resource':'" resource "'}"
#define DENY(action, resource) "{'Effect':'Deny','Action':'" action "','Resource':'" resource "'}"
#define IF "'Condition':{'IpAddress':{'aws:SourceIp':'10.0.0.0/8'}}"
#define GET "iot:GetPolicy", PREFIX "policy/"

static const struct row rows[] = {
    /* Nothing said, and everything. */
    {{NULL}, GET, .want = VCH_REACH_NONE},
    {{ALLOW("*", "*")}, GET, .want = VCH_REACH_ALL},
    {{ALLOW("iot:*", "*")}, GET, .want = VCH_REACH_ALL},
    {{ALLOW("IOT:getpolicy", "*")}, GET, .want = VCH_REACH_ALL},
    {{ALLOW("iot:GetThing", "*")}, GET, .want = VCH_REACH_NONE},
    {{ALLOW("iot:Get*", "*")}, GET, .want = VCH_REACH_ALL},
    /* Of a kind, and of some of it. */
    {{ALLOW("*", PREFIX "policy/*")}, GET, .want = VCH_REACH_ALL},
    {{ALLOW("*", "arn:aws:iot:*:*:policy/*")}, GET, .want = VCH_REACH_ALL},
    {{ALLOW("*", PREFIX "policy/a*")}, GET, .want = VCH_REACH_SOME},
    {{ALLOW("*", PREFIX "policy/one")}, GET, .want = VCH_REACH_SOME},
    {{ALLOW("*", PREFIX "pol*")}, GET, .want = VCH_REACH_ALL},
    {{ALLOW("*", PREFIX "policy/?ne")}, GET, .want = VCH_REACH_SOME},
    {{ALLOW("*", PREFIX "policy/${aws:username}")}, GET, .want = VCH_REACH_SOME},
    {{ALLOW("*", PREFIX "policy/${aws:username}-*")}, GET, .want = VCH_REACH_SOME},
    /* Another kind, account or region is none of it. */
    {{ALLOW("*", PREFIX "thing/*")}, GET, .want = VCH_REACH_NONE},
    {{ALLOW("*", PREFIX "policies/*")}, GET, .want = VCH_REACH_NONE},
    {{ALLOW("*", PREFIX "policy")}, GET, .want = VCH_REACH_NONE},
    {{ALLOW("*", "arn:aws:iot:*:*:thing/*")}, GET, .want = VCH_REACH_NONE},
    {{ALLOW("*", "arn:aws:iot:*:*:thing/one")}, GET, .want = VCH_REACH_NONE},
    {{ALLOW("*", "arn:aws:iot:us-east-1:210987654321:policy/*")}, GET, .want = VCH_REACH_NONE},
    {{ALLOW("*", "arn:aws:iot:eu-west-?:*:policy/*")}, GET, .want = VCH_REACH_NONE},
    {{ALLOW("*", "arn:*:policy/*")}, GET, .want = VCH_REACH_ALL},
    {{ALLOW("*", "*")}, "iot:ListPolicies", "*", .whole = true, .want = VCH_REACH_ALL},
    {{ALLOW("*", PREFIX "policy/*")}, "iot:ListPolicies", "*", .whole = true, .want = VCH_REACH_NONE},
    /* Topics have levels. */
    {{ALLOW("*", PREFIX "topic/a/*")}, "iot:Publish", PREFIX "topic/", .deep = true, .want = VCH_REACH_SOME},
    {{ALLOW("*", PREFIX "topic/a/b")}, "iot:Publish", PREFIX "topic/", .deep = true, .want = VCH_REACH_SOME},
    {{ALLOW("*", PREFIX "topic/*")}, "iot:Publish", PREFIX "topic/", .deep = true, .want = VCH_REACH_ALL},
    {{ALLOW("*", PREFIX "topicfilter/*")}, "iot:Publish", PREFIX "topic/", .deep = true, .want = VCH_REACH_NONE},
    {{ALLOW("*", PREFIX "cert/1")}, "iot:AttachPolicy", "arn:", .deep = true, .want = VCH_REACH_SOME},
    /* Denials. */
    {{ALLOW("*", "*"), DENY("iot:GetPolicy", "*")}, GET, .want = VCH_REACH_NONE},
    {{DENY("*", PREFIX "policy/*"), ALLOW("*", "*")}, GET, .want = VCH_REACH_NONE},
    {{ALLOW("*", "*"), DENY("*", PREFIX "policy/secret")}, GET, .want = VCH_REACH_SOME},
    {{ALLOW("*", "*"), DENY("*", PREFIX "thing/*")}, GET, .want = VCH_REACH_ALL},
    {{ALLOW("*", "*"), DENY("iot:DeletePolicy", "*")}, GET, .want = VCH_REACH_ALL},
    {{ALLOW("*", "*") "," DENY("*", PREFIX "policy/${aws:username}")}, GET, .want = VCH_REACH_SOME},
    {{"{'Effect':'Deny','NotAction':'iot:Get*','Resource':'*'}", ALLOW("*", "*")}, GET, .want = VCH_REACH_ALL},
    {{"{'Effect':'Deny','NotAction':'iot:List*','Resource':'*'}", ALLOW("*", "*")}, GET, .want = VCH_REACH_NONE},
    {{"{'Effect':'Allow','NotAction':'iot:Delete*','Resource':'*'}"}, GET, .want = VCH_REACH_ALL},
    {{"{'Effect':'Allow','Action':'*','NotResource':'" PREFIX "policy/secret'}"}, GET, .want = VCH_REACH_SOME},
    {{"{'Effect':'Allow','Action':'*','NotResource':'" PREFIX "policy/*'}"}, GET, .want = VCH_REACH_NONE},
    {{"{'Effect':'Allow','Action':'*','NotResource':'" PREFIX "thing/*'}"}, GET, .want = VCH_REACH_ALL},
    {{"{'Effect':'Deny','Action':'*','NotResource':'" PREFIX "policy/mine'}", ALLOW("*", "*")}, GET, .want = VCH_REACH_SOME},
    {{"{'Effect':'Deny','Action':'*','NotResource':'" PREFIX "thing/*'}", ALLOW("*", "*")}, GET, .want = VCH_REACH_NONE},
    /* Conditions decide later. */
    {{"{'Effect':'Allow','Action':'*','Resource':'*'," IF "}"}, GET, .want = VCH_REACH_SOME},
    {{"{'Effect':'Allow','Action':'*','Resource':'" PREFIX "thing/*'," IF "}"}, GET, .want = VCH_REACH_NONE},
    {{"{'Effect':'Deny','Action':'*','Resource':'*'," IF "}", ALLOW("*", "*")}, GET, .want = VCH_REACH_SOME},
    {{"{'Effect':'Allow','Action':'*','Resource':'*'," IF "}", ALLOW("*", "*")}, GET, .want = VCH_REACH_ALL},
    /* Many stars do not cost much. */
    {{ALLOW("*", "arn:a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b:*:*:*:x/b")}, "iot:GetPolicy", "arn:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/", .want = VCH_REACH_NONE},
};

static void golden(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum vch_reach got = reach_of(&rows[i]);
        if (got != rows[i].want)
            fail_msg("row %zu (%s): %s, not %s", i, rows[i].statements[0] ? rows[i].statements[0] : "", vch_reach_word(got), vch_reach_word(rows[i].want));
    }
}

static void words(void **state) {
    (void)state;
    assert_string_equal(vch_reach_word(VCH_REACH_NONE), "none");
    assert_string_equal(vch_reach_word(VCH_REACH_SOME), "some");
    assert_string_equal(vch_reach_word(VCH_REACH_ALL), "all");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden), cmocka_unit_test(words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
