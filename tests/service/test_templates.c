#include "service/fixture.h"

#include <stdio.h>
#include <string.h>

#include "service/call.h"

#define OP(name, function) VCH_OP_##name, vch_uc_##function
#define ROLE "'provisioningRoleArn':'arn:aws:iam::" ACCOUNT ":role/IoTFleetProvisioningRole'"
#define BODY                                                                                                           \
    "{\\\"Parameters\\\":{\\\"ThingName\\\":{\\\"Type\\\":\\\"String\\\"}},\\\"Resources\\\":{\\\"thing\\\":{\\\"Type\\\":\\\"AWS::IoT::Thing\\\"," \
    "\\\"Properties\\\":{\\\"ThingName\\\":{\\\"Ref\\\":\\\"ThingName\\\"}}},\\\"certificate\\\":{\\\"Type\\\":\\\"AWS::IoT::Certificate\\\","      \
    "\\\"Properties\\\":{\\\"CertificateId\\\":{\\\"Ref\\\":\\\"AWS::IoT::Certificate::Id\\\"},\\\"Status\\\":\\\"ACTIVE\\\"}}}}"
#define CREATE_T "{'templateName':'T','templateBody':\"" BODY "\"," ROLE

static void make(void) {
    fixture_good(OP(CREATE_PROVISIONING_TEMPLATE, create_provisioning_template), CREATE_T ",'description':'d'}");
}

static void add_version(bool set_default) {
    char in[1024];
    (void)snprintf(in, sizeof in, "{'templateName':'T','templateBody':\"%s\",'setAsDefault':%s}", BODY, set_default ? "true" : "false");
    fixture_good(OP(CREATE_PROVISIONING_TEMPLATE_VERSION, create_provisioning_template_version), in);
}

static void a_template_is_made_disabled_and_read(void **state) {
    (void)state;
    make();
    assert_str(fixture_text("templateArn"), "arn:aws:iot:us-east-1:" ACCOUNT ":provisioningtemplate/T");
    assert_int_equal(fixture_number("defaultVersionId"), 1);
    fixture_good(OP(DESCRIBE_PROVISIONING_TEMPLATE, describe_provisioning_template), "{'templateName':'T'}");
    assert_int_equal(fixture_number("enabled"), 0);
    assert_str(fixture_text("type"), "FLEET_PROVISIONING");
    assert_str(fixture_text("description"), "d");
    assert_str(fixture_text("provisioningRoleArn"), "arn:aws:iam::" ACCOUNT ":role/IoTFleetProvisioningRole");
    assert_true(fixture_text("templateBody").len > 100);
    assert_int_equal(fixture_number("creationDate"), fx.now_ms);
    fixture_good(OP(LIST_PROVISIONING_TEMPLATES, list_provisioning_templates), "{}");
    assert_int_equal(fixture_count("templates"), 1);
    assert_str(fixture_text("templates/0/templateName"), "T");
    assert_int_equal(fixture_events("template-created"), 1);
}

static void a_taken_name_is_told_in_awss_words(void **state) {
    (void)state;
    make();
    fixture_refused(OP(CREATE_PROVISIONING_TEMPLATE, create_provisioning_template), CREATE_T "}", VCH_ERR_EXISTS, "template-exists");
    assert_string_equal(fx.diag.message, "Template with name T already exists");
    assert_str(fixture_text("resourceId"), "T");
}

static void bad_bodies_and_hooks_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *in, *reason;
    } cases[] = {
        {"{'templateName':'T','templateBody':'x'," ROLE "}", "template-invalid"},
        {"{'templateName':'T','templateBody':'{}'," ROLE "}", "template-invalid"},
        {CREATE_T ",'type':'JITP','preProvisioningHook':{'targetArn':'arn:aws:lambda:us-east-1:" ACCOUNT ":function:f'}}", "field-invalid"},
        {CREATE_T ",'preProvisioningHook':{'targetArn':'arn:x','payloadVersion':'2019-01-01'}}", "field-invalid"},
        {"{'templateName':'T','templateBody':\"" BODY "\",'provisioningRoleArn':'role'}", "field-invalid"},
        {"{'templateName':'T T','templateBody':\"" BODY "\"," ROLE "}", "name-invalid"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        enum vch_err err = fixture_call(OP(CREATE_PROVISIONING_TEMPLATE, create_provisioning_template), cases[i].in);
        if (err == VCH_OK || !fx.diag.reason || strcmp(fx.diag.reason, cases[i].reason) != 0)
            fail_msg("%s: %d %s", cases[i].in, (int)err, fx.diag.reason ? fx.diag.reason : "-");
    }
    fixture_good(OP(LIST_PROVISIONING_TEMPLATES, list_provisioning_templates), "{}");
    assert_int_equal(fixture_count("templates"), 0);
}

