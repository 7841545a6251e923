/* The embedded database: one file beside its write-ahead log. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/reason.h"
#include "store/sqlite_priv.h"

enum { BUSY_MS = 10000 };

struct vch_sql_rows {
    sqlite3_stmt *stmt;
    struct lite *db;
    bool open;
    bool once; /* ends with its one use */
};

struct lite {
    struct vch_sql base;
    sqlite3 *handle;
    struct vch_sql_rows rows[VCH_Q_COUNT];
    sqlite3_stmt *controls[VCH_SQL_CONTROL_COUNT];
};

enum vch_err vch_sqlite_class(int code) {
    switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_INTERRUPT:
        return VCH_ERR_UNAVAILABLE;
    case SQLITE_NOMEM:
        return VCH_ERR_NOMEM;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_PERM:
        return VCH_ERR_IO;
    default:
        return VCH_ERR_INTERNAL;
    }
}

static enum vch_err failed(struct lite *db, int code, struct vch_diag *diag) {
    if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_ROWID)
        return VCH_ERR_EXISTS;
    if (code == SQLITE_CONSTRAINT_FOREIGNKEY) return VCH_ERR_CONFLICT;
    db->base.failed = true;
    return VCH_REFUSE(diag, vch_sqlite_class(code), STORE_FAILED, "", "The database failed: %s.", sqlite3_errmsg(db->handle));
}

/* Before SQLite's first use. Its memory statistics cost a lock per allocation;
 * its journal of savepoints would spill to a file in a folder that the jailed
 * process does not have. Already initialised: it works all the same. */
static void configure(void) {
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    (void)sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, -1);
}

void vch_sqlite_configure(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, configure);
}

static const char writer_setup[] = "PRAGMA journal_mode = WAL;"
                                   "PRAGMA synchronous = FULL;"
                                   "PRAGMA foreign_keys = ON;"
                                   "PRAGMA temp_store = MEMORY;"
                                   "PRAGMA trusted_schema = OFF;"
                                   "PRAGMA cache_size = -32768;"
                                   "PRAGMA wal_autocheckpoint = 4000;"
                                   "PRAGMA journal_size_limit = 67108864;";
static const char reader_setup[] = "PRAGMA query_only = ON;"
                                   "PRAGMA temp_store = MEMORY;"
                                   "PRAGMA trusted_schema = OFF;";

/* SQLite would create the file readable to all; its log takes the file's mode. */
enum vch_err vch_sqlite_make_file(const char *path, struct vch_diag *diag) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return VCH_REFUSE(diag, VCH_ERR_IO, STORE_FAILED, "", "The database %s cannot be opened: %s.", path,
                          strerror(errno));
    (void)close(fd);
    return VCH_OK;
}

static void lite_close(struct vch_sql *base) {
    if (!base) return;
    struct lite *db = (struct lite *)base;
    for (size_t i = 0; i < VCH_Q_COUNT; i++) (void)sqlite3_finalize(db->rows[i].stmt);
    for (size_t i = 0; i < VCH_SQL_CONTROL_COUNT; i++) (void)sqlite3_finalize(db->controls[i]);
    vch_assert(sqlite3_close(db->handle) == SQLITE_OK);
    free(db);
}

static enum vch_err set_up(struct lite *db, const char *path, bool writer, struct vch_diag *diag) {
    int code = sqlite3_open_v2(path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK) return failed(db, code, diag);
    (void)sqlite3_extended_result_codes(db->handle, 1);
    (void)sqlite3_busy_timeout(db->handle, BUSY_MS);
    code = sqlite3_exec(db->handle, writer ? writer_setup : reader_setup, NULL, NULL, NULL);
    return code == SQLITE_OK ? VCH_OK : failed(db, code, diag);
}

static enum vch_err lite_open(const char *path, bool writer, struct vch_sql **ret, struct vch_diag *diag) {
    vch_sqlite_configure();
    *ret = NULL;
    if (writer) VCH_TRY(vch_sqlite_make_file(path, diag));
    struct lite *db = calloc(1, sizeof *db);
    if (!db) return VCH_REFUSE(diag, VCH_ERR_NOMEM, STORE_FAILED, "", "Memory is out.");
    db->base.driver = &vch_sql_sqlite;
    enum vch_err err = set_up(db, path, writer, diag);
    if (err != VCH_OK) {
        lite_close(&db->base);
        return err;
    }
    *ret = &db->base;
    return VCH_OK;
}

