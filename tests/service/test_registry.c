/* Certificates, things, the site. */
#include "service/fixture.h"

#include <stdio.h>
#include <string.h>

#define OP(name, function) VCH_OP_##name, vch_uc_##function
#define POLICY_P "{'policyName':'p','policyDocument':'{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":[{\\\"Effect\\\":\\\"Allow\\\",\\\"Action\\\":\\\"iot:Connect\\\",\\\"Resource\\\":\\\"*\\\"}]}'}"

/* ---- certificates ---- */

static void certificates_are_listed_newest_first(void **state) {
    (void)state;
    char in[512];
    fixture_certificate(CERT_B, "ACTIVE");
    fixture_certificate(CERT_A, "INACTIVE");
    fixture_certificate(CERT_C, "PENDING_ACTIVATION");
    fixture_good(OP(LIST_CERTIFICATES, list_certificates), "{}");
    assert_int_equal(fixture_count("certificates"), 3);
    assert_str(fixture_text("certificates/0/certificateId"), CERT_C);
    assert_str(fixture_text("certificates/1/status"), "INACTIVE");
    assert_str(fixture_text("certificates/2/certificateArn"), CERT_ARN(CERT_B));
    fixture_good(OP(LIST_CERTIFICATES, list_certificates), "{'isAscendingOrder':true,'pageSize':2}");
    assert_str(fixture_text("certificates/0/certificateId"), CERT_B);
    (void)snprintf(in, sizeof in, "{'isAscendingOrder':true,'pageSize':2,'marker':'%.*s'}", VCH_STR_ARG(fixture_text("nextMarker")));
    fixture_good(OP(LIST_CERTIFICATES, list_certificates), in);
    assert_int_equal(fixture_count("certificates"), 1);
    assert_str(fixture_text("certificates/0/certificateId"), CERT_C);
    assert_str(fixture_text("nextMarker"), "(none)");
}

static void a_certificate_is_described(void **state) {
    (void)state;
    char before[64];
    fixture_certificate(CERT_A, "ACTIVE");
    fixture_good(OP(DESCRIBE_CERTIFICATE, describe_certificate), "{'certificateId':'" CERT_A "'}");
    assert_str(fixture_text("certificateDescription/status"), "ACTIVE");
    assert_str(fixture_text("certificateDescription/ownedBy"), ACCOUNT);
    assert_str(fixture_text("certificateDescription/certificateMode"), "DEFAULT");
    assert_int_equal(fixture_number("certificateDescription/customerVersion"), 1);
    assert_int_equal(fixture_count("certificateDescription/transferData"), 0);
    assert_true(fixture_number("certificateDescription/validity/notAfter") > fixture_number("certificateDescription/validity/notBefore"));
    assert_int_equal(fixture_text("certificateDescription/generationId").len, 36);
    assert_true(vch_str_copy(before, sizeof before, fixture_text("certificateDescription/generationId")));
    fixture_good(OP(UPDATE_CERTIFICATE, update_certificate), "{'certificateId':'" CERT_A "','newStatus':'INACTIVE'}");
    fixture_good(OP(DESCRIBE_CERTIFICATE, describe_certificate), "{'certificateId':'" CERT_A "'}");
    assert_false(vch_str_eq_c(fixture_text("certificateDescription/generationId"), before));
    fixture_refused(OP(DESCRIBE_CERTIFICATE, describe_certificate), "{'certificateId':'" CERT_B "'}", VCH_ERR_NOT_FOUND, "certificate-missing");
}

struct status_case {
    const char *from, *to;
    enum vch_err err;
    const char *reason;
};

