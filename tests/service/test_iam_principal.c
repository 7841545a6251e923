/* Users and roles that stay connected: who they are, what they may do, and when
 * that ends. */
#include "service/fixture.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "service/iam_principal.h"

#define OP(name, function) VCH_OP_##name, vch_uc_##function
#define GRANT(actions, resources)                                                                                      \
    "{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":[{\\\"Effect\\\":\\\"Allow\\\",\\\"Action\\\":\\\"" actions                  \
    "\\\",\\\"Resource\\\":\\\"" resources "\\\"}]}"

static struct vch_iam *iam;
static char key_id[32], secret[48];

static void put_policy(const char *document) {
    char inputs[1024];
    (void)snprintf(inputs, sizeof inputs, "{'userName':'ann','policyName':'own','policyDocument':\"%s\"}", document);
    fixture_good(OP(PUT_USER_POLICY, put_user_policy), inputs);
    vch_iam_changed(iam, VCH_STR("ann"));
}

static int begin(void **state) {
    if (fixture_setup(state) != 0) return -1;
    assert_int_equal(vch_iam_new(&fx.service, &iam), VCH_OK);
    fixture_good(OP(CREATE_USER, create_user), "{'userName':'ann'}");
    fixture_good(OP(CREATE_ACCESS_KEY, create_access_key), "{'userName':'ann'}");
    (void)vch_str_copy(key_id, sizeof key_id, fixture_text("accessKeyId"));
    (void)vch_str_copy(secret, sizeof secret, fixture_text("secretAccessKey"));
    put_policy(GRANT("iot:Publish", "arn:aws:iot:us-east-1:" ACCOUNT ":topic/a/*"));
    return 0;
}

static int finish(void **state) {
    vch_iam_free(iam);
    iam = NULL;
    return fixture_teardown(state);
}

static enum vch_err log_in(const char *id, const char *word, struct vch_iam_principal **ret) {
    vch_diag_clear(&fx.diag);
    return vch_iam_principal_login(&fx.service, vch_str_from(id), vch_str_from(word), VCH_STR("127.0.0.1"), false, ret, &fx.diag);
}

static struct vch_iam_principal *ann(void) {
    struct vch_iam_principal *principal = NULL;
    assert_int_equal(log_in(key_id, secret, &principal), VCH_OK);
    return principal;
}

static struct vch_iam_view *view_of(struct vch_iam_principal *principal) {
    struct vch_iam_view *view = NULL;
    assert_int_equal(vch_iam_view_load(iam, principal, &view, &fx.diag), VCH_OK);
    return view;
}

static enum vch_err may(const struct vch_iam_view *view, const char *action, const char *topic) {
    vch_diag_clear(&fx.diag);
    return vch_iam_view_check(view, action, "topic", vch_str_from(topic), &fx.diag);
}

static void a_key_and_its_secret_make_a_user(void **state) {
    (void)state;
    struct vch_iam_principal *principal = ann();
    assert_int_equal(strlen(vch_iam_principal_id(principal)), 20);
    assert_memory_equal(vch_iam_principal_id(principal), "AIDA", 4);
    assert_int_equal(vch_iam_principal_expires_ms(principal), 0);
    assert_str(vch_iam_principal_caller(principal)->user_name, "ann");
    assert_str(vch_iam_principal_caller(principal)->arn, "arn:aws:iam::" ACCOUNT ":user/ann");
    assert_true(vch_iam_principal_is(principal, false, VCH_STR("ann")));
    assert_false(vch_iam_principal_is(principal, true, VCH_STR("ann")));
    assert_false(vch_iam_principal_is(principal, false, VCH_STR("an")));
    struct vch_iam_principal *again = ann();
    assert_string_equal(vch_iam_principal_id(again), vch_iam_principal_id(principal));
    vch_iam_principal_unref(again);
    vch_iam_principal_unref(principal);
}

static void any_other_word_is_one_answer(void **state) {
    (void)state;
    char almost[48], shorter[48], longer[50];
    struct vch_iam_principal *principal = NULL;
    (void)snprintf(almost, sizeof almost, "%s", secret);
    almost[39] = almost[39] == 'a' ? 'b' : 'a';
    (void)snprintf(shorter, sizeof shorter, "%.39s", secret);
    (void)snprintf(longer, sizeof longer, "%sx", secret);
    const char *const rows[][2] = {{key_id, almost}, {key_id, shorter}, {key_id, longer}, {key_id, ""}, {"AKIAXXXXXXXXXXXXXXXX", secret}, {"", ""}, {"ann", secret}};
    char told[320] = "";
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(log_in(rows[i][0], rows[i][1], &principal), VCH_ERR_UNAUTHENTICATED);
        assert_null(principal);
        assert_string_equal(fx.diag.reason, "access-key-unknown");
        if (told[0]) assert_string_equal(fx.diag.message, told);
        (void)snprintf(told, sizeof told, "%s", fx.diag.message);
    }
}

static void a_view_is_of_one_moment(void **state) {
    (void)state;
    struct vch_iam_principal *principal = ann();
    struct vch_iam_view *old = view_of(principal);
    assert_int_equal(may(old, "iot:Publish", "a/b"), VCH_OK);
    assert_int_equal(may(old, "iot:Publish", "b"), VCH_ERR_DENIED);
    assert_string_equal(fx.diag.reason, "policy-silent");
    assert_int_equal(may(old, "iot:Receive", "a/b"), VCH_ERR_DENIED);
    assert_int_equal(vch_iam_view_check(old, "iot:Receive", "topic", VCH_STR("a/b"), NULL), VCH_ERR_DENIED);
    put_policy(GRANT("iot:Receive", "*"));
    assert_int_equal(may(old, "iot:Publish", "a/b"), VCH_OK); /* until somebody loads it anew */
    struct vch_iam_view *fresh = view_of(principal);
    assert_int_equal(may(fresh, "iot:Publish", "a/b"), VCH_ERR_DENIED);
    assert_int_equal(may(fresh, "iot:Receive", "x"), VCH_OK);
    vch_iam_principal_unref(principal); /* a view holds its own */
    assert_int_equal(may(fresh, "iot:Receive", "x"), VCH_OK);
    vch_iam_view_unref(old);
    vch_iam_view_unref(fresh);
}

static void names_that_fit_no_arn_are_denied(void **state) {
    (void)state;
    static char name[2000];
    memset(name, 'a', sizeof name - 1);
    put_policy(GRANT("*", "*"));
    struct vch_iam_principal *principal = ann();
    struct vch_iam_view *view = view_of(principal);
    assert_int_equal(may(view, "iot:Publish", "fine"), VCH_OK);
    assert_int_equal(may(view, "iot:Publish", name), VCH_ERR_DENIED);
    vch_iam_view_unref(view);
    vch_iam_principal_unref(principal);
}

static void what_ends_a_user(void **state) {
    (void)state;
    static const struct {
        enum vch_op op;
        vch_use_case *use_case;
        const char *more; /* beside user and key */
        const char *reason;
    } rows[] = {
        {OP(UPDATE_ACCESS_KEY, update_access_key), ",'status':'Inactive'", "access-key-unknown"},
        {OP(UPDATE_ACCESS_KEY, update_access_key), ",'status':'Active'", NULL},
        {OP(DELETE_ACCESS_KEY, delete_access_key), "", "access-key-unknown"},
    };
    struct vch_iam_principal *principal = ann();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char inputs[256];
        struct vch_iam_view *view = NULL;
        (void)snprintf(inputs, sizeof inputs, "{'userName':'ann','accessKeyId':'%s'%s}", key_id, rows[i].more);
        fixture_good(rows[i].op, rows[i].use_case, inputs);
        vch_diag_clear(&fx.diag);
        enum vch_err err = vch_iam_view_load(iam, principal, &view, &fx.diag);
        assert_int_equal(err, rows[i].reason ? VCH_ERR_UNAUTHENTICATED : VCH_OK);
        if (rows[i].reason) assert_string_equal(fx.diag.reason, rows[i].reason);
        vch_iam_view_unref(view);
    }
    vch_iam_principal_unref(principal);
}