static enum vch_err lite_script(struct vch_sql *base, const char *text, struct vch_diag *diag) {
    struct lite *db = (struct lite *)base;
    int code = sqlite3_exec(db->handle, text, NULL, NULL, NULL);
    return code == SQLITE_OK ? VCH_OK : failed(db, code, diag);
}

static enum vch_err run_control(struct lite *db, enum vch_sql_control what, struct vch_diag *diag) {
    static const char *const texts[VCH_SQL_CONTROL_COUNT] = {
        [VCH_SQL_BEGIN_WRITE] = "BEGIN IMMEDIATE", [VCH_SQL_BEGIN_READ] = "BEGIN",
        [VCH_SQL_SAVEPOINT] = "SAVEPOINT plan",
        [VCH_SQL_RELEASE] = "RELEASE plan",        [VCH_SQL_ROLLBACK_TO] = "ROLLBACK TO plan",
        [VCH_SQL_COMMIT] = "COMMIT",               [VCH_SQL_ROLLBACK] = "ROLLBACK",
    };
    sqlite3_stmt **stmt = &db->controls[what];
    int code = SQLITE_OK;
    if (!*stmt) code = sqlite3_prepare_v3(db->handle, texts[what], -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
    if (code == SQLITE_OK) {
        (void)sqlite3_step(*stmt);
        code = sqlite3_reset(*stmt);
    }
    return code == SQLITE_OK ? VCH_OK : failed(db, code, diag);
}

static enum vch_err lite_control(struct vch_sql *base, enum vch_sql_control what, struct vch_diag *diag) {
    struct lite *db = (struct lite *)base;
    /* An outage may have rolled back by itself. */
    if (what == VCH_SQL_ROLLBACK && sqlite3_get_autocommit(db->handle)) return VCH_OK;
    enum vch_err err = run_control(db, what, diag);
    if (err == VCH_OK && what == VCH_SQL_ROLLBACK_TO) return run_control(db, VCH_SQL_RELEASE, diag);
    if (err == VCH_OK || what != VCH_SQL_COMMIT || sqlite3_get_autocommit(db->handle)) return err;
    /* A commit that found the log busy would stay open. */
    (void)run_control(db, VCH_SQL_ROLLBACK, NULL);
    return err;
}

/* SQLite numbers $1 by first appearance; ?1 is what it says. */
static enum vch_err prepare(struct lite *db, const char *query, unsigned flags, sqlite3_stmt **ret, struct vch_diag *diag) {
    char *text = strdup(query);
    if (!text) return VCH_REFUSE(diag, VCH_ERR_NOMEM, STORE_FAILED, "", "Memory is out.");
    for (char *at = text; (at = strchr(at, '$'));) *at = '?';
    int code = sqlite3_prepare_v3(db->handle, text, -1, flags, ret, NULL);
    free(text);
    return code == SQLITE_OK ? VCH_OK : failed(db, code, diag);
}

int vch_sqlite_bind(sqlite3_stmt *stmt, int at, const struct vch_sql_arg *arg) {
    const char *ptr = arg->bytes.ptr ? arg->bytes.ptr : "";
    switch (arg->type) {
    case VCH_SQL_TEXT:
        return sqlite3_bind_text64(stmt, at, ptr, arg->bytes.len, SQLITE_STATIC, SQLITE_UTF8);
    case VCH_SQL_BLOB:
        return sqlite3_bind_blob64(stmt, at, ptr, arg->bytes.len, SQLITE_STATIC);
    case VCH_SQL_NULL:
        return sqlite3_bind_null(stmt, at);
    default:
        return sqlite3_bind_int64(stmt, at, arg->number);
    }
}

static enum vch_err bind_all(struct lite *db, sqlite3_stmt *stmt, const struct vch_sql_arg *args, size_t count,
                             struct vch_diag *diag) {
    vch_assert((size_t)sqlite3_bind_parameter_count(stmt) == count);
    for (size_t i = 0; i < count; i++) {
        int code = vch_sqlite_bind(stmt, (int)i + 1, &args[i]);
        if (code != SQLITE_OK) return failed(db, code, diag);
    }
    return VCH_OK;
}

static enum vch_err lite_start(struct vch_sql *base, enum vch_query query, const struct vch_sql_arg *args, size_t count,
                               struct vch_sql_rows **ret, struct vch_diag *diag) {
    struct lite *db = (struct lite *)base;
    struct vch_sql_rows *rows = &db->rows[query];
    *ret = NULL;
    if (!rows->stmt) VCH_TRY(prepare(db, vch_sql_queries[query], SQLITE_PREPARE_PERSISTENT, &rows->stmt, diag));
    vch_assert(!rows->open);
    VCH_TRY(bind_all(db, rows->stmt, args, count, diag));
    rows->db = db;
    rows->open = true;
    *ret = rows;
    return VCH_OK;
}

static enum vch_err lite_run_text(struct vch_sql *base, const char *text, const struct vch_sql_arg *args, size_t count,
                                  struct vch_sql_rows **ret, struct vch_diag *diag) {
    struct lite *db = (struct lite *)base;
    struct vch_sql_rows *rows = calloc(1, sizeof *rows);
    *ret = NULL;
    if (!rows) return VCH_REFUSE(diag, VCH_ERR_NOMEM, STORE_FAILED, "", "Memory is out.");
    enum vch_err err = prepare(db, text, 0, &rows->stmt, diag);
    if (!err) err = bind_all(db, rows->stmt, args, count, diag);
    if (err) {
        (void)sqlite3_finalize(rows->stmt);
        free(rows);
        return err;
    }
    rows->db = db;
    rows->open = rows->once = true;
    *ret = rows;
    return VCH_OK;
}

static enum vch_err lite_scan(struct vch_sql *base, const char *text, struct vch_sql_rows **ret, struct vch_diag *diag) {
    return lite_run_text(base, text, NULL, 0, ret, diag);
}

static enum vch_err lite_step(struct vch_sql_rows *rows, bool *ret_row, struct vch_diag *diag) {
    int code = sqlite3_step(rows->stmt);
    *ret_row = code == SQLITE_ROW;
    return code == SQLITE_ROW || code == SQLITE_DONE ? VCH_OK : failed(rows->db, code, diag);
}

/* The pointer first: asking for it may convert and so change the length. */
struct vch_str vch_sqlite_bytes(sqlite3_stmt *stmt, int column) {
    const void *ptr = sqlite3_column_blob(stmt, column);
    return vch_str_of(ptr, (size_t)sqlite3_column_bytes(stmt, column));
}

static struct vch_str lite_bytes(struct vch_sql_rows *rows, int column) {
    return vch_sqlite_bytes(rows->stmt, column);
}

static int64_t lite_number(struct vch_sql_rows *rows, int column) {
    return sqlite3_column_int64(rows->stmt, column);
}

static int64_t lite_changes(struct vch_sql_rows *rows) {
    return sqlite3_changes64(rows->db->handle);
}

static void lite_finish(struct vch_sql_rows *rows) {
    if (!rows || !rows->open) return;
    (void)sqlite3_reset(rows->stmt);
    rows->open = false;
    if (!rows->once) return;
    (void)sqlite3_finalize(rows->stmt);
    free(rows);
}

static bool lite_is_null(struct vch_sql_rows *rows, int column) {
    return sqlite3_column_type(rows->stmt, column) == SQLITE_NULL;
}

static enum vch_err lite_load_begin(struct vch_sql *base, struct vch_diag *diag) {
    return lite_script(base, "PRAGMA defer_foreign_keys = ON", diag); /* until the end of the transaction */
}

static enum vch_err lite_backup(struct vch_sql *base, const char *path, struct vch_diag *diag) {
    return vch_sqlite_copy(((struct lite *)base)->handle, path, NULL, diag);
}

const struct vch_sql_driver vch_sql_sqlite = {
    .scheme = "sqlite",
    .open = lite_open,
    .close = lite_close,
    .script = lite_script,
    .control = lite_control,
    .start = lite_start,
    .step = lite_step,
    .bytes = lite_bytes,
    .number = lite_number,
    .changes = lite_changes,
    .finish = lite_finish,
    .run_text = lite_run_text,
    .scan = lite_scan,
    .is_null = lite_is_null,
    .tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'schema_versions'"
              " ORDER BY rowid",
    .columns = "SELECT name, CASE type WHEN 'INTEGER' THEN 'i' WHEN 'BLOB' THEN 'b' ELSE 't' END FROM pragma_table_info($1)"
               " ORDER BY cid",
    .load_begin = lite_load_begin,
    .backup = lite_backup,
};
