#include "core/policy.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

#define TOPIC "arn:aws:iot:us-east-1:123456789012:topic/"

static struct vch_policy *parse(const char *text) {
    struct vch_policy *policy = NULL;
    struct vch_diag diag = {0};
    if (vch_policy_parse(VCH_POLICY_IOT, VCH_STR("p1"), vch_str_from(text), &policy, &diag) != VCH_OK)
        fail_msg("%s: %s", diag.field, diag.message);
    return policy;
}

/* ---- globs ---- */

static void test_glob(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool want;
    } rows[] = {
        {"", "", true},          {"", "a", false},           {"*", "", true},
        {"*", "anything", true}, {"a*", "a", true},          {"a*", "ba", false},
        {"*a", "ba", true},      {"a*c", "abc", true},       {"a*c", "abcd", false},
        {"a?c", "abc", true},    {"a?c", "ac", false},       {"?", "", false},
        {"**", "x", true},       {"*a*b*c", "xaybzc", true}, {"*a*b*c", "xcybza", false},
        {"ab*ab", "ab", false},  {"ab*ab", "abab", true},    {"A", "a", false},
        {"*?*", "", false},      {"[a]", "a", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (vch_glob_match(vch_str_from(rows[i].pattern), vch_str_from(rows[i].text)) != rows[i].want)
            fail_msg("%s on %s", rows[i].pattern, rows[i].text);
    assert_true(vch_glob_match((struct vch_str){NULL, 0}, (struct vch_str){NULL, 0}));
}

/* The plain definition, exponential and obviously right. */
static bool slow_glob(const char *pattern, const char *text) {
    if (*pattern == '\0') return *text == '\0';
    if (*pattern == '*') return slow_glob(pattern + 1, text) || (*text && slow_glob(pattern, text + 1));
    return *text && (*pattern == '?' || *pattern == *text) && slow_glob(pattern + 1, text + 1);
}

static void spell(unsigned number, const char *letters, unsigned base, char out[8]) {
    size_t i = 0;
    for (; number && i < 7; number /= base) out[i++] = letters[number % base];
    out[i] = '\0';
}

static bool match_compiled(const struct vch_policy *policy, const char *text) {
    char resource[128];
    (void)snprintf(resource, sizeof resource, TOPIC "%s", text);
    struct vch_policy_request request = {VCH_STR("iot:Publish"), vch_str_from(resource), NULL, NULL};
    return vch_policy_eval(&policy, 1, &request).verdict == VCH_VERDICT_ALLOW;
}

/* Every pattern of up to five letters out of "ab*?" against every text out of "ab". */
static void test_glob_against_definition(void **state) {
    (void)state;
    for (unsigned p = 0; p < 1024; p++) {
        char pattern[8];
        char document[256];
        spell(p, "ab*?", 4, pattern);
        (void)snprintf(
            document, sizeof document,
            "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"" TOPIC
            "%s\"}}",
            pattern);
        struct vch_policy *policy = parse(document);
        for (unsigned t = 0; t < 64; t++) {
            char text[8];
            spell(t, "ab", 2, text);
            bool want = slow_glob(pattern, text);
            if (vch_glob_match(vch_str_from(pattern), vch_str_from(text)) != want) fail_msg("%s on %s", pattern, text);
            if (match_compiled(policy, text) != want) fail_msg("compiled %s on %s", pattern, text);
        }
        vch_policy_unref(policy);
    }
}

/* ---- size ---- */

static enum vch_err parse_padded(enum vch_policy_kind kind, size_t dense, size_t spaces) {
    const char *head =
        "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"" TOPIC;
    struct vch_policy *policy = NULL;
    struct vch_diag diag = {0};
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, 1 << 20);
    for (size_t i = 0; i < spaces; i++) vch_buf_u8(&buf, i % 2 ? ' ' : '\n');
    vch_buf_c(&buf, head);
    /* Two bytes, one character. */
    for (size_t i = strlen(head) + 3; i < dense; i++) vch_buf_c(&buf, "\xC3\xA9");
    vch_buf_c(&buf, "\"}}");
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    enum vch_err err = vch_policy_parse(kind, VCH_STR("p"), text, &policy, &diag);
    if (err != VCH_OK) assert_string_equal(diag.reason, "policy-too-large");
    vch_policy_unref(policy);
    vch_buf_deinit(&buf);
    return err;
}

