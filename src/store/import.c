#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/codec.h"
#include "base/val.h"
#include "store/transfer_priv.h"

enum { ARENA_BYTES = 256 << 20, TABLES_BYTES = 16 << 20, BATCH_ROWS = 64, BATCH_ARGS = 480, BATCH_BYTES = 4 << 20 };

struct importer {
    struct vch_sql *db;
    FILE *in;
    char *text; /* getline's */
    size_t text_size;
    struct vch_str line;
    int64_t number; /* of the line */
    struct vch_chain chain;
    struct vch_arena *arena; /* of the rows that wait */
    const struct vch_table *tables, *table;
    size_t table_count, next_table;
    struct vch_sql_arg args[BATCH_ARGS];
    size_t waiting, bytes; /* rows, and what they hold */
    struct vch_transfer_stats *stats;
    struct vch_diag *diag;
};

static enum vch_err broken(const struct importer *m, const char *how) {
    return VCH_REFUSE(m->diag, VCH_ERR_MALFORMED, PAYLOAD_INVALID, "", "Line %lld of the file %s.", (long long)m->number, how);
}

static enum vch_err next_line(struct importer *m) {
    ssize_t len = getline(&m->text, &m->text_size, m->in);
    m->number++;
    if (len <= 0) return broken(m, "is missing: the file is not whole");
    if (len > VCH_LINE_MAX) return broken(m, "is too long");
    if (m->text[len - 1] != '\n') return broken(m, "has no end: the file is not whole");
    m->line = vch_str_of(m->text, (size_t)len - 1);
    return VCH_OK;
}

static enum vch_err decode(struct importer *m, struct vch_val **ret) {
    const struct vch_val_limits limits = {.depth = 3, .values = 1024};
    if (vch_json_decode(m->line, &limits, m->arena, ret, NULL) == VCH_OK) return VCH_OK;
    return broken(m, "is no JSON of this kind");
}

/* ---- the head ---- */

static enum vch_err read_head(struct importer *m) {
    struct vch_val *head = NULL;
    VCH_TRY(next_line(m));
    VCH_TRY(decode(m, &head));
    if (!vch_str_eq_c(vch_val_str_at(head, "vouch"), "registry")) return broken(m, "does not say that this is a registry");
    m->stats->schema = vch_val_int_at(head, "schema", 0);
    if (vch_val_int_at(head, "format", 0) != VCH_TRANSFER_FORMAT || m->stats->schema > vch_migrations[vch_migration_count - 1].version)
        return VCH_REFUSE(m->diag, VCH_ERR_STATE, STORE_FAILED, "", "The file is of a newer program (schema %lld).", (long long)m->stats->schema);
    vch_chain_add(&m->chain, m->line);
    return VCH_OK;
}

/* How many migrations lead to the file's schema; 0: none does. */
static size_t migrations_to(int64_t version) {
    for (size_t i = 0; i < vch_migration_count; i++)
        if (vch_migrations[i].version == version) return i + 1;
    return 0;
}

static enum vch_err not_empty(const struct importer *m, const char *why) {
    return VCH_REFUSE(m->diag, VCH_ERR_STATE, STORE_FAILED, "", "The registry to import into is not empty: %s.", why);
}

static enum vch_err check_empty(struct importer *m, const struct vch_table *table) {
    char text[128];
    VCH_CURSOR cursor = {.db = m->db};
    bool row = false;
    (void)snprintf(text, sizeof text, "SELECT 1 FROM \"%s\" LIMIT 1", table->name);
    VCH_TRY(m->db->driver->run_text(m->db, text, NULL, 0, &cursor.rows, m->diag));
    VCH_TRY(vch_cursor_next(&cursor, &row, m->diag));
    return row ? not_empty(m, table->name) : VCH_OK;
}

/* The schema that the file was made with; what came later is done with its rows. */
static enum vch_err make_schema(struct importer *m, struct vch_arena *arena) {
    size_t count = migrations_to(m->stats->schema);
    int64_t version = 0;
    struct vch_table *tables = NULL;
    if (!count) return broken(m, "names a schema that never was");
    struct vch_diag newer = {0};
    enum vch_err err = vch_schema_migrate(m->db, vch_migrations, count, &newer);
    if (err == VCH_ERR_STATE) return not_empty(m, "it has a newer schema than the file; import into a new one");
    if (err) return vch_diag_set(m->diag, err, newer.reason, newer.field, "%s", newer.message);
    VCH_TRY(vch_transfer_version(m->db, &version, m->diag));
    VCH_TRY(vch_transfer_tables(m->db, arena, &tables, &m->table_count, m->diag));
    for (size_t i = 0; i < m->table_count; i++) VCH_TRY(check_empty(m, &tables[i]));
    m->tables = tables;
    return VCH_OK;
}

