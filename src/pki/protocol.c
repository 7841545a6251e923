#include "pki/protocol_priv.h"

#include <string.h>

enum { ACCOUNT_LEN = 12 };

static uint64_t take_number(struct vch_str *in, size_t bytes) {
    uint64_t v = 0;
    for (size_t i = 0; i < bytes; i++) v = v << 8 | (uint8_t)in->ptr[i];
    *in = vch_str_sub(*in, bytes, SIZE_MAX);
    return v;
}

static int64_t take_signed(struct vch_str *in) {
    return (int64_t)take_number(in, 8);
}

static void put_head(struct vch_buf *buf, enum vch_signer_op op, uint8_t third, uint64_t tag) {
    vch_buf_u8(buf, VCH_SIGNER_VERSION);
    vch_buf_u8(buf, (uint8_t)op);
    vch_buf_u8(buf, third);
    vch_buf_u8(buf, 0);
    vch_buf_u64(buf, tag);
}

struct head {
    uint8_t version, op, third, zero;
    uint64_t tag;
};

static bool take_head(struct vch_str *in, struct head *head) {
    *head = (struct head){.tag = 0};
    if (in->len < VCH_SIGNER_HEAD) return false;
    head->version = (uint8_t)take_number(in, 1);
    head->op = (uint8_t)take_number(in, 1);
    head->third = (uint8_t)take_number(in, 1);
    head->zero = (uint8_t)take_number(in, 1);
    head->tag = take_number(in, 8);
    return head->version == VCH_SIGNER_VERSION && head->zero == 0 &&
           head->op >= VCH_SIGNER_ISSUE && head->op <= VCH_SIGNER_CHECKPOINT;
}

/* ---- requests ---- */

enum { CHECKPOINT_LEN = 8 + 8 + VCH_LEDGER_HASH_LEN + ACCOUNT_LEN };

static void put_checkpoint(const struct vch_signer_request *request, struct vch_buf *buf) {
    const struct vch_ledger_checkpoint *c = &request->checkpoint;
    if (c->account.len != ACCOUNT_LEN) {
        buf->failed = true;
        return;
    }
    put_head(buf, VCH_SIGNER_CHECKPOINT, 0, request->tag);
    vch_buf_u64(buf, (uint64_t)c->time_ms);
    vch_buf_u64(buf, (uint64_t)c->seq);
    vch_buf_bytes(buf, c->hash, sizeof c->hash);
    vch_buf_str(buf, c->account);
}

static enum vch_err take_checkpoint(struct vch_str datagram, uint8_t third, struct vch_signer_request *ret) {
    struct vch_ledger_checkpoint *c = &ret->checkpoint;
    if (datagram.len != CHECKPOINT_LEN || third != 0) return VCH_ERR_MALFORMED;
    ret->op = VCH_SIGNER_CHECKPOINT;
    c->time_ms = take_signed(&datagram);
    c->seq = take_signed(&datagram);
    memcpy(c->hash, datagram.ptr, sizeof c->hash);
    c->account = vch_str_sub(datagram, sizeof c->hash, ACCOUNT_LEN);
    return VCH_OK;
}

void vch_signer_request_encode(const struct vch_signer_request *request, struct vch_buf *buf) {
    const struct vch_issue *issue = &request->issue;
    if (request->op == VCH_SIGNER_CHECKPOINT) {
        put_checkpoint(request, buf);
        return;
    }
    if (request->op != VCH_SIGNER_ISSUE) {
        put_head(buf, request->op, 0, request->tag);
        return;
    }
    if (issue->spki.len > UINT16_MAX || issue->subject.len > UINT16_MAX) {
        buf->failed = true;
        return;
    }
    put_head(buf, request->op, (uint8_t)issue->profile, request->tag);
    vch_buf_u64(buf, (uint64_t)issue->not_before_ms);
    vch_buf_u64(buf, (uint64_t)issue->not_after_ms);
    vch_buf_u16(buf, (uint16_t)issue->spki.len);
    vch_buf_u16(buf, (uint16_t)issue->subject.len);
    vch_buf_str(buf, issue->spki);
    vch_buf_str(buf, issue->subject);
}

