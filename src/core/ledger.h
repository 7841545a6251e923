/* A row of the ledger, the hash that chains it to the row before, and the text
 * that a signed checkpoint speaks. Pure, so that what the server wrote can be
 * verified without it. Any thread.
 */
#ifndef VCH_CORE_LEDGER_H
#define VCH_CORE_LEDGER_H

#include "base/buf.h"

enum { VCH_LEDGER_HASH_LEN = 32, VCH_LEDGER_ROW_MAX = 1 << 20 };

struct vch_rec_ledger {
    int64_t seq, time_ms;
    struct vch_str event;    /* "claim-created", "thing-registered", "provisioning-refused", … */
    struct vch_str actor;    /* ARN, "claim/ID", "cert/ID", "server" */
    struct vch_str source_ip, client_id, claim_id, template_name, certificate_id, thing_name, outcome /* "ok" | reason code */, detail; /* JSON object */
    int64_t template_version;
    struct vch_str prev_hash, hash; /* 32 bytes each */
};

/* SHA-256(prev_hash, then each column as a 32-bit length and its bytes; numbers
 * are 8 bytes, all big endian). The order is fixed for ever. `buf` is the
 * caller's and is cleared. TOO_LARGE past its cap. */
enum vch_err vch_ledger_hash(const struct vch_rec_ledger *row, struct vch_buf *buf, uint8_t ret[VCH_LEDGER_HASH_LEN]) VCH_MUST;

struct vch_ledger_checkpoint {
    struct vch_str account; /* 12 digits */
    int64_t seq, time_ms;   /* of the row that it vouches for; when it was signed */
    uint8_t hash[VCH_LEDGER_HASH_LEN];
};
/* "vouch ledger checkpoint 1\naccount 123456789012\nsequence 7\ntime 2026-11-23T…Z\nhash <hex>\n" */
void vch_ledger_checkpoint_text(const struct vch_ledger_checkpoint *checkpoint, struct vch_buf *buf);

#endif
