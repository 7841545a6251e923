/* Types, groups, billing groups, tags, connectivity. */
#include "store/groups.h"

#include <string.h>

#include "core/names.h"
#include "store/fixture.h"

static const struct vch_page page10 = {.limit = 10};

static struct vch_rec_thing_group a_group(const char *name, const char *parent) {
    return (struct vch_rec_thing_group){.name = S(name), .id = VCH_STR("uuid"), .parent = S(parent),
                                  .description = VCH_STR("words"), .attributes = VCH_STR("{\"a\":\"b\"}"), .created_ms = T0};
}

static void have_group(struct fix *f, const char *name, const char *parent) {
    struct vch_rec_thing_group g = a_group(name, parent);
    DO(f, vch_plan_thing_group_create, &g);
}

static void have_type(struct fix *f, const char *name) {
    struct vch_rec_thing_type t = {.name = S(name), .id = VCH_STR("uuid"), .description = VCH_STR("words"),
                                   .searchable = VCH_STR("[\"x\"]"), .mqtt5 = VCH_STR("{}"), .created_ms = T0};
    DO(f, vch_plan_thing_type_create, &t);
}

static void have_billing(struct fix *f, const char *name) {
    struct vch_rec_billing_group g = {.name = S(name), .id = VCH_STR("uuid"), .description = VCH_STR("words"), .created_ms = T0};
    DO(f, vch_plan_billing_group_create, &g);
}

static void names_are(const struct vch_list_str *list, const char *expected) {
    char joined[1024] = "";
    for (size_t i = 0; i < list->count; i++) {
        if (i) strcat(joined, " ");
        strncat(joined, list->items[i].ptr, list->items[i].len);
    }
    if (list->more) strcat(joined, " ...");
    assert_string_equal(joined, expected);
}

/* ---- types ---- */

static void types(void **state) {
    struct fix *f = *state;
    struct vch_rec_thing_type r;
    have_type(f, "lamp");
    READ(f, vch_store_thing_type, S("lamp"), &r);
    assert_str(r.name, "lamp");
    assert_str(r.id, "uuid");
    assert_str(r.description, "words");
    assert_str(r.searchable, "[\"x\"]");
    assert_str(r.mqtt5, "{}");
    assert_int_equal(r.created_ms, T0);
    assert_int_equal(r.deprecated_ms, 0);
    READ_NOT(f, NOT_FOUND, THING_TYPE_MISSING, vch_store_thing_type, S("fan"), &r);
    DO_NOT(f, EXISTS, THING_TYPE_EXISTS, vch_plan_thing_type_create, &(struct vch_rec_thing_type){.name = S("lamp")});
    DO_NOT(f, NOT_FOUND, THING_TYPE_MISSING, vch_plan_thing_type_update, &(struct vch_rec_thing_type){.name = S("fan")});
    r = (struct vch_rec_thing_type){.name = S("lamp"), .description = VCH_STR("new")};
    DO(f, vch_plan_thing_type_update, &r);
    READ(f, vch_store_thing_type, S("lamp"), &r);
    assert_str(r.description, "new");
    assert_str(r.searchable, "");
}

static void types_in_pages(void **state) {
    struct fix *f = *state;
    struct vch_list_thing_type list;
    have_type(f, "b");
    have_type(f, "a");
    have_type(f, "c");
    READ(f, vch_store_thing_types, ((struct vch_page){.limit = 2}), &list);
    assert_int_equal(list.count, 2);
    assert_true(list.more);
    assert_str(list.items[1].name, "b");
    READ(f, vch_store_thing_types, ((struct vch_page){.limit = 2, .after = S("b")}), &list);
    assert_int_equal(list.count, 1);
    assert_false(list.more);
}

