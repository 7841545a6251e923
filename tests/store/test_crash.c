/* kill -9 at random moments of a storm of registrations: what was told to be
 * durable is whole, nothing is half there, the ledger verifies. */
#include "store/registration.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 30, THREADS = 4, PER_ROUND = 1 << 16, READY = -1 };

struct storm {
    struct fix *f;
    int report, first, step;
};

static bool run_plan(struct fix *f, struct vch_plan *p) {
    return vch_store_apply(f->store, p, NULL) == VCH_OK;
}

static bool provision(struct fix *f, struct vch_arena *arena, int n) {
    const struct names names = names_of(arena, n);
    struct vch_plan *plans[3];
    for (int i = 0; i < 3; i++) plans[i] = vch_plan_new(arena);
    plan_claim(plans[0], &names, T0);
    plan_certificate(plans[1], &names, S(""), T0);
    plan_registration(plans[2], &names, T0);
    return run_plan(f, plans[0]) && run_plan(f, plans[1]) && run_plan(f, plans[2]);
}

static void *storm(void *arg) {
    const struct storm *s = arg;
    struct vch_arena *arena = vch_arena_new(1 << 20, false);
    for (int n = s->first;; n += s->step) {
        vch_arena_reset(arena);
        if (!provision(s->f, arena, n)) _exit(3);
        if (write(s->report, &n, sizeof n) != sizeof n) _exit(4);
    }
    return NULL;
}

static void child_main(struct fix *f, int report, int first) {
    pthread_t threads[THREADS];
    struct storm storms[THREADS];
    if (fix_open(f) != VCH_OK) _exit(2);
    const int ready = READY;
    if (write(report, &ready, sizeof ready) != sizeof ready) _exit(4);
    for (int i = 0; i < THREADS; i++) {
        storms[i] = (struct storm){f, report, first + i, THREADS};
        if (pthread_create(&threads[i], NULL, storm, &storms[i]) != 0) _exit(5);
    }
    for (;;) (void)pause();
}

static void sleep_ms(int ms) {
    const struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    (void)nanosleep(&t, NULL);
}

/* The greatest number that was reported, after checking all of them. */
static int check_reported(struct fix *f, int pipe_fd, size_t *ret_count) {
    int n = 0, greatest = -1;
    while (read(pipe_fd, &n, sizeof n) == sizeof n) {
        vch_arena_reset(f->arena);
        const struct names names = names_of(f->arena, n);
        assert_int_equal(registration_state(f, &names), WHOLE);
        if (n > greatest) greatest = n;
        ++*ret_count;
    }
    return greatest;
}

static void check_none_is_half(struct fix *f, int first, int last) {
    for (int n = first; n <= last; n++) {
        vch_arena_reset(f->arena);
        const struct names names = names_of(f->arena, n);
        assert_int_not_equal(registration_state(f, &names), HALF);
    }
}

static void check_ledger(struct fix *f) {
    int64_t rows = 0;
    vch_diag_clear(&f->diag);
    read_ok(f, vch_store_ledger_verify(f->store, &rows, &f->diag));
}

static size_t one_round(struct fix *f, int round) {
    int fds[2];
    size_t count = 0;
    int first = round * PER_ROUND;
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(fds[0]);
        child_main(f, fds[1], first);
    }
    (void)close(fds[1]);
    int ready = 0;
    assert_int_equal(read(fds[0], &ready, sizeof ready), sizeof ready); /* connecting is not what is tested */
    assert_int_equal(ready, READY);
    sleep_ms(20 + rand() % 80);
    assert_int_equal(kill(pid, SIGKILL), 0);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status)); /* it was at work to the end */
    read_ok(f, fix_open(f));
    int last = check_reported(f, fds[0], &count);
    check_none_is_half(f, first, (last < first ? first : last) + 4 * THREADS);
    check_ledger(f);
    fix_close(f);
    (void)close(fds[0]);
    return count;
}

static void killed_at_random_moments(void **state) {
    struct fix *f = fix_new();
    size_t total = 0;
    (void)state;
    read_ok(f, fix_open(f));
    have_site(f);
    fix_close(f);
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    for (int round = 0; round < ROUNDS; round++) total += one_round(f, round);
    print_message("%zu registrations reported durable\n", total);
    assert_true(total > ROUNDS);
    fix_free(f);
}

STORE_SUITE(cmocka_unit_test(killed_at_random_moments))
