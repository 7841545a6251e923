/* A thin SQL connection: what differs between databases and nothing else. The
 * SQL text, the registry and the ledger above it are shared by all drivers.
 *
 * A connection belongs to one thread at a time. Its statements are the queries
 * of sql/, prepared at first use and kept; parameters are written $1, $2, ...
 * A statement is started with all its arguments, stepped, and finished before
 * the same query is started again; different queries may be open together.
 * Arguments are borrowed until finish.
 *
 * Errors: EXISTS and CONFLICT for a unique or foreign key that refused, without
 * a diagnosis (the caller knows what it means); everything else is an outage of
 * the store: UNAVAILABLE, IO, NOMEM or INTERNAL, diagnosed as STORE_FAILED.
 * After any of them inside a transaction nothing but ROLLBACK_TO and ROLLBACK
 * is sure to work: a plan ends with its first error.
 *
 * SQL is written in the words that both databases share: types INTEGER, TEXT
 * and BLOB, STRICT tables, "seq INTEGER PRIMARY KEY" for numbers that the
 * database gives; ON CONFLICT, RETURNING, row comparisons; no rowid, no json_*,
 * no INSERT OR, no booleans as numbers.
 */
#ifndef VCH_STORE_DRIVER_PRIV_H
#define VCH_STORE_DRIVER_PRIV_H

#include "base/str.h"
#include "store/store_sql.h"

enum vch_sql_type { VCH_SQL_TEXT, VCH_SQL_BLOB, VCH_SQL_INT, VCH_SQL_NULL };
struct vch_sql_arg {
    enum vch_sql_type type;
    struct vch_str bytes;
    int64_t number;
};

enum vch_sql_control {
    VCH_SQL_BEGIN_WRITE, /* and nobody else writes until its end */
    VCH_SQL_BEGIN_READ,  /* one state of the database for all reads until ROLLBACK */
    VCH_SQL_SAVEPOINT, /* one level inside the transaction */
    VCH_SQL_RELEASE,
    VCH_SQL_ROLLBACK_TO, /* undoes the savepoint and releases it */
    VCH_SQL_COMMIT,      /* durable when it succeeds; when it fails nothing is left */
    VCH_SQL_ROLLBACK,    /* nothing to do is success */
    VCH_SQL_CONTROL_COUNT
};

struct vch_store;
struct vch_sql_driver;
struct vch_sql_rows; /* a started statement, owned by its connection */

/* What every driver's connection begins with. */
struct vch_sql {
    const struct vch_sql_driver *driver;
    struct vch_store *home; /* the pool that a reader returns to */
    struct vch_sql *next;   /* in that pool */
    bool failed;            /* an outage was seen; not worth keeping */
    bool again;             /* the last error says: the same transaction may succeed now */
    int64_t patience_ms;    /* how long a remote database may take for an answer */
};

/* Of `text` from another server, or the same; during `wait`. */
typedef void vch_sql_on_notice(void *arg, struct vch_str text);

struct vch_sql_driver {
    const char *scheme; /* of the URL, without the colon */
    /* `place` is the URL behind the colon. A writer may create the database. */
    enum vch_err (*open)(const char *place, bool writer, struct vch_sql **ret, struct vch_diag *diag);
    void (*close)(struct vch_sql *db);
    /* Several statements without parameters, in the words of sql/NNNN_*.sql. */
    enum vch_err (*script)(struct vch_sql *db, const char *text, struct vch_diag *diag);
    enum vch_err (*control)(struct vch_sql *db, enum vch_sql_control what, struct vch_diag *diag);
    enum vch_err (*start)(struct vch_sql *db, enum vch_query query, const struct vch_sql_arg *args, size_t count,
                          struct vch_sql_rows **ret, struct vch_diag *diag);
    enum vch_err (*step)(struct vch_sql_rows *rows, bool *ret_row, struct vch_diag *diag);
    struct vch_str (*bytes)(struct vch_sql_rows *rows, int column); /* until the next step */
    int64_t (*number)(struct vch_sql_rows *rows, int column);
    int64_t (*changes)(struct vch_sql_rows *rows); /* after the last step: rows written */
    void (*finish)(struct vch_sql_rows *rows);     /* NULL is fine */

    /* ---- moving whole registries: statements that are made as they are needed ---- */
    enum vch_err (*run_text)(struct vch_sql *db, const char *text, const struct vch_sql_arg *args, size_t count,
                             struct vch_sql_rows **ret, struct vch_diag *diag);
    /* A query of any size inside a transaction, one at a time. */
    enum vch_err (*scan)(struct vch_sql *db, const char *text, struct vch_sql_rows **ret, struct vch_diag *diag);
    bool (*is_null)(struct vch_sql_rows *rows, int column);
    /* Queries: all tables in the order of making; name and type ("i", "t", "b") of the columns of table $1. */
    const char *tables, *columns;
    /* Around the loading of rows, inside its transaction: references are checked at the end; numbers that the
     * database gives go on behind those loaded. */
    enum vch_err (*load_begin)(struct vch_sql *db, struct vch_diag *diag);
    enum vch_err (*load_table)(struct vch_sql *db, const char *table, const char *key, struct vch_diag *diag);
    enum vch_err (*load_end)(struct vch_sql *db, struct vch_diag *diag);
    /* A copy of the whole database in a new file; NULL: none of the kind. */
    enum vch_err (*backup)(struct vch_sql *db, const char *path, struct vch_diag *diag);

    /* Only of databases that others write too, over a network; else NULL. */
    bool (*alive)(struct vch_sql *db); /* false: the peer has gone while it was idle; asks nothing */
    /* Told to all that listen, when the open transaction commits; at most 7900 bytes. */
    enum vch_err (*notify)(struct vch_sql *db, struct vch_str text, struct vch_diag *diag);
    enum vch_err (*listen)(struct vch_sql *db, struct vch_diag *diag);
    /* Until `wake_fd` is readable (VCH_OK) or the connection is found dead. */
    enum vch_err (*wait)(struct vch_sql *db, int wake_fd, vch_sql_on_notice *on_notice, void *arg);
    void (*each_path)(const char *place, void (*on_path)(void *arg, const char *path), void *arg);
};

extern const struct vch_sql_driver vch_sql_sqlite, vch_sql_postgres;

#endif
