/* The statements of sql/: prepared once for each connection, values in binary. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/postgres_priv.h"

enum { ARGS_MAX = 512, QUERY_MAX = 8192 };
/* Object ids of types: src/include/catalog/pg_type.dat of PostgreSQL. */
enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25 };

struct arguments {
    Oid types[ARGS_MAX];
    const char *values[ARGS_MAX];
    int lengths[ARGS_MAX], formats[ARGS_MAX];
    uint8_t numbers[ARGS_MAX][8];
};

static void put_number(uint8_t out[8], int64_t value) {
    for (int i = 0; i < 8; i++) out[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
}

static void fill(struct arguments *a, const struct vch_sql_arg *args, size_t count) {
    for (size_t i = 0; i < count; i++) {
        bool number = args[i].type == VCH_SQL_INT;
        put_number(a->numbers[i], args[i].number);
        a->types[i] = number ? OID_INT8 : args[i].type == VCH_SQL_BLOB ? OID_BYTEA : OID_TEXT;
        a->values[i] = args[i].type == VCH_SQL_NULL ? NULL : number ? (const char *)a->numbers[i] : args[i].bytes.ptr ? args[i].bytes.ptr : "";
        a->lengths[i] = number ? 8 : (int)args[i].bytes.len;
        a->formats[i] = 1;
    }
}

#define SCAN_ROWS_TEXT "500"

static enum vch_err prepare(struct vch_pg *db, enum vch_query query, const char *name, const struct arguments *a,
                            size_t count, struct vch_diag *diag) {
    struct vch_buf buf;
    struct vch_str text = {NULL, 0};
    PGresult *result = NULL;
    vch_buf_init(&buf, QUERY_MAX);
    vch_pg_words(vch_sql_queries[query], false, &buf);
    vch_assert(vch_buf_finish(&buf, &text) == VCH_OK);
    bool sent = PQsendPrepare(db->conn, name, text.ptr, (int)count, a->types) == 1;
    vch_buf_deinit(&buf);
    if (!sent) return vch_pg_lost(db, "it was closed", diag);
    enum vch_err err = vch_pg_collect(db, 1, &result, diag);
    PQclear(result);
    return err;
}

static enum vch_err run(struct vch_pg *db, const char *name, const struct arguments *a, size_t count, PGresult **ret,
                        struct vch_diag *diag) {
    size_t pending = 0;
    VCH_TRY(vch_pg_send_pending(db, &pending, diag));
    if (PQsendQueryPrepared(db->conn, name, (int)count, a->values, a->lengths, a->formats, 1) != 1)
        return vch_pg_lost(db, "it was closed", diag);
    return vch_pg_collect(db, pending + 1, ret, diag);
}

/* A statement that the open transaction has not the right state for is prepared
 * all the same: pending controls go first, with it. */
static enum vch_err ready(struct vch_pg *db, enum vch_query query, const char *name, const struct arguments *a,
                          size_t count, struct vch_diag *diag) {
    PGresult *result = NULL;
    size_t pending = 0;
    if (db->rows[query].prepared) return VCH_OK;
    VCH_TRY(vch_pg_send_pending(db, &pending, diag));
    if (pending) VCH_TRY(vch_pg_collect(db, pending, &result, diag));
    PQclear(result);
    VCH_TRY(prepare(db, query, name, a, count, diag));
    db->rows[query].prepared = true;
    return VCH_OK;
}

enum vch_err vch_pg_start(struct vch_sql *base, enum vch_query query, const struct vch_sql_arg *args, size_t count,
                          struct vch_sql_rows **ret, struct vch_diag *diag) {
    struct vch_pg *db = (struct vch_pg *)base;
    struct vch_sql_rows *rows = &db->rows[query];
    struct arguments a;
    char name[16];
    *ret = NULL;
    vch_assert(!rows->open && count <= ARGS_MAX);
    (void)snprintf(name, sizeof name, "q%d", (int)query);
    fill(&a, args, count);
    VCH_TRY(ready(db, query, name, &a, count, diag));
    VCH_TRY(run(db, name, &a, count, &rows->result, diag));
    rows->db = db;
    rows->at = -1;
    rows->open = true;
    *ret = rows;
    return VCH_OK;
}

static enum vch_err run_once(struct vch_pg *db, const char *text, const struct vch_sql_arg *args, size_t count,
                             PGresult **ret, struct vch_diag *diag) {
    struct arguments a;
    size_t pending = 0;
    *ret = NULL;
    vch_assert(count <= ARGS_MAX);
    fill(&a, args, count);
    VCH_TRY(vch_pg_send_pending(db, &pending, diag));
    if (PQsendQueryParams(db->conn, text, (int)count, a.types, a.values, a.lengths, a.formats, 1) != 1)
        return vch_pg_lost(db, "it was closed", diag);
    return vch_pg_collect(db, pending + 1, ret, diag);
}

enum vch_err vch_pg_run_text(struct vch_sql *base, const char *text, const struct vch_sql_arg *args, size_t count,
                             struct vch_sql_rows **ret, struct vch_diag *diag) {
    struct vch_sql_rows *rows = calloc(1, sizeof *rows);
    *ret = NULL;
    if (!rows) return VCH_REFUSE(diag, VCH_ERR_NOMEM, STORE_FAILED, "", "Memory is out.");
    *rows = (struct vch_sql_rows){.db = (struct vch_pg *)base, .at = -1, .open = true, .once = true};
    enum vch_err err = run_once(rows->db, text, args, count, &rows->result, diag);
    if (err) free(rows);
    else *ret = rows;
    return err;
}

/* A cursor, so that a large table is not held whole. */
enum vch_err vch_pg_scan(struct vch_sql *base, const char *text, struct vch_sql_rows **ret, struct vch_diag *diag) {
    struct vch_buf buf;
    struct vch_str declare = {NULL, 0};
    *ret = NULL;
    vch_buf_init(&buf, QUERY_MAX);
    vch_buf_printf(&buf, "DECLARE scanned NO SCROLL CURSOR FOR %s", text);
    enum vch_err err = vch_buf_finish(&buf, &declare);
    if (err) err = VCH_REFUSE(diag, err, STORE_FAILED, "", "A statement is too large.");
    else err = vch_pg_command((struct vch_pg *)base, declare.ptr, NULL, diag);
    vch_buf_deinit(&buf);
    VCH_TRY(err);
    VCH_TRY(vch_pg_run_text(base, "FETCH " SCAN_ROWS_TEXT " FROM scanned", NULL, 0, ret, diag));
    (*ret)->scan = (*ret)->more = true;
    return VCH_OK;
}

static enum vch_err fetch(struct vch_sql_rows *rows, struct vch_diag *diag) {
    PGresult *next = NULL;
    VCH_TRY(run_once(rows->db, "FETCH " SCAN_ROWS_TEXT " FROM scanned", NULL, 0, &next, diag));
    PQclear(rows->result);
    rows->result = next;
    rows->at = -1;
    rows->more = PQntuples(next) > 0;
    return VCH_OK;
}

enum vch_err vch_pg_step(struct vch_sql_rows *rows, bool *ret_row, struct vch_diag *diag) {
    *ret_row = false;
    if (rows->more && rows->at + 1 == PQntuples(rows->result)) VCH_TRY(fetch(rows, diag));
    *ret_row = rows->at + 1 < PQntuples(rows->result);
    if (*ret_row) rows->at++;
    return VCH_OK;
}

bool vch_pg_is_null(struct vch_sql_rows *rows, int column) {
    return PQgetisnull(rows->result, rows->at, column) != 0;
}

struct vch_str vch_pg_bytes(struct vch_sql_rows *rows, int column) {
    return vch_str_of(PQgetvalue(rows->result, rows->at, column), (size_t)PQgetlength(rows->result, rows->at, column));
}

static int64_t signed_of(const uint8_t *at, int len) {
    uint64_t value = len && at[0] & 0x80 ? UINT64_MAX : 0;
    for (int i = 0; i < len; i++) value = value << 8 | at[i];
    return (int64_t)value;
}

int64_t vch_pg_number(struct vch_sql_rows *rows, int column) {
    const uint8_t *at = (const uint8_t *)PQgetvalue(rows->result, rows->at, column);
    int len = PQgetlength(rows->result, rows->at, column);
    switch (PQftype(rows->result, column)) {
    case OID_BOOL: return len == 1 && at[0];
    case OID_INT8:
    case OID_INT4:
    case OID_INT2: return signed_of(at, len);
    default: return strtoll((const char *)at, NULL, 10); /* libpq ends every value with a zero */
    }
}

int64_t vch_pg_changes(struct vch_sql_rows *rows) {
    return strtoll(PQcmdTuples(rows->result), NULL, 10);
}

void vch_pg_finish(struct vch_sql_rows *rows) {
    if (!rows || !rows->open) return;
    PQclear(rows->result);
    rows->result = NULL;
    rows->open = false;
    if (!rows->once) return;
    /* One that fails leaves the connection marked. */
    enum vch_err closed = rows->scan ? vch_pg_command(rows->db, "CLOSE scanned", NULL, NULL) : VCH_OK;
    if (closed) rows->db->base.failed = true;
    free(rows);
}

enum vch_err vch_pg_ask(struct vch_pg *db, const char *text, struct vch_str arg, PGresult **ret, struct vch_diag *diag) {
    const struct vch_sql_arg args[] = {{VCH_SQL_TEXT, arg, 0}};
    return run_once(db, text, args, 1, ret, diag);
}