static void statuses_change_by_the_rules(void **state) {
    (void)state;
    static const struct status_case cases[] = {
        {"ACTIVE", "INACTIVE", VCH_OK, NULL},
        {"ACTIVE", "ACTIVE", VCH_OK, NULL},
        {"ACTIVE", "REVOKED", VCH_OK, NULL},
        {"INACTIVE", "ACTIVE", VCH_OK, NULL},
        {"INACTIVE", "REVOKED", VCH_OK, NULL},
        {"REVOKED", "REVOKED", VCH_OK, NULL},
        {"REVOKED", "ACTIVE", VCH_ERR_STATE, "certificate-state"},
        {"REVOKED", "INACTIVE", VCH_ERR_STATE, "certificate-state"},
        {"PENDING_ACTIVATION", "ACTIVE", VCH_ERR_STATE, "certificate-state"},
        {"PENDING_ACTIVATION", "INACTIVE", VCH_OK, NULL},
        {"PENDING_ACTIVATION", "REVOKED", VCH_OK, NULL},
        {"ACTIVE", "PENDING_ACTIVATION", VCH_ERR_INVALID, "field-invalid"},
        {"ACTIVE", "PENDING_TRANSFER", VCH_ERR_INVALID, "field-invalid"},
        {"ACTIVE", "REGISTER_INACTIVE", VCH_ERR_INVALID, "field-invalid"},
        {"PENDING_ACTIVATION", "PENDING_ACTIVATION", VCH_ERR_INVALID, "field-invalid"},
    };
    size_t changed = 0;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char id[65], in[256];
        (void)snprintf(id, sizeof id, "%064zx", i + 1);
        fixture_certificate(id, cases[i].from);
        (void)snprintf(in, sizeof in, "{'certificateId':'%s','newStatus':'%s'}", id, cases[i].to);
        if (cases[i].err != VCH_OK) {
            fixture_refused(OP(UPDATE_CERTIFICATE, update_certificate), in, cases[i].err, cases[i].reason);
        } else {
            fixture_good(OP(UPDATE_CERTIFICATE, update_certificate), in);
            changed += strcmp(cases[i].from, cases[i].to) != 0;
        }
        (void)snprintf(in, sizeof in, "{'certificateId':'%s'}", id);
        fixture_good(OP(DESCRIBE_CERTIFICATE, describe_certificate), in);
        assert_str(fixture_text("certificateDescription/status"), cases[i].err == VCH_OK ? cases[i].to : cases[i].from);
    }
    assert_int_equal(fixture_events("certificate-status"), changed);
    fixture_refused(OP(UPDATE_CERTIFICATE, update_certificate), "{'certificateId':'" CERT_B "','newStatus':'ACTIVE'}", VCH_ERR_NOT_FOUND,
                    "certificate-missing");
}

#define A "{'certificateId':'" CERT_A "'"

static void deletion_asks_for_rest_and_detachment(void **state) {
    (void)state;
    fixture_refused(OP(DELETE_CERTIFICATE, delete_certificate), A "}", VCH_ERR_NOT_FOUND, "certificate-missing");
    fixture_certificate(CERT_A, "ACTIVE");
    fixture_thing("t", CERT_A, "{}");
    fixture_good(OP(CREATE_POLICY, create_policy), POLICY_P);
    fixture_good(OP(ATTACH_POLICY, attach_policy), "{'policyName':'p','target':'" CERT_ARN(CERT_A) "'}");
    fixture_refused(OP(DELETE_CERTIFICATE, delete_certificate), A ",'forceDelete':true}", VCH_ERR_STATE, "certificate-state");
    assert_string_equal(fx.diag.message, "Certificate must be deactivated (not ACTIVE) before deletion. Id: " CERT_A);
    fixture_good(OP(UPDATE_CERTIFICATE, update_certificate), A ",'newStatus':'INACTIVE'}");
    fixture_refused(OP(DELETE_CERTIFICATE, delete_certificate), A ",'forceDelete':true}", VCH_ERR_CONFLICT, "delete-conflict");
    assert_string_equal(fx.diag.message, "Things must be detached before deletion (arn: " CERT_ARN(CERT_A) ")");
    fixture_good(OP(DETACH_THING_PRINCIPAL, detach_thing_principal), "{'thingName':'t','principal':'" CERT_ARN(CERT_A) "'}");
    fixture_refused(OP(DELETE_CERTIFICATE, delete_certificate), A "}", VCH_ERR_CONFLICT, "delete-conflict");
    assert_string_equal(fx.diag.message, "Certificate policies must be detached before deletion (arn: " CERT_ARN(CERT_A) ")");
    fixture_good(OP(DELETE_CERTIFICATE, delete_certificate), A ",'forceDelete':true}");
    fixture_refused(OP(DESCRIBE_CERTIFICATE, describe_certificate), A "}", VCH_ERR_NOT_FOUND, "certificate-missing");
    fixture_good(OP(DELETE_POLICY, delete_policy), "{'policyName':'p'}");
    assert_int_equal(fixture_events("certificate-deleted"), 1);
    fixture_certificate(CERT_B, "PENDING_ACTIVATION");
    fixture_refused(OP(DELETE_CERTIFICATE, delete_certificate), "{'certificateId':'" CERT_B "'}", VCH_ERR_STATE, "certificate-state");
}

/* ---- things ---- */

