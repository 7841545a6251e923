/* The subscription tree: a table of the specification's examples, and thousands
 * of random filters against a matcher that is too simple to be wrong. */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "mqtt/tree.h"

static struct vch_mqtt_tree tree;

static void count_one(struct vch_mqtt_sub *sub, void *arg) {
    (void)sub;
    ++*(size_t *)arg;
}

static size_t matches(const char *topic) {
    struct vch_mqtt_levels levels;
    size_t count = 0;
    vch_mqtt_levels_of(vch_str_from(topic), &levels);
    vch_mqtt_tree_match(&tree, &levels, count_one, &count);
    if (count) assert_true(vch_mqtt_tree_interested(&tree, &levels));
    return count;
}

static struct vch_mqtt_sub *add(const char *filter) {
    struct vch_mqtt_sub *sub;
    assert_int_equal(vch_mqtt_tree_add(&tree, vch_str_from(filter), NULL, 1, &sub), VCH_OK);
    return sub;
}

static const struct {
    const char *filter, *topic;
    bool aws, spec;
} table[] = {
    {"a", "a", true, true},
    {"a", "b", false, false},
    {"a", "a/b", false, false},
    {"a/b", "a", false, false},
    {"sport/tennis/player1/#", "sport/tennis/player1", false, true}, /* AWS differs from 4.7.1.2 */
    {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true, true},
    {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true, true},
    {"sensor/#", "sensor/", true, true},
    {"sensor/#", "sensor", false, true},
    {"#", "anything/at/all", true, true},
    {"#", "/", true, true},
    {"#", "$SYS/x", false, false}, /* [MQTT-4.7.2-1] */
    {"+/x", "$SYS/x", false, false},
    {"$SYS/#", "$SYS/x", true, true},
    {"$SYS/+", "$SYS/x", true, true},
    {"a/#", "a/$b", true, true},
    {"a/+", "a/$b", true, true},
    {"sport/tennis/+", "sport/tennis/player1", true, true},
    {"sport/tennis/+", "sport/tennis/player1/ranking", false, false},
    {"sport/+", "sport", false, false},
    {"sport/+", "sport/", true, true},
    {"+/+", "/finance", true, true},
    {"/+", "/finance", true, true},
    {"+", "/finance", false, false},
    {"+/tennis/#", "sport/tennis/x", true, true},
    {"+/tennis/#", "sport/tennis", false, true},
    {"+", "", true, true},
    {"a//b", "a//b", true, true},
    {"a/+/b", "a//b", true, true},
    {"A", "a", false, false},
    {"$aws/certificates/create/json/+", "$aws/certificates/create/json/accepted", true, true},
};

static void table_holds(void **state) {
    (void)state;
    for (int spec = 0; spec < 2; spec++) {
        for (size_t i = 0; i < COUNT_OF(table); i++) {
            assert_int_equal(vch_mqtt_tree_init(&tree, spec), VCH_OK);
            struct vch_mqtt_sub *sub = add(table[i].filter);
            bool want = spec ? table[i].spec : table[i].aws;
            struct vch_mqtt_levels levels;
            vch_mqtt_levels_of(vch_str_from(table[i].topic), &levels);
            if ((matches(table[i].topic) == 1) != want) fail_msg("%s on %s", table[i].filter, table[i].topic);
            if (vch_mqtt_sub_matches(&tree, sub, &levels) != want)
                fail_msg("alone: %s on %s", table[i].filter, table[i].topic);
            vch_mqtt_tree_remove(&tree, sub);
            assert_int_equal(matches(table[i].topic), 0);
            vch_mqtt_tree_deinit(&tree);
        }
    }
}

static void nodes_are_shared_and_freed(void **state) {
    (void)state;
    assert_int_equal(vch_mqtt_tree_init(&tree, false), VCH_OK);
    struct vch_mqtt_sub *a = add("x/y/z"), *b = add("x/y/+"), *c = add("x/y"), *d = add("x/y/z");
    assert_int_equal(vch_mqtt_tree_nodes(&tree), 4); /* x, y, z, + */
    assert_ptr_equal(vch_mqtt_tree_find(&tree, VCH_STR("x/y/z")), a->node);
    assert_null(vch_mqtt_tree_find(&tree, VCH_STR("x/y/q")));
    assert_int_equal(matches("x/y/z"), 3);
    vch_mqtt_tree_remove(&tree, a);
    assert_int_equal(matches("x/y/z"), 2);
    vch_mqtt_tree_remove(&tree, d);
    assert_int_equal(vch_mqtt_tree_nodes(&tree), 3);
    vch_mqtt_tree_remove(&tree, b);
    assert_int_equal(matches("x/y/z"), 0);
    assert_int_equal(vch_mqtt_tree_nodes(&tree), 2);
    vch_mqtt_tree_remove(&tree, c);
    assert_int_equal(vch_mqtt_tree_nodes(&tree), 0);
    vch_mqtt_tree_deinit(&tree);
}

