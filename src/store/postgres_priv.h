/* The inside of the PostgreSQL driver. */
#ifndef VCH_STORE_POSTGRES_PRIV_H
#define VCH_STORE_POSTGRES_PRIV_H

#include <libpq-fe.h>

#include "base/buf.h"
#include "core/reason.h"
#include "store/driver_priv.h"

enum { VCH_PG_PENDING_MAX = 8, VCH_PG_NAME_MAX = 64 };

struct vch_sql_rows {
    struct vch_pg *db;
    PGresult *result;
    int at; /* the row that was stepped to */
    bool prepared, open;
    bool once;           /* ends with its one use */
    bool scan, more;     /* by a cursor, which has further rows */
};

struct vch_pg {
    struct vch_sql base;
    PGconn *conn; /* in pipeline mode but for scripts */
    char channel[VCH_PG_NAME_MAX];
    /* Controls that travel with the next statement, to spare their own way. */
    enum vch_sql_control pending[VCH_PG_PENDING_MAX];
    size_t pending_count;
    struct vch_sql_rows rows[VCH_Q_COUNT];
};

/* ---- postgres_wire.c: sending and waiting ---- */

/* Opens within the time that a connection may take. */
enum vch_err vch_pg_connect(struct vch_pg *db, const char *url, struct vch_diag *diag) VCH_MUST;
/* What a result or the connection says, as an error of the driver's interface. */
enum vch_err vch_pg_failed(struct vch_pg *db, const PGresult *result, struct vch_diag *diag) VCH_MUST;
/* Marks the connection as gone: UNAVAILABLE. */
enum vch_err vch_pg_lost(struct vch_pg *db, const char *how, struct vch_diag *diag) VCH_MUST;
/* After `count` commands were sent: their results, the last one to *ret (owned
 * by the caller). The first that failed is the error; then *ret is NULL. */
enum vch_err vch_pg_collect(struct vch_pg *db, size_t count, PGresult **ret, struct vch_diag *diag) VCH_MUST;
/* One command without rows, for itself. `tag`: what it must say, or NULL. */
enum vch_err vch_pg_command(struct vch_pg *db, const char *text, const char *tag, struct vch_diag *diag) VCH_MUST;
/* Sends what is pending; *ret_count commands of it. */
enum vch_err vch_pg_send_pending(struct vch_pg *db, size_t *ret_count, struct vch_diag *diag) VCH_MUST;
/* Several statements outside the pipeline. */
enum vch_err vch_pg_exec(struct vch_pg *db, const char *text, PGresult **ret, struct vch_diag *diag) VCH_MUST;
/* Waits until the socket is readable, `wake_fd` is, or the time is over. */
enum vch_pg_event { VCH_PG_TIMEOUT, VCH_PG_READABLE, VCH_PG_WOKEN };
enum vch_pg_event vch_pg_poll(struct vch_pg *db, int wake_fd, int64_t timeout_ms);

/* ---- postgres_query.c: the statements of sql/ ---- */

enum vch_err vch_pg_start(struct vch_sql *base, enum vch_query query, const struct vch_sql_arg *args, size_t count,
                          struct vch_sql_rows **ret, struct vch_diag *diag) VCH_MUST;
enum vch_err vch_pg_step(struct vch_sql_rows *rows, bool *ret_row, struct vch_diag *diag) VCH_MUST;
struct vch_str vch_pg_bytes(struct vch_sql_rows *rows, int column);
int64_t vch_pg_number(struct vch_sql_rows *rows, int column);
int64_t vch_pg_changes(struct vch_sql_rows *rows);
void vch_pg_finish(struct vch_sql_rows *rows);
enum vch_err vch_pg_run_text(struct vch_sql *base, const char *text, const struct vch_sql_arg *args, size_t count,
                             struct vch_sql_rows **ret, struct vch_diag *diag) VCH_MUST;
enum vch_err vch_pg_scan(struct vch_sql *base, const char *text, struct vch_sql_rows **ret, struct vch_diag *diag) VCH_MUST;
bool vch_pg_is_null(struct vch_sql_rows *rows, int column);
/* A text of one row and column, from a statement of the driver's own with one text argument. */
enum vch_err vch_pg_ask(struct vch_pg *db, const char *text, struct vch_str arg, PGresult **ret, struct vch_diag *diag) VCH_MUST;

/* ---- postgres_words.c ---- */

/* The shared words of sql/ in PostgreSQL's. `schema`: the text makes tables,
 * whose texts sort by bytes. */
void vch_pg_words(const char *text, bool schema, struct vch_buf *out);

#endif