/* ---- rows ---- */

static enum vch_err insert_text(struct importer *m, struct vch_buf *buf, struct vch_str *ret) {
    size_t columns = m->table->count;
    vch_buf_printf(buf, "INSERT INTO \"%s\" (", m->table->name);
    for (size_t i = 0; i < columns; i++) vch_buf_printf(buf, "%s\"%s\"", i ? ", " : "", m->table->columns[i].name);
    vch_buf_c(buf, ") VALUES ");
    for (size_t row = 0; row < m->waiting; row++) {
        vch_buf_c(buf, row ? ", (" : "(");
        for (size_t i = 0; i < columns; i++) vch_buf_printf(buf, "%s$%zu", i ? ", " : "", row * columns + i + 1);
        vch_buf_c(buf, ")");
    }
    return vch_buf_finish(buf, ret);
}

static enum vch_err run_insert(struct importer *m, struct vch_str text) {
    VCH_CURSOR cursor = {.db = m->db};
    bool row = false;
    VCH_TRY(m->db->driver->run_text(m->db, text.ptr, m->args, m->waiting * m->table->count, &cursor.rows, m->diag));
    return vch_cursor_next(&cursor, &row, m->diag);
}

static enum vch_err flush_rows(struct importer *m) {
    struct vch_buf buf;
    struct vch_str text = {NULL, 0};
    if (!m->waiting) return VCH_OK;
    vch_buf_init(&buf, 65536);
    enum vch_err err = insert_text(m, &buf, &text);
    if (!err) err = run_insert(m, text);
    vch_buf_deinit(&buf);
    if (err == VCH_ERR_EXISTS || err == VCH_ERR_CONFLICT) err = broken(m, "or one shortly before it contradicts another");
    m->stats->rows += (int64_t)m->waiting;
    m->waiting = m->bytes = 0;
    vch_arena_reset(m->arena);
    return err;
}

static enum vch_err take_blob(struct importer *m, struct vch_str text, struct vch_sql_arg *ret) {
    struct vch_buf buf;
    struct vch_str bytes = {NULL, 0};
    vch_buf_init_secret(&buf, VCH_LINE_MAX);
    enum vch_err err = vch_unbase64(text, &buf);
    if (!err) err = vch_buf_finish(&buf, &bytes);
    *ret = (struct vch_sql_arg){VCH_SQL_BLOB, err ? bytes : vch_arena_str(m->arena, bytes), 0};
    vch_buf_deinit(&buf);
    return err || !ret->bytes.ptr ? broken(m, "holds bytes that cannot be read") : VCH_OK;
}

static enum vch_err take_value(struct importer *m, const struct vch_val *value, char type, struct vch_sql_arg *ret) {
    if (value->type == VCH_VAL_NULL) {
        *ret = (struct vch_sql_arg){.type = VCH_SQL_NULL};
    } else if (type == 'i' && value->type == VCH_VAL_INT) {
        *ret = VCH_I(value->integer);
    } else if (type == 'b' && value->type == VCH_VAL_STR) {
        return take_blob(m, value->str, ret);
    } else if (type == 't' && value->type == VCH_VAL_STR) {
        *ret = VCH_T(value->str);
    } else {
        return broken(m, "holds a value of the wrong type");
    }
    return VCH_OK;
}

static enum vch_err take_row(struct importer *m, const struct vch_val *row) {
    if (!m->table || row->count != m->table->count) return broken(m, "has not the columns of its table");
    struct vch_sql_arg *args = m->args + m->waiting * m->table->count;
    for (size_t i = 0; i < row->count; i++) VCH_TRY(take_value(m, &row->items[i], m->table->columns[i].type, &args[i]));
    m->waiting++;
    m->bytes += m->line.len;
    bool full = m->waiting == BATCH_ROWS || (m->waiting + 1) * m->table->count > BATCH_ARGS || m->bytes > BATCH_BYTES;
    return full ? flush_rows(m) : VCH_OK;
}

/* ---- tables ---- */

static bool same_columns(const struct vch_table *table, const struct vch_val *columns) {
    if (!vch_val_is(columns, VCH_VAL_LIST) || columns->count != table->count) return false;
    for (size_t i = 0; i < table->count; i++) {
        char want[72];
        (void)snprintf(want, sizeof want, "%s %c", table->columns[i].name, table->columns[i].type);
        if (!vch_val_is(&columns->items[i], VCH_VAL_STR) || !vch_str_eq_c(columns->items[i].str, want)) return false;
    }
    return true;
}

