/* The message store as those see it who write and read: what comes back, what
 * is made void, who is told, and a long random run against a model. */
#include "messages_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEEP_TEST(function) cmocka_unit_test_setup_teardown(function, keep_up, keep_down)

static const struct vch_messages_wait nobody;

static struct vch_messages_stats stats_of(struct keep *k) {
    struct vch_messages_stats stats;
    vch_messages_stats(k->m, &stats);
    return stats;
}

/* A change that must be durable before it goes on. */
static void flush(struct keep *k) {
    struct ticket ticket = {0, 0};
    vch_messages_sub_drop(k->m, 999999, VCH_STR("none"), ticket_of(&ticket));
    ticket_wait(&ticket);
    assert_int_equal(ticket.failed, 0);
}

static void test_all_comes_back(void **state) {
    struct keep *k = *state;
    keep_open(k);
    const struct vch_row_session session = {.key = vch_messages_new_key(k->m),
                                            .client_id = VCH_STR("dev-1"),
                                            .principal = VCH_STR("abc"),
                                            .level = 5,
                                            .expiry_s = 4294967295,
                                            .disconnected_ms = 77};
    const struct vch_row_sub sub = {VCH_STR("$share/g/a/+"), 13, 268435455};
    assert_int_equal(session.key, 1);
    vch_messages_session_put(k->m, &session, nobody);
    vch_messages_sub_put(k->m, 1, &sub, nobody);
    put_entry(k, 1, 1, 1, "one", NULL);
    put_entry(k, 1, 2, 2, "two", NULL);
    vch_messages_received_put(k->m, 1, 65535, nobody);
    put_session(k, 2, "dev-2");
    put_entry(k, 2, 1, 2, "two", NULL); /* the same message */
    put_retained(k, 3, "lamp", "on", NULL);
    put_retained(k, 2, "t", "two", NULL);
    flush(k);
    vch_messages_entry_mark(k->m, 1, 1, 1, 7, nobody);
    keep_again(k);
    assert_string_equal(keep_read(k), "message 1 t=one (props) 1 11 22\n"
                                      "message 2 t=two (props) 1 11 22\n"
                                      "message 3 lamp=on (props) 1 11 22\n"
                                      "session 1 dev-1 of abc 5 4294967295 77\n"
                                      " sub $share/g/a/+ 13 268435455\n"
                                      " entry 1 of 1 qos 1 state 1 id 7 retain 0 (ids)\n"
                                      " entry 2 of 2 qos 1 state 0 id 0 retain 0 (ids)\n"
                                      " received 65535\n"
                                      "session 2 dev-2 of cert 4 60 0\n"
                                      " entry 1 of 2 qos 1 state 0 id 0 retain 0 (ids)\n"
                                      "retained 3\n"
                                      "retained 2\n");
    assert_int_equal(vch_messages_new_key(k->m), 3);
    assert_int_equal(vch_messages_new_id(k->m), 4);
}

static void test_wills(void **state) {
    struct keep *k = *state;
    keep_open(k);
    for (uint64_t id = 1; id <= 2; id++) { /* the second takes the first's place */
        char *owner = malloc(1);
        const struct vch_row_message message = {.id = id, .topic = VCH_STR("w"), .payload = VCH_STR("gone")};
        const struct vch_row_will will = {.delay_s = 30, .retain = 1};
        atomic_fetch_add(&owners, 1);
        put_session(k, 1, "dev");
        vch_messages_will_put(k->m, 1, &will, &message, owner);
        flush(k);
    }
    keep_again(k);
    assert_string_equal(keep_read(k), "message 2 w=gone () 0 0 0\nsession 1 dev of cert 4 60 0\n will 2 30 1\n");
    vch_messages_will_drop(k->m, 1);
    keep_again(k);
    assert_string_equal(keep_read(k), "session 1 dev of cert 4 60 0\n");
}

