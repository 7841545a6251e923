/* Many at once: plans share commits, each caller learns its own plan's fate,
 * and readers see whole plans. */
#include "store/registration.h"

#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"

enum { THREADS = 64, PLANS = 8 };

struct crowd {
    struct fix *f;
    atomic_int next, ok, refused, odd;
};

static int delayed_up(void **state) {
    struct fix *f = fix_new();
    *state = f;
    f->commit_delay_us = 5000;
    return fix_open(f) == VCH_OK ? 0 : -1;
}

/* Every fourth plan is refused after it has written. */
static void *apply_some(void *arg) {
    struct crowd *crowd = arg;
    struct vch_arena *arena = vch_arena_new(1 << 20, false);
    for (int i = 0; i < PLANS; i++) {
        vch_arena_reset(arena);
        int n = atomic_fetch_add(&crowd->next, 1);
        const struct names names = names_of(arena, n);
        struct vch_plan *p = vch_plan_new(arena);
        struct vch_diag diag = {0};
        plan_claim(p, &names, T0);
        plan_certificate(p, &names, S(""), T0);
        plan_registration(p, &names, T0);
        if (n % 4 == 3) vch_plan_need_policy(p, S("missing"));
        enum vch_err err = vch_store_apply(crowd->f->store, p, &diag);
        bool as_expected = n % 4 == 3 ? err == VCH_ERR_NOT_FOUND && diag.reason : err == VCH_OK && !diag.reason;
        atomic_fetch_add(!as_expected ? &crowd->odd : err == VCH_OK ? &crowd->ok : &crowd->refused, 1);
    }
    vch_arena_free(arena);
    return NULL;
}

static void run_crowd(struct crowd *crowd) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, apply_some, crowd), 0);
    for (int i = 0; i < THREADS; i++) (void)pthread_join(threads[i], NULL);
}

static void plans_share_commits(void **state) {
    struct fix *f = *state;
    struct crowd crowd = {.f = f};
    struct vch_store_stats before, after;
    int64_t rows = 0;
    have_site(f);
    vch_store_stats(f->store, &before);
    run_crowd(&crowd);
    vch_store_stats(f->store, &after);
    assert_int_equal(crowd.odd, 0);
    assert_int_equal(crowd.ok, THREADS * PLANS * 3 / 4);
    assert_int_equal(crowd.refused, THREADS * PLANS / 4);
    assert_int_equal(after.plans - before.plans, THREADS * PLANS);
    assert_int_equal(after.refused - before.refused, THREADS * PLANS / 4);
    assert_int_equal(after.failed, 0);
    int64_t commits = after.commits - before.commits;
    assert_in_range(commits, 1, THREADS * PLANS / 8);
    assert_in_range(after.largest_batch, 8, THREADS);
    for (int n = 0; n < THREADS * PLANS; n++) {
        const struct names names = names_of(f->arena, n);
        assert_int_equal(registration_state(f, &names), n % 4 == 3 ? NOTHING : WHOLE);
    }
    read_ok(f, vch_store_ledger_verify(f->store, &rows, &f->diag));
    assert_int_equal(rows, THREADS * PLANS * 3 / 4 * 3);
}

static void no_delay(void **state) {
    struct fix *f = *state;
    struct crowd crowd = {.f = f};
    int64_t rows = 0;
    have_site(f);
    run_crowd(&crowd);
    assert_int_equal(crowd.odd, 0);
    assert_int_equal(crowd.ok, THREADS * PLANS * 3 / 4);
    read_ok(f, vch_store_ledger_verify(f->store, &rows, &f->diag));
}

static void refused_plans_cost_no_commit(void **state) {
    struct fix *f = *state;
    struct vch_store_stats before, after;
    vch_store_stats(f->store, &before);
    for (int i = 0; i < 5; i++) DO_NOT(f, NOT_FOUND, POLICY_MISSING, vch_plan_need_policy, S("missing"));
    vch_store_stats(f->store, &after);
    assert_int_equal(after.commits, before.commits);
    assert_int_equal(after.refused - before.refused, 5);
}

static void the_answer_waits_for_the_disk(void **state) {
    struct fix *f = *state;
    int64_t start = vch_mono_us();
    have_policy(f, "p");
    assert_true(vch_mono_us() - start >= 5000);
}

