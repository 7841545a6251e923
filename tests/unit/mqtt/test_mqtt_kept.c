/* With a keeper: answers wait until what they promise is durable, in order; what was kept is there after a start. */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { HELD_MAX = 256, LOG_MAX = 1024 };

/* A keeper that writes down what it is told and settles receipts when the test says so. */
static struct {
    pthread_mutex_t lock;
    struct vch_mqtt_receipt *held[HELD_MAX];
    size_t held_count, log_count;
    uint64_t last_key;
    bool at_once;
    atomic_bool full;
    char log[LOG_MAX][64];
    enum vch_err (*restore)(const struct vch_mqtt_revival *revival);
} keeper;

static struct rig rig;
static struct vch_mqtt_retained *retained;

static void note(struct vch_mqtt_receipt *receipt, const char *what, uint64_t number, struct vch_str text) {
    (void)pthread_mutex_lock(&keeper.lock);
    assert_true(keeper.log_count < LOG_MAX && keeper.held_count < HELD_MAX);
    (void)snprintf(keeper.log[keeper.log_count++], 64, "%s %llu %.*s", what, (unsigned long long)number, VCH_STR_ARG(text));
    if (receipt && !keeper.at_once) keeper.held[keeper.held_count++] = vch_mqtt_receipt_hold(receipt);
    (void)pthread_mutex_unlock(&keeper.lock);
}

static uint64_t new_key(void *self) {
    (void)self;
    (void)pthread_mutex_lock(&keeper.lock);
    uint64_t key = ++keeper.last_key;
    (void)pthread_mutex_unlock(&keeper.lock);
    return key;
}

static void session_put(void *self, const struct vch_mqtt_kept_session *s, struct vch_mqtt_receipt *receipt) {
    (void)self;
    note(receipt, s->fresh ? "fresh" : s->disconnected_ms ? "away" : "here", s->key, s->client_id);
}

static void session_drop(void *self, uint64_t key, struct vch_mqtt_receipt *receipt) {
    (void)self;
    note(receipt, "drop", key, NONE);
}

static void sub_put(void *self, uint64_t key, const struct vch_mqtt_kept_sub *sub, struct vch_mqtt_receipt *receipt) {
    (void)self;
    note(receipt, "sub", key, sub->filter);
}

static void sub_drop(void *self, uint64_t key, struct vch_str filter, struct vch_mqtt_receipt *receipt) {
    (void)self;
    note(receipt, "unsub", key, filter);
}

static void entry_put(void *self, uint64_t key, const struct vch_mqtt_kept_entry *entry,
                      struct vch_mqtt_receipt *receipt) {
    (void)self;
    (void)key;
    note(receipt, entry->packet_id ? "sent" : "queued", entry->seq, vch_mqtt_message_payload(entry->message));
}

static void entry_mark(void *self, uint64_t key, uint64_t seq, enum vch_mqtt_kept_state state, uint16_t packet_id,
                       struct vch_mqtt_receipt *receipt) {
    (void)self;
    (void)key;
    (void)packet_id;
    note(receipt, state == VCH_MQTT_KEPT_SENT ? "mark" : "released", seq, NONE);
}

static void entry_drop(void *self, uint64_t key, uint64_t seq) {
    (void)self;
    (void)key;
    note(NULL, "done", seq, NONE);
}

static void received_put(void *self, uint64_t key, uint16_t id, struct vch_mqtt_receipt *receipt) {
    (void)self;
    (void)key;
    note(receipt, "received", id, NONE);
}

static void received_drop(void *self, uint64_t key, uint16_t id) {
    (void)self;
    (void)key;
    note(NULL, "forgotten", id, NONE);
}

static void will_put(void *self, uint64_t key, const struct vch_mqtt_kept_will *will) {
    (void)self;
    note(NULL, "will", key, vch_mqtt_message_payload(will->message));
}

static void will_drop(void *self, uint64_t key) {
    (void)self;
    note(NULL, "unwill", key, NONE);
}