static void test_changes_and_drops(void **state) {
    struct keep *k = *state;
    keep_open(k);
    struct vch_row_session session = {
        .key = 1, .client_id = VCH_STR("dev"), .principal = VCH_STR("a"), .level = 4, .expiry_s = 60};
    struct vch_row_sub sub = {VCH_STR("a"), 0, 0};
    for (int round = 0; round < 2; round++) { /* within a batch, and over two */
        session.principal = VCH_STR("a");
        vch_messages_session_put(k->m, &session, nobody);
        sub.options = 0;
        vch_messages_sub_put(k->m, 1, &sub, nobody);
        put_entry(k, 1, 1, 1, "one", NULL);
        put_entry(k, 1, 2, 1, "one", NULL);
        vch_messages_received_put(k->m, 1, 5, nobody);
        vch_messages_received_put(k->m, 1, 6, nobody);
        put_retained(k, 2, "r", "old", NULL);
        if (round) flush(k);
        session.principal = VCH_STR("b");
        vch_messages_session_put(k->m, &session, nobody);
        sub.options = 1;
        vch_messages_sub_put(k->m, 1, &sub, nobody);
        vch_messages_entry_mark(k->m, 1, 2, 1, 3, nobody);
        vch_messages_entry_mark(k->m, 1, 2, 2, 4, nobody);
        vch_messages_entry_drop(k->m, 1, 1);
        vch_messages_received_drop(k->m, 1, 5);
        put_retained(k, 3, "r", "new", NULL);
        keep_again(k);
        assert_string_equal(keep_read(k), "message 1 t=one (props) 1 11 22\n"
                                          "message 3 r=new (props) 1 11 22\n"
                                          "session 1 dev of b 4 60 0\n"
                                          " sub a 1 0\n"
                                          " entry 2 of 1 qos 1 state 2 id 4 retain 0 (ids)\n"
                                          " received 6\n"
                                          "retained 3\n");
        vch_messages_entry_drop(k->m, 1, 2);
        vch_messages_sub_drop(k->m, 1, VCH_STR("a"), nobody);
        vch_messages_retained_drop(k->m, VCH_STR("r"), nobody);
        vch_messages_received_drop(k->m, 1, 6);
        keep_again(k);
        assert_string_equal(keep_read(k), "session 1 dev of b 4 60 0\n");
    }
}

static void test_a_session_goes_with_all(void **state) {
    struct keep *k = *state;
    struct ticket ticket = {0, 0};
    keep_open(k);
    put_session(k, 1, "one");
    put_session(k, 2, "two");
    for (uint64_t seq = 1; seq <= 3; seq++) {
        put_entry(k, 1, seq, seq, "x", NULL);
        put_entry(k, 2, seq, seq, "x", NULL);
    }
    const struct vch_row_sub sub = {VCH_STR("a"), 0, 0};
    vch_messages_sub_put(k->m, 1, &sub, nobody);
    vch_messages_received_put(k->m, 1, 1, nobody);
    flush(k);
    put_entry(k, 1, 4, 4, "x", &ticket); /* void with the session */
    vch_messages_session_drop(k->m, 1, ticket_of(&ticket));
    ticket_wait(&ticket);
    assert_int_equal(ticket.failed, 0);
    keep_again(k);
    assert_string_equal(keep_read(k), "message 1 t=x (props) 1 11 22\nmessage 2 t=x (props) 1 11 22\n"
                                      "message 3 t=x (props) 1 11 22\nsession 2 two of cert 4 60 0\n"
                                      " entry 1 of 1 qos 1 state 0 id 0 retain 0 (ids)\n"
                                      " entry 2 of 2 qos 1 state 0 id 0 retain 0 (ids)\n"
                                      " entry 3 of 3 qos 1 state 0 id 0 retain 0 (ids)\n");
    vch_messages_session_drop(k->m, 2, nobody);
    keep_close(k);
    assert_int_equal(keep_ask(k, "SELECT (SELECT COUNT(*) FROM messages) + (SELECT COUNT(*) FROM entries)"
                                 " + (SELECT COUNT(*) FROM subs) + (SELECT COUNT(*) FROM received)"
                                 " + (SELECT COUNT(*) FROM sessions)"),
                     0);
}

