#include "net/loop.h"
#include "net/pool.h"
#include "support/cmocka_all.h"

#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <stdatomic.h>
#include <stdlib.h>

static _Atomic unsigned done;

static void work(void *arg) {
    (void)arg;
    atomic_fetch_add(&done, 1);
}

static void all_jobs_run_once(void **state) {
    (void)state;
    struct vch_pool *pool = NULL;
    unsigned accepted = 0;
    atomic_store(&done, 0);
    assert_int_equal(vch_pool_new(4, 20000, &pool), VCH_OK);
    for (int i = 0; i < 10000; i++) accepted += vch_pool_submit(pool, work, NULL) == VCH_OK;
    assert_int_equal(accepted, 10000);
    vch_pool_free(pool); /* runs what is queued */
    assert_int_equal(atomic_load(&done), 10000);
    vch_pool_free(NULL);
}

struct gate {
    sem_t entered, leave;
};

static void wait_at_gate(void *arg) {
    struct gate *gate = arg;
    (void)sem_post(&gate->entered);
    (void)sem_wait(&gate->leave);
}

static void a_full_queue_refuses(void **state) {
    (void)state;
    struct vch_pool *pool = NULL;
    struct gate gate;
    atomic_store(&done, 0);
    (void)sem_init(&gate.entered, 0, 0);
    (void)sem_init(&gate.leave, 0, 0);
    assert_int_equal(vch_pool_new(1, 3, &pool), VCH_OK);
    assert_int_equal(vch_pool_submit(pool, wait_at_gate, &gate), VCH_OK);
    (void)sem_wait(&gate.entered); /* the worker is busy, the queue empty */
    for (int i = 0; i < 3; i++) assert_int_equal(vch_pool_submit(pool, work, NULL), VCH_OK);
    assert_int_equal(vch_pool_submit(pool, work, NULL), VCH_ERR_UNAVAILABLE);
    (void)sem_post(&gate.leave);
    vch_pool_free(pool);
    assert_int_equal(atomic_load(&done), 3);
    (void)sem_destroy(&gate.entered);
    (void)sem_destroy(&gate.leave);
}

/* Who ran, in order: 'f' first, 'b' behind. One worker writes. */
static char order[32];
static size_t order_len;

static void note(void *arg) {
    order[order_len++] = *(const char *)arg;
}

static void what_comes_behind_waits_and_still_comes(void **state) {
    (void)state;
    static char first = 'f', behind = 'b';
    struct vch_pool *pool = NULL;
    struct gate gate;
    memset(order, 0, sizeof order);
    order_len = 0;
    (void)sem_init(&gate.entered, 0, 0);
    (void)sem_init(&gate.leave, 0, 0);
    assert_int_equal(vch_pool_new(1, 8, &pool), VCH_OK);
    assert_int_equal(vch_pool_submit(pool, wait_at_gate, &gate), VCH_OK);
    (void)sem_wait(&gate.entered);
    for (int i = 0; i < 8; i++) assert_int_equal(vch_pool_submit_behind(pool, note, &behind), VCH_OK);
    assert_int_equal(vch_pool_submit_behind(pool, note, &behind), VCH_ERR_UNAVAILABLE);
    for (int i = 0; i < 8; i++) assert_int_equal(vch_pool_submit(pool, note, &first), VCH_OK); /* a full lane holds up none */
    (void)sem_post(&gate.leave);
    vch_pool_free(pool); /* both are emptied */
    assert_string_equal(order, "fffbfffbffbbbbbb");
    (void)sem_destroy(&gate.entered);
    (void)sem_destroy(&gate.leave);
}

static void nonsense_is_refused(void **state) {
    (void)state;
    struct vch_pool *pool = NULL;
    assert_int_equal(vch_pool_new(0, 1, &pool), VCH_ERR_INVALID);
    assert_int_equal(vch_pool_new(1, 0, &pool), VCH_ERR_INVALID);
    assert_null(pool);
}

/* The house's way of working: loop to worker and back. */
struct hop {
    struct vch_loop *loop;
    struct vch_pool *pool;
    unsigned left;
    pthread_t loop_thread;
    unsigned on_wrong_thread;
};

static void hop_out(void *arg);

static void hop_back(void *arg) {
    struct hop *hop = arg;
    hop->on_wrong_thread += !pthread_equal(hop->loop_thread, pthread_self());
    if (--hop->left == 0)
        vch_loop_stop(hop->loop);
    else
        hop_out(hop);
}

static void hop_work(void *arg) {
    struct hop *hop = arg;
    hop->on_wrong_thread += pthread_equal(hop->loop_thread, pthread_self()) != 0;
    assert_true(vch_loop_post(hop->loop, hop_back, hop));
}

static void hop_out(void *arg) {
    struct hop *hop = arg;
    hop->loop_thread = pthread_self();
    assert_int_equal(vch_pool_submit(hop->pool, hop_work, hop), VCH_OK);
}

static void out_and_back(void **state) {
    (void)state;
    struct hop hop = {.left = 2000};
    assert_int_equal(vch_loop_new(0, &hop.loop), VCH_OK);
    assert_int_equal(vch_pool_new(3, 16, &hop.pool), VCH_OK);
    assert_true(vch_loop_post(hop.loop, hop_out, &hop));
    assert_int_equal(vch_loop_start(hop.loop), VCH_OK);
    vch_loop_join(hop.loop);
    vch_pool_free(hop.pool);
    vch_loop_free(hop.loop);
    assert_int_equal(hop.left, 0);
    assert_int_equal(hop.on_wrong_thread, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_jobs_run_once),
        cmocka_unit_test(a_full_queue_refuses),
        cmocka_unit_test(what_comes_behind_waits_and_still_comes),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(out_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
