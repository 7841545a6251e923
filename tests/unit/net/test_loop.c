#include "base/clock.h"
#include "net/loop.h"
#include "support/cmocka_all.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { THREADS = 8, POSTS = 5000 };

struct letter {
    unsigned sender, number;
    struct tally *tally;
};

struct tally {
    struct vch_loop *loop;
    unsigned next[THREADS]; /* the loop's alone */
    unsigned misordered, wrong_thread;
    pthread_t loop_thread;
    _Atomic unsigned run;
    _Atomic unsigned accepted;
};

static void remember_thread(void *arg) {
    ((struct tally *)arg)->loop_thread = pthread_self();
}

static void on_letter(void *arg) {
    struct letter *letter = arg;
    struct tally *tally = letter->tally;
    if (tally->next[letter->sender] != letter->number) tally->misordered++;
    tally->next[letter->sender] = letter->number + 1;
    if (!pthread_equal(pthread_self(), tally->loop_thread)) tally->wrong_thread++;
    atomic_fetch_add(&tally->run, 1);
    free(letter);
}

struct sender {
    struct tally *tally;
    unsigned id;
};

static void *send_many(void *arg) {
    struct sender *sender = arg;
    for (unsigned i = 0; i < POSTS; i++) {
        struct letter *letter = malloc(sizeof *letter);
        *letter = (struct letter){sender->id, i, sender->tally};
        if (vch_loop_post(sender->tally->loop, on_letter, letter))
            atomic_fetch_add(&sender->tally->accepted, 1);
        else
            free(letter);
    }
    return NULL;
}

static void start_senders(struct tally *tally, pthread_t threads[THREADS], struct sender senders[THREADS]) {
    for (unsigned i = 0; i < THREADS; i++) {
        senders[i] = (struct sender){tally, i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, &senders[i]), 0);
    }
}

static void join_senders(pthread_t threads[THREADS]) {
    for (unsigned i = 0; i < THREADS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void many_threads_keep_their_order(void **state) {
    (void)state;
    struct tally tally = {0};
    pthread_t threads[THREADS];
    struct sender senders[THREADS];
    assert_int_equal(vch_loop_new(3, &tally.loop), VCH_OK);
    assert_int_equal(vch_loop_index(tally.loop), 3);
    assert_int_equal(vch_loop_start(tally.loop), VCH_OK);
    assert_true(vch_loop_post(tally.loop, remember_thread, &tally));
    start_senders(&tally, threads, senders);
    join_senders(threads);
    vch_loop_stop(tally.loop);
    vch_loop_join(tally.loop);
    assert_int_equal(tally.accepted, THREADS * POSTS);
    assert_int_equal(tally.run, THREADS * POSTS);
    assert_int_equal(tally.misordered, 0);
    assert_int_equal(tally.wrong_thread, 0);
    vch_loop_free(tally.loop);
}

/* Stopped in the middle of a storm: what was accepted runs, the rest is refused. */
static void stop_runs_all_that_it_accepted(void **state) {
    (void)state;
    for (int round = 0; round < 10; round++) {
        struct tally tally = {0};
        pthread_t threads[THREADS];
        struct sender senders[THREADS];
        assert_int_equal(vch_loop_new(0, &tally.loop), VCH_OK);
        assert_int_equal(vch_loop_start(tally.loop), VCH_OK);
        assert_true(vch_loop_post(tally.loop, remember_thread, &tally));
        start_senders(&tally, threads, senders);
        vch_loop_stop(tally.loop);
        vch_loop_join(tally.loop);
        join_senders(threads);
        assert_int_equal(tally.run, tally.accepted);
        assert_false(vch_loop_post(tally.loop, on_letter, &tally));
        vch_loop_free(tally.loop);
    }
}

struct chain {
    struct vch_loop *loop;
    unsigned left;
};

static void post_again(void *arg) {
    struct chain *chain = arg;
    if (chain->left-- > 1)
        assert_true(vch_loop_post(chain->loop, post_again, chain));
    else
        vch_loop_stop(chain->loop);
}

static void a_letter_may_post(void **state) {
    (void)state;
    struct chain chain = {.left = 1000};
    assert_int_equal(vch_loop_new(0, &chain.loop), VCH_OK);
    assert_true(vch_loop_post(chain.loop, post_again, &chain)); /* before the start */
    assert_int_equal(vch_loop_start(chain.loop), VCH_OK);
    vch_loop_join(chain.loop);
    assert_int_equal(chain.left, 0);
    vch_loop_free(chain.loop);
}

static void stop_before_start_ends_at_once(void **state) {
    (void)state;
    struct vch_loop *loop = NULL;
    assert_int_equal(vch_loop_new(0, &loop), VCH_OK);
    vch_loop_stop(loop);
    assert_int_equal(vch_loop_start(loop), VCH_OK);
    vch_loop_join(loop);
    vch_loop_join(loop);
    vch_loop_free(loop);
    vch_loop_free(NULL);
}

/* ---- timers --------------------------------------------------------------------- */

struct timers {
    struct vch_loop *loop;
    struct vch_timer timer[3], last;
    char order[8];
    size_t count;
};

static void note(struct timers *t, char name) {
    t->order[t->count++] = name;
}

static void on_a(void *arg) {
    note(arg, 'a');
}

static void on_b(void *arg) {
    note(arg, 'b');
}

static void on_c(void *arg) {
    note(arg, 'c');
}

static void on_last(void *arg) {
    struct timers *t = arg;
    for (int i = 0; i < 3; i++) vch_timer_deinit(&t->timer[i]);
    vch_timer_deinit(&t->last);
    vch_timer_deinit(&t->last); /* zeroed: fine */
    vch_loop_stop(t->loop);
}

static void set_timers(void *arg) {
    struct timers *t = arg;
    void (*const fns[3])(void *) = {on_a, on_b, on_c};
    for (int i = 0; i < 3; i++) assert_int_equal(vch_timer_init(t->loop, &t->timer[i], fns[i], t), VCH_OK);
    assert_int_equal(vch_timer_init(t->loop, &t->last, on_last, t), VCH_OK);
    vch_timer_set(&t->timer[0], 40);
    vch_timer_set(&t->timer[1], 5);
    vch_timer_set(&t->timer[1], 80); /* moved: fires once, late */
    vch_timer_set(&t->timer[2], 20);
    vch_timer_stop(&t->timer[2]); /* never */
    vch_timer_set(&t->last, 160);
}

static void timers_fire_once_move_and_stop(void **state) {
    (void)state;
    struct timers t = {0};
    assert_int_equal(vch_loop_new(0, &t.loop), VCH_OK);
    assert_true(vch_loop_post(t.loop, set_timers, &t));
    assert_int_equal(vch_loop_start(t.loop), VCH_OK);
    vch_loop_join(t.loop);
    assert_string_equal(t.order, "ab"); /* timers fire by their deadlines, however late */
    vch_loop_free(t.loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_threads_keep_their_order),
        cmocka_unit_test(stop_runs_all_that_it_accepted),
        cmocka_unit_test(a_letter_may_post),
        cmocka_unit_test(stop_before_start_ends_at_once),
        cmocka_unit_test(timers_fire_once_move_and_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
