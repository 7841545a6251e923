/* Listeners to live events, from inside: heartbeats, those who fell behind, those who do not read, and the end. */
#include "door_world.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/events_priv.h"
#include "base/clock.h"
#include "store/provisioning.h"

enum { TEXT_MAX = 8 << 20, WAIT_MS = 10000 };

/* A listener that reads: all text so far, without chunks' sizes. */
struct ear {
    struct vch_dial *dial;
    char *text;
    size_t len, seen;
};

static void ear_open(struct ear *ear, const char *query) {
    const struct door_ask ask = {.method = "GET", .path = "/_vouch/events", .query = query};
    *ear = (struct ear){.dial = door_open(&ask), .text = test_calloc(1, TEXT_MAX)};
}

static void ear_close(struct ear *ear) {
    vch_dial_close(ear->dial);
    test_free(ear->text);
}

/* What comes next up to and with `word`; the chunk sizes between do not matter. False: it ended before. */
static bool hear(struct ear *ear, const char *word) {
    int64_t deadline_ms = vch_mono_ms() + WAIT_MS;
    for (;;) {
        const char *found = strstr(ear->text + ear->seen, word);
        if (found) {
            ear->seen = (size_t)(found - ear->text) + strlen(word);
            return true;
        }
        size_t got = 0;
        if (ear->len + 65536 > TEXT_MAX || vch_dial_recv(ear->dial, ear->text + ear->len, 65536, &got, deadline_ms) != VCH_OK) return false;
        ear->len += got;
    }
}

static void add_row(const char *event, const char *thing, const char *detail) {
    struct vch_arena *arena = vch_arena_new(65536, false);
    struct vch_plan *plan = vch_plan_new(arena);
    const struct vch_rec_ledger row = {.event = vch_str_from(event), .actor = VCH_STR("server"), .outcome = VCH_STR("ok"),
                                       .thing_name = vch_str_from(thing), .detail = vch_str_from(detail)};
    vch_plan_ledger(plan, &row);
    assert_int_equal(vch_store_apply(world.service.store, plan, NULL), VCH_OK);
    vch_arena_free(arena);
}

static uint64_t streams(void) {
    struct vch_events_stats stats;
    vch_events_stats(world.events, &stats);
    return stats.streams;
}

static void await_streams(uint64_t want) {
    for (int i = 0; i < WAIT_MS && streams() != want; i++) (void)usleep(1000);
    assert_int_equal(streams(), want);
}

/* ---- what is told ---- */

static void heartbeats_say_how_far_it_has_come(void **state) {
    (void)state;
    struct ear ear;
    char id[64];
    int64_t end;
    uint8_t hash[VCH_LEDGER_HASH_LEN];
    ear_open(&ear, "pairingId=none");
    assert_true(hear(&ear, "retry: 2000\n: alive\n"));
    assert_true(hear(&ear, "\n: alive\nid: ") || hear(&ear, ": alive\nid: "));
    add_row("unwanted", "", "{}");
    assert_int_equal(vch_store_ledger_last(world.service.store, &end, hash, NULL), VCH_OK);
    (void)snprintf(id, sizeof id, ": alive\nid: %lld\n", (long long)end);
    assert_true(hear(&ear, id));
    assert_null(strstr(ear.text, "event:"));
    ear_close(&ear);
    await_streams(0);
}

static void what_is_asked_for_alone(void **state) {
    (void)state;
    struct ear pairing, thing, both;
    ear_open(&pairing, "pairingId=p-1");
    ear_open(&thing, "thingName=t-1");
    ear_open(&both, "pairingId=p-1&thingName=t-1");
    await_streams(3);
    assert_true(hear(&pairing, "alive") && hear(&thing, "alive") && hear(&both, "alive"));
    add_row("one", "t-1", "{\"pairingId\":\"p-2\"}");
    add_row("two", "t-2", "{\"pairingId\":\"p-1\"}");
    add_row("three", "t-1", "{\"note\":\"\\\"pairingId\\\":\\\"p-1\\\"\"}"); /* in a text it is none */
    add_row("four", "t-1", "{\"pairingId\":\"p-1\"}");
    assert_true(hear(&pairing, "\"two\"") && hear(&pairing, "\"four\""));
    assert_true(hear(&thing, "\"one\"") && hear(&thing, "\"three\"") && hear(&thing, "\"four\""));
    vch_events_connection(world.events, VCH_STR("t-1"), VCH_STR("c"), true, 5);
    assert_true(hear(&thing, "event: connection\ndata: {\"thingName\":\"t-1\",\"clientId\":\"c\",\"connected\":true,\"atMillis\":5}\n\n"));
    assert_true(hear(&both, "\"four\""));
    assert_null(strstr(pairing.text, "\"one\""));
    assert_null(strstr(pairing.text, "\"three\""));
    assert_null(strstr(pairing.text, "event: connection"));
    assert_null(strstr(thing.text, "\"two\""));
    assert_null(strstr(both.text, "\"two\""));
    assert_null(strstr(both.text, "\"one\""));
    ear_close(&pairing);
    ear_close(&thing);
    ear_close(&both);
    await_streams(0);
}

/* Whatever a client calls itself stays inside its line. */
static void nobody_forges_an_event(void **state) {
    (void)state;
    struct ear ear;
    ear_open(&ear, NULL);
    assert_true(hear(&ear, "alive"));
    vch_events_connection(world.events, VCH_STR(""), VCH_STR("a\n\nevent: end\ndata: {}\n\n\r\"\xE2\x80\xA8"), true, 1);
    add_row("marker", "x\ndata: y", "{}");
    assert_true(hear(&ear, "\"marker\""));
    assert_null(strstr(ear.text, "\nevent: end"));
    assert_null(strstr(ear.text, "\ndata: y"));
    assert_non_null(strstr(ear.text, "\"clientId\":\"a\\n\\nevent: end\\ndata: {}\\n\\n\\r\\\""));
    ear_close(&ear);
    await_streams(0);
}

