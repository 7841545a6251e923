/* Who is connected: memory, and what is written to the registry later. */
#include <pthread.h>
#include <stdio.h>

#include "service/connectivity.h"
#include "service/fixture.h"

#define S(text) vch_str_from(text)
#define OP VCH_OP_GET_THING_CONNECTIVITY_DATA, vch_uc_get_thing_connectivity_data

static int setup(void **state) {
    if (fixture_setup(state) != 0) return -1;
    assert_int_equal(vch_connectivity_new(&fx.service.connectivity), VCH_OK);
    return 0;
}

static int teardown(void **state) {
    vch_connectivity_free(fx.service.connectivity);
    return fixture_teardown(state);
}

static struct vch_rec_connectivity seen(const char *thing) {
    struct vch_rec_connectivity ret = {0};
    assert_int_equal(vch_connectivity_of(&fx.service, S(thing), &ret, fx.arena, NULL), VCH_OK);
    return ret;
}

static struct vch_rec_connectivity stored(const char *thing) {
    struct vch_rec_connectivity ret = {0};
    assert_int_equal(vch_store_connectivity(fx.service.store, S(thing), &ret, fx.arena, NULL), VCH_OK);
    return ret;
}

static void store(bool stopping) {
    assert_int_equal(vch_connectivity_store(&fx.service, fx.now_ms, stopping, NULL), VCH_OK);
}

static void told_from_memory(void **state) {
    (void)state;
    fixture_thing("t", NULL, "{}");
    assert_false(seen("t").known);
    vch_connectivity_up(fx.service.connectivity, S("t"), 1, 100);
    assert_true(seen("t").connected);
    assert_int_equal(seen("t").time_ms, 100);
    vch_connectivity_down(fx.service.connectivity, S("t"), 1, 200, "CONNECTION_LOST");
    assert_false(seen("t").connected);
    assert_int_equal(seen("t").time_ms, 200);
    assert_str(seen("t").reason, "CONNECTION_LOST");
    assert_false(stored("t").known);
}

/* The end of a session that another replaced, whichever is told first. */
static void a_replaced_session_changes_nothing(void **state) {
    (void)state;
    vch_connectivity_up(fx.service.connectivity, S("t"), 1, 100);
    vch_connectivity_up(fx.service.connectivity, S("t"), 2, 200);
    vch_connectivity_down(fx.service.connectivity, S("t"), 1, 300, "DUPLICATE_CLIENTID");
    assert_true(seen("t").connected);
    assert_int_equal(seen("t").time_ms, 200);
    vch_connectivity_down(fx.service.connectivity, S("t"), 2, 400, "CONNECTION_LOST");
    vch_connectivity_down(fx.service.connectivity, S("t"), 2, 500, "UNKNOWN");
    assert_int_equal(seen("t").time_ms, 400);
    vch_connectivity_up(fx.service.connectivity, S(""), 3, 100);
    assert_false(seen("").known);
    vch_connectivity_down(fx.service.connectivity, S("never"), 3, 100, "UNKNOWN");
    assert_false(seen("never").known);
}

static void stored_later(void **state) {
    (void)state;
    fixture_thing("up", NULL, "{}");
    fixture_thing("down", NULL, "{}");
    vch_connectivity_up(fx.service.connectivity, S("up"), 1, 100);
    vch_connectivity_up(fx.service.connectivity, S("down"), 2, 100);
    vch_connectivity_up(fx.service.connectivity, S("no-thing"), 3, 100);
    vch_connectivity_down(fx.service.connectivity, S("down"), 2, 200, "CLIENT_INITIATED_DISCONNECT");
    store(false);
    assert_true(stored("up").connected);
    assert_int_equal(stored("down").time_ms, 200);
    assert_false(stored("no-thing").known);
    /* What is disconnected and stored is answered from the registry. */
    assert_str(seen("down").reason, "CLIENT_INITIATED_DISCONNECT");
    struct vch_store_stats before, after;
    vch_store_stats(fx.service.store, &before);
    store(false);
    vch_store_stats(fx.service.store, &after);
    assert_int_equal(after.plans, before.plans); /* nothing changed, nothing written */
    vch_connectivity_down(fx.service.connectivity, S("up"), 1, 300, "CONNECTION_LOST");
    store(false);
    assert_false(stored("up").connected);
}

