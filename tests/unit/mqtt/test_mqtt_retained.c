/* Retained messages: what a filter finds against a matcher that is too simple to
 * be wrong, bounds, expiry, pages, what the keeper hears, many threads at once. */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mqtt/retained.h"

enum { NOW = 1000 };

/* ---- a keeper that listens ---------------------------------------------------------- */

static struct {
    size_t puts, drops;
    char last[64];
    struct vch_mqtt_message *last_message;
} heard;

static void hear_put(void *self, struct vch_mqtt_message *message, struct vch_mqtt_receipt *receipt) {
    (void)self;
    assert_null(receipt);
    heard.puts++;
    heard.last_message = message;
    assert_true(vch_str_copy(heard.last, sizeof heard.last, vch_mqtt_message_topic(message)));
}

static void hear_drop(void *self, struct vch_str topic, struct vch_mqtt_receipt *receipt) {
    (void)self;
    (void)receipt;
    heard.drops++;
    assert_true(vch_str_copy(heard.last, sizeof heard.last, topic));
}

static const struct vch_mqtt_keeper listener = {.retained_put = hear_put, .retained_drop = hear_drop};

/* ---- small sentences -------------------------------------------------------------------- */

static struct vch_mqtt_retained *retained;

static void begin(size_t count_max, size_t bytes_max) {
    const struct vch_mqtt_retained_options options = {count_max, bytes_max, &listener};
    memset(&heard, 0, sizeof heard);
    assert_int_equal(vch_mqtt_retained_new(&options, &retained), VCH_OK);
}

static enum vch_err set_until(const char *topic, const char *payload, int64_t expires_ms) {
    const struct vch_mqtt_message_parts parts = {
        .topic = vch_str_from(topic), .payload = vch_str_from(payload), .expires_ms = expires_ms, .qos = 1};
    struct vch_mqtt_message *message = vch_mqtt_message_make(&parts);
    assert_non_null(message);
    enum vch_err err = vch_mqtt_retained_set(retained, message, NULL);
    vch_mqtt_message_unref(message);
    return err;
}

static void set(const char *topic, const char *payload) {
    assert_int_equal(set_until(topic, payload, 0), VCH_OK);
}

static void has(const char *topic, const char *payload) {
    struct vch_mqtt_message *message = vch_mqtt_retained_get(retained, vch_str_from(topic), NOW);
    if (!payload) {
        assert_null(message);
        return;
    }
    assert_non_null(message);
    assert_str(vch_mqtt_message_payload(message), payload);
    vch_mqtt_message_unref(message);
}

static size_t count_of(void) {
    struct vch_mqtt_retained_stats stats;
    vch_mqtt_retained_stats(retained, &stats);
    return stats.count;
}

static bool append(void *arg, struct vch_mqtt_message *message) {
    struct vch_str topic = vch_mqtt_message_topic(message);
    char *text = arg;
    size_t len = strlen(text);
    assert_true(len + topic.len + 2 < 4096);
    (void)snprintf(text + len, 4096 - len, "%.*s ", VCH_STR_ARG(topic));
    return true;
}

static void finds(const char *filter, bool parent_too, const char *topics) {
    char text[4096] = "";
    vch_mqtt_retained_match(retained, vch_str_from(filter), parent_too, NOW, append, text);
    assert_string_equal(text, topics);
}

/* ---- tests --------------------------------------------------------------------------------- */

static void test_set_and_get(void **state) {
    (void)state;
    begin(0, 0);
    has("a", NULL);
    set("a", "one");
    set("a/b", "two");
    set("a", "three");
    has("a", "three");
    has("a/b", "two");
    has("a/", NULL);
    assert_int_equal(count_of(), 2);
    assert_int_equal(heard.puts, 3);
    set("a", ""); /* [MQTT-3.3.1-10] */
    has("a", NULL);
    has("a/b", "two");
    assert_int_equal(heard.drops, 1);
    assert_string_equal(heard.last, "a");
    set("a", ""); /* nothing is there: nothing to keep */
    assert_int_equal(heard.drops, 1);
    assert_int_equal(count_of(), 1);
    vch_mqtt_retained_free(retained);
}

static void test_filters(void **state) {
    (void)state;
    begin(0, 0);
    static const char *const topics[] = {"a", "a/", "a/b", "a/b/c", "ab", "$SYS/x", "/a", "b/b", "a/$x"};
    for (size_t i = 0; i < COUNT_OF(topics); i++) set(topics[i], "x");
    finds("a", false, "a ");
    finds("a/#", false, "a/ a/$x a/b a/b/c ");
    finds("a/#", true, "a a/ a/$x a/b a/b/c ");
    finds("a/+", false, "a/ a/$x a/b ");
    finds("+/b", false, "a/b b/b ");
    finds("+/b/#", false, "a/b/c ");
    finds("+/b/#", true, "a/b a/b/c b/b ");
    finds("#", false, "/a a a/ a/$x a/b a/b/c ab b/b ");
    finds("+", false, "a ab ");
    finds("$SYS/#", false, "$SYS/x ");
    finds("$SYS/+", false, "$SYS/x ");
    finds("+/x", false, "");
    finds("/+", false, "/a ");
    finds("a/b/c/#", false, "");
    finds("a/b/c/#", true, "a/b/c ");
    finds("none", false, "");
    vch_mqtt_retained_free(retained);
}