static void type_life(void **state) {
    struct fix *f = *state;
    struct vch_rec_thing thing = a_thing("t");
    thing.type_name = S("lamp");
    have_type(f, "lamp");
    DO(f, vch_plan_need_thing_type, S("lamp"));
    DO_NOT(f, NOT_FOUND, THING_TYPE_MISSING, vch_plan_need_thing_type, S("fan"));
    DO(f, vch_plan_thing_ensure, &thing, NULL);
    DO_NOT(f, STATE, THING_TYPE_IN_USE, vch_plan_thing_type_delete, S("lamp"), T0 + 999, 100);
    DO(f, vch_plan_thing_type_deprecate, S("lamp"), T0 + 1000);
    DO_NOT(f, INVALID, THING_TYPE_DEPRECATED, vch_plan_need_thing_type, S("lamp"));
    DO(f, vch_plan_thing_type_deprecate, S("lamp"), 0);
    DO(f, vch_plan_need_thing_type, S("lamp"));
    DO(f, vch_plan_thing_type_deprecate, S("lamp"), T0 + 1000);
    DO_NOT(f, STATE, THING_TYPE_IN_USE, vch_plan_thing_type_delete, S("lamp"), T0 + 1099, 100); /* too early */
    DO_NOT(f, STATE, THING_TYPE_IN_USE, vch_plan_thing_type_delete, S("lamp"), T0 + 1100, 100); /* a thing has it */
    DO(f, vch_plan_thing_delete, S("t"));
    DO(f, vch_plan_thing_type_delete, S("lamp"), T0 + 1100, 100);
    DO_NOT(f, NOT_FOUND, THING_TYPE_MISSING, vch_plan_thing_type_delete, S("lamp"), T0 + 1100, 100);
    DO_NOT(f, NOT_FOUND, THING_TYPE_MISSING, vch_plan_thing_type_deprecate, S("lamp"), 1);
}

/* ---- hierarchy ---- */

static void hierarchy(void **state) {
    struct fix *f = *state;
    struct vch_rec_thing_group r;
    struct vch_list_str list;
    have_group(f, "root", "");
    have_group(f, "child", "root");
    have_group(f, "leaf", "child");
    have_group(f, "other", "");
    READ(f, vch_store_thing_group, S("child"), &r);
    assert_str(r.parent, "root");
    assert_str(r.attributes, "{\"a\":\"b\"}");
    assert_int_equal(r.version, 1);
    READ(f, vch_store_thing_group, S("root"), &r);
    assert_str(r.parent, "");
    READ(f, vch_store_group_ancestors, S("leaf"), &list);
    names_are(&list, "root child");
    READ(f, vch_store_group_ancestors, S("root"), &list);
    names_are(&list, "");
    READ_NOT(f, NOT_FOUND, GROUP_MISSING, vch_store_thing_group, S("none"), &r);
    r = a_group("leaf", "");
    DO_NOT(f, EXISTS, GROUP_EXISTS, vch_plan_thing_group_create, &r);
    r = a_group("new", "none");
    DO_NOT(f, INVALID, GROUP_PARENT_MISSING, vch_plan_thing_group_create, &r);
    r = a_group("self", "self");
    DO_NOT(f, INVALID, GROUP_PARENT_MISSING, vch_plan_thing_group_create, &r);
    READ_NOT(f, NOT_FOUND, GROUP_MISSING, vch_store_thing_group, S("self"), &r);
}

static void group_lists(void **state) {
    struct fix *f = *state;
    struct vch_list_str list;
    struct vch_thing_group_filter filter = {.recursive = true};
    have_group(f, "a", "");
    have_group(f, "a:b", "a");
    have_group(f, "a:b:c", "a:b");
    have_group(f, "d", "");
    READ(f, vch_store_thing_groups, &filter, page10, &list);
    names_are(&list, "a a:b a:b:c d");
    filter.prefix = S("a:");
    READ(f, vch_store_thing_groups, &filter, page10, &list);
    names_are(&list, "a:b a:b:c");
    filter = (struct vch_thing_group_filter){.recursive = false};
    READ(f, vch_store_thing_groups, &filter, page10, &list);
    names_are(&list, "a d");
    filter = (struct vch_thing_group_filter){.parent = S("a"), .recursive = false};
    READ(f, vch_store_thing_groups, &filter, page10, &list);
    names_are(&list, "a:b");
    filter.recursive = true;
    READ(f, vch_store_thing_groups, &filter, ((struct vch_page){.limit = 1}), &list);
    names_are(&list, "a:b ...");
    READ(f, vch_store_thing_groups, &filter, ((struct vch_page){.limit = 1, .after = S("a:b")}), &list);
    names_are(&list, "a:b:c");
    filter.parent = S("none");
    READ_NOT(f, NOT_FOUND, GROUP_MISSING, vch_store_thing_groups, &filter, page10, &list);
}

