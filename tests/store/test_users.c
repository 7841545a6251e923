#include "store/fixture.h"

static void have_user(struct fix *f, const char *name) {
    const struct vch_rec_user user = {.name = S(name), .password_hash = S("$argon2id$x"), .created_ms = T0};
    DO(f, vch_plan_user_create, &user);
}

static struct vch_rec_access_key a_key(const char *id, const char *user) {
    return (struct vch_rec_access_key){.id = S(id), .user_name = S(user), .sealed_secret = VCH_STR("\0\x01sealed\0"),
                                       .status = S("Active"), .created_ms = T0, .last_used_ms = T0 + 2};
}

static void have_key(struct fix *f, const char *id, const char *user) {
    const struct vch_rec_access_key key = a_key(id, user);
    DO(f, vch_plan_access_key_insert, &key);
}

static void create_and_read(void **state) {
    struct fix *f = *state;
    struct vch_rec_user r, again = {.name = S("u")};
    READ_NOT(f, NOT_FOUND, USER_MISSING, vch_store_user, S("u"), &r);
    have_user(f, "u");
    READ(f, vch_store_user, S("u"), &r);
    assert_str(r.name, "u");
    assert_str(r.password_hash, "$argon2id$x");
    assert_int_equal(r.created_ms, T0);
    DO_NOT(f, EXISTS, USER_EXISTS, vch_plan_user_create, &again);
    changed(f, NULL);
}

static void password(void **state) {
    struct fix *f = *state;
    struct vch_rec_user r;
    DO_NOT(f, NOT_FOUND, USER_MISSING, vch_plan_user_password, S("u"), S("new"));
    have_user(f, "u");
    DO(f, vch_plan_user_password, S("u"), S("new"));
    changed(f, "user u", NULL);
    READ(f, vch_store_user, S("u"), &r);
    assert_str(r.password_hash, "new");
}

static void policies(void **state) {
    struct fix *f = *state;
    struct vch_list_policy list;
    READ_NOT(f, NOT_FOUND, USER_MISSING, vch_store_user_policies, S("u"), &list);
    DO_NOT(f, NOT_FOUND, USER_MISSING, vch_plan_user_policy_put, S("u"), S("b"), S("{}"));
    have_user(f, "u");
    READ(f, vch_store_user_policies, S("u"), &list);
    assert_int_equal(list.count, 0);
    DO(f, vch_plan_user_policy_put, S("u"), S("b"), S("one"));
    DO(f, vch_plan_user_policy_put, S("u"), S("a"), S("two"));
    DO(f, vch_plan_user_policy_put, S("u"), S("b"), S("three"));
    assert_int_equal(f->change_count, 3);
    READ(f, vch_store_user_policies, S("u"), &list);
    assert_int_equal(list.count, 2);
    assert_str(list.items[0].name, "a");
    assert_str(list.items[0].document, "two");
    assert_str(list.items[1].document, "three");
    DO_NOT(f, NOT_FOUND, USER_MISSING, vch_plan_user_policy_delete, S("v"), S("a"));
    DO_NOT(f, NOT_FOUND, POLICY_MISSING, vch_plan_user_policy_delete, S("u"), S("c"));
    DO(f, vch_plan_user_policy_delete, S("u"), S("a"));
    READ(f, vch_store_user_policies, S("u"), &list);
    assert_int_equal(list.count, 1);
}

