#include "store/fixture.h"

#define NAME "t"

static struct vch_rec_template read_template(struct fix *f, int64_t version) {
    struct vch_rec_template r;
    READ(f, vch_store_template, S(NAME), version, &r);
    return r;
}

static void create_and_read(void **state) {
    struct fix *f = *state;
    struct vch_rec_template template = a_template(NAME), r;
    READ_NOT(f, NOT_FOUND, TEMPLATE_MISSING, vch_store_template, S(NAME), 0, &r);
    have_template(f, NAME);
    r = read_template(f, 0);
    assert_str(r.name, NAME);
    assert_str(r.description, "what it is for");
    assert_str(r.body, "{\"Resources\":{}}");
    assert_str(r.role_arn, "arn:aws:iam::123456789012:role/r");
    assert_str(r.hook_target, "hook");
    assert_str(r.hook_payload_version, "2020-04-01");
    assert_str(r.type, "FLEET_PROVISIONING");
    assert_int_equal(r.version, 1);
    assert_int_equal(r.default_version, 1);
    assert_int_equal(r.created_ms, T0);
    assert_int_equal(r.modified_ms, T0 + 1);
    assert_true(r.enabled);
    DO_NOT(f, EXISTS, TEMPLATE_EXISTS, vch_plan_template_create, &template);
}

static void need(void **state) {
    struct fix *f = *state;
    DO_NOT(f, NOT_FOUND, TEMPLATE_MISSING, vch_plan_need_template, S(NAME), false);
    have_template(f, NAME);
    DO(f, vch_plan_need_template, S(NAME), true);
    const struct vch_template_change off = {.name = S(NAME), .set_enabled = true, .enabled = false};
    DO(f, vch_plan_template_update, &off);
    DO(f, vch_plan_need_template, S(NAME), false);
    DO_NOT(f, STATE, TEMPLATE_DISABLED, vch_plan_need_template, S(NAME), true);
}

static void update_changes_only_what_is_set(void **state) {
    struct fix *f = *state;
    have_template(f, NAME);
    DO(f, vch_plan_template_version_add, S(NAME), S("two"), false, T0, NULL);
    changed(f, NULL);
    const struct vch_template_change changes[] = {
        {.name = S(NAME), .set_description = true, .description = S("new")},
        {.name = S(NAME), .set_enabled = true, .enabled = false},
        {.name = S(NAME), .set_role = true, .role_arn = S("role")},
        {.name = S(NAME), .set_hook = true},
        {.name = S(NAME), .set_default_version = true, .default_version = 2, .now_ms = T0 + 9},
    };
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        DO(f, vch_plan_template_update, &changes[i]);
        changed(f, "template t", NULL);
        struct vch_rec_template r = read_template(f, 0);
        assert_str(r.description, "new");
        assert_int_equal(r.enabled, i < 1);
        assert_str(r.role_arn, i < 2 ? "arn:aws:iam::123456789012:role/r" : "role");
        assert_str(r.hook_target, i < 3 ? "hook" : "");
        assert_str(r.hook_payload_version, i < 3 ? "2020-04-01" : "");
        assert_int_equal(r.default_version, i < 4 ? 1 : 2);
        assert_str(r.body, i < 4 ? "{\"Resources\":{}}" : "two");
    }
    assert_int_equal(read_template(f, 0).modified_ms, T0 + 9);
}

static void update_refused(void **state) {
    struct fix *f = *state;
    struct vch_template_change change = {.name = S("other"), .set_enabled = true};
    have_template(f, NAME);
    DO_NOT(f, NOT_FOUND, TEMPLATE_MISSING, vch_plan_template_update, &change);
    change = (struct vch_template_change){.name = S(NAME), .set_default_version = true, .default_version = 2,
                                          .set_description = true, .description = S("half")};
    DO_NOT(f, NOT_FOUND, TEMPLATE_VERSION_MISSING, vch_plan_template_update, &change);
    assert_str(read_template(f, 0).description, "what it is for");
    changed(f, NULL);
}