static void group_depth_and_children(void **state) {
    struct fix *f = *state;
    char name[16], parent[16] = "";
    for (int i = 1; i <= VCH_GROUP_DEPTH_MAX; i++) {
        (void)snprintf(name, sizeof name, "d%d", i);
        have_group(f, name, parent);
        memcpy(parent, name, sizeof parent);
    }
    struct vch_rec_thing_group g = a_group("d8", "d7");
    DO_NOT(f, INVALID, GROUP_TOO_DEEP, vch_plan_thing_group_create, &g);
    for (int i = 0; i < VCH_GROUP_CHILDREN_MAX - 1; i++) {
        (void)snprintf(name, sizeof name, "c%d", i);
        have_group(f, name, "d1");
    }
    g = a_group("one-more", "d1");
    DO_NOT(f, INVALID, GROUP_CHILDREN_FULL, vch_plan_thing_group_create, &g);
    DO(f, vch_plan_thing_group_delete, S("c0"), -1);
    DO(f, vch_plan_thing_group_create, &g);
}

static void group_versions(void **state) {
    struct fix *f = *state;
    struct vch_rec_thing_group g = a_group("g", "");
    int64_t version = 0;
    have_group(f, "g", "");
    g.description = VCH_STR("other");
    DO(f, vch_plan_thing_group_update, &g, 1, &version);
    assert_int_equal(version, 2);
    DO_NOT(f, CONFLICT, GROUP_VERSION, vch_plan_thing_group_update, &g, 1, &version);
    DO(f, vch_plan_thing_group_update, &g, -1, &version);
    READ(f, vch_store_thing_group, S("g"), &g);
    assert_int_equal(g.version, 3);
    assert_str(g.description, "other");
    DO_NOT(f, CONFLICT, GROUP_VERSION, vch_plan_thing_group_delete, S("g"), 2);
    DO(f, vch_plan_thing_group_delete, S("g"), 3);
    DO(f, vch_plan_thing_group_delete, S("g"), 3); /* absent: fine */
    g = a_group("g", "");
    DO_NOT(f, NOT_FOUND, GROUP_MISSING, vch_plan_thing_group_update, &g, -1, &version);
}

static void groups_with_children_stay(void **state) {
    struct fix *f = *state;
    have_group(f, "a", "");
    have_group(f, "b", "a");
    DO_NOT(f, STATE, GROUP_IN_USE, vch_plan_thing_group_delete, S("a"), -1);
    DO(f, vch_plan_thing_group_delete, S("b"), -1);
    DO(f, vch_plan_thing_group_delete, S("a"), -1);
}

/* ---- members ---- */

static void members(void **state) {
    struct fix *f = *state;
    struct vch_list_str list;
    have_group(f, "a", "");
    have_group(f, "b", "a");
    have_thing(f, "t1");
    have_thing(f, "t2");
    have_certificate(f, 1, "ACTIVE");
    DO(f, vch_plan_thing_attach, S("t1"), id_of(f, 1), false);
    f->change_count = 0;
    DO(f, vch_plan_thing_group_add, S("b"), S("t1"));
    assert_int_equal(f->change_count, 1); /* t1's connection looks again */
    DO(f, vch_plan_thing_group_add, S("b"), S("t1"));
    assert_int_equal(f->change_count, 1);
    DO(f, vch_plan_thing_group_add, S("a"), S("t2"));
    READ(f, vch_store_group_things, S("a"), false, page10, &list);
    names_are(&list, "t2");
    READ(f, vch_store_group_things, S("a"), true, page10, &list);
    names_are(&list, "t1 t2");
    READ(f, vch_store_groups_of_thing, S("t1"), page10, &list);
    names_are(&list, "b");
    DO(f, vch_plan_thing_group_remove, S("b"), S("t1"));
    DO(f, vch_plan_thing_group_remove, S("b"), S("t1"));
    READ(f, vch_store_groups_of_thing, S("t1"), page10, &list);
    names_are(&list, "");
    DO(f, vch_plan_thing_delete, S("t2"));
    READ(f, vch_store_group_things, S("a"), true, page10, &list);
    names_are(&list, "");
}

static void members_that_are_not_there(void **state) {
    struct fix *f = *state;
    struct vch_list_str list;
    have_group(f, "a", "");
    have_thing(f, "t");
    DO_NOT(f, NOT_FOUND, THING_MISSING, vch_plan_thing_group_add, S("a"), S("none"));
    DO_NOT(f, NOT_FOUND, GROUP_MISSING, vch_plan_thing_group_add, S("none"), S("t"));
    DO_NOT(f, NOT_FOUND, THING_MISSING, vch_plan_thing_group_remove, S("a"), S("none"));
    DO_NOT(f, NOT_FOUND, GROUP_MISSING, vch_plan_thing_group_remove, S("none"), S("t"));
    DO_NOT(f, NOT_FOUND, THING_MISSING, vch_plan_thing_group_leave_all, S("none"));
    READ_NOT(f, NOT_FOUND, GROUP_MISSING, vch_store_group_things, S("none"), false, page10, &list);
    READ_NOT(f, NOT_FOUND, THING_MISSING, vch_store_groups_of_thing, S("none"), page10, &list);
}