static void updating_changes_what_is_given(void **state) {
    (void)state;
    make();
    fx.now_ms += 5000;
    fixture_good(OP(UPDATE_PROVISIONING_TEMPLATE, update_provisioning_template), "{'templateName':'T','enabled':true}");
    fixture_good(OP(DESCRIBE_PROVISIONING_TEMPLATE, describe_provisioning_template), "{'templateName':'T'}");
    assert_int_equal(fixture_number("enabled"), 1);
    assert_str(fixture_text("description"), "d");
    assert_int_equal(fixture_number("lastModifiedDate"), fx.now_ms);
    assert_int_equal(fixture_number("creationDate"), fx.now_ms - 5000);
    fixture_good(OP(UPDATE_PROVISIONING_TEMPLATE, update_provisioning_template),
                 "{'templateName':'T','description':'','preProvisioningHook':{'targetArn':'https://hook.example/x'},"
                 "'provisioningRoleArn':'arn:aws:iam::" ACCOUNT ":role/Other'}");
    fixture_good(OP(DESCRIBE_PROVISIONING_TEMPLATE, describe_provisioning_template), "{'templateName':'T'}");
    assert_str(fixture_text("description"), "(none)");
    assert_str(fixture_text("preProvisioningHook/targetArn"), "https://hook.example/x");
    assert_str(fixture_text("preProvisioningHook/payloadVersion"), "2020-04-01");
    assert_str(fixture_text("provisioningRoleArn"), "arn:aws:iam::" ACCOUNT ":role/Other");
    assert_int_equal(fixture_number("enabled"), 1);
    fixture_good(OP(UPDATE_PROVISIONING_TEMPLATE, update_provisioning_template), "{'templateName':'T','removePreProvisioningHook':true}");
    fixture_good(OP(DESCRIBE_PROVISIONING_TEMPLATE, describe_provisioning_template), "{'templateName':'T'}");
    assert_int_equal(fixture_count("preProvisioningHook"), SIZE_MAX);
    assert_int_equal(fixture_events("template-updated"), 3);
}

static void contradicting_updates_are_refused(void **state) {
    (void)state;
    make();
    fixture_refused(OP(UPDATE_PROVISIONING_TEMPLATE, update_provisioning_template),
                    "{'templateName':'T','removePreProvisioningHook':true,'preProvisioningHook':{'targetArn':'arn:x'}}", VCH_ERR_INVALID, "field-invalid");
    fixture_refused(OP(UPDATE_PROVISIONING_TEMPLATE, update_provisioning_template), "{'templateName':'T','defaultVersionId':7}",
                    VCH_ERR_NOT_FOUND, "template-version-missing");
    fixture_refused(OP(UPDATE_PROVISIONING_TEMPLATE, update_provisioning_template), "{'templateName':'U','enabled':true}", VCH_ERR_NOT_FOUND,
                    "template-missing");
    assert_int_equal(fixture_events("template-updated"), 0);
}

static void versions_are_five_and_the_default_moves(void **state) {
    (void)state;
    make();
    for (int i = 2; i <= 5; i++) add_version(i == 2);
    assert_int_equal(fixture_number("versionId"), 5);
    assert_int_equal(fixture_number("isDefaultVersion"), 0);
    fixture_refused(OP(CREATE_PROVISIONING_TEMPLATE_VERSION, create_provisioning_template_version), "{'templateName':'T','templateBody':\"" BODY "\"}",
                    VCH_ERR_LIMIT, "template-versions-full");
    fixture_good(OP(LIST_PROVISIONING_TEMPLATE_VERSIONS, list_provisioning_template_versions), "{'templateName':'T'}");
    assert_int_equal(fixture_count("versions"), 5);
    fixture_refused(OP(DELETE_PROVISIONING_TEMPLATE_VERSION, delete_provisioning_template_version), "{'templateName':'T','versionId':2}",
                    VCH_ERR_CONFLICT, "delete-conflict");
    fixture_good(OP(DELETE_PROVISIONING_TEMPLATE_VERSION, delete_provisioning_template_version), "{'templateName':'T','versionId':5}");
    add_version(false);
    assert_int_equal(fixture_number("versionId"), 6);
    fixture_good(OP(UPDATE_PROVISIONING_TEMPLATE, update_provisioning_template), "{'templateName':'T','defaultVersionId':6}");
    fixture_good(OP(DESCRIBE_PROVISIONING_TEMPLATE_VERSION, describe_provisioning_template_version), "{'templateName':'T','versionId':6}");
    assert_int_equal(fixture_number("isDefaultVersion"), 1);
    assert_int_equal(fixture_number("creationDate"), fx.now_ms);
    assert_int_equal(fixture_events("template-version-created"), 5);
}

