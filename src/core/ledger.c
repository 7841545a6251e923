#include "core/ledger.h"

#include "base/clock.h"
#include "base/codec.h"
#include "base/digest.h"

static void put_text(struct vch_buf *buf, struct vch_str s) {
    vch_buf_u32(buf, (uint32_t)s.len);
    vch_buf_str(buf, s);
}

static void put_number(struct vch_buf *buf, int64_t v) {
    vch_buf_u32(buf, 8);
    vch_buf_u64(buf, (uint64_t)v);
}

enum vch_err vch_ledger_hash(const struct vch_rec_ledger *r, struct vch_buf *buf, uint8_t ret[VCH_LEDGER_HASH_LEN]) {
    struct vch_str bytes;
    vch_buf_clear(buf);
    put_text(buf, r->prev_hash);
    put_number(buf, r->seq);
    put_number(buf, r->time_ms);
    put_text(buf, r->event);
    put_text(buf, r->actor);
    put_text(buf, r->source_ip);
    put_text(buf, r->client_id);
    put_text(buf, r->claim_id);
    put_text(buf, r->template_name);
    put_number(buf, r->template_version);
    put_text(buf, r->certificate_id);
    put_text(buf, r->thing_name);
    put_text(buf, r->outcome);
    put_text(buf, r->detail);
    VCH_TRY(vch_buf_finish(buf, &bytes));
    vch_sha256(bytes, ret);
    return VCH_OK;
}

void vch_ledger_checkpoint_text(const struct vch_ledger_checkpoint *checkpoint, struct vch_buf *buf) {
    char time[25], hex[2 * VCH_LEDGER_HASH_LEN + 1];
    vch_time_iso(checkpoint->time_ms, time);
    vch_hex(checkpoint->hash, sizeof checkpoint->hash, hex);
    vch_buf_printf(buf, "vouch ledger checkpoint 1\naccount %.*s\nsequence %lld\ntime %s\nhash %s\n",
                   VCH_STR_ARG(checkpoint->account), (long long)checkpoint->seq, time, hex);
}
