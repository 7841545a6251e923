/* Things made, changed and attached, by the rules of each operation. */
#include "service/fixture.h"

#include <stdio.h>
#include <string.h>

#include "service/authz.h"
#include "store/groups.h"

#define OP(name, function) VCH_OP_##name, vch_uc_##function

static void have_type(const char *name, int64_t deprecated_ms) {
    const struct vch_rec_thing_type type = {.name = vch_str_from(name), .id = VCH_STR("id"), .created_ms = fx.now_ms};
    struct vch_plan *plan = vch_plan_new(fx.arena);
    vch_plan_thing_type_create(plan, &type);
    if (deprecated_ms) vch_plan_thing_type_deprecate(plan, type.name, deprecated_ms);
    assert_int_equal(vch_store_apply(fx.service.store, plan, NULL), VCH_OK);
}

static void have_billing_group(const char *name) {
    const struct vch_rec_billing_group group = {.name = vch_str_from(name), .id = VCH_STR("id"), .version = 1, .created_ms = fx.now_ms};
    struct vch_plan *plan = vch_plan_new(fx.arena);
    vch_plan_billing_group_create(plan, &group);
    assert_int_equal(vch_store_apply(fx.service.store, plan, NULL), VCH_OK);
}

static int64_t version_of(const char *name) {
    char in[160];
    (void)snprintf(in, sizeof in, "{'thingName':'%s'}", name);
    fixture_good(OP(DESCRIBE_THING, describe_thing), in);
    return fixture_number("version");
}

/* ---- creation ---- */

static void the_same_again_is_the_same_thing(void **state) {
    (void)state;
    char first[64];
    have_type("bulb", 0);
    have_billing_group("north");
    const char *in = "{'thingName':'t','thingTypeName':'bulb','billingGroupName':'north',"
                     "'attributePayload':{'attributes':{'a':'1','b':'2','gone':''}}}";
    fixture_good(OP(CREATE_THING, create_thing), in);
    assert_str(fixture_text("thingArn"), "arn:aws:iot:us-east-1:" ACCOUNT ":thing/t");
    assert_true(vch_str_copy(first, sizeof first, fixture_text("thingId")));
    assert_int_equal(strlen(first), 36);
    fixture_good(OP(CREATE_THING, create_thing), "{'thingName':'t','thingTypeName':'bulb','billingGroupName':'north',"
                                                 "'attributePayload':{'attributes':{'b':'2','a':'1'},'merge':true}}");
    assert_str(fixture_text("thingId"), first);
    assert_int_equal(version_of("t"), 1);
    assert_str(fixture_text("attributes/a"), "1");
    assert_str(fixture_text("attributes/gone"), "(none)");
    assert_str(fixture_text("billingGroupName"), "north");
    assert_int_equal(fixture_events("thing-created"), 1);
}

static void another_configuration_is_refused(void **state) {
    (void)state;
    static const char *const others[] = {
        "{'thingName':'t'}",
        "{'thingName':'t','thingTypeName':'bulb'}",
        "{'thingName':'t','attributePayload':{'attributes':{'a':'2'}}}",
        "{'thingName':'t','attributePayload':{'attributes':{'a':'1','b':'1'}}}",
        "{'thingName':'t','billingGroupName':'north','attributePayload':{'attributes':{'a':'1'}}}",
    };
    have_type("bulb", 0);
    have_billing_group("north");
    fixture_good(OP(CREATE_THING, create_thing), "{'thingName':'t','attributePayload':{'attributes':{'a':'1'}}}");
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        fixture_refused(OP(CREATE_THING, create_thing), others[i], VCH_ERR_EXISTS, "thing-exists");
        assert_str(fixture_text("resourceId"), "t");
        assert_str(fixture_text("resourceArn"), "arn:aws:iot:us-east-1:" ACCOUNT ":thing/t");
    }
    assert_int_equal(version_of("t"), 1);
    assert_int_equal(fixture_events("thing-created"), 1);
}

static void what_a_thing_names_must_exist(void **state) {
    (void)state;
    have_type("relic", 5);
    fixture_refused(OP(CREATE_THING, create_thing), "{'thingName':'t','thingTypeName':'none'}", VCH_ERR_NOT_FOUND, "thing-type-missing");
    fixture_refused(OP(CREATE_THING, create_thing), "{'thingName':'t','thingTypeName':'relic'}", VCH_ERR_INVALID, "thing-type-deprecated");
    fixture_refused(OP(CREATE_THING, create_thing), "{'thingName':'t','billingGroupName':'none'}", VCH_ERR_NOT_FOUND, "billing-group-missing");
    fixture_refused(OP(DESCRIBE_THING, describe_thing), "{'thingName':'t'}", VCH_ERR_NOT_FOUND, "thing-missing");
    assert_int_equal(fixture_events("thing-created"), 0);
}

