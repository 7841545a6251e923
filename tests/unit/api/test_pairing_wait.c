/* Polls that wait: whoever waits is woken once, by news, by time, by a newer
 * poll, or at the end. */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/pairing_wait_priv.h"
#include "base/clock.h"

enum { LOOPS = 2, SECOND_US = 1000000 };

static struct vch_loop *loops[LOOPS];
static struct vch_pool *pool;
static struct vch_pairing_waits *waits;

struct poll {
    struct vch_pairing_wait wait;
    atomic_int resumed, lost, ended;
    atomic_bool over;
};

static void resume(void *arg) {
    struct poll *poll = arg;
    atomic_store(&poll->over, poll->wait.turn.over);
    atomic_fetch_add(&poll->resumed, 1);
}

static void lose(void *arg) {
    struct poll *poll = arg;
    atomic_fetch_add(&poll->lost, 1);
}

static void end(void *arg) {
    struct poll *poll = arg;
    atomic_fetch_add(&poll->ended, 1);
}

static int setup(void **state) {
    (void)state;
    for (size_t i = 0; i < LOOPS; i++)
        if (vch_loop_new((unsigned)i, &loops[i]) != VCH_OK || vch_loop_start(loops[i]) != VCH_OK) return -1;
    if (vch_pool_new(2, 10000, &pool) != VCH_OK) return -1;
    return vch_pairing_waits_new(pool, &waits) == VCH_OK ? 0 : -1;
}

static void stop(void) {
    for (size_t i = 0; i < LOOPS; i++) vch_loop_stop(loops[i]);
    for (size_t i = 0; i < LOOPS; i++) vch_loop_join(loops[i]);
}

static int teardown(void **state) {
    (void)state;
    vch_pool_stop(pool);
    stop();
    vch_pool_free(pool);
    vch_pairing_waits_free(waits);
    for (size_t i = 0; i < LOOPS; i++) vch_loop_free(loops[i]);
    return 0;
}

static void prepare(struct poll *poll, const char *id, size_t loop, int64_t us) {
    memset(poll, 0, sizeof *poll);
    poll->wait = (struct vch_pairing_wait){.waits = waits, .loop = loops[loop % LOOPS], .resume = resume, .lost = lose, .ended = end, .arg = poll,
                                           .mark = vch_pairing_waits_mark(waits)};
    poll->wait.turn = (struct vch_pairing_turn){.waiting = true, .until_us = vch_mono_us() + us};
    (void)vch_str_copy(poll->wait.turn.id, sizeof poll->wait.turn.id, vch_str_from(id));
}

static void nap(void) {
    const struct timespec pause = {0, 1000000};
    (void)nanosleep(&pause, NULL);
}

static void until_waiting(size_t count) {
    for (int i = 0; i < 10000 && vch_pairing_waits_count(waits) != count; i++) nap();
    assert_int_equal(vch_pairing_waits_count(waits), count);
}

static void until_resumed(struct poll *poll) {
    for (int i = 0; i < 10000 && !atomic_load(&poll->resumed); i++) nap();
    assert_int_equal(atomic_load(&poll->resumed), 1);
}

static void news(const char *id) {
    const struct vch_str key = vch_str_from(id);
    vch_pairing_waits_changed(waits, &key);
}

static void news_wake_the_one_they_are_about(void **state) {
    (void)state;
    struct poll a, b;
    prepare(&a, "a", 0, 60 * (int64_t)SECOND_US);
    prepare(&b, "b", 1, 60 * (int64_t)SECOND_US);
    assert_true(vch_pairing_wait_begin(&a.wait));
    assert_true(vch_pairing_wait_begin(&b.wait));
    until_waiting(2);
    news("c");
    news("a");
    until_resumed(&a);
    assert_false(atomic_load(&a.over)); /* it looks, and may wait on */
    until_waiting(1);
    assert_int_equal(atomic_load(&b.resumed), 0);
    vch_pairing_waits_changed(waits, NULL);
    until_resumed(&b);
    assert_false(atomic_load(&b.over));
}

static void time_wakes(void **state) {
    (void)state;
    struct poll a;
    prepare(&a, "a", 0, SECOND_US / 20);
    int64_t begun_us = vch_mono_us();
    assert_true(vch_pairing_wait_begin(&a.wait));
    until_resumed(&a);
    assert_true(atomic_load(&a.over) && vch_mono_us() - begun_us >= SECOND_US / 40);
    prepare(&a, "a", 0, -1); /* late already */
    assert_true(vch_pairing_wait_begin(&a.wait));
    until_resumed(&a);
    assert_true(atomic_load(&a.over));
    until_waiting(0);
}