enum vch_err vch_signer_request_decode(struct vch_str datagram, struct vch_signer_request *ret) {
    struct head head;
    *ret = (struct vch_signer_request){.op = VCH_SIGNER_STATS};
    size_t len = datagram.len;
    bool sound = take_head(&datagram, &head);
    ret->tag = head.tag;
    if (!sound || len > VCH_SIGNER_DATAGRAM_MAX) return VCH_ERR_MALFORMED;
    if (head.op == VCH_SIGNER_STATS) return datagram.len == 0 && head.third == 0 ? VCH_OK : VCH_ERR_MALFORMED;
    if (head.op == VCH_SIGNER_CHECKPOINT) return take_checkpoint(datagram, head.third, ret);
    if (datagram.len < 20) return VCH_ERR_MALFORMED;
    ret->op = VCH_SIGNER_ISSUE;
    ret->issue.profile = (enum vch_profile)head.third;
    ret->issue.not_before_ms = take_signed(&datagram);
    ret->issue.not_after_ms = take_signed(&datagram);
    size_t spki = (size_t)take_number(&datagram, 2), subject = (size_t)take_number(&datagram, 2);
    if (datagram.len != spki + subject) return VCH_ERR_MALFORMED;
    ret->issue.spki = vch_str_sub(datagram, 0, spki);
    ret->issue.subject = vch_str_sub(datagram, spki, subject);
    return VCH_OK;
}

void vch_signer_answer_encode(const struct vch_signer_answer *answer, struct vch_buf *buf) {
    put_head(buf, answer->op, (uint8_t)answer->refusal, answer->tag);
    if (answer->refusal != VCH_REFUSAL_NONE) return;
    if (answer->op == VCH_SIGNER_ISSUE) {
        vch_buf_str(buf, answer->der);
        return;
    }
    if (answer->op == VCH_SIGNER_CHECKPOINT) {
        vch_buf_u16(buf, (uint16_t)answer->signature.len);
        vch_buf_str(buf, answer->signature);
        vch_buf_str(buf, answer->public_key);
        return;
    }
    vch_buf_u64(buf, (uint64_t)answer->stats.cpu_us);
    vch_buf_u64(buf, (uint64_t)answer->stats.issued);
    vch_buf_u64(buf, (uint64_t)answer->stats.refused);
}

enum vch_err vch_signer_answer_decode(struct vch_str datagram, struct vch_signer_answer *ret) {
    struct head head;
    *ret = (struct vch_signer_answer){.op = VCH_SIGNER_STATS};
    if (!take_head(&datagram, &head) || head.third >= VCH_REFUSAL_COUNT) return VCH_ERR_MALFORMED;
    ret->op = (enum vch_signer_op)head.op;
    ret->refusal = (enum vch_refusal)head.third;
    ret->tag = head.tag;
    if (ret->refusal != VCH_REFUSAL_NONE) return datagram.len ? VCH_ERR_MALFORMED : VCH_OK;
    if (ret->op == VCH_SIGNER_ISSUE) {
        ret->der = datagram;
        return datagram.len && datagram.len <= VCH_ISSUE_MAX ? VCH_OK : VCH_ERR_MALFORMED;
    }
    if (ret->op == VCH_SIGNER_CHECKPOINT) {
        size_t len = datagram.len >= 2 ? (size_t)take_number(&datagram, 2) : 0;
        ret->signature = vch_str_sub(datagram, 0, len);
        ret->public_key = vch_str_sub(datagram, len, SIZE_MAX);
        return len && ret->signature.len == len && ret->public_key.len ? VCH_OK : VCH_ERR_MALFORMED;
    }
    if (datagram.len != 24) return VCH_ERR_MALFORMED;
    ret->stats.cpu_us = take_signed(&datagram);
    ret->stats.issued = take_signed(&datagram);
    ret->stats.refused = take_signed(&datagram);
    return VCH_OK;
}
