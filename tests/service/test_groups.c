/* Thing types, groups, billing groups, tags and search as use cases. */
#include <stdio.h>
#include <string.h>

#include "core/names.h"
#include "service/fixture.h"

#define OP(name, function) VCH_OP_##name, vch_uc_##function
#define ARN(kind) "arn:aws:iot:us-east-1:" ACCOUNT ":" kind

/* ---- types ---- */

static void types(void **state) {
    (void)state;
    fixture_good(OP(CREATE_THING_TYPE, create_thing_type), "{'thingTypeName':'lamp','thingTypeProperties':{'thingTypeDescription':'d','searchableAttributes':['a']},"
                                                           "'tags':[{'Key':'k','Value':'v'}]}");
    assert_str(fixture_text("thingTypeArn"), ARN("thingtype/lamp"));
    assert_int_equal(fixture_text("thingTypeId").len, 36);
    fixture_refused(OP(CREATE_THING_TYPE, create_thing_type), "{'thingTypeName':'lamp'}", VCH_ERR_EXISTS, "thing-type-exists");
    assert_str(fixture_text("resourceArn"), ARN("thingtype/lamp"));
    fixture_good(OP(DESCRIBE_THING_TYPE, describe_thing_type), "{'thingTypeName':'lamp'}");
    assert_str(fixture_text("thingTypeProperties/thingTypeDescription"), "d");
    assert_str(fixture_text("thingTypeProperties/searchableAttributes/0"), "a");
    assert_int_equal(fixture_number("thingTypeMetadata/deprecated"), 0);
    assert_int_equal(fixture_number("thingTypeMetadata/creationDate"), fx.now_ms);
    fixture_good(OP(UPDATE_THING_TYPE, update_thing_type), "{'thingTypeName':'lamp','thingTypeProperties':{'searchableAttributes':['b','c']}}");
    fixture_good(OP(LIST_THING_TYPES, list_thing_types), "{}");
    assert_int_equal(fixture_count("thingTypes"), 1);
    assert_str(fixture_text("thingTypes/0/thingTypeProperties/thingTypeDescription"), "d");
    assert_str(fixture_text("thingTypes/0/thingTypeProperties/searchableAttributes/1"), "c");
    fixture_good(OP(LIST_THING_TYPES, list_thing_types), "{'thingTypeName':'lam'}");
    assert_int_equal(fixture_count("thingTypes"), 0);
    assert_int_equal(fixture_events("thing-type-created"), 1);
    assert_int_equal(fixture_events("thing-type-updated"), 1);
}

static void types_end_by_the_clock(void **state) {
    (void)state;
    fixture_good(OP(CREATE_THING_TYPE, create_thing_type), "{'thingTypeName':'lamp'}");
    fixture_refused(OP(DELETE_THING_TYPE, delete_thing_type), "{'thingTypeName':'lamp'}", VCH_ERR_STATE, "thing-type-in-use");
    fixture_good(OP(DEPRECATE_THING_TYPE, deprecate_thing_type), "{'thingTypeName':'lamp'}");
    fx.now_ms += VCH_THING_TYPE_WAIT_MS - 1;
    fixture_refused(OP(DELETE_THING_TYPE, delete_thing_type), "{'thingTypeName':'lamp'}", VCH_ERR_STATE, "thing-type-in-use");
    fx.now_ms += 1;
    fixture_good(OP(DELETE_THING_TYPE, delete_thing_type), "{'thingTypeName':'lamp'}");
    fixture_refused(OP(DELETE_THING_TYPE, delete_thing_type), "{'thingTypeName':'lamp'}", VCH_ERR_NOT_FOUND, "thing-type-missing");
    fixture_refused(OP(DEPRECATE_THING_TYPE, deprecate_thing_type), "{'thingTypeName':'lamp'}", VCH_ERR_NOT_FOUND, "thing-type-missing");
    fixture_refused(OP(UPDATE_THING_TYPE, update_thing_type), "{'thingTypeName':'lamp'}", VCH_ERR_NOT_FOUND, "thing-type-missing");
    assert_int_equal(fixture_events("thing-type-deleted"), 1);
}