static void one_group_of_a_hierarchy(void **state) {
    struct fix *f = *state;
    char name[16];
    have_group(f, "a", "");
    have_group(f, "b", "a");
    have_group(f, "c", "a");
    have_thing(f, "t");
    DO(f, vch_plan_thing_group_add, S("b"), S("t"));
    DO_NOT(f, INVALID, GROUP_HIERARCHY, vch_plan_thing_group_add, S("c"), S("t"));
    DO_NOT(f, INVALID, GROUP_HIERARCHY, vch_plan_thing_group_add, S("a"), S("t"));
    for (int i = 1; i < VCH_GROUPS_PER_THING_MAX; i++) {
        (void)snprintf(name, sizeof name, "g%d", i);
        have_group(f, name, "");
        DO(f, vch_plan_thing_group_add, S(name), S("t"));
    }
    have_group(f, "more", "");
    DO_NOT(f, INVALID, GROUPS_PER_THING, vch_plan_thing_group_add, S("more"), S("t"));
    DO(f, vch_plan_thing_group_leave_all, S("t"));
    DO(f, vch_plan_thing_group_add, S("c"), S("t"));
}

/* ---- policies of groups ---- */

static void group_policies(void **state) {
    struct fix *f = *state;
    struct vch_list_str list;
    have_policy(f, "p1");
    have_policy(f, "p2");
    have_policy(f, "p3");
    have_group(f, "a", "");
    have_group(f, "b", "a");
    f->change_count = 0;
    DO(f, vch_plan_group_policy_attach, S("p1"), S("a"));
    assert_int_equal(f->change_count, 1);
    DO(f, vch_plan_group_policy_attach, S("p1"), S("a"));
    DO(f, vch_plan_group_policy_attach, S("p2"), S("a"));
    assert_int_equal(f->change_count, 2);
    DO_NOT(f, LIMIT, POLICIES_PER_GROUP, vch_plan_group_policy_attach, S("p3"), S("a"));
    DO(f, vch_plan_group_policy_attach, S("p3"), S("b"));
    READ(f, vch_store_group_policies, S("b"), false, page10, &list);
    names_are(&list, "p3");
    READ(f, vch_store_group_policies, S("b"), true, page10, &list);
    names_are(&list, "p1 p2 p3");
    READ(f, vch_store_policy_groups, S("p1"), page10, &list);
    names_are(&list, "a");
    DO_NOT(f, CONFLICT, DELETE_CONFLICT, vch_plan_policy_delete, S("p1"));
    DO(f, vch_plan_group_policy_detach, S("p1"), S("a"));
    DO(f, vch_plan_group_policy_detach, S("p1"), S("a"));
    DO(f, vch_plan_policy_delete, S("p1"));
    DO_NOT(f, NOT_FOUND, POLICY_MISSING, vch_plan_group_policy_attach, S("p1"), S("a"));
    DO_NOT(f, NOT_FOUND, GROUP_MISSING, vch_plan_group_policy_attach, S("p2"), S("none"));
    DO_NOT(f, NOT_FOUND, GROUP_MISSING, vch_plan_group_policy_detach, S("p2"), S("none"));
    READ_NOT(f, NOT_FOUND, POLICY_MISSING, vch_store_policy_groups, S("p1"), page10, &list);
    READ_NOT(f, NOT_FOUND, GROUP_MISSING, vch_store_group_policies, S("none"), true, page10, &list);
}

/* The policies of the groups of the thing that the client id names, and of all
 * groups above; no other client id gets them. */
