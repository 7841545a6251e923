/* Temporary credentials: what a token holds, who may take a role, what a
 * session may do. */
#include "service/fixture.h"

#include <stdio.h>
#include <string.h>

#include "base/codec.h"
#include "core/names.h"
#include "service/access_key.h"
#include "service/iam.h"
#include "service/session.h"
#include "service/trust.h"
#include "store/iam.h"

#define OP(name, function) VCH_OP_##name, vch_uc_##function
#define IAM(name) "arn:aws:iam::" ACCOUNT ":" name
#define STS(name) "arn:aws:sts::" ACCOUNT ":assumed-role/" name

/* ---- tokens ---- */

static struct vch_session a_session(void) {
    return (struct vch_session){.role_name = VCH_STR("reader"),
                                .person = VCH_STR("user/alice"),
                                .role_id = VCH_STR("AROAXXXXXXXXXXXXXXXX"),
                                .session_name = VCH_STR("s1"),
                                .policy = VCH_STR("{\"Version\":\"2012-10-17\"}"),
                                .expires_ms = fx.now_ms + 900000};
}

static void seal(struct vch_session *session, struct vch_str *key_id, struct vch_str *token) {
    *session = a_session();
    assert_int_equal(vch_session_seal(&fx.service, session, fx.arena, key_id, token), VCH_OK);
}

static enum vch_err open_at(struct vch_str key_id, struct vch_str token, int64_t now_ms, struct vch_session *ret) {
    vch_diag_clear(&fx.diag);
    return vch_session_open(&fx.service, key_id, token, now_ms, fx.arena, ret, &fx.diag);
}

static void tokens_hold_what_was_sealed(void **state) {
    (void)state;
    struct vch_session made, got;
    struct vch_str key_id, token;
    seal(&made, &key_id, &token);
    assert_int_equal(key_id.len, 20);
    assert_memory_equal(key_id.ptr, "ASIA", 4);
    assert_int_equal(made.secret.len, 40);
    assert_null(strstr(token.ptr, "reader"));
    assert_int_equal(open_at(key_id, token, fx.now_ms, &got), VCH_OK);
    assert_true(vch_str_eq(got.secret, made.secret));
    assert_str(got.role_name, "reader");
    assert_str(got.role_id, "AROAXXXXXXXXXXXXXXXX");
    assert_str(got.session_name, "s1");
    assert_str(got.policy, "{\"Version\":\"2012-10-17\"}");
    assert_int_equal(got.expires_ms, fx.now_ms + 900000);
    struct vch_session again;
    struct vch_str other_id, other_token;
    seal(&again, &other_id, &other_token);
    assert_false(vch_str_eq(other_id, key_id));
    assert_false(vch_str_eq(again.secret, made.secret));
}

static void tokens_expire(void **state) {
    (void)state;
    static const struct {
        int64_t after_ms;
        enum vch_err err;
        const char *reason;
    } cases[] = {{0, VCH_OK, NULL}, {899999, VCH_OK, NULL}, {900000, VCH_ERR_EXPIRED, "session-expired"}, {INT64_C(1) << 40, VCH_ERR_EXPIRED, "session-expired"}};
    struct vch_session made, got;
    struct vch_str key_id, token;
    seal(&made, &key_id, &token);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(open_at(key_id, token, fx.now_ms + cases[i].after_ms, &got), cases[i].err);
        if (cases[i].reason) assert_string_equal(fx.diag.reason, cases[i].reason);
    }
}

static void token_refused(struct vch_str key_id, struct vch_str token) {
    struct vch_session got;
    assert_int_equal(open_at(key_id, token, fx.now_ms, &got), VCH_ERR_UNAUTHENTICATED);
    assert_string_equal(fx.diag.reason, "access-key-unknown");
}