static void retained_put(void *self, struct vch_mqtt_message *message, struct vch_mqtt_receipt *receipt) {
    (void)self;
    note(receipt, "retain", 0, vch_mqtt_message_topic(message));
}

static void retained_drop(void *self, struct vch_str topic, struct vch_mqtt_receipt *receipt) {
    (void)self;
    note(receipt, "unretain", 0, topic);
}

static bool behind(void *self) {
    (void)self;
    return false;
}

static bool full(void *self) {
    (void)self;
    return atomic_load(&keeper.full);
}

static enum vch_err restore(void *self, const struct vch_mqtt_revival *revival, struct vch_diag *diag) {
    (void)self;
    (void)diag;
    return keeper.restore ? keeper.restore(revival) : VCH_OK;
}

static const struct vch_mqtt_keeper table = {NULL,          new_key,      session_put,   session_drop, sub_put,
                                             sub_drop,      entry_put,    entry_mark,    entry_drop,   received_put,
                                             received_drop, will_put,     will_drop,     retained_put, retained_drop,
                                             behind,        full,         restore};

static void settle(size_t count, enum vch_err err) {
    (void)pthread_mutex_lock(&keeper.lock);
    assert_true(count <= keeper.held_count);
    for (size_t i = 0; i < count; i++) vch_mqtt_receipt_settle(keeper.held[i], err);
    memmove(keeper.held, keeper.held + count, (keeper.held_count - count) * sizeof keeper.held[0]);
    keeper.held_count -= count;
    (void)pthread_mutex_unlock(&keeper.lock);
}

static size_t count_of(const char *line) {
    size_t count = 0;
    (void)pthread_mutex_lock(&keeper.lock);
    for (size_t i = 0; i < keeper.log_count; i++) count += strcmp(keeper.log[i], line) == 0;
    (void)pthread_mutex_unlock(&keeper.lock);
    return count;
}

static void wait_for(const char *line, size_t count) {
    int64_t until = vch_mono_ms() + 10000;
    while (count_of(line) < count) {
        assert_true(vch_mono_ms() < until);
        (void)usleep(1000);
    }
    assert_int_equal(count_of(line), count);
}

static void wait_held(size_t count) {
    int64_t until = vch_mono_ms() + 10000;
    for (;;) {
        (void)pthread_mutex_lock(&keeper.lock);
        size_t held = keeper.held_count;
        (void)pthread_mutex_unlock(&keeper.lock);
        if (held == count) return;
        assert_true(held < count && vch_mono_ms() < until);
        (void)usleep(1000);
    }
}

static void begin(enum vch_mqtt_profile profile) {
    memset(&keeper, 0, sizeof keeper);
    (void)pthread_mutex_init(&keeper.lock, NULL);
    assert_int_equal(vch_mqtt_retained_new(&(struct vch_mqtt_retained_options){.keeper = &table}, &retained), VCH_OK);
    rig_start(&rig, 2, &(struct vch_mqtt_options){.profile = profile, .keeper = &table, .retained = retained});
}

static int setup(void **state) {
    (void)state;
    begin(VCH_MQTT_AWS);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    settle(keeper.held_count, VCH_OK);
    rig_stop(&rig);
    vch_mqtt_retained_free(retained);
    return 0;
}

/* A session that is kept, with one subscription. */
static int come(size_t loop, const char *client_id, const char *filter) {
    int fd = client_dial(&rig, loop);
    keeper.at_once = true;
    client_send(fd, pkt_connect(client_id, false, 60));
    client_expect(fd, CONNACK_OK);
    client_subscribe(fd, filter, 1);
    keeper.at_once = false;
    return fd;
}

