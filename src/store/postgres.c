/* A database that several servers may share. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/postgres_priv.h"

enum { PATIENCE_MS = 15000, LOAD_PATIENCE_MS = 3600000, SCRIPT_MAX = 1 << 20, URL_MAX = 4400, HEARTBEAT_MS = 1000, HEARTBEAT_PATIENCE_MS = 2000 };

/* The times are below a client's patience, so that the database ends a wait
 * before the client gives its connection up. A server that stops in the middle
 * of its transaction must not keep the lock from the others. */
static const char setup[] =
    "SET lock_timeout = 10000;"
    "SET statement_timeout = 12000;"
    "SET idle_in_transaction_session_timeout = 20000;"
    "SET standard_conforming_strings = on;"
    "SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'"
    " ELSE current_setting('synchronous_commit') END, false);";
static const char readers[] = "SET default_transaction_read_only = on;";
static const char place_of_it[] =
    "SELECT 'vouch_' || md5(current_schema()), current_setting('server_encoding') = 'UTF8'";

static void pg_close(struct vch_sql *base) {
    if (!base) return;
    struct vch_pg *db = (struct vch_pg *)base;
    for (size_t i = 0; i < VCH_Q_COUNT; i++) PQclear(db->rows[i].result);
    PQfinish(db->conn);
    free(db);
}

static enum vch_err learn_place(struct vch_pg *db, struct vch_diag *diag) {
    PGresult *result = NULL;
    VCH_TRY(vch_pg_exec(db, place_of_it, &result, diag));
    bool there = !PQgetisnull(result, 0, 0), utf8 = strcmp(PQgetvalue(result, 0, 1), "t") == 0;
    (void)vch_str_copy(db->channel, sizeof db->channel, vch_str_from(PQgetvalue(result, 0, 0)));
    PQclear(result);
    if (!there)
        return VCH_REFUSE(diag, VCH_ERR_INVALID, STORE_FAILED, "store", "The database has no schema of the search path.");
    if (!utf8) return VCH_REFUSE(diag, VCH_ERR_INVALID, STORE_FAILED, "store", "The database's encoding must be UTF8.");
    return VCH_OK;
}

static enum vch_err set_up(struct vch_pg *db, const char *url, bool writer, struct vch_diag *diag) {
    PGresult *result = NULL;
    VCH_TRY(vch_pg_connect(db, url, diag));
    VCH_TRY(vch_pg_exec(db, setup, &result, diag));
    PQclear(result);
    if (!writer) {
        VCH_TRY(vch_pg_exec(db, readers, &result, diag));
        PQclear(result);
    }
    return learn_place(db, diag);
}

static enum vch_err pg_open(const char *place, bool writer, struct vch_sql **ret, struct vch_diag *diag) {
    char url[URL_MAX];
    *ret = NULL;
    int len = snprintf(url, sizeof url, "postgresql:%s", place);
    if (len < 0 || (size_t)len >= sizeof url)
        return VCH_REFUSE(diag, VCH_ERR_TOO_LARGE, STORE_FAILED, "store", "The store's URL is too long.");
    struct vch_pg *db = calloc(1, sizeof *db);
    if (!db) return VCH_REFUSE(diag, VCH_ERR_NOMEM, STORE_FAILED, "", "Memory is out.");
    db->base.driver = &vch_sql_postgres;
    db->base.patience_ms = PATIENCE_MS;
    enum vch_err err = set_up(db, url, writer, diag);
    vch_wipe(url, sizeof url); /* it may hold a password */
    if (err != VCH_OK) {
        pg_close(&db->base);
        return err;
    }
    *ret = &db->base;
    return VCH_OK;
}

static enum vch_err pg_script(struct vch_sql *base, const char *text, struct vch_diag *diag) {
    struct vch_pg *db = (struct vch_pg *)base;
    struct vch_buf buf;
    struct vch_str words = {NULL, 0};
    PGresult *result = NULL;
    vch_buf_init(&buf, SCRIPT_MAX);
    vch_pg_words(text, true, &buf);
    enum vch_err err = vch_buf_finish(&buf, &words);
    if (err) err = VCH_REFUSE(diag, err, STORE_FAILED, "", "A script is too large.");
    else err = vch_pg_exec(db, words.ptr, &result, diag);
    PQclear(result);
    vch_buf_deinit(&buf);
    return err;
}

