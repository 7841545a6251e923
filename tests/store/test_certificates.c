#include "store/fixture.h"

static struct vch_rec_certificate read_certificate(struct fix *f, int n) {
    struct vch_rec_certificate r;
    READ(f, vch_store_certificate, id_of(f, n), &r);
    return r;
}

static struct vch_identity identity(struct fix *f, int n) {
    struct vch_identity who;
    assert_int_equal(vch_store_identity(f->store, id_of(f, n), &who), VCH_OK);
    return who;
}

static void insert_and_read(void **state) {
    struct fix *f = *state;
    struct vch_rec_certificate c = a_certificate(id_of(f, 1), "PENDING_ACTIVATION"), r;
    READ_NOT(f, NOT_FOUND, CERTIFICATE_MISSING, vch_store_certificate, c.id, &r);
    DO(f, vch_plan_certificate_insert, &c);
    r = read_certificate(f, 1);
    assert_true(vch_str_eq(r.id, c.id));
    assert_str(r.pem, "-----BEGIN CERTIFICATE-----\n");
    assert_str(r.status, "PENDING_ACTIVATION");
    assert_str(r.mode, "DEFAULT");
    assert_str(r.ca_id, "ca");
    assert_str(r.claim_id, "claim");
    assert_int_equal(r.not_before_ms, T0 - 5);
    assert_int_equal(r.not_after_ms, T0 + HOUR_MS);
    assert_int_equal(r.created_ms, T0);
    assert_int_equal(r.modified_ms, T0 + 1);
    assert_int_equal(r.customer_version, 1);
    DO_NOT(f, EXISTS, CERTIFICATE_EXISTS, vch_plan_certificate_insert, &c);
}

static void status(void **state) {
    struct fix *f = *state;
    DO_NOT(f, NOT_FOUND, CERTIFICATE_MISSING, vch_plan_certificate_status, id_of(f, 1), S(""), S("ACTIVE"), T0);
    DO_NOT(f, NOT_FOUND, CERTIFICATE_MISSING, vch_plan_certificate_status, id_of(f, 1), S("INACTIVE"), S("ACTIVE"), T0);
    have_certificate(f, 1, "INACTIVE");
    DO_NOT(f, STATE, CERTIFICATE_STATE, vch_plan_certificate_status, id_of(f, 1), S("REVOKED"), S("ACTIVE"), T0);
    changed(f, NULL);
    DO(f, vch_plan_certificate_status, id_of(f, 1), S("INACTIVE"), S("ACTIVE"), T0 + 7);
    assert_int_equal(f->change_count, 1);
    f->change_count = 0;
    struct vch_rec_certificate r = read_certificate(f, 1);
    assert_str(r.status, "ACTIVE");
    assert_int_equal(r.modified_ms, T0 + 7);
    assert_int_equal(r.customer_version, 2);
    DO(f, vch_plan_certificate_status, id_of(f, 1), S(""), S("ACTIVE"), T0 + 8); /* the same: nothing changes */
    DO(f, vch_plan_certificate_status, id_of(f, 1), S("ACTIVE"), S("ACTIVE"), T0 + 8);
    changed(f, NULL);
    assert_int_equal(read_certificate(f, 1).modified_ms, T0 + 7);
    DO(f, vch_plan_certificate_status, id_of(f, 1), S(""), S("REVOKED"), T0 + 9);
    assert_str(read_certificate(f, 1).status, "REVOKED");
}

static void delete_takes_attachments(void **state) {
    struct fix *f = *state;
    struct vch_list_str list;
    have_certificate(f, 1, "ACTIVE");
    have_policy(f, "p");
    have_thing(f, "t");
    DO(f, vch_plan_policy_attach, S("p"), id_of(f, 1));
    DO(f, vch_plan_thing_attach, S("t"), id_of(f, 1), false);
    f->change_count = 0;
    DO(f, vch_plan_certificate_delete, id_of(f, 1));
    assert_int_equal(f->change_count, 1);
    READ(f, vch_store_policy_targets, S("p"), (struct vch_page){.limit = 5}, &list);
    assert_int_equal(list.count, 0);
    READ(f, vch_store_thing_principals, S("t"), (struct vch_page){.limit = 5}, &list);
    assert_int_equal(list.count, 0);
    DO_NOT(f, NOT_FOUND, CERTIFICATE_MISSING, vch_plan_certificate_delete, id_of(f, 1));
    assert_int_equal(identity(f, 1).kind, VCH_IDENTITY_UNKNOWN);
}

