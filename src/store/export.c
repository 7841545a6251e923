#include <string.h>

#include "base/codec.h"
#include "base/val.h"
#include "store/transfer_priv.h"

enum { ARENA_BYTES = 16 << 20 };

struct exporter {
    struct vch_sql *db;
    FILE *out;
    struct vch_chain chain;
    struct vch_buf line, base64;
    struct vch_transfer_stats *stats;
    struct vch_diag *diag;
};

static enum vch_err put_line(struct exporter *e) {
    struct vch_str line = {NULL, 0};
    if (vch_buf_finish(&e->line, &line) != VCH_OK)
        return VCH_REFUSE(e->diag, VCH_ERR_TOO_LARGE, STORE_FAILED, "", "A row is too large for a line.");
    vch_chain_add(&e->chain, line);
    bool ok = fwrite(line.ptr, 1, line.len, e->out) == line.len && fputc('\n', e->out) != EOF;
    vch_buf_clear(&e->line);
    return ok ? VCH_OK : VCH_REFUSE(e->diag, VCH_ERR_IO, STORE_FAILED, "", "The file cannot be written.");
}

static enum vch_err put_head(struct exporter *e) {
    VCH_TRY(vch_transfer_version(e->db, &e->stats->schema, e->diag));
    vch_buf_printf(&e->line, "{\"vouch\":\"registry\",\"format\":%d,\"schema\":%lld}", VCH_TRANSFER_FORMAT,
                   (long long)e->stats->schema);
    return put_line(e);
}

static enum vch_err put_table(struct exporter *e, const struct vch_table *table) {
    vch_buf_printf(&e->line, "{\"table\":\"%s\",\"columns\":[", table->name);
    for (size_t i = 0; i < table->count; i++)
        vch_buf_printf(&e->line, "%s\"%s %c\"", i ? "," : "", table->columns[i].name, table->columns[i].type);
    vch_buf_c(&e->line, "]}");
    return put_line(e);
}

static enum vch_err put_text(struct exporter *e, const struct vch_table *table, struct vch_str text) {
    if (!vch_utf8_valid(text) || vch_str_find(text, '\0', 0) != SIZE_MAX)
        return VCH_REFUSE(e->diag, VCH_ERR_INTERNAL, STORE_FAILED, "", "A row of table %s holds what is no text.", table->name);
    vch_json_encode_str(text, &e->line);
    return VCH_OK;
}

static enum vch_err put_blob(struct exporter *e, struct vch_str bytes) {
    struct vch_str text = {NULL, 0};
    vch_buf_clear(&e->base64);
    vch_base64(bytes, &e->base64);
    VCH_TRY(vch_buf_finish(&e->base64, &text));
    vch_json_encode_str(text, &e->line);
    return VCH_OK;
}

static enum vch_err put_value(struct exporter *e, const struct vch_table *table, struct vch_sql_rows *rows, size_t i) {
    const struct vch_sql_driver *driver = e->db->driver;
    if (i) vch_buf_c(&e->line, ",");
    if (driver->is_null(rows, (int)i)) {
        vch_buf_c(&e->line, "null");
        return VCH_OK;
    }
    switch (table->columns[i].type) {
    case 'i': vch_buf_printf(&e->line, "%lld", (long long)driver->number(rows, (int)i)); return VCH_OK;
    case 'b': return put_blob(e, driver->bytes(rows, (int)i));
    default: return put_text(e, table, driver->bytes(rows, (int)i));
    }
}

static enum vch_err put_row(struct exporter *e, const struct vch_table *table, struct vch_sql_rows *rows) {
    vch_buf_c(&e->line, "[");
    for (size_t i = 0; i < table->count; i++) VCH_TRY(put_value(e, table, rows, i));
    vch_buf_c(&e->line, "]");
    e->stats->rows++;
    return put_line(e);
}

/* Columns by name: two databases that came to a schema by different ways list
 * them alike. The first two columns order every table for good. */
