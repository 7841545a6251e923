/* Users, access keys, their permissions, and the first user. */
#include "service/fixture.h"

#include <argon2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "service/access_key.h"
#include "service/iam.h"
#include "service/seal.h"

#define OP(name, function) VCH_OP_##name, vch_uc_##function
#define ALLOW(action, resource)                                                                                        \
    "'policyDocument':'{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":[{\\\"Effect\\\":\\\"Allow\\\",\\\"Action\\\":\\\"" action           \
    "\\\",\\\"Resource\\\":\\\"" resource "\\\"}]}'"

static void users_are_made_listed_deleted(void **state) {
    (void)state;
    fixture_good(OP(CREATE_USER, create_user), "{'userName':'bob'}");
    assert_str(fixture_text("userArn"), "arn:aws:iam::" ACCOUNT ":user/bob");
    fixture_refused(OP(CREATE_USER, create_user), "{'userName':'bob'}", VCH_ERR_EXISTS, "user-exists");
    fixture_good(OP(CREATE_USER, create_user), "{'userName':'al'}");
    fixture_good(OP(LIST_USERS, list_users), "{'maxResults':1}");
    assert_str(fixture_text("users/0/userName"), "al");
    assert_false(vch_str_eq_c(fixture_text("nextToken"), "(none)"));
    fixture_good(OP(DELETE_USER, delete_user), "{'userName':'bob'}");
    fixture_refused(OP(DELETE_USER, delete_user), "{'userName':'bob'}", VCH_ERR_NOT_FOUND, "user-missing");
    fixture_refused(OP(CREATE_USER, create_user), "{'userName':'b b'}", VCH_ERR_INVALID, "name-invalid");
    assert_int_equal(fixture_events("user-created"), 2);
    assert_int_equal(fixture_events("user-deleted"), 1);
}

static void user_policies_are_put_and_taken(void **state) {
    (void)state;
    fixture_good(OP(CREATE_USER, create_user), "{'userName':'bob'}");
    fixture_good(OP(PUT_USER_POLICY, put_user_policy), "{'userName':'bob','policyName':'p'," ALLOW("iot:GetPolicy", "*") "}");
    fixture_good(OP(PUT_USER_POLICY, put_user_policy), "{'userName':'bob','policyName':'p'," ALLOW("iot:ListThings", "*") "}");
    fixture_good(OP(LIST_USER_POLICIES, list_user_policies), "{'userName':'bob'}");
    assert_int_equal(fixture_count("policies"), 1);
    assert_true(vch_str_find(fixture_text("policies/0/policyDocument"), 'L', 0) != SIZE_MAX);
    fixture_good(OP(DELETE_USER_POLICY, delete_user_policy), "{'userName':'bob','policyName':'p'}");
    fixture_refused(OP(DELETE_USER_POLICY, delete_user_policy), "{'userName':'bob','policyName':'p'}", VCH_ERR_NOT_FOUND, "policy-missing");
    fixture_refused(OP(PUT_USER_POLICY, put_user_policy), "{'userName':'none','policyName':'p'," ALLOW("iot:*", "*") "}", VCH_ERR_NOT_FOUND, "user-missing");
    fixture_refused(OP(LIST_USER_POLICIES, list_user_policies), "{'userName':'none'}", VCH_ERR_NOT_FOUND, "user-missing");
    enum vch_err err = fixture_call(OP(PUT_USER_POLICY, put_user_policy), "{'userName':'bob','policyName':'p','policyDocument':'{}'}");
    assert_int_not_equal(err, VCH_OK);
    assert_string_equal(fx.diag.reason, "policy-malformed");
}

static void a_user_has_ten_policies_at_most(void **state) {
    (void)state;
    char in[512];
    fixture_good(OP(CREATE_USER, create_user), "{'userName':'bob'}");
    for (int i = 0; i <= 10; i++) {
        (void)snprintf(in, sizeof in, "{'userName':'bob','policyName':'p%d'," ALLOW("iot:*", "*") "}", i);
        if (i < 10) fixture_good(OP(PUT_USER_POLICY, put_user_policy), in);
        else fixture_refused(OP(PUT_USER_POLICY, put_user_policy), in, VCH_ERR_LIMIT, "iam-full");
    }
    fixture_good(OP(PUT_USER_POLICY, put_user_policy), "{'userName':'bob','policyName':'p3'," ALLOW("iot:*", "*") "}");
}

/* ---- access keys ---- */

static void keys_are_two_and_told_once(void **state) {
    (void)state;
    char id[32], secret[64], in[256];
    fixture_good(OP(CREATE_USER, create_user), "{'userName':'bob'}");
    fixture_good(OP(CREATE_USER, create_user), "{'userName':'eve'}");
    fixture_good(OP(CREATE_ACCESS_KEY, create_access_key), "{'userName':'bob'}");
    assert_true(vch_str_copy(id, sizeof id, fixture_text("accessKeyId")));
    assert_true(vch_str_copy(secret, sizeof secret, fixture_text("secretAccessKey")));
    assert_int_equal(strlen(id), 20);
    assert_memory_equal(id, "AKIA", 4);
    assert_int_equal(strlen(secret), 40);
    struct vch_str user, found;
    assert_int_equal(vch_access_key_find(&fx.service, vch_str_from(id), fx.arena, &user, &found, NULL), VCH_OK);
    assert_str(user, "bob");
    assert_str(found, secret);
    fixture_good(OP(CREATE_ACCESS_KEY, create_access_key), "{'userName':'bob'}");
    assert_false(vch_str_eq_c(fixture_text("accessKeyId"), id));
    fixture_refused(OP(CREATE_ACCESS_KEY, create_access_key), "{'userName':'bob'}", VCH_ERR_LIMIT, "access-keys-full");
    fixture_good(OP(LIST_ACCESS_KEYS, list_access_keys), "{'userName':'bob'}");
    assert_int_equal(fixture_count("accessKeys"), 2);
    (void)snprintf(in, sizeof in, "{'userName':'eve','accessKeyId':'%s'}", id);
    fixture_refused(OP(DELETE_ACCESS_KEY, delete_access_key), in, VCH_ERR_NOT_FOUND, "resource-missing");
    (void)snprintf(in, sizeof in, "{'userName':'bob','accessKeyId':'%s'}", id);
    fixture_good(OP(DELETE_ACCESS_KEY, delete_access_key), in);
    fixture_refused(OP(DELETE_ACCESS_KEY, delete_access_key), in, VCH_ERR_NOT_FOUND, "resource-missing");
    struct vch_diag diag = {0};
    assert_int_equal(vch_access_key_find(&fx.service, vch_str_from(id), fx.arena, &user, &found, &diag), VCH_ERR_UNAUTHENTICATED);
    assert_string_equal(diag.reason, "access-key-unknown");
    fixture_refused(OP(CREATE_ACCESS_KEY, create_access_key), "{'userName':'none'}", VCH_ERR_NOT_FOUND, "user-missing");
    fixture_refused(OP(LIST_ACCESS_KEYS, list_access_keys), "{'userName':'none'}", VCH_ERR_NOT_FOUND, "user-missing");
}

static void inactive_keys_and_foreign_seals_open_nothing(void **state) {
    (void)state;
    char id[32];
    struct vch_str user, found;
    struct vch_diag diag = {0};
    fixture_good(OP(CREATE_USER, create_user), "{'userName':'bob'}");
    fixture_good(OP(CREATE_ACCESS_KEY, create_access_key), "{'userName':'bob'}");
    assert_true(vch_str_copy(id, sizeof id, fixture_text("accessKeyId")));
    fx.service.seal_key[0] ^= 1;
    assert_int_equal(vch_access_key_find(&fx.service, vch_str_from(id), fx.arena, &user, &found, &diag), VCH_ERR_INTERNAL);
    fx.service.seal_key[0] ^= 1;
    struct vch_plan *plan = vch_plan_new(fx.arena);
    vch_plan_access_key_status(plan, vch_str_from(id), VCH_STR("Inactive"));
    assert_int_equal(vch_store_apply(fx.service.store, plan, NULL), VCH_OK);
    assert_int_equal(vch_access_key_find(&fx.service, vch_str_from(id), fx.arena, &user, &found, NULL), VCH_ERR_UNAUTHENTICATED);
}

static void sealing_is_undone_only_as_it_was_done(void **state) {
    (void)state;
    const uint8_t key[32] = {1}, other[32] = {2};
    struct vch_str sealed, again, plain, label = VCH_STR("AKIA"), secret = VCH_STR("a secret of some length");
    assert_int_equal(vch_seal(key, label, secret, fx.arena, &sealed), VCH_OK);
    assert_int_equal(vch_seal(key, label, secret, fx.arena, &again), VCH_OK);
    assert_int_equal(sealed.len, secret.len + VCH_SEAL_EXTRA);
    assert_false(vch_str_eq(sealed, again));
    assert_int_equal(vch_unseal(key, label, sealed, fx.arena, &plain), VCH_OK);
    assert_true(vch_str_eq(plain, secret));
    assert_int_equal(vch_unseal(other, label, sealed, fx.arena, &plain), VCH_ERR_MALFORMED);
    assert_int_equal(vch_unseal(key, VCH_STR("AKIB"), sealed, fx.arena, &plain), VCH_ERR_MALFORMED);
    for (size_t i = 0; i < sealed.len; i++) {
        char *copy = vch_arena_alloc(fx.arena, sealed.len);
        memcpy(copy, sealed.ptr, sealed.len);
        copy[i] ^= 0x20;
        assert_int_equal(vch_unseal(key, label, vch_str_of(copy, sealed.len), fx.arena, &plain), VCH_ERR_MALFORMED);
        assert_int_equal(vch_unseal(key, label, vch_str_sub(sealed, 0, i), fx.arena, &plain), VCH_ERR_MALFORMED);
    }
    assert_int_equal(vch_seal(key, label, VCH_STR(""), fx.arena, &sealed), VCH_OK);
    assert_int_equal(vch_unseal(key, label, sealed, fx.arena, &plain), VCH_OK);
    assert_int_equal(plain.len, 0);
}

/* ---- permissions ---- */

static enum vch_err ask(struct vch_iam *iam, const char *user, const char *action, const char *resource, struct vch_diag *diag) {
    const struct vch_caller caller = {.kind = VCH_CALLER_USER,
                                      .user_name = vch_str_from(user),
                                      .arn = VCH_STR("arn:aws:iam::" ACCOUNT ":user/bob"),
                                      .source_ip = VCH_STR("10.1.2.3")};
    const struct vch_iam_ask question = {.caller = &caller,
                                         .action = vch_str_from(action),
                                         .resource = vch_str_from(resource),
                                         .secure = true,
                                         .now_ms = fx.now_ms};
    return vch_iam_check(iam, &question, diag);
}

#define TEMPLATE_ARN "arn:aws:iot:us-east-1:" ACCOUNT ":provisioningtemplate/T"

static void permissions_follow_the_users_policies(void **state) {
    (void)state;
    struct vch_iam *iam = NULL;
    struct vch_diag diag = {0};
    assert_int_equal(vch_iam_new(&fx.service, &iam), VCH_OK);
    fixture_good(OP(CREATE_USER, create_user), "{'userName':'bob'}");
    assert_int_equal(ask(iam, "bob", "iot:CreateProvisioningClaim", TEMPLATE_ARN, &diag), VCH_ERR_DENIED);
    assert_string_equal(diag.reason, "policy-silent");
    assert_string_equal(diag.message,
                        "User: arn:aws:iam::" ACCOUNT ":user/bob is not authorized to perform: iot:CreateProvisioningClaim on resource: " TEMPLATE_ARN);
    fixture_good(OP(PUT_USER_POLICY, put_user_policy), "{'userName':'bob','policyName':'p'," ALLOW("iot:CreateProvisioningClaim", TEMPLATE_ARN) "}");
    assert_int_equal(ask(iam, "bob", "iot:CreateProvisioningClaim", TEMPLATE_ARN, NULL), VCH_ERR_DENIED); /* still what was read before */
    vch_iam_changed(iam, VCH_STR("bob"));
    assert_int_equal(ask(iam, "bob", "iot:CreateProvisioningClaim", TEMPLATE_ARN, NULL), VCH_OK);
    assert_int_equal(ask(iam, "bob", "iot:createprovisioningclaim", TEMPLATE_ARN, NULL), VCH_OK);
    assert_int_equal(ask(iam, "bob", "iot:CreateProvisioningClaim", TEMPLATE_ARN "2", NULL), VCH_ERR_DENIED);
    assert_int_equal(ask(iam, "bob", "iot:ListThings", "*", NULL), VCH_ERR_DENIED);
    vch_iam_free(iam);
}

static void an_explicit_deny_says_so(void **state) {
    (void)state;
    struct vch_iam *iam = NULL;
    struct vch_diag diag = {0};
    assert_int_equal(vch_iam_new(&fx.service, &iam), VCH_OK);
    fixture_good(OP(CREATE_USER, create_user), "{'userName':'bob'}");
    fixture_good(OP(PUT_USER_POLICY, put_user_policy), "{'userName':'bob','policyName':'all'," ALLOW("*", "*") "}");
    fixture_good(OP(PUT_USER_POLICY, put_user_policy),
                 "{'userName':'bob','policyName':'not','policyDocument':'{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":{\\\"Effect\\\":\\\"Deny\\\","
                 "\\\"Action\\\":\\\"iot:Delete*\\\",\\\"Resource\\\":\\\"*\\\"}}'}");
    assert_int_equal(ask(iam, "bob", "iot:ListThings", "*", NULL), VCH_OK);
    assert_int_equal(ask(iam, "bob", "iot:DeleteThing", "*", &diag), VCH_ERR_DENIED);
    assert_string_equal(diag.reason, "policy-denies");
    assert_non_null(strstr(diag.message, " with an explicit deny"));
    assert_int_equal(ask(iam, "nobody", "iot:ListThings", "*", NULL), VCH_ERR_DENIED);
    vch_iam_free(iam);
}

static void conditions_see_the_request(void **state) {
    (void)state;
    static const struct {
        const char *operator, *key, *value;
        bool allowed;
    } cases[] = {
        {"IpAddress", "aws:SourceIp", "10.0.0.0/8", true},
        {"IpAddress", "aws:SourceIp", "192.168.0.0/16", false},
        {"StringEquals", "aws:username", "bob", true},
        {"StringEquals", "aws:username", "ann", false},
        {"Bool", "aws:SecureTransport", "true", true},
        {"Bool", "aws:SecureTransport", "false", false},
        {"ArnEquals", "aws:PrincipalArn", "arn:aws:iam::" ACCOUNT ":user/b*", true},
        {"DateLessThan", "aws:CurrentTime", "2023-11-15T00:00:00Z", true},
        {"DateGreaterThan", "aws:CurrentTime", "2023-11-15T00:00:00Z", false},
        {"StringEquals", "aws:Unknown", "x", false},
    };
    struct vch_iam *iam = NULL;
    assert_int_equal(vch_iam_new(&fx.service, &iam), VCH_OK);
    fixture_good(OP(CREATE_USER, create_user), "{'userName':'bob'}");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char in[768];
        (void)snprintf(in, sizeof in,
                       "{'userName':'bob','policyName':'p','policyDocument':'{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":[{\\\"Effect\\\":\\\"Allow\\\","
                       "\\\"Action\\\":\\\"*\\\",\\\"Resource\\\":\\\"*\\\",\\\"Condition\\\":{\\\"%s\\\":{\\\"%s\\\":\\\"%s\\\"}}}]}'}",
                       cases[i].operator, cases[i].key, cases[i].value);
        fixture_good(OP(PUT_USER_POLICY, put_user_policy), in);
        vch_iam_changed(iam, VCH_STR("bob"));
        if ((ask(iam, "bob", "iot:ListThings", "*", NULL) == VCH_OK) != cases[i].allowed)
            fail_msg("%s %s %s", cases[i].operator, cases[i].key, cases[i].value);
    }
    vch_iam_free(iam);
}

/* ---- the first user ---- */

static struct vch_val *admin_read(const char *path) {
    struct vch_buf buf;
    struct vch_str text;
    struct vch_val *val = NULL;
    const struct vch_val_limits limits = VCH_VAL_LIMITS_DEFAULT;
    vch_buf_init(&buf, 4096);
    assert_int_equal(vch_file_read(path, &buf, NULL), VCH_OK);
    assert_int_equal(vch_buf_finish(&buf, &text), VCH_OK);
    assert_int_equal(vch_json_decode(text, &limits, fx.arena, &val, NULL), VCH_OK);
    vch_buf_deinit(&buf);
    return val;
}

static void the_first_user_is_made_once(void **state) {
    (void)state;
    char path[128];
    struct stat st;
    struct vch_str user, secret;
    struct vch_rec_user record;
    struct vch_iam *iam = NULL;
    (void)snprintf(path, sizeof path, "%s/admin.json", fx.folder);
    assert_int_equal(vch_service_init_admin(&fx.service, path, &fx.diag), VCH_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    struct vch_val *file = admin_read(path);
    assert_str(vch_val_str_at(file, "userName"), "admin");
    assert_str(vch_val_str_at(file, "account"), ACCOUNT);
    assert_str(vch_val_str_at(file, "region"), "us-east-1");
    assert_int_equal(vch_access_key_find(&fx.service, vch_val_str_at(file, "accessKeyId"), fx.arena, &user, &secret, NULL), VCH_OK);
    assert_true(vch_str_eq(secret, vch_val_str_at(file, "secretAccessKey")));
    assert_int_equal(vch_store_user(fx.service.store, VCH_STR("admin"), &record, fx.arena, NULL), VCH_OK);
    struct vch_str password = vch_val_str_at(file, "consolePassword");
    assert_int_equal(password.len, 20);
    assert_int_equal(argon2id_verify(vch_arena_str(fx.arena, record.password_hash).ptr, password.ptr, password.len), ARGON2_OK);
    assert_int_equal(vch_iam_new(&fx.service, &iam), VCH_OK);
    assert_int_equal(ask(iam, "admin", "vouch:DeleteUser", "*", NULL), VCH_OK);
    vch_iam_free(iam);
    assert_int_equal(remove(path), 0);
    assert_int_equal(vch_service_init_admin(&fx.service, path, &fx.diag), VCH_OK);
    assert_int_not_equal(stat(path, &st), 0); /* whoever moved it away keeps it away */
}

/* A kill after the file and before the registry: the next start makes both. */
static void a_half_made_first_user_is_made_again(void **state) {
    (void)state;
    char path[128];
    struct vch_str user, secret;
    (void)snprintf(path, sizeof path, "%s/admin.json", fx.folder);
    assert_int_equal(vch_file_write(path, VCH_STR("{\"userName\":\"admin\",\"accessKeyId\":\"AKIAOLD\"}"), 0600, NULL), VCH_OK);
    assert_int_equal(vch_service_init_admin(&fx.service, path, &fx.diag), VCH_OK);
    struct vch_val *file = admin_read(path);
    assert_int_equal(vch_access_key_find(&fx.service, vch_val_str_at(file, "accessKeyId"), fx.arena, &user, &secret, NULL), VCH_OK);
}

static void the_administrator_stays(void **state) {
    (void)state;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/admin.json", fx.folder);
    assert_int_equal(vch_service_init_admin(&fx.service, path, &fx.diag), VCH_OK);
    fixture_refused(OP(DELETE_USER, delete_user), "{'userName':'admin'}", VCH_ERR_CONFLICT, "delete-conflict");
    fixture_refused(OP(DELETE_USER_POLICY, delete_user_policy), "{'userName':'admin','policyName':'AdministratorAccess'}", VCH_ERR_CONFLICT, "delete-conflict");
    fixture_refused(OP(PUT_USER_POLICY, put_user_policy), "{'userName':'admin','policyName':'AdministratorAccess'," ALLOW("iot:GetPolicy", "*") "}",
                    VCH_ERR_CONFLICT, "delete-conflict");
    fixture_good(OP(PUT_USER_POLICY, put_user_policy), "{'userName':'admin','policyName':'more'," ALLOW("iot:GetPolicy", "*") "}");
}

static void the_registry_says_when_it_answers(void **state) {
    (void)state;
    assert_int_equal(vch_service_ready(&fx.service, NULL), VCH_OK);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(users_are_made_listed_deleted),         TEST(user_policies_are_put_and_taken),
        TEST(a_user_has_ten_policies_at_most),       TEST(keys_are_two_and_told_once),
        TEST(inactive_keys_and_foreign_seals_open_nothing), TEST(sealing_is_undone_only_as_it_was_done),
        TEST(permissions_follow_the_users_policies), TEST(an_explicit_deny_says_so),
        TEST(conditions_see_the_request),            TEST(the_first_user_is_made_once),
        TEST(a_half_made_first_user_is_made_again),  TEST(the_administrator_stays),
        TEST(the_registry_says_when_it_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