static void version_pages_walk_all(void **state) {
    (void)state;
    char token[256] = "", in[512];
    size_t seen = 0;
    make();
    for (int i = 2; i <= 5; i++) add_version(false);
    do {
        (void)snprintf(in, sizeof in, "{'templateName':'T','maxResults':2%s%s%s}", token[0] ? ",'nextToken':'" : "", token, token[0] ? "'" : "");
        fixture_good(OP(LIST_PROVISIONING_TEMPLATE_VERSIONS, list_provisioning_template_versions), in);
        seen += fixture_count("versions");
        token[0] = '\0';
        if (!vch_str_eq_c(fixture_text("nextToken"), "(none)")) assert_true(vch_str_copy(token, sizeof token, fixture_text("nextToken")));
    } while (token[0]);
    assert_int_equal(seen, 5);
}

static void what_is_not_there_is_not_found(void **state) {
    (void)state;
    static const struct {
        enum vch_op op;
        vch_use_case *use_case;
        const char *in, *reason;
    } cases[] = {
        {OP(DESCRIBE_PROVISIONING_TEMPLATE, describe_provisioning_template), "{'templateName':'U'}", "template-missing"},
        {OP(DESCRIBE_PROVISIONING_TEMPLATE_VERSION, describe_provisioning_template_version), "{'templateName':'T','versionId':9}", "template-version-missing"},
        {OP(DESCRIBE_PROVISIONING_TEMPLATE_VERSION, describe_provisioning_template_version), "{'templateName':'U','versionId':1}", "template-missing"},
        {OP(LIST_PROVISIONING_TEMPLATE_VERSIONS, list_provisioning_template_versions), "{'templateName':'U'}", "template-missing"},
        {OP(CREATE_PROVISIONING_TEMPLATE_VERSION, create_provisioning_template_version), "{'templateName':'U','templateBody':\"" BODY "\"}", "template-missing"},
        {OP(DELETE_PROVISIONING_TEMPLATE_VERSION, delete_provisioning_template_version), "{'templateName':'T','versionId':9}", "template-version-missing"},
        {OP(DELETE_PROVISIONING_TEMPLATE, delete_provisioning_template), "{'templateName':'U'}", "template-missing"},
    };
    make();
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        fixture_refused(cases[i].op, cases[i].use_case, cases[i].in, VCH_ERR_NOT_FOUND, cases[i].reason);
}

static void a_template_with_other_versions_stays(void **state) {
    (void)state;
    make();
    add_version(false);
    fixture_refused(OP(DELETE_PROVISIONING_TEMPLATE, delete_provisioning_template), "{'templateName':'T'}", VCH_ERR_CONFLICT, "delete-conflict");
    fixture_good(OP(DELETE_PROVISIONING_TEMPLATE_VERSION, delete_provisioning_template_version), "{'templateName':'T','versionId':2}");
    fixture_good(OP(DELETE_PROVISIONING_TEMPLATE, delete_provisioning_template), "{'templateName':'T'}");
    fixture_refused(OP(DESCRIBE_PROVISIONING_TEMPLATE, describe_provisioning_template), "{'templateName':'T'}", VCH_ERR_NOT_FOUND, "template-missing");
    assert_int_equal(fixture_events("template-deleted"), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_template_is_made_disabled_and_read), TEST(a_taken_name_is_told_in_awss_words),
        TEST(bad_bodies_and_hooks_are_refused),     TEST(updating_changes_what_is_given),
        TEST(contradicting_updates_are_refused),    TEST(versions_are_five_and_the_default_moves),
        TEST(version_pages_walk_all),               TEST(what_is_not_there_is_not_found),
        TEST(a_template_with_other_versions_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