static void authz_through_groups(void **state) {
    struct fix *f = *state;
    struct vch_rec_authz r;
    have_policy(f, "own");
    have_policy(f, "low");
    have_policy(f, "high");
    have_policy(f, "elsewhere");
    have_group(f, "a", "");
    have_group(f, "b", "a");
    have_group(f, "c", "a");
    have_certificate(f, 1, "ACTIVE");
    have_certificate(f, 2, "ACTIVE");
    have_thing(f, "t");
    DO(f, vch_plan_thing_attach, S("t"), id_of(f, 1), false);
    DO(f, vch_plan_policy_attach, S("own"), id_of(f, 1));
    DO(f, vch_plan_group_policy_attach, S("low"), S("b"));
    DO(f, vch_plan_group_policy_attach, S("high"), S("a"));
    DO(f, vch_plan_group_policy_attach, S("elsewhere"), S("c"));
    DO(f, vch_plan_thing_group_add, S("b"), S("t"));
    READ(f, vch_store_authz_as, id_of(f, 1), S("t"), &r);
    assert_int_equal(r.policy_count, 3);
    assert_int_equal(r.thing_count, 1);
    assert_str(r.policies[0].name, "own");
    for (size_t i = 0; i < r.policy_count; i++) {
        assert_false(vch_str_eq_c(r.policies[i].name, "elsewhere"));
        assert_true(r.policies[i].document.len > 2);
    }
    READ(f, vch_store_authz_as, id_of(f, 1), S("u"), &r);
    assert_int_equal(r.policy_count, 1);
    READ(f, vch_store_authz, id_of(f, 1), &r);
    assert_int_equal(r.policy_count, 1);
    READ(f, vch_store_authz_as, id_of(f, 2), S("t"), &r); /* not attached to t */
    assert_int_equal(r.policy_count, 0);
    f->change_count = 0;
    DO(f, vch_plan_thing_group_delete, S("b"), -1); /* what came from above goes too */
    assert_int_equal(f->change_count, 2);
    READ(f, vch_store_authz_as, id_of(f, 1), S("t"), &r);
    assert_int_equal(r.policy_count, 1);
}

/* ---- billing ---- */

static void billing(void **state) {
    struct fix *f = *state;
    struct vch_rec_billing_group r;
    struct vch_list_str list;
    struct vch_rec_thing thing;
    int64_t version = 0;
    have_billing(f, "b1");
    have_billing(f, "b2");
    have_billing(f, "x");
    have_thing(f, "t");
    READ(f, vch_store_billing_group, S("b1"), &r);
    assert_str(r.description, "words");
    assert_int_equal(r.version, 1);
    DO_NOT(f, EXISTS, BILLING_GROUP_EXISTS, vch_plan_billing_group_create, &r);
    READ_NOT(f, NOT_FOUND, BILLING_GROUP_MISSING, vch_store_billing_group, S("none"), &r);
    READ(f, vch_store_billing_groups, S("b"), page10, &list);
    names_are(&list, "b1 b2");
    r = (struct vch_rec_billing_group){.name = S("b1"), .description = VCH_STR("new")};
    DO(f, vch_plan_billing_group_update, &r, 1, &version);
    assert_int_equal(version, 2);
    DO_NOT(f, CONFLICT, BILLING_GROUP_VERSION, vch_plan_billing_group_update, &r, 1, &version);
    r.name = S("none");
    DO_NOT(f, NOT_FOUND, BILLING_GROUP_MISSING, vch_plan_billing_group_update, &r, -1, &version);
    DO(f, vch_plan_billing_group_add, S("b1"), S("t"));
    DO(f, vch_plan_billing_group_add, S("b2"), S("t"));
    READ(f, vch_store_thing, S("t"), &thing);
    assert_str(thing.billing_group, "b2");
    READ(f, vch_store_billing_group_things, S("b2"), page10, &list);
    names_are(&list, "t");
    DO(f, vch_plan_billing_group_remove, S("b1"), S("t")); /* in another one: nothing */
    DO_NOT(f, STATE, BILLING_GROUP_IN_USE, vch_plan_billing_group_delete, S("b2"), -1);
    DO(f, vch_plan_billing_group_remove, S("b2"), S("t"));
    DO_NOT(f, CONFLICT, BILLING_GROUP_VERSION, vch_plan_billing_group_delete, S("b2"), 9);
    DO(f, vch_plan_billing_group_delete, S("b2"), 1);
    DO(f, vch_plan_billing_group_delete, S("b2"), 1);
    DO_NOT(f, NOT_FOUND, BILLING_GROUP_MISSING, vch_plan_billing_group_add, S("b2"), S("t"));
    DO_NOT(f, NOT_FOUND, BILLING_GROUP_MISSING, vch_plan_need_billing_group, S("b2"));
    DO_NOT(f, NOT_FOUND, THING_MISSING, vch_plan_billing_group_add, S("b1"), S("none"));
    DO_NOT(f, NOT_FOUND, THING_MISSING, vch_plan_billing_group_remove, S("b1"), S("none"));
    READ_NOT(f, NOT_FOUND, BILLING_GROUP_MISSING, vch_store_billing_group_things, S("b2"), page10, &list);
}