/* ---- attributes ---- */

static void attributes_are_counted_and_formed(void **state) {
    (void)state;
    static const char *const bad[] = {
        "{'a b':'x'}", "{'':'x'}", "{'a':'x y'}", "{'a':'\\u00e9'}", "{'a':'1','b':'2','c':'3','d':'4'}",
    };
    char in[512];
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        (void)snprintf(in, sizeof in, "{'thingName':'t','attributePayload':{'attributes':%s}}", bad[i]);
        fixture_refused(OP(CREATE_THING, create_thing), in, VCH_ERR_INVALID, "field-invalid");
    }
    fixture_good(OP(CREATE_THING, create_thing), "{'thingName':'t','attributePayload':{'attributes':{'a':'1','b':'2','c':'3','d':''}}}");
    fixture_refused(OP(UPDATE_THING, update_thing), "{'thingName':'t','attributePayload':{'attributes':{'d':'4'},'merge':true}}", VCH_ERR_INVALID,
                    "field-invalid");
    fixture_good(OP(UPDATE_THING, update_thing), "{'thingName':'t','attributePayload':{'attributes':{'d':'4','a':''},'merge':true}}");
    assert_int_equal(version_of("t"), 2);
    assert_int_equal(fixture_count("attributes"), 3);
    assert_str(fixture_text("attributes/a"), "(none)");
}

static void fifty_attributes_with_a_type(void **state) {
    (void)state;
    char in[4096];
    have_type("bulb", 0);
    for (int count = 50; count <= 51; count++) {
        size_t at = (size_t)snprintf(in, sizeof in, "{'thingName':'n%d','thingTypeName':'bulb','attributePayload':{'attributes':{", count);
        for (int i = 0; i < count; i++) at += (size_t)snprintf(in + at, sizeof in - at, "%s'k%d':'v'", i ? "," : "", i);
        (void)snprintf(in + at, sizeof in - at, "}}}");
        if (count == 50) fixture_good(OP(CREATE_THING, create_thing), in);
        else fixture_refused(OP(CREATE_THING, create_thing), in, VCH_ERR_INVALID, "field-invalid");
    }
    /* Without its type it would have too many. */
    fixture_refused(OP(UPDATE_THING, update_thing), "{'thingName':'n50','removeThingType':true}", VCH_ERR_INVALID, "field-invalid");
}

/* ---- change ---- */

static void updates_merge_or_replace(void **state) {
    (void)state;
    have_type("bulb", 0);
    fixture_thing("t", NULL, "{\"a\":\"1\",\"b\":\"2\"}");
    fixture_good(OP(UPDATE_THING, update_thing), "{'thingName':'t','thingTypeName':'bulb','expectedVersion':1}");
    assert_int_equal(version_of("t"), 2);
    assert_int_equal(fixture_count("attributes"), 2);
    assert_str(fixture_text("thingTypeName"), "bulb");
    fixture_good(OP(UPDATE_THING, update_thing), "{'thingName':'t','attributePayload':{'attributes':{'c':'3'}}}");
    assert_int_equal(version_of("t"), 3);
    assert_int_equal(fixture_count("attributes"), 1);
    fixture_good(OP(UPDATE_THING, update_thing), "{'thingName':'t','attributePayload':{'merge':true}}");
    assert_int_equal(version_of("t"), 4);
    assert_int_equal(fixture_count("attributes"), 1);
    fixture_good(OP(UPDATE_THING, update_thing), "{'thingName':'t','attributePayload':{},'removeThingType':true}");
    assert_int_equal(version_of("t"), 5);
    assert_int_equal(fixture_count("attributes"), 0);
    assert_str(fixture_text("thingTypeName"), "(none)");
    assert_int_equal(fixture_events("thing-updated"), 4);
}

