/* The schema and its way forward: numbered migrations from sql/NNNN_name.sql,
 * each applied in a transaction of its own together with its row in
 * schema_versions. */
#ifndef VCH_STORE_SCHEMA_PRIV_H
#define VCH_STORE_SCHEMA_PRIV_H

#include "store/driver_priv.h"

struct vch_migration {
    int64_t version; /* upwards from 1; numbers may be left out */
    const char *name;
    const char *text;
};
extern const struct vch_migration vch_migrations[];
extern const size_t vch_migration_count;

/* Brings the database from whatever version it has to the last of `list`. A
 * migration that fails leaves the version before it. STATE with STORE_FAILED
 * when the database is newer than the list. */
enum vch_err vch_schema_migrate(struct vch_sql *db, const struct vch_migration *list, size_t count,
                                struct vch_diag *diag) VCH_MUST;

#endif
