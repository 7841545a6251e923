#include "store/registration.h"

static void an_empty_plan(void **state) {
    struct fix *f = *state;
    PLAN(f, p);
    plan_ok(f, p);
}

static void a_plan_larger_than_its_arena(void **state) {
    struct fix *f = *state;
    struct vch_rec_policy r;
    struct vch_rec_thing thing = a_thing("t");
    struct vch_arena *small = vch_arena_new(1024, false);
    struct vch_plan *p = vch_plan_new(small);
    const struct vch_rec_policy policy = a_policy("p");
    vch_plan_policy_create(p, &policy);
    for (int i = 0; i < 100; i++) vch_plan_thing_ensure(p, &thing, NULL);
    REFUSED(f, p, NOMEM, STORE_FAILED);
    READ_NOT(f, NOT_FOUND, POLICY_MISSING, vch_store_policy, S("p"), 0, &r);
    vch_arena_reset(small);
    vch_arena_free(small);
    struct vch_arena *none = vch_arena_new(1, false);
    p = vch_plan_new(none);
    assert_null(p);
    vch_plan_policy_create(p, &policy); /* harmless */
    vch_plan_thing_ensure(p, &thing, NULL);
    vch_diag_clear(&f->diag);
    REFUSED(f, p, NOMEM, STORE_FAILED);
    vch_arena_free(none);
}

static void no_diagnosis_wanted(void **state) {
    struct fix *f = *state;
    struct vch_rec_thing r;
    PLAN(f, p);
    vch_plan_need_policy(p, S("p"));
    assert_int_equal(vch_store_apply(f->store, p, NULL), VCH_ERR_NOT_FOUND);
    assert_int_equal(vch_store_thing(f->store, S("t"), &r, f->arena, NULL), VCH_ERR_NOT_FOUND);
}

static void a_registration(void **state) {
    struct fix *f = *state;
    const struct names n = names_of(f->arena, 1);
    have_site(f);
    PLAN(f, claim);
    plan_claim(claim, &n, T0);
    plan_ok(f, claim);
    PLAN(f, certificate);
    plan_certificate(certificate, &n, S(""), T0);
    plan_ok(f, certificate);
    assert_int_equal(registration_state(f, &n), NOTHING);
    f->change_count = 0;
    PLAN(f, registration);
    plan_registration(registration, &n, T0);
    plan_ok(f, registration);
    assert_int_equal(registration_state(f, &n), WHOLE);
    assert_int_equal(f->change_count, 3); /* the certificate once though thrice changed, the claim, and the ledger */
    PLAN(f, again);
    plan_registration(again, &n, T0);
    REFUSED(f, again, DENIED, TOKEN_INVALID);
}

/* Whichever step is refused, nothing of the others stays, ledger row and change included. */
static void all_or_nothing(void **state) {
    struct fix *f = *state;
    const struct names n = names_of(f->arena, 1);
    struct vch_list_ledger ledger;
    have_site(f);
    PLAN(f, start);
    plan_claim(start, &n, T0);
    plan_certificate(start, &n, S(""), T0);
    plan_ok(f, start);
    f->change_count = 0;
    for (int i = 0; i < 3; i++) {
        PLAN(f, p);
        if (i == 0) vch_plan_need_policy(p, S("missing"));
        plan_registration(p, &n, T0);
        if (i == 1) vch_plan_policy_attach(p, S("missing"), n.certificate);
        if (i == 2) vch_plan_need_policy(p, S("missing"));
        REFUSED(f, p, NOT_FOUND, POLICY_MISSING);
        assert_int_equal(registration_state(f, &n), NOTHING);
    }
    changed(f, NULL);
    READ(f, vch_store_ledger, 0, 100, &ledger);
    assert_int_equal(ledger.count, 2);
    PLAN(f, p);
    plan_registration(p, &n, T0);
    plan_ok(f, p);
    assert_int_equal(registration_state(f, &n), WHOLE);
}

static void a_plan_sees_its_own_writes(void **state) {
    struct fix *f = *state;
    const struct vch_rec_policy policy = a_policy("p");
    const struct vch_rec_certificate certificate = a_certificate(id_of(f, 1), "ACTIVE");
    PLAN(f, p);
    vch_plan_policy_create(p, &policy);
    vch_plan_certificate_insert(p, &certificate);
    vch_plan_need_policy(p, S("p"));
    vch_plan_policy_attach(p, S("p"), id_of(f, 1));
    vch_plan_policy_detach(p, S("p"), id_of(f, 1));
    vch_plan_policy_delete(p, S("p"));
    plan_ok(f, p);
}

