/* The frozen view of a connection and the questions asked of it: what is kept,
 * what variables stand for, what is told, what it costs. */
#include "service/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/sanitized.h"
#include "service/authz_priv.h"

#define OP(name, function) VCH_OP_##name, vch_uc_##function
#define ARN(kind) "arn:aws:iot:us-east-1:" ACCOUNT ":" kind
#define TOPIC(name) ARN("topic/" name)

static int setup(void **state) {
    if (fixture_setup(state) != 0) return -1;
    if (fx.service.policies) return 0;
    return vch_policy_cache_new(&fx.service.policies) == VCH_OK ? 0 : -1;
}

static int teardown(void **state) {
    vch_policy_cache_free(fx.service.policies);
    fx.service.policies = NULL;
    return fixture_teardown(state);
}

/* A policy on certificate A; ' stands for " in the statements. */
static void give(const char *name, const char *statements) {
    char in[4096], quoted[3072];
    size_t len = 0;
    for (const char *c = statements; *c; c++) len += (size_t)snprintf(quoted + len, sizeof quoted - len, *c == '\'' ? "\\\"" : "%c", *c);
    (void)snprintf(in, sizeof in, "{'policyName':'%s','policyDocument':\"{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":[%s]}\"}", name, quoted);
    fixture_good(OP(CREATE_POLICY, create_policy), in);
    (void)snprintf(in, sizeof in, "{'policyName':'%s','target':'" CERT_ARN(CERT_A) "'}", name);
    fixture_good(OP(ATTACH_POLICY, attach_policy), in);
}

static struct vch_authz *load(const char *client_id) {
    struct vch_authz *authz = NULL;
    struct vch_diag diag = {0};
    if (vch_authz_load(&fx.service, VCH_STR(CERT_A), vch_str_from(client_id), &authz, &diag) != VCH_OK) fail_msg("%s", diag.message);
    return authz;
}

static enum vch_verdict ask(const struct vch_authz *authz, const char *action, const char *type, const char *name) {
    const struct vch_authz_ask question = {.authz = authz, .site = &fx.service.site, .action = action, .resource_type = type,
                                           .name = vch_str_from(name), .client_id = VCH_STR("lamp"),
                                           .certificate_id = VCH_STR(CERT_A), .source_ip = VCH_STR("192.0.2.1")};
    return vch_authz_eval(&question);
}

#define PUBSUB                                                                                                         \
    "{'Effect':'Allow','Action':['iot:Publish','iot:Receive'],'Resource':'" TOPIC("${iot:Connection.Thing.ThingName}/*") "'}," \
    "{'Effect':'Allow','Action':'iot:Subscribe','Resource':'" ARN("topicfilter/${iot:Connection.Thing.ThingName}/*") "'},"      \
    "{'Effect':'Allow','Action':'iot:Connect','Resource':'" ARN("client/${iot:Connection.Thing.ThingName}") "'}"

/* What no policy asks for is not kept. */
static void only_what_is_asked_for_is_kept(void **state) {
    (void)state;
    fixture_certificate(CERT_A, "ACTIVE");
    fixture_thing("lamp", CERT_A, "{\"site\":\"north\",\"row\":\"4\"}");
    give("pubsub", PUBSUB);
    struct vch_authz *authz = load("lamp");
    assert_non_null(authz->thing);
    assert_null(authz->attributes);
    assert_null(authz->certificate);
    assert_int_equal(ask(authz, "iot:Publish", "topic", "lamp/x"), VCH_VERDICT_ALLOW);
    assert_int_equal(ask(authz, "iot:Publish", "topic", "other/x"), VCH_VERDICT_IMPLICIT_DENY);
    vch_authz_unref(authz);
    give("site", "{'Effect':'Allow','Action':'iot:Publish','Resource':'" TOPIC("${iot:connection.thing.attributes[site]}") "'}");
    authz = load("lamp");
    assert_int_equal(authz->attributes->count, 2);
    assert_int_equal(ask(authz, "iot:Publish", "topic", "north"), VCH_VERDICT_ALLOW);
    vch_authz_unref(authz);
    authz = load("other"); /* attached, but not by that name */
    assert_null(authz->thing);
    assert_null(authz->attributes);
    assert_int_equal(ask(authz, "iot:Publish", "topic", "north"), VCH_VERDICT_IMPLICIT_DENY);
    vch_authz_unref(authz);
}

/* The fixture's certificate is no certificate: it has no values, and the
 * connection is judged all the same. */
static void a_certificate_that_cannot_be_read_has_no_values(void **state) {
    (void)state;
    fixture_certificate(CERT_A, "ACTIVE");
    give("p", "{'Effect':'Allow','Action':'iot:Publish','Resource':['" TOPIC("a") "','" TOPIC("${iot:Certificate.Subject.CommonName}") "']}");
    struct vch_authz *authz = load("lamp");
    assert_int_equal(authz->certificate->count, 0);
    assert_int_equal(ask(authz, "iot:Publish", "topic", "a"), VCH_VERDICT_ALLOW);
    assert_int_equal(ask(authz, "iot:Publish", "topic", "b"), VCH_VERDICT_IMPLICIT_DENY);
    vch_authz_unref(authz);
}

