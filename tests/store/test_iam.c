/* Groups of users, roles, managed and inline policies, and whom a change of
 * them reaches. */
#include "store/fixture.h"

#include <string.h>

#include "store/iam.h"

static void have_user(struct fix *f, const char *name) {
    const struct vch_rec_user user = {.name = S(name), .created_ms = T0};
    DO(f, vch_plan_user_create, &user);
}

static struct vch_rec_role a_role(const char *name) {
    return (struct vch_rec_role){.name = S(name), .id = S("AROAXXXXXXXXXXXXXXXX"), .description = S("words"), .trust = S("{trust}"),
                                 .created_ms = T0, .session_max_s = 7200};
}

static void have_role(struct fix *f, const char *name) {
    const struct vch_rec_role role = a_role(name);
    DO(f, vch_plan_role_create, &role);
}

static void have_managed(struct fix *f, const char *name, const char *document) {
    const struct vch_rec_managed m = {.name = S(name), .description = S("d"), .document = S(document), .modified_ms = T0 + 1};
    DO(f, vch_plan_managed_put, &m);
}

static struct vch_page first(size_t limit) {
    return (struct vch_page){.limit = limit};
}

static void groups_and_members(void **state) {
    struct fix *f = *state;
    struct vch_rec_group r;
    struct vch_list_group groups;
    struct vch_list_str names;
    READ_NOT(f, NOT_FOUND, USER_GROUP_MISSING, vch_store_group, S("g"), &r);
    READ_NOT(f, NOT_FOUND, USER_GROUP_MISSING, vch_store_group_members, S("g"), first(5), &names);
    READ_NOT(f, NOT_FOUND, USER_MISSING, vch_store_groups_of_user, S("u"), first(5), &names);
    DO(f, vch_plan_group_create, S("g"), T0);
    DO_NOT(f, EXISTS, USER_GROUP_EXISTS, vch_plan_group_create, S("g"), T0);
    READ(f, vch_store_group, S("g"), &r);
    assert_str(r.name, "g");
    assert_int_equal(r.created_ms, T0);
    DO(f, vch_plan_group_create, S("f"), T0);
    READ(f, vch_store_groups, first(1), &groups);
    assert_int_equal(groups.count, 1);
    assert_true(groups.more);
    assert_str(groups.items[0].name, "f");
    DO_NOT(f, NOT_FOUND, USER_GROUP_MISSING, vch_plan_group_add, S("x"), S("u"));
    DO_NOT(f, NOT_FOUND, USER_MISSING, vch_plan_group_add, S("g"), S("u"));
    have_user(f, "u");
    have_user(f, "v");
    f->change_count = 0;
    DO(f, vch_plan_group_add, S("g"), S("u"));
    changed(f, "user u", NULL);
    f->change_count = 0;
    DO(f, vch_plan_group_add, S("g"), S("u")); /* again: nothing */
    changed(f, NULL);
    DO(f, vch_plan_group_add, S("g"), S("v"));
    READ(f, vch_store_group_members, S("g"), first(1), &names);
    assert_int_equal(names.count, 1);
    assert_true(names.more);
    READ(f, vch_store_group_members, S("g"), ((struct vch_page){.after = S("u"), .limit = 5}), &names);
    assert_int_equal(names.count, 1);
    assert_str(names.items[0], "v");
    READ(f, vch_store_groups_of_user, S("u"), first(5), &names);
    assert_int_equal(names.count, 1);
    assert_str(names.items[0], "g");
    DO_NOT(f, CONFLICT, DELETE_CONFLICT, vch_plan_group_delete, S("g"));
    f->change_count = 0;
    DO(f, vch_plan_group_remove, S("g"), S("u"));
    changed(f, "user u", NULL);
    f->change_count = 0;
    DO(f, vch_plan_group_remove, S("g"), S("u"));
    changed(f, NULL);
    DO_NOT(f, NOT_FOUND, USER_MISSING, vch_plan_group_remove, S("g"), S("w"));
    DO(f, vch_plan_user_delete, S("v")); /* ends its membership */
    DO(f, vch_plan_group_delete, S("g"));
    DO_NOT(f, NOT_FOUND, USER_GROUP_MISSING, vch_plan_group_delete, S("g"));
}

static void a_user_is_in_ten_groups_at_most(void **state) {
    struct fix *f = *state;
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"};
    struct vch_list_str list;
    have_user(f, "u");
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        DO(f, vch_plan_group_create, S(names[i]), T0);
        if (i < 10) DO(f, vch_plan_group_add, S(names[i]), S("u"));
        else DO_NOT(f, LIMIT, IAM_FULL, vch_plan_group_add, S(names[i]), S("u"));
    }
    READ(f, vch_store_groups_of_user, S("u"), first(50), &list);
    assert_int_equal(list.count, 10);
}