static enum vch_err end_table(struct importer *m) {
    VCH_TRY(flush_rows(m));
    const struct vch_sql_driver *driver = m->db->driver;
    if (!m->table || !driver->load_table) return VCH_OK;
    return driver->load_table(m->db, m->table->name, m->table->columns[0].name, m->diag);
}

/* Every table, each once, in the order of making. */
static enum vch_err begin_table(struct importer *m, const struct vch_val *head) {
    struct vch_val *again = NULL;
    VCH_TRY(end_table(m)); /* which forgets what the line was decoded to */
    (void)head;
    VCH_TRY(decode(m, &again));
    if (m->next_table == m->table_count) return broken(m, "begins a table that there is not");
    const struct vch_table *table = &m->tables[m->next_table++];
    if (!vch_str_eq_c(vch_val_str_at(again, "table"), table->name) || !same_columns(table, vch_val_get(again, "columns")))
        return broken(m, "begins another table than this schema has there");
    m->table = table;
    m->stats->tables++;
    vch_arena_reset(m->arena);
    return VCH_OK;
}

/* ---- the end ---- */

static enum vch_err check_end(struct importer *m, const struct vch_val *end) {
    char hex[VCH_SHA256_HEX];
    int64_t rows = vch_val_int_at(end, "rows", -1);
    vch_hex(m->chain.digest, sizeof m->chain.digest, hex);
    if (!vch_str_eq_c(vch_val_str_at(end, "digest"), hex)) return broken(m, "has another digest: the file was changed");
    if (m->next_table != m->table_count) return broken(m, "comes before all tables have come");
    VCH_TRY(end_table(m));
    return rows == m->stats->rows ? VCH_OK : broken(m, "counts other rows than have come");
}

static enum vch_err take_line(struct importer *m, bool *ret_end) {
    struct vch_val *val = NULL;
    VCH_TRY(next_line(m));
    VCH_TRY(decode(m, &val));
    if (val->type == VCH_VAL_MAP && vch_val_bool_at(val, "end", false)) {
        *ret_end = true;
        return check_end(m, val);
    }
    vch_chain_add(&m->chain, m->line);
    if (val->type == VCH_VAL_LIST) return take_row(m, val);
    return val->type == VCH_VAL_MAP ? begin_table(m, val) : broken(m, "is neither a table nor a row");
}

static enum vch_err load(struct importer *m) {
    const struct vch_sql_driver *driver = m->db->driver;
    bool end = false;
    VCH_TRY(driver->control(m->db, VCH_SQL_BEGIN_WRITE, m->diag));
    VCH_TRY(driver->load_begin(m->db, m->diag));
    while (!end) VCH_TRY(take_line(m, &end));
    enum vch_err err = driver->load_end ? driver->load_end(m->db, m->diag) : VCH_OK;
    if (!err) err = driver->control(m->db, VCH_SQL_COMMIT, m->diag);
    return err == VCH_ERR_CONFLICT ? broken(m, "ends a file whose rows name others that it has not") : err;
}

static enum vch_err run(struct importer *m, struct vch_arena *arena) {
    VCH_TRY(read_head(m));
    VCH_TRY(make_schema(m, arena));
    enum vch_err err = load(m);
    (void)m->db->driver->control(m->db, VCH_SQL_ROLLBACK, NULL);
    return err ? err : vch_schema_migrate(m->db, vch_migrations, vch_migration_count, m->diag);
}

static enum vch_err import(struct importer *m, const char *url) {
    struct vch_arena *arena = vch_arena_new(TABLES_BYTES, false);
    m->arena = vch_arena_new(ARENA_BYTES, true);
    enum vch_err err = VCH_ERR_NOMEM;
    if (arena && m->arena) err = vch_transfer_open(url, true, &m->db, m->diag);
    if (!err) err = run(m, arena);
    if (m->db) m->db->driver->close(m->db);
    vch_arena_free(m->arena);
    vch_arena_free(arena);
    if (m->text) vch_wipe(m->text, m->text_size);
    free(m->text);
    return err;
}

enum vch_err vch_store_import(const char *url, FILE *in, struct vch_transfer_stats *ret, struct vch_diag *diag) {
    struct importer *m = calloc(1, sizeof *m);
    *ret = (struct vch_transfer_stats){0};
    if (!m) return VCH_REFUSE(diag, VCH_ERR_NOMEM, STORE_FAILED, "", "Memory is out.");
    m->in = in;
    m->stats = ret;
    m->diag = diag;
    enum vch_err err = import(m, url);
    free(m);
    return err;
}