/* ---- tags ---- */

static void tags(void **state) {
    struct fix *f = *state;
    struct vch_list_tag list;
    const struct vch_rec_tag two[] = {{VCH_STR("b"), VCH_STR("2")}, {VCH_STR("a"), VCH_STR("1")}};
    const struct vch_rec_tag again[] = {{VCH_STR("b"), VCH_STR("3")}};
    const struct vch_str keys[] = {VCH_STR("a"), VCH_STR("none")};
    have_policy(f, "p");
    DO(f, vch_plan_need_resource, VCH_STR("policy"), S("p"));
    read_ok(f, vch_store_resource(f->store, VCH_STR("policy"), S("p"), &f->diag));
    read_refused(f, vch_store_resource(f->store, VCH_STR("policy"), S("none"), &f->diag), VCH_ERR_NOT_FOUND, VCH_REASON_RESOURCE_MISSING);
    DO(f, vch_plan_tags_put, VCH_STR("policy/p"), two, 2);
    DO(f, vch_plan_tags_put, VCH_STR("policy/p"), again, 1);
    READ(f, vch_store_tags, VCH_STR("policy/p"), &list);
    assert_int_equal(list.count, 2);
    assert_str(list.items[0].key, "a");
    assert_str(list.items[1].value, "3");
    DO(f, vch_plan_tags_remove, VCH_STR("policy/p"), keys, 2);
    READ(f, vch_store_tags, VCH_STR("policy/p"), &list);
    assert_int_equal(list.count, 1);
    DO(f, vch_plan_policy_delete, S("p")); /* and its tags */
    READ(f, vch_store_tags, VCH_STR("policy/p"), &list);
    assert_int_equal(list.count, 0);
}

static void tags_end_with_their_resource(void **state) {
    struct fix *f = *state;
    struct vch_list_tag list;
    const struct vch_rec_tag one = {VCH_STR("k"), VCH_STR("v")};
    const char *const resources[] = {"thinggroup/g", "thingtype/t", "billinggroup/b", "provisioningtemplate/T"};
    have_group(f, "g", "");
    have_type(f, "t");
    have_billing(f, "b");
    have_template(f, "T");
    for (size_t i = 0; i < COUNT_OF(resources); i++) DO(f, vch_plan_tags_put, S(resources[i]), &one, 1);
    DO(f, vch_plan_need_resource, VCH_STR("thinggroup"), S("g"));
    DO(f, vch_plan_need_resource, VCH_STR("thingtype"), S("t"));
    DO(f, vch_plan_need_resource, VCH_STR("billinggroup"), S("b"));
    DO(f, vch_plan_need_resource, VCH_STR("provisioningtemplate"), S("T"));
    DO(f, vch_plan_thing_group_delete, S("g"), -1);
    DO(f, vch_plan_thing_type_deprecate, S("t"), 1);
    DO(f, vch_plan_thing_type_delete, S("t"), 1, 0);
    DO(f, vch_plan_billing_group_delete, S("b"), -1);
    DO(f, vch_plan_template_delete, S("T"));
    for (size_t i = 0; i < COUNT_OF(resources); i++) {
        READ(f, vch_store_tags, S(resources[i]), &list);
        assert_int_equal(list.count, 0);
    }
    DO_NOT(f, NOT_FOUND, RESOURCE_MISSING, vch_plan_need_resource, VCH_STR("thinggroup"), S("g"));
    DO_NOT(f, NOT_FOUND, RESOURCE_MISSING, vch_plan_need_resource, VCH_STR("thing"), S("g"));
}

static void too_many_tags(void **state) {
    struct fix *f = *state;
    struct vch_list_tag list;
    struct vch_rec_tag many[VCH_TAGS_MAX + 1];
    char keys[VCH_TAGS_MAX + 1][8];
    for (int i = 0; i <= VCH_TAGS_MAX; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "k%02d", i);
        many[i] = (struct vch_rec_tag){S(keys[i]), VCH_STR("")};
    }
    DO_NOT(f, LIMIT, TAGS_FULL, vch_plan_tags_put, VCH_STR("policy/p"), many, VCH_TAGS_MAX + 1);
    READ(f, vch_store_tags, VCH_STR("policy/p"), &list);
    assert_int_equal(list.count, 0); /* nothing half put */
    DO(f, vch_plan_tags_put, VCH_STR("policy/p"), many, VCH_TAGS_MAX);
    DO_NOT(f, LIMIT, TAGS_FULL, vch_plan_tags_put, VCH_STR("policy/p"), many + VCH_TAGS_MAX, 1);
    DO(f, vch_plan_tags_put, VCH_STR("policy/p"), many, 1);
}

