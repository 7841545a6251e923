#include "door_world.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define DOCUMENT                                                                                                       \
    "{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":[{\\\"Effect\\\":\\\"Allow\\\",\\\"Action\\\":\\\"iot:Connect\\\",\\\"Resource\\\":\\\"*\\\"}]}"

static bool body_has(const struct door_answer *answer, const char *text) {
    struct vch_str copy = vch_arena_str(world.arena, answer->body);
    return strstr(copy.ptr, text) != NULL;
}

static void a_signed_request_is_answered(void **state) {
    (void)state;
    struct door_answer answer = door_call(VCH_OP_CREATE_POLICY, "{'policyName':'p','policyDocument':\"" DOCUMENT "\"}");
    assert_int_equal(answer.status, 200);
    assert_str(door_header(&answer, "content-type"), "application/json");
    assert_int_equal(door_header(&answer, "x-amzn-RequestId").len, 36);
    assert_int_equal(door_header(&answer, "x-amzn-ErrorType").len, 0);
    assert_int_equal(vch_shape_check_output(VCH_OP_CREATE_POLICY, answer.json, NULL), VCH_OK);
    answer = door_call(VCH_OP_GET_POLICY, "{'policyName':'p'}");
    assert_str(vch_val_str_at(answer.json, "policyVersionId"), "");
    assert_str(vch_val_str_at(answer.json, "defaultVersionId"), "1");
    answer = door_call(VCH_OP_DELETE_POLICY, "{'policyName':'p'}");
    assert_str(answer.body, "{}");
    answer = door_call(VCH_OP_GET_POLICY, "{'policyName':'p'}");
    door_refused(&answer, 404, "ResourceNotFoundException");
}

static void names_that_need_escapes_are_signed_and_found(void **state) {
    (void)state;
    struct door_answer answer = door_call(VCH_OP_CREATE_POLICY, "{'policyName':'a+b=c,d@e.f','policyDocument':\"" DOCUMENT "\"}");
    assert_int_equal(answer.status, 200);
    answer = door_call(VCH_OP_DESCRIBE_THING, "{'thingName':'a:b'}");
    door_refused(&answer, 404, "ResourceNotFoundException");
    answer = door_call(VCH_OP_LIST_ATTACHED_POLICIES, "{'target':'arn:aws:iot:us-east-1:" ACCOUNT ":cert/x'}");
    door_refused(&answer, 400, "InvalidRequestException");
    answer = door_call(VCH_OP_LIST_PRINCIPAL_THINGS, "{'principal':'arn:aws:iot:us-east-1:" ACCOUNT ":cert/x'}");
    door_refused(&answer, 400, "InvalidRequestException");
}

static void a_taken_name_is_told_with_its_resource(void **state) {
    (void)state;
    const char *in = "{'policyName':'p','policyDocument':\"" DOCUMENT "\"}";
    struct door_answer answer = door_call(VCH_OP_CREATE_POLICY, in);
    answer = door_call(VCH_OP_CREATE_POLICY, in);
    door_refused(&answer, 409, "ResourceAlreadyExistsException");
    assert_str(vch_val_str_at(answer.json, "resourceId"), "p");
    assert_str(vch_val_str_at(answer.json, "resourceArn"), "arn:aws:iot:us-east-1:" ACCOUNT ":policy/p");
}

static void bad_signatures_are_refused(void **state) {
    (void)state;
    static const struct {
        struct door_ask ask;
        const char *error;
    } cases[] = {
        {{.key_id = ""}, "MissingAuthenticationTokenException"},
        {{.key_id = "AKIAXXXXXXXXXXXXXXXX"}, "UnrecognizedClientException"},
        {{.secret = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}, "InvalidSignatureException"},
        {{.skew_ms = -6 * 60000}, "InvalidSignatureException"},
        {{.skew_ms = 6 * 60000}, "InvalidSignatureException"},
        {{.region = "eu-west-1"}, "InvalidSignatureException"},
        {{.service = "s3"}, "InvalidSignatureException"},
        {{.service = "sts"}, "InvalidSignatureException"},
        {{.body = "{}", .tamper_body = "{ }"}, "InvalidSignatureException"},
        {{.header = "x-amz-security-token", .header_value = "token"}, "UnrecognizedClientException"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct door_ask ask = cases[i].ask;
        ask.method = "GET";
        ask.path = "/things";
        struct door_answer answer = door_send(&ask);
        door_refused(&answer, 403, cases[i].error);
    }
    struct door_answer answer = door_send(&(struct door_ask){.method = "GET", .path = "/things", .late_header = "x-amz-meta: late"});
    assert_int_equal(answer.status, 403);
    answer = door_send(&(struct door_ask){.method = "GET", .path = "/principals/things", .late_header = "X-Amzn-Principal: arn:a:b:c:d:e"});
    door_refused(&answer, 403, "IncompleteSignatureException");
    answer = door_send(&(struct door_ask){.method = "GET", .path = "/things", .skew_ms = -4 * 60000});
    assert_int_equal(answer.status, 200);
}

/* Who comes before what: a stranger learns nothing about form or existence. */
static void steps_come_in_order(void **state) {
    (void)state;
    struct door_answer answer = door_send(&(struct door_ask){.method = "POST", .path = "/policies/bad%20name", .body = "{", .key_id = ""});
    door_refused(&answer, 403, "MissingAuthenticationTokenException");
    answer = door_call(VCH_OP_CREATE_USER, "{'userName':'bob'}");
    assert_int_equal(answer.status, 200);
    answer = door_call(VCH_OP_CREATE_ACCESS_KEY, "{'userName':'bob'}");
    char key_id[32], secret[64];
    assert_true(vch_str_copy(key_id, sizeof key_id, vch_val_str_at(answer.json, "accessKeyId")));
    assert_true(vch_str_copy(secret, sizeof secret, vch_val_str_at(answer.json, "secretAccessKey")));
    answer = door_send(&(struct door_ask){.method = "POST", .path = "/policies/p", .body = "{", .key_id = key_id, .secret = secret});
    door_refused(&answer, 403, "AccessDeniedException");
    assert_str(vch_val_str_at(answer.json, "message"),
               "User: arn:aws:iam::" ACCOUNT ":user/bob is not authorized to perform: iot:CreatePolicy on resource: "
               "arn:aws:iot:us-east-1:" ACCOUNT ":policy/p");
    answer = door_call_as(VCH_OP_GET_POLICY, "{'policyName':'none'}", key_id, secret);
    door_refused(&answer, 403, "AccessDeniedException");
}

#define CLAIMS_ON_T                                                                                                    \
    "{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":[{\\\"Effect\\\":\\\"Allow\\\",\\\"Action\\\":[\\\"iot:CreateProvisioningClaim\\\"],"  \
    "\\\"Resource\\\":[\\\"arn:aws:iot:us-east-1:" ACCOUNT ":provisioningtemplate/T\\\"]}]}"

static void permissions_take_effect_and_end_at_once(void **state) {
    (void)state;
    char key_id[32], secret[64], in[128];
    struct door_answer answer = door_call(VCH_OP_CREATE_USER, "{'userName':'bob'}");
    answer = door_call(VCH_OP_CREATE_ACCESS_KEY, "{'userName':'bob'}");
    assert_true(vch_str_copy(key_id, sizeof key_id, vch_val_str_at(answer.json, "accessKeyId")));
    assert_true(vch_str_copy(secret, sizeof secret, vch_val_str_at(answer.json, "secretAccessKey")));
    for (int round = 0; round < 3; round++) {
        answer = door_call_as(VCH_OP_CREATE_PROVISIONING_CLAIM, "{'templateName':'T'}", key_id, secret);
        door_refused(&answer, 403, "AccessDeniedException");
        answer = door_call(VCH_OP_PUT_USER_POLICY, "{'userName':'bob','policyName':'c','policyDocument':\"" CLAIMS_ON_T "\"}");
        assert_int_equal(answer.status, 200);
        answer = door_call_as(VCH_OP_CREATE_PROVISIONING_CLAIM, "{'templateName':'T'}", key_id, secret);
        door_refused(&answer, 404, "ResourceNotFoundException");
        answer = door_call_as(VCH_OP_CREATE_PROVISIONING_CLAIM, "{'templateName':'U'}", key_id, secret);
        door_refused(&answer, 403, "AccessDeniedException");
        answer = door_call(VCH_OP_DELETE_USER_POLICY, "{'userName':'bob','policyName':'c'}");
        assert_int_equal(answer.status, 200);
    }
    (void)snprintf(in, sizeof in, "{'userName':'bob','accessKeyId':'%s'}", key_id);
    answer = door_call(VCH_OP_DELETE_ACCESS_KEY, in);
    assert_int_equal(answer.status, 200);
    answer = door_call_as(VCH_OP_LIST_THINGS, "{}", key_id, secret);
    door_refused(&answer, 403, "UnrecognizedClientException");
}

static void bad_input_is_named(void **state) {
    (void)state;
    static const struct {
        const char *method, *path, *query, *body;
        int status;
        const char *error;
    } cases[] = {
        {"POST", "/policies/p", NULL, "{", 400, "InvalidRequestException"},
        {"POST", "/policies/p", NULL, "{\"policyDocument\":7}", 400, "InvalidRequestException"},
        {"POST", "/policies/p", NULL, "{}", 400, "InvalidRequestException"},
        {"POST", "/policies/p", NULL, "{\"policyDocument\":\"{}\"}", 400, "MalformedPolicyException"},
        {"POST", "/policies/bad%20name", NULL, "{\"policyDocument\":\"{}\"}", 400, "InvalidRequestException"},
        {"GET", "/things", "maxResults=0", NULL, 400, "InvalidRequestException"},
        {"GET", "/things", "nextToken=AAAA", NULL, 400, "InvalidRequestException"},
        {"GET", "/no/such/route", NULL, NULL, 404, "UnknownOperationException"},
        {"PUT", "/things", NULL, NULL, 404, "UnknownOperationException"},
        {"GET", "/policies/..", NULL, NULL, 404, "UnknownOperationException"},
        {"GET", "/certificates/zz", NULL, NULL, 400, "InvalidRequestException"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct door_ask ask = {.method = cases[i].method, .path = cases[i].path, .query = cases[i].query, .body = cases[i].body};
        struct door_answer answer = door_send(&ask);
        door_refused(&answer, cases[i].status, cases[i].error);
    }
}

/* ---- STS ---- */

#define FORM "Action=GetCallerIdentity&Version=2011-06-15"

static void callers_learn_who_they_are_in_xml(void **state) {
    (void)state;
    struct door_answer answer = door_send(&(struct door_ask){.method = "POST", .path = "/", .body = FORM, .service = "sts"});
    assert_int_equal(answer.status, 200);
    assert_str(door_header(&answer, "content-type"), "text/xml");
    assert_true(body_has(&answer, "<GetCallerIdentityResult>"));
    assert_true(body_has(&answer, "<Arn>arn:aws:iam::" ACCOUNT ":user/admin</Arn>"));
    assert_true(body_has(&answer, "<Account>" ACCOUNT "</Account>"));
    assert_true(body_has(&answer, "<RequestId>"));
    answer = door_send(&(struct door_ask){.method = "GET", .path = "/", .query = FORM, .service = "sts"});
    assert_int_equal(answer.status, 200);
    assert_true(body_has(&answer, "<UserId>AIDA"));
}

static void sts_refuses_in_its_own_words(void **state) {
    (void)state;
    static const struct {
        struct door_ask ask;
        int status;
        const char *code;
    } cases[] = {
        {{.body = FORM, .key_id = "AKIAXXXXXXXXXXXXXXXX"}, 403, "<Code>InvalidClientTokenId</Code>"},
        {{.body = FORM, .secret = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}, 403, "<Code>SignatureDoesNotMatch</Code>"},
        {{.body = FORM, .key_id = ""}, 403, "<Code>MissingAuthenticationToken</Code>"},
        {{.body = "Action=GetSessionToken&Version=2011-06-15"}, 404, "<Code>InvalidAction</Code>"},
        {{.body = ""}, 404, "<Code>InvalidAction</Code>"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct door_ask ask = cases[i].ask;
        ask.method = "POST";
        ask.path = "/";
        ask.service = "sts";
        struct door_answer answer = door_send(&ask);
        assert_int_equal(answer.status, cases[i].status);
        if (!body_has(&answer, cases[i].code)) fail_msg("%s: %.*s", cases[i].code, VCH_STR_ARG(answer.body));
        assert_str(door_header(&answer, "content-type"), "text/xml");
    }
}

/* ---- pages and the rest ---- */

static void pages_are_open(void **state) {
    (void)state;
    static const struct {
        const char *path, *type, *text;
    } pages[] = {
        {"/", "text/html; charset=utf-8", "/ca.pem"},
        {"/ca.pem", "application/x-pem-file", "-----BEGIN CERTIFICATE-----"},
        {"/healthz", "text/plain; charset=utf-8", "ok"},
        {"/readyz", "text/plain; charset=utf-8", "ready"},
        {"/metrics", "text/plain; version=0.0.4; charset=utf-8", "\nvouch_test 1\n"},
        {"/_vouch/openapi.json", "application/json", "\"CreateProvisioningClaim\""},
    };
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        struct door_answer answer = door_send(&(struct door_ask){.method = "GET", .path = pages[i].path, .key_id = ""});
        assert_int_equal(answer.status, 200);
        assert_str(door_header(&answer, "content-type"), pages[i].type);
        assert_str(door_header(&answer, "x-content-type-options"), "nosniff");
        assert_true(body_has(&answer, pages[i].text));
        if (strcmp(pages[i].path, "/") == 0) assert_false(body_has(&answer, "<script"));
    }
}

#define FIRST "# HELP vouch_test one\n# TYPE vouch_test counter\nvouch_test 1\n"
#define SECOND "# HELP vouch_test_more two\n# TYPE vouch_test_more gauge\nvouch_test_more{a=\"b\"} 2\nvouch_test_more{a=\"c\"} 3\n"

static void metrics_are_told_by_name(void **state) {
    (void)state;
    static const struct {
        const char *query, *text;
    } cases[] = {
        {"", FIRST SECOND},
        {"name[]=vouch_test", FIRST},
        {"name%5B%5D=vouch_test_more", SECOND},
        {"name%5b%5d=vouch_test_more&x&name[]=vouch_test", FIRST SECOND},
        {"name[]=vouch", ""},
        {"name[]=vouch_test_mor&name[]=none", ""},
        {"name=vouch_test", FIRST SECOND},
        {"name[]=", FIRST SECOND},
        {"&&=&name[]", FIRST SECOND},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct door_answer answer = door_send(&(struct door_ask){.method = "GET", .path = "/metrics", .query = cases[i].query, .key_id = ""});
        assert_int_equal(answer.status, 200);
        assert_str(answer.body, cases[i].text);
    }
}

static void requests_are_counted(void **state) {
    (void)state;
    struct vch_http_door_stats stats;
    (void)door_call(VCH_OP_LIST_THINGS, "{}");
    (void)door_call(VCH_OP_DESCRIBE_THING, "{'thingName':'none'}");
    vch_http_door_stats(world.door, &stats);
    assert_int_equal(stats.requests, 2);
    assert_int_equal(stats.refused, 1);
    assert_int_equal(stats.failed, 0);
}

static void the_test_clock_moves(void **state) {
    (void)state;
    int64_t before = vch_now_ms();
    struct door_answer answer = door_call(VCH_OP_ADVANCE_CLOCK, "{'advanceSeconds':3600}");
    assert_int_equal(answer.status, 200);
    assert_true(vch_now_ms() >= before + 3600000);
    assert_int_equal(world.clock_moved_ms, 3600000);
    answer = door_send(&(struct door_ask){.method = "POST", .path = "/_vouch/test/clock", .body = "{\"advanceSeconds\":1}", .key_id = ""});
    door_refused(&answer, 403, "MissingAuthenticationTokenException");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, door_world_setup, door_world_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_signed_request_is_answered),
        TEST(names_that_need_escapes_are_signed_and_found),
        TEST(a_taken_name_is_told_with_its_resource),
        TEST(bad_signatures_are_refused),
        TEST(steps_come_in_order),
        TEST(permissions_take_effect_and_end_at_once),
        TEST(bad_input_is_named),
        TEST(callers_learn_who_they_are_in_xml),
        TEST(sts_refuses_in_its_own_words),
        TEST(pages_are_open),
        TEST(metrics_are_told_by_name),
        TEST(requests_are_counted),
        TEST(the_test_clock_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