static void the_newer_poll_waits_in_the_olders_place(void **state) {
    (void)state;
    struct poll older, newer;
    prepare(&older, "a", 0, 60 * (int64_t)SECOND_US);
    assert_true(vch_pairing_wait_begin(&older.wait));
    until_waiting(1);
    prepare(&newer, "a", 1, 60 * (int64_t)SECOND_US);
    assert_true(vch_pairing_wait_begin(&newer.wait));
    until_resumed(&older);
    assert_true(atomic_load(&older.over));
    until_waiting(1);
    news("a");
    until_resumed(&newer);
    assert_int_equal(atomic_load(&older.resumed), 1);
}

/* What changed between the reading and the waiting is not slept through. */
static void nothing_is_missed(void **state) {
    (void)state;
    struct poll a;
    prepare(&a, "a", 0, 60 * (int64_t)SECOND_US);
    news("a");
    assert_true(vch_pairing_wait_begin(&a.wait));
    until_resumed(&a);
    assert_false(atomic_load(&a.over));
}

static void the_end_loses_none(void **state) {
    (void)state;
    static struct poll polls[10];
    for (size_t i = 0; i < COUNT_OF(polls); i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "%zu", i);
        prepare(&polls[i], id, i, 60 * (int64_t)SECOND_US);
        assert_true(vch_pairing_wait_begin(&polls[i].wait));
    }
    until_waiting(COUNT_OF(polls));
    vch_pool_stop(pool);
    news("0"); /* no worker takes it */
    for (int i = 0; i < 10000 && !atomic_load(&polls[0].lost); i++) nap();
    stop();
    news("1"); /* nor a loop */
    vch_pairing_waits_free(waits);
    waits = NULL;
    for (size_t i = 0; i < COUNT_OF(polls); i++) {
        assert_int_equal(atomic_load(&polls[i].lost), i == 0);
        assert_int_equal(atomic_load(&polls[i].ended), i != 0);
        assert_int_equal(atomic_load(&polls[i].resumed), 0);
    }
}

/* ---- all at once ---- */

enum { POLLS = 64, ROUNDS = 200 };
static struct poll many[POLLS];
static atomic_int rounds_left;

/* Every poll waits again when it was woken, as a device that polls on does. */
static void resume_and_wait_again(void *arg) {
    struct poll *poll = arg;
    if (atomic_fetch_sub(&rounds_left, 1) <= 0) {
        atomic_fetch_add(&poll->resumed, 1);
        return;
    }
    poll->wait.mark = vch_pairing_waits_mark(waits);
    poll->wait.turn.over = false;
    poll->wait.turn.until_us = vch_mono_us() + 3000;
    if (!vch_pairing_wait_begin(&poll->wait)) atomic_fetch_add(&poll->lost, 1);
}

static void *change(void *arg) {
    unsigned *seed = arg;
    while (atomic_load(&rounds_left) > 0) {
        char id[16];
        *seed = *seed * 1103515245u + 12345u;
        (void)snprintf(id, sizeof id, "%u", *seed / 65536 % (POLLS / 2));
        if (*seed % 97 == 0) vch_pairing_waits_changed(waits, NULL);
        else news(id);
    }
    return NULL;
}

static void everybody_comes_back_once(void **state) {
    (void)state;
    pthread_t threads[2];
    unsigned seeds[2] = {1, 2};
    atomic_store(&rounds_left, POLLS * ROUNDS);
    for (size_t i = 0; i < POLLS; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "%zu", i % (POLLS / 2)); /* two of each: they push each other out */
        prepare(&many[i], id, i, 3000);
        many[i].wait.resume = resume_and_wait_again;
        assert_true(vch_pairing_wait_begin(&many[i].wait));
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) assert_int_equal(pthread_create(&threads[i], NULL, change, &seeds[i]), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) (void)pthread_join(threads[i], NULL);
    for (size_t i = 0; i < POLLS; i++) {
        until_resumed(&many[i]);
        assert_int_equal(atomic_load(&many[i].lost), 0);
    }
    until_waiting(0);
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(news_wake_the_one_they_are_about), TEST(time_wakes),         TEST(the_newer_poll_waits_in_the_olders_place),
        TEST(nothing_is_missed),                TEST(the_end_loses_none), TEST(everybody_comes_back_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
