#include "store/fixture.h"

#define POLICY "p"

static int64_t default_of(struct fix *f, const char *name) {
    struct vch_rec_policy r;
    READ(f, vch_store_policy, S(name), 0, &r);
    return r.default_version;
}

static void create_and_read(void **state) {
    struct fix *f = *state;
    const struct vch_rec_policy policy = a_policy(POLICY);
    struct vch_rec_policy r;
    READ_NOT(f, NOT_FOUND, POLICY_MISSING, vch_store_policy, S(POLICY), 0, &r);
    have_policy(f, POLICY);
    READ(f, vch_store_policy, S(POLICY), 0, &r);
    assert_str(r.name, POLICY);
    assert_true(vch_str_eq(r.document, policy.document));
    assert_str(r.generation_id, "generation");
    assert_int_equal(r.version, 1);
    assert_int_equal(r.default_version, 1);
    assert_int_equal(r.created_ms, T0);
    assert_int_equal(r.modified_ms, T0 + 1);
    DO_NOT(f, EXISTS, POLICY_EXISTS, vch_plan_policy_create, &policy);
    changed(f, NULL);
}

static void names_differ_by_case(void **state) {
    struct fix *f = *state;
    struct vch_rec_policy r;
    have_policy(f, "name");
    have_policy(f, "NAME");
    READ_NOT(f, NOT_FOUND, POLICY_MISSING, vch_store_policy, S("Name"), 0, &r);
}

static void ensure_leaves_what_is_there(void **state) {
    struct fix *f = *state;
    struct vch_rec_policy policy = a_policy(POLICY), r;
    DO(f, vch_plan_policy_ensure, &policy);
    policy.document = S("another");
    DO(f, vch_plan_policy_ensure, &policy);
    READ(f, vch_store_policy, S(POLICY), 0, &r);
    assert_str(r.document, "{\"Version\":\"2012-10-17\"}");
}

static void need(void **state) {
    struct fix *f = *state;
    DO_NOT(f, NOT_FOUND, POLICY_MISSING, vch_plan_need_policy, S(POLICY));
    have_policy(f, POLICY);
    DO(f, vch_plan_need_policy, S(POLICY));
}

static void versions(void **state) {
    struct fix *f = *state;
    int64_t version = 0;
    struct vch_rec_policy r;
    struct vch_list_version list;
    DO_NOT(f, NOT_FOUND, POLICY_MISSING, vch_plan_policy_version_add, S(POLICY), S("two"), false, T0 + 2, &version);
    have_policy(f, POLICY);
    DO(f, vch_plan_policy_version_add, S(POLICY), S("two"), false, T0 + 2, &version);
    assert_int_equal(version, 2);
    changed(f, NULL);
    DO(f, vch_plan_policy_version_add, S(POLICY), S("three"), true, T0 + 3, &version);
    assert_int_equal(version, 3);
    changed(f, "policy p", NULL);

    READ(f, vch_store_policy, S(POLICY), 0, &r);
    assert_str(r.document, "three");
    assert_int_equal(r.modified_ms, T0 + 3);
    READ(f, vch_store_policy, S(POLICY), 2, &r);
    assert_str(r.document, "two");
    assert_int_equal(r.default_version, 3);
    assert_int_equal(r.created_ms, T0 + 2);
    READ_NOT(f, NOT_FOUND, POLICY_VERSION_MISSING, vch_store_policy, S(POLICY), 9, &r);
    READ_NOT(f, NOT_FOUND, POLICY_MISSING, vch_store_policy, S("other"), 9, &r);

    READ(f, vch_store_policy_versions, S(POLICY), &list);
    assert_int_equal(list.count, 3);
    assert_false(list.more);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(list.items[i].version, 3 - (int64_t)i);
        assert_int_equal(list.items[i].is_default, i == 0);
        assert_int_equal(list.items[i].body.len, 0);
    }
    READ_NOT(f, NOT_FOUND, POLICY_MISSING, vch_store_policy_versions, S("other"), &list);
}

static void five_versions_at_most(void **state) {
    struct fix *f = *state;
    int64_t version = 0;
    have_policy(f, POLICY);
    for (int i = 2; i <= 5; i++) DO(f, vch_plan_policy_version_add, S(POLICY), S("d"), false, T0, &version);
    DO_NOT(f, LIMIT, POLICY_VERSIONS_FULL, vch_plan_policy_version_add, S(POLICY), S("d"), false, T0, &version);
    DO(f, vch_plan_policy_version_delete, S(POLICY), 5);
    DO(f, vch_plan_policy_version_add, S(POLICY), S("d"), false, T0, &version);
    assert_int_equal(version, 6); /* a number is not used again */
}

static void default_version(void **state) {
    struct fix *f = *state;
    have_policy(f, POLICY);
    DO(f, vch_plan_policy_version_add, S(POLICY), S("two"), false, T0, NULL);
    DO_NOT(f, NOT_FOUND, POLICY_MISSING, vch_plan_policy_default_set, S("other"), 1, T0);
    DO_NOT(f, NOT_FOUND, POLICY_VERSION_MISSING, vch_plan_policy_default_set, S(POLICY), 3, T0);
    DO(f, vch_plan_policy_default_set, S(POLICY), 1, T0);
    changed(f, NULL); /* it was */
    DO(f, vch_plan_policy_default_set, S(POLICY), 2, T0);
    changed(f, "policy p", NULL);
    assert_int_equal(default_of(f, POLICY), 2);
    DO_NOT(f, CONFLICT, DELETE_CONFLICT, vch_plan_policy_version_delete, S(POLICY), 2);
    DO_NOT(f, NOT_FOUND, POLICY_VERSION_MISSING, vch_plan_policy_version_delete, S(POLICY), 3);
    DO_NOT(f, NOT_FOUND, POLICY_MISSING, vch_plan_policy_version_delete, S("other"), 1);
    DO(f, vch_plan_policy_version_delete, S(POLICY), 1);
    changed(f, NULL);
}

