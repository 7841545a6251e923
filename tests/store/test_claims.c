#include "store/fixture.h"

#include <stdatomic.h>

enum { END = T0 + HOUR_MS };

static struct vch_rec_claim read_claim(struct fix *f, int n) {
    struct vch_rec_claim r;
    READ(f, vch_store_claim, id_of(f, n), &r);
    return r;
}

static void have_claim(struct fix *f, int n, int64_t uses_max) {
    struct vch_rec_claim claim = a_claim(id_of(f, n), "t");
    claim.uses_max = uses_max;
    DO(f, vch_plan_claim_insert, &claim);
}

static void have_token(struct fix *f, int n, int certificate) {
    const struct vch_rec_token token = a_token(hash_of(f, n), id_of(f, certificate));
    DO(f, vch_plan_token_insert, &token);
}

static void insert_and_read(void **state) {
    struct fix *f = *state;
    struct vch_rec_claim r, claim = a_claim(id_of(f, 1), "t");
    READ_NOT(f, NOT_FOUND, CLAIM_MISSING, vch_store_claim, id_of(f, 1), &r);
    have_claim(f, 1, 3);
    r = read_claim(f, 1);
    assert_true(vch_str_eq(r.id, id_of(f, 1)));
    assert_str(r.template_name, "t");
    assert_str(r.created_by, "arn:aws:iam::123456789012:user/u");
    assert_str(r.state, "LIVE");
    assert_str(r.bindings, "{\"ThingName\":\"t\"}");
    assert_int_equal(r.not_before_ms, T0 - 5);
    assert_int_equal(r.not_after_ms, END);
    assert_int_equal(r.created_ms, T0);
    assert_int_equal(r.uses_max, 3);
    assert_int_equal(r.uses_done, 0);
    assert_int_equal(r.certificates_made, 0);
    DO_NOT(f, EXISTS, CERTIFICATE_EXISTS, vch_plan_claim_insert, &claim);
}

static void use_spends(void **state) {
    struct fix *f = *state;
    DO_NOT(f, NOT_FOUND, CLAIM_MISSING, vch_plan_claim_use, id_of(f, 1), T0);
    have_claim(f, 1, 2);
    DO(f, vch_plan_claim_use, id_of(f, 1), T0);
    changed(f, NULL);
    assert_str(read_claim(f, 1).state, "LIVE");
    assert_int_equal(read_claim(f, 1).uses_done, 1);
    DO(f, vch_plan_claim_use, id_of(f, 1), END - 1);
    assert_int_equal(f->change_count, 1);
    assert_str(read_claim(f, 1).state, "SPENT");
    assert_int_equal(read_claim(f, 1).uses_done, 2);
    DO_NOT(f, DENIED, CLAIM_SPENT, vch_plan_claim_use, id_of(f, 1), T0);
    DO_NOT(f, DENIED, CLAIM_SPENT, vch_plan_claim_count_certificate, id_of(f, 1), T0, 10);
    assert_int_equal(read_claim(f, 1).uses_done, 2);
}

static void expires(void **state) {
    struct fix *f = *state;
    have_claim(f, 1, 1);
    DO_NOT(f, EXPIRED, CLAIM_EXPIRED, vch_plan_claim_use, id_of(f, 1), END);
    DO_NOT(f, EXPIRED, CLAIM_EXPIRED, vch_plan_claim_count_certificate, id_of(f, 1), END, 10);
    DO(f, vch_plan_claim_count_certificate, id_of(f, 1), END - 1, 10);
    DO(f, vch_plan_claim_use, id_of(f, 1), END - 1);
}

static void cancel(void **state) {
    struct fix *f = *state;
    DO_NOT(f, NOT_FOUND, CLAIM_MISSING, vch_plan_claim_cancel, id_of(f, 1), T0);
    have_claim(f, 1, 1);
    DO(f, vch_plan_claim_cancel, id_of(f, 1), T0);
    assert_int_equal(f->change_count, 1);
    f->change_count = 0;
    DO(f, vch_plan_claim_cancel, id_of(f, 1), T0);
    changed(f, NULL);
    DO_NOT(f, DENIED, CLAIM_CANCELLED, vch_plan_claim_use, id_of(f, 1), T0);
    DO_NOT(f, DENIED, CLAIM_CANCELLED, vch_plan_claim_count_certificate, id_of(f, 1), T0, 10);
    have_claim(f, 2, 1);
    DO(f, vch_plan_claim_use, id_of(f, 2), T0);
    DO_NOT(f, STATE, CLAIM_SPENT, vch_plan_claim_cancel, id_of(f, 2), T0);
}

