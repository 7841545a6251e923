/* The wire between front and signer. All numbers big endian.
 *
 *   request:  u8 version, u8 op, u8 profile, u8 zero, u64 tag,
 *             i64 not_before_ms, i64 not_after_ms, u16 spki, u16 subject, the two
 *   (stats:   the first 12 bytes alone, profile zero)
 *   (checkpoint: i64 time_ms, i64 sequence, 32 bytes of hash, 12 of the account)
 *   answer:   u8 version, u8 op, u8 refusal, u8 zero, u64 tag, then the
 *             certificate's DER, or three i64 of stats, or u16 signature and
 *             it and the public key behind it, or nothing
 */
#ifndef VCH_PKI_PROTOCOL_PRIV_H
#define VCH_PKI_PROTOCOL_PRIV_H

#include "base/buf.h"
#include "core/ledger.h"
#include "pki/issue_priv.h"

enum { VCH_SIGNER_VERSION = 1, VCH_SIGNER_HEAD = 12, VCH_SIGNER_DATAGRAM_MAX = 4096 + VCH_SIGNER_HEAD, VCH_SIGNER_READY = 'R' };

enum vch_signer_op { VCH_SIGNER_ISSUE = 1, VCH_SIGNER_STATS = 2, VCH_SIGNER_CHECKPOINT = 3 };

struct vch_signer_request {
    enum vch_signer_op op;
    uint64_t tag;
    struct vch_issue issue; /* views into the datagram */
    struct vch_ledger_checkpoint checkpoint; /* likewise */
};
/* Into `buf`, appended. */
void vch_signer_request_encode(const struct vch_signer_request *request, struct vch_buf *buf);
/* MALFORMED unless consumed to the last byte. The tag is set whenever the
 * datagram is long enough to have one, else it is 0. */
enum vch_err vch_signer_request_decode(struct vch_str datagram, struct vch_signer_request *ret) VCH_MUST;

struct vch_signer_answer {
    enum vch_signer_op op;
    enum vch_refusal refusal;
    uint64_t tag;
    struct vch_str der;
    struct vch_signer_stats stats;
    struct vch_str signature, public_key;
};
void vch_signer_answer_encode(const struct vch_signer_answer *answer, struct vch_buf *buf);
enum vch_err vch_signer_answer_decode(struct vch_str datagram, struct vch_signer_answer *ret) VCH_MUST;

#endif
