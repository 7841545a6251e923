#include "messages_fixture.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "support/folder.h"

atomic_int owners;

static void release(void *owner) {
    free(owner);
    atomic_fetch_sub(&owners, 1);
}

int keep_up(void **state) {
    struct keep *k = *state = calloc(1, sizeof *k);
    folder_make(k->folder);
    (void)snprintf(k->path, sizeof k->path, "%s/messages.db", k->folder);
    k->options = (struct vch_messages_options){.path = k->path, .release = release, .lazy_ms = 20};
    atomic_store(&owners, 0);
    return 0;
}

int keep_down(void **state) {
    struct keep *k = *state;
    if (k->m) (void)vch_messages_close(k->m, NULL);
    folder_remove(k->folder);
    free(k);
    return atomic_load(&owners); /* each was given back */
}

enum vch_err keep_try(struct keep *k) {
    vch_diag_clear(&k->diag);
    return vch_messages_open(&k->options, &k->m, &k->diag);
}

void keep_open(struct keep *k) {
    if (keep_try(k) != VCH_OK) fail_msg("%s", k->diag.message);
}

void keep_close(struct keep *k) {
    struct vch_messages *m = k->m;
    k->m = NULL;
    if (vch_messages_close(m, &k->diag) != VCH_OK) fail_msg("%s", k->diag.message);
}

void keep_again(struct keep *k) {
    keep_close(k);
    keep_open(k);
}

/* ---- reading --------------------------------------------------------------------------- */

static void line(struct keep *k, const char *fmt, ...) VCH_PRINTF(2, 3);
static void line(struct keep *k, const char *fmt, ...) {
    size_t len = strlen(k->text);
    va_list args;
    va_start(args, fmt);
    int more = vsnprintf(k->text + len, sizeof k->text - len, fmt, args);
    va_end(args);
    assert_true(more > 0 && len + (size_t)more < sizeof k->text);
}

static enum vch_err on_message(void *arg, const struct vch_row_message *row) {
    line(arg, "message %llu %.*s=%.*s (%.*s) %lld %lld %lld\n", (unsigned long long)row->id, VCH_STR_ARG(row->topic),
         VCH_STR_ARG(row->payload), VCH_STR_ARG(row->properties), (long long)row->qos, (long long)row->published_ms,
         (long long)row->expires_ms);
    return VCH_OK;
}
static enum vch_err on_session(void *arg, const struct vch_row_session *row) {
    line(arg, "session %llu %.*s of %.*s %lld %lld %lld\n", (unsigned long long)row->key, VCH_STR_ARG(row->client_id),
         VCH_STR_ARG(row->principal), (long long)row->level, (long long)row->expiry_s, (long long)row->disconnected_ms);
    return VCH_OK;
}
static enum vch_err on_sub(void *arg, const struct vch_row_sub *row) {
    line(arg, " sub %.*s %lld %lld\n", VCH_STR_ARG(row->filter), (long long)row->options, (long long)row->identifier);
    return VCH_OK;
}
static enum vch_err on_entry(void *arg, const struct vch_row_entry *row) {
    line(arg, " entry %llu of %llu qos %lld state %lld id %lld retain %lld (%.*s)\n", (unsigned long long)row->seq,
         (unsigned long long)row->message_id, (long long)row->qos, (long long)row->state, (long long)row->packet_id,
         (long long)row->retain, VCH_STR_ARG(row->identifiers));
    return VCH_OK;
}
static enum vch_err on_received(void *arg, uint16_t packet_id) {
    line(arg, " received %u\n", packet_id);
    return VCH_OK;
}
static enum vch_err on_will(void *arg, const struct vch_row_will *row) {
    line(arg, " will %llu %lld %lld\n", (unsigned long long)row->message_id, (long long)row->delay_s, (long long)row->retain);
    return VCH_OK;
}
static enum vch_err on_retained(void *arg, uint64_t message_id) {
    line(arg, "retained %llu\n", (unsigned long long)message_id);
    return VCH_OK;
}

const char *keep_read(struct keep *k) {
    const struct vch_messages_reader reader = {on_message,  on_session, on_sub,      on_entry,
                                               on_received, on_will,    on_retained, k};
    k->text[0] = '\0';
    vch_diag_clear(&k->diag);
    if (vch_messages_read(k->m, &reader, &k->diag) != VCH_OK) fail_msg("%s", k->diag.message);
    return k->text;
}

int64_t keep_ask(struct keep *k, const char *sql) {
    sqlite3 *db;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_open(k->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return number;
}

void keep_run(struct keep *k, const char *sql) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(k->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* ---- writing ----------------------------------------------------------------------------- */

static void settled(void *arg, enum vch_err err) {
    struct ticket *ticket = arg;
    if (err != VCH_OK) atomic_fetch_add(&ticket->failed, 1);
    atomic_fetch_sub(&ticket->left, 1);
}

struct vch_messages_wait ticket_of(struct ticket *ticket) {
    if (!ticket) return (struct vch_messages_wait){NULL, NULL};
    atomic_fetch_add(&ticket->left, 1);
    return (struct vch_messages_wait){settled, ticket};
}

void ticket_wait(struct ticket *ticket) {
    const struct timespec pause = {0, 200000};
    int64_t until_ms = vch_mono_ms() + 10000;
    while (atomic_load(&ticket->left) > 0 && vch_mono_ms() < until_ms) (void)nanosleep(&pause, NULL);
    assert_int_equal(atomic_load(&ticket->left), 0);
}

void put_session(struct keep *k, uint64_t key, const char *client_id) {
    const struct vch_row_session row = {
        .key = key, .client_id = vch_str_from(client_id), .principal = VCH_STR("cert"), .level = 4, .expiry_s = 60};
    vch_messages_session_put(k->m, &row, ticket_of(NULL));
}

/* Topic and payload live in the owner, as those of a message do. */
static struct vch_row_message message_row(uint64_t id, const char *topic, const char *payload, void **ret_owner) {
    size_t topic_len = strlen(topic), payload_len = strlen(payload);
    char *owner = malloc(topic_len + payload_len + 1);
    assert_non_null(owner);
    memcpy(owner, topic, topic_len);
    memcpy(owner + topic_len, payload, payload_len + 1);
    atomic_fetch_add(&owners, 1);
    *ret_owner = owner;
    return (struct vch_row_message){.id = id,
                                    .topic = vch_str_of(owner, topic_len),
                                    .payload = vch_str_of(owner + topic_len, payload_len),
                                    .properties = VCH_STR("props"),
                                    .qos = 1,
                                    .published_ms = 11,
                                    .expires_ms = 22};
}

void put_entry(struct keep *k, uint64_t key, uint64_t seq, uint64_t id, const char *payload, struct ticket *ticket) {
    void *owner;
    const struct vch_row_message message = message_row(id, "t", payload, &owner);
    const struct vch_row_entry row = {.seq = seq, .qos = 1, .identifiers = VCH_STR("ids")};
    vch_messages_entry_put(k->m, key, &row, &message, owner, ticket_of(ticket));
}

void put_retained(struct keep *k, uint64_t id, const char *topic, const char *payload, struct ticket *ticket) {
    void *owner;
    const struct vch_row_message message = message_row(id, topic, payload, &owner);
    vch_messages_retained_put(k->m, &message, owner, ticket_of(ticket));
}