static void certificates_waiting(void **state) {
    struct fix *f = *state;
    have_claim(f, 1, 5);
    for (int i = 0; i < 2; i++) DO(f, vch_plan_claim_count_certificate, id_of(f, 1), T0, 2);
    DO_NOT(f, LIMIT, CLAIM_CERTIFICATES_FULL, vch_plan_claim_count_certificate, id_of(f, 1), T0, 2);
    assert_int_equal(read_claim(f, 1).certificates_made, 2);
    DO(f, vch_plan_claim_use, id_of(f, 1), T0); /* one no longer waits */
    DO(f, vch_plan_claim_count_certificate, id_of(f, 1), T0, 2);
    DO_NOT(f, LIMIT, CLAIM_CERTIFICATES_FULL, vch_plan_claim_count_certificate, id_of(f, 1), T0, 2);
    DO_NOT(f, NOT_FOUND, CLAIM_MISSING, vch_plan_claim_count_certificate, id_of(f, 2), T0, 2);
}

static int64_t live(struct fix *f, const char *template_name, int64_t now_ms) {
    int64_t count = -1;
    vch_diag_clear(&f->diag);
    read_ok(f, vch_store_claims_live(f->store, S(template_name), now_ms, &count, &f->diag));
    return count;
}

static void live_ones(void **state) {
    struct fix *f = *state;
    for (int i = 1; i <= 4; i++) have_claim(f, i, 1);
    const struct vch_rec_claim other = a_claim(id_of(f, 9), "other");
    DO(f, vch_plan_claim_insert, &other);
    DO(f, vch_plan_claim_use, id_of(f, 1), T0);
    DO(f, vch_plan_claim_cancel, id_of(f, 2), T0);
    assert_int_equal(live(f, "t", T0), 2);
    assert_int_equal(live(f, "other", T0), 1);
    assert_int_equal(live(f, "none", T0), 0);
    assert_int_equal(live(f, "t", END - 1), 2);
    assert_int_equal(live(f, "t", END), 0);
}

static void tokens(void **state) {
    struct fix *f = *state;
    struct vch_rec_token r, token = a_token(hash_of(f, 1), id_of(f, 2));
    READ_NOT(f, NOT_FOUND, TOKEN_INVALID, vch_store_token, hash_of(f, 1), &r);
    have_token(f, 1, 2);
    READ(f, vch_store_token, hash_of(f, 1), &r);
    assert_true(vch_str_eq(r.hash, hash_of(f, 1)));
    assert_true(vch_str_eq(r.certificate_id, id_of(f, 2)));
    assert_str(r.principal_id, "principal");
    assert_int_equal(r.expires_ms, END);
    assert_false(r.spent);
    assert_int_equal(r.request_hash.len + r.answer.len, 0);
    DO_NOT(f, EXISTS, TOKEN_INVALID, vch_plan_token_insert, &token);

    DO_NOT(f, DENIED, TOKEN_INVALID, vch_plan_token_spend, hash_of(f, 2), T0, hash_of(f, 7), S("{}"));
    DO_NOT(f, DENIED, TOKEN_INVALID, vch_plan_token_spend, hash_of(f, 1), END, hash_of(f, 7), S("{}"));
    DO(f, vch_plan_token_spend, hash_of(f, 1), END - 1, hash_of(f, 7), S("{\"thingName\":\"t\"}"));
    READ(f, vch_store_token, hash_of(f, 1), &r);
    assert_true(r.spent);
    assert_true(vch_str_eq(r.request_hash, hash_of(f, 7)));
    assert_str(r.answer, "{\"thingName\":\"t\"}");
    DO_NOT(f, DENIED, TOKEN_INVALID, vch_plan_token_spend, hash_of(f, 1), T0, hash_of(f, 8), S("other"));
    READ(f, vch_store_token, hash_of(f, 1), &r);
    assert_str(r.answer, "{\"thingName\":\"t\"}");
}

static bool there(struct fix *f, int certificate) {
    struct vch_identity who;
    assert_int_equal(vch_store_identity(f->store, id_of(f, certificate), &who), VCH_OK);
    return who.kind != VCH_IDENTITY_UNKNOWN;
}

static int64_t sweep(struct fix *f, int64_t now_ms) {
    int64_t count = -1;
    DO(f, vch_plan_sweep, now_ms, &count);
    return count;
}

