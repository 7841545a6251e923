/* bench_iam: what a request costs before its use case, in CPU time: finding the
 * secret, verifying the signature, asking the policies. Figures, not a test. */
#include "service/fixture.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "core/sigv4.h"
#include "service/access_key.h"
#include "service/iam.h"
#include "service/session.h"
#include "store/iam.h"

enum { ROUNDS = 20000, SCRATCH = 1 << 20 };

#define OP(name, function) VCH_OP_##name, vch_uc_##function
#define DOC(text) "{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":[" text "]}"
#define ALLOW(action, resource) "{\\\"Effect\\\":\\\"Allow\\\",\\\"Action\\\":\\\"" action "\\\",\\\"Resource\\\":\\\"" resource "\\\"}"
#define THING "arn:aws:iot:us-east-1:" ACCOUNT ":thing/device-0001"

/* Everything that one round needs. */
struct bench {
    struct vch_arena *arena;
    struct vch_iam *iam;
    struct vch_sigv4_header headers[6];
    struct vch_sigv4_request request;
    struct vch_str key_id, secret, token;
    struct vch_caller caller;
    struct vch_str action, resource;
};

typedef void round_fn(struct bench *b);

static double cpu_us(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void measure(const char *what, round_fn *run, struct bench *b) {
    for (int i = 0; i < ROUNDS / 10; i++) vch_arena_reset(b->arena), run(b);
    double start = cpu_us();
    for (int i = 0; i < ROUNDS; i++) vch_arena_reset(b->arena), run(b);
    (void)printf("%-58s %7.2f us CPU\n", what, (cpu_us() - start) / ROUNDS);
}

static void find_key(struct bench *b) {
    struct vch_rec_access_key key;
    struct vch_str secret;
    assert_int_equal(vch_access_key_load(&fx.service, b->key_id, b->arena, &key, &secret, NULL), VCH_OK);
}

static void open_token(struct bench *b) {
    struct vch_session session;
    assert_int_equal(vch_session_open(&fx.service, b->key_id, b->token, vch_now_ms(), b->arena, &session, NULL), VCH_OK);
}

static void check_session(struct bench *b) {
    struct vch_session session;
    assert_int_equal(vch_session_open(&fx.service, b->key_id, b->token, vch_now_ms(), b->arena, &session, NULL), VCH_OK);
    assert_int_equal(vch_session_check(&fx.service, &session, b->arena, NULL), VCH_OK);
}

static void verify(struct bench *b) {
    struct vch_sigv4_claim claim;
    struct vch_diag diag = {0};
    assert_int_equal(vch_sigv4_parse(&b->request, b->arena, &claim, &diag), VCH_OK);
    if (vch_sigv4_verify(&b->request, &claim, b->secret, fx.service.site.region, "iot", vch_now_ms(), &diag) != VCH_OK) fail_msg("%s", diag.message);
}

static void evaluate(struct bench *b) {
    const struct vch_iam_ask ask = {.caller = &b->caller, .action = b->action, .resource = b->resource, .secure = true, .now_ms = vch_now_ms()};
    assert_int_equal(vch_iam_check(b->iam, &ask, NULL), VCH_OK);
}

/* A request such as the AWS CLI sends, signed for the bench's key. */
static void sign(struct bench *b, const char *method, const char *path, const char *body) {
    static char date[17], value[4096];
    struct vch_buf buf;
    struct vch_str text;
    size_t n = 0;
    int64_t now_ms = vch_now_ms();
    vch_time_basic(now_ms, date);
    b->headers[n++] = (struct vch_sigv4_header){VCH_STR("host"), VCH_STR("localhost:8443")};
    b->headers[n++] = (struct vch_sigv4_header){VCH_STR("x-amz-date"), vch_str_from(date)};
    if (body[0]) b->headers[n++] = (struct vch_sigv4_header){VCH_STR("content-type"), VCH_STR("application/json")};
    if (b->token.len) b->headers[n++] = (struct vch_sigv4_header){VCH_STR("x-amz-security-token"), b->token};
    b->request = (struct vch_sigv4_request){.method = vch_str_from(method), .path = vch_str_from(path), .headers = b->headers, .header_count = n, .body = vch_str_from(body)};
    vch_buf_init(&buf, sizeof value);
    assert_int_equal(vch_sigv4_sign(&b->request, b->key_id, b->secret, fx.service.site.region, VCH_STR("iot"), now_ms, &buf), VCH_OK);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    assert_true(vch_str_copy(value, sizeof value, text));
    vch_buf_deinit(&buf);
    b->headers[n++] = (struct vch_sigv4_header){VCH_STR("authorization"), vch_str_from(value)};
    b->request.header_count = n;
}

static struct vch_str kept(const char *path) {
    static char room[8][2048];
    static size_t next;
    char *slot = room[next++ % 8];
    assert_true(vch_str_copy(slot, sizeof room[0], fixture_text(path)));
    return vch_str_from(slot);
}

/* Ten policies of two statements each, from all sides; the last one allows. */
static void make_user(struct bench *b) {
    char in[1024];
    fixture_good(OP(CREATE_USER, create_user), "{'userName':'bob'}");
    fixture_good(OP(CREATE_GROUP, create_group), "{'groupName':'g'}");
    fixture_good(OP(ADD_USER_TO_GROUP, add_user_to_group), "{'groupName':'g','userName':'bob'}");
    for (int i = 0; i < 9; i++) {
        (void)snprintf(in, sizeof in, "{'userName':'bob','policyName':'p%d','policyDocument':'" DOC(ALLOW("iot:CreateProvisioningClaim", "arn:aws:iot:us-east-1:" ACCOUNT ":provisioningtemplate/T%d") ","
                                      ALLOW("iot:Get*", "arn:aws:iot:us-east-1:" ACCOUNT ":policy/team-%d-*")) "'}", i, i, i);
        fixture_good(OP(PUT_USER_POLICY, put_user_policy), in);
    }
    fixture_good(OP(PUT_GROUP_POLICY, put_owner_policy), "{'groupName':'g','policyName':'p','policyDocument':'" DOC(ALLOW("iot:DescribeThing", "arn:aws:iot:us-east-1:" ACCOUNT ":thing/device-*") ","
                 ALLOW("iot:List*", "*")) "'}");
    fixture_good(OP(CREATE_ACCESS_KEY, create_access_key), "{'userName':'bob'}");
    b->key_id = kept("accessKeyId");
    b->secret = kept("secretAccessKey");
    b->token = VCH_STR("");
    b->caller = (struct vch_caller){.kind = VCH_CALLER_USER, .user_name = VCH_STR("bob"), .arn = VCH_STR("arn:aws:iam::" ACCOUNT ":user/bob"),
                                    .access_key_id = b->key_id, .source_ip = VCH_STR("127.0.0.1")};
}

static void make_session(struct bench *b) {
    static const char session_policy[] = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":[\"iot:Describe*\",\"iot:List*\"],\"Resource\":\"*\"}]}";
    fixture_good(OP(CREATE_ROLE, create_role), "{'roleName':'r','assumeRolePolicyDocument':'{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":{\\\"Effect\\\":\\\"Allow\\\","
                 "\\\"Action\\\":\\\"sts:AssumeRole\\\",\\\"Principal\\\":\\\"*\\\"}}'}");
    fixture_good(OP(PUT_ROLE_POLICY, put_owner_policy), "{'roleName':'r','policyName':'p','policyDocument':'" DOC(ALLOW("iot:*", "*")) "'}");
    fx.now_ms = vch_now_ms();
    fixture_good(OP(ASSUME_ROLE, assume_role), "{'RoleArn':'arn:aws:iam::" ACCOUNT ":role/r','RoleSessionName':'s1'}");
    b->key_id = kept("Credentials/AccessKeyId");
    b->secret = kept("Credentials/SecretAccessKey");
    b->token = kept("Credentials/SessionToken");
    b->caller = (struct vch_caller){.kind = VCH_CALLER_ROLE, .role_name = VCH_STR("r"), .arn = VCH_STR("arn:aws:sts::" ACCOUNT ":assumed-role/r/s1"),
                                    .role_arn = VCH_STR("arn:aws:iam::" ACCOUNT ":role/r"), .role_user_id = VCH_STR("AROAX:s1"),
                                    .session_policy = vch_str_from(session_policy), .access_key_id = b->key_id, .source_ip = VCH_STR("127.0.0.1")};
}

static void figures(void **state) {
    (void)state;
    struct bench b = {.action = VCH_STR("iot:DescribeThing"), .resource = VCH_STR(THING)};
    static char body[2048];
    memset(body, 'x', sizeof body - 1);
    b.arena = vch_arena_new(SCRATCH, true);
    assert_int_equal(vch_iam_new(&fx.service, &b.iam), VCH_OK);
    make_user(&b);
    measure("access key: read from the registry and unsealed", find_key, &b);
    sign(&b, "GET", "/things/device-0001", "");
    measure("signature of a GET", verify, &b);
    sign(&b, "POST", "/policies/pubsub", body);
    measure("signature of a POST with 2 KB", verify, &b);
    measure("IAM, user with ten policies of two statements", evaluate, &b);
    make_session(&b);
    measure("session token opened", open_token, &b);
    measure("session token opened, role read", check_session, &b);
    sign(&b, "GET", "/things/device-0001", "");
    measure("signature of a GET with a session token", verify, &b);
    measure("IAM, role with one policy and a session policy", evaluate, &b);
    vch_iam_free(b.iam);
    vch_arena_free(b.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(figures, fixture_setup, fixture_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