static bool only_two(void *arg, struct vch_mqtt_message *message) {
    (void)message;
    return ++*(int *)arg < 2;
}

static void test_match_may_be_stopped(void **state) {
    (void)state;
    int seen = 0;
    begin(0, 0);
    for (int i = 0; i < 10; i++) set((char[]){'a', (char)('0' + i), 0}, "x");
    vch_mqtt_retained_match(retained, VCH_STR("+"), false, NOW, only_two, &seen);
    assert_int_equal(seen, 2);
    vch_mqtt_retained_free(retained);
}

static bool set_inside(void *arg, struct vch_mqtt_message *message) {
    char topic[80];
    (void)snprintf(topic, sizeof topic, "%.*s/more", VCH_STR_ARG(vch_mqtt_message_topic(message)));
    assert_int_equal(set_until(topic, "x", 0), VCH_OK); /* no lock is held */
    ++*(size_t *)arg;
    return true;
}

/* More than a chunk, and more than is looked at under one lock. */
static void test_long_walks(void **state) {
    (void)state;
    size_t seen = 0;
    char topic[32];
    begin(0, 0);
    for (int i = 0; i < 3000; i++) {
        (void)snprintf(topic, sizeof topic, "%s/%04d", i % 30 == 0 ? "rare" : "often", i);
        set(topic, "x");
    }
    vch_mqtt_retained_match(retained, VCH_STR("rare/+"), false, NOW, set_inside, &seen);
    assert_int_equal(seen, 100);
    seen = 0;
    vch_mqtt_retained_match(retained, VCH_STR("+/+/more"), false, NOW, set_inside, &seen);
    assert_int_equal(seen, 100);
    vch_mqtt_retained_free(retained);
}

static void test_bounds(void **state) {
    (void)state;
    char large[600];
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    begin(2, 2000);
    set("a", "x");
    set("b", "x");
    assert_int_equal(set_until("c", "x", 0), VCH_ERR_LIMIT);
    assert_int_equal(heard.puts, 2);
    set("b", ""); /* room again */
    set("c", large);
    set("a", large);
    set("a", "x");
    assert_int_equal(count_of(), 2);
    vch_mqtt_retained_free(retained);
    begin(100, 2000);
    set("a", large);
    set("b", large);
    assert_int_equal(set_until("c", large, 0), VCH_ERR_LIMIT);
    assert_int_equal(set_until("c", "x", 0), VCH_OK);
    set("a", "small now");
    set("b", "small now");
    set("d", large);
    has("d", large);
    vch_mqtt_retained_free(retained);
}

static void test_expiry(void **state) {
    (void)state;
    begin(0, 0);
    assert_int_equal(set_until("past", "x", NOW), VCH_OK);
    assert_int_equal(set_until("future", "x", NOW + 1), VCH_OK);
    set("ever", "x");
    has("past", NULL);
    has("future", "x");
    finds("#", false, "ever future ");
    assert_int_equal(vch_mqtt_retained_sweep(retained, NOW, 2), 0); /* the first two by topic */
    assert_int_equal(vch_mqtt_retained_sweep(retained, NOW, 2), 1); /* goes on */
    assert_int_equal(count_of(), 2);
    assert_string_equal(heard.last, "past");
    assert_int_equal(vch_mqtt_retained_sweep(retained, NOW + 1, 100), 1);
    assert_int_equal(vch_mqtt_retained_sweep(retained, INT64_MAX, 100), 0);
    has("ever", "x");
    vch_mqtt_retained_free(retained);
}

static void test_pages(void **state) {
    (void)state;
    struct vch_mqtt_message *page[4];
    char topic[16], after[16] = "";
    size_t total = 0, count;
    begin(0, 0);
    for (int i = 0; i < 10; i++) {
        (void)snprintf(topic, sizeof topic, "t/%d", (i * 7) % 10);
        assert_int_equal(set_until(topic, "x", i == 3 ? 1 : 0), VCH_OK);
    }
    do {
        count = vch_mqtt_retained_page(retained, vch_str_from(after), NOW, COUNT_OF(page), page);
        for (size_t i = 0; i < count; i++, total++) {
            struct vch_str at = vch_mqtt_message_topic(page[i]);
            assert_true(vch_str_cmp(at, vch_str_from(after)) > 0);
            assert_true(vch_str_copy(after, sizeof after, at));
            vch_mqtt_message_unref(page[i]);
        }
    } while (count == COUNT_OF(page));
    assert_int_equal(total, 9); /* one has expired */
    vch_mqtt_retained_free(retained);
}