static void access_keys(void **state) {
    struct fix *f = *state;
    struct vch_rec_access_key r, key = a_key("AKIA1", "u");
    struct vch_list_access_key list;
    READ_NOT(f, NOT_FOUND, ACCESS_KEY_UNKNOWN, vch_store_access_key, S("AKIA1"), &r);
    READ_NOT(f, NOT_FOUND, USER_MISSING, vch_store_access_keys, S("u"), &list);
    DO_NOT(f, NOT_FOUND, USER_MISSING, vch_plan_access_key_insert, &key);
    have_user(f, "u");
    have_key(f, "AKIA1", "u");
    READ(f, vch_store_access_key, S("AKIA1"), &r);
    assert_str(r.id, "AKIA1");
    assert_str(r.user_name, "u");
    assert_true(vch_str_eq(r.sealed_secret, VCH_STR("\0\x01sealed\0")));
    assert_str(r.status, "Active");
    assert_int_equal(r.created_ms, T0);
    assert_int_equal(r.last_used_ms, T0 + 2);
    have_key(f, "AKIA2", "u");
    key = a_key("AKIA3", "u");
    DO_NOT(f, LIMIT, ACCESS_KEYS_FULL, vch_plan_access_key_insert, &key);
    READ(f, vch_store_access_keys, S("u"), &list);
    assert_int_equal(list.count, 2);
    f->change_count = 0;
    DO_NOT(f, NOT_FOUND, ACCESS_KEY_UNKNOWN, vch_plan_access_key_status, S("AKIA9"), S("Inactive"));
    DO_NOT(f, NOT_FOUND, ACCESS_KEY_UNKNOWN, vch_plan_access_key_delete, S("AKIA9"));
    DO(f, vch_plan_access_key_status, S("AKIA1"), S("Inactive"));
    changed(f, "user u", NULL);
    READ(f, vch_store_access_key, S("AKIA1"), &r);
    assert_str(r.status, "Inactive");
    DO(f, vch_plan_access_key_delete, S("AKIA1"));
    changed(f, "user u", NULL);
    READ_NOT(f, NOT_FOUND, ACCESS_KEY_UNKNOWN, vch_store_access_key, S("AKIA1"), &r);
    have_key(f, "AKIA3", "u");
}

static void key_id_in_use(void **state) {
    struct fix *f = *state;
    const struct vch_rec_access_key key = a_key("AKIA1", "v");
    struct vch_list_access_key list;
    have_user(f, "u");
    have_user(f, "v");
    have_key(f, "AKIA1", "u");
    PLAN(f, p);
    vch_plan_access_key_insert(p, &key);
    REFUSED(f, p, EXISTS, FIELD_INVALID);
    READ(f, vch_store_access_keys, S("v"), &list);
    assert_int_equal(list.count, 0);
}

static void delete_takes_all(void **state) {
    struct fix *f = *state;
    struct vch_rec_access_key key;
    struct vch_list_policy list;
    DO_NOT(f, NOT_FOUND, USER_MISSING, vch_plan_user_delete, S("u"));
    have_user(f, "u");
    have_key(f, "AKIA1", "u");
    DO(f, vch_plan_user_policy_put, S("u"), S("a"), S("{}"));
    f->change_count = 0;
    DO(f, vch_plan_user_delete, S("u"));
    changed(f, "user u", NULL);
    READ_NOT(f, NOT_FOUND, ACCESS_KEY_UNKNOWN, vch_store_access_key, S("AKIA1"), &key);
    have_user(f, "u");
    READ(f, vch_store_user_policies, S("u"), &list);
    assert_int_equal(list.count, 0);
}

static void meta(void **state) {
    struct fix *f = *state;
    struct vch_str value;
    READ_NOT(f, NOT_FOUND, RESOURCE_MISSING, vch_store_meta, S("k"), &value);
    DO(f, vch_plan_meta_put, S("k"), VCH_STR("a\0b"));
    READ(f, vch_store_meta, S("k"), &value);
    assert_true(vch_str_eq(value, VCH_STR("a\0b")));
    DO(f, vch_plan_meta_put, S("k"), VCH_STR(""));
    READ(f, vch_store_meta, S("k"), &value);
    assert_int_equal(value.len, 0);
}

STORE_SUITE(STORE_TEST(create_and_read), STORE_TEST(password), STORE_TEST(policies), STORE_TEST(access_keys),
            STORE_TEST(key_id_in_use), STORE_TEST(delete_takes_all), STORE_TEST(meta))
