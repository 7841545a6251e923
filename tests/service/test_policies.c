#include "service/fixture.h"

#include <stdio.h>
#include <string.h>

#define OP(name, function) VCH_OP_##name, vch_uc_##function

#define QUOTED                                                                                                         \
    "{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":[{\\\"Effect\\\":\\\"Allow\\\",\\\"Action\\\":\\\"iot:Connect\\\",\\\"Resource\\\":\\\"*\\\"}]}"

static void make(const char *name) {
    char in[512];
    (void)snprintf(in, sizeof in, "{'policyName':'%s','policyDocument':\"" QUOTED "\"}", name);
    fixture_good(OP(CREATE_POLICY, create_policy), in);
}

static void make_version(const char *name, bool set_default) {
    char in[512];
    (void)snprintf(in, sizeof in, "{'policyName':'%s','policyDocument':\"" QUOTED "\",'setAsDefault':%s}", name, set_default ? "true" : "false");
    fixture_good(OP(CREATE_POLICY_VERSION, create_policy_version), in);
}

static void a_policy_is_made_and_read(void **state) {
    (void)state;
    make("p");
    assert_str(fixture_text("policyName"), "p");
    assert_str(fixture_text("policyArn"), "arn:aws:iot:us-east-1:" ACCOUNT ":policy/p");
    assert_str(fixture_text("policyDocument"), POLICY_TEXT);
    assert_str(fixture_text("policyVersionId"), "1");
    fixture_good(OP(GET_POLICY, get_policy), "{'policyName':'p'}");
    assert_str(fixture_text("policyDocument"), POLICY_TEXT);
    assert_str(fixture_text("defaultVersionId"), "1");
    assert_int_equal(fixture_text("generationId").len, 64);
    assert_int_equal(fixture_number("creationDate"), fx.now_ms);
    assert_int_equal(fixture_events("policy-created"), 1);
    fixture_refused(OP(GET_POLICY, get_policy), "{'policyName':'q'}", VCH_ERR_NOT_FOUND, "policy-missing");
}

static void a_taken_name_is_told_with_its_resource(void **state) {
    (void)state;
    make("p");
    fixture_refused(OP(CREATE_POLICY, create_policy), "{'policyName':'p','policyDocument':\"" QUOTED "\"}", VCH_ERR_EXISTS, "policy-exists");
    assert_string_equal(fx.diag.message, "Policy cannot be created - name already exists (name=p)");
    assert_str(fixture_text("resourceId"), "p");
    assert_str(fixture_text("resourceArn"), "arn:aws:iot:us-east-1:" ACCOUNT ":policy/p");
    assert_int_equal(fixture_events("policy-created"), 1);
}

static void documents_that_are_no_policy_are_refused(void **state) {
    (void)state;
    static const char *const documents[] = {
        "x", "{}", "[]", "{\\\"Version\\\":\\\"2012-10-17\\\"}",
        "{\\\"Effect\\\":\\\"Allow\\\",\\\"Action\\\":[\\\"iot:CreateProvisioningClaim\\\",],\\\"Resource\\\":[\\\"arn:aws:us-east-1:account:x\\\"]}",
        "{\\\"Effect\\\":\\\"Allow\\\",\\\"Action\\\":\\\"iot:Connect\\\",\\\"Resource\\\":\\\"*\\\"}",
    };
    for (size_t i = 0; i < COUNT_OF(documents); i++) {
        char in[512];
        (void)snprintf(in, sizeof in, "{'policyName':'p','policyDocument':\"%s\"}", documents[i]);
        fixture_refused(OP(CREATE_POLICY, create_policy), in, fixture_call(OP(CREATE_POLICY, create_policy), in), "policy-malformed");
    }
    make("p");
    enum vch_err err = fixture_call(OP(CREATE_POLICY_VERSION, create_policy_version), "{'policyName':'p','policyDocument':'x'}");
    assert_int_not_equal(err, VCH_OK);
    assert_string_equal(fx.diag.reason, "policy-malformed");
}

static void versions_are_five_and_never_reused(void **state) {
    (void)state;
    make("p");
    for (int i = 2; i <= 5; i++) make_version("p", i == 3);
    assert_str(fixture_text("policyVersionId"), "5");
    assert_int_equal(fixture_number("isDefaultVersion"), 0);
    fixture_refused(OP(CREATE_POLICY_VERSION, create_policy_version), "{'policyName':'p','policyDocument':\"" QUOTED "\"}", VCH_ERR_LIMIT,
                    "policy-versions-full");
    fixture_good(OP(LIST_POLICY_VERSIONS, list_policy_versions), "{'policyName':'p'}");
    assert_int_equal(fixture_count("policyVersions"), 5);
    assert_str(fixture_text("policyVersions/0/versionId"), "5");
    assert_int_equal(fixture_number("policyVersions/2/isDefaultVersion"), 1);
    fixture_refused(OP(DELETE_POLICY_VERSION, delete_policy_version), "{'policyName':'p','policyVersionId':'3'}", VCH_ERR_CONFLICT, "delete-conflict");
    fixture_good(OP(DELETE_POLICY_VERSION, delete_policy_version), "{'policyName':'p','policyVersionId':'5'}");
    make_version("p", false);
    assert_str(fixture_text("policyVersionId"), "6");
    fixture_good(OP(GET_POLICY_VERSION, get_policy_version), "{'policyName':'p','policyVersionId':'3'}");
    assert_int_equal(fixture_number("isDefaultVersion"), 1);
    assert_str(fixture_text("policyVersionId"), "3");
    fixture_good(OP(SET_DEFAULT_POLICY_VERSION, set_default_policy_version), "{'policyName':'p','policyVersionId':'6'}");
    fixture_good(OP(GET_POLICY, get_policy), "{'policyName':'p'}");
    assert_str(fixture_text("defaultVersionId"), "6");
    assert_int_equal(fixture_events("policy-version-created"), 5);
    assert_int_equal(fixture_events("policy-version-deleted"), 1);
    assert_int_equal(fixture_events("policy-default-set"), 1);
}

static void what_is_not_there_is_not_found(void **state) {
    (void)state;
    static const struct {
        enum vch_op op;
        vch_use_case *use_case;
        const char *in, *reason;
    } cases[] = {
        {OP(GET_POLICY_VERSION, get_policy_version), "{'policyName':'q','policyVersionId':'1'}", "policy-missing"},
        {OP(GET_POLICY_VERSION, get_policy_version), "{'policyName':'p','policyVersionId':'9'}", "policy-version-missing"},
        {OP(GET_POLICY_VERSION, get_policy_version), "{'policyName':'p','policyVersionId':'0'}", "policy-version-missing"},
        {OP(LIST_POLICY_VERSIONS, list_policy_versions), "{'policyName':'q'}", "policy-missing"},
        {OP(CREATE_POLICY_VERSION, create_policy_version), "{'policyName':'q','policyDocument':\"" QUOTED "\"}", "policy-missing"},
        {OP(DELETE_POLICY_VERSION, delete_policy_version), "{'policyName':'q','policyVersionId':'1'}", "policy-missing"},
        {OP(DELETE_POLICY_VERSION, delete_policy_version), "{'policyName':'p','policyVersionId':'9'}", "policy-version-missing"},
        {OP(SET_DEFAULT_POLICY_VERSION, set_default_policy_version), "{'policyName':'p','policyVersionId':'9'}", "policy-version-missing"},
        {OP(DELETE_POLICY, delete_policy), "{'policyName':'q'}", "policy-missing"},
        {OP(LIST_TARGETS_FOR_POLICY, list_targets_for_policy), "{'policyName':'q'}", "policy-missing"},
        {OP(ATTACH_POLICY, attach_policy), "{'policyName':'q','target':'" CERT_ARN(CERT_A) "'}", "policy-missing"},
        {OP(ATTACH_POLICY, attach_policy), "{'policyName':'p','target':'" CERT_ARN(CERT_B) "'}", "certificate-missing"},
        {OP(ATTACH_POLICY, attach_policy), "{'policyName':'p','target':'arn:aws:iot:us-east-1:" ACCOUNT ":thinggroup/g'}", "group-missing"},
        {OP(LIST_ATTACHED_POLICIES, list_attached_policies), "{'target':'" CERT_ARN(CERT_B) "'}", "certificate-missing"},
    };
    make("p");
    fixture_certificate(CERT_A, "ACTIVE");
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        fixture_refused(cases[i].op, cases[i].use_case, cases[i].in, VCH_ERR_NOT_FOUND, cases[i].reason);
}

static void targets_must_be_certificates_of_this_site(void **state) {
    (void)state;
    static const char *const targets[] = {
        "arn:aws:iot:eu-west-1:" ACCOUNT ":cert/" CERT_A,  "arn:aws:iot:us-east-1:210987654321:cert/" CERT_A,
        "arn:aws:iot:us-east-1:" ACCOUNT ":thing/x",       "arn:aws:iot:us-east-1:" ACCOUNT ":cert/abc",
        "arn:aws:iot:us-east-1:" ACCOUNT ":cert/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "arn:aws:s3:us-east-1:" ACCOUNT ":cert/" CERT_A,
    };
    make("p");
    fixture_certificate(CERT_A, "ACTIVE");
    for (size_t i = 0; i < COUNT_OF(targets); i++) {
        char in[512];
        (void)snprintf(in, sizeof in, "{'policyName':'p','target':'%s'}", targets[i]);
        fixture_refused(OP(ATTACH_POLICY, attach_policy), in, VCH_ERR_INVALID, "target-invalid");
    }
}

#define P_ON_A "{'policyName':'p','target':'" CERT_ARN(CERT_A) "'}"

static void attaching_is_idempotent_and_guards_deletion(void **state) {
    (void)state;
    make("p");
    fixture_certificate(CERT_A, "ACTIVE");
    fixture_good(OP(ATTACH_POLICY, attach_policy), P_ON_A);
    fixture_good(OP(ATTACH_POLICY, attach_policy), P_ON_A);
    fixture_good(OP(LIST_ATTACHED_POLICIES, list_attached_policies), "{'target':'" CERT_ARN(CERT_A) "'}");
    assert_int_equal(fixture_count("policies"), 1);
    assert_str(fixture_text("policies/0/policyName"), "p");
    fixture_good(OP(LIST_TARGETS_FOR_POLICY, list_targets_for_policy), "{'policyName':'p'}");
    assert_str(fixture_text("targets/0"), CERT_ARN(CERT_A));
    fixture_refused(OP(DELETE_POLICY, delete_policy), "{'policyName':'p'}", VCH_ERR_CONFLICT, "delete-conflict");
    assert_non_null(strstr(fx.diag.message, "attached to one or more principals"));
    fixture_good(OP(DETACH_POLICY, detach_policy), P_ON_A);
    fixture_good(OP(DETACH_POLICY, detach_policy), P_ON_A);
    make_version("p", false);
    fixture_refused(OP(DELETE_POLICY, delete_policy), "{'policyName':'p'}", VCH_ERR_CONFLICT, "delete-conflict");
    assert_non_null(strstr(fx.diag.message, "policy versions attached"));
    fixture_good(OP(DELETE_POLICY_VERSION, delete_policy_version), "{'policyName':'p','policyVersionId':'2'}");
    fixture_good(OP(DELETE_POLICY, delete_policy), "{'policyName':'p'}");
    fixture_refused(OP(GET_POLICY, get_policy), "{'policyName':'p'}", VCH_ERR_NOT_FOUND, "policy-missing");
    assert_int_equal(fixture_events("policy-deleted"), 1);
}

static void a_certificate_has_ten_policies_at_most(void **state) {
    (void)state;
    fixture_certificate(CERT_A, "ACTIVE");
    for (int i = 0; i <= 10; i++) {
        char name[16], in[512];
        (void)snprintf(name, sizeof name, "p%d", i);
        make(name);
        (void)snprintf(in, sizeof in, "{'policyName':'%s','target':'" CERT_ARN(CERT_A) "'}", name);
        if (i < 10) fixture_good(OP(ATTACH_POLICY, attach_policy), in);
        else fixture_refused(OP(ATTACH_POLICY, attach_policy), in, VCH_ERR_LIMIT, "policies-per-certificate");
    }
}

/* Walks all pages and returns how many names were seen; each page has at most `size`. */
static size_t walk(int size, bool ascending, char first[16]) {
    char marker[256] = "", in[512];
    size_t seen = 0;
    do {
        (void)snprintf(in, sizeof in, "{'pageSize':%d,'isAscendingOrder':%s%s%s%s}", size, ascending ? "true" : "false",
                       marker[0] ? ",'marker':'" : "", marker, marker[0] ? "'" : "");
        fixture_good(OP(LIST_POLICIES, list_policies), in);
        assert_in_range(fixture_count("policies"), 1, (unsigned)size);
        if (seen == 0) assert_true(vch_str_copy(first, 16, fixture_text("policies/0/policyName")));
        seen += fixture_count("policies");
        struct vch_str next = fixture_text("nextMarker");
        marker[0] = '\0';
        if (!vch_str_eq_c(next, "(none)")) assert_true(vch_str_copy(marker, sizeof marker, next));
    } while (marker[0]);
    return seen;
}

static void pages_cover_everything_once(void **state) {
    (void)state;
    char first[16];
    for (int i = 0; i < 30; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "p%02d", i);
        make(name);
    }
    for (int size = 1; size <= 31; size += 5) assert_int_equal(walk(size, true, first), 30);
    assert_string_equal(first, "p00");
    assert_int_equal(walk(7, false, first), 30);
    assert_string_equal(first, "p29");
    fixture_good(OP(LIST_POLICIES, list_policies), "{}");
    assert_int_equal(fixture_count("policies"), 25);
}

static void page_tokens_are_bound_to_their_query(void **state) {
    (void)state;
    char marker[256], in[512];
    for (int i = 0; i < 4; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "p%d", i);
        make(name);
    }
    fixture_good(OP(LIST_POLICIES, list_policies), "{'pageSize':1,'isAscendingOrder':true}");
    assert_true(vch_str_copy(marker, sizeof marker, fixture_text("nextMarker")));
    (void)snprintf(in, sizeof in, "{'pageSize':3,'isAscendingOrder':true,'marker':'%s'}", marker);
    fixture_good(OP(LIST_POLICIES, list_policies), in);
    (void)snprintf(in, sizeof in, "{'isAscendingOrder':false,'marker':'%s'}", marker);
    fixture_refused(OP(LIST_POLICIES, list_policies), in, VCH_ERR_INVALID, "page-token-invalid");
    (void)snprintf(in, sizeof in, "{'marker':'%s'}", marker);
    fixture_refused(OP(LIST_CERTIFICATES, list_certificates), in, VCH_ERR_INVALID, "page-token-invalid");
    static const char *const wrong[] = {"x", "AAAA", "====", "bWFkZSBieSBtZSwgYW5kIG5vdCBieSB0aGVt"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        (void)snprintf(in, sizeof in, "{'marker':'%s'}", wrong[i]);
        fixture_refused(OP(LIST_POLICIES, list_policies), in, VCH_ERR_INVALID, "page-token-invalid");
    }
    marker[3] = marker[3] == 'A' ? 'B' : 'A';
    (void)snprintf(in, sizeof in, "{'isAscendingOrder':true,'marker':'%s'}", marker);
    fixture_refused(OP(LIST_POLICIES, list_policies), in, VCH_ERR_INVALID, "page-token-invalid");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_policy_is_made_and_read),
        TEST(a_taken_name_is_told_with_its_resource),
        TEST(documents_that_are_no_policy_are_refused),
        TEST(versions_are_five_and_never_reused),
        TEST(what_is_not_there_is_not_found),
        TEST(targets_must_be_certificates_of_this_site),
        TEST(attaching_is_idempotent_and_guards_deletion),
        TEST(a_certificate_has_ten_policies_at_most),
        TEST(pages_cover_everything_once),
        TEST(page_tokens_are_bound_to_their_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