static void identity_of_devices(void **state) {
    struct fix *f = *state;
    const struct {
        const char *status;
        bool usable, revoked;
    } rows[] = {{"ACTIVE", true, false},   {"INACTIVE", false, false},           {"REVOKED", false, true},
                {"active", false, false},  {"PENDING_ACTIVATION", false, false}, {"PENDING_TRANSFER", false, false},
                {"", false, false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        have_certificate(f, (int)i + 1, rows[i].status);
        struct vch_identity who = identity(f, (int)i + 1);
        assert_int_equal(who.kind, VCH_IDENTITY_DEVICE);
        assert_int_equal(who.usable, rows[i].usable);
        assert_int_equal(who.revoked, rows[i].revoked);
        assert_int_equal(who.not_before_ms, T0 - 5);
        assert_int_equal(who.not_after_ms, T0 + HOUR_MS);
        assert_string_equal(who.template_name, "");
    }
}

static void identity_of_claims(void **state) {
    struct fix *f = *state;
    struct vch_rec_claim claim = a_claim(id_of(f, 1), "a-template-name-of-thirty-six-letters");
    DO(f, vch_plan_claim_insert, &claim);
    struct vch_identity who = identity(f, 1);
    assert_int_equal(who.kind, VCH_IDENTITY_CLAIM);
    assert_true(who.usable);
    assert_false(who.revoked);
    assert_int_equal(who.not_after_ms, T0 + HOUR_MS);
    assert_string_equal(who.template_name, "a-template-name-of-thirty-six-letters");
    DO(f, vch_plan_claim_use, id_of(f, 1), T0);
    assert_true(identity(f, 1).usable); /* spent: may repeat its answer */
    claim.id = id_of(f, 2);
    DO(f, vch_plan_claim_insert, &claim);
    DO(f, vch_plan_claim_cancel, id_of(f, 2), T0);
    assert_false(identity(f, 2).usable);
}

static void identity_of_nobody(void **state) {
    struct fix *f = *state;
    const struct vch_str names[] = {id_of(f, 1), S(""), S("%"), S("' OR 1=1 --"), {NULL, 0}};
    have_certificate(f, 2, "ACTIVE");
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct vch_identity who = {.usable = true};
        assert_int_equal(vch_store_identity(f->store, names[i], &who), VCH_OK);
        assert_int_equal(who.kind, VCH_IDENTITY_UNKNOWN);
        assert_false(who.usable);
    }
}

static void authz(void **state) {
    struct fix *f = *state;
    struct vch_rec_authz r;
    READ(f, vch_store_authz, id_of(f, 1), &r);
    assert_int_equal(r.policy_count + r.thing_count, 0);
    have_certificate(f, 1, "ACTIVE");
    have_certificate(f, 2, "ACTIVE");
    have_policy(f, "p");
    have_policy(f, "q");
    have_thing(f, "t");
    DO(f, vch_plan_policy_attach, S("p"), id_of(f, 1));
    DO(f, vch_plan_policy_attach, S("q"), id_of(f, 2));
    DO(f, vch_plan_thing_attach, S("t"), id_of(f, 1), false);
    DO(f, vch_plan_policy_version_add, S("p"), S("two"), true, T0 + 4, NULL);
    DO(f, vch_plan_policy_version_add, S("p"), S("three"), false, T0 + 4, NULL);
    READ(f, vch_store_authz, id_of(f, 1), &r);
    assert_int_equal(r.policy_count, 1);
    assert_str(r.policies[0].name, "p");
    assert_str(r.policies[0].document, "two");
    assert_str(r.policies[0].generation_id, "generation");
    assert_int_equal(r.policies[0].version, 2);
    assert_int_equal(r.policies[0].default_version, 2);
    assert_int_equal(r.policies[0].modified_ms, T0 + 4);
    assert_int_equal(r.thing_count, 1);
    assert_str(r.things[0].name, "t");
    assert_str(r.things[0].attributes, "{\"a\":\"1\"}");
    assert_str(r.things[0].type_name, "type");
    assert_str(r.things[0].billing_group, "group");
    assert_int_equal(r.things[0].version, 1);
    assert_int_equal(r.things[0].id.len, 36);
}

static void authz_of_many(void **state) {
    struct fix *f = *state;
    struct vch_rec_authz r;
    have_certificate(f, 1, "ACTIVE");
    PLAN(f, p);
    for (int i = 0; i < 70; i++) {
        struct vch_rec_thing thing = a_thing("");
        thing.name = vch_arena_printf(f->arena, "thing-%d", i);
        vch_plan_thing_ensure(p, &thing, NULL);
        vch_plan_thing_attach(p, thing.name, id_of(f, 1), false);
        struct vch_rec_policy policy = a_policy("");
        policy.name = vch_arena_printf(f->arena, "policy-%d", i);
        vch_plan_policy_ensure(p, &policy);
        if (i < 10) vch_plan_policy_attach(p, policy.name, id_of(f, 1));
    }
    plan_ok(f, p);
    READ(f, vch_store_authz, id_of(f, 1), &r);
    assert_int_equal(r.policy_count, 10);
    assert_int_equal(r.thing_count, 64);
}

static void answers_that_do_not_fit(void **state) {
    struct fix *f = *state;
    struct vch_rec_certificate r;
    struct vch_diag diag = {0};
    have_certificate(f, 1, "ACTIVE");
    struct vch_arena *small = vch_arena_new(64, false);
    read_refused(f, vch_store_certificate(f->store, id_of(f, 1), &r, small, &f->diag), VCH_ERR_NOMEM,
                 VCH_REASON_STORE_FAILED);
    assert_int_equal(vch_store_certificate(f->store, id_of(f, 1), &r, f->arena, &diag), VCH_OK);
    vch_arena_free(small);
}

STORE_SUITE(STORE_TEST(insert_and_read), STORE_TEST(status), STORE_TEST(delete_takes_attachments),
            STORE_TEST(identity_of_devices), STORE_TEST(identity_of_claims), STORE_TEST(identity_of_nobody),
            STORE_TEST(authz), STORE_TEST(authz_of_many), STORE_TEST(answers_that_do_not_fit))