/* ---- transactions ---- */

/* A savepoint that nothing has happened in need not be made at all. */
static bool cancels(struct vch_pg *db, enum vch_sql_control what) {
    bool empty = db->pending_count && db->pending[db->pending_count - 1] == VCH_SQL_SAVEPOINT;
    if (!empty || (what != VCH_SQL_RELEASE && what != VCH_SQL_ROLLBACK_TO)) return false;
    db->pending_count--;
    return true;
}

static enum vch_err defer(struct vch_pg *db, enum vch_sql_control what, struct vch_diag *diag) {
    if (db->base.failed || PQstatus(db->conn) == CONNECTION_BAD) return vch_pg_lost(db, "it was closed", diag);
    if (cancels(db, what)) return VCH_OK;
    vch_assert(db->pending_count < VCH_PG_PENDING_MAX);
    db->pending[db->pending_count++] = what;
    return VCH_OK;
}

static bool is_begin(enum vch_sql_control what) {
    return what == VCH_SQL_BEGIN_WRITE || what == VCH_SQL_BEGIN_READ;
}

static enum vch_err end(struct vch_pg *db, enum vch_sql_control what, struct vch_diag *diag) {
    bool begun = !(db->pending_count && is_begin(db->pending[0]));
    if (what == VCH_SQL_ROLLBACK || !begun) db->pending_count = 0;
    if (db->base.failed && what == VCH_SQL_ROLLBACK) return VCH_OK; /* the database does it */
    if (!begun || PQtransactionStatus(db->conn) == PQTRANS_IDLE) return VCH_OK;
    if (what == VCH_SQL_ROLLBACK) return vch_pg_command(db, "ROLLBACK", NULL, diag);
    return vch_pg_command(db, "COMMIT", "COMMIT", diag);
}

static enum vch_err pg_control(struct vch_sql *base, enum vch_sql_control what, struct vch_diag *diag) {
    struct vch_pg *db = (struct vch_pg *)base;
    if (what == VCH_SQL_COMMIT || what == VCH_SQL_ROLLBACK) return end(db, what, diag);
    return defer(db, what, diag);
}

/* ---- other servers ---- */

/* An idle connection has nothing to say but that it ends. */
static bool pg_alive(struct vch_sql *base) {
    struct vch_pg *db = (struct vch_pg *)base;
    return PQstatus(db->conn) == CONNECTION_OK && vch_pg_poll(db, -1, 0) == VCH_PG_TIMEOUT;
}

static enum vch_err pg_notify(struct vch_sql *base, struct vch_str text, struct vch_diag *diag) {
    struct vch_pg *db = (struct vch_pg *)base;
    PGresult *result = NULL;
    char query[128];
    (void)snprintf(query, sizeof query, "SELECT pg_notify('%s', $1)", db->channel);
    enum vch_err err = vch_pg_ask(db, query, text, &result, diag);
    PQclear(result);
    return err;
}

static enum vch_err pg_listen(struct vch_sql *base, struct vch_diag *diag) {
    struct vch_pg *db = (struct vch_pg *)base;
    char query[96];
    (void)snprintf(query, sizeof query, "LISTEN %s", db->channel);
    return vch_pg_command(db, query, NULL, diag);
}

static void tell_all(struct vch_pg *db, vch_sql_on_notice *on_notice, void *arg) {
    for (PGnotify *notice; (notice = PQnotifies(db->conn)); PQfreemem(notice)) on_notice(arg, vch_str_from(notice->extra));
}

static enum vch_err pg_wait(struct vch_sql *base, int wake_fd, vch_sql_on_notice *on_notice, void *arg) {
    struct vch_pg *db = (struct vch_pg *)base;
    base->patience_ms = HEARTBEAT_PATIENCE_MS;
    for (;;) {
        switch (vch_pg_poll(db, wake_fd, HEARTBEAT_MS)) {
        case VCH_PG_WOKEN: return VCH_OK;
        case VCH_PG_READABLE:
            if (!PQconsumeInput(db->conn)) return vch_pg_lost(db, "it was closed", NULL);
            break;
        case VCH_PG_TIMEOUT: VCH_TRY(vch_pg_command(db, "SELECT 1", NULL, NULL)); break;
        }
        tell_all(db, on_notice, arg);
    }
}