/* ---- ways in, and connectivity ---- */

static void things_by(void **state) {
    struct fix *f = *state;
    struct vch_list_thing list;
    struct vch_rec_thing thing = a_thing("dev-2");
    thing.type_name = S("lamp");
    have_thing(f, "dev-1");
    have_thing(f, "dev-10");
    have_thing(f, "de");
    have_thing(f, "other");
    DO(f, vch_plan_thing_ensure, &thing, NULL);
    have_group(f, "g", "");
    DO(f, vch_plan_thing_group_add, S("g"), S("other"));
    READ(f, vch_store_things_by, (&(struct vch_things_way){VCH_THINGS_BY_PREFIX, S("dev-1"), S("")}), page10, &list);
    assert_int_equal(list.count, 2);
    assert_str(list.items[0].name, "dev-1");
    READ(f, vch_store_things_by, (&(struct vch_things_way){VCH_THINGS_BY_PREFIX, S("dev-1"), S("")}), ((struct vch_page){.limit = 1, .after = S("dev-1")}), &list);
    assert_int_equal(list.count, 1);
    assert_str(list.items[0].name, "dev-10");
    READ(f, vch_store_things_by, (&(struct vch_things_way){VCH_THINGS_BY_PREFIX, S(""), S("")}), page10, &list);
    assert_int_equal(list.count, 5);
    READ(f, vch_store_things_by, (&(struct vch_things_way){VCH_THINGS_BY_TYPE, S("lamp"), S("")}), page10, &list);
    assert_int_equal(list.count, 1);
    assert_str(list.items[0].name, "dev-2");
    READ(f, vch_store_things_by, (&(struct vch_things_way){VCH_THINGS_BY_TYPE, S(""), S("")}), page10, &list);
    assert_int_equal(list.count, 0);
    READ(f, vch_store_things_by, (&(struct vch_things_way){VCH_THINGS_BY_GROUP, S("g"), S("")}), page10, &list);
    assert_int_equal(list.count, 1);
    assert_str(list.items[0].name, "other");
    READ(f, vch_store_things_by, (&(struct vch_things_way){VCH_THINGS_BY_GROUP, S("none"), S("")}), page10, &list);
    assert_int_equal(list.count, 0);
}

static size_t by_attribute(struct fix *f, const char *name, const char *value) {
    struct vch_list_thing list;
    const struct vch_things_way way = {VCH_THINGS_BY_ATTRIBUTE, S(value), S(name)};
    READ(f, vch_store_things_by, &way, page10, &list);
    return list.count;
}

static void things_by_attribute(void **state) {
    struct fix *f = *state;
    struct vch_rec_thing thing = a_thing("dev-1");
    thing.attributes = S("{\"bay\":\"o'r\\\"th\",\"slot\":\"1\"}");
    DO(f, vch_plan_thing_ensure, &thing, NULL);
    assert_int_equal(by_attribute(f, "bay", "o'r\"th"), 1);
    DO(f, vch_plan_thing_ensure, &thing, NULL); /* there already: nothing twice */
    assert_int_equal(by_attribute(f, "slot", "1"), 1);
    thing.attributes = S("{\"slot\":\"2\"}");
    DO(f, vch_plan_thing_update, &thing);
    assert_int_equal(by_attribute(f, "bay", "o'r\"th") + by_attribute(f, "slot", "1"), 0);
    assert_int_equal(by_attribute(f, "slot", "2"), 1);
    thing.attributes = S("");
    thing.version = 2;
    DO(f, vch_plan_thing_change, &thing);
    assert_int_equal(by_attribute(f, "slot", "2"), 0);
    thing.attributes = S("{\"slot\":\"3\"}");
    DO(f, vch_plan_thing_update, &thing);
    DO(f, vch_plan_thing_delete, S("dev-1"));
    assert_int_equal(by_attribute(f, "slot", "3"), 0);
}