static void tokens_are_of_one_key_and_one_server(void **state) {
    (void)state;
    struct vch_session made, other;
    struct vch_str key_id, token, other_id, other_token;
    seal(&made, &key_id, &token);
    seal(&other, &other_id, &other_token);
    token_refused(other_id, token);
    token_refused(VCH_STR(""), token);
    fx.service.seal_key[31] ^= 1;
    token_refused(key_id, token);
    fx.service.seal_key[31] ^= 1;
    token_refused(key_id, VCH_STR(""));
    token_refused(key_id, VCH_STR("AAAA"));
    token_refused(key_id, VCH_STR("no base64 at all"));
    for (size_t i = 0; i < token.len; i++) {
        char *copy = vch_arena_alloc(fx.arena, token.len);
        memcpy(copy, token.ptr, token.len);
        copy[i] = copy[i] == 'A' ? 'B' : 'A';
        /* The last characters of base64 may hold bits that mean nothing. */
        if (i + 4 < token.len) token_refused(key_id, vch_str_of(copy, token.len));
        token_refused(key_id, vch_str_sub(token, 0, i));
    }
    char *huge = vch_arena_alloc(fx.arena, 100000);
    memset(huge, 'A', 100000);
    token_refused(key_id, vch_str_of(huge, 100000));
}

/* An access key's sealed secret is no token, though the same key seals both. */
static void a_sealed_secret_is_no_token(void **state) {
    (void)state;
    struct vch_access_key key;
    struct vch_buf buf;
    struct vch_str text;
    assert_int_equal(vch_access_key_new(&fx.service, fx.arena, &key), VCH_OK);
    vch_buf_init(&buf, 1024);
    vch_base64(key.sealed, &buf);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    token_refused(key.id, text);
    vch_buf_deinit(&buf);
}

/* ---- trust documents ---- */

#define DOC(statements) "{'Version':'2012-10-17','Statement':[" statements "]}"
#define TRUST(effect, principal) "{'Effect':'" effect "','Action':'sts:AssumeRole','Principal':" principal "}"
#define AWS(who) "{'AWS':'" who "'}"

static struct vch_str quoted(const char *text) {
    struct vch_str copy = vch_arena_str(fx.arena, vch_str_from(text));
    char *at = (char *)(uintptr_t)copy.ptr;
    for (size_t i = 0; i < copy.len; i++)
        if (at[i] == '\'') at[i] = '"';
    return copy;
}

static void lookup(void *arg, struct vch_str name, struct vch_policy_values *ret) {
    (void)arg;
    if (!vch_str_ieq(name, VCH_STR("sts:ExternalId"))) return;
    ret->value[0] = VCH_STR("42");
    ret->count = 1;
}