/* Nobody waits and nothing is left: the file is not touched. */
static void test_void_in_one_batch(void **state) {
    struct keep *k = *state;
    k->options.lazy_ms = 60000;
    keep_open(k);
    for (uint64_t seq = 1; seq <= 100; seq++) {
        put_entry(k, 1, seq, seq, "x", NULL);
        vch_messages_entry_mark(k->m, 1, seq, 1, 1, nobody);
        vch_messages_entry_drop(k->m, 1, seq);
    }
    const struct vch_row_session row = {.key = 2, .client_id = VCH_STR("c"), .fresh = true};
    const struct vch_row_sub sub = {VCH_STR("a"), 0, 0};
    vch_messages_session_put(k->m, &row, nobody);
    vch_messages_sub_put(k->m, 2, &sub, nobody);
    put_entry(k, 2, 1, 200, "x", NULL);
    vch_messages_session_put(k->m, &(struct vch_row_session){.key = 2, .client_id = VCH_STR("c")}, nobody);
    vch_messages_session_drop(k->m, 2, nobody);
    keep_close(k);
    keep_open(k);
    assert_string_equal(keep_read(k), "");
    keep_close(k);
    /* The counter of changes in the file's head (SQLite file format 1.3.9) has seen the form alone. */
    assert_int_equal(keep_ask(k, "SELECT COUNT(*) FROM messages"), 0);
}

static void test_lazy_changes_come_too(void **state) {
    struct keep *k = *state;
    struct ticket ticket = {0, 0};
    keep_open(k);
    put_session(k, 1, "dev");
    for (int i = 0; i < 2000 && stats_of(k).commits == 0; i++) (void)usleep(1000);
    assert_int_equal(stats_of(k).written, 1);
    k->options.lazy_ms = 60000;
    keep_again(k);
    put_session(k, 2, "dev");
    put_entry(k, 2, 1, 1, "x", &ticket); /* who waits takes all with it */
    ticket_wait(&ticket);
    assert_int_equal(stats_of(k).written, 2);
}

static void test_settled_when_void(void **state) {
    struct keep *k = *state;
    struct ticket first = {0, 0}, ticket = {0, 0};
    k->options.commit_delay_us = 1500000;
    keep_open(k);
    put_entry(k, 1, 1, 1, "x", &first); /* the writer is busy with it */
    for (int i = 0; i < 2000 && stats_of(k).changes == 0; i++) (void)usleep(1000);
    for (uint64_t seq = 2; seq < 50; seq++) {
        put_entry(k, 1, seq, seq, "x", &ticket);
        vch_messages_entry_drop(k->m, 1, seq);
    }
    ticket_wait(&ticket);
    ticket_wait(&first);
    assert_int_equal(ticket.failed + first.failed, 0);
    for (int i = 0; i < 10000 && stats_of(k).voided < 96; i++) (void)usleep(1000); /* counted after everybody was told */
    assert_int_equal(stats_of(k).written, 1);
    assert_true(stats_of(k).voided >= 96);
}

/* An older retained message that somebody waits for is told with the newer one's commit. */
static void test_the_last_retained_counts(void **state) {
    struct keep *k = *state;
    struct ticket ticket = {0, 0};
    keep_open(k);
    for (uint64_t id = 1; id <= 100; id++) put_retained(k, id, "t", id == 100 ? "last" : "x", &ticket);
    ticket_wait(&ticket);
    assert_int_equal(ticket.failed, 0);
    keep_again(k);
    assert_string_equal(keep_read(k), "message 100 t=last (props) 1 11 22\nretained 100\n");
}