static void sweep_tokens(void **state) {
    struct fix *f = *state;
    struct vch_rec_token r;
    have_certificate(f, 1, "PENDING_ACTIVATION"); /* its token goes stale */
    have_certificate(f, 2, "ACTIVE");             /* registered */
    have_certificate(f, 3, "PENDING_ACTIVATION"); /* its token is fresh */
    have_certificate(f, 4, "INACTIVE");           /* changed by hand, token unused */
    for (int i = 1; i <= 4; i++)
        if (i != 3) have_token(f, i, i);
    struct vch_rec_token fresh = a_token(hash_of(f, 3), id_of(f, 3));
    fresh.expires_ms = END + 1;
    DO(f, vch_plan_token_insert, &fresh);
    DO(f, vch_plan_token_spend, hash_of(f, 2), T0, hash_of(f, 7), S("{}"));

    assert_int_equal(sweep(f, END - 1), 0);
    READ(f, vch_store_token, hash_of(f, 1), &r);
    f->change_count = 0;
    assert_int_equal(sweep(f, END), 1);
    changed(f, "certificate 0000000000000000000000000000000000000000000000000000000000000001", NULL);
    assert_false(there(f, 1));
    assert_true(there(f, 2));
    assert_true(there(f, 3));
    assert_true(there(f, 4));
    for (int i = 1; i <= 4; i++) {
        if (i == 3) READ(f, vch_store_token, hash_of(f, i), &r);
        else READ_NOT(f, NOT_FOUND, TOKEN_INVALID, vch_store_token, hash_of(f, i), &r);
    }
    assert_int_equal(sweep(f, END + 1), 1);
    assert_false(there(f, 3));
}

static void sweep_claims(void **state) {
    struct fix *f = *state;
    const int64_t day = 24LL * HOUR_MS;
    have_claim(f, 1, 1);
    struct vch_rec_claim longer = a_claim(id_of(f, 2), "t");
    longer.not_after_ms = END + 5;
    DO(f, vch_plan_claim_insert, &longer);
    (void)sweep(f, END + day - 1);
    assert_true(there(f, 1));
    (void)sweep(f, END + day);
    assert_false(there(f, 1));
    assert_true(there(f, 2));
}

/* ---- two at once ---- */

struct race {
    struct fix *f;
    atomic_int won, lost, odd;
    pthread_barrier_t start;
    bool by_token;
};

static void *try_once(void *arg) {
    struct race *race = arg;
    struct vch_diag diag = {0};
    struct vch_arena *arena = vch_arena_new(1 << 16, false);
    struct vch_plan *p = vch_plan_new(arena);
    struct vch_str id = VCH_STR("0000000000000000000000000000000000000000000000000000000000000001");
    struct vch_str hash = VCH_STR("00000000000000000000000000000001");
    if (race->by_token) vch_plan_token_spend(p, hash, T0, hash, S("{}"));
    else vch_plan_claim_use(p, id, T0);
    (void)pthread_barrier_wait(&race->start);
    enum vch_err err = vch_store_apply(race->f->store, p, &diag);
    atomic_fetch_add(err == VCH_OK ? &race->won : err == VCH_ERR_DENIED ? &race->lost : &race->odd, 1);
    vch_arena_free(arena);
    return NULL;
}

static void run_race(struct fix *f, bool by_token) {
    enum { RUNNERS = 16 };
    pthread_t threads[RUNNERS];
    struct race race = {.f = f, .by_token = by_token};
    (void)pthread_barrier_init(&race.start, NULL, RUNNERS);
    for (int i = 0; i < RUNNERS; i++) assert_int_equal(pthread_create(&threads[i], NULL, try_once, &race), 0);
    for (int i = 0; i < RUNNERS; i++) (void)pthread_join(threads[i], NULL);
    (void)pthread_barrier_destroy(&race.start);
    assert_int_equal(race.won, 1);
    assert_int_equal(race.lost, RUNNERS - 1);
    assert_int_equal(race.odd, 0);
}

static void one_of_many_wins(void **state) {
    struct fix *f = *state;
    have_claim(f, 1, 1);
    have_token(f, 1, 1);
    run_race(f, false);
    run_race(f, true);
}

STORE_SUITE(STORE_TEST(insert_and_read), STORE_TEST(use_spends), STORE_TEST(expires), STORE_TEST(cancel),
            STORE_TEST(certificates_waiting), STORE_TEST(live_ones), STORE_TEST(tokens), STORE_TEST(sweep_tokens),
            STORE_TEST(sweep_claims), STORE_TEST(one_of_many_wins))