static void things_have_types(void **state) {
    (void)state;
    fixture_good(OP(CREATE_THING_TYPE, create_thing_type), "{'thingTypeName':'lamp'}");
    fixture_good(OP(CREATE_BILLING_GROUP, create_billing_group), "{'billingGroupName':'b'}");
    fixture_good(OP(CREATE_THING, create_thing), "{'thingName':'t','thingTypeName':'lamp','billingGroupName':'b'}");
    fixture_refused(OP(CREATE_THING, create_thing), "{'thingName':'u','thingTypeName':'none'}", VCH_ERR_NOT_FOUND, "thing-type-missing");
    fixture_refused(OP(CREATE_THING, create_thing), "{'thingName':'u','billingGroupName':'none'}", VCH_ERR_NOT_FOUND, "billing-group-missing");
    fixture_good(OP(DEPRECATE_THING_TYPE, deprecate_thing_type), "{'thingTypeName':'lamp'}");
    fixture_refused(OP(CREATE_THING, create_thing), "{'thingName':'u','thingTypeName':'lamp'}", VCH_ERR_INVALID, "thing-type-deprecated");
}

/* ---- groups ---- */

static void groups(void **state) {
    (void)state;
    fixture_good(OP(CREATE_THING_GROUP, create_thing_group),
                 "{'thingGroupName':'a','thingGroupProperties':{'thingGroupDescription':'d','attributePayload':{'attributes':{'x':'1','y':''}}}}");
    assert_str(fixture_text("thingGroupArn"), ARN("thinggroup/a"));
    fixture_good(OP(CREATE_THING_GROUP, create_thing_group), "{'thingGroupName':'b','parentGroupName':'a'}");
    fixture_good(OP(CREATE_THING_GROUP, create_thing_group), "{'thingGroupName':'c','parentGroupName':'b'}");
    fixture_refused(OP(CREATE_THING_GROUP, create_thing_group), "{'thingGroupName':'c'}", VCH_ERR_EXISTS, "group-exists");
    fixture_refused(OP(CREATE_THING_GROUP, create_thing_group), "{'thingGroupName':'d','parentGroupName':'none'}", VCH_ERR_INVALID, "group-parent-missing");
    fixture_good(OP(DESCRIBE_THING_GROUP, describe_thing_group), "{'thingGroupName':'a'}");
    assert_str(fixture_text("thingGroupProperties/attributePayload/attributes/x"), "1");
    assert_str(fixture_text("thingGroupProperties/attributePayload/attributes/y"), "(none)");
    assert_str(fixture_text("thingGroupMetadata/parentGroupName"), "(none)");
    fixture_good(OP(DESCRIBE_THING_GROUP, describe_thing_group), "{'thingGroupName':'c'}");
    assert_str(fixture_text("thingGroupMetadata/parentGroupName"), "b");
    assert_str(fixture_text("thingGroupMetadata/rootToParentThingGroups/0/groupName"), "a");
    assert_str(fixture_text("thingGroupMetadata/rootToParentThingGroups/1/groupArn"), ARN("thinggroup/b"));
    assert_int_equal(fixture_count("thingGroupMetadata/rootToParentThingGroups"), 2);
    fixture_refused(OP(DELETE_THING_GROUP, delete_thing_group), "{'thingGroupName':'b'}", VCH_ERR_STATE, "group-in-use");
    fixture_refused(OP(DELETE_THING_GROUP, delete_thing_group), "{'thingGroupName':'c','expectedVersion':2}", VCH_ERR_CONFLICT, "group-version");
    fixture_good(OP(DELETE_THING_GROUP, delete_thing_group), "{'thingGroupName':'c','expectedVersion':1}");
    fixture_good(OP(LIST_THING_GROUPS, list_thing_groups), "{}");
    assert_int_equal(fixture_count("thingGroups"), 2);
    fixture_refused(OP(LIST_THING_GROUPS, list_thing_groups), "{'parentGroup':'none'}", VCH_ERR_NOT_FOUND, "group-missing");
    assert_int_equal(fixture_events("thing-group-created"), 3);
    assert_int_equal(fixture_events("thing-group-deleted"), 1);
}