/* ---- certificate variables, from a table ---- */

#define CERTIFICATE_VALUES 12
static struct vch_authz_table *table(const char *const (*rows)[2], size_t count) {
    struct vch_authz_table *t = calloc(1, sizeof *t + count * sizeof t->items[0]);
    t->count = count;
    for (size_t i = 0; i < count; i++) t->items[i] = (struct vch_authz_item){vch_str_from(rows[i][0]), vch_str_from(rows[i][1])};
    return t;
}

static void values_of_certificate_variables(void **state) {
    (void)state;
    char large[1200];
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    const char *const rows[CERTIFICATE_VALUES][2] = {
        {"iot:Certificate.SerialNumber", "17"}, {"iot:Certificate.Subject.OrganizationalUnit", "a"},
        {"iot:Certificate.Subject.OrganizationalUnit", "b"}, {"iot:Certificate.Subject.OrganizationalUnit", "c*"},
        {"iot:Certificate.Subject.OrganizationalUnit", "d"}, {"iot:Certificate.Subject.OrganizationalUnit", "e"},
        {"iot:Certificate.Subject.OrganizationalUnit", "f"}, {"iot:Certificate.Subject.CommonName", large},
        {"iot:Certificate.Issuer.CommonName", "CA"}, {"iot:Certificate.Subject.AlternativeName.DNSName", "a.example"},
        {"iot:Certificate.Subject.AlternativeName.DNSName", "b.example"}, {"iot:Certificate.Subject.Title", "1"}};
    static const struct {
        const char *name;
        size_t count;
        const char *first;
    } cases[] = {
        {"iot:Certificate.SerialNumber", 1, "17"}, {"IOT:CERTIFICATE.serialnumber", 1, "17"},
        {"iot:Certificate.Subject.OrganizationalUnit", 1, "a"}, {"iot:Certificate.Subject.OrganizationalUnit.0", 1, "a"},
        {"iot:Certificate.Subject.OrganizationalUnit.1", 1, "b"}, {"iot:Certificate.Subject.OrganizationalUnit.2", 0, NULL}, /* a wildcard */
        {"iot:Certificate.Subject.OrganizationalUnit.4", 1, "e"}, {"iot:Certificate.Subject.OrganizationalUnit.5", 0, NULL},
        {"iot:Certificate.Subject.OrganizationalUnit.-1", 0, NULL}, {"iot:Certificate.Subject.OrganizationalUnit.", 0, NULL},
        {"iot:Certificate.Subject.OrganizationalUnit.List", 5, "a"}, {"iot:Certificate.Subject.OrganizationalUnit.list", 5, "a"},
        {"iot:Certificate.Subject.CommonName", 0, NULL}, {"iot:Certificate.Subject.CommonName.List", 1, NULL}, /* too long for text */
        {"iot:Certificate.Issuer.CommonName", 1, "CA"}, {"iot:Certificate.Subject.AlternativeName.DNSName.1", 1, "b.example"},
        {"iot:Certificate.Subject.State", 0, NULL}, {"iot:Certificate.Subject.State.List", 0, NULL}, {"iot:Certificate.", 0, NULL},
        {"iot:Certificate.AvailableKeys", 6, "iot:Certificate.SerialNumber"}, {"iot:Certificate.Subject", 0, NULL},
    };
    struct vch_authz authz = {.certificate = table(rows, CERTIFICATE_VALUES)};
    const struct vch_authz_ask question = {.authz = &authz, .site = &fx.service.site};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vch_authz_answering answering = {.ask = &question};
        struct vch_policy_values values = {.count = 0};
        vch_authz_lookup(&answering, vch_str_from(cases[i].name), &values);
        if (values.count != cases[i].count) fail_msg("%s has %zu values", cases[i].name, values.count);
        if (cases[i].first && !vch_str_eq_c(values.value[0], cases[i].first)) fail_msg("%s", cases[i].name);
        assert_false(values.defined_empty);
    }
    free(authz.certificate);
}

/* ---- Explain ---- */