/* ---- readers beside the writer ---- */

struct watch {
    struct fix *f;
    atomic_bool stop;
    atomic_int looks, torn;
};

/* The writer swaps two things' attributes in one plan; a reader of both at once must find them equal. */
static void *look(void *arg) {
    struct watch *watch = arg;
    struct vch_arena *arena = vch_arena_new(1 << 20, false);
    while (!atomic_load(&watch->stop)) {
        struct vch_rec_authz r;
        struct vch_identity who;
        vch_arena_reset(arena);
        struct vch_str id = vch_arena_printf(arena, "%064x", 1u);
        bool ok = vch_store_authz(watch->f->store, id, &r, arena, NULL) == VCH_OK && r.thing_count == 2 &&
                  vch_str_eq(r.things[0].attributes, r.things[1].attributes) &&
                  vch_store_identity(watch->f->store, id, &who) == VCH_OK && who.kind == VCH_IDENTITY_DEVICE;
        atomic_fetch_add(&watch->looks, 1);
        if (!ok) atomic_fetch_add(&watch->torn, 1);
    }
    vch_arena_free(arena);
    return NULL;
}

static void readers_see_whole_plans(void **state) {
    struct fix *f = *state;
    struct watch watch = {.f = f};
    pthread_t threads[4];
    struct vch_rec_thing a = a_thing("a"), b = a_thing("b");
    have_certificate(f, 1, "ACTIVE");
    have_thing(f, "a");
    have_thing(f, "b");
    DO(f, vch_plan_thing_attach, S("a"), id_of(f, 1), false);
    DO(f, vch_plan_thing_attach, S("b"), id_of(f, 1), false);
    for (size_t i = 0; i < COUNT_OF(threads); i++) (void)pthread_create(&threads[i], NULL, look, &watch);
    for (int i = 0; i < 200 || watch.looks < 200; i++) {
        a.attributes = b.attributes = vch_arena_printf(f->arena, "{\"n\":\"%d\"}", i);
        PLAN(f, p);
        vch_plan_thing_update(p, &a);
        vch_plan_thing_update(p, &b);
        plan_ok(f, p);
    }
    atomic_store(&watch.stop, true);
    for (size_t i = 0; i < COUNT_OF(threads); i++) (void)pthread_join(threads[i], NULL);
    assert_int_equal(watch.torn, 0);
}

/* ---- closing ---- */

static void *apply_one(void *arg) {
    struct crowd *crowd = arg;
    struct vch_arena *arena = vch_arena_new(1 << 16, false);
    struct vch_plan *p = vch_plan_new(arena);
    struct vch_rec_thing thing = a_thing("");
    thing.name = vch_arena_printf(arena, "t%d", atomic_fetch_add(&crowd->next, 1));
    vch_plan_thing_ensure(p, &thing, NULL);
    atomic_fetch_add(vch_store_apply(crowd->f->store, p, NULL) == VCH_OK ? &crowd->ok : &crowd->odd, 1);
    vch_arena_free(arena);
    return NULL;
}

/* Every plan that was accepted before close is there afterwards. */
static void close_waits(void **state) {
    struct fix *f = *state;
    struct crowd crowd = {.f = f};
    struct vch_list_thing list;
    pthread_t threads[8];
    for (size_t i = 0; i < COUNT_OF(threads); i++) (void)pthread_create(&threads[i], NULL, apply_one, &crowd);
    for (size_t i = 0; i < COUNT_OF(threads); i++) (void)pthread_join(threads[i], NULL);
    fix_close(f);
    read_ok(f, fix_open(f));
    READ(f, vch_store_things, (struct vch_page){.limit = 100}, &list);
    assert_int_equal(list.count, crowd.ok);
    assert_int_equal(crowd.odd, 0);
}

#define DELAYED_TEST(function) cmocka_unit_test_setup_teardown(function, delayed_up, fix_down)
STORE_SUITE(DELAYED_TEST(plans_share_commits), STORE_TEST(no_delay), STORE_TEST(refused_plans_cost_no_commit),
            DELAYED_TEST(the_answer_waits_for_the_disk), STORE_TEST(readers_see_whole_plans), DELAYED_TEST(close_waits))