static void versions(void **state) {
    struct fix *f = *state;
    int64_t version = 0;
    struct vch_rec_template r;
    DO_NOT(f, NOT_FOUND, TEMPLATE_MISSING, vch_plan_template_version_add, S(NAME), S("b"), true, T0, &version);
    have_template(f, NAME);
    DO(f, vch_plan_template_version_add, S(NAME), S("two"), true, T0 + 2, &version);
    assert_int_equal(version, 2);
    changed(f, "template t", NULL);
    r = read_template(f, 1);
    assert_str(r.body, "{\"Resources\":{}}");
    assert_int_equal(r.version, 1);
    assert_int_equal(r.default_version, 2);
    r = read_template(f, 2);
    assert_int_equal(r.created_ms, T0 + 2);
    READ_NOT(f, NOT_FOUND, TEMPLATE_VERSION_MISSING, vch_store_template, S(NAME), 3, &r);
    READ_NOT(f, NOT_FOUND, TEMPLATE_MISSING, vch_store_template, S("other"), 3, &r);
    for (int i = 3; i <= 5; i++) DO(f, vch_plan_template_version_add, S(NAME), S("b"), false, T0, NULL);
    DO_NOT(f, LIMIT, TEMPLATE_VERSIONS_FULL, vch_plan_template_version_add, S(NAME), S("b"), false, T0, &version);
    DO_NOT(f, CONFLICT, DELETE_CONFLICT, vch_plan_template_version_delete, S(NAME), 2);
    DO_NOT(f, NOT_FOUND, TEMPLATE_VERSION_MISSING, vch_plan_template_version_delete, S(NAME), 7);
    DO_NOT(f, NOT_FOUND, TEMPLATE_MISSING, vch_plan_template_version_delete, S("other"), 1);
    DO(f, vch_plan_template_version_delete, S(NAME), 5);
    DO(f, vch_plan_template_version_add, S(NAME), S("b"), false, T0, &version);
    assert_int_equal(version, 6);
}

static void version_pages_start_at_numbers(void **state) {
    struct fix *f = *state;
    struct vch_list_version list;
    have_template(f, NAME);
    READ_NOT(f, INVALID, PAGE_TOKEN_INVALID, vch_store_template_versions, S(NAME),
             (struct vch_page){.after = S("x"), .limit = 5}, &list);
    READ_NOT(f, NOT_FOUND, TEMPLATE_MISSING, vch_store_template_versions, S("other"), (struct vch_page){.limit = 5},
             &list);
}

static const char *claim_state(struct fix *f, int n) {
    struct vch_rec_claim r;
    READ(f, vch_store_claim, id_of(f, n), &r);
    return r.state.ptr;
}

static void delete_cancels_live_claims(void **state) {
    struct fix *f = *state;
    struct vch_rec_template r;
    have_template(f, NAME);
    have_template(f, "other");
    const struct vch_rec_claim claims[] = {a_claim(id_of(f, 1), NAME), a_claim(id_of(f, 2), NAME),
                                           a_claim(id_of(f, 3), "other")};
    for (size_t i = 0; i < COUNT_OF(claims); i++) DO(f, vch_plan_claim_insert, &claims[i]);
    DO(f, vch_plan_claim_use, id_of(f, 2), T0);
    DO(f, vch_plan_template_version_add, S(NAME), S("two"), false, T0, NULL);
    f->change_count = 0;
    DO_NOT(f, CONFLICT, DELETE_CONFLICT, vch_plan_template_delete, S(NAME));
    assert_string_equal(claim_state(f, 1), "LIVE");
    changed(f, NULL);
    DO(f, vch_plan_template_version_delete, S(NAME), 2);
    DO(f, vch_plan_template_delete, S(NAME));
    changed(f, "template t", "claim 0000000000000000000000000000000000000000000000000000000000000001", NULL);
    assert_string_equal(claim_state(f, 1), "CANCELLED");
    assert_string_equal(claim_state(f, 2), "SPENT");
    assert_string_equal(claim_state(f, 3), "LIVE");
    READ_NOT(f, NOT_FOUND, TEMPLATE_MISSING, vch_store_template, S(NAME), 0, &r);
    DO_NOT(f, NOT_FOUND, TEMPLATE_MISSING, vch_plan_template_delete, S(NAME));
}

STORE_SUITE(STORE_TEST(create_and_read), STORE_TEST(need), STORE_TEST(update_changes_only_what_is_set),
            STORE_TEST(update_refused), STORE_TEST(versions), STORE_TEST(version_pages_start_at_numbers),
            STORE_TEST(delete_cancels_live_claims))
