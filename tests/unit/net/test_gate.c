#include "net/gate.h"
#include "support/cmocka_all.h"

#include <pthread.h>
#include <string.h>

static struct vch_str key_of(const char *ip, char buf[VCH_GATE_ADDRESS]) {
    return vch_gate_address(ip, buf);
}

static void keys_and_the_total_are_bounded(void **state) {
    (void)state;
    struct vch_gate *gate;
    assert_int_equal(vch_gate_new(&(struct vch_gate_options){.per_key_max = 2, .total_max = 3}, &gate), VCH_OK);
    assert_int_equal(vch_gate_enter(gate, VCH_STR("a")), VCH_GATE_OPEN);
    assert_int_equal(vch_gate_enter(gate, VCH_STR("a")), VCH_GATE_OPEN);
    assert_int_equal(vch_gate_enter(gate, VCH_STR("a")), VCH_GATE_KEY_FULL);
    assert_int_equal(vch_gate_enter(gate, VCH_STR("b")), VCH_GATE_OPEN);
    assert_int_equal(vch_gate_enter(gate, VCH_STR("b")), VCH_GATE_FULL);
    vch_gate_leave(gate, VCH_STR("a"));
    assert_int_equal(vch_gate_enter(gate, VCH_STR("b")), VCH_GATE_OPEN);
    assert_int_equal(vch_gate_total(gate), 3);
    assert_int_equal(vch_gate_refused(gate, VCH_GATE_KEY_FULL), 1);
    assert_int_equal(vch_gate_refused(gate, VCH_GATE_FULL), 1);
    assert_int_equal(vch_gate_refused(gate, VCH_GATE_SHUT), 0);
    vch_gate_free(gate);
}

static void no_bound_is_no_bound(void **state) {
    (void)state;
    struct vch_gate *gate;
    assert_int_equal(vch_gate_new(&(struct vch_gate_options){.per_key_max = 0}, &gate), VCH_OK);
    for (int i = 0; i < 10000; i++) assert_int_equal(vch_gate_enter(gate, VCH_STR("a")), VCH_GATE_OPEN);
    vch_gate_shut(gate, true);
    assert_int_equal(vch_gate_enter(gate, VCH_STR("b")), VCH_GATE_SHUT);
    vch_gate_shut(gate, false);
    assert_int_equal(vch_gate_enter(gate, VCH_STR("b")), VCH_GATE_OPEN);
    assert_int_equal(vch_gate_enter(NULL, VCH_STR("b")), VCH_GATE_OPEN);
    assert_int_equal(vch_gate_total(NULL), 0);
    vch_gate_leave(NULL, VCH_STR("b"));
    vch_gate_shut(NULL, true);
    vch_gate_free(gate);
    vch_gate_free(NULL);
}

static void addresses_are_keys(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true}, /* one customer's */
        {"2001:db8:1:2::1", "2001:db8:1:3::1", false},
        {"::1", "127.0.0.1", false},
        {"0.0.0.0", "::", false},
    };
    char a[VCH_GATE_ADDRESS], b[VCH_GATE_ADDRESS];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (vch_str_eq(key_of(cases[i].a, a), key_of(cases[i].b, b)) != cases[i].same) fail_msg("case %zu", i);
}

static void *come_and_go(void *arg) {
    struct vch_gate *gate = arg;
    for (int i = 0; i < 20000; i++)
        if (vch_gate_enter(gate, VCH_STR("k")) == VCH_GATE_OPEN) vch_gate_leave(gate, VCH_STR("k"));
    return NULL;
}

static void threads_share_it(void **state) {
    (void)state;
    struct vch_gate *gate;
    pthread_t threads[4];
    assert_int_equal(vch_gate_new(&(struct vch_gate_options){.per_key_max = 2}, &gate), VCH_OK);
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, gate), 0);
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(vch_gate_total(gate), 0);
    assert_int_equal(vch_gate_refused(gate, VCH_GATE_OPEN) + vch_gate_refused(gate, VCH_GATE_KEY_FULL), 80000);
    vch_gate_free(gate);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_and_the_total_are_bounded),
        cmocka_unit_test(no_bound_is_no_bound),
        cmocka_unit_test(addresses_are_keys),
        cmocka_unit_test(threads_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
