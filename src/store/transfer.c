#include "store/transfer_priv.h"

#include <string.h>

#include "store/store_priv.h"

/* ---- the catalogue ---- */

static enum vch_err strange(const char *table, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_INTERNAL, STORE_FAILED, "", "The database's table %s is not as this program knows tables.", table);
}

static enum vch_err add_column(struct vch_table *table, struct vch_str name, struct vch_str type, struct vch_diag *diag) {
    bool fits = table->count < VCH_COLUMNS_MAX && type.len == 1;
    if (!fits || !vch_str_copy(table->columns[table->count].name, sizeof table->columns[0].name, name))
        return strange(table->name, diag);
    table->columns[table->count++].type = type.ptr[0];
    return VCH_OK;
}

static enum vch_err read_columns(struct vch_sql *db, struct vch_table *table, struct vch_diag *diag) {
    VCH_CURSOR cursor = {.db = db};
    VCH_TRY(db->driver->run_text(db, db->driver->columns, VCH_ARGS(VCH_T(vch_str_from(table->name))), &cursor.rows, diag));
    for (;;) {
        bool row = false;
        VCH_TRY(vch_cursor_next(&cursor, &row, diag));
        if (!row) return table->count ? VCH_OK : strange(table->name, diag);
        /* Two views of one row; a copy of the first comes before the second is asked for. */
        struct vch_str name = vch_cursor_view(&cursor, 0);
        VCH_TRY(add_column(table, name, vch_cursor_view(&cursor, 1), diag));
    }
}

static enum vch_err read_names(struct vch_sql *db, struct vch_table *tables, size_t *ret_count, struct vch_diag *diag) {
    VCH_CURSOR cursor = {.db = db};
    VCH_TRY(db->driver->run_text(db, db->driver->tables, NULL, 0, &cursor.rows, diag));
    for (;;) {
        bool row = false;
        VCH_TRY(vch_cursor_next(&cursor, &row, diag));
        if (!row) return VCH_OK;
        if (*ret_count == VCH_TABLES_MAX || !vch_str_copy(tables[*ret_count].name, sizeof tables->name, vch_cursor_view(&cursor, 0)))
            return strange("list", diag);
        ++*ret_count;
    }
}

enum vch_err vch_transfer_tables(struct vch_sql *db, struct vch_arena *arena, struct vch_table **ret, size_t *ret_count,
                                 struct vch_diag *diag) {
    *ret_count = 0;
    *ret = vch_arena_array(arena, VCH_TABLES_MAX, sizeof **ret);
    if (!*ret) return VCH_REFUSE(diag, VCH_ERR_NOMEM, STORE_FAILED, "", "Memory is out.");
    VCH_TRY(read_names(db, *ret, ret_count, diag));
    for (size_t i = 0; i < *ret_count; i++) VCH_TRY(read_columns(db, &(*ret)[i], diag));
    return VCH_OK;
}

bool vch_transfer_stays(const struct vch_table *table) {
    static const char *const names[] = {"web_sessions", "oidc_spent"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(table->name, names[i]) == 0) return true;
    return false;
}

enum vch_err vch_transfer_version(struct vch_sql *db, int64_t *ret, struct vch_diag *diag) {
    bool row = false;
    return vch_sql_number(db, VCH_Q_SCHEMA_VERSION, NULL, 0, &row, ret, diag);
}

enum vch_err vch_transfer_open(const char *url, bool writer, struct vch_sql **ret, struct vch_diag *diag) {
    const char *place = NULL;
    const struct vch_sql_driver *driver = vch_store_driver(url, &place);
    *ret = NULL;
    if (!driver) return VCH_REFUSE(diag, VCH_ERR_INVALID, STORE_FAILED, "store", "The store's URL is not one that is known.");
    return driver->open(place, writer, ret, diag);
}

/* ---- the digest ---- */

void vch_chain_add(struct vch_chain *chain, struct vch_str line) {
    struct vch_buf buf;
    struct vch_str bytes = {NULL, 0};
    vch_buf_init(&buf, VCH_LINE_MAX + 64);
    vch_buf_bytes(&buf, chain->digest, sizeof chain->digest);
    vch_buf_str(&buf, line);
    vch_buf_c(&buf, "\n");
    vch_assert(vch_buf_finish(&buf, &bytes) == VCH_OK); /* lines are bounded before */
    vch_sha256(bytes, chain->digest);
    vch_buf_deinit(&buf);
}

/* ---- copies ---- */

enum vch_err vch_store_backup(struct vch_store *s, const char *path, struct vch_diag *diag) {
    VCH_READER db = NULL;
    if (!s->driver->backup)
        return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_INVALID, "store",
                          "The registry is in a database with means of its own for copies: use those, or vouch store export.");
    VCH_TRY(vch_reader_take(s, &db, diag));
    return s->driver->backup(db, path, diag);
}
