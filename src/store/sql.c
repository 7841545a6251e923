#include "store/sql_priv.h"

#include <string.h>

bool vch_sql_outage(enum vch_err err) {
    return err == VCH_ERR_IO || err == VCH_ERR_UNAVAILABLE || err == VCH_ERR_NOMEM || err == VCH_ERR_INTERNAL;
}

void vch_cursor_finish(struct vch_cursor *cursor) {
    if (cursor->rows) cursor->db->driver->finish(cursor->rows);
    cursor->rows = NULL;
}

enum vch_err vch_cursor_start(struct vch_cursor *cursor, struct vch_sql *db, enum vch_query query,
                              const struct vch_sql_arg *args, size_t count, struct vch_diag *diag) {
    cursor->db = db;
    return db->driver->start(db, query, args, count, &cursor->rows, diag);
}

enum vch_err vch_cursor_next(struct vch_cursor *cursor, bool *ret_row, struct vch_diag *diag) {
    return cursor->db->driver->step(cursor->rows, ret_row, diag);
}

struct vch_str vch_cursor_view(struct vch_cursor *cursor, int column) {
    return cursor->db->driver->bytes(cursor->rows, column);
}

struct vch_str vch_cursor_str(struct vch_cursor *cursor, int column) {
    struct vch_str copy = vch_arena_str(cursor->arena, vch_cursor_view(cursor, column));
    if (!copy.ptr) cursor->nomem = true;
    return copy;
}

int64_t vch_cursor_int(struct vch_cursor *cursor, int column) {
    return cursor->db->driver->number(cursor->rows, column);
}

enum vch_err vch_sql_run(struct vch_sql *db, enum vch_query query, const struct vch_sql_arg *args, size_t count,
                         int64_t *ret_changes, struct vch_diag *diag) {
    VCH_CURSOR cursor = {0};
    VCH_TRY(vch_cursor_start(&cursor, db, query, args, count, diag));
    bool row = true;
    while (row) VCH_TRY(vch_cursor_next(&cursor, &row, diag));
    if (ret_changes) *ret_changes = db->driver->changes(cursor.rows);
    return VCH_OK;
}

enum vch_err vch_sql_number(struct vch_sql *db, enum vch_query query, const struct vch_sql_arg *args, size_t count,
                            bool *ret_row, int64_t *ret, struct vch_diag *diag) {
    VCH_CURSOR cursor = {0};
    VCH_TRY(vch_cursor_start(&cursor, db, query, args, count, diag));
    VCH_TRY(vch_cursor_next(&cursor, ret_row, diag));
    *ret = *ret_row ? vch_cursor_int(&cursor, 0) : 0;
    return VCH_OK;
}

enum vch_err vch_sql_exists(struct vch_sql *db, enum vch_query query, const struct vch_sql_arg *args, size_t count,
                            bool *ret, struct vch_diag *diag) {
    VCH_CURSOR cursor = {0};
    VCH_TRY(vch_cursor_start(&cursor, db, query, args, count, diag));
    return vch_cursor_next(&cursor, ret, diag);
}

static enum vch_err out_of_arena(struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOMEM, STORE_FAILED, "", "The answer does not fit into the request's memory.");
}

enum vch_err vch_sql_record(struct vch_sql *db, enum vch_query query, const struct vch_sql_arg *args, size_t count,
                            vch_fill *fill, void *record, struct vch_arena *arena, bool *ret_found,
                            struct vch_diag *diag) {
    VCH_CURSOR cursor = {.arena = arena};
    VCH_TRY(vch_cursor_start(&cursor, db, query, args, count, diag));
    VCH_TRY(vch_cursor_next(&cursor, ret_found, diag));
    if (*ret_found) fill(&cursor, record);
    return cursor.nomem ? out_of_arena(diag) : VCH_OK;
}

int64_t vch_listing_ask(size_t limit) {
    return limit < INT64_MAX ? (int64_t)limit + 1 : INT64_MAX;
}

/* The slot for one more record; grows by doubling inside the arena. */
static void *next_slot(struct vch_listing *listing, size_t *cap, struct vch_arena *arena) {
    if (listing->count == *cap) {
        size_t bigger = *cap ? *cap * 2 : 8;
        void *items = vch_arena_array(arena, bigger, listing->size);
        if (!items) return NULL;
        if (listing->count) memcpy(items, listing->items, listing->count * listing->size);
        listing->items = items;
        *cap = bigger;
    }
    return (char *)listing->items + listing->size * listing->count++;
}

enum vch_err vch_sql_list(struct vch_sql *db, enum vch_query query, const struct vch_sql_arg *args, size_t count,
                          struct vch_listing *listing, struct vch_arena *arena, struct vch_diag *diag) {
    VCH_CURSOR cursor = {.arena = arena};
    size_t cap = 0;
    VCH_TRY(vch_cursor_start(&cursor, db, query, args, count, diag));
    for (;;) {
        bool row = false;
        VCH_TRY(vch_cursor_next(&cursor, &row, diag));
        if (!row) return VCH_OK;
        if (listing->count == listing->limit) {
            listing->more = true;
            return VCH_OK;
        }
        void *slot = next_slot(listing, &cap, arena);
        if (slot) listing->fill(&cursor, slot);
        if (!slot || cursor.nomem) return out_of_arena(diag);
    }
}

void vch_fill_str(struct vch_cursor *row, void *record) {
    *(struct vch_str *)record = vch_cursor_str(row, 0);
}
