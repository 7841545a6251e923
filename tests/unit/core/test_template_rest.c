/* Templates of a RegisterThing request: the certificate comes in one of three
 * ways, and its text has lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/names.h"
#include "core/template.h"

#define ID64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LINES "-----BEGIN X-----\\nAAAA\\r\\nBBBB\\n-----END X-----\\n"

static struct vch_arena *arena;

static int setup(void **state) {
    (void)state;
    arena = vch_arena_new(8 << 20, false);
    return arena ? 0 : 1;
}

static int teardown(void **state) {
    (void)state;
    vch_arena_free(arena);
    return 0;
}

/* ' stands for ". */
static struct vch_str quoted(const char *text) {
    struct vch_str copy = vch_arena_str(arena, vch_str_from(text));
    char *at = (char *)(uintptr_t)copy.ptr;
    for (size_t i = 0; i < copy.len; i++)
        if (at[i] == '\'') at[i] = '"';
    return copy;
}

/* A template whose certificate has these properties. */
static struct vch_str body_of(const char *properties, const char *more) {
    char text[4096];
    int len = snprintf(text, sizeof text,
                       "{'Parameters':{'CSR':{'Type':'String'},'Name':{'Type':'String','Default':'thing-1'}},"
                       "'Resources':{'c':{'Type':'AWS::IoT::Certificate','Properties':%s}%s}}",
                       properties, more);
    assert_in_range(len, 1, sizeof text - 1);
    return quoted(text);
}

static enum vch_err plan_it(const char *properties, const char *more, const char *parameters, struct vch_template_plan *ret,
                            struct vch_diag *diag) {
    struct vch_val *given = NULL;
    *diag = (struct vch_diag){0};
    if (parameters) assert_int_equal(vch_json_decode(quoted(parameters), NULL, arena, &given, NULL), VCH_OK);
    return vch_template_plan(VCH_TEMPLATE_REST, body_of(properties, more), given, VCH_STR(""), arena, ret, diag);
}

static struct vch_template_plan good(const char *properties, const char *more, const char *parameters) {
    struct vch_template_plan plan;
    struct vch_diag diag;
    if (plan_it(properties, more, parameters, &plan, &diag) != VCH_OK) fail_msg("%s: %s %s", properties, diag.field, diag.message);
    return plan;
}

static void the_three_ways(void **state) {
    (void)state;
    struct vch_template_plan plan = good("{'CertificateSigningRequest':{'Ref':'CSR'}}", "", "{'CSR':'" LINES "'}");
    assert_true(vch_str_ends(plan.certificate_csr, VCH_STR("-----END X-----\n")));
    assert_true(plan.certificate_id.len == 0 && plan.certificate_pem.len == 0 && plan.certificate_ca_pem.len == 0);
    assert_true(plan.certificate_active);
    plan = good("{'CertificatePem':'" LINES "','Status':'Inactive','ThingPrincipalType':'EXCLUSIVE_THING'}", "", NULL);
    assert_true(plan.certificate_pem.len > 0 && plan.certificate_csr.len == 0 && plan.certificate_ca_pem.len == 0);
    assert_true(!plan.certificate_active && plan.exclusive_thing);
    plan = good("{'CertificatePem':{'Ref':'CSR'},'CACertificatePem':{'Fn::Join':['',['a\\n','b']]}}", "", "{'CSR':'x\\ny'}");
    assert_true(vch_str_eq_c(plan.certificate_pem, "x\ny"));
    assert_true(vch_str_eq_c(plan.certificate_ca_pem, "a\nb"));
    plan = good("{'CertificateId':'" ID64 "'}", ",'t':{'Type':'AWS::IoT::Thing','Properties':{'ThingName':{'Ref':'Name'}}}", NULL);
    assert_true(vch_str_eq_c(plan.certificate_id, ID64));
    assert_true(vch_str_eq_c(plan.thing_name, "thing-1"));
    assert_true(vch_str_eq_c(plan.thing_logical_name, "t"));
    assert_true(vch_str_eq_c(plan.certificate_logical_name, "c"));
}