static void test_revive_tells_nobody(void **state) {
    (void)state;
    begin(0, 0);
    assert_int_equal(vch_mqtt_retained_revive(retained, vch_mqtt_message_new(VCH_STR("a"), VCH_STR("x"), 1)), VCH_OK);
    has("a", "x");
    assert_int_equal(heard.puts, 0);
    vch_mqtt_retained_free(retained);
}

/* Too simple to be wrong: recursion over the texts. */
static bool simple_match(const char *f, const char *t, bool parent_too, bool first) {
    if (first && *t == '$' && (*f == '#' || *f == '+')) return false;
    if (*f == '#') return true;
    if (*f == '+') {
        while (*t && *t != '/') t++;
        return simple_match(f + 1, t, parent_too, false);
    }
    if (!*t) return !*f || (parent_too && strcmp(f, "/#") == 0);
    return *f == *t && simple_match(f + 1, t + 1, parent_too, false);
}

static void random_text(char *out, const char *const *levels, size_t count, bool filter) {
    size_t depth = 1 + (size_t)(rand() % 4);
    *out = '\0';
    for (size_t i = 0; i < depth; i++) {
        if (i) (void)strcat(out, "/");
        if (filter && i + 1 == depth && rand() % 3 == 0)
            (void)strcat(out, "#");
        else
            (void)strcat(out, filter && rand() % 3 == 0 ? "+" : levels[(size_t)rand() % count]);
    }
}

static void test_random(void **state) {
    (void)state;
    static const char *const levels[] = {"a", "b", "aa", "a!", "", "$x", "0"};
    static char model[200][32];
    size_t count = 0;
    srand(7);
    begin(0, 0);
    for (int i = 0; i < 400 && count < COUNT_OF(model); i++) {
        char topic[32];
        random_text(topic, levels, COUNT_OF(levels), false);
        bool known = *topic == '\0';
        for (size_t k = 0; k < count; k++) known |= strcmp(model[k], topic) == 0;
        if (known) continue;
        (void)strcpy(model[count++], topic);
        set(topic, "x");
    }
    for (int i = 0; i < 2000; i++) {
        char filter[32], text[4096] = "";
        size_t expected = 0, found = 0;
        bool parent_too = rand() % 2;
        random_text(filter, levels, COUNT_OF(levels), true);
        vch_mqtt_retained_match(retained, vch_str_from(filter), parent_too, NOW, append, text);
        for (size_t k = 0; k < count; k++) expected += simple_match(filter, model[k], parent_too, true);
        for (const char *at = text; (at = strchr(at, ' ')); at++) found++;
        if (expected != found) fail_msg("%s%s: %zu expected, %zu found: %s", filter, parent_too ? " (parent too)" : "", expected, found, text);
    }
    vch_mqtt_retained_free(retained);
}

static void *busy(void *arg) {
    unsigned seed = *(unsigned *)arg;
    char text[4096], topic[16];
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(topic, sizeof topic, "t/%d", rand_r(&seed) % 50);
        struct vch_mqtt_message *message =
            vch_mqtt_message_new(vch_str_from(topic), rand_r(&seed) % 4 ? VCH_STR("x") : VCH_STR(""), 1);
        (void)!vch_mqtt_retained_set(retained, message, NULL);
        vch_mqtt_message_unref(message);
        vch_mqtt_message_unref(vch_mqtt_retained_get(retained, vch_str_from(topic), NOW));
        *text = '\0';
        if (i % 16 == 0) vch_mqtt_retained_match(retained, VCH_STR("t/+"), false, NOW, append, text);
        if (i % 32 == 0) (void)vch_mqtt_retained_sweep(retained, NOW, 10);
    }
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    pthread_t threads[4];
    unsigned seeds[4] = {1, 2, 3, 4};
    const struct vch_mqtt_retained_options options = {.keeper = NULL};
    assert_int_equal(vch_mqtt_retained_new(&options, &retained), VCH_OK);
    for (size_t i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, busy, &seeds[i]), 0);
    for (size_t i = 0; i < 4; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(count_of() <= 50);
    vch_mqtt_retained_free(retained);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_and_get),    cmocka_unit_test(test_filters), cmocka_unit_test(test_match_may_be_stopped),
        cmocka_unit_test(test_long_walks),     cmocka_unit_test(test_bounds),  cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_pages),          cmocka_unit_test(test_revive_tells_nobody),
        cmocka_unit_test(test_random),         cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