static enum vch_err select_text(struct exporter *e, const struct vch_table *table, struct vch_buf *buf, struct vch_str *ret) {
    vch_buf_c(buf, "SELECT ");
    for (size_t i = 0; i < table->count; i++) vch_buf_printf(buf, "%s\"%s\"", i ? ", " : "", table->columns[i].name);
    vch_buf_printf(buf, " FROM \"%s\" ORDER BY 1", table->name);
    for (size_t i = 2; i <= table->count; i++) vch_buf_printf(buf, ", %zu", i);
    if (vch_buf_finish(buf, ret) == VCH_OK) return VCH_OK;
    return VCH_REFUSE(e->diag, VCH_ERR_NOMEM, STORE_FAILED, "", "Memory is out.");
}

static enum vch_err put_rows(struct exporter *e, const struct vch_table *table, struct vch_str select) {
    VCH_CURSOR cursor = {.db = e->db};
    VCH_TRY(e->db->driver->scan(e->db, select.ptr, &cursor.rows, e->diag));
    for (;;) {
        bool row = false;
        VCH_TRY(vch_cursor_next(&cursor, &row, e->diag));
        if (!row) return VCH_OK;
        VCH_TRY(put_row(e, table, cursor.rows));
    }
}

static enum vch_err put_whole_table(struct exporter *e, const struct vch_table *table) {
    struct vch_buf buf;
    struct vch_str select = {NULL, 0};
    VCH_TRY(put_table(e, table));
    if (vch_transfer_stays(table)) {
        e->stats->tables++;
        return VCH_OK;
    }
    vch_buf_init(&buf, 16384);
    enum vch_err err = select_text(e, table, &buf, &select);
    if (!err) err = put_rows(e, table, select);
    vch_buf_deinit(&buf);
    if (!err) e->stats->tables++;
    return err;
}

static enum vch_err put_end(struct exporter *e) {
    char hex[VCH_SHA256_HEX];
    vch_hex(e->chain.digest, sizeof e->chain.digest, hex);
    vch_buf_printf(&e->line, "{\"end\":true,\"rows\":%lld,\"digest\":\"%s\"}", (long long)e->stats->rows, hex);
    VCH_TRY(put_line(e));
    if (fflush(e->out) == 0) return VCH_OK;
    return VCH_REFUSE(e->diag, VCH_ERR_IO, STORE_FAILED, "", "The file cannot be written.");
}

static enum vch_err put_all(struct exporter *e, struct vch_arena *arena) {
    struct vch_table *tables = NULL;
    size_t count = 0;
    VCH_TRY(put_head(e));
    VCH_TRY(vch_transfer_tables(e->db, arena, &tables, &count, e->diag));
    for (size_t i = 0; i < count; i++) VCH_TRY(put_whole_table(e, &tables[i]));
    return put_end(e);
}

static enum vch_err run(struct exporter *e) {
    struct vch_arena *arena = vch_arena_new(ARENA_BYTES, false);
    enum vch_err err = arena ? e->db->driver->control(e->db, VCH_SQL_BEGIN_READ, e->diag) : VCH_ERR_NOMEM;
    if (!err) err = put_all(e, arena);
    (void)e->db->driver->control(e->db, VCH_SQL_ROLLBACK, NULL);
    vch_arena_free(arena);
    return err;
}

enum vch_err vch_store_export(const char *url, FILE *out, struct vch_transfer_stats *ret, struct vch_diag *diag) {
    struct exporter e = {.out = out, .stats = ret, .diag = diag};
    *ret = (struct vch_transfer_stats){0};
    VCH_TRY(vch_transfer_open(url, false, &e.db, diag));
    vch_buf_init_secret(&e.line, VCH_LINE_MAX);
    vch_buf_init_secret(&e.base64, VCH_LINE_MAX);
    enum vch_err err = run(&e);
    vch_buf_deinit(&e.line);
    vch_buf_deinit(&e.base64);
    e.db->driver->close(e.db);
    return err;
}
