/* The message store's file: its form, and batches written into it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/map.h"
#include "store/messages_priv.h"
#include "store/sql_priv.h"
#include "store/sqlite_priv.h"

enum { FORM_VERSION = 1, APPLICATION = 0x7663686d, BUSY_MS = 5000 };

static const char form[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE sessions (key INTEGER PRIMARY KEY, client_id TEXT NOT NULL, principal TEXT NOT NULL,"
    " level INTEGER NOT NULL, expiry_s INTEGER NOT NULL, disconnected_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE subs (session INTEGER NOT NULL, filter TEXT NOT NULL, options INTEGER NOT NULL,"
    " identifier INTEGER NOT NULL, PRIMARY KEY (session, filter)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE entries (session INTEGER NOT NULL, seq INTEGER NOT NULL, message INTEGER NOT NULL,"
    " state INTEGER NOT NULL, packet_id INTEGER NOT NULL, qos INTEGER NOT NULL, retain INTEGER NOT NULL,"
    " identifiers BLOB NOT NULL, PRIMARY KEY (session, seq)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE received (session INTEGER NOT NULL, packet_id INTEGER NOT NULL,"
    " PRIMARY KEY (session, packet_id)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE wills (session INTEGER PRIMARY KEY, message INTEGER NOT NULL, delay_s INTEGER NOT NULL,"
    " retain INTEGER NOT NULL) STRICT;"
    "CREATE TABLE retained (topic TEXT NOT NULL PRIMARY KEY, message INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE messages (id INTEGER PRIMARY KEY, refs INTEGER NOT NULL, topic TEXT NOT NULL,"
    " properties BLOB NOT NULL, payload BLOB NOT NULL, qos INTEGER NOT NULL, published_ms INTEGER NOT NULL,"
    " expires_ms INTEGER NOT NULL) STRICT;"
    "PRAGMA application_id = 1986226285;"
    "PRAGMA user_version = 1;"
    "COMMIT;";

/* Nobody else reads the file while it is served, so its index of the log need not be shared. */
static const char setup[] = "PRAGMA locking_mode = EXCLUSIVE;"
                            "PRAGMA journal_mode = WAL;"
                            "PRAGMA synchronous = FULL;"
                            "PRAGMA temp_store = MEMORY;"
                            "PRAGMA trusted_schema = OFF;"
                            "PRAGMA cache_size = -16384;"
                            "PRAGMA wal_autocheckpoint = 4000;"
                            "PRAGMA journal_size_limit = 67108864;";

/* ---- the file ------------------------------------------------------------------------ */

static enum vch_err failed(struct vch_messages *m, int code, struct vch_diag *diag) {
    enum vch_err err = vch_sqlite_class(code);
    if ((code & 0xFF) == SQLITE_CORRUPT || (code & 0xFF) == SQLITE_NOTADB) err = VCH_ERR_MALFORMED;
    return VCH_REFUSE(diag, err, STORE_FAILED, "", "The message store %s failed: %s.", m->path, sqlite3_errmsg(m->db));
}

static enum vch_err damaged(struct vch_messages *m, const char *how, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_MALFORMED, STORE_FAILED, "",
                      "The message store %s is damaged (%s). Bring back a copy, or move it away to begin without stored "
                      "sessions and retained messages.",
                      m->path, how);
}