static void exactly_one_way(void **state) {
    (void)state;
    static const char *const cases[] = {
        "{}",
        "{'Status':'ACTIVE'}",
        "{'CertificateId':'" ID64 "','CertificatePem':'x'}",
        "{'CertificateId':'" ID64 "','CertificateSigningRequest':'x'}",
        "{'CertificatePem':'x','CertificateSigningRequest':'x'}",
        "{'CertificateId':'" ID64 "','CACertificatePem':'x'}",
        "{'CACertificatePem':'x'}",
        "{'CertificatePem':'x','Owner':'y'}",
        "{'CertificatePem':'x','Status':'SOMETIMES'}",
        "{'CertificatePem':['x']}",
        "'x'",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct vch_template_plan plan;
        struct vch_diag diag;
        if (plan_it(cases[i], "", NULL, &plan, &diag) != VCH_ERR_INVALID) fail_msg("%s was taken", cases[i]);
        assert_string_equal(diag.reason, "template-invalid");
        assert_int_not_equal(vch_template_check(VCH_TEMPLATE_REST, body_of(cases[i], ""), NULL), VCH_OK);
    }
}

/* The other kinds of template take the id of the certificate at hand alone. */
static void other_templates_take_no_text(void **state) {
    (void)state;
    static const char *const properties[] = {"{'CertificatePem':'x'}", "{'CertificateSigningRequest':'x'}",
                                             "{'CertificateId':'x','CACertificatePem':'x'}"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(vch_template_check(VCH_TEMPLATE_FLEET, body_of(properties[i], ""), NULL), VCH_ERR_INVALID);
        assert_int_equal(vch_template_check(VCH_TEMPLATE_JITP, body_of(properties[i], ""), NULL), VCH_ERR_INVALID);
    }
    assert_int_equal(vch_template_check(VCH_TEMPLATE_REST, body_of(properties[0], ""), NULL), VCH_OK);
}

static void refused(const char *properties, const char *more, const char *parameters, const char *reason) {
    struct vch_template_plan plan;
    struct vch_diag diag;
    if (plan_it(properties, more, parameters, &plan, &diag) != VCH_ERR_INVALID) fail_msg("%s %s was taken", properties, more);
    assert_string_equal(diag.reason, reason);
}

/* Lines belong into the certificate's text and nowhere else; its id is not
 * known, and not the caller's to give. */
static void values(void **state) {
    (void)state;
    const char *csr = "{'CertificateSigningRequest':{'Ref':'CSR'}}";
    const char *thing = ",'t':{'Type':'AWS::IoT::Thing','Properties':{'ThingName':'t','AttributePayload':{'a':{'Ref':'CSR'}}}}";
    refused(csr, "", NULL, "parameter-unresolved");
    refused(csr, thing, "{'CSR':'a\\nb'}", "parameter-invalid");
    refused(csr, "", "{'CSR':'a\\u0001b'}", "parameter-invalid");
    refused("{'CertificateId':{'Ref':'AWS::IoT::Certificate::Id'}}", "", NULL, "parameter-unresolved");
    refused("{'CertificateId':{'Ref':'AWS::IoT::Certificate::Id'}}", "", "{'AWS::IoT::Certificate::Id':'" ID64 "'}", "parameter-unresolved");
    refused("{'CertificateId':'x'}", ",'d':{'Type':'AWS::IoT::Certificate','Properties':{'CertificateId':'x'}}", NULL, "template-invalid");
}

static void sections_of_fleet_templates(void **state) {
    (void)state;
    static const char *const sections[] = {"'Mappings':{}", "'DeviceConfiguration':{}"};
    for (size_t i = 0; i < 2; i++) {
        char text[512];
        (void)snprintf(text, sizeof text, "{%s,'Resources':{'c':{'Type':'AWS::IoT::Certificate','Properties':{'CertificatePem':'x'}}}}",
                       sections[i]);
        assert_int_equal(vch_template_check(VCH_TEMPLATE_REST, quoted(text), NULL), VCH_ERR_INVALID);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_three_ways, setup, teardown),
        cmocka_unit_test_setup_teardown(exactly_one_way, setup, teardown),
        cmocka_unit_test_setup_teardown(other_templates_take_no_text, setup, teardown),
        cmocka_unit_test_setup_teardown(values, setup, teardown),
        cmocka_unit_test_setup_teardown(sections_of_fleet_templates, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
