#include "store/schema_priv.h"

#include "base/clock.h"
#include "store/sql_priv.h"

static enum vch_err version_of(struct vch_sql *db, int64_t *ret, struct vch_diag *diag) {
    bool row = false;
    return vch_sql_number(db, VCH_Q_SCHEMA_VERSION, NULL, 0, &row, ret, diag);
}

static enum vch_err step_up(struct vch_sql *db, const struct vch_migration *m, struct vch_diag *diag) {
    int64_t version = 0;
    VCH_TRY(version_of(db, &version, diag));
    if (version >= m->version) return VCH_OK; /* another process was quicker */
    VCH_TRY(db->driver->script(db, m->text, diag));
    VCH_TRY(vch_sql_run(db, VCH_Q_SCHEMA_APPLIED,
                        VCH_ARGS(VCH_I(m->version), VCH_T(vch_str_from(m->name)), VCH_I(vch_now_ms())), NULL, diag));
    return db->driver->control(db, VCH_SQL_COMMIT, diag);
}

static enum vch_err migrate_one(struct vch_sql *db, const struct vch_migration *m, struct vch_diag *diag) {
    VCH_TRY(db->driver->control(db, VCH_SQL_BEGIN_WRITE, diag));
    enum vch_err err = step_up(db, m, diag);
    enum vch_err undone = db->driver->control(db, VCH_SQL_ROLLBACK, diag);
    return err == VCH_OK ? undone : err;
}

/* In a transaction, so that two that come first together take turns. */
static enum vch_err have_versions(struct vch_sql *db, struct vch_diag *diag) {
    VCH_TRY(db->driver->control(db, VCH_SQL_BEGIN_WRITE, diag));
    enum vch_err err = db->driver->script(db,
                                          "CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER PRIMARY KEY,"
                                          " name TEXT NOT NULL, applied_ms INTEGER NOT NULL) STRICT",
                                          diag);
    if (!err) err = db->driver->control(db, VCH_SQL_COMMIT, diag);
    enum vch_err undone = db->driver->control(db, VCH_SQL_ROLLBACK, diag);
    return err ? err : undone;
}

enum vch_err vch_schema_migrate(struct vch_sql *db, const struct vch_migration *list, size_t count,
                                struct vch_diag *diag) {
    VCH_TRY(have_versions(db, diag));
    int64_t version = 0;
    VCH_TRY(version_of(db, &version, diag));
    int64_t newest = count ? list[count - 1].version : 0;
    if (version > newest)
        return VCH_REFUSE(diag, VCH_ERR_STATE, STORE_FAILED, "",
                          "The store has schema %lld; this program knows schemas up to %lld. Use the newer program.",
                          (long long)version, (long long)newest);
    for (size_t i = 0; i < count; i++)
        if (list[i].version > version) VCH_TRY(migrate_one(db, &list[i], diag));
    return VCH_OK;
}
