/* Faults that a test asked for: which request they meet, and how often. */
#include "support/cmocka_all.h"

#include "api/faults.h"

static struct vch_faults *faults;
static struct vch_arena *arena;

static int setup(void **state) {
    (void)state;
    faults = vch_faults_new();
    arena = vch_arena_new(1 << 20, false);
    return faults && arena ? 0 : 1;
}

static int teardown(void **state) {
    (void)state;
    vch_faults_free(faults);
    vch_arena_free(arena);
    return 0;
}

static enum vch_err add(const char *json) {
    struct vch_val *in = NULL, *out = vch_val_new_map(arena);
    assert_int_equal(vch_json_decode(vch_str_from(json), NULL, arena, &in, NULL), VCH_OK);
    return vch_faults_add(faults, in, arena, out);
}

static enum vch_fault_kind take(const char *operation, const char *client_id) {
    return vch_faults_take(faults, operation, vch_str_from(client_id)).kind;
}

static size_t listed(void) {
    struct vch_val *out = vch_val_new_map(arena);
    assert_int_equal(vch_faults_list(faults, arena, out), VCH_OK);
    return vch_val_get(out, "faults")->count;
}

static void each_meets_whom_it_is_for(void **state) {
    (void)state;
    assert_int_equal(add("{\"kind\":\"drop\",\"operation\":\"RegisterThing\"}"), VCH_OK);
    assert_int_equal(add("{\"kind\":\"throttle\",\"clientId\":\"a\",\"count\":2}"), VCH_OK);
    assert_int_equal(take("CreateKeysAndCertificate", "b"), VCH_FAULT_NONE);
    assert_int_equal(take("RegisterThing", "b"), VCH_FAULT_DROP);
    assert_int_equal(take("RegisterThing", "b"), VCH_FAULT_NONE);
    assert_int_equal(take("RegisterThing", "a"), VCH_FAULT_THROTTLE);
    assert_int_equal(listed(), 1);
    assert_int_equal(take("CreateKeysAndCertificate", "a"), VCH_FAULT_THROTTLE);
    assert_int_equal(take("CreateKeysAndCertificate", "a"), VCH_FAULT_NONE);
    assert_int_equal(listed(), 0);
}

static void they_happen_in_the_order_they_came(void **state) {
    (void)state;
    assert_int_equal(add("{\"kind\":\"delay\",\"delayMs\":70}"), VCH_OK);
    assert_int_equal(add("{\"kind\":\"hook-timeout\"}"), VCH_OK);
    struct vch_fault first = vch_faults_take(faults, "RegisterThing", VCH_STR("x"));
    assert_true(first.kind == VCH_FAULT_DELAY && first.delay_ms == 70);
    assert_int_equal(take("RegisterThing", "x"), VCH_FAULT_HOOK_TIMEOUT);
    assert_int_equal(add("{\"kind\":\"internal-error\"}"), VCH_OK);
    assert_int_equal(add("{\"kind\":\"unavailable\"}"), VCH_OK);
    assert_int_equal(take("RegisterThing", "x"), VCH_FAULT_INTERNAL);
    assert_int_equal(take("RegisterThing", "x"), VCH_FAULT_UNAVAILABLE);
}

static void they_are_bounded_and_forgotten(void **state) {
    (void)state;
    for (size_t i = 0; i < VCH_FAULTS_MAX; i++) assert_int_equal(add("{\"kind\":\"drop\",\"count\":1000000}"), VCH_OK);
    assert_int_equal(add("{\"kind\":\"drop\"}"), VCH_ERR_LIMIT);
    assert_int_equal(listed(), VCH_FAULTS_MAX);
    vch_faults_clear(faults);
    assert_int_equal(listed(), 0);
    assert_int_equal(take("RegisterThing", ""), VCH_FAULT_NONE);
    assert_int_equal(vch_faults_take(NULL, "RegisterThing", VCH_STR("")).kind, VCH_FAULT_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_meets_whom_it_is_for, setup, teardown),
        cmocka_unit_test_setup_teardown(they_happen_in_the_order_they_came, setup, teardown),
        cmocka_unit_test_setup_teardown(they_are_bounded_and_forgotten, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