static void an_explanation_is_whole(void **state) {
    (void)state;
    fixture_certificate(CERT_A, "ACTIVE");
    fixture_thing("lamp", CERT_A, "{}");
    give("pubsub", PUBSUB);
    fixture_good(OP(EXPLAIN, explain), "{'principal':'" CERT_ARN(CERT_A) "','action':'iot:Connect','clientId':'lamp'}");
    assert_str(fixture_text("verdict"), "ALLOWED");
    assert_str(fixture_text("resource"), ARN("client/lamp"));
    assert_str(fixture_text("thingName"), "lamp");
    assert_str(fixture_text("deciding/policyName"), "pubsub");
    assert_int_equal(fixture_number("deciding/statement"), 2);
    assert_int_equal(fixture_count("statements"), 3);
    assert_str(fixture_text("variables/0/value"), "lamp");
    fixture_good(OP(EXPLAIN, explain), "{'principal':'" CERT_ARN(CERT_A) "','action':'iot:Connect','clientId':'other'}");
    assert_str(fixture_text("verdict"), "IMPLICIT_DENY");
    assert_str(fixture_text("variables/0/value"), "undefined");
    assert_str(fixture_text("suggestion/change"), "define-variable");
    fixture_good(OP(EXPLAIN, explain), "{'principal':'" CERT_ARN(CERT_A) "','action':'iot:Publish'}");
    assert_str(fixture_text("resource"), "*");
    fixture_refused(OP(EXPLAIN, explain), "{'principal':'" CERT_ARN(CERT_B) "','action':'iot:Publish'}", VCH_ERR_NOT_FOUND, "certificate-missing");
    fixture_refused(OP(EXPLAIN, explain), "{'principal':'" ARN("thing/x") "','action':'iot:Publish'}", VCH_ERR_INVALID, "target-invalid");
}

static void every_refusal_of_authorization(void **state) {
    (void)state;
#define INFO "'authInfos':[{'actionType':'PUBLISH','resources':['*']}]"
    fixture_certificate(CERT_A, "ACTIVE");
    fixture_refused(OP(TEST_AUTHORIZATION, test_authorization), "{" INFO "}", VCH_ERR_INVALID, "field-missing");
    fixture_refused(OP(TEST_AUTHORIZATION, test_authorization), "{" INFO ",'policyNamesToAdd':['p']}", VCH_ERR_NOT_FOUND, "policy-missing");
    fixture_refused(OP(TEST_AUTHORIZATION, test_authorization), "{" INFO ",'principal':'" CERT_ARN(CERT_B) "'}", VCH_ERR_NOT_FOUND, "certificate-missing");
    fixture_refused(OP(TEST_AUTHORIZATION, test_authorization), "{" INFO ",'principal':'" ARN("thinggroup/g") "'}", VCH_ERR_NOT_FOUND, "group-missing");
    fixture_refused(OP(TEST_AUTHORIZATION, test_authorization),
                    "{" INFO ",'policyNamesToAdd':['a','b','c','d','e','f','g','h','i','j','k']}", VCH_ERR_LIMIT, "policies-per-certificate");
    fixture_refused(OP(TEST_AUTHORIZATION, test_authorization), "{'authInfos':[{'resources':['*']}],'principal':'" CERT_ARN(CERT_A) "'}",
                    VCH_ERR_INVALID, "field-invalid");
    fixture_refused(OP(GET_EFFECTIVE_POLICIES, get_effective_policies), "{}", VCH_ERR_INVALID, "field-missing");
    fixture_refused(OP(GET_EFFECTIVE_POLICIES, get_effective_policies), "{'thingName':'x'}", VCH_ERR_NOT_FOUND, "thing-missing");
    fixture_good(OP(GET_EFFECTIVE_POLICIES, get_effective_policies), "{'principal':'" CERT_ARN(CERT_A) "'}");
    assert_int_equal(fixture_count("effectivePolicies"), 0);
}

/* ---- what it costs ---- */

enum { ROUNDS = 200000 };

static int64_t cpu_us(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void a_question_is_cheap(void **state) {
    (void)state;
    fixture_certificate(CERT_A, "ACTIVE");
    fixture_thing("lamp", CERT_A, "{\"site\":\"north\"}");
    give("pubsub", PUBSUB);
    struct vch_authz *authz = load("lamp");
    size_t allowed = 0;
    int64_t begun_us = cpu_us();
    for (int i = 0; i < ROUNDS; i++) allowed += ask(authz, "iot:Publish", "topic", i % 2 ? "lamp/state" : "other/state") == VCH_VERDICT_ALLOW;
    int64_t spent_us = cpu_us() - begun_us;
    assert_int_equal(allowed, ROUNDS / 2);
    print_message("a compiled principal: %.3f us of CPU a question\n", (double)spent_us / ROUNDS);
    if (!VCH_SANITIZED) assert_true(spent_us < (int64_t)5 * ROUNDS); /* the aim is 1; a slow machine is no fault */
    vch_authz_unref(authz);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_what_is_asked_for_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(a_certificate_that_cannot_be_read_has_no_values, setup, teardown),
        cmocka_unit_test_setup_teardown(values_of_certificate_variables, setup, teardown),
        cmocka_unit_test_setup_teardown(an_explanation_is_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(every_refusal_of_authorization, setup, teardown),
        cmocka_unit_test_setup_teardown(a_question_is_cheap, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
