/* Receipts: answers leave in the order of their requests, when the last part is
 * settled, by whichever thread; abandoned ones are freed when they arrive. */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include "mqtt/durable.h"

static struct vch_loop *loop;
static struct vch_mqtt_desk desk;
static struct vch_mqtt_acks acks[2];
static sem_t done;
static struct {
    uint64_t owner;
    uint16_t packet_id;
    int err;
} given[4096];
static size_t given_count;

static void give(uint64_t owner_id) {
    for (struct vch_mqtt_receipt *r; (r = vch_mqtt_acks_take(&acks[owner_id - 1]));) {
        given[given_count].owner = owner_id;
        given[given_count].packet_id = r->packet_id;
        given[given_count++].err = r->err;
        vch_mqtt_receipt_free(r);
    }
}

static void ready(void *arg, uint64_t owner_id) {
    assert_ptr_equal(arg, &desk);
    give(owner_id);
}

/* Runs a step on the loop and waits for its end. */
static void (*step)(void);
static void run_step(void *arg) {
    (void)arg;
    step();
    assert_int_equal(sem_post(&done), 0);
}
static void on_loop(void (*fn)(void)) {
    step = fn;
    assert_true(vch_loop_post(loop, run_step, NULL));
    while (sem_wait(&done) != 0) continue;
}

static int up(void **state) {
    (void)state;
    given_count = 0;
    acks[0] = acks[1] = (struct vch_mqtt_acks){.first = NULL};
    if (sem_init(&done, 0, 0) != 0 || vch_loop_new(0, &loop) != VCH_OK || vch_loop_start(loop) != VCH_OK) return -1;
    vch_mqtt_desk_init(&desk, loop, ready, &desk);
    return 0;
}

static int down(void **state) {
    (void)state;
    vch_loop_stop(loop);
    vch_loop_join(loop);
    vch_mqtt_desk_deinit(&desk);
    vch_loop_free(loop);
    return sem_destroy(&done);
}

static struct vch_mqtt_receipt *receipts[3];

static struct vch_mqtt_receipt *make(uint16_t packet_id) {
    struct vch_mqtt_receipt *r = vch_mqtt_receipt_new(&desk);
    assert_non_null(r);
    r->packet_id = packet_id;
    return r;
}

static void owe_three(void) {
    for (uint16_t i = 0; i < 3; i++) {
        receipts[i] = make((uint16_t)(i + 1));
        if (i < 2) assert_ptr_equal(vch_mqtt_receipt_hold(receipts[i]), receipts[i]); /* the third waits for nothing */
        vch_mqtt_acks_add(&acks[0], 1, receipts[i]);
    }
    give(1);
    assert_int_equal(given_count, 0);
}

static void nothing(void) {
}

static void expect(size_t at, uint16_t packet_id, int err) {
    assert_true(at < given_count);
    assert_int_equal(given[at].packet_id, packet_id);
    assert_int_equal(given[at].err, err);
}

static void test_order(void **state) {
    (void)state;
    on_loop(owe_three);
    vch_mqtt_receipt_settle(receipts[1], VCH_ERR_IO);
    on_loop(nothing); /* what is posted before it has arrived */
    assert_int_equal(given_count, 0);
    vch_mqtt_receipt_settle(receipts[0], VCH_OK);
    on_loop(nothing);
    assert_int_equal(given_count, 3);
    expect(0, 1, VCH_OK);
    expect(1, 2, VCH_ERR_IO);
    expect(2, 3, VCH_OK);
}

static void owe_at_once(void) {
    vch_mqtt_acks_add(&acks[0], 1, make(9));
    give(1);
    assert_int_equal(given_count, 1); /* not over the desk */
}

static void test_at_once(void **state) {
    (void)state;
    on_loop(owe_at_once);
    expect(0, 9, VCH_OK);
}

static void abandon(void) {
    vch_mqtt_acks_abandon(&acks[0]);
}

static void test_abandoned(void **state) {
    (void)state;
    on_loop(owe_three);
    on_loop(abandon); /* the settled third is freed now, the others when they arrive: the leak checker sees it */
    vch_mqtt_receipt_settle(receipts[0], VCH_OK);
    on_loop(nothing);
    vch_mqtt_receipt_settle(receipts[1], VCH_OK); /* arrives, or is cleared with the desk */
    assert_int_equal(given_count, 0);
}

static void test_first_failure_counts(void **state) {
    (void)state;
    on_loop(owe_three);
    (void)vch_mqtt_receipt_hold(receipts[0]);
    vch_mqtt_receipt_settle(receipts[1], VCH_OK);
    vch_mqtt_receipt_settle(receipts[0], VCH_ERR_LIMIT);
    vch_mqtt_receipt_settle(receipts[0], VCH_ERR_IO);
    on_loop(nothing);
    assert_int_equal(given_count, 3);
    expect(0, 1, VCH_ERR_LIMIT);
    expect(1, 2, VCH_OK);
}

static void test_nobody(void **state) {
    (void)state;
    assert_null(vch_mqtt_receipt_hold(NULL));
    vch_mqtt_receipt_settle(NULL, VCH_OK);
    vch_mqtt_receipt_free(NULL);
}

/* ---- many threads ------------------------------------------------------------------------ */

enum { MANY = 2000, THREADS = 3 };
static struct vch_mqtt_receipt *many[MANY];

static void owe_many(void) {
    for (size_t i = 0; i < MANY; i++) {
        many[i] = make((uint16_t)i);
        for (size_t k = 0; k < THREADS; k++) (void)vch_mqtt_receipt_hold(many[i]);
        vch_mqtt_acks_add(&acks[i % 2], 1 + i % 2, many[i]);
    }
}

static void *settle_many(void *arg) {
    size_t step_size = *(const size_t *)arg; /* prime to MANY: each in an order of its own */
    for (size_t i = 0, at = 0; i < MANY; i++, at = (at + step_size) % MANY) vch_mqtt_receipt_settle(many[at], VCH_OK);
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    static const size_t steps[THREADS] = {1, 7, 1999};
    pthread_t threads[THREADS];
    uint16_t last[2] = {0, 0};
    on_loop(owe_many);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, settle_many, (void *)(uintptr_t)&steps[i]), 0);
    for (size_t i = 0; i < THREADS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    on_loop(nothing);
    assert_int_equal(given_count, MANY);
    for (size_t i = 0; i < MANY; i++) {
        uint16_t *before = &last[given[i].owner - 1];
        assert_true(given[i].packet_id < 2 || given[i].packet_id > *before);
        *before = given[i].packet_id;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order, up, down),
        cmocka_unit_test_setup_teardown(test_at_once, up, down),
        cmocka_unit_test_setup_teardown(test_abandoned, up, down),
        cmocka_unit_test_setup_teardown(test_first_failure_counts, up, down),
        cmocka_unit_test(test_nobody),
        cmocka_unit_test_setup_teardown(test_threads, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