static void trust_speaks_of_the_caller(void **state) {
    (void)state;
    static const struct {
        const char *document;
        enum vch_trust user, session;
    } cases[] = {
        {DOC(TRUST("Allow", AWS(IAM("user/ann")))), VCH_TRUST_DIRECT, VCH_TRUST_NONE},
        {DOC(TRUST("Allow", AWS(IAM("user/bob")))), VCH_TRUST_NONE, VCH_TRUST_NONE},
        {DOC(TRUST("Allow", AWS(ACCOUNT))), VCH_TRUST_ACCOUNT, VCH_TRUST_ACCOUNT},
        {DOC(TRUST("Allow", AWS(IAM("root")))), VCH_TRUST_ACCOUNT, VCH_TRUST_ACCOUNT},
        {DOC(TRUST("Allow", "'*'")), VCH_TRUST_ACCOUNT, VCH_TRUST_ACCOUNT},
        {DOC(TRUST("Allow", AWS("*"))), VCH_TRUST_ACCOUNT, VCH_TRUST_ACCOUNT},
        {DOC(TRUST("Allow", AWS(IAM("role/reader")))), VCH_TRUST_NONE, VCH_TRUST_DIRECT},
        {DOC(TRUST("Allow", AWS(STS("reader/s1")))), VCH_TRUST_NONE, VCH_TRUST_DIRECT},
        {DOC(TRUST("Allow", AWS(STS("reader/s2")))), VCH_TRUST_NONE, VCH_TRUST_NONE},
        {DOC(TRUST("Allow", "{'Service':'iot.amazonaws.com'}")), VCH_TRUST_NONE, VCH_TRUST_NONE},
        {DOC(TRUST("Allow", "{'AWS':['" IAM("user/bob") "','" IAM("user/ann") "'],'Service':'x'}")), VCH_TRUST_DIRECT, VCH_TRUST_NONE},
        {DOC(TRUST("Allow", AWS(ACCOUNT)) "," TRUST("Deny", AWS(IAM("user/ann")))), VCH_TRUST_DENIED, VCH_TRUST_ACCOUNT},
        {DOC(TRUST("Allow", AWS(IAM("user/ann"))) "," TRUST("Deny", AWS(ACCOUNT))), VCH_TRUST_DENIED, VCH_TRUST_DENIED},
        {DOC(TRUST("Deny", AWS(IAM("user/bob")))), VCH_TRUST_NONE, VCH_TRUST_NONE},
        {"{'Version':'2012-10-17','Statement':" TRUST("Allow", AWS(IAM("user/ann"))) "}", VCH_TRUST_DIRECT, VCH_TRUST_NONE},
        {DOC("{'Effect':'Allow','Action':'sts:TagSession','Principal':'*'}"), VCH_TRUST_NONE, VCH_TRUST_NONE},
        {DOC("{'Effect':'Allow','Action':'sts:*','Principal':'*'}"), VCH_TRUST_ACCOUNT, VCH_TRUST_ACCOUNT},
        {DOC("{'Effect':'Allow','NotAction':'sts:AssumeRole','Principal':'*'}"), VCH_TRUST_NONE, VCH_TRUST_NONE},
        {DOC("{'Effect':'Allow','Action':'sts:AssumeRole','Principal':'*','Condition':{'StringEquals':{'sts:ExternalId':'42'}}}"), VCH_TRUST_ACCOUNT, VCH_TRUST_ACCOUNT},
        {DOC("{'Effect':'Allow','Action':'sts:AssumeRole','Principal':'*','Condition':{'StringEquals':{'sts:ExternalId':'43'}}}"), VCH_TRUST_NONE, VCH_TRUST_NONE},
    };
    const struct vch_caller user = {.kind = VCH_CALLER_USER, .arn = VCH_STR(IAM("user/ann")), .user_name = VCH_STR("ann")};
    const struct vch_caller session = {.kind = VCH_CALLER_ROLE, .arn = VCH_STR(STS("reader/s1")), .role_arn = VCH_STR(IAM("role/reader")), .role_name = VCH_STR("reader")};
    const struct vch_policy_request request = {.action = VCH_STR("sts:AssumeRole"), .lookup = lookup};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        enum vch_trust got;
        struct vch_str document = quoted(cases[i].document);
        if (vch_trust_check(&fx.service.site, document, &fx.diag) != VCH_OK) fail_msg("%s: %s", document.ptr, fx.diag.message);
        assert_int_equal(vch_trust_eval(&fx.service.site, document, &user, &request, &got, NULL), VCH_OK);
        if (got != cases[i].user) fail_msg("user, %s: %d", document.ptr, (int)got);
        assert_int_equal(vch_trust_eval(&fx.service.site, document, &session, &request, &got, NULL), VCH_OK);
        if (got != cases[i].session) fail_msg("session, %s: %d", document.ptr, (int)got);
    }
}