static void a_thing_is_described(void **state) {
    (void)state;
    fixture_thing("dev:1", NULL, "{\"room\":\"12\"}");
    fixture_good(OP(DESCRIBE_THING, describe_thing), "{'thingName':'dev:1'}");
    assert_str(fixture_text("thingName"), "dev:1");
    assert_str(fixture_text("defaultClientId"), "dev:1");
    assert_str(fixture_text("thingArn"), "arn:aws:iot:us-east-1:" ACCOUNT ":thing/dev:1");
    assert_str(fixture_text("attributes/room"), "12");
    assert_int_equal(fixture_number("version"), 1);
    fixture_refused(OP(DESCRIBE_THING, describe_thing), "{'thingName':'none'}", VCH_ERR_NOT_FOUND, "thing-missing");
}

static size_t things_found(const char *in) {
    fixture_good(OP(LIST_THINGS, list_things), in);
    return fixture_count("things");
}

static void things_are_listed_and_filtered(void **state) {
    (void)state;
    for (int i = 0; i < 12; i++) {
        char name[16], attributes[64];
        (void)snprintf(name, sizeof name, "t%02d", i);
        (void)snprintf(attributes, sizeof attributes, "{\"room\":\"r%d\",\"n\":\"%d\"}", i % 3, i);
        fixture_thing(name, NULL, attributes);
    }
    assert_int_equal(things_found("{}"), 12);
    assert_int_equal(things_found("{'attributeName':'room','attributeValue':'r1'}"), 4);
    assert_int_equal(things_found("{'attributeName':'room','attributeValue':'r'}"), 0);
    assert_int_equal(things_found("{'attributeName':'room','attributeValue':'r','usePrefixAttributeValue':true}"), 12);
    assert_int_equal(things_found("{'attributeName':'n','attributeValue':'1','usePrefixAttributeValue':true}"), 3);
    assert_int_equal(things_found("{'thingTypeName':'none'}"), 0);
    fixture_refused(OP(LIST_THINGS, list_things), "{'attributeName':'room'}", VCH_ERR_INVALID, "field-missing");
    fixture_refused(OP(LIST_THINGS, list_things), "{'attributeValue':'room'}", VCH_ERR_INVALID, "field-missing");
}

static size_t walk_things(const char *filter, int size) {
    char token[256] = "", in[512];
    size_t seen = 0, pages = 0;
    do {
        (void)snprintf(in, sizeof in, "{'maxResults':%d%s%s%s%s}", size, filter, token[0] ? ",'nextToken':'" : "", token, token[0] ? "'" : "");
        seen += things_found(in);
        token[0] = '\0';
        if (!vch_str_eq_c(fixture_text("nextToken"), "(none)")) assert_true(vch_str_copy(token, sizeof token, fixture_text("nextToken")));
    } while (token[0] && ++pages < 100);
    return seen;
}

static void thing_pages_cover_everything_once(void **state) {
    (void)state;
    char token[256], in[512];
    for (int i = 0; i < 30; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "t%02d", i);
        fixture_thing(name, NULL, i % 2 ? "{\"odd\":\"yes\"}" : "{}");
    }
    for (int size = 1; size < 40; size += 6) {
        assert_int_equal(walk_things("", size), 30);
        assert_int_equal(walk_things(",'attributeName':'odd','attributeValue':'yes'", size), 15);
    }
    assert_int_equal(things_found("{'maxResults':3}"), 3);
    assert_true(vch_str_copy(token, sizeof token, fixture_text("nextToken")));
    (void)snprintf(in, sizeof in, "{'attributeName':'odd','attributeValue':'yes','nextToken':'%s'}", token);
    fixture_refused(OP(LIST_THINGS, list_things), in, VCH_ERR_INVALID, "page-token-invalid");
}

static void principals_are_listed_both_ways(void **state) {
    (void)state;
    fixture_certificate(CERT_A, "ACTIVE");
    fixture_thing("t", CERT_A, "{}");
    fixture_thing("u", CERT_A, "{}");
    fixture_good(OP(LIST_THING_PRINCIPALS, list_thing_principals), "{'thingName':'t'}");
    assert_int_equal(fixture_count("principals"), 1);
    assert_str(fixture_text("principals/0"), CERT_ARN(CERT_A));
    fixture_good(OP(LIST_PRINCIPAL_THINGS, list_principal_things), "{'principal':'" CERT_ARN(CERT_A) "','maxResults':1}");
    assert_int_equal(fixture_count("things"), 1);
    assert_str(fixture_text("things/0"), "t");
    assert_false(vch_str_eq_c(fixture_text("nextToken"), "(none)"));
    fixture_good(OP(DETACH_THING_PRINCIPAL, detach_thing_principal), "{'thingName':'t','principal':'" CERT_ARN(CERT_A) "'}");
    fixture_good(OP(LIST_THING_PRINCIPALS, list_thing_principals), "{'thingName':'t'}");
    assert_int_equal(fixture_count("principals"), 0);
    assert_int_equal(fixture_events("thing-detached"), 1);
}