static void puback_waits(void **state) {
    (void)state;
    for (size_t loop = 0; loop < 2; loop++) { /* the subscriber on the publisher's loop, and on another */
        int sub = come(loop, loop ? "there" : "here", "a"), pub = client_open(&rig, 0, "pub");
        client_send(pub, pkt_publish("a", "1", 1, 1));
        client_send(pub, pkt_publish("other", "2", 1, 2)); /* nobody keeps this, but it is behind the first */
        client_send(pub, pkt_publish("a", "3", 1, 3));
        client_expect(sub, pkt_publish("a", "1", 1, 1)); /* delivery does not wait */
        client_expect(sub, pkt_publish("a", "3", 1, 2));
        wait_held(2);
        client_ping(pub);
        settle(1, VCH_OK);
        client_expect(pub, VCH_STR("\x40\x02\x00\x01\x40\x02\x00\x02"));
        client_ping(pub);
        settle(1, VCH_OK);
        client_expect(pub, VCH_STR("\x40\x02\x00\x03"));
        client_send(sub, VCH_STR("\x40\x02\x00\x01"));
        wait_for("done 1 ", loop + 1);
        client_send(sub, pkt_unsubscribe(9, "a"));
        wait_held(1); /* UNSUBACK waits too */
        client_ping(sub);
        settle(1, VCH_OK);
        client_expect(sub, VCH_STR("\xB0\x02\x00\x09"));
        (void)close(sub);
        (void)close(pub);
    }
    rig_wait_sessions(&rig, 0);
}

static void suback_waits(void **state) {
    (void)state;
    int fd = client_dial(&rig, 0);
    client_send(fd, pkt_connect("me", false, 60));
    client_expect(fd, CONNACK_OK);
    client_send(fd, pkt_subscribe(4, "a", 1));
    wait_held(1);
    client_ping(fd);
    settle(1, VCH_OK);
    client_expect(fd, VCH_STR("\x90\x03\x00\x04\x01"));
    assert_int_equal(count_of("fresh 1 me"), 1);
    client_send(fd, DISCONNECT);
    client_expect_closed(fd);
    wait_for("away 1 me", 1);
    fd = client_dial(&rig, 1); /* a clean start is answered when the old session cannot come back */
    client_send(fd, pkt_connect("me", true, 60));
    wait_held(1);
    assert_int_equal(count_of("drop 1 "), 1);
    client_expect_silence(fd, 20);
    settle(1, VCH_OK);
    client_expect(fd, CONNACK_OK);
}

/* What could not be made durable is not acknowledged. */
static void failures(void **state) {
    (void)state;
    int sub = come(1, "sub", "a"), old = client_open(&rig, 0, "old");
    int five = client5_open(&rig, 0, "five", true, NONE, NULL);
    client_send(five, pkt5_publish("a", "x", 1, 1, NONE));
    wait_held(1);
    settle(1, VCH_ERR_IO);
    client_expect(five, VCH_STR("\x40\x03\x00\x01\x80"));
    client_ping(five);
    client_send(old, pkt_publish("a", "x", 1, 1));
    wait_held(1);
    settle(1, VCH_ERR_IO);
    client_expect_closed(old);
    rig_expect_end(&rig, "old", "store-failed");
    client_expect(sub, pkt_publish("a", "x", 1, 1));
}

static void retained_wait(void **state) {
    (void)state;
    int pub = client_open(&rig, 0, "pub");
    struct vch_str packet = pkt_publish("r", "kept", 1, 1);
    char bytes[32];
    memcpy(bytes, packet.ptr, packet.len);
    bytes[0] |= 1;
    client_send(pub, vch_str_of(bytes, packet.len));
    wait_held(1);
    client_ping(pub);
    int sub = client_open(&rig, 1, "sub"); /* there already */
    client_subscribe(sub, "r", 0);
    client_expect(sub, VCH_STR("\x31\x07\x00\x01rkept"));
    client_subscribe(sub, "+", 0); /* AWS: not for wildcards */
    client_ping(sub);
    settle(1, VCH_OK);
    client_expect(pub, VCH_STR("\x40\x02\x00\x01"));
}