/* The first column of the first row. */
static int ask(sqlite3 *db, const char *text, int64_t *ret_number, char *ret_text, size_t size) {
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(db, text, -1, &stmt, NULL);
    if (code == SQLITE_OK) code = sqlite3_step(stmt);
    if (code == SQLITE_ROW && ret_number) *ret_number = sqlite3_column_int64(stmt, 0);
    if (code == SQLITE_ROW && ret_text) (void)vch_str_copy(ret_text, size, vch_sqlite_bytes(stmt, 0));
    (void)sqlite3_finalize(stmt);
    return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static enum vch_err read_failed(struct vch_messages *m, int code, struct vch_diag *diag) {
    bool corrupt = (code & 0xFF) == SQLITE_CORRUPT || (code & 0xFF) == SQLITE_NOTADB;
    return corrupt ? damaged(m, sqlite3_errmsg(m->db), diag) : failed(m, code, diag);
}

/* Only reads: a file that is not ours stays as it is. */
static enum vch_err check_form(struct vch_messages *m, bool *ret_new, struct vch_diag *diag) {
    int64_t application = 0, version = 0, tables = 0;
    char verdict[256] = "";
    int code = ask(m->db, "PRAGMA application_id", &application, NULL, 0);
    if (!code) code = ask(m->db, "PRAGMA user_version", &version, NULL, 0);
    if (!code) code = ask(m->db, "SELECT COUNT(*) FROM sqlite_schema", &tables, NULL, 0);
    if (code) return read_failed(m, code, diag);
    *ret_new = application == 0 && version == 0 && tables == 0;
    if (*ret_new) return VCH_OK;
    if (application != APPLICATION) return damaged(m, "it is not a message store", diag);
    if (version > FORM_VERSION)
        return VCH_REFUSE(diag, VCH_ERR_STATE, STORE_FAILED, "",
                          "The message store %s has version %lld; this program knows versions up to %d. Use the newer program.",
                          m->path, (long long)version, (int)FORM_VERSION);
    code = ask(m->db, "PRAGMA quick_check(1)", NULL, verdict, sizeof verdict);
    if (code) return read_failed(m, code, diag);
    return strcmp(verdict, "ok") == 0 ? VCH_OK : damaged(m, verdict, diag);
}

static enum vch_err last_numbers(struct vch_messages *m, struct vch_diag *diag) {
    int64_t key = 0, id = 0;
    int code = ask(m->db, "SELECT MAX(key) FROM sessions", &key, NULL, 0);
    if (!code) code = ask(m->db, "SELECT MAX(id) FROM messages", &id, NULL, 0);
    if (code) return read_failed(m, code, diag);
    m->last_key = (uint64_t)key;
    m->last_id = (uint64_t)id;
    return VCH_OK;
}

enum vch_err vch_messages_file_open(struct vch_messages *m, struct vch_diag *diag) {
    bool is_new = false;
    vch_sqlite_configure();
    VCH_TRY(vch_sqlite_make_file(m->path, diag));
    int code = sqlite3_open_v2(m->path, &m->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK) return failed(m, code, diag);
    (void)sqlite3_extended_result_codes(m->db, 1);
    (void)sqlite3_busy_timeout(m->db, BUSY_MS);
    VCH_TRY(check_form(m, &is_new, diag));
    code = sqlite3_exec(m->db, setup, NULL, NULL, NULL);
    if (code == SQLITE_OK && is_new) code = sqlite3_exec(m->db, form, NULL, NULL, NULL);
    if (code != SQLITE_OK) return read_failed(m, code, diag);
    return last_numbers(m, diag);
}

void vch_messages_file_close(struct vch_messages *m) {
    for (sqlite3_stmt *stmt; m->db && (stmt = sqlite3_next_stmt(m->db, NULL));) (void)sqlite3_finalize(stmt);
    if (m->db) vch_assert(sqlite3_close(m->db) == SQLITE_OK);
    m->db = NULL;
}

/* ---- statements ------------------------------------------------------------------------- */

enum statement {
    BEGIN_BATCH,
    COMMIT_BATCH,
    ROLLBACK_BATCH,
    SESSION_PUT,
    SESSION_DROP,
    SUBS_DROP,
    ENTRIES_DROP,
    ALL_RECEIVED_DROP,
    SUB_PUT,
    SUB_DROP,
    ENTRY_PUT,
    ENTRY_MARK,
    ENTRY_DROP,
    RECEIVED_PUT,
    RECEIVED_DROP,
    WILL_PUT,
    WILL_DROP,
    RETAINED_PUT,
    RETAINED_DROP,
    MESSAGE_GAINS,
    MESSAGE_GOES,
    MESSAGE_LOSES,
    STATEMENT_COUNT
};
_Static_assert((int)STATEMENT_COUNT <= (int)VCH_MESSAGES_STATEMENTS, "one slot for each statement");

static const char *const texts[STATEMENT_COUNT] = {
    [BEGIN_BATCH] = "BEGIN IMMEDIATE",
    [COMMIT_BATCH] = "COMMIT",
    [ROLLBACK_BATCH] = "ROLLBACK",
    [SESSION_PUT] = "INSERT INTO sessions VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (key) DO UPDATE SET"
                    " principal = excluded.principal, level = excluded.level, expiry_s = excluded.expiry_s,"
                    " disconnected_ms = excluded.disconnected_ms",
    [SESSION_DROP] = "DELETE FROM sessions WHERE key = ?1",
    [SUBS_DROP] = "DELETE FROM subs WHERE session = ?1",
    [ENTRIES_DROP] = "DELETE FROM entries WHERE session = ?1 RETURNING message",
    [ALL_RECEIVED_DROP] = "DELETE FROM received WHERE session = ?1",
    [SUB_PUT] = "INSERT INTO subs VALUES (?1, ?2, ?3, ?4) ON CONFLICT (session, filter) DO UPDATE SET"
                " options = excluded.options, identifier = excluded.identifier",
    [SUB_DROP] = "DELETE FROM subs WHERE session = ?1 AND filter = ?2",
    [ENTRY_PUT] = "INSERT OR REPLACE INTO entries VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [ENTRY_MARK] = "UPDATE entries SET state = ?3, packet_id = ?4 WHERE session = ?1 AND seq = ?2",
    [ENTRY_DROP] = "DELETE FROM entries WHERE session = ?1 AND seq = ?2 RETURNING message",
    [RECEIVED_PUT] = "INSERT OR IGNORE INTO received VALUES (?1, ?2)",
    [RECEIVED_DROP] = "DELETE FROM received WHERE session = ?1 AND packet_id = ?2",
    [WILL_PUT] = "INSERT INTO wills VALUES (?1, ?2, ?3, ?4)",
    [WILL_DROP] = "DELETE FROM wills WHERE session = ?1 RETURNING message",
    [RETAINED_PUT] = "INSERT INTO retained VALUES (?1, ?2)",
    [RETAINED_DROP] = "DELETE FROM retained WHERE topic = ?1 RETURNING message",
    [MESSAGE_GAINS] = "INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
                      " ON CONFLICT (id) DO UPDATE SET refs = refs + excluded.refs",
    [MESSAGE_GOES] = "DELETE FROM messages WHERE id = ?1 AND refs <= ?2",
    [MESSAGE_LOSES] = "UPDATE messages SET refs = refs - ?2 WHERE id = ?1",
};

static int start(struct vch_messages *m, enum statement what, const struct vch_sql_arg *args, size_t count) {
    sqlite3_stmt **stmt = &m->statements[what];
    int code = SQLITE_OK;
    if (!*stmt) code = sqlite3_prepare_v3(m->db, texts[what], -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
    for (size_t i = 0; code == SQLITE_OK && i < count; i++) code = vch_sqlite_bind(*stmt, (int)i + 1, &args[i]);
    return code;
}

static enum vch_err run(struct vch_messages *m, enum statement what, const struct vch_sql_arg *args, size_t count,
                        struct vch_diag *diag) {
    int code = start(m, what, args, count);
    if (code == SQLITE_OK) {
        (void)sqlite3_step(m->statements[what]);
        code = sqlite3_reset(m->statements[what]);
    }
    return code == SQLITE_OK ? VCH_OK : failed(m, code, diag);
}

/* ---- references --------------------------------------------------------------------------- */

static bool same_message(const void *value, const void *wanted) {
    const struct vch_messages_ref *ref = value;
    return ref && ref->id == *(const uint64_t *)wanted;
}

static enum vch_err count_ref(struct vch_messages *m, uint64_t id, int by, const struct vch_row_message *row) {
    uint64_t hash = vch_hash(vch_str_of(&id, sizeof id));
    struct vch_messages_slot *slot = vch_messages_slot(&m->slots, hash, same_message, &id);
    if (!slot) return VCH_ERR_NOMEM;
    struct vch_messages_ref *ref = slot->value;
    if (!ref) {
        slot->value = ref = calloc(1, sizeof *ref);
        if (!ref) return VCH_ERR_NOMEM;
        ref->id = id;
        ref->next = m->refs;
        m->refs = ref;
    }
    ref->by += by;
    if (row) ref->row = row;
    return VCH_OK;
}

static void forget_refs(struct vch_messages *m) {
    while (m->refs) {
        struct vch_messages_ref *ref = m->refs;
        m->refs = ref->next;
        free(ref);
    }
    vch_messages_slots_forget(&m->slots);
}

static enum vch_err write_ref(struct vch_messages *m, const struct vch_messages_ref *ref, struct vch_diag *diag) {
    const struct vch_row_message *row = ref->row;
    if (ref->by == 0) return VCH_OK;
    if (ref->by > 0 && row)
        return run(m, MESSAGE_GAINS,
                   VCH_ARGS(VCH_I((int64_t)ref->id), VCH_I(ref->by), VCH_T(row->topic), VCH_B(row->properties),
                            VCH_B(row->payload), VCH_I(row->qos), VCH_I(row->published_ms), VCH_I(row->expires_ms)),
                   diag);
    VCH_TRY(run(m, MESSAGE_GOES, VCH_ARGS(VCH_I((int64_t)ref->id), VCH_I(-ref->by)), diag));
    if (sqlite3_changes(m->db) > 0) return VCH_OK;
    return run(m, MESSAGE_LOSES, VCH_ARGS(VCH_I((int64_t)ref->id), VCH_I(-ref->by)), diag);
}

/* A statement that returns the messages which lose a reference. */
static enum vch_err drop(struct vch_messages *m, enum statement what, const struct vch_sql_arg *args, size_t count,
                         struct vch_diag *diag) {
    int code = start(m, what, args, count);
    enum vch_err err = VCH_OK;
    while (code == SQLITE_OK && err == VCH_OK && sqlite3_step(m->statements[what]) == SQLITE_ROW)
        err = count_ref(m, (uint64_t)sqlite3_column_int64(m->statements[what], 0), -1, NULL);
    if (code == SQLITE_OK) code = sqlite3_reset(m->statements[what]);
    return code != SQLITE_OK ? failed(m, code, diag) : err;
}

/* ---- changes -------------------------------------------------------------------------------- */

#define KEY VCH_I((int64_t)c->key)
#define SEQ VCH_I((int64_t)c->seq)
#define N(i) VCH_I(c->number[i])
#define MESSAGE VCH_I((int64_t)c->message.id)

static enum vch_err drop_session(struct vch_messages *m, const struct vch_messages_change *c, struct vch_diag *diag) {
    VCH_TRY(drop(m, ENTRIES_DROP, VCH_ARGS(KEY), diag));
    VCH_TRY(drop(m, WILL_DROP, VCH_ARGS(KEY), diag));
    VCH_TRY(run(m, SUBS_DROP, VCH_ARGS(KEY), diag));
    VCH_TRY(run(m, ALL_RECEIVED_DROP, VCH_ARGS(KEY), diag));
    return run(m, SESSION_DROP, VCH_ARGS(KEY), diag);
}

static enum vch_err put_will(struct vch_messages *m, const struct vch_messages_change *c, struct vch_diag *diag) {
    VCH_TRY(drop(m, WILL_DROP, VCH_ARGS(KEY), diag));
    VCH_TRY(run(m, WILL_PUT, VCH_ARGS(KEY, MESSAGE, N(0), N(1)), diag));
    return count_ref(m, c->message.id, 1, &c->message);
}

static enum vch_err put_retained(struct vch_messages *m, const struct vch_messages_change *c, struct vch_diag *diag) {
    VCH_TRY(drop(m, RETAINED_DROP, VCH_ARGS(VCH_T(c->text)), diag));
    VCH_TRY(run(m, RETAINED_PUT, VCH_ARGS(VCH_T(c->text), MESSAGE), diag));
    return count_ref(m, c->message.id, 1, &c->message);
}

static enum vch_err put_entry(struct vch_messages *m, const struct vch_messages_change *c, struct vch_diag *diag) {
    VCH_TRY(run(m, ENTRY_PUT, VCH_ARGS(KEY, SEQ, MESSAGE, N(0), N(1), N(2), N(3), VCH_B(c->text)), diag));
    return count_ref(m, c->message.id, 1, &c->message);
}

static enum vch_err apply_one(struct vch_messages *m, const struct vch_messages_change *c, struct vch_diag *diag) {
    switch (c->what) {
    case CHANGE_SESSION_PUT:
        return run(m, SESSION_PUT, VCH_ARGS(KEY, VCH_T(c->text), VCH_T(c->second), N(0), N(1), N(2)), diag);
    case CHANGE_SESSION_DROP: return drop_session(m, c, diag);
    case CHANGE_SUB_PUT: return run(m, SUB_PUT, VCH_ARGS(KEY, VCH_T(c->text), N(0), N(1)), diag);
    case CHANGE_SUB_DROP: return run(m, SUB_DROP, VCH_ARGS(KEY, VCH_T(c->text)), diag);
    case CHANGE_ENTRY_PUT: return put_entry(m, c, diag);
    case CHANGE_ENTRY_MARK: return run(m, ENTRY_MARK, VCH_ARGS(KEY, SEQ, N(0), N(1)), diag);
    case CHANGE_ENTRY_DROP: return drop(m, ENTRY_DROP, VCH_ARGS(KEY, SEQ), diag);
    case CHANGE_RECEIVED_PUT: return run(m, RECEIVED_PUT, VCH_ARGS(KEY, SEQ), diag);
    case CHANGE_RECEIVED_DROP: return run(m, RECEIVED_DROP, VCH_ARGS(KEY, SEQ), diag);
    case CHANGE_WILL_PUT: return put_will(m, c, diag);
    case CHANGE_WILL_DROP: return drop(m, WILL_DROP, VCH_ARGS(KEY), diag);
    case CHANGE_RETAINED_PUT: return put_retained(m, c, diag);
    case CHANGE_RETAINED_DROP: return drop(m, RETAINED_DROP, VCH_ARGS(VCH_T(c->text)), diag);
    case CHANGE_COUNT: break;
    }
    return VCH_ERR_INTERNAL;
}

static void delay_commit(int64_t delay_us) {
    struct timespec t = {delay_us / 1000000, (long)(delay_us % 1000000) * 1000};
    if (delay_us > 0) (void)nanosleep(&t, NULL);
}

static enum vch_err apply_all(struct vch_messages *m, uint64_t *ret_written, struct vch_diag *diag) {
    VCH_TRY(run(m, BEGIN_BATCH, NULL, 0, diag));
    for (const struct vch_messages_change *c = m->held.first; c; c = c->next) {
        if (c->is_void) continue;
        VCH_TRY(apply_one(m, c, diag));
        ++*ret_written;
    }
    for (const struct vch_messages_ref *ref = m->refs; ref; ref = ref->next) VCH_TRY(write_ref(m, ref, diag));
    delay_commit(m->options.commit_delay_us);
    return run(m, COMMIT_BATCH, NULL, 0, diag);
}

enum vch_err vch_messages_apply(struct vch_messages *m, struct vch_diag *diag) {
    uint64_t written = 0;
    forget_refs(m);
    enum vch_err err = apply_all(m, &written, diag);
    forget_refs(m);
    if (err == VCH_OK) {
        m->written += written;
        return VCH_OK;
    }
    /* A full disk may have rolled back by itself. */
    if (!sqlite3_get_autocommit(m->db)) (void)!run(m, ROLLBACK_BATCH, NULL, 0, NULL);
    return VCH_REFUSE(diag, err, STORE_FAILED, "", "Memory is out.");
}