static void absent_sides_are_not_found(void **state) {
    (void)state;
    fixture_certificate(CERT_A, "ACTIVE");
    fixture_thing("t", NULL, "{}");
    fixture_refused(OP(LIST_THING_PRINCIPALS, list_thing_principals), "{'thingName':'none'}", VCH_ERR_NOT_FOUND, "thing-missing");
    fixture_refused(OP(LIST_PRINCIPAL_THINGS, list_principal_things), "{'principal':'" CERT_ARN(CERT_B) "'}", VCH_ERR_NOT_FOUND, "certificate-missing");
    fixture_refused(OP(LIST_PRINCIPAL_THINGS, list_principal_things), "{'principal':'arn:aws:iot:x:y:z'}", VCH_ERR_INVALID, "target-invalid");
    fixture_refused(OP(DETACH_THING_PRINCIPAL, detach_thing_principal), "{'thingName':'none','principal':'" CERT_ARN(CERT_A) "'}", VCH_ERR_NOT_FOUND,
                    "thing-missing");
    fixture_refused(OP(DETACH_THING_PRINCIPAL, detach_thing_principal), "{'thingName':'t','principal':'" CERT_ARN(CERT_B) "'}", VCH_ERR_NOT_FOUND,
                    "certificate-missing");
}

static void things_are_deleted_when_free(void **state) {
    (void)state;
    fixture_certificate(CERT_A, "ACTIVE");
    fixture_thing("t", CERT_A, "{}");
    fixture_refused(OP(DELETE_THING, delete_thing), "{'thingName':'t','expectedVersion':2}", VCH_ERR_CONFLICT, "thing-version");
    assert_string_equal(fx.diag.message, "The version for thing t does not match the expected version.");
    fixture_refused(OP(DELETE_THING, delete_thing), "{'thingName':'t','expectedVersion':1}", VCH_ERR_CONFLICT, "thing-attached");
    fixture_good(OP(DETACH_THING_PRINCIPAL, detach_thing_principal), "{'thingName':'t','principal':'" CERT_ARN(CERT_A) "'}");
    fixture_good(OP(DELETE_THING, delete_thing), "{'thingName':'t'}");
    fixture_refused(OP(DESCRIBE_THING, describe_thing), "{'thingName':'t'}", VCH_ERR_NOT_FOUND, "thing-missing");
    fixture_good(OP(DELETE_THING, delete_thing), "{'thingName':'t'}");
    assert_int_equal(fixture_events("thing-deleted"), 1);
}

/* ---- the site ---- */

static void the_endpoint_is_one_host(void **state) {
    (void)state;
    static const char *const types[] = {"{}", "{'endpointType':'iot:Data'}", "{'endpointType':'iot:Data-ATS'}", "{'endpointType':'iot:Jobs'}",
                                        "{'endpointType':'iot:CredentialProvider'}"};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        fixture_good(OP(DESCRIBE_ENDPOINT, describe_endpoint), types[i]);
        assert_str(fixture_text("endpointAddress"), "vouch.example");
    }
    fixture_refused(OP(DESCRIBE_ENDPOINT, describe_endpoint), "{'endpointType':'iot:Nothing'}", VCH_ERR_INVALID, "field-invalid");
}

static void callers_learn_who_they_are(void **state) {
    (void)state;
    char id[32];
    fixture_good(OP(GET_CALLER_IDENTITY, get_caller_identity), "{}");
    assert_str(fixture_text("Account"), ACCOUNT);
    assert_str(fixture_text("Arn"), "arn:aws:iam::" ACCOUNT ":user/ann");
    assert_int_equal(fixture_text("UserId").len, 20);
    assert_true(vch_str_copy(id, sizeof id, fixture_text("UserId")));
    fixture_good(OP(GET_CALLER_IDENTITY, get_caller_identity), "{}");
    assert_str(fixture_text("UserId"), id);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(certificates_are_listed_newest_first), TEST(a_certificate_is_described),       TEST(statuses_change_by_the_rules),
        TEST(deletion_asks_for_rest_and_detachment), TEST(a_thing_is_described),            TEST(things_are_listed_and_filtered),
        TEST(thing_pages_cover_everything_once),     TEST(principals_are_listed_both_ways), TEST(absent_sides_are_not_found),
        TEST(things_are_deleted_when_free),          TEST(the_endpoint_is_one_host),        TEST(callers_learn_who_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
