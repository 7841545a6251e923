/* What export and import share: tables as the database's catalogue has them,
 * and the digest of the lines. */
#ifndef VCH_STORE_TRANSFER_PRIV_H
#define VCH_STORE_TRANSFER_PRIV_H

#include "base/buf.h"
#include "base/digest.h"
#include "store/schema_priv.h"
#include "store/sql_priv.h"
#include "store/transfer.h"

enum { VCH_TRANSFER_FORMAT = 1, VCH_TABLES_MAX = 128, VCH_COLUMNS_MAX = 64, VCH_LINE_MAX = 64 << 20 };

struct vch_table {
    char name[64];
    size_t count;
    struct {
        char name[64];
        char type; /* 'i', 't' or 'b' */
    } columns[VCH_COLUMNS_MAX];
};

/* In the order of making; owned by the arena. */
enum vch_err vch_transfer_tables(struct vch_sql *db, struct vch_arena *arena, struct vch_table **ret, size_t *ret_count,
                                 struct vch_diag *diag) VCH_MUST;
/* Rows of it do not travel: they are worth something here and now alone. */
bool vch_transfer_stays(const struct vch_table *table);
/* The version of the schema that the open database has. */
enum vch_err vch_transfer_version(struct vch_sql *db, int64_t *ret, struct vch_diag *diag) VCH_MUST;
/* A connection of the driver of `url`, without a store around it. */
enum vch_err vch_transfer_open(const char *url, bool writer, struct vch_sql **ret, struct vch_diag *diag) VCH_MUST;

/* SHA-256 of the digest so far and the next line with its end. Begins as zeroes. */
struct vch_chain {
    uint8_t digest[VCH_SHA256_LEN];
};
void vch_chain_add(struct vch_chain *chain, struct vch_str line);

#endif