static void test_size(void **state) {
    (void)state;
    assert_int_equal(parse_padded(VCH_POLICY_IOT, 2048, 0), VCH_OK);
    assert_int_equal(parse_padded(VCH_POLICY_IOT, 2048, 300000), VCH_OK); /* white space does not count */
    assert_int_equal(parse_padded(VCH_POLICY_IOT, 2049, 0), VCH_ERR_TOO_LARGE);
    assert_int_equal(parse_padded(VCH_POLICY_IOT, 2048, 404600), VCH_ERR_TOO_LARGE);
    assert_int_equal(parse_padded(VCH_POLICY_IAM, 10240, 0), VCH_OK);
    assert_int_equal(parse_padded(VCH_POLICY_IAM, 10241, 0), VCH_ERR_TOO_LARGE);
}

/* Spaces inside a string do not count either, and must not outgrow the tables. */
static void test_size_of_text(void **state) {
    (void)state;
    struct vch_policy *policy = NULL;
    struct vch_diag diag = {0};
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, 1 << 20);
    vch_buf_c(&buf,
              "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"arn:");
    for (size_t i = 0; i < 70000; i++) vch_buf_u8(&buf, ' ');
    vch_buf_c(&buf, "\"}}");
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    assert_int_equal(vch_policy_parse(VCH_POLICY_IOT, VCH_STR("p"), text, &policy, &diag), VCH_ERR_TOO_LARGE);
    assert_string_equal(diag.reason, "policy-too-large");
    assert_null(policy);
    vch_buf_deinit(&buf);
}

/* ---- the interface ---- */

#define TWO                                                                                                            \
    "{\"Version\":\"2012-10-17\",\"Statement\":["                                                                      \
    "{\"Effect\":\"Allow\",\"Action\":\"iot:Connect\",\"Resource\":\"*\"},"                                            \
    "{\"Effect\":\"Allow\",\"Action\":\"iot:Publish\",\"Resource\":[\"" TOPIC "*/${k:v}\",\"" TOPIC "${k:v}\"]},"      \
    "{\"Effect\":\"Deny\",\"Action\":\"iot:Publish\",\"Resource\":\"" TOPIC "no/${K:V}\"}]}"

struct counted {
    size_t calls;
    struct vch_str value;
};

static void count_lookup(void *arg, struct vch_str name, struct vch_policy_values *ret) {
    struct counted *counted = arg;
    assert_true(vch_str_eq_c(name, "k:v"));
    assert_int_equal(ret->count, 0);
    counted->calls++;
    ret->value[ret->count++] = counted->value;
}

static struct vch_policy_decision ask(const struct vch_policy *policy, const char *action, const char *resource,
                                      struct counted *counted) {
    struct vch_policy_request request = {vch_str_from(action), vch_str_from(resource), count_lookup, counted};
    return vch_policy_eval(&policy, 1, &request);
}

static void test_decision(void **state) {
    (void)state;
    struct vch_policy *policy = parse(TWO);
    struct counted counted = {0, VCH_STR("v")};
    assert_true(vch_str_eq_c(vch_policy_name(policy), "p1"));
    struct vch_policy_decision decision = ask(policy, "iot:Connect", "arn:aws:iot:r:a:client/x", &counted);
    assert_int_equal(decision.verdict, VCH_VERDICT_ALLOW);
    assert_ptr_equal(decision.policy, policy);
    assert_int_equal(decision.statement, 0);
    assert_int_equal(counted.calls, 0); /* not asked when no variable matters */
    decision = ask(policy, "iot:Publish", TOPIC "v", &counted);
    assert_int_equal(decision.statement, 1);
    decision = ask(policy, "iot:Publish", TOPIC "no/v", &counted);
    assert_int_equal(decision.verdict, VCH_VERDICT_EXPLICIT_DENY);
    assert_int_equal(decision.statement, 2);
    decision = ask(policy, "iot:Receive", TOPIC "v", &counted);
    assert_int_equal(decision.verdict, VCH_VERDICT_IMPLICIT_DENY);
    assert_null(decision.policy);
    vch_policy_unref(policy);
}

