/* Messages and the index. */
#include "support/cmocka_all.h"

#include "mqtt/index.h"
#include "mqtt/message.h"

static void message_holds_the_packet(void **state) {
    (void)state;
    struct vch_mqtt_message *m = vch_mqtt_message_new(VCH_STR("a/b"), VCH_STR("xyz"), 1);
    assert_non_null(m);
    assert_true(vch_str_eq(vch_mqtt_message_packet(m), VCH_STR("\x30\x08\x00\x03"
                                                               "a/b"
                                                               "xyz")));
    assert_str(vch_mqtt_message_topic(m), "a/b");
    assert_str(vch_mqtt_message_payload(m), "xyz");
    assert_int_equal(m->qos, 1);
    assert_ptr_equal(vch_mqtt_message_ref(m), m);
    vch_mqtt_message_unref(m);
    assert_str(vch_mqtt_message_topic(m), "a/b");
    vch_mqtt_message_unref(m);
}

static void message_lengths(void **state) {
    (void)state;
    static char big[140000];
    const size_t lengths[] = {0, 1, 124, 125, 16380, 16381, 131072};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        struct vch_mqtt_message *m = vch_mqtt_message_new(VCH_STR("t"), vch_str_of(big, lengths[i]), 0);
        assert_non_null(m);
        assert_int_equal(vch_mqtt_message_payload(m).len, lengths[i]);
        assert_str(vch_mqtt_message_topic(m), "t");
        vch_mqtt_message_unref(m);
    }
    assert_null(vch_mqtt_message_new(vch_str_of(big, 65536), VCH_STR(""), 0));
    vch_mqtt_message_unref(NULL);
}

struct thing {
    struct vch_mqtt_link link;
    bool seen;
};

static void see(struct vch_mqtt_link *link, void *arg) {
    struct thing *thing = VCH_MQTT_OWNER(link, struct thing, link);
    assert_false(thing->seen);
    thing->seen = true;
    ++*(size_t *)arg;
}

static void remove_one(struct vch_mqtt_link *link, void *arg) {
    vch_mqtt_index_remove(arg, link);
}

static void index_keeps_all(void **state) {
    (void)state;
    static struct thing things[1000];
    struct vch_mqtt_index index = {0};
    assert_null(vch_mqtt_index_first(&index, 5));
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(vch_mqtt_index_add(&index, &things[i].link, i / 2), VCH_OK); /* pairs */
    assert_int_equal(index.count, 1000);
    for (size_t i = 0; i < 500; i++) {
        struct vch_mqtt_link *a = vch_mqtt_index_first(&index, i), *b = vch_mqtt_index_next(a);
        assert_true((a == &things[2 * i].link && b == &things[2 * i + 1].link) ||
                    (b == &things[2 * i].link && a == &things[2 * i + 1].link));
        assert_null(vch_mqtt_index_next(b));
    }
    for (size_t i = 0; i < 1000; i += 2) vch_mqtt_index_remove(&index, &things[i].link);
    for (size_t i = 0; i < 500; i++) assert_ptr_equal(vch_mqtt_index_first(&index, i), &things[2 * i + 1].link);
    size_t seen = 0;
    vch_mqtt_index_walk(&index, see, &seen);
    assert_int_equal(seen, 500);
    vch_mqtt_index_walk(&index, remove_one, &index);
    assert_int_equal(index.count, 0);
    vch_mqtt_index_deinit(&index);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(message_holds_the_packet), cmocka_unit_test(message_lengths),
                                       cmocka_unit_test(index_keeps_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
