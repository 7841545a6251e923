/* What the two files of SQLite, the registry and the messages, have in common. */
#ifndef VCH_STORE_SQLITE_PRIV_H
#define VCH_STORE_SQLITE_PRIV_H

#include <sqlite3.h>

#include "store/driver_priv.h"

/* Before the first use of SQLite in the process; any thread, any number of times. */
void vch_sqlite_configure(void);
/* The file, readable to its owner alone; made when it is not there. */
enum vch_err vch_sqlite_make_file(const char *path, struct vch_diag *diag) VCH_MUST;
enum vch_err vch_sqlite_class(int code);
int vch_sqlite_bind(sqlite3_stmt *stmt, int at, const struct vch_sql_arg *arg);
/* A copy of a whole database in a new file, private to its owner, as it is when the last part is copied: all at once,
 * or, with `turns`, in parts, between which others may write through `from` itself (and nobody else may). */
struct vch_sqlite_turns {
    void (*hold)(void *arg), (*let)(void *arg); /* around each use of `from` */
    void *arg;
};
enum vch_err vch_sqlite_copy(sqlite3 *from, const char *path, const struct vch_sqlite_turns *turns,
                             struct vch_diag *diag) VCH_MUST;
/* A column's bytes, until the next step. */
struct vch_str vch_sqlite_bytes(sqlite3_stmt *stmt, int column);

#endif
