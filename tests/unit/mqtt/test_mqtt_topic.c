/* Topic names and filters: MQTT 3.1.1 section 4.7 and AWS's limits. */
#include "support/cmocka_all.h"

#include "mqtt/topic.h"

static const struct vch_mqtt_rules aws = {256, 7, false};

static void topics(void **state) {
    (void)state;
    static const struct {
        const char *topic;
        bool ok;
    } rows[] = {
        {"a", true},
        {"/", true},
        {"a/b/c/d/e/f/g/h", true},
        {"a/b/c/d/e/f/g/h/i", false},
        {"", false},
        {"a/+", false},
        {"#", false},
        {"a+b", false},
        {"a#", false},
        {"$aws/things", true},
        {"a b", true},
        {"////////", false},
        {"///////", true},
        {"\xC3\xA9/\xE2\x82\xAC", true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (vch_mqtt_topic_ok(vch_str_from(rows[i].topic), &aws) != rows[i].ok) fail_msg("%s", rows[i].topic);
}

static void filters(void **state) {
    (void)state;
    static const struct {
        const char *filter;
        bool ok;
    } rows[] = {
        {"#", true},
        {"+", true},
        {"a/#", true},
        {"a/+/b", true},
        {"+/+", true},
        {"/+", true},
        {"+/", true},
        {"a/+/#", true},
        {"", false},
        {"a#", false},
        {"a/#/b", false},
        {"#/", false},
        {"##", false},
        {"a/b#", false},
        {"+a", false},
        {"a+", false},
        {"a/+b/c", false},
        {"a/b+/c", false},
        {"++", false},
        {"a/b/c/d/e/f/g/#", true},
        {"a/b/c/d/e/f/g/h/#", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (vch_mqtt_filter_ok(vch_str_from(rows[i].filter), &aws) != rows[i].ok) fail_msg("%s", rows[i].filter);
}

static void limits(void **state) {
    (void)state;
    char text[258];
    for (size_t i = 0; i < sizeof text; i++) text[i] = 'a';
    assert_true(vch_mqtt_topic_ok(vch_str_of(text, 256), &aws));
    assert_false(vch_mqtt_topic_ok(vch_str_of(text, 257), &aws));
    assert_true(vch_mqtt_filter_ok(vch_str_of(text, 256), &aws));
    assert_false(vch_mqtt_filter_ok(vch_str_of(text, 257), &aws));
    const struct vch_mqtt_rules wide = {65535, 127, true};
    assert_true(vch_mqtt_topic_ok(VCH_STR("a/b/c/d/e/f/g/h/i/j/k"), &wide));
}

static void levels(void **state) {
    (void)state;
    struct vch_mqtt_levels l;
    vch_mqtt_levels_of(VCH_STR("a//bc/"), &l);
    assert_int_equal(l.count, 4);
    assert_str(l.at[0], "a");
    assert_str(l.at[1], "");
    assert_str(l.at[2], "bc");
    assert_str(l.at[3], "");
    vch_mqtt_levels_of(VCH_STR("/"), &l);
    assert_int_equal(l.count, 2);
    vch_mqtt_levels_of(VCH_STR("x"), &l);
    assert_int_equal(l.count, 1);
    assert_true(vch_mqtt_path_hash(0, VCH_STR("a")) != vch_mqtt_path_hash(0, VCH_STR("b")));
    assert_true(vch_mqtt_path_hash(1, VCH_STR("a")) != vch_mqtt_path_hash(2, VCH_STR("a")));
    assert_true(vch_mqtt_path_hash(7, VCH_STR("a")) == vch_mqtt_path_hash(7, VCH_STR("a")));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(topics), cmocka_unit_test(filters), cmocka_unit_test(limits),
                                       cmocka_unit_test(levels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
