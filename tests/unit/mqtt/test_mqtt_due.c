/* The heap of moments: always the earliest first, whatever was moved or taken out. */
#include "support/cmocka_all.h"

#include <stdlib.h>

#include "mqtt/due.h"

enum { N = 300 };

static struct vch_mqtt_due dues[N];

static void in_order(void **state) {
    (void)state;
    struct vch_mqtt_heap heap = {0};
    srand(7);
    assert_null(vch_mqtt_due_first(&heap));
    for (int i = 0; i < N; i++) assert_int_equal(vch_mqtt_due_set(&heap, &dues[i], rand() % 1000), VCH_OK);
    for (int i = 0; i < N; i += 3) assert_int_equal(vch_mqtt_due_set(&heap, &dues[i], rand() % 1000), VCH_OK);
    for (int i = 0; i < N; i += 5) vch_mqtt_due_clear(&heap, &dues[i]);
    for (int i = 0; i < N; i += 5) vch_mqtt_due_clear(&heap, &dues[i]); /* again is fine */
    assert_int_equal(heap.count, N - N / 5);
    int64_t last = -1;
    struct vch_mqtt_due *first;
    size_t seen = 0;
    while ((first = vch_mqtt_due_first(&heap)) != NULL) {
        assert_true(first->at_ms >= last);
        last = first->at_ms;
        vch_mqtt_due_clear(&heap, first);
        assert_int_equal(first->place, 0);
        seen++;
    }
    assert_int_equal(seen, N - N / 5);
    vch_mqtt_due_deinit(&heap);
}

static void moves_both_ways(void **state) {
    (void)state;
    struct vch_mqtt_heap heap = {0};
    struct vch_mqtt_due a = {0}, b = {0}, c = {0};
    assert_int_equal(vch_mqtt_due_set(&heap, &a, 10), VCH_OK);
    assert_int_equal(vch_mqtt_due_set(&heap, &b, 20), VCH_OK);
    assert_int_equal(vch_mqtt_due_set(&heap, &c, 30), VCH_OK);
    assert_ptr_equal(vch_mqtt_due_first(&heap), &a);
    assert_int_equal(vch_mqtt_due_set(&heap, &c, 5), VCH_OK);
    assert_ptr_equal(vch_mqtt_due_first(&heap), &c);
    assert_int_equal(vch_mqtt_due_set(&heap, &c, 40), VCH_OK);
    assert_int_equal(vch_mqtt_due_set(&heap, &a, 50), VCH_OK);
    assert_ptr_equal(vch_mqtt_due_first(&heap), &b);
    assert_int_equal(heap.count, 3);
    vch_mqtt_due_deinit(&heap);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_order), cmocka_unit_test(moves_both_ways)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
