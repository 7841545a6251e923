#include "core/lint_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

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

static const struct vch_val *report(enum vch_lint_kind kind, const char *text, const struct vch_lint_template_options *options) {
    struct vch_val *out = vch_val_new_map(arena);
    assert_non_null(out);
    assert_int_equal(vch_lint_report(kind, vch_str_from(text), options, arena, out), VCH_OK);
    return out;
}

/* Rules in their order, with commas between. */
static void assert_report(enum vch_lint_kind kind, const char *text, const char *want_kind, bool valid, const char *want) {
    char have[512] = "";
    const struct vch_val *out = report(kind, text, NULL), *findings = vch_val_get(out, "findings");
    assert_true(vch_val_is(findings, VCH_VAL_LIST));
    for (size_t i = 0; i < findings->count; i++) {
        size_t len = strlen(have);
        assert_true(vch_val_str_at(&findings->items[i], "sentence").len > 10);
        (void)snprintf(have + len, sizeof have - len, "%s%.*s", i ? "," : "",
                       VCH_STR_ARG(vch_val_str_at(&findings->items[i], "rule")));
    }
    if (strcmp(have, want) != 0) fail_msg("%s\nhave: %s\nwant: %s", text, have, want);
    assert_true(vch_str_eq_c(vch_val_str_at(out, "kind"), want_kind));
    assert_int_equal(vch_val_bool_at(out, "valid", !valid), valid);
}

#define STATEMENT "{\"Effect\":\"Allow\",\"Action\":\"iot:Subscribe\",\"Resource\":\"arn:aws:iot:us-east-1:123456789012:topic/a\"}"
#define POLICY(statements) "{\"Version\":\"2012-10-17\",\"Statement\":[" statements "]}"
#define THING "\"t\":{\"Type\":\"AWS::IoT::Thing\",\"Properties\":{\"ThingName\":{\"Ref\":\"N\"}}}"
#define TEMPLATE "{\"Parameters\":{\"N\":{\"Type\":\"String\"}},\"Resources\":{" THING \
    ",\"p\":{\"Type\":\"AWS::IoT::Policy\",\"Properties\":{\"PolicyName\":\"nowhere\"}}" \
    ",\"c\":{\"Type\":\"AWS::IoT::Certificate\",\"Properties\":{\"CertificateId\":{\"Ref\":\"AWS::IoT::Certificate::Id\"}}}}}"

static void test_reports(void **state) {
    (void)state;
    static const struct {
        enum vch_lint_kind kind;
        const char *text, *told_kind;
        bool valid;
        const char *rules;
    } cases[] = {
        {VCH_LINT_KIND_GUESS, POLICY(STATEMENT), "policy", true, "L1,L3"},
        {VCH_LINT_KIND_POLICY, POLICY("{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}"), "policy", true, "L5"},
        {VCH_LINT_KIND_GUESS, TEMPLATE, "template", true, "T2,T3"},
        {VCH_LINT_KIND_TEMPLATE, TEMPLATE, "template", true, "T2,T3"},
        {VCH_LINT_KIND_TEMPLATE, "{}", "template", false, "template-invalid"},
        {VCH_LINT_KIND_GUESS, "{\"Resources\":3}", "template", false, "template-invalid"},
        {VCH_LINT_KIND_GUESS, "", "policy", false, "policy-malformed"},
        {VCH_LINT_KIND_POLICY, "[]", "policy", false, "policy-malformed"},
        {VCH_LINT_KIND_IAM, POLICY("{\"Effect\":\"Allow\",\"Action\":\"iot:ListThings\",\"Resource\":\"*\"}"), "iam", true, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_report(cases[i].kind, cases[i].text, cases[i].told_kind, cases[i].valid, cases[i].rules);
}

/* An administrator's "everything" is meant; a device's is not. */
static void test_an_iam_policy_is_not_one_for_devices(void **state) {
    (void)state;
    const char *text = POLICY("{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}");
    assert_int_equal(vch_val_get(report(VCH_LINT_KIND_IAM, text, NULL), "findings")->count, 0);
    assert_int_equal(vch_val_get(report(VCH_LINT_KIND_POLICY, text, NULL), "findings")->count, 1);
}

static void test_obvious_faults_are_mended(void **state) {
    (void)state;
    const struct vch_val *out = report(VCH_LINT_KIND_GUESS, "{\"Effect\":\"Allow\",\"Action\":[\"iot:Publish\",],\"Resource\":\"*\"}", NULL);
    const struct vch_val *mended = vch_val_get(out, "mended");
    assert_false(vch_val_bool_at(out, "valid", true));
    assert_true(vch_val_is(mended, VCH_VAL_MAP));
    assert_non_null(vch_val_get(mended, "Statement"));
    assert_null(vch_val_get(report(VCH_LINT_KIND_GUESS, POLICY(STATEMENT), NULL), "mended"));
    assert_null(vch_val_get(report(VCH_LINT_KIND_GUESS, "nonsense", NULL), "mended"));
    assert_null(vch_val_get(report(VCH_LINT_KIND_TEMPLATE, "{\"Resources\":{},}", NULL), "mended"));
}

static bool nothing_exists(void *arg, enum vch_lint_name kind, struct vch_str name) {
    size_t *asked = arg;
    assert_true(kind != VCH_LINT_POLICY || vch_str_eq_c(name, "nowhere"));
    ++*asked;
    return false;
}

static void test_names_are_looked_up(void **state) {
    (void)state;
    size_t asked = 0;
    const struct vch_lint_template_options options = {.hook = true, .exists = nothing_exists, .arg = &asked};
    const struct vch_val *findings = vch_val_get(report(VCH_LINT_KIND_GUESS, TEMPLATE, &options), "findings");
    assert_int_equal(asked, 1);
    assert_true(findings->count > 0);
    size_t missing = 0;
    for (size_t i = 0; i < findings->count; i++)
        missing += vch_str_eq_c(vch_val_str_at(&findings->items[i], "rule"), "T4");
    assert_int_equal(missing, 1);
}

static void test_kinds(void **state) {
    (void)state;
    assert_int_equal(vch_lint_kind_parse(VCH_STR("policy")), VCH_LINT_KIND_POLICY);
    assert_int_equal(vch_lint_kind_parse(VCH_STR("iam")), VCH_LINT_KIND_IAM);
    assert_int_equal(vch_lint_kind_parse(VCH_STR("template")), VCH_LINT_KIND_TEMPLATE);
    assert_int_equal(vch_lint_kind_parse(VCH_STR("")), VCH_LINT_KIND_GUESS);
    assert_int_equal(vch_lint_kind_parse(VCH_STR("Policy")), VCH_LINT_KIND_GUESS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reports, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_iam_policy_is_not_one_for_devices, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_obvious_faults_are_mended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names_are_looked_up, set_up, tear_down),
        cmocka_unit_test(test_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