static void publisher_goes_first(void **state) {
    (void)state;
    int sub = come(1, "sub", "a"), pub = client_open(&rig, 0, "pub");
    client_send(pub, pkt_publish("a", "x", 1, 1));
    client_expect(sub, pkt_publish("a", "x", 1, 1));
    wait_held(1);
    (void)close(pub);
    rig_expect_end(&rig, "pub", "client");
    settle(1, VCH_OK); /* for nobody */
    client_ping(sub);
}

static unsigned told;

static void published(void *arg, enum vch_err err) {
    (void)pthread_mutex_lock(&keeper.lock);
    told = err == VCH_OK ? *(unsigned *)arg : 99;
    (void)pthread_mutex_unlock(&keeper.lock);
}

static void server_publishes(void **state) {
    (void)state;
    unsigned mark = 7;
    const struct vch_mqtt_publish packet = {.topic = VCH_STR("a"), .payload = VCH_STR("x"), .qos = 1};
    int sub = come(1, "sub", "a");
    told = 0;
    assert_int_equal(vch_mqtt_publish(rig.broker, &packet, published, &mark), VCH_OK);
    client_expect(sub, pkt_publish("a", "x", 1, 1));
    wait_held(1);
    assert_int_equal(told, 0);
    settle(1, VCH_OK);
    for (int64_t until = vch_mono_ms() + 10000; vch_mono_ms() < until;) {
        (void)pthread_mutex_lock(&keeper.lock);
        unsigned now = told;
        (void)pthread_mutex_unlock(&keeper.lock);
        if (now) break;
        (void)usleep(1000);
    }
    assert_int_equal(told, 7);
}

/* ---- after a start ------------------------------------------------------------------- */

static enum vch_err revive(const struct vch_mqtt_revival *r) {
    const struct vch_mqtt_kept_session session = {
        .key = 41, .client_id = VCH_STR("dev"), .level = 4, .expiry_s = 3600, .disconnected_ms = 0};
    struct vch_mqtt_kept_entry sent = {.seq = 7, .message = vch_mqtt_message_new(VCH_STR("a"), VCH_STR("sent"), 1),
                                       .packet_id = 30, .qos = 1, .state = VCH_MQTT_KEPT_SENT};
    struct vch_mqtt_kept_entry queued = {.seq = 8, .message = vch_mqtt_message_new(VCH_STR("a"), VCH_STR("queued"), 1),
                                         .qos = 1, .state = VCH_MQTT_KEPT_QUEUED};
    const struct vch_mqtt_kept_will will = {.message = vch_mqtt_message_new(VCH_STR("w"), VCH_STR("gone"), 0)};
    VCH_TRY(r->session(r->arg, &session));
    VCH_TRY(r->sub(r->arg, &(struct vch_mqtt_kept_sub){.filter = VCH_STR("a"), .qos = 1}));
    VCH_TRY(r->sub(r->arg, &(struct vch_mqtt_kept_sub){.filter = VCH_STR("$share/g/s"), .qos = 1}));
    VCH_TRY(r->entry(r->arg, &sent));
    VCH_TRY(r->entry(r->arg, &queued));
    VCH_TRY(r->will(r->arg, &will));
    return r->retained(r->arg, vch_mqtt_message_new(VCH_STR("r"), VCH_STR("kept"), 1));
}

static void revived(void **state) {
    (void)state;
    rig_stop(&rig);
    keeper.restore = revive;
    rig_start(&rig, 2, &(struct vch_mqtt_options){.keeper = &table, .retained = retained});
    assert_int_equal(rig_stats(&rig).sessions_away, 1);
    assert_int_equal(rig_stats(&rig).subscriptions, 2);
    assert_int_equal(count_of("away 41 dev"), 1);
    keeper.at_once = true;
    int fd = client_dial(&rig, 0), pub = client_open(&rig, 1, "pub");
    client_send(pub, pkt_publish("a", "new", 1, 1));
    client_expect(pub, VCH_STR("\x40\x02\x00\x01"));
    client_send(fd, pkt_connect("dev", false, 60));
    client_expect(fd, VCH_STR("\x20\x02\x01\x00"));
    client_expect(fd, pkt_publish("a", "sent", 1, 30));
    client_expect(fd, pkt_publish("a", "queued", 1, 1));
    client_expect(fd, pkt_publish("a", "new", 1, 2));
    assert_int_equal(count_of("queued 9 new"), 1);
    client_subscribe(fd, "r", 1);
    client_expect(fd, VCH_STR("\x33\x09\x00\x01r\x00\x03kept"));
    client_send(fd, VCH_STR("\x40\x02\x00\x1E"));
    wait_for("done 7 ", 1);
}