static void roles(void **state) {
    struct fix *f = *state;
    struct vch_rec_role r, again = a_role("r");
    struct vch_list_role list;
    READ_NOT(f, NOT_FOUND, ROLE_MISSING, vch_store_role, S("r"), &r);
    have_role(f, "r");
    changed(f, "role r", NULL);
    DO_NOT(f, EXISTS, ROLE_EXISTS, vch_plan_role_create, &again);
    READ(f, vch_store_role, S("r"), &r);
    assert_str(r.name, "r");
    assert_str(r.id, "AROAXXXXXXXXXXXXXXXX");
    assert_str(r.description, "words");
    assert_str(r.trust, "{trust}");
    assert_int_equal(r.session_max_s, 7200);
    assert_int_equal(r.created_ms, T0);
    again.trust = S("{new}");
    again.session_max_s = 3600;
    again.id = S("ignored");
    f->change_count = 0;
    DO(f, vch_plan_role_update, &again);
    changed(f, "role r", NULL);
    READ(f, vch_store_role, S("r"), &r);
    assert_str(r.trust, "{new}");
    assert_str(r.id, "AROAXXXXXXXXXXXXXXXX");
    have_role(f, "q");
    READ(f, vch_store_roles, first(5), &list);
    assert_int_equal(list.count, 2);
    assert_str(list.items[0].name, "q");
    again.name = S("none");
    DO_NOT(f, NOT_FOUND, ROLE_MISSING, vch_plan_role_update, &again);
    DO_NOT(f, NOT_FOUND, ROLE_MISSING, vch_plan_role_delete, S("none"));
    DO(f, vch_plan_inline_put, VCH_IAM_ROLE, S("r"), S("p"), S("{}"));
    have_managed(f, "m", "{}");
    DO(f, vch_plan_iam_attach, VCH_IAM_ROLE, S("r"), S("m"));
    f->change_count = 0;
    DO(f, vch_plan_role_delete, S("r"));
    changed(f, "role r", NULL);
    have_role(f, "r"); /* has nothing of what the old one had */
    struct vch_list_policy grants;
    READ(f, vch_store_grants, VCH_IAM_ROLE, S("r"), &grants);
    assert_int_equal(grants.count, 0);
    DO(f, vch_plan_managed_delete, S("m"));
}

static void managed_policies(void **state) {
    struct fix *f = *state;
    struct vch_rec_managed r;
    struct vch_list_managed list;
    READ_NOT(f, NOT_FOUND, POLICY_MISSING, vch_store_managed, S("m"), &r);
    have_managed(f, "m", "one");
    const struct vch_rec_managed second = {.name = S("m"), .document = S("two"), .modified_ms = T0 + 5};
    DO(f, vch_plan_managed_put, &second);
    READ(f, vch_store_managed, S("m"), &r);
    assert_str(r.document, "two");
    assert_str(r.description, "");
    assert_int_equal(r.created_ms, T0 + 1);
    assert_int_equal(r.modified_ms, T0 + 5);
    have_managed(f, "l", "x");
    READ(f, vch_store_managed_list, first(1), &list);
    assert_int_equal(list.count, 1);
    assert_true(list.more);
    assert_str(list.items[0].name, "l");
    DO_NOT(f, NOT_FOUND, POLICY_MISSING, vch_plan_managed_delete, S("none"));
    DO(f, vch_plan_managed_delete, S("l"));
}

static void attachments(void **state) {
    struct fix *f = *state;
    static const enum vch_iam_kind kinds[] = {VCH_IAM_USER, VCH_IAM_GROUP, VCH_IAM_ROLE};
    static const enum vch_reason missing[] = {VCH_REASON_USER_MISSING, VCH_REASON_USER_GROUP_MISSING, VCH_REASON_ROLE_MISSING};
    struct vch_list_str list;
    have_managed(f, "m", "{}");
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        PLAN(f, p);
        vch_plan_iam_attach(p, kinds[i], S("x"), S("m"));
        plan_refused(f, p, VCH_ERR_NOT_FOUND, missing[i]);
    }
    have_user(f, "x");
    DO(f, vch_plan_group_create, S("x"), T0);
    have_role(f, "x");
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        DO_NOT(f, NOT_FOUND, POLICY_MISSING, vch_plan_iam_attach, kinds[i], S("x"), S("none"));
        DO_NOT(f, NOT_FOUND, POLICY_MISSING, vch_plan_iam_detach, kinds[i], S("x"), S("m"));
        DO(f, vch_plan_iam_attach, kinds[i], S("x"), S("m"));
        DO(f, vch_plan_iam_attach, kinds[i], S("x"), S("m"));
        READ(f, vch_store_iam_attached, kinds[i], S("x"), &list);
        assert_int_equal(list.count, 1);
        assert_str(list.items[0], "m");
    }
    READ(f, vch_store_managed_targets, S("m"), first(2), &list);
    assert_int_equal(list.count, 2);
    assert_true(list.more);
    assert_str(list.items[0], "group/x");
    assert_str(list.items[1], "role/x");
    READ(f, vch_store_managed_targets, S("m"), ((struct vch_page){.after = S("role/x"), .limit = 2}), &list);
    assert_int_equal(list.count, 1);
    assert_str(list.items[0], "user/x");
    READ_NOT(f, NOT_FOUND, POLICY_MISSING, vch_store_managed_targets, S("none"), first(2), &list);
    DO_NOT(f, CONFLICT, DELETE_CONFLICT, vch_plan_managed_delete, S("m"));
    DO(f, vch_plan_iam_detach, VCH_IAM_ROLE, S("x"), S("m"));
    DO(f, vch_plan_user_delete, S("x"));  /* takes its attachment along */
    DO(f, vch_plan_group_delete, S("x"));
    DO(f, vch_plan_managed_delete, S("m"));
}