static void connectivity(void **state) {
    struct fix *f = *state;
    struct vch_rec_connectivity seen = {.connected = true, .time_ms = T0, .reason = VCH_STR("")}, r;
    have_thing(f, "t");
    READ(f, vch_store_connectivity, S("t"), &r);
    assert_false(r.known);
    DO(f, vch_plan_connectivity_put, S("t"), &seen);
    seen = (struct vch_rec_connectivity){.time_ms = T0 + 5, .reason = VCH_STR("CONNECTION_LOST")};
    DO(f, vch_plan_connectivity_put, S("t"), &seen);
    DO(f, vch_plan_connectivity_put, S("nobody"), &seen); /* no thing: forgotten */
    READ(f, vch_store_connectivity, S("t"), &r);
    assert_true(r.known);
    assert_false(r.connected);
    assert_int_equal(r.time_ms, T0 + 5);
    assert_str(r.reason, "CONNECTION_LOST");
    READ(f, vch_store_connectivity, S("nobody"), &r);
    assert_false(r.known);
    DO(f, vch_plan_thing_delete, S("t"));
    have_thing(f, "t");
    READ(f, vch_store_connectivity, S("t"), &r);
    assert_false(r.known);
}

/* A device that went from one server to another: the first one's late word changes nothing. */
static void connectivity_of_several_servers(void **state) {
    struct fix *f = *state;
    const struct vch_rec_connectivity at_a = {.connected = true, .time_ms = T0, .reason = VCH_STR(""), .server = VCH_STR("a")};
    const struct vch_rec_connectivity at_b = {.connected = true, .time_ms = T0 + 1, .reason = VCH_STR(""), .server = VCH_STR("b")};
    const struct vch_rec_connectivity left_a = {.time_ms = T0 + 2, .reason = VCH_STR("GONE"), .server = VCH_STR("a")};
    const struct vch_rec_connectivity left_b = {.time_ms = T0 + 3, .reason = VCH_STR("GONE"), .server = VCH_STR("b")};
    struct vch_rec_connectivity r;
    have_thing(f, "t");
    DO(f, vch_plan_connectivity_put, S("t"), &at_a);
    DO(f, vch_plan_connectivity_put, S("t"), &at_b);
    DO(f, vch_plan_connectivity_put, S("t"), &left_a);
    DO(f, vch_plan_connectivity_reset, S("a"), T0 + 9, VCH_STR("GONE"));
    READ(f, vch_store_connectivity, S("t"), &r);
    assert_true(r.connected);
    assert_int_equal(r.time_ms, T0 + 1);
    DO(f, vch_plan_connectivity_put, S("t"), &left_b);
    READ(f, vch_store_connectivity, S("t"), &r);
    assert_false(r.connected);
    DO(f, vch_plan_connectivity_put, S("t"), &at_b);
    DO(f, vch_plan_connectivity_reset, S("b"), T0 + 9, VCH_STR("GONE"));
    READ(f, vch_store_connectivity, S("t"), &r);
    assert_false(r.connected);
    assert_int_equal(r.time_ms, T0 + 9);
}

static void connectivity_after_a_crash(void **state) {
    struct fix *f = *state;
    const struct vch_rec_connectivity up = {.connected = true, .time_ms = T0, .reason = VCH_STR("")};
    const struct vch_rec_connectivity down = {.time_ms = T0, .reason = VCH_STR("CONNECTION_LOST")};
    struct vch_rec_connectivity r;
    have_thing(f, "up");
    have_thing(f, "down");
    DO(f, vch_plan_connectivity_put, S("up"), &up);
    DO(f, vch_plan_connectivity_put, S("down"), &down);
    DO(f, vch_plan_connectivity_reset, S(""), T0 + 9, VCH_STR("GONE"));
    READ(f, vch_store_connectivity, S("up"), &r);
    assert_false(r.connected);
    assert_int_equal(r.time_ms, T0 + 9);
    assert_str(r.reason, "GONE");
    READ(f, vch_store_connectivity, S("down"), &r);
    assert_int_equal(r.time_ms, T0);
    assert_str(r.reason, "CONNECTION_LOST");
}

STORE_SUITE(STORE_TEST(types), STORE_TEST(types_in_pages), STORE_TEST(type_life), STORE_TEST(hierarchy),
            STORE_TEST(group_lists), STORE_TEST(group_depth_and_children), STORE_TEST(group_versions),
            STORE_TEST(groups_with_children_stay), STORE_TEST(members), STORE_TEST(members_that_are_not_there),
            STORE_TEST(one_group_of_a_hierarchy), STORE_TEST(group_policies), STORE_TEST(authz_through_groups),
            STORE_TEST(billing), STORE_TEST(tags), STORE_TEST(tags_end_with_their_resource), STORE_TEST(too_many_tags),
            STORE_TEST(things_by), STORE_TEST(things_by_attribute), STORE_TEST(connectivity), STORE_TEST(connectivity_of_several_servers), STORE_TEST(connectivity_after_a_crash))
