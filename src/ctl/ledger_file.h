/* An exported ledger: lines of JSON, a head, then the rows, then the signed
 * checkpoints, as the server tells them. It is verified without the server,
 * with the ledger's public key alone. */
#ifndef VCH_CTL_LEDGER_FILE_H
#define VCH_CTL_LEDGER_FILE_H

#include "base/buf.h"
#include "base/val.h"

void vch_ledger_file_head(struct vch_str account, struct vch_buf *buf);
/* `kind` is "entry" or "checkpoint". */
enum vch_err vch_ledger_file_line(const char *kind, const struct vch_val *item, struct vch_arena *arena, struct vch_buf *buf) VCH_MUST;

struct vch_ledger_verdict {
    int64_t entries, first, last;
    int64_t checkpoints, vouched; /* the last row that a checkpoint vouches for; 0: none */
};
/* CONFLICT with LEDGER_BROKEN and the row's number in `field`; MALFORMED for what is no such file. */
enum vch_err vch_ledger_file_verify(struct vch_str text, struct vch_str public_key, struct vch_ledger_verdict *ret, struct vch_diag *diag) VCH_MUST;

#endif