static void group_updates(void **state) {
    (void)state;
    fixture_good(OP(CREATE_THING_GROUP, create_thing_group), "{'thingGroupName':'g','thingGroupProperties':{'attributePayload':{'attributes':{'x':'1'}}}}");
    fixture_good(OP(UPDATE_THING_GROUP, update_thing_group),
                 "{'thingGroupName':'g','thingGroupProperties':{'attributePayload':{'merge':true,'attributes':{'y':'2','x':''}}}}");
    assert_int_equal(fixture_number("version"), 2);
    fixture_good(OP(DESCRIBE_THING_GROUP, describe_thing_group), "{'thingGroupName':'g'}");
    assert_str(fixture_text("thingGroupProperties/attributePayload/attributes/x"), "(none)");
    assert_str(fixture_text("thingGroupProperties/attributePayload/attributes/y"), "2");
    fixture_refused(OP(UPDATE_THING_GROUP, update_thing_group), "{'thingGroupName':'g','thingGroupProperties':{},'expectedVersion':1}", VCH_ERR_CONFLICT,
                    "group-version");
    fixture_refused(OP(UPDATE_THING_GROUP, update_thing_group), "{'thingGroupName':'none','thingGroupProperties':{}}", VCH_ERR_NOT_FOUND, "group-missing");
    fixture_refused(OP(UPDATE_THING_GROUP, update_thing_group),
                    "{'thingGroupName':'g','thingGroupProperties':{'attributePayload':{'attributes':{'a b':'1'}}}}", VCH_ERR_INVALID, "field-invalid");
}

static void members(void **state) {
    (void)state;
    fixture_thing("t", NULL, "{}");
    fixture_good(OP(CREATE_THING_GROUP, create_thing_group), "{'thingGroupName':'a'}");
    fixture_good(OP(CREATE_THING_GROUP, create_thing_group), "{'thingGroupName':'b','parentGroupName':'a'}");
    fixture_good(OP(CREATE_THING_GROUP, create_thing_group), "{'thingGroupName':'c'}");
    fixture_good(OP(ADD_THING_TO_THING_GROUP, add_thing_to_thing_group), "{'thingGroupArn':'" ARN("thinggroup/b") "','thingArn':'" ARN("thing/t") "'}");
    fixture_refused(OP(ADD_THING_TO_THING_GROUP, add_thing_to_thing_group), "{'thingGroupName':'a','thingName':'t'}", VCH_ERR_INVALID, "group-hierarchy");
    fixture_refused(OP(ADD_THING_TO_THING_GROUP, add_thing_to_thing_group), "{'thingGroupName':'c'}", VCH_ERR_INVALID, "field-missing");
    fixture_refused(OP(ADD_THING_TO_THING_GROUP, add_thing_to_thing_group), "{'thingName':'t'}", VCH_ERR_INVALID, "field-missing");
    fixture_refused(OP(ADD_THING_TO_THING_GROUP, add_thing_to_thing_group), "{'thingGroupName':'c','thingArn':'arn:aws:iot:eu-west-1:" ACCOUNT ":thing/t'}",
                    VCH_ERR_INVALID, "target-invalid");
    fixture_refused(OP(ADD_THING_TO_THING_GROUP, add_thing_to_thing_group), "{'thingGroupName':'c','thingName':'u','thingArn':'" ARN("thing/t") "'}",
                    VCH_ERR_INVALID, "field-invalid");
    fixture_good(OP(LIST_THINGS_IN_THING_GROUP, list_things_in_thing_group), "{'thingGroupName':'a'}");
    assert_int_equal(fixture_count("things"), 0);
    fixture_good(OP(LIST_THINGS_IN_THING_GROUP, list_things_in_thing_group), "{'thingGroupName':'a','recursive':true}");
    assert_str(fixture_text("things/0"), "t");
    fixture_good(OP(UPDATE_THING_GROUPS_FOR_THING, update_thing_groups_for_thing),
                 "{'thingName':'t','thingGroupsToAdd':['a','c'],'thingGroupsToRemove':['b']}");
    fixture_good(OP(LIST_THING_GROUPS_FOR_THING, list_thing_groups_for_thing), "{'thingName':'t'}");
    assert_int_equal(fixture_count("thingGroups"), 2);
    assert_str(fixture_text("thingGroups/0/groupName"), "a");
    fixture_refused(OP(UPDATE_THING_GROUPS_FOR_THING, update_thing_groups_for_thing),
                    "{'thingName':'t','thingGroupsToAdd':['none'],'thingGroupsToRemove':['a']}", VCH_ERR_NOT_FOUND, "group-missing");
    fixture_refused(OP(UPDATE_THING_GROUPS_FOR_THING, update_thing_groups_for_thing), "{'thingGroupsToAdd':['a']}", VCH_ERR_INVALID, "field-missing");
    fixture_good(OP(REMOVE_THING_FROM_THING_GROUP, remove_thing_from_thing_group), "{'thingGroupName':'a','thingName':'t'}");
    fixture_good(OP(LIST_THING_GROUPS_FOR_THING, list_thing_groups_for_thing), "{'thingName':'t'}");
    assert_int_equal(fixture_count("thingGroups"), 1);
    assert_int_equal(fixture_events("thing-group-joined"), 1);
    assert_int_equal(fixture_events("thing-groups-updated"), 1);
    assert_int_equal(fixture_events("thing-group-left"), 1);
}