static void test_backlog(void **state) {
    struct keep *k = *state;
    struct ticket first = {0, 0}, ticket = {0, 0};
    static char payload[1000];
    memset(payload, 'x', sizeof payload - 1);
    k->options.commit_delay_us = 1000000;
    k->options.backlog_bytes_max = 10000;
    keep_open(k);
    put_session(k, 1, "dev");
    put_entry(k, 1, 1, 1, "x", &first);
    assert_false(vch_messages_behind(k->m));
    for (uint64_t seq = 2; seq < 40; seq++) put_entry(k, 1, seq, seq, payload, &ticket);
    assert_true(vch_messages_behind(k->m));
    assert_true(atomic_load(&ticket.failed) > 20); /* told at once */
    assert_true(stats_of(k).waiting_bytes < 12000);
    ticket_wait(&ticket);
    ticket_wait(&first);
    assert_true(ticket.failed < 38);
    assert_false(vch_messages_behind(k->m));
    assert_int_equal(stats_of(k).waiting_bytes, 0);
    keep_again(k);
    size_t entries = 0;
    for (const char *at = keep_read(k); (at = strstr(at, " entry ")); at++) entries++;
    assert_int_equal(entries, 39 - ticket.failed);
}

/* ---- against a model ------------------------------------------------------------------------ */

enum { SESSIONS = 4, SEQS = 6000, ALIVE = 30, TOPICS = 4, IDS = 40 };
static struct {
    uint64_t key; /* 0: no session */
    uint64_t entry[SEQS]; /* message id by seq */
    int state[SEQS];
    uint64_t next_seq;
    bool received[4];
} model[SESSIONS];
static uint64_t model_retained[TOPICS], model_last_id;

static void model_drop(struct keep *k, size_t i, uint64_t seq) {
    vch_messages_entry_drop(k->m, model[i].key, seq);
    model[i].entry[seq] = 0;
}

static void model_put(struct keep *k, size_t i, uint64_t id, const char *payload) {
    uint64_t seq = model[i].next_seq++;
    put_entry(k, model[i].key, seq, id, payload, NULL);
    model[i].entry[seq] = id;
    model[i].state[seq] = 0;
    if (seq >= ALIVE && model[i].entry[seq - ALIVE]) model_drop(k, i, seq - ALIVE);
}

static void model_mark(struct keep *k, size_t i, uint64_t seq, int state) {
    vch_messages_entry_mark(k->m, model[i].key, seq, state, 9, nobody);
    if (model[i].entry[seq]) model[i].state[seq] = state;
}

static void model_receive(struct keep *k, size_t i, size_t packet_id) {
    model[i].received[packet_id] = !model[i].received[packet_id];
    if (model[i].received[packet_id])
        vch_messages_received_put(k->m, model[i].key, (uint16_t)packet_id, nobody);
    else
        vch_messages_received_drop(k->m, model[i].key, (uint16_t)packet_id);
}

/* An id still referred to comes again with the same bytes, as a message that several queues hold. */
static uint64_t some_id(void) {
    return rand() % 3 ? ++model_last_id : model_last_id - (uint64_t)rand() % 8 + 1;
}

static void random_change(struct keep *k) {
    size_t i = (size_t)rand() % SESSIONS, topic = (size_t)rand() % TOPICS;
    uint64_t id = some_id(), back = 1 + (uint64_t)rand() % ALIVE;
    char name[8], payload[32];
    (void)snprintf(name, sizeof name, "t%zu", topic);
    (void)snprintf(payload, sizeof payload, "p%llu", (unsigned long long)id);
    int dice = rand() % 100;
    bool known = model[i].next_seq > back;
    if (model[i].key == 0) {
        model[i].key = vch_messages_new_key(k->m);
        put_session(k, model[i].key, "c");
    } else if (dice < 40 && model[i].next_seq < SEQS - 1) {
        model_put(k, i, id, payload);
    } else if (dice < 55 && known) {
        model_mark(k, i, model[i].next_seq - back, 1 + dice % 2);
    } else if (dice < 75 && known) {
        model_drop(k, i, model[i].next_seq - back);
    } else if (dice < 80) {
        model_receive(k, i, (size_t)rand() % 4);
    } else if (dice < 92) {
        put_retained(k, id, name, payload, NULL);
        model_retained[topic] = id;
    } else if (dice < 96) {
        vch_messages_retained_drop(k->m, vch_str_from(name), nobody);
        model_retained[topic] = 0;
    } else if (dice < 98) {
        vch_messages_session_drop(k->m, model[i].key, nobody);
        memset(&model[i], 0, sizeof model[i]);
    }
}