/* The will of a session that was connected when the process ended. */
static void will_of_before(void **state) {
    (void)state;
    rig_stop(&rig);
    keeper.restore = revive;
    rig_start(&rig, 1, &(struct vch_mqtt_options){.keeper = &table, .retained = retained});
    wait_for("unwill 41 ", 1);
}

static void qos_2(void **state) {
    (void)state;
    rig_stop(&rig);
    rig_start(&rig, 2, &(struct vch_mqtt_options){.profile = VCH_MQTT_SPEC, .keeper = &table});
    int fd = come(0, "me", "nothing");
    client_send(fd, pkt_publish("x", "x", 2, 5));
    wait_held(1); /* the id must be known after a start: PUBREC waits */
    client_ping(fd);
    settle(1, VCH_OK);
    client_expect(fd, VCH_STR("\x50\x02\x00\x05"));
    client_send(fd, VCH_STR("\x62\x02\x00\x05"));
    client_expect(fd, VCH_STR("\x70\x02\x00\x05"));
    wait_for("forgotten 5 ", 1);
}

static void hold_up(void *arg) {
    const atomic_bool *held = arg;
    while (atomic_load(held)) (void)usleep(1000);
}

/* Asks for the session on loop 1 while a loop is busy, and returns when the move is between its two fences. */
static int move_half(atomic_bool *held, int here, int there) {
    static atomic_bool held_first;
    const uint64_t connects = rig_stats(&rig).connects, subscriptions = rig_stats(&rig).subscriptions;
    atomic_store(&held_first, true);
    assert_true(vch_loop_post(rig.loops[2], hold_up, &held_first));
    int fd = client_dial(&rig, 1);
    client_send(fd, pkt_connect("dev", false, 60));
    int64_t until = vch_mono_ms() + 10000;
    while (rig_stats(&rig).connects == connects) assert_true(vch_mono_ms() < until);
    client_ping(there); /* it has been asked for, */
    client_ping(here);
    client_ping(here); /* and the first fence waits on the busy loop */
    atomic_store(held, true);
    assert_true(vch_loop_post(rig.loops[2], hold_up, held));
    atomic_store(&held_first, false);
    while (rig_stats(&rig).subscriptions < 2 * subscriptions) assert_true(vch_mono_ms() < until);
    return fd;
}

/* Ended by its client id while it moves to another loop: nothing is written under its key behind its end. */
static void ended_on_the_move(void **state) {
    (void)state;
    rig_stop(&rig);
    rig_start(&rig, 3, &(struct vch_mqtt_options){.keeper = &table});
    int fd = come(0, "dev", "a"), pub = client_open(&rig, 1, "pub");
    client_send(fd, DISCONNECT);
    client_expect_closed(fd);
    wait_for("away 1 dev", 1);
    static atomic_bool held;
    int here = client_open(&rig, 0, "here");
    fd = move_half(&held, here, pub);
    keeper.at_once = true;
    assert_int_equal(vch_mqtt_disconnect_client(rig.broker, VCH_STR("dev"), &(struct vch_mqtt_eviction){.clean = true}), VCH_OK);
    client_ping(here);
    client_ping(here); /* behind it */
    client_send(pub, pkt_publish("a", "late", 1, 1));
    client_expect(pub, VCH_STR("\x40\x02\x00\x01"));
    size_t dropped = count_of("drop 1 ");
    atomic_store(&held, false);
    assert_int_equal(dropped, 0);
    client_expect(fd, CONNACK_OK); /* a session of its own */
    wait_for("drop 1 ", 1);
    client_ping(fd);
    wait_for("fresh 2 dev", 1);
    (void)pthread_mutex_lock(&keeper.lock);
    bool ended = false;
    for (size_t i = 0; i < keeper.log_count; i++) {
        ended |= strcmp(keeper.log[i], "drop 1 ") == 0;
        assert_false(ended && strncmp(keeper.log[i], "queued", 6) == 0);
    }
    (void)pthread_mutex_unlock(&keeper.lock);
    assert_int_equal(rig_stats(&rig).subscriptions, 0);
    assert_int_equal(rig_stats(&rig).queued, 0);
}