/* ---- billing ---- */

static void billing(void **state) {
    (void)state;
    fixture_thing("t", NULL, "{}");
    fixture_good(OP(CREATE_BILLING_GROUP, create_billing_group), "{'billingGroupName':'b','billingGroupProperties':{'billingGroupDescription':'d'}}");
    fixture_refused(OP(CREATE_BILLING_GROUP, create_billing_group), "{'billingGroupName':'b'}", VCH_ERR_EXISTS, "billing-group-exists");
    fixture_good(OP(UPDATE_BILLING_GROUP, update_billing_group), "{'billingGroupName':'b','billingGroupProperties':{'billingGroupDescription':'e'}}");
    assert_int_equal(fixture_number("version"), 2);
    fixture_good(OP(DESCRIBE_BILLING_GROUP, describe_billing_group), "{'billingGroupName':'b'}");
    assert_str(fixture_text("billingGroupProperties/billingGroupDescription"), "e");
    fixture_good(OP(ADD_THING_TO_BILLING_GROUP, add_thing_to_billing_group), "{'billingGroupName':'b','thingName':'t'}");
    fixture_good(OP(LIST_THINGS_IN_BILLING_GROUP, list_things_in_billing_group), "{'billingGroupName':'b'}");
    assert_str(fixture_text("things/0"), "t");
    fixture_refused(OP(DELETE_BILLING_GROUP, delete_billing_group), "{'billingGroupName':'b'}", VCH_ERR_STATE, "billing-group-in-use");
    fixture_good(OP(REMOVE_THING_FROM_BILLING_GROUP, remove_thing_from_billing_group), "{'billingGroupArn':'" ARN("billinggroup/b") "','thingName':'t'}");
    fixture_refused(OP(DELETE_BILLING_GROUP, delete_billing_group), "{'billingGroupName':'b','expectedVersion':1}", VCH_ERR_CONFLICT, "billing-group-version");
    fixture_good(OP(DELETE_BILLING_GROUP, delete_billing_group), "{'billingGroupName':'b'}");
    fixture_good(OP(DELETE_BILLING_GROUP, delete_billing_group), "{'billingGroupName':'b'}");
    fixture_good(OP(LIST_BILLING_GROUPS, list_billing_groups), "{}");
    assert_int_equal(fixture_count("billingGroups"), 0);
}

/* ---- tags ---- */

