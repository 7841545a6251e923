/* The disk is full: plans fail whole, reads go on, and so do plans when there
 * is room again. A limit on the size of files stands for the disk. */
#include "store/registration.h"

#include <signal.h>
#include <sys/resource.h>

enum { THREADS = 8, LIMIT_BYTES = 1 << 20 };

static void limit_files(rlim_t bytes) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static enum vch_err provision(struct fix *f, struct vch_arena *arena, int n, struct vch_diag *diag) {
    const struct names names = names_of(arena, n);
    struct vch_plan *p = vch_plan_new(arena);
    plan_claim(p, &names, T0);
    plan_certificate(p, &names, S(""), T0);
    plan_registration(p, &names, T0);
    return vch_store_apply(f->store, p, diag);
}

/* Registers until it fails; the number of the one that did. */
static int fill_disk(struct fix *f, int n) {
    enum vch_err err = VCH_OK;
    for (; err == VCH_OK; n++) {
        vch_arena_reset(f->arena);
        vch_diag_clear(&f->diag);
        err = provision(f, f->arena, n, &f->diag);
        assert_true(n < 100000);
    }
    read_refused(f, err, VCH_ERR_IO, VCH_REASON_STORE_FAILED);
    return n - 1;
}

static void check(struct fix *f, int whole) {
    int64_t rows = 0;
    for (int n = 0; n < whole; n++) {
        vch_arena_reset(f->arena);
        const struct names names = names_of(f->arena, n);
        assert_int_equal(registration_state(f, &names), WHOLE);
    }
    const struct names next = names_of(f->arena, whole);
    struct vch_rec_claim claim;
    assert_int_equal(registration_state(f, &next), NOTHING);
    assert_int_equal(vch_store_claim(f->store, next.claim, &claim, f->arena, NULL), VCH_ERR_NOT_FOUND);
    vch_diag_clear(&f->diag);
    read_ok(f, vch_store_ledger_verify(f->store, &rows, &f->diag));
    assert_int_equal(rows, whole * 3);
}

struct try {
    struct fix *f;
    int n;
    enum vch_err err;
};

static void *try_one(void *arg) {
    struct try *t = arg;
    struct vch_arena *arena = vch_arena_new(1 << 20, false);
    t->err = provision(t->f, arena, t->n, NULL);
    vch_arena_free(arena);
    return NULL;
}

/* A whole batch that cannot commit: every member is told so. */
static void crowd_fails(struct fix *f, int n) {
    pthread_t threads[THREADS];
    struct try tries[THREADS];
    for (int i = 0; i < THREADS; i++) {
        tries[i] = (struct try){f, n + i, VCH_OK};
        assert_int_equal(pthread_create(&threads[i], NULL, try_one, &tries[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_int_equal(tries[i].err, VCH_ERR_IO);
    }
}

static int with_limit(void **state) {
    (void)signal(SIGXFSZ, SIG_IGN);
    *state = fix_new();
    return 0;
}

static int without_limit(void **state) {
    limit_files(RLIM_INFINITY);
    return fix_down(state);
}

static void disk_full(void **state) {
    struct fix *f = *state;
    struct vch_store_stats stats;
    read_ok(f, fix_open(f));
    have_site(f);
    f->change_count = 0;
    limit_files(LIMIT_BYTES);
    int whole = fill_disk(f, 0);
    assert_true(whole > 1);
    check(f, whole);
    size_t told = f->change_count;
    crowd_fails(f, whole);
    assert_int_equal(f->change_count, told);
    check(f, whole);
    vch_store_stats(f->store, &stats);
    assert_int_equal(stats.failed, 1 + THREADS);

    limit_files(RLIM_INFINITY); /* room again */
    for (int n = whole; n < whole + 20; n++) {
        vch_diag_clear(&f->diag);
        read_ok(f, provision(f, f->arena, n, &f->diag));
    }
    check(f, whole + 20);
    fix_close(f);
    read_ok(f, fix_open(f));
    check(f, whole + 20);
}

STORE_SUITE(cmocka_unit_test_setup_teardown(disk_full, with_limit, without_limit))
