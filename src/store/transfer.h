/* A whole registry in a file, and out of it: to keep, or to move between
 * databases. Nothing is lost: tables are taken as they stand, the ledger with
 * its hashes, numbers with them. The same registry gives the same bytes,
 * whichever database holds it.
 *
 * The file is lines of JSON: a head with the schema's version, for each table a
 * line with its columns and one line for each row, and a last line with the
 * count of rows and a digest of all that went before it. Secrets are in it as
 * the registry has them (access keys sealed, passwords hashed).
 *
 * Any thread; blocks. Reads one state of a registry in use; writes into an empty
 * one, all or nothing. Errors: those of the store; MALFORMED with PAYLOAD_INVALID
 * for a file that is not whole, STATE for a registry that is not empty or a file
 * of a newer program.
 */
#ifndef VCH_STORE_TRANSFER_H
#define VCH_STORE_TRANSFER_H

#include <stdio.h>

#include "store/store.h"

struct vch_transfer_stats {
    int64_t tables, rows, schema;
};
enum vch_err vch_store_export(const char *url, FILE *out, struct vch_transfer_stats *ret, struct vch_diag *diag) VCH_MUST;
/* Brings an older file's registry to the present schema; then it is ready to be opened. */
enum vch_err vch_store_import(const char *url, FILE *in, struct vch_transfer_stats *ret, struct vch_diag *diag) VCH_MUST;

/* A consistent copy of the database of a store in use, as a new file (0600). INVALID
 * with FIELD_INVALID when the database is not one of files. */
enum vch_err vch_store_backup(struct vch_store *s, const char *path, struct vch_diag *diag) VCH_MUST;

#endif