static void tags(void **state) {
    (void)state;
    fixture_good(OP(CREATE_THING_GROUP, create_thing_group), "{'thingGroupName':'g','tags':[{'Key':'a','Value':'1'},{'Key':'b'}]}");
    fixture_good(OP(LIST_TAGS_FOR_RESOURCE, list_tags_for_resource), "{'resourceArn':'" ARN("thinggroup/g") "'}");
    assert_int_equal(fixture_count("tags"), 2);
    assert_str(fixture_text("tags/0/Value"), "1");
    assert_str(fixture_text("tags/1/Value"), "");
    fixture_good(OP(UNTAG_RESOURCE, untag_resource), "{'resourceArn':'" ARN("thinggroup/g") "','tagKeys':['a','b']}");
    fixture_good(OP(LIST_TAGS_FOR_RESOURCE, list_tags_for_resource), "{'resourceArn':'" ARN("thinggroup/g") "'}");
    assert_int_equal(fixture_count("tags"), 0);
    fixture_refused(OP(TAG_RESOURCE, tag_resource), "{'resourceArn':'" ARN("thinggroup/none") "','tags':[{'Key':'a'}]}", VCH_ERR_NOT_FOUND, "resource-missing");
    fixture_refused(OP(TAG_RESOURCE, tag_resource), "{'resourceArn':'" ARN("cert/x") "','tags':[{'Key':'a'}]}", VCH_ERR_INVALID, "target-invalid");
    fixture_refused(OP(TAG_RESOURCE, tag_resource), "{'resourceArn':'" ARN("thinggroup/g") "','tags':[{'Key':'a'},{'Key':'A'}]}", VCH_ERR_INVALID, "field-invalid");
    fixture_refused(OP(LIST_TAGS_FOR_RESOURCE, list_tags_for_resource), "{'resourceArn':'" ARN("thinggroup/none") "'}", VCH_ERR_NOT_FOUND, "resource-missing");
    fixture_refused(OP(LIST_TAGS_FOR_RESOURCE, list_tags_for_resource), "{'resourceArn':'" ARN("thinggroup/g") "','nextToken':'AAAA'}", VCH_ERR_INVALID,
                    "page-token-invalid");
    /* A creation that is refused leaves no tags. */
    fixture_refused(OP(CREATE_THING_GROUP, create_thing_group), "{'thingGroupName':'g','tags':[{'Key':'late'}]}", VCH_ERR_EXISTS, "group-exists");
    fixture_good(OP(LIST_TAGS_FOR_RESOURCE, list_tags_for_resource), "{'resourceArn':'" ARN("thinggroup/g") "'}");
    assert_int_equal(fixture_count("tags"), 0);
    assert_int_equal(fixture_events("resource-untagged"), 1);
}

/* ---- search ---- */

static void search(void **state) {
    (void)state;
    char name[16];
    for (int i = 0; i < 230; i++) {
        (void)snprintf(name, sizeof name, "t-%03d", i);
        fixture_thing(name, NULL, i % 2 ? "{\"odd\":\"yes\"}" : "{}");
    }
    fixture_good(OP(SEARCH_INDEX, search_index), "{'queryString':'thingName:t-*'}");
    assert_int_equal(fixture_count("things"), 100);
    assert_true(fixture_text("nextToken").len > 10);
    fixture_good(OP(SEARCH_INDEX, search_index), "{'queryString':'attributes.odd:yes','maxResults':500}");
    assert_int_equal(fixture_count("things"), 115);
    assert_str(fixture_text("things/0/thingName"), "t-001");
    assert_str(fixture_text("nextToken"), "(none)");
    fixture_good(OP(SEARCH_INDEX, search_index), "{'queryString':'thingName:t-007'}");
    assert_int_equal(fixture_count("things"), 1);
    assert_str(fixture_text("things/0/attributes/odd"), "yes");
    assert_str(fixture_text("nextToken"), "(none)");
    fixture_good(OP(SEARCH_INDEX, search_index), "{'queryString':'thingName:t-00'}");
    assert_int_equal(fixture_count("things"), 0);
    fixture_good(OP(SEARCH_INDEX, search_index), "{'queryString':'NOT attributes.odd:yes AND thingName:t-2*','maxResults':500}");
    assert_int_equal(fixture_count("things"), 15);
    fixture_refused(OP(SEARCH_INDEX, search_index), "{'queryString':'nofield:x'}", VCH_ERR_INVALID, "query-invalid");
    fixture_refused(OP(SEARCH_INDEX, search_index), "{'queryString':'thingName:'}", VCH_ERR_INVALID, "query-invalid");
    fixture_refused(OP(SEARCH_INDEX, search_index), "{'queryString':'*','indexName':'other'}", VCH_ERR_NOT_FOUND, "resource-missing");
    fixture_refused(OP(SEARCH_INDEX, search_index), "{'queryString':'*','nextToken':'AAAA'}", VCH_ERR_INVALID, "page-token-invalid");
}

/* One answer holds a bounded amount, however large the things are. */
static void search_of_large_things(void **state) {
    (void)state;
    static char attributes[45000];
    char name[16], value[801];
    size_t at = 0, found = 0;
    memset(value, 'v', 800);
    value[800] = '\0';
    for (int i = 0; i < 50; i++) at += (size_t)snprintf(attributes + at, sizeof attributes - at, "%c\"a%02d\":\"%s\"", i ? ',' : '{', i, value);
    (void)snprintf(attributes + at, sizeof attributes - at, "}");
    for (int i = 0; i < 150; i++) {
        (void)snprintf(name, sizeof name, "big-%03d", i);
        fixture_thing(name, NULL, attributes);
    }
    fixture_good(OP(SEARCH_INDEX, search_index), "{'queryString':'attributes.a49:v*','maxResults':500}");
    found = fixture_count("things");
    assert_in_range(found, 50, 149);
    char in[1200];
    (void)snprintf(in, sizeof in, "{'queryString':'attributes.a49:v*','maxResults':500,'nextToken':'%.*s'}", VCH_STR_ARG(fixture_text("nextToken")));
    fixture_good(OP(SEARCH_INDEX, search_index), in);
    assert_int_equal(found + fixture_count("things"), 150);
}