static void ten_of_each_sort(void **state) {
    struct fix *f = *state;
    char name[8];
    have_user(f, "u");
    have_role(f, "r");
    for (int i = 0; i <= 10; i++) {
        (void)snprintf(name, sizeof name, "m%d", i);
        struct vch_str policy = vch_arena_str(f->arena, S(name));
        const struct vch_rec_managed m = {.name = policy, .document = S("{}"), .modified_ms = T0};
        DO(f, vch_plan_managed_put, &m);
        if (i < 10) {
            DO(f, vch_plan_iam_attach, VCH_IAM_USER, S("u"), S(name));
            DO(f, vch_plan_inline_put, VCH_IAM_ROLE, S("r"), S(name), S("{}"));
        } else {
            DO_NOT(f, LIMIT, IAM_FULL, vch_plan_iam_attach, VCH_IAM_USER, S("u"), S(name));
            DO_NOT(f, LIMIT, IAM_FULL, vch_plan_inline_put, VCH_IAM_ROLE, S("r"), S(name), S("{}"));
        }
    }
    DO(f, vch_plan_inline_put, VCH_IAM_ROLE, S("r"), S("m3"), S("replaced"));
    struct vch_list_policy list;
    READ(f, vch_store_inline_policies, VCH_IAM_ROLE, S("r"), &list);
    assert_int_equal(list.count, 10);
}

static void inline_policies(void **state) {
    struct fix *f = *state;
    struct vch_list_policy list;
    READ_NOT(f, NOT_FOUND, USER_GROUP_MISSING, vch_store_inline_policies, VCH_IAM_GROUP, S("g"), &list);
    DO_NOT(f, NOT_FOUND, USER_GROUP_MISSING, vch_plan_inline_put, VCH_IAM_GROUP, S("g"), S("p"), S("{}"));
    DO(f, vch_plan_group_create, S("g"), T0);
    READ(f, vch_store_inline_policies, VCH_IAM_GROUP, S("g"), &list);
    assert_int_equal(list.count, 0);
    DO(f, vch_plan_inline_put, VCH_IAM_GROUP, S("g"), S("p"), S("one"));
    DO(f, vch_plan_inline_put, VCH_IAM_GROUP, S("g"), S("p"), S("two"));
    READ(f, vch_store_inline_policies, VCH_IAM_GROUP, S("g"), &list);
    assert_int_equal(list.count, 1);
    assert_str(list.items[0].name, "p");
    assert_str(list.items[0].document, "two");
    DO_NOT(f, NOT_FOUND, POLICY_MISSING, vch_plan_inline_delete, VCH_IAM_GROUP, S("g"), S("q"));
    DO_NOT(f, NOT_FOUND, ROLE_MISSING, vch_plan_inline_delete, VCH_IAM_ROLE, S("g"), S("p"));
    DO(f, vch_plan_inline_delete, VCH_IAM_GROUP, S("g"), S("p"));
    READ(f, vch_store_inline_policies, VCH_IAM_GROUP, S("g"), &list);
    assert_int_equal(list.count, 0);
}

static bool granted(const struct vch_list_policy *list, const char *document) {
    for (size_t i = 0; i < list->count; i++)
        if (vch_str_eq_c(list->items[i].document, document)) return true;
    return false;
}

