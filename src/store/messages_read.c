/* Reading the message store, whole, before anything is written to it. */
#include <inttypes.h>

#include "store/messages_priv.h"
#include "store/sql_priv.h"
#include "store/sqlite_priv.h"

struct reading {
    struct vch_messages *m;
    const struct vch_messages_reader *reader;
    sqlite3_stmt *stmt; /* the innermost */
    struct vch_diag *diag;
};
typedef enum vch_err row_fn(struct reading *r);

static enum vch_err read_failed(const struct reading *r, const char *how) {
    return VCH_REFUSE(r->diag, VCH_ERR_MALFORMED, STORE_FAILED, "",
                      "The message store %s is damaged (%s). Bring back a copy, or move it away to begin without stored "
                      "sessions and retained messages.",
                      r->m->path, how);
}

static int64_t number(const struct reading *r, int column) {
    return sqlite3_column_int64(r->stmt, column);
}

static struct vch_str bytes(const struct reading *r, int column) {
    return vch_sqlite_bytes(r->stmt, column);
}

/* All rows of a query whose one parameter is `key`. */
static enum vch_err each(struct reading *r, const char *text, uint64_t key, row_fn *fn) {
    sqlite3_stmt *outer = r->stmt, *stmt = NULL;
    int code = sqlite3_prepare_v2(r->m->db, text, -1, &stmt, NULL);
    if (code == SQLITE_OK && sqlite3_bind_parameter_count(stmt)) code = sqlite3_bind_int64(stmt, 1, (int64_t)key);
    enum vch_err err = VCH_OK;
    while (code == SQLITE_OK && err == VCH_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        r->stmt = stmt;
        err = fn(r);
        code = SQLITE_OK;
    }
    r->stmt = outer;
    (void)sqlite3_finalize(stmt);
    if (err != VCH_OK) return err;
    return code == SQLITE_DONE ? VCH_OK : read_failed(r, sqlite3_errmsg(r->m->db));
}

static enum vch_err read_message(struct reading *r) {
    const struct vch_row_message row = {.id = (uint64_t)number(r, 0),
                                        .topic = bytes(r, 1),
                                        .properties = bytes(r, 2),
                                        .payload = bytes(r, 3),
                                        .qos = number(r, 4),
                                        .published_ms = number(r, 5),
                                        .expires_ms = number(r, 6)};
    return r->reader->message(r->reader->arg, &row);
}

static enum vch_err read_sub(struct reading *r) {
    const struct vch_row_sub row = {bytes(r, 0), number(r, 1), number(r, 2)};
    return r->reader->sub(r->reader->arg, &row);
}

static enum vch_err read_entry(struct reading *r) {
    const struct vch_row_entry row = {.seq = (uint64_t)number(r, 0),
                                      .message_id = (uint64_t)number(r, 1),
                                      .state = number(r, 2),
                                      .packet_id = number(r, 3),
                                      .qos = number(r, 4),
                                      .retain = number(r, 5),
                                      .identifiers = bytes(r, 6)};
    return r->reader->entry(r->reader->arg, &row);
}

static enum vch_err read_received(struct reading *r) {
    return r->reader->received(r->reader->arg, (uint16_t)number(r, 0));
}

static enum vch_err read_will(struct reading *r) {
    const struct vch_row_will row = {(uint64_t)number(r, 0), number(r, 1), number(r, 2)};
    return r->reader->will(r->reader->arg, &row);
}

static enum vch_err read_session(struct reading *r) {
    const struct vch_row_session row = {.key = (uint64_t)number(r, 0),
                                        .client_id = bytes(r, 1),
                                        .principal = bytes(r, 2),
                                        .level = number(r, 3),
                                        .expiry_s = number(r, 4),
                                        .disconnected_ms = number(r, 5)};
    uint64_t key = row.key;
    VCH_TRY(r->reader->session(r->reader->arg, &row));
    VCH_TRY(each(r, "SELECT filter, options, identifier FROM subs WHERE session = ?1", key, read_sub));
    VCH_TRY(each(r,
                 "SELECT seq, message, state, packet_id, qos, retain, identifiers FROM entries WHERE session = ?1"
                 " ORDER BY seq",
                 key, read_entry));
    VCH_TRY(each(r, "SELECT packet_id FROM received WHERE session = ?1", key, read_received));
    return each(r, "SELECT message, delay_s, retain FROM wills WHERE session = ?1", key, read_will);
}

static enum vch_err read_retained(struct reading *r) {
    return r->reader->retained(r->reader->arg, (uint64_t)number(r, 0));
}

static enum vch_err read_stray(struct reading *r) {
    return read_failed(r, "rows of a session or message that is not there");
}

/* What refers to nothing would be passed over in silence. */
static const char strays[] = "SELECT 1 FROM entries WHERE session NOT IN (SELECT key FROM sessions)"
                             " UNION ALL SELECT 1 FROM entries WHERE message NOT IN (SELECT id FROM messages)"
                             " UNION ALL SELECT 1 FROM subs WHERE session NOT IN (SELECT key FROM sessions)"
                             " UNION ALL SELECT 1 FROM wills WHERE message NOT IN (SELECT id FROM messages)"
                             " UNION ALL SELECT 1 FROM retained WHERE message NOT IN (SELECT id FROM messages) LIMIT 1";

static enum vch_err read_all(struct reading *r) {
    VCH_TRY(each(r, strays, 0, read_stray));
    VCH_TRY(each(r, "SELECT id, topic, properties, payload, qos, published_ms, expires_ms FROM messages ORDER BY id", 0,
                 read_message));
    VCH_TRY(each(r, "SELECT key, client_id, principal, level, expiry_s, disconnected_ms FROM sessions ORDER BY key", 0,
                 read_session));
    return each(r, "SELECT message FROM retained ORDER BY topic", 0, read_retained);
}

enum vch_err vch_messages_read(struct vch_messages *m, const struct vch_messages_reader *reader, struct vch_diag *diag) {
    struct reading r = {.m = m, .reader = reader, .diag = diag};
    (void)pthread_mutex_lock(&m->file_lock);
    enum vch_err err = read_all(&r);
    (void)pthread_mutex_unlock(&m->file_lock);
    return err;
}