static void search_of_groups(void **state) {
    (void)state;
    fixture_good(OP(CREATE_THING_GROUP, create_thing_group), "{'thingGroupName':'a'}");
    fixture_good(OP(CREATE_THING_GROUP, create_thing_group),
                 "{'thingGroupName':'b','parentGroupName':'a','thingGroupProperties':{'thingGroupDescription':'two words'}}");
    fixture_good(OP(SEARCH_INDEX, search_index), "{'indexName':'AWS_ThingGroups','queryString':'parentGroupNames:a AND thingGroupDescription:*words'}");
    assert_int_equal(fixture_count("thingGroups"), 1);
    assert_str(fixture_text("thingGroups/0/thingGroupName"), "b");
    assert_str(fixture_text("thingGroups/0/parentGroupNames/0"), "a");
    fixture_refused(OP(SEARCH_INDEX, search_index), "{'indexName':'AWS_ThingGroups','queryString':'thingName:a'}", VCH_ERR_INVALID, "query-invalid");
}

/* ---- policies of groups ---- */

#define ON(policy, group) "{'policyName':'" policy "','target':'" ARN("thinggroup/" group) "'}"

static void policies_of_groups(void **state) {
    (void)state;
    char in[512];
    for (int i = 0; i < 3; i++) {
        (void)snprintf(in, sizeof in, "{'policyName':'p%d','policyDocument':'{\\\"Version\\\":\\\"2012-10-17\\\",\\\"Statement\\\":[{\\\"Effect\\\":\\\"Allow\\\","
                                      "\\\"Action\\\":\\\"iot:Connect\\\",\\\"Resource\\\":\\\"*\\\"}]}'}", i);
        fixture_good(OP(CREATE_POLICY, create_policy), in);
    }
    fixture_good(OP(CREATE_THING_GROUP, create_thing_group), "{'thingGroupName':'a'}");
    fixture_good(OP(CREATE_THING_GROUP, create_thing_group), "{'thingGroupName':'b','parentGroupName':'a'}");
    fixture_good(OP(ATTACH_POLICY, attach_policy), ON("p0", "a"));
    fixture_good(OP(ATTACH_POLICY, attach_policy), ON("p1", "b"));
    fixture_good(OP(ATTACH_POLICY, attach_policy), ON("p2", "b"));
    fixture_refused(OP(ATTACH_POLICY, attach_policy), ON("p0", "b"), VCH_ERR_LIMIT, "policies-per-group");
    fixture_good(OP(LIST_ATTACHED_POLICIES, list_attached_policies), "{'target':'" ARN("thinggroup/b") "'}");
    assert_int_equal(fixture_count("policies"), 2);
    fixture_good(OP(LIST_ATTACHED_POLICIES, list_attached_policies), "{'target':'" ARN("thinggroup/b") "','recursive':true}");
    assert_int_equal(fixture_count("policies"), 3);
    fixture_good(OP(LIST_TARGETS_FOR_POLICY, list_targets_for_policy), "{'policyName':'p0'}");
    assert_str(fixture_text("targets/0"), ARN("thinggroup/a"));
    fixture_good(OP(DETACH_POLICY, detach_policy), ON("p1", "b"));
    fixture_good(OP(DETACH_POLICY, detach_policy), ON("p1", "b"));
    fixture_refused(OP(DETACH_POLICY, detach_policy), ON("p1", "none"), VCH_ERR_NOT_FOUND, "group-missing");
    assert_int_equal(fixture_events("policy-attached"), 3);
    assert_int_equal(fixture_events("policy-detached"), 2);
}

#define T(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {T(types), T(types_end_by_the_clock), T(things_have_types), T(groups), T(group_updates), T(members),
                                       T(billing), T(tags), T(search), T(search_of_large_things), T(search_of_groups), T(policies_of_groups)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