static void changes_are_told_once(void **state) {
    struct fix *f = *state;
    have_certificate(f, 1, "ACTIVE");
    have_policy(f, "p");
    have_policy(f, "q");
    have_thing(f, "t");
    PLAN(f, p);
    vch_plan_policy_attach(p, S("p"), id_of(f, 1));
    vch_plan_policy_default_set(p, S("p"), 1, T0);
    vch_plan_policy_attach(p, S("q"), id_of(f, 1));
    vch_plan_thing_attach(p, S("t"), id_of(f, 1), false);
    vch_plan_certificate_status(p, id_of(f, 1), S(""), S("INACTIVE"), T0);
    plan_ok(f, p);
    changed(f, "certificate 0000000000000000000000000000000000000000000000000000000000000001", NULL);
}

/* The ledger's growth is told once of all rows, and not when a plan leaves none. */
static void the_ledger_is_told(void **state) {
    struct fix *f = *state;
    const struct vch_rec_ledger row = {.event = S("e"), .actor = S("server"), .outcome = S("ok"), .detail = S("{}")};
    have_thing(f, "t");
    f->change_count = 0;
    PLAN(f, p);
    for (int i = 0; i < 3; i++) vch_plan_ledger(p, &row);
    plan_ok(f, p);
    changed(f, "ledger ", NULL);
    PLAN(f, refused);
    vch_plan_ledger(refused, &row);
    vch_plan_need_policy(refused, S("missing"));
    REFUSED(f, refused, NOT_FOUND, POLICY_MISSING);
    changed(f, NULL);
    PLAN(f, again);
    vch_plan_ledger(again, &row);
    plan_ok(f, again);
    changed(f, "ledger ", NULL);
}

/* Told before apply returns: who acts on the answer meets no old state. */
static void told_when_apply_returns(void **state) {
    struct fix *f = *state;
    have_policy(f, "p");
    for (int i = 0; i < 20; i++) {
        have_certificate(f, i, "ACTIVE");
        DO(f, vch_plan_policy_attach, S("p"), id_of(f, i));
        assert_int_equal(f->change_count, (size_t)i + 1);
    }
}

static void what_text_may_hold(void **state) {
    struct fix *f = *state;
    const char *const texts[] = {"", "'", "\"; DROP TABLE things; --", "$1 ?1 :a @b", "\xE2\x82\xAC\xF0\x9F\x98\x80", "a\nb"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct vch_rec_thing thing = a_thing("t"), r;
        thing.name = vch_arena_printf(f->arena, "t%zu", i);
        thing.type_name = S(texts[i]);
        DO(f, vch_plan_thing_ensure, &thing, NULL);
        READ(f, vch_store_thing, thing.name, &r);
        assert_str(r.type_name, texts[i]);
    }
}

static void survives_reopening(void **state) {
    struct fix *f = *state;
    const struct names n = names_of(f->arena, 1);
    int64_t rows = 0;
    have_site(f);
    PLAN(f, p);
    plan_claim(p, &n, T0);
    plan_certificate(p, &n, S(""), T0);
    plan_registration(p, &n, T0);
    plan_ok(f, p);
    for (int i = 0; i < 3; i++) {
        fix_close(f);
        read_ok(f, fix_open(f));
        assert_int_equal(registration_state(f, &n), WHOLE);
        const struct vch_rec_ledger row = a_row("again");
        DO(f, vch_plan_ledger, &row);
        read_ok(f, vch_store_ledger_verify(f->store, &rows, &f->diag));
        assert_int_equal(rows, 4 + i);
    }
}

static void urls(void **state) {
    (void)state;
    const char *const bad[] = {"", "sqlite", "sqlite:", "postgresql", "sqlit:/x", "mysql:/x", "/tmp/x"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct vch_store *store = NULL;
        struct vch_diag diag = {0};
        const struct vch_store_options options = {.url = bad[i]};
        assert_int_equal(vch_store_open(&options, &store, &diag), VCH_ERR_INVALID);
        assert_null(store);
        assert_string_equal(diag.reason, "store-failed");
    }
    struct vch_store *store = NULL;
    struct vch_diag diag = {0};
    const struct vch_store_options nowhere = {.url = "sqlite:/nonexistent/folder/x.db"};
    assert_int_equal(vch_store_open(&nowhere, &store, &diag), VCH_ERR_IO);
    assert_null(store);
    vch_store_close(NULL);
}

STORE_SUITE(STORE_TEST(an_empty_plan), STORE_TEST(a_plan_larger_than_its_arena), STORE_TEST(no_diagnosis_wanted),
            STORE_TEST(a_registration), STORE_TEST(all_or_nothing), STORE_TEST(a_plan_sees_its_own_writes),
            STORE_TEST(changes_are_told_once), STORE_TEST(the_ledger_is_told), STORE_TEST(told_when_apply_returns), STORE_TEST(what_text_may_hold),
            STORE_TEST(survives_reopening), cmocka_unit_test(urls))