static void grants_are_all_that_speaks_for_one(void **state) {
    struct fix *f = *state;
    struct vch_list_policy list;
    READ_NOT(f, NOT_FOUND, USER_MISSING, vch_store_grants, VCH_IAM_USER, S("u"), &list);
    READ_NOT(f, NOT_FOUND, ROLE_MISSING, vch_store_grants, VCH_IAM_ROLE, S("u"), &list);
    have_user(f, "u");
    have_user(f, "other");
    have_role(f, "u");
    DO(f, vch_plan_group_create, S("g"), T0);
    DO(f, vch_plan_group_create, S("u"), T0);
    DO(f, vch_plan_group_add, S("g"), S("u"));
    have_managed(f, "of-user", "attached to the user");
    have_managed(f, "of-group", "attached to the group");
    have_managed(f, "of-role", "attached to the role");
    DO(f, vch_plan_user_policy_put, S("u"), S("p"), S("own"));
    DO(f, vch_plan_inline_put, VCH_IAM_GROUP, S("g"), S("p"), S("the group's"));
    DO(f, vch_plan_inline_put, VCH_IAM_GROUP, S("u"), S("p"), S("another group's"));
    DO(f, vch_plan_inline_put, VCH_IAM_ROLE, S("u"), S("p"), S("the role's"));
    DO(f, vch_plan_iam_attach, VCH_IAM_USER, S("u"), S("of-user"));
    DO(f, vch_plan_iam_attach, VCH_IAM_GROUP, S("g"), S("of-group"));
    DO(f, vch_plan_iam_attach, VCH_IAM_ROLE, S("u"), S("of-role"));
    READ(f, vch_store_grants, VCH_IAM_USER, S("u"), &list);
    assert_int_equal(list.count, 4);
    assert_true(granted(&list, "own") && granted(&list, "the group's"));
    assert_true(granted(&list, "attached to the user") && granted(&list, "attached to the group"));
    READ(f, vch_store_grants, VCH_IAM_ROLE, S("u"), &list);
    assert_int_equal(list.count, 2);
    assert_true(granted(&list, "the role's") && granted(&list, "attached to the role"));
    READ(f, vch_store_grants, VCH_IAM_USER, S("other"), &list);
    assert_int_equal(list.count, 0);
}

static void changes_reach_whom_they_concern(void **state) {
    struct fix *f = *state;
    have_user(f, "direct");
    have_user(f, "member");
    have_user(f, "stranger");
    have_role(f, "r");
    DO(f, vch_plan_group_create, S("g"), T0);
    DO(f, vch_plan_group_add, S("g"), S("member"));
    have_managed(f, "m", "{}");
    DO(f, vch_plan_iam_attach, VCH_IAM_USER, S("direct"), S("m"));
    f->change_count = 0;
    DO(f, vch_plan_iam_attach, VCH_IAM_GROUP, S("g"), S("m"));
    changed(f, "user member", NULL);
    DO(f, vch_plan_iam_attach, VCH_IAM_ROLE, S("r"), S("m"));
    f->change_count = 0;
    have_managed(f, "m", "{new}");
    changed(f, "user direct", "user member", "role r", NULL);
    f->change_count = 0;
    DO(f, vch_plan_inline_put, VCH_IAM_GROUP, S("g"), S("p"), S("{}"));
    changed(f, "user member", NULL);
    f->change_count = 0;
    DO(f, vch_plan_inline_delete, VCH_IAM_GROUP, S("g"), S("p"));
    changed(f, "user member", NULL);
    f->change_count = 0;
    DO(f, vch_plan_iam_detach, VCH_IAM_GROUP, S("g"), S("m"));
    changed(f, "user member", NULL);
}

static void a_key_is_seen_used_once_a_minute(void **state) {
    struct fix *f = *state;
    const struct vch_rec_access_key key = {.id = S("AKIA1"), .user_name = S("u"), .sealed_secret = S("x"), .status = S("Active"),
                                           .created_ms = T0};
    static const struct {
        int64_t at, remembered;
    } uses[] = {{T0 + 100000, T0 + 100000}, {T0 + 159999, T0 + 100000}, {T0 + 160000, T0 + 160000}, {T0, T0 + 160000}};
    struct vch_rec_access_key r;
    have_user(f, "u");
    DO(f, vch_plan_access_key_insert, &key);
    f->change_count = 0;
    for (size_t i = 0; i < COUNT_OF(uses); i++) {
        DO(f, vch_plan_access_key_used, S("AKIA1"), uses[i].at);
        READ(f, vch_store_access_key, S("AKIA1"), &r);
        assert_int_equal(r.last_used_ms, uses[i].remembered);
    }
    DO(f, vch_plan_access_key_used, S("AKIA9"), T0 + 1000000); /* gone meanwhile: no error */
    changed(f, NULL);
}

STORE_SUITE(STORE_TEST(groups_and_members), STORE_TEST(a_user_is_in_ten_groups_at_most), STORE_TEST(roles),
            STORE_TEST(managed_policies), STORE_TEST(attachments), STORE_TEST(ten_of_each_sort), STORE_TEST(inline_policies),
            STORE_TEST(grants_are_all_that_speaks_for_one), STORE_TEST(changes_reach_whom_they_concern),
            STORE_TEST(a_key_is_seen_used_once_a_minute))