static void delete(void **state) {
    struct fix *f = *state;
    struct vch_rec_policy r;
    have_policy(f, POLICY);
    have_certificate(f, 1, "ACTIVE");
    DO_NOT(f, NOT_FOUND, POLICY_MISSING, vch_plan_policy_delete, S("other"));
    DO(f, vch_plan_policy_version_add, S(POLICY), S("two"), false, T0, NULL);
    DO_NOT(f, CONFLICT, DELETE_CONFLICT, vch_plan_policy_delete, S(POLICY));
    DO(f, vch_plan_policy_version_delete, S(POLICY), 2);
    DO(f, vch_plan_policy_attach, S(POLICY), id_of(f, 1));
    DO_NOT(f, CONFLICT, DELETE_CONFLICT, vch_plan_policy_delete, S(POLICY));
    DO(f, vch_plan_policy_detach, S(POLICY), id_of(f, 1));
    f->change_count = 0;
    DO(f, vch_plan_policy_delete, S(POLICY));
    changed(f, "policy p", NULL);
    READ_NOT(f, NOT_FOUND, POLICY_MISSING, vch_store_policy, S(POLICY), 0, &r);
    have_policy(f, POLICY); /* the name is free again, its versions are gone */
    assert_int_equal(default_of(f, POLICY), 1);
}

static size_t attached(struct fix *f, int certificate) {
    struct vch_list_str list;
    READ(f, vch_store_attached_policies, id_of(f, certificate), (struct vch_page){.limit = 100}, &list);
    return list.count;
}

static void attach(void **state) {
    struct fix *f = *state;
    struct vch_str id = id_of(f, 1);
    struct vch_list_str list;
    have_policy(f, POLICY);
    DO_NOT(f, NOT_FOUND, CERTIFICATE_MISSING, vch_plan_policy_attach, S(POLICY), id);
    have_certificate(f, 1, "ACTIVE");
    DO_NOT(f, NOT_FOUND, POLICY_MISSING, vch_plan_policy_attach, S("other"), id);
    changed(f, NULL);
    DO(f, vch_plan_policy_attach, S(POLICY), id);
    assert_int_equal(f->change_count, 1);
    assert_int_equal(attached(f, 1), 1);
    f->change_count = 0;
    DO(f, vch_plan_policy_attach, S(POLICY), id);
    changed(f, NULL);
    assert_int_equal(attached(f, 1), 1);
    READ(f, vch_store_policy_targets, S(POLICY), (struct vch_page){.limit = 5}, &list);
    assert_int_equal(list.count, 1);
    assert_true(vch_str_eq(list.items[0], id));
}

static void detach(void **state) {
    struct fix *f = *state;
    struct vch_str id = id_of(f, 1);
    have_policy(f, POLICY);
    have_certificate(f, 1, "ACTIVE");
    DO(f, vch_plan_policy_detach, S(POLICY), id); /* never was */
    DO(f, vch_plan_policy_detach, S(POLICY), id_of(f, 2));
    changed(f, NULL);
    DO_NOT(f, NOT_FOUND, POLICY_MISSING, vch_plan_policy_detach, S("other"), id);
    DO(f, vch_plan_policy_attach, S(POLICY), id);
    f->change_count = 0;
    DO(f, vch_plan_policy_detach, S(POLICY), id);
    assert_int_equal(f->change_count, 1);
    assert_int_equal(attached(f, 1), 0);
}

static void ten_policies_a_certificate(void **state) {
    struct fix *f = *state;
    char name[8];
    have_certificate(f, 1, "ACTIVE");
    for (int i = 0; i < 11; i++) {
        (void)snprintf(name, sizeof name, "p%d", i);
        have_policy(f, name);
        if (i < 10) DO(f, vch_plan_policy_attach, S(name), id_of(f, 1));
    }
    DO_NOT(f, LIMIT, POLICIES_PER_CERTIFICATE, vch_plan_policy_attach, S("p10"), id_of(f, 1));
    DO(f, vch_plan_policy_attach, S("p9"), id_of(f, 1)); /* idempotent at the limit too */
    assert_int_equal(attached(f, 1), 10);
}

static void owners_that_are_not_there(void **state) {
    struct fix *f = *state;
    struct vch_list_str list;
    const struct vch_page page = {.limit = 5};
    READ_NOT(f, NOT_FOUND, POLICY_MISSING, vch_store_policy_targets, S(POLICY), page, &list);
    READ_NOT(f, NOT_FOUND, CERTIFICATE_MISSING, vch_store_attached_policies, id_of(f, 1), page, &list);
}

STORE_SUITE(STORE_TEST(create_and_read), STORE_TEST(names_differ_by_case), STORE_TEST(ensure_leaves_what_is_there),
            STORE_TEST(need), STORE_TEST(versions), STORE_TEST(five_versions_at_most), STORE_TEST(default_version),
            STORE_TEST(delete), STORE_TEST(attach), STORE_TEST(detach), STORE_TEST(ten_policies_a_certificate),
            STORE_TEST(owners_that_are_not_there))
