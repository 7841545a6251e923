/* The way from an empty file to the present schema, and what refuses it. */
#include "store/fixture.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "store/schema_priv.h"

static int place(void **state) {
    *state = fix_new();
    return 0;
}

static void raw(struct fix *f, const char *sql) {
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int64_t raw_number(struct fix *f, const char *sql) {
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return value;
}

static void from_nothing(void **state) {
    struct fix *f = *state;
    struct stat st;
    read_ok(f, fix_open(f));
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    have_policy(f, "p");
    char log[160];
    (void)snprintf(log, sizeof log, "%s-wal", f->path);
    assert_int_equal(stat(log, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    fix_close(f);
    assert_int_equal(raw_number(f, "SELECT max(version) FROM schema_versions"),
                     vch_migrations[vch_migration_count - 1].version);
    assert_int_equal(raw_number(f, "SELECT count(*) FROM schema_versions"), (int64_t)vch_migration_count);
    read_ok(f, fix_open(f)); /* again: nothing to do */
    struct vch_rec_policy r;
    READ(f, vch_store_policy, S("p"), 0, &r);
}

static void from_an_empty_version_table(void **state) {
    struct fix *f = *state;
    raw(f, "CREATE TABLE schema_versions (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_ms INTEGER NOT NULL)");
    read_ok(f, fix_open(f));
    have_policy(f, "p");
}

static void newer_is_refused(void **state) {
    struct fix *f = *state;
    read_ok(f, fix_open(f));
    have_policy(f, "p");
    fix_close(f);
    raw(f, "INSERT INTO schema_versions VALUES (1000, 'from the future', 0)");
    read_refused(f, fix_open(f), VCH_ERR_STATE, VCH_REASON_STORE_FAILED);
    assert_non_null(strstr(f->diag.message, "1000"));
    assert_null(f->store);
    raw(f, "DELETE FROM schema_versions WHERE version = 1000");
    read_ok(f, fix_open(f)); /* untouched by the refusal */
    struct vch_rec_policy r;
    READ(f, vch_store_policy, S("p"), 0, &r);
}

static void not_a_database(void **state) {
    struct fix *f = *state;
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++) (void)fputs("this is no database. ", file);
    (void)fclose(file);
    read_refused(f, fix_open(f), VCH_ERR_IO, VCH_REASON_STORE_FAILED);
    assert_null(f->store);
}

/* ---- steps, with migrations of the test's own ---- */

static const struct vch_migration steps[] = {
    {1, "one", "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);"},
    {2, "two", "ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x + 1;"},
    {3, "three", "CREATE TABLE b (z INTEGER); INSERT INTO b SELECT y FROM a;"},
};
static const struct vch_migration broken[] = {
    {1, "one", "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);"},
    {2, "two", "CREATE TABLE b (z INTEGER); INSERT INTO nowhere VALUES (1);"},
};

static enum vch_err migrate(struct fix *f, const struct vch_migration *list, size_t count) {
    struct vch_sql *db = NULL;
    vch_diag_clear(&f->diag);
    read_ok(f, vch_sql_sqlite.open(f->path, true, &db, &f->diag));
    enum vch_err err = vch_schema_migrate(db, list, count, &f->diag);
    vch_sql_sqlite.close(db);
    return err;
}

static void step_by_step(void **state) {
    struct fix *f = *state;
    for (size_t i = 1; i <= COUNT_OF(steps); i++) {
        read_ok(f, migrate(f, steps, i));
        assert_int_equal(raw_number(f, "SELECT max(version) FROM schema_versions"), (int64_t)i);
    }
    assert_int_equal(raw_number(f, "SELECT z FROM b"), 2);
    read_ok(f, migrate(f, steps, COUNT_OF(steps)));
    assert_int_equal(raw_number(f, "SELECT count(*) FROM b"), 1);
    read_refused(f, migrate(f, steps, 2), VCH_ERR_STATE, VCH_REASON_STORE_FAILED);
}

static void all_at_once(void **state) {
    struct fix *f = *state;
    read_ok(f, migrate(f, steps, COUNT_OF(steps)));
    assert_int_equal(raw_number(f, "SELECT z FROM b"), 2);
}

/* Numbers may be left out; what lies between is not waited for. */
static void numbers_with_gaps(void **state) {
    static const struct vch_migration gaps[] = {
        {1, "one", "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);"},
        {10, "ten", "ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x + 1;"},
        {20, "twenty", "CREATE TABLE b (z INTEGER); INSERT INTO b SELECT y FROM a;"},
    };
    struct fix *f = *state;
    read_ok(f, migrate(f, gaps, 2));
    assert_int_equal(raw_number(f, "SELECT max(version) FROM schema_versions"), 10);
    read_ok(f, migrate(f, gaps, COUNT_OF(gaps)));
    assert_int_equal(raw_number(f, "SELECT z FROM b"), 2);
    assert_int_equal(raw_number(f, "SELECT count(*) FROM schema_versions"), 3);
    read_refused(f, migrate(f, gaps, 2), VCH_ERR_STATE, VCH_REASON_STORE_FAILED);
}

/* A step that fails leaves the version before it, and none of its tables. */
static void a_step_that_fails(void **state) {
    struct fix *f = *state;
    read_refused(f, migrate(f, broken, COUNT_OF(broken)), VCH_ERR_INTERNAL, VCH_REASON_STORE_FAILED);
    assert_int_equal(raw_number(f, "SELECT max(version) FROM schema_versions"), 1);
    assert_int_equal(raw_number(f, "SELECT count(*) FROM sqlite_master WHERE name = 'b'"), 0);
    read_ok(f, migrate(f, steps, COUNT_OF(steps)));
    assert_int_equal(raw_number(f, "SELECT z FROM b"), 2);
}

#define SCHEMA_TEST(function) cmocka_unit_test_setup_teardown(function, place, fix_down)
STORE_SUITE(SCHEMA_TEST(from_nothing), SCHEMA_TEST(from_an_empty_version_table), SCHEMA_TEST(newer_is_refused),
            SCHEMA_TEST(not_a_database), SCHEMA_TEST(step_by_step), SCHEMA_TEST(all_at_once),
            SCHEMA_TEST(numbers_with_gaps), SCHEMA_TEST(a_step_that_fails))