/* ---- those who fall behind ---- */

static void a_loop_that_does_not_keep_up_loses_no_row(void **state) {
    (void)state;
    struct ear ear;
    struct vch_event_lane *lane = &world.events->lanes[0];
    ear_open(&ear, NULL);
    assert_true(hear(&ear, "alive"));
    add_row("first", "", "{}");
    assert_true(hear(&ear, "\"first\""));
    atomic_fetch_add(&lane->queued, VCH_EVENTS_QUEUE_MAX); /* as if so much were on its way */
    add_row("second", "", "{}");
    add_row("third", "", "{}");
    vch_events_connection(world.events, VCH_STR(""), VCH_STR("untold"), true, 1);
    assert_true(hear(&ear, "\"second\"") && hear(&ear, "\"third\"")); /* with a heartbeat */
    atomic_fetch_sub(&lane->queued, VCH_EVENTS_QUEUE_MAX);
    add_row("fourth", "", "{}");
    assert_true(hear(&ear, "\"fourth\""));
    ear.seen = 0; /* heartbeats may have told rows before the loop was told of them */
    assert_true(hear(&ear, "event: missed\ndata: {\"connections\":1}\n\n"));
    assert_null(strstr(ear.text, "untold"));
    ear_close(&ear);
    await_streams(0);
}

static void who_does_not_read_is_cut_alone(void **state) {
    (void)state;
    enum { EVENTS = 30000, NAME = 900 };
    static char name[NAME];
    struct ear reader;
    struct vch_events_stats before, after;
    const struct door_ask ask = {.method = "GET", .path = "/_vouch/events"};
    memset(name, 'n', sizeof name);
    vch_events_stats(world.events, &before);
    ear_open(&reader, "thingName=wanted");
    struct vch_dial *asleep = door_open(&ask);
    await_streams(2);
    assert_true(hear(&reader, "alive"));
    for (int i = 0; i < EVENTS && streams() == 2; i++) vch_events_connection(world.events, VCH_STR(""), vch_str_of(name, NAME), true, i);
    await_streams(1);
    vch_events_stats(world.events, &after);
    assert_int_equal(after.cut, before.cut + 1);
    vch_events_connection(world.events, VCH_STR("wanted"), VCH_STR("still"), true, 1);
    assert_true(hear(&reader, "\"still\"") || hear(&reader, "event: missed"));
    vch_dial_close(asleep);
    ear_close(&reader);
    await_streams(0);
}

/* ---- the end ---- */

static void the_end_says_why(void **state) {
    (void)state;
    struct ear ear;
    assert_int_equal(door_call(VCH_OP_CREATE_USER, "{'userName':'w'}").status, 200);
    assert_int_equal(door_call(VCH_OP_PUT_USER_POLICY, "{'userName':'w','policyName':'P','policyDocument':'{\\'Version\\':\\'2012-10-17\\',\\'Statement\\':[{\\'Effect\\':"
                                                       "\\'Allow\\',\\'Action\\':\\'vouch:WatchEvents\\',\\'Resource\\':\\'*\\'}]}'}").status, 200);
    struct door_answer key = door_call(VCH_OP_CREATE_ACCESS_KEY, "{'userName':'w'}");
    const struct door_ask ask = {.method = "GET", .path = "/_vouch/events",
                                 .key_id = vch_val_str_at(key.json, "accessKeyId").ptr, .secret = vch_val_str_at(key.json, "secretAccessKey").ptr};
    ear = (struct ear){.dial = door_open(&ask), .text = test_calloc(1, TEXT_MAX)};
    assert_true(hear(&ear, "alive") && hear(&ear, "alive"));
    assert_int_equal(door_call(VCH_OP_DELETE_USER_POLICY, "{'userName':'w','policyName':'P'}").status, 200);
    assert_true(hear(&ear, "event: end\ndata: {\"reason\":\"policy-silent\",\"message\":\""));
    assert_true(hear(&ear, "\r\n0\r\n\r\n"));
    assert_false(hear(&ear, "alive"));
    ear_close(&ear);
    await_streams(0);
}

/* Nothing is left when all ends in the middle of it: the leak checker looks. */
static void stopping_in_the_middle(void **state) {
    (void)state;
    const struct door_ask ask = {.method = "GET", .path = "/_vouch/events", .query = "after=0"};
    for (int i = 0; i < 6; i++) {
        struct vch_dial *dial = door_open(&ask);
        add_row("early", "", "{}");
        vch_dial_close(dial); /* while it reads for itself, or before it has begun */
    }
    struct vch_dial *dial = door_open(&ask);
    for (int i = 0; i < 50; i++) add_row("late", "", "{}");
    vch_dial_close(dial);
}

int main(void) {
#define EACH(test) cmocka_unit_test_setup_teardown(test, door_world_setup, door_world_teardown)
    const struct CMUnitTest tests[] = {
        EACH(heartbeats_say_how_far_it_has_come), EACH(what_is_asked_for_alone),        EACH(nobody_forges_an_event),
        EACH(a_loop_that_does_not_keep_up_loses_no_row), EACH(who_does_not_read_is_cut_alone), EACH(the_end_says_why),
        EACH(stopping_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