/* ---- files ---- */

static void pg_each_path(const char *place, void (*on_path)(void *arg, const char *path), void *arg) {
    static const char *const keys[] = {"passfile", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslcrldir"};
    char url[URL_MAX];
    (void)snprintf(url, sizeof url, "postgresql:%s", place);
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    for (PQconninfoOption *o = options; o && o->keyword; o++) {
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            if (strcmp(o->keyword, keys[i]) == 0 && o->val && o->val[0] == '/') on_path(arg, o->val);
    }
    PQconninfoFree(options);
    vch_wipe(url, sizeof url);
}

/* ---- moving registries ---- */

/* Loading takes its time, and so does what it ends with. */
static const char defer_all[] =
    "SET LOCAL statement_timeout = 0;"
    "DO $$ DECLARE r record; BEGIN"
    " FOR r IN SELECT conname, conrelid::regclass AS t FROM pg_constraint"
    "  WHERE contype = 'f' AND connamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())"
    " LOOP EXECUTE format('ALTER TABLE %s ALTER CONSTRAINT %I DEFERRABLE INITIALLY DEFERRED', r.t, r.conname); END LOOP;"
    " END $$";
static const char check_all[] =
    "SET CONSTRAINTS ALL IMMEDIATE;"
    "DO $$ DECLARE r record; BEGIN"
    " FOR r IN SELECT conname, conrelid::regclass AS t FROM pg_constraint"
    "  WHERE contype = 'f' AND connamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())"
    " LOOP EXECUTE format('ALTER TABLE %s ALTER CONSTRAINT %I NOT DEFERRABLE', r.t, r.conname); END LOOP;"
    " END $$";

static enum vch_err run_alone(struct vch_pg *db, const char *text, struct vch_diag *diag) {
    PGresult *result = NULL;
    enum vch_err err = vch_pg_exec(db, text, &result, diag);
    PQclear(result);
    return err;
}

static enum vch_err pg_load_begin(struct vch_sql *base, struct vch_diag *diag) {
    base->patience_ms = LOAD_PATIENCE_MS;
    return run_alone((struct vch_pg *)base, defer_all, diag);
}

static enum vch_err pg_load_end(struct vch_sql *base, struct vch_diag *diag) {
    return run_alone((struct vch_pg *)base, check_all, diag);
}

/* Without rows the first number stays 1. */
static enum vch_err pg_load_table(struct vch_sql *base, const char *table, const char *key, struct vch_diag *diag) {
    char text[512];
    (void)snprintf(text, sizeof text,
                   "DO $$ DECLARE s text := pg_get_serial_sequence('\"%s\"', '%s'); n bigint; BEGIN"
                   " IF s IS NOT NULL THEN EXECUTE 'SELECT max(\"%s\") FROM \"%s\"' INTO n; END IF;"
                   " IF n IS NOT NULL THEN PERFORM setval(s::regclass, n); END IF; END $$",
                   table, key, key, table);
    return run_alone((struct vch_pg *)base, text, diag);
}

const struct vch_sql_driver vch_sql_postgres = {
    .scheme = "postgresql",
    .open = pg_open,
    .close = pg_close,
    .script = pg_script,
    .control = pg_control,
    .start = vch_pg_start,
    .step = vch_pg_step,
    .bytes = vch_pg_bytes,
    .number = vch_pg_number,
    .changes = vch_pg_changes,
    .finish = vch_pg_finish,
    .run_text = vch_pg_run_text,
    .scan = vch_pg_scan,
    .is_null = vch_pg_is_null,
    .tables = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname <> 'schema_versions'"
              " AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) ORDER BY oid",
    .columns = "SELECT attname, CASE atttypid WHEN 'bigint'::regtype THEN 'i' WHEN 'bytea'::regtype THEN 'b' ELSE 't' END"
               " FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped AND attrelid ="
               " (SELECT oid FROM pg_class WHERE relname = $1 AND relkind = 'r'"
               " AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())) ORDER BY attnum",
    .load_begin = pg_load_begin,
    .load_table = pg_load_table,
    .load_end = pg_load_end,
    .alive = pg_alive,
    .notify = pg_notify,
    .listen = pg_listen,
    .wait = pg_wait,
    .each_path = pg_each_path,
};