static void updates_that_are_refused(void **state) {
    (void)state;
    have_type("relic", 5);
    fixture_thing("t", NULL, "{}");
    static const struct {
        const char *in;
        enum vch_err err;
        const char *reason;
    } cases[] = {
        {"{'thingName':'none'}", VCH_ERR_NOT_FOUND, "thing-missing"},
        {"{'thingName':'t','expectedVersion':2}", VCH_ERR_CONFLICT, "thing-version"},
        {"{'thingName':'t','expectedVersion':0}", VCH_ERR_INVALID, "field-invalid"},
        {"{'thingName':'t','thingTypeName':'none'}", VCH_ERR_NOT_FOUND, "thing-type-missing"},
        {"{'thingName':'t','thingTypeName':'relic'}", VCH_ERR_INVALID, "thing-type-deprecated"},
        {"{'thingName':'t','thingTypeName':'relic','removeThingType':true}", VCH_ERR_INVALID, "field-invalid"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) fixture_refused(OP(UPDATE_THING, update_thing), cases[i].in, cases[i].err, cases[i].reason);
    assert_int_equal(version_of("t"), 1);
    assert_int_equal(fixture_events("thing-updated"), 0);
}

/* A type that was deprecated later stays with the things that have it. */
static void a_deprecated_type_is_kept(void **state) {
    (void)state;
    have_type("old", 0);
    fixture_good(OP(CREATE_THING, create_thing), "{'thingName':'t','thingTypeName':'old'}");
    struct vch_plan *plan = vch_plan_new(fx.arena);
    vch_plan_thing_type_deprecate(plan, VCH_STR("old"), 7);
    assert_int_equal(vch_store_apply(fx.service.store, plan, NULL), VCH_OK);
    fixture_good(OP(UPDATE_THING, update_thing), "{'thingName':'t','thingTypeName':'old','attributePayload':{'attributes':{'a':'1'}}}");
    fixture_good(OP(CREATE_THING, create_thing), "{'thingName':'t','thingTypeName':'old','attributePayload':{'attributes':{'a':'1'}}}");
    fixture_refused(OP(CREATE_THING, create_thing), "{'thingName':'u','thingTypeName':'old'}", VCH_ERR_INVALID, "thing-type-deprecated");
}

static void deletion_guards_the_version(void **state) {
    (void)state;
    fixture_thing("t", NULL, "{}");
    fixture_good(OP(UPDATE_THING, update_thing), "{'thingName':'t'}");
    fixture_refused(OP(DELETE_THING, delete_thing), "{'thingName':'t','expectedVersion':1}", VCH_ERR_CONFLICT, "thing-version");
    fixture_good(OP(DELETE_THING, delete_thing), "{'thingName':'t','expectedVersion':2}");
    fixture_good(OP(DELETE_THING, delete_thing), "{'thingName':'t','expectedVersion':2}");
    assert_int_equal(fixture_events("thing-deleted"), 1);
}

/* ---- principals ---- */

#define ATTACH(thing, cert, kind) "{'thingName':'" thing "','principal':'" CERT_ARN(cert) "','thingPrincipalType':'" kind "'}"

static void exclusive_attachments(void **state) {
    (void)state;
    fixture_certificate(CERT_A, "ACTIVE");
    fixture_certificate(CERT_B, "ACTIVE");
    fixture_thing("one", NULL, "{}");
    fixture_thing("two", NULL, "{}");
    fixture_good(OP(ATTACH_THING_PRINCIPAL, attach_thing_principal), ATTACH("one", CERT_A, "EXCLUSIVE_THING"));
    fixture_refused(OP(ATTACH_THING_PRINCIPAL, attach_thing_principal), ATTACH("two", CERT_A, "EXCLUSIVE_THING"), VCH_ERR_INVALID, "thing-attached");
    fixture_refused(OP(ATTACH_THING_PRINCIPAL, attach_thing_principal), ATTACH("two", CERT_A, "NON_EXCLUSIVE_THING"), VCH_ERR_INVALID, "thing-attached");
    fixture_good(OP(ATTACH_THING_PRINCIPAL, attach_thing_principal), "{'thingName':'one','principal':'" CERT_ARN(CERT_B) "'}");
    fixture_good(OP(LIST_THING_PRINCIPALS_V2, list_thing_principals_v2), "{'thingName':'one'}");
    assert_int_equal(fixture_count("thingPrincipalObjects"), 2);
    assert_str(fixture_text("thingPrincipalObjects/0/principal"), CERT_ARN(CERT_A));
    assert_str(fixture_text("thingPrincipalObjects/0/thingPrincipalType"), "EXCLUSIVE_THING");
    assert_str(fixture_text("thingPrincipalObjects/1/thingPrincipalType"), "NON_EXCLUSIVE_THING");
    fixture_good(OP(LIST_THING_PRINCIPALS_V2, list_thing_principals_v2), "{'thingName':'one','thingPrincipalType':'NON_EXCLUSIVE_THING'}");
    assert_int_equal(fixture_count("thingPrincipalObjects"), 1);
    fixture_good(OP(LIST_PRINCIPAL_THINGS_V2, list_principal_things_v2), "{'principal':'" CERT_ARN(CERT_A) "'}");
    assert_str(fixture_text("principalThingObjects/0/thingName"), "one");
    assert_str(fixture_text("principalThingObjects/0/thingPrincipalType"), "EXCLUSIVE_THING");
    fixture_refused(OP(LIST_PRINCIPAL_THINGS_V2, list_principal_things_v2), "{'principal':'" CERT_ARN(CERT_C) "'}", VCH_ERR_NOT_FOUND,
                    "certificate-missing");
    fixture_refused(OP(LIST_THING_PRINCIPALS_V2, list_thing_principals_v2), "{'thingName':'none'}", VCH_ERR_NOT_FOUND, "thing-missing");
    fixture_refused(OP(ATTACH_THING_PRINCIPAL, attach_thing_principal), ATTACH("none", CERT_A, "NON_EXCLUSIVE_THING"), VCH_ERR_NOT_FOUND, "thing-missing");
    fixture_refused(OP(ATTACH_THING_PRINCIPAL, attach_thing_principal), ATTACH("one", CERT_C, "NON_EXCLUSIVE_THING"), VCH_ERR_NOT_FOUND,
                    "certificate-missing");
    assert_int_equal(fixture_events("thing-attached"), 2);
}

#define VARIABLE_POLICY                                                                                                \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"iot:Publish\",\"Resource\":"                    \
    "\"arn:aws:iot:us-east-1:" ACCOUNT ":topic/${iot:Connection.Thing.ThingName}\"}]}"

static enum vch_verdict verdict(const char *client_id, const char *topic) {
    struct vch_authz *authz = NULL;
    struct vch_str client = vch_str_from(client_id);
    assert_int_equal(vch_authz_load(&fx.service, VCH_STR(CERT_A), client, &authz, NULL), VCH_OK);
    const struct vch_authz_ask ask = {.authz = authz, .site = &fx.service.site, .action = "iot:Publish", .resource_type = "topic",
                                      .name = vch_str_from(topic), .client_id = client, .certificate_id = VCH_STR(CERT_A)};
    enum vch_verdict got = vch_authz_eval(&ask);
    vch_authz_unref(authz);
    return got;
}

/* AWS IoT: the exclusive thing is the connection's, whatever the client id. */
static void the_connections_thing(void **state) {
    (void)state;
    const struct vch_rec_policy policy = {.name = VCH_STR("v"), .document = VCH_STR(VARIABLE_POLICY), .generation_id = VCH_STR("g")};
    assert_int_equal(vch_policy_cache_new(&fx.service.policies), VCH_OK);
    fixture_certificate(CERT_A, "ACTIVE");
    fixture_thing("one", CERT_A, "{}");
    struct vch_plan *plan = vch_plan_new(fx.arena);
    vch_plan_policy_create(plan, &policy);
    vch_plan_policy_attach(plan, policy.name, VCH_STR(CERT_A));
    assert_int_equal(vch_store_apply(fx.service.store, plan, NULL), VCH_OK);
    assert_int_equal(verdict("one", "one"), VCH_VERDICT_ALLOW);
    assert_int_equal(verdict("other", "one"), VCH_VERDICT_IMPLICIT_DENY);
    fixture_good(OP(ATTACH_THING_PRINCIPAL, attach_thing_principal), ATTACH("one", CERT_A, "EXCLUSIVE_THING"));
    assert_int_equal(verdict("other", "one"), VCH_VERDICT_ALLOW);
    assert_int_equal(verdict("other", "other"), VCH_VERDICT_IMPLICIT_DENY);
    vch_policy_cache_free(fx.service.policies);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_same_again_is_the_same_thing), TEST(another_configuration_is_refused), TEST(what_a_thing_names_must_exist),
        TEST(attributes_are_counted_and_formed), TEST(fifty_attributes_with_a_type), TEST(updates_merge_or_replace),
        TEST(updates_that_are_refused), TEST(a_deprecated_type_is_kept), TEST(deletion_guards_the_version),
        TEST(exclusive_attachments), TEST(the_connections_thing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
