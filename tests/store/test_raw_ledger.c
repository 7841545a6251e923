/* Somebody with the database file changes the ledger: verification names the row. */
#include "store/fixture.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 8 };

static void raw(struct fix *f, const char *sql) {
    sqlite3 *db = NULL;
    char *message = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    (void)sqlite3_busy_timeout(db, 5000);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) fail_msg("%s: %s", sql, message);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int fill(void **state) {
    if (fix_up(state) != 0) return -1;
    const struct vch_rec_ledger row = a_row("row");
    for (int i = 0; i < ROWS; i++) DO(*state, vch_plan_ledger, &row);
    return 0;
}

static void verify_finds(struct fix *f, const char *row) {
    int64_t rows = -1;
    vch_diag_clear(&f->diag);
    read_refused(f, vch_store_ledger_verify(f->store, &rows, &f->diag), VCH_ERR_CONFLICT, VCH_REASON_LEDGER_BROKEN);
    assert_string_equal(f->diag.field, row);
    assert_int_equal(rows, atoll(row) - 1);
}

static void verify_is_content(struct fix *f) {
    int64_t rows = -1;
    vch_diag_clear(&f->diag);
    read_ok(f, vch_store_ledger_verify(f->store, &rows, &f->diag));
    assert_int_equal(rows, ROWS);
}

static void edit(struct fix *f, const char *column, const char *expression) {
    char sql[256];
    (void)snprintf(sql, sizeof sql, "UPDATE ledger SET %s = %s WHERE seq = 4", column, expression);
    raw(f, sql);
}

/* Each column in turn; putting it back heals. */
static void every_column_counts(void **state) {
    struct fix *f = *state;
    const struct {
        const char *column, *change, *back;
    } rows[] = {
        {"time_ms", "time_ms + 1", "time_ms - 1"},
        {"template_version", "4", "3"},
        {"event", "'x'", "'row'"},
        {"actor", "''", "'server'"},
        {"source_ip", "'192.0.2.2'", "'192.0.2.1'"},
        {"client_id", "'Client'", "'client'"},
        {"claim_id", "'x'", "'claim'"},
        {"template_name", "'templat'", "'template'"},
        {"certificate_id", "'x'", "'certificate'"},
        {"thing_name", "'thing2'", "'thing'"},
        {"outcome", "'claim-spent'", "'ok'"},
        {"detail", "'{}'", "'{\"x\":1}'"},
    };
    verify_is_content(f);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        edit(f, rows[i].column, rows[i].change);
        verify_finds(f, "4");
        edit(f, rows[i].column, rows[i].back);
        verify_is_content(f);
    }
}

/* Bytes moved from one column to the next leave the same text in a row. */
static void columns_do_not_run_together(void **state) {
    struct fix *f = *state;
    raw(f, "UPDATE ledger SET thing_name = thing_name || 'o', outcome = 'k' WHERE seq = 3");
    verify_finds(f, "3");
}

static void row_taken_out(void **state) {
    struct fix *f = *state;
    raw(f, "DELETE FROM ledger WHERE seq = 5");
    verify_finds(f, "5");
}

static void rows_renumbered_over_the_gap(void **state) {
    struct fix *f = *state;
    raw(f, "DELETE FROM ledger WHERE seq = 5; UPDATE ledger SET seq = seq - 1 WHERE seq = 6;"
           "UPDATE ledger SET seq = seq - 1 WHERE seq = 7; UPDATE ledger SET seq = seq - 1 WHERE seq = 8");
    verify_finds(f, "5");
}

static void hashes_rewritten(void **state) {
    struct fix *f = *state;
    raw(f, "UPDATE ledger SET hash = zeroblob(32) WHERE seq = 2");
    verify_finds(f, "2");
}

static void hash_of_another_length(void **state) {
    struct fix *f = *state;
    raw(f, "UPDATE ledger SET hash = x'00' WHERE seq = 2");
    verify_finds(f, "2");
}

static void chain_joined_elsewhere(void **state) {
    struct fix *f = *state;
    raw(f, "UPDATE ledger SET prev_hash = (SELECT hash FROM ledger WHERE seq = 1) WHERE seq = 7");
    verify_finds(f, "7");
}

static void the_end_cut_off(void **state) {
    struct fix *f = *state;
    raw(f, "DELETE FROM ledger WHERE seq >= 7");
    verify_finds(f, "7");
}

static void all_of_it_gone(void **state) {
    struct fix *f = *state;
    raw(f, "DELETE FROM ledger");
    verify_finds(f, "1");
}

static void a_row_added(void **state) {
    struct fix *f = *state;
    raw(f, "INSERT INTO ledger SELECT 9, time_ms, event, actor, source_ip, client_id, claim_id, template_name,"
           " template_version, certificate_id, thing_name, outcome, detail, prev_hash, hash FROM ledger WHERE seq = 8");
    verify_finds(f, "9");
}

#define LEDGER_TEST(function) cmocka_unit_test_setup_teardown(function, fill, fix_down)
STORE_SUITE(LEDGER_TEST(every_column_counts), LEDGER_TEST(columns_do_not_run_together), LEDGER_TEST(row_taken_out),
            LEDGER_TEST(rows_renumbered_over_the_gap), LEDGER_TEST(hashes_rewritten),
            LEDGER_TEST(hash_of_another_length), LEDGER_TEST(chain_joined_elsewhere), LEDGER_TEST(the_end_cut_off),
            LEDGER_TEST(all_of_it_gone), LEDGER_TEST(a_row_added))