static void interest_is_forgotten(void **state) {
    (void)state;
    struct vch_mqtt_levels levels;
    assert_int_equal(vch_mqtt_tree_init(&tree, false), VCH_OK);
    vch_mqtt_levels_of(VCH_STR("site/7/door/open/now"), &levels);
    assert_false(vch_mqtt_tree_interested(&tree, &levels));
    const char *const filters[] = {
        "site/7/door/open/now", "site/7/door/+/now", "site/7/+/open/now", "site/#", "+/7/#", "#"};
    for (size_t i = 0; i < COUNT_OF(filters); i++) {
        struct vch_mqtt_sub *sub = add(filters[i]);
        assert_true(vch_mqtt_tree_interested(&tree, &levels));
        vch_mqtt_tree_remove(&tree, sub);
        assert_false(vch_mqtt_tree_interested(&tree, &levels));
    }
    vch_mqtt_tree_deinit(&tree);
}

/* Topics of other devices are nearly always known to have no receiver here. */
static void interest_tells_devices_apart(void **state) {
    (void)state;
    assert_int_equal(vch_mqtt_tree_init(&tree, false), VCH_OK);
    struct vch_mqtt_sub *sub = add("site/7/door/open");
    unsigned woken = 0;
    for (unsigned i = 0; i < 676; i++) {
        char topic[] = "site/AA/door/open";
        struct vch_mqtt_levels levels;
        topic[5] = (char)('A' + i % 26);
        topic[6] = (char)('A' + i / 26);
        vch_mqtt_levels_of(vch_str_from(topic), &levels);
        woken += vch_mqtt_tree_interested(&tree, &levels);
    }
    /* One in 2048 by chance, in each of three probes; all of them if the shared first level alone happens to collide.
     */
    assert_true(woken < 30 || woken == 676);
    vch_mqtt_tree_remove(&tree, sub);
    vch_mqtt_tree_deinit(&tree);
}

/* ---- against the simple matcher ------------------------------------------------- */

static bool simple(const char *filter, const char *topic, bool first) {
    if (first && topic[0] == '$' && (filter[0] == '+' || filter[0] == '#')) return false;
    if (filter[0] == '#') return true;
    size_t f = strcspn(filter, "/"), t = strcspn(topic, "/");
    bool level = (f == 1 && filter[0] == '+') || (f == t && memcmp(filter, topic, f) == 0);
    if (!level) return false;
    if (!filter[f] || !topic[t]) return !filter[f] && !topic[t];
    return simple(filter + f + 1, topic + t + 1, false);
}

static unsigned seed = 311;

static void any_path(char *out, bool filter) {
    static const char *const names[] = {"a", "b", "", "$x", "c"};
    unsigned levels = 1 + (unsigned)rand_r(&seed) % 5;
    *out = '\0';
    for (unsigned i = 0; i < levels; i++) {
        unsigned kind = (unsigned)rand_r(&seed) % 10;
        if (i) strcat(out, "/");
        if (filter && kind == 0) {
            strcat(out, "#");
            return;
        }
        strcat(out, filter && kind < 4 ? "+" : names[kind % 5]);
    }
}

static void random_filters(void **state) {
    (void)state;
    enum { SUBS = 300 };
    static char filters[SUBS][40];
    struct vch_mqtt_sub *subs[SUBS];
    assert_int_equal(vch_mqtt_tree_init(&tree, false), VCH_OK);
    for (size_t i = 0; i < SUBS; i++) {
        any_path(filters[i], true);
        subs[i] = add(filters[i]);
    }
    for (size_t round = 0; round < 2000; round++) {
        char topic[40];
        any_path(topic, false);
        size_t want = 0;
        for (size_t i = 0; i < SUBS; i++) want += subs[i] && simple(filters[i], topic, true);
        assert_int_equal(matches(topic), want);
        size_t change = (size_t)rand_r(&seed) % SUBS; /* the tree shrinks and grows meanwhile */
        if (subs[change]) vch_mqtt_tree_remove(&tree, subs[change]);
        subs[change] = subs[change] ? NULL : add(filters[change]);
    }
    for (size_t i = 0; i < SUBS; i++)
        if (subs[i]) vch_mqtt_tree_remove(&tree, subs[i]);
    assert_int_equal(vch_mqtt_tree_nodes(&tree), 0);
    vch_mqtt_tree_deinit(&tree);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(table_holds), cmocka_unit_test(nodes_are_shared_and_freed),
                                       cmocka_unit_test(interest_is_forgotten),
                                       cmocka_unit_test(interest_tells_devices_apart),
                                       cmocka_unit_test(random_filters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