static int by_key(const void *a, const void *b) {
    uint64_t x = model[*(const size_t *)a].key, y = model[*(const size_t *)b].key;
    return (x > y) - (x < y);
}

static size_t model_session(size_t i, char *text) {
    size_t at = (size_t)sprintf(text, "session %d c of cert 4 60 0\n", (int)model[i].key);
    for (size_t seq = 0; seq < model[i].next_seq; seq++)
        if (model[i].entry[seq])
            at += (size_t)sprintf(text + at, " entry %zu of %d qos 1 state %d id %d retain 0 (ids)\n", seq,
                                  (int)model[i].entry[seq], model[i].state[seq], model[i].state[seq] ? 9 : 0);
    for (int n = 0; n < 4; n++)
        if (model[i].received[n]) at += (size_t)sprintf(text + at, " received %d\n", n);
    return at;
}

static void expect_model(struct keep *k) {
    static char text[32768];
    size_t order[SESSIONS] = {0, 1, 2, 3}, at = 0;
    char *read = strdup(keep_read(k)), *from = read;
    while (strncmp(from, "message ", 8) == 0) from = strchr(from, '\n') + 1;
    qsort(order, SESSIONS, sizeof *order, by_key);
    for (size_t i = 0; i < SESSIONS; i++)
        if (model[order[i]].key) at += model_session(order[i], text + at);
    for (size_t i = 0; i < TOPICS; i++)
        if (model_retained[i]) at += (size_t)sprintf(text + at, "retained %d\n", (int)model_retained[i]);
    text[at] = '\0';
    size_t same = 0; /* the texts are longer than what an assertion prints */
    while (from[same] && from[same] == text[same]) same++;
    if (from[same] || text[same])
        fail_msg("after %zu bytes: read '%.60s', expected '%.60s'", same, from + same, text + same);
    free(read);
}

/* Each message's count of references is the number of rows that refer to it. */
static void expect_counts(struct keep *k) {
    static const char wrong[] =
        "SELECT COUNT(*) FROM messages WHERE refs <> (SELECT COUNT(*) FROM entries WHERE message = id)"
        " + (SELECT COUNT(*) FROM retained WHERE message = id) OR refs <= 0";
    assert_int_equal(keep_ask(k, wrong), 0);
}

static void test_random(void **state) {
    struct keep *k = *state;
    memset(model, 0, sizeof model);
    memset(model_retained, 0, sizeof model_retained);
    model_last_id = IDS;
    srand(11);
    keep_open(k);
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < 1 + round * 5; i++) {
            random_change(k);
            if (rand() % 40 == 0) flush(k);
        }
        keep_close(k);
        expect_counts(k);
        keep_open(k);
        expect_model(k);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        KEEP_TEST(test_all_comes_back),     KEEP_TEST(test_wills),
        KEEP_TEST(test_changes_and_drops),  KEEP_TEST(test_a_session_goes_with_all),
        KEEP_TEST(test_void_in_one_batch),  KEEP_TEST(test_lazy_changes_come_too),
        KEEP_TEST(test_settled_when_void),  KEEP_TEST(test_the_last_retained_counts),
        KEEP_TEST(test_backlog),            KEEP_TEST(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
