/* How the registry speaks SQL: a cursor that finishes itself, one-line writes,
 * and lists into an arena. */
#ifndef VCH_STORE_SQL_PRIV_H
#define VCH_STORE_SQL_PRIV_H

#include "base/arena.h"
#include "core/reason.h"
#include "store/driver_priv.h"

#define VCH_T(s) ((struct vch_sql_arg){VCH_SQL_TEXT, (s), 0})
#define VCH_B(s) ((struct vch_sql_arg){VCH_SQL_BLOB, (s), 0})
#define VCH_I(i) ((struct vch_sql_arg){VCH_SQL_INT, {NULL, 0}, (i)})
/* Expands to the two arguments `args, count`. */
#define VCH_ARGS(...)                                                                                                  \
    (const struct vch_sql_arg[]){__VA_ARGS__}, sizeof((const struct vch_sql_arg[]){__VA_ARGS__}) / sizeof(struct vch_sql_arg)

/* True for what befell the store itself, not what a guard refused. */
bool vch_sql_outage(enum vch_err err);

struct vch_cursor {
    struct vch_sql *db;
    struct vch_sql_rows *rows;
    struct vch_arena *arena; /* of vch_cursor_str */
    bool nomem;              /* a copy did not fit */
};
void vch_cursor_finish(struct vch_cursor *cursor);
#define VCH_CURSOR __attribute__((cleanup(vch_cursor_finish))) struct vch_cursor

enum vch_err vch_cursor_start(struct vch_cursor *cursor, struct vch_sql *db, enum vch_query query,
                              const struct vch_sql_arg *args, size_t count, struct vch_diag *diag) VCH_MUST;
enum vch_err vch_cursor_next(struct vch_cursor *cursor, bool *ret_row, struct vch_diag *diag) VCH_MUST;
struct vch_str vch_cursor_view(struct vch_cursor *cursor, int column); /* until the next step */
struct vch_str vch_cursor_str(struct vch_cursor *cursor, int column);  /* copied into the arena */
int64_t vch_cursor_int(struct vch_cursor *cursor, int column);

/* Runs a write to its end; *ret_changes may be NULL. */
enum vch_err vch_sql_run(struct vch_sql *db, enum vch_query query, const struct vch_sql_arg *args, size_t count,
                         int64_t *ret_changes, struct vch_diag *diag) VCH_MUST;
/* The first column of the first row as a number. */
enum vch_err vch_sql_number(struct vch_sql *db, enum vch_query query, const struct vch_sql_arg *args, size_t count,
                            bool *ret_row, int64_t *ret, struct vch_diag *diag) VCH_MUST;
/* Whether there is a row at all. */
enum vch_err vch_sql_exists(struct vch_sql *db, enum vch_query query, const struct vch_sql_arg *args, size_t count,
                            bool *ret, struct vch_diag *diag) VCH_MUST;

/* Fills one record from the cursor's row. */
typedef void vch_fill(struct vch_cursor *row, void *record);
/* One record; *ret_found tells. */
enum vch_err vch_sql_record(struct vch_sql *db, enum vch_query query, const struct vch_sql_arg *args, size_t count,
                            vch_fill *fill, void *record, struct vch_arena *arena, bool *ret_found,
                            struct vch_diag *diag) VCH_MUST;

struct vch_listing {
    vch_fill *fill;
    size_t size;  /* of a record */
    size_t limit; /* the query asks for vch_listing_ask(limit) */
    void *items;
    size_t count;
    bool more;
};
int64_t vch_listing_ask(size_t limit);
enum vch_err vch_sql_list(struct vch_sql *db, enum vch_query query, const struct vch_sql_arg *args, size_t count,
                          struct vch_listing *listing, struct vch_arena *arena, struct vch_diag *diag) VCH_MUST;
void vch_fill_str(struct vch_cursor *row, void *record); /* a struct vch_str from column 0 */

#endif