static void test_one_lookup_an_evaluation(void **state) {
    (void)state;
    struct vch_policy *policy = parse(TWO);
    struct counted counted = {0, VCH_STR("v")};
    struct vch_policy_decision decision = ask(policy, "iot:Publish", TOPIC "a/b/c/d/e/f/g/v", &counted);
    assert_int_equal(decision.verdict, VCH_VERDICT_ALLOW);
    assert_int_equal(counted.calls, 1);
    counted.value = VCH_STR("other"); /* and nothing is kept for the next */
    decision = ask(policy, "iot:Publish", TOPIC "v", &counted);
    assert_int_equal(decision.verdict, VCH_VERDICT_IMPLICIT_DENY);
    vch_policy_unref(policy);
}

static void test_without_lookup(void **state) {
    (void)state;
    struct vch_policy *policy = parse(TWO);
    const struct vch_policy *list[] = {policy};
    struct vch_policy_request request = {VCH_STR("iot:Publish"), VCH_STR(TOPIC "v"), NULL, NULL};
    assert_int_equal(vch_policy_eval(list, 1, &request).verdict, VCH_VERDICT_IMPLICIT_DENY);
    request.resource = (struct vch_str){NULL, 0};
    assert_int_equal(vch_policy_eval(list, 1, &request).verdict, VCH_VERDICT_IMPLICIT_DENY);
    assert_int_equal(vch_policy_eval(NULL, 0, &request).verdict, VCH_VERDICT_IMPLICIT_DENY);
    vch_policy_unref(policy);
}

/* The document's memory may go once it is compiled. */
static void test_owns_its_text(void **state) {
    (void)state;
    char name[] = "name";
    char document[] = TWO;
    struct vch_policy *policy = NULL;
    struct counted counted = {0, VCH_STR("v")};
    assert_int_equal(vch_policy_parse(VCH_POLICY_IOT, vch_str_from(name), vch_str_from(document), &policy, NULL),
                     VCH_OK);
    memset(name, 'x', sizeof name);
    memset(document, 'x', sizeof document);
    assert_true(vch_str_eq_c(vch_policy_name(policy), "name"));
    assert_int_equal(ask(policy, "iot:Publish", TOPIC "v", &counted).verdict, VCH_VERDICT_ALLOW);
    vch_policy_unref(policy);
    vch_policy_unref(NULL);
}

static void *evaluate_often(void *arg) {
    struct vch_policy *policy = arg;
    struct counted counted = {0, VCH_STR("v")};
    size_t wrong = 0;
    for (size_t i = 0; i < 2000; i++) {
        struct vch_policy *mine = vch_policy_ref(policy);
        wrong += ask(mine, "iot:Publish", TOPIC "v", &counted).verdict != VCH_VERDICT_ALLOW;
        vch_policy_unref(mine);
    }
    vch_policy_unref(policy);
    return wrong ? arg : NULL;
}

static void test_threads(void **state) {
    (void)state;
    struct vch_policy *policy = parse(TWO);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, evaluate_often, vch_policy_ref(policy)), 0);
    vch_policy_unref(policy); /* the threads hold it now */
    for (size_t i = 0; i < 4; i++) {
        void *wrong = NULL;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_glob),           cmocka_unit_test(test_glob_against_definition),
        cmocka_unit_test(test_size),           cmocka_unit_test(test_size_of_text),
        cmocka_unit_test(test_decision),       cmocka_unit_test(test_one_lookup_an_evaluation),
        cmocka_unit_test(test_without_lookup), cmocka_unit_test(test_owns_its_text),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
