/* Copies of a database that is in use, by SQLite's own means. */
#include "core/reason.h"
#include "store/sqlite_priv.h"

enum { PART_PAGES = 256 }; /* a megabyte: some milliseconds in which nobody else writes */

static void no_turn(void *arg) {
    (void)arg;
}

/* What the same connection writes between two parts goes into the copy too (sqlite3_backup_step); with no parts, what
 * others write meanwhile has no part in it. */
static int copy_pages(sqlite3 *from, sqlite3 *to, const struct vch_sqlite_turns *turns, int pages) {
    turns->hold(turns->arg);
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    int code = backup ? SQLITE_OK : sqlite3_errcode(to);
    while (code == SQLITE_OK) {
        code = sqlite3_backup_step(backup, pages);
        turns->let(turns->arg);
        turns->hold(turns->arg);
    }
    if (backup) code = sqlite3_backup_finish(backup);
    turns->let(turns->arg);
    return code;
}

enum vch_err vch_sqlite_copy(sqlite3 *from, const char *path, const struct vch_sqlite_turns *turns,
                             struct vch_diag *diag) {
    static const struct vch_sqlite_turns at_once = {no_turn, no_turn, NULL};
    sqlite3 *copy = NULL;
    VCH_TRY(vch_sqlite_make_file(path, diag));
    int code = sqlite3_open_v2(path, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) code = copy_pages(from, copy, turns ? turns : &at_once, turns ? PART_PAGES : -1);
    /* A copy stands for itself: no log beside it. */
    if (code == SQLITE_OK) code = sqlite3_exec(copy, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    (void)sqlite3_close(copy);
    if (code == SQLITE_OK) return VCH_OK;
    return VCH_REFUSE(diag, vch_sqlite_class(code), STORE_FAILED, "", "The copy failed: %s.", sqlite3_errstr(code));
}