static void trust_documents_are_checked(void **state) {
    (void)state;
    static const struct {
        const char *document, *field;
    } cases[] = {
        {"", ""},
        {"{", ""},
        {"7", ""},
        {"{}", ""},
        {"{'Version':'2012-10-17'}", ""},
        {"{'Version':'2012-10-17','Statement':[]}", "/Statement"},
        {"{'Version':'2012-10-17','Statement':7}", "/Statement/0/"},
        {"{'Version':'2012-10-17','Statement':[7]}", "/Statement/0/"},
        {"{'Version':'2000-01-01','Statement':[" TRUST("Allow", "'*'") "]}", "/Version"},
        {DOC(TRUST("Allow", "'ann'")), "/Statement/0/Principal"},
        {DOC(TRUST("Allow", "{}")), "/Statement/0/Principal"},
        {DOC(TRUST("Allow", "[]")), "/Statement/0/Principal"},
        {DOC(TRUST("Allow", "{'AWS':[]}")), "/Statement/0/Principal"},
        {DOC(TRUST("Allow", "{'AWS':7}")), "/Statement/0/Principal"},
        {DOC(TRUST("Allow", "{'AWS':['" ACCOUNT "',7]}")), "/Statement/0/Principal"},
        {DOC(TRUST("Allow", "{'Aws':'" ACCOUNT "'}")), "/Statement/0/Principal"},
        {DOC(TRUST("Allow", AWS("arn:aws:iam::999999999999:user/a"))), "/Statement/0/Principal"},
        {DOC(TRUST("Allow", AWS("arn:aws-cn:iam::" ACCOUNT ":user/a"))), "/Statement/0/Principal"},
        {DOC(TRUST("Allow", AWS(IAM("group/a")))), "/Statement/0/Principal"},
        {DOC(TRUST("Allow", AWS(IAM("user/")))), "/Statement/0/Principal"},
        {DOC(TRUST("Allow", AWS(IAM("user/a*")))), "/Statement/0/Principal"},
        {DOC(TRUST("Allow", AWS(STS("reader")))), "/Statement/0/Principal"},
        {DOC(TRUST("Allow", AWS("arn:aws:sqs::" ACCOUNT ":user/a"))), "/Statement/0/Principal"},
        {DOC(TRUST("Allow", "'*'") "," TRUST("Perhaps", "'*'")), "/Statement/1/Effect"},
        {DOC("{'Effect':'Allow','Action':'sts:AssumeRole','Principal':'*','Resource':'*'}"), "/Statement/0/Resource"},
        {DOC("{'Effect':'Allow','Action':'sts:AssumeRole','Principal':'*','NotResource':'*'}"), "/Statement/0/NotResource"},
        {DOC("{'Effect':'Allow','Action':'sts:AssumeRole','NotPrincipal':{'AWS':'*'}}"), "/Statement/0/NotPrincipal"},
        {DOC("{'Effect':'Allow','Action':'assume','Principal':'*'}"), "/Statement/0/Action"},
        {DOC("{'Effect':'Allow','Action':'sts:AssumeRole','Principal':'*','Condition':{'Strange':{'a':'b'}}}"), "/Statement/0/Condition/Strange"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        vch_diag_clear(&fx.diag);
        enum vch_err err = vch_trust_check(&fx.service.site, quoted(cases[i].document), &fx.diag);
        if (err == VCH_OK || strcmp(fx.diag.field, cases[i].field) != 0) fail_msg("%s: %s %s", cases[i].document, vch_err_word(err), fx.diag.field);
        assert_string_equal(fx.diag.reason, "policy-malformed");
    }
    char *large = vch_arena_alloc(fx.arena, VCH_TRUST_MAX + 2);
    memset(large, ' ', VCH_TRUST_MAX + 1);
    assert_int_equal(vch_trust_check(&fx.service.site, vch_str_of(large, VCH_TRUST_MAX + 1), NULL), VCH_ERR_TOO_LARGE);
}

/* ---- sessions at work ---- */

#define POLICY(effect, action, resource)                                                                               \
    "{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":{\\\"Effect\\\":\\\"" effect "\\\",\\\"Action\\\":\\\"" action "\\\",\\\"Resource\\\":\\\"" resource "\\\"}}"
#define TRUSTS(who)                                                                                                    \
    "{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":{\\\"Effect\\\":\\\"Allow\\\",\\\"Action\\\":\\\"sts:AssumeRole\\\",\\\"Principal\\\":{\\\"AWS\\\":\\\"" who "\\\"}}}"

static enum vch_err may(struct vch_iam *iam, const struct vch_caller *caller, const char *action) {
    const struct vch_iam_ask ask = {.caller = caller, .action = vch_str_from(action), .resource = VCH_STR("*"), .now_ms = fx.now_ms};
    vch_diag_clear(&fx.diag);
    return vch_iam_check(iam, &ask, &fx.diag);
}

static struct vch_caller a_role_caller(const char *key_id, const char *policy) {
    return (struct vch_caller){.kind = VCH_CALLER_ROLE,
                               .arn = VCH_STR(STS("reader/s1")),
                               .role_arn = VCH_STR(IAM("role/reader")),
                               .role_name = VCH_STR("reader"),
                               .role_user_id = VCH_STR("AROAX:s1"),
                               .access_key_id = vch_str_from(key_id),
                               .session_policy = vch_str_from(policy)};
}

static void sessions_have_the_roles_rights_and_no_more(void **state) {
    (void)state;
    static const char list_only[] = "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"iot:ListThings\",\"Resource\":\"*\"}}";
    static const char deny[] = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"},"
                               "{\"Effect\":\"Deny\",\"Action\":\"iot:ListThings\",\"Resource\":\"*\"}]}";
    struct vch_iam *iam = NULL;
    fixture_good(OP(CREATE_ROLE, create_role), "{'roleName':'reader','assumeRolePolicyDocument':'" TRUSTS(ACCOUNT) "'}");
    fixture_good(OP(PUT_ROLE_POLICY, put_owner_policy), "{'roleName':'reader','policyName':'p','policyDocument':'" POLICY("Allow", "iot:List*", "*") "'}");
    assert_int_equal(vch_iam_new(&fx.service, &iam), VCH_OK);
    const struct vch_caller plain = a_role_caller("ASIA1", ""), narrow = a_role_caller("ASIA2", list_only), denied = a_role_caller("ASIA3", deny),
                            broken = a_role_caller("ASIA4", "{");
    assert_int_equal(may(iam, &plain, "iot:ListThings"), VCH_OK);
    assert_int_equal(may(iam, &plain, "iot:ListPolicies"), VCH_OK);
    assert_int_equal(may(iam, &plain, "iot:GetPolicy"), VCH_ERR_DENIED);
    assert_int_equal(may(iam, &narrow, "iot:ListThings"), VCH_OK);
    assert_int_equal(may(iam, &narrow, "iot:ListPolicies"), VCH_ERR_DENIED);
    assert_string_equal(fx.diag.reason, "policy-silent");
    assert_non_null(strstr(fx.diag.message, "because no session policy allows it"));
    assert_int_equal(may(iam, &denied, "iot:ListPolicies"), VCH_OK);
    assert_int_equal(may(iam, &denied, "iot:ListThings"), VCH_ERR_DENIED);
    assert_string_equal(fx.diag.reason, "policy-denies");
    assert_non_null(strstr(fx.diag.message, "explicit deny in a session policy"));
    assert_int_equal(may(iam, &denied, "iot:GetPolicy"), VCH_ERR_DENIED); /* a session widens nothing */
    assert_int_equal(may(iam, &broken, "iot:ListThings"), VCH_ERR_DENIED);
    fixture_good(OP(PUT_ROLE_POLICY, put_owner_policy), "{'roleName':'reader','policyName':'q','policyDocument':'" POLICY("Deny", "iot:ListThings", "*") "'}");
    assert_int_equal(may(iam, &plain, "iot:ListThings"), VCH_OK); /* still what was read before */
    vch_iam_changed(iam, VCH_STR("reader"));                      /* a user of that name is somebody else */
    assert_int_equal(may(iam, &plain, "iot:ListThings"), VCH_OK);
    vch_iam_role_changed(iam, VCH_STR("reader"));
    assert_int_equal(may(iam, &plain, "iot:ListThings"), VCH_ERR_DENIED);
    assert_non_null(strstr(fx.diag.message, "explicit deny in an identity-based policy"));
    assert_int_equal(may(iam, &narrow, "iot:ListThings"), VCH_ERR_DENIED);
    vch_iam_free(iam);
}

static void a_session_is_of_the_role_that_was_taken(void **state) {
    (void)state;
    struct vch_session session = a_session();
    assert_int_equal(vch_session_check(&fx.service, &session, fx.arena, &fx.diag), VCH_ERR_UNAUTHENTICATED);
    fixture_good(OP(CREATE_ROLE, create_role), "{'roleName':'reader','assumeRolePolicyDocument':'" TRUSTS(ACCOUNT) "'}");
    session = a_session();
    assert_int_equal(vch_session_check(&fx.service, &session, fx.arena, NULL), VCH_ERR_UNAUTHENTICATED);
    session.role_id = fixture_text("roleId");
    assert_int_equal(vch_session_check(&fx.service, &session, fx.arena, NULL), VCH_OK);
}

static void assuming_gives_credentials_that_open(void **state) {
    (void)state;
    struct vch_session got;
    fixture_good(OP(CREATE_ROLE, create_role), "{'roleName':'reader','maxSessionDuration':7200,'assumeRolePolicyDocument':'" TRUSTS(ACCOUNT) "'}");
    fixture_good(OP(ASSUME_ROLE, assume_role), "{'RoleArn':'" IAM("role/reader") "','RoleSessionName':'s1','DurationSeconds':'900'}");
    assert_str(fixture_text("AssumedRoleUser/Arn"), STS("reader/s1"));
    assert_str(fixture_text("Credentials/Expiration"), "2023-11-14T22:28:20Z");
    assert_int_equal(open_at(fixture_text("Credentials/AccessKeyId"), fixture_text("Credentials/SessionToken"), fx.now_ms, &got), VCH_OK);
    assert_true(vch_str_eq(got.secret, fixture_text("Credentials/SecretAccessKey")));
    assert_int_equal(got.expires_ms, fx.now_ms + 900000);
    assert_int_equal(got.policy.len, 0);
    assert_int_equal(fixture_events("role-assumed"), 1);
    fixture_good(OP(ASSUME_ROLE, assume_role), "{'RoleArn':'" IAM("role/reader") "','RoleSessionName':'s1','Policy':'" POLICY("Allow", "iot:*", "*") "'}");
    assert_true(fixture_number("PackedPolicySize") > 0);
    fixture_refused(OP(ASSUME_ROLE, assume_role), "{'RoleArn':'" IAM("role/reader") "','RoleSessionName':'s1','DurationSeconds':'7201'}", VCH_ERR_INVALID, "field-invalid");
    fixture_refused(OP(ASSUME_ROLE, assume_role), "{'RoleArn':'" IAM("role/none") "','RoleSessionName':'s1'}", VCH_ERR_DENIED, "access-denied");
    fixture_refused(OP(ASSUME_ROLE, assume_role), "{'RoleArn':'arn:aws:iam::999999999999:role/reader','RoleSessionName':'s1'}", VCH_ERR_DENIED, "access-denied");
    fixture_refused(OP(ASSUME_ROLE, assume_role), "{'RoleArn':'" IAM("role/reader") "','RoleSessionName':'s1','Policy':'{}'}", VCH_ERR_MALFORMED, "policy-malformed");
    fixture_refused(OP(ASSUME_ROLE, assume_role), "{'RoleArn':'" IAM("role/reader") "','RoleSessionName':'s1','DurationSeconds':'899'}", VCH_ERR_INVALID, "field-invalid");
    fixture_refused(OP(ASSUME_ROLE, assume_role), "{'RoleArn':'" IAM("role/reader") "','RoleSessionName':'s'}", VCH_ERR_INVALID, "field-invalid");
    fixture_refused(OP(ASSUME_ROLE, assume_role), "{'RoleArn':'" IAM("user/reader") "','RoleSessionName':'s1'}", VCH_ERR_INVALID, "field-invalid");
}

static enum vch_err may_assume(struct vch_iam *iam, const struct vch_caller *caller, const char *role) {
    const struct vch_iam_ask ask = {.caller = caller, .action = VCH_STR("sts:AssumeRole"), .resource = vch_str_from(role), .now_ms = fx.now_ms};
    vch_diag_clear(&fx.diag);
    return vch_iam_check_assume(iam, &ask, &fx.diag);
}

static void trust_and_permission_meet(void **state) {
    (void)state;
    struct vch_iam *iam = NULL;
    const struct vch_caller ann = {.kind = VCH_CALLER_USER, .user_name = VCH_STR("ann"), .arn = VCH_STR(IAM("user/ann"))};
    assert_int_equal(vch_iam_new(&fx.service, &iam), VCH_OK);
    fixture_good(OP(CREATE_USER, create_user), "{'userName':'ann'}");
    fixture_good(OP(CREATE_ROLE, create_role), "{'roleName':'direct','assumeRolePolicyDocument':'" TRUSTS(IAM("user/ann")) "'}");
    fixture_good(OP(CREATE_ROLE, create_role), "{'roleName':'account','assumeRolePolicyDocument':'" TRUSTS(ACCOUNT) "'}");
    fixture_good(OP(CREATE_ROLE, create_role), "{'roleName':'other','assumeRolePolicyDocument':'" TRUSTS(IAM("user/bob")) "'}");
    assert_int_equal(may_assume(iam, &ann, IAM("role/direct")), VCH_OK);
    assert_int_equal(may_assume(iam, &ann, IAM("role/account")), VCH_ERR_DENIED);
    assert_int_equal(may_assume(iam, &ann, IAM("role/other")), VCH_ERR_DENIED);
    assert_int_equal(may_assume(iam, &ann, IAM("role/none")), VCH_ERR_DENIED);
    fixture_good(OP(PUT_USER_POLICY, put_user_policy), "{'userName':'ann','policyName':'p','policyDocument':'" POLICY("Allow", "sts:AssumeRole", "*") "'}");
    vch_iam_changed(iam, VCH_STR("ann"));
    assert_int_equal(may_assume(iam, &ann, IAM("role/account")), VCH_OK);
    assert_int_equal(may_assume(iam, &ann, IAM("role/other")), VCH_ERR_DENIED);
    assert_int_equal(may_assume(iam, &ann, IAM("role/none")), VCH_ERR_DENIED);
    assert_string_equal(fx.diag.message, "User: " IAM("user/ann") " is not authorized to perform: sts:AssumeRole on resource: " IAM("role/none"));
    assert_int_equal(may_assume(iam, &ann, IAM("role/x/account")), VCH_ERR_DENIED);
    fixture_good(OP(PUT_USER_POLICY, put_user_policy), "{'userName':'ann','policyName':'p','policyDocument':'" POLICY("Deny", "sts:AssumeRole", "*") "'}");
    vch_iam_changed(iam, VCH_STR("ann"));
    assert_int_equal(may_assume(iam, &ann, IAM("role/direct")), VCH_ERR_DENIED);
    assert_string_equal(fx.diag.reason, "policy-denies");
    vch_iam_free(iam);
}

static void passing_a_role_needs_leave(void **state) {
    (void)state;
    struct vch_iam *iam = NULL;
    const struct vch_caller ann = {.kind = VCH_CALLER_USER, .user_name = VCH_STR("ann"), .arn = VCH_STR(IAM("user/ann"))};
    const struct vch_iam_ask ask = {.caller = &ann, .action = VCH_STR("iot:CreateProvisioningTemplate"), .resource = VCH_STR("*"), .now_ms = fx.now_ms};
    assert_int_equal(vch_iam_new(&fx.service, &iam), VCH_OK);
    fixture_good(OP(CREATE_USER, create_user), "{'userName':'ann'}");
    assert_int_equal(vch_iam_check_pass(iam, &ask, VCH_STR(IAM("role/r")), &fx.diag), VCH_OK);
    fixture_good(OP(CREATE_ROLE, create_role), "{'roleName':'r','assumeRolePolicyDocument':'" TRUSTS(ACCOUNT) "'}");
    assert_int_equal(vch_iam_check_pass(iam, &ask, VCH_STR(IAM("role/r")), &fx.diag), VCH_ERR_DENIED);
    assert_string_equal(fx.diag.message, "User: " IAM("user/ann") " is not authorized to perform: iam:PassRole on resource: " IAM("role/r"));
    assert_int_equal(vch_iam_check_pass(iam, &ask, VCH_STR(IAM("role/service-role/r")), NULL), VCH_ERR_DENIED);
    assert_int_equal(vch_iam_check_pass(iam, &ask, VCH_STR(IAM("role/other")), NULL), VCH_OK);
    assert_int_equal(vch_iam_check_pass(iam, &ask, VCH_STR("arn:aws:iam::999999999999:role/r"), NULL), VCH_OK);
    assert_int_equal(vch_iam_check_pass(iam, &ask, VCH_STR("no arn"), NULL), VCH_OK);
    assert_int_equal(vch_iam_check_pass(iam, &ask, VCH_STR(""), NULL), VCH_OK);
    fixture_good(OP(PUT_USER_POLICY, put_user_policy), "{'userName':'ann','policyName':'p','policyDocument':'" POLICY("Allow", "iam:PassRole", IAM("role/r")) "'}");
    vch_iam_changed(iam, VCH_STR("ann"));
    assert_int_equal(vch_iam_check_pass(iam, &ask, VCH_STR(IAM("role/r")), NULL), VCH_OK);
    vch_iam_free(iam);
}

/* ---- what is kept at rest ---- */

static bool file_has(const char *path, struct vch_str secret) {
    FILE *file = fopen(path, "rb");
    if (!file) return false;
    static char bytes[8 << 20];
    size_t len = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    return memmem(bytes, len, secret.ptr, secret.len) != NULL;
}

static void secrets_are_not_in_the_files(void **state) {
    (void)state;
    char path[128], secret[64], id[32];
    static const char *const files[] = {"registry.db", "registry.db-wal", "registry.db-shm"};
    bool seen = false;
    fixture_good(OP(CREATE_USER, create_user), "{'userName':'bob'}");
    fixture_good(OP(CREATE_ACCESS_KEY, create_access_key), "{'userName':'bob'}");
    assert_true(vch_str_copy(secret, sizeof secret, fixture_text("secretAccessKey")));
    assert_true(vch_str_copy(id, sizeof id, fixture_text("accessKeyId")));
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", fx.folder, files[i]);
        seen = seen || file_has(path, vch_str_from(id)); /* it was written there at all */
        assert_false(file_has(path, vch_str_from(secret)));
    }
    assert_true(seen);
}

/* ---- keys ---- */

static void keys_are_disabled_and_seen_used(void **state) {
    (void)state;
    char id[32], in[256];
    struct vch_str user, secret;
    fixture_good(OP(CREATE_USER, create_user), "{'userName':'bob'}");
    fixture_good(OP(CREATE_ACCESS_KEY, create_access_key), "{'userName':'bob'}");
    assert_true(vch_str_copy(id, sizeof id, fixture_text("accessKeyId")));
    vch_access_key_used(&fx.service, vch_str_from(id), fx.now_ms + 61000);
    vch_access_key_used(&fx.service, vch_str_from(id), fx.now_ms + 62000);
    vch_access_key_used(&fx.service, VCH_STR("AKIAgone"), fx.now_ms);
    fixture_good(OP(LIST_ACCESS_KEYS, list_access_keys), "{'userName':'bob'}");
    assert_int_equal(fixture_number("accessKeys/0/lastUsedDate"), fx.now_ms + 61000);
    (void)snprintf(in, sizeof in, "{'userName':'bob','accessKeyId':'%s','status':'Inactive'}", id);
    fixture_good(OP(UPDATE_ACCESS_KEY, update_access_key), in);
    assert_int_equal(vch_access_key_find(&fx.service, vch_str_from(id), fx.arena, &user, &secret, NULL), VCH_ERR_UNAUTHENTICATED);
    (void)snprintf(in, sizeof in, "{'userName':'bob','accessKeyId':'%s','status':'Active'}", id);
    fixture_good(OP(UPDATE_ACCESS_KEY, update_access_key), in);
    assert_int_equal(vch_access_key_find(&fx.service, vch_str_from(id), fx.arena, &user, &secret, NULL), VCH_OK);
    (void)snprintf(in, sizeof in, "{'userName':'eve','accessKeyId':'%s','status':'Inactive'}", id);
    fixture_refused(OP(UPDATE_ACCESS_KEY, update_access_key), in, VCH_ERR_NOT_FOUND, "resource-missing");
    assert_int_equal(fixture_events("access-key-disabled"), 1);
    assert_int_equal(fixture_events("access-key-enabled"), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(tokens_hold_what_was_sealed),
        TEST(tokens_expire),
        TEST(tokens_are_of_one_key_and_one_server),
        TEST(a_sealed_secret_is_no_token),
        TEST(trust_speaks_of_the_caller),
        TEST(trust_documents_are_checked),
        TEST(sessions_have_the_roles_rights_and_no_more),
        TEST(a_session_is_of_the_role_that_was_taken),
        TEST(assuming_gives_credentials_that_open),
        TEST(trust_and_permission_meet),
        TEST(passing_a_role_needs_leave),
        TEST(secrets_are_not_in_the_files),
        TEST(keys_are_disabled_and_seen_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