static struct vch_caller a_session(const char *role_id, const char *name) {
    static char id[200];
    (void)snprintf(id, sizeof id, "%s:%s", role_id, name);
    return (struct vch_caller){.kind = VCH_CALLER_ROLE,
                               .role_name = VCH_STR("reader"),
                               .role_arn = VCH_STR("arn:aws:iam::" ACCOUNT ":role/reader"),
                               .arn = VCH_STR("arn:aws:sts::" ACCOUNT ":assumed-role/reader/s"),
                               .role_user_id = vch_str_from(id),
                               .access_key_id = VCH_STR("ASIAXXXXXXXXXXXXXXXX")};
}

static void sessions_of_roles_end_with_time_and_role(void **state) {
    (void)state;
    char role_id[64];
    struct vch_iam_view *view = NULL;
    struct vch_iam_principal *principal = NULL, *late = NULL;
    fixture_good(OP(CREATE_ROLE, create_role), "{'roleName':'reader','assumeRolePolicyDocument':\"{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":[{\\\"Effect\\\":\\\"Allow\\\","
                                               "\\\"Action\\\":\\\"sts:AssumeRole\\\",\\\"Principal\\\":{\\\"AWS\\\":\\\"" ACCOUNT "\\\"}}]}\"}");
    (void)vch_str_copy(role_id, sizeof role_id, fixture_text("roleId"));
    struct vch_caller caller = a_session(role_id, "s");
    assert_int_equal(vch_iam_principal_new(&caller, true, vch_now_ms() + 60000, &principal), VCH_OK);
    assert_int_equal(vch_iam_principal_new(&caller, true, vch_now_ms() - 1, &late), VCH_OK);
    assert_true(vch_iam_principal_is(principal, true, VCH_STR("reader")));
    assert_int_equal(vch_iam_view_load(iam, principal, &view, &fx.diag), VCH_OK);
    assert_int_equal(may(view, "iot:Publish", "x"), VCH_ERR_DENIED); /* the role has no policy */
    vch_iam_view_unref(view);
    vch_diag_clear(&fx.diag);
    assert_int_equal(vch_iam_view_load(iam, late, &view, &fx.diag), VCH_ERR_EXPIRED);
    assert_string_equal(fx.diag.reason, "session-expired");
    fixture_good(OP(DELETE_ROLE, delete_role), "{'roleName':'reader'}");
    vch_diag_clear(&fx.diag);
    assert_int_equal(vch_iam_view_load(iam, principal, &view, &fx.diag), VCH_ERR_UNAUTHENTICATED);
    assert_string_equal(fx.diag.reason, "access-key-unknown");
    vch_iam_principal_unref(principal);
    vch_iam_principal_unref(late);
}

/* It must fit where a certificate's fingerprint stands, and stay apart from its like. */
static void long_session_names_are_told_apart(void **state) {
    (void)state;
    static const char *const names[] = {"short", "a-session-name-of-exactly-the-most-that-iam-allows-which-is-64-c1", "a-session-name-of-exactly-the-most-that-iam-allows-which-is-64-c2"};
    char ids[3][65];
    for (size_t i = 0; i < 3; i++) {
        struct vch_iam_principal *principal = NULL;
        struct vch_caller caller = a_session("AROAXXXXXXXXXXXXXXXX", names[i]);
        assert_int_equal(vch_iam_principal_new(&caller, true, 0, &principal), VCH_OK);
        (void)snprintf(ids[i], sizeof ids[i], "%s", vch_iam_principal_id(principal));
        vch_iam_principal_unref(principal);
    }
    assert_string_equal(ids[0], "AROAXXXXXXXXXXXXXXXX:short");
    assert_int_equal(strlen(ids[1]), 64);
    assert_int_equal(strlen(ids[2]), 64);
    assert_string_not_equal(ids[1], ids[2]);
    assert_memory_equal(ids[1], "AROAXXXXXXXXXXXXXXXX:a-session", 30);
}

int main(void) {
#define CASE(test) cmocka_unit_test_setup_teardown(test, begin, finish)
    const struct CMUnitTest tests[] = {
        CASE(a_key_and_its_secret_make_a_user), CASE(any_other_word_is_one_answer),     CASE(a_view_is_of_one_moment),
        CASE(names_that_fit_no_arn_are_denied), CASE(what_ends_a_user),                 CASE(sessions_of_roles_end_with_time_and_role),
        CASE(long_session_names_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