static void many_at_once(void **state) {
    (void)state;
    char name[16];
    fixture_thing("t-2345", NULL, "{}");
    for (int i = 0; i < 2500; i++) {
        (void)snprintf(name, sizeof name, "t-%d", i);
        vch_connectivity_up(fx.service.connectivity, S(name), (uint64_t)i + 1, 100);
    }
    store(false);
    assert_true(stored("t-2345").connected);
}

static void stopping_ends_all(void **state) {
    (void)state;
    fixture_thing("t", NULL, "{}");
    vch_connectivity_up(fx.service.connectivity, S("t"), 1, 100);
    store(true);
    assert_false(stored("t").connected);
    assert_int_equal(stored("t").time_ms, fx.now_ms);
    assert_str(stored("t").reason, "SERVER_INITIATED_DISCONNECT");
}

static void a_crash_is_mended_at_start(void **state) {
    (void)state;
    fixture_thing("t", NULL, "{}");
    vch_connectivity_up(fx.service.connectivity, S("t"), 1, 100);
    store(false);
    vch_connectivity_free(fx.service.connectivity);
    assert_int_equal(vch_connectivity_new(&fx.service.connectivity), VCH_OK);
    assert_true(seen("t").connected);
    assert_int_equal(vch_connectivity_begin(&fx.service, 700, NULL), VCH_OK);
    assert_false(seen("t").connected);
    assert_int_equal(seen("t").time_ms, 700);
}

static void the_operation(void **state) {
    (void)state;
    fixture_thing("t", NULL, "{}");
    fixture_refused(OP, "{'thingName':'none'}", VCH_ERR_NOT_FOUND, "thing-missing");
    fixture_refused(OP, "{'thingName':'bad name'}", VCH_ERR_INVALID, "name-invalid");
    fixture_good(OP, "{'thingName':'t'}");
    assert_int_equal(fixture_number("connected"), 0);
    assert_int_equal(fixture_number("timestamp"), INT64_MIN);
    vch_connectivity_up(fx.service.connectivity, S("t"), 1, 1500);
    fixture_good(OP, "{'thingName':'t'}");
    assert_int_equal(fixture_number("connected"), 1);
    assert_int_equal(fixture_number("timestamp"), 1500);
    vch_connectivity_down(fx.service.connectivity, S("t"), 1, 2500, "THROTTLED");
    fixture_good(OP, "{'thingName':'t'}");
    assert_str(fixture_text("disconnectReason"), "THROTTLED");
}

/* Loops tell while the main thread stores and workers ask. */
static void *tell(void *arg) {
    uint64_t first = *(uint64_t *)arg;
    for (uint64_t i = 0; i < 400; i++) {
        vch_connectivity_up(fx.service.connectivity, S("shared"), first + i, 1);
        vch_connectivity_down(fx.service.connectivity, S("shared"), first + i, 2, "UNKNOWN");
    }
    return NULL;
}

static void from_many_threads(void **state) {
    (void)state;
    pthread_t threads[2];
    uint64_t first[2] = {1, 100000};
    fixture_thing("shared", NULL, "{}");
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, tell, &first[i]), 0);
    for (int i = 0; i < 20; i++) {
        store(false);
        (void)seen("shared");
    }
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    store(false);
    assert_false(seen("shared").connected);
    assert_false(stored("shared").connected);
}

#define T(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {T(told_from_memory), T(a_replaced_session_changes_nothing), T(stored_later), T(many_at_once),
                                       T(stopping_ends_all), T(a_crash_is_mended_at_start), T(the_operation),
                                       T(from_many_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