/* A message for the session and for its group comes twice, also when the group's copy goes to the new place. */
static void both_kinds_on_the_move(void **state) {
    (void)state;
    static atomic_bool held;
    unsigned got[2] = {0};
    rig_stop(&rig);
    rig_start(&rig, 3, &(struct vch_mqtt_options){.keeper = &table});
    int fd = come(0, "dev", "a"), pub = client_open(&rig, 1, "pub"), here = client_open(&rig, 0, "here");
    keeper.at_once = true;
    client_subscribe(fd, "$share/g/a", 1);
    client_send(fd, DISCONNECT);
    client_expect_closed(fd);
    wait_for("away 1 dev", 1);
    fd = move_half(&held, here, pub);
    for (unsigned i = 0; i < 2; i++) { /* the group takes its members in turn */
        client_send(pub, pkt_publish("a", i ? "1" : "0", 1, 1));
        client_expect(pub, VCH_STR("\x40\x02\x00\x01"));
    }
    atomic_store(&held, false);
    client_expect(fd, VCH_STR("\x20\x02\x01\x00"));
    for (unsigned i = 0; i < 4; i++) {
        struct vch_str packet = client_packet(fd);
        assert_int_equal(packet.len, 2 + 3 + 2 + 1);
        got[packet.ptr[7] == '1']++;
    }
    assert_int_equal(got[0], 2);
    assert_int_equal(got[1], 2);
    client_ping(fd);
}

/* Repetitions that wait behind a slow disk are bounded: the client waits too. */
static void repetitions_wait(void **state) {
    (void)state;
    rig_stop(&rig);
    rig_start(&rig, 1, &(struct vch_mqtt_options){.profile = VCH_MQTT_SPEC, .keeper = &table});
    int fd = come(0, "me", "nothing");
    for (unsigned i = 0; i < 250; i++) client_send(fd, pkt_publish("x", "x", 2, 5));
    client_send(fd, PINGREQ);
    wait_held(1);
    client_expect_silence(fd, 50); /* 200 answers wait */
    settle(1, VCH_OK);
    for (unsigned i = 0; i < 250; i++) client_expect(fd, VCH_STR("\x50\x02\x00\x05"));
    client_expect(fd, PINGRESP);
}

/* Nothing is promised that there is no room for. */
static void full_keeper(void **state) {
    (void)state;
    int kept = come(0, "kept", "a"), other = client_open(&rig, 0, "other");
    atomic_store(&keeper.full, true);
    client_subscribe(other, "b", 1); /* ends with its connection */
    client_send(kept, pkt_subscribe(9, "b", 1));
    client_expect_closed(kept);
    rig_expect_end(&rig, "kept", "store-failed");
    assert_int_equal(count_of("sub 1 b"), 0);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(puback_waits),     CASE(suback_waits), CASE(failures),       CASE(retained_wait), CASE(publisher_goes_first),
        CASE(server_publishes), CASE(revived),      CASE(will_of_before), CASE(qos_2),
        CASE(repetitions_wait), CASE(full_keeper), CASE(ended_on_the_move), CASE(both_kinds_on_the_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
