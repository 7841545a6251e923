#include "daemon/hooks_wire.h"

enum { HEAD = 12, STRINGS = 7, TIMEOUT_MAX_MS = 600000 };

static uint64_t take_number(struct vch_str *in, size_t bytes) {
    uint64_t v = 0;
    for (size_t i = 0; i < bytes; i++) v = v << 8 | (uint8_t)in->ptr[i];
    *in = vch_str_sub(*in, bytes, SIZE_MAX);
    return v;
}

static void put_head(struct vch_buf *buf, uint8_t second, uint64_t tag) {
    vch_buf_u8(buf, VCH_HOOKS_VERSION);
    vch_buf_u8(buf, second);
    vch_buf_u16(buf, 0);
    vch_buf_u64(buf, tag);
}

static bool take_head(struct vch_str *in, uint8_t *ret_second, uint64_t *ret_tag) {
    if (in->len < HEAD) return false;
    uint64_t version = take_number(in, 1);
    *ret_second = (uint8_t)take_number(in, 1);
    uint64_t zero = take_number(in, 2);
    *ret_tag = take_number(in, 8);
    return version == VCH_HOOKS_VERSION && zero == 0;
}

void vch_hooks_order_encode(const struct vch_hook_order *order, uint64_t tag, struct vch_buf *buf) {
    const struct vch_str strings[STRINGS] = {order->name, order->target,    order->ca_pem, order->certificate_pem,
                                             order->key_pem, order->signature, order->body};
    put_head(buf, (uint8_t)order->kind, tag);
    vch_buf_u32(buf, (uint32_t)order->timeout_ms);
    for (size_t i = 0; i < STRINGS; i++) {
        vch_buf_u32(buf, (uint32_t)strings[i].len);
        vch_buf_str(buf, strings[i]);
    }
}

static bool take_string(struct vch_str *in, struct vch_str *ret) {
    if (in->len < 4) return false;
    size_t len = (size_t)take_number(in, 4);
    if (len > in->len) return false;
    *ret = vch_str_sub(*in, 0, len);
    *in = vch_str_sub(*in, len, SIZE_MAX);
    return true;
}

enum vch_err vch_hooks_order_decode(struct vch_str datagram, struct vch_hook_order *ret, uint64_t *ret_tag) {
    uint8_t kind = 0;
    *ret = (struct vch_hook_order){.kind = VCH_HOOK_HTTPS};
    *ret_tag = 0;
    bool sound = datagram.len <= VCH_HOOKS_DATAGRAM_MAX && take_head(&datagram, &kind, ret_tag);
    if (!sound || kind >= VCH_HOOK_KIND_COUNT || datagram.len < 4) return VCH_ERR_MALFORMED;
    ret->kind = (enum vch_hook_kind)kind;
    ret->timeout_ms = (int64_t)take_number(&datagram, 4);
    sound = ret->timeout_ms > 0 && ret->timeout_ms <= TIMEOUT_MAX_MS && take_string(&datagram, &ret->name) &&
            take_string(&datagram, &ret->target) && take_string(&datagram, &ret->ca_pem) &&
            take_string(&datagram, &ret->certificate_pem) && take_string(&datagram, &ret->key_pem) &&
            take_string(&datagram, &ret->signature) && take_string(&datagram, &ret->body);
    return sound && datagram.len == 0 ? VCH_OK : VCH_ERR_MALFORMED;
}

void vch_hooks_answer_encode(const struct vch_hook_result *result, uint64_t tag, struct vch_buf *buf) {
    put_head(buf, (uint8_t)result->end, tag);
    vch_buf_u64(buf, (uint64_t)result->code);
    vch_buf_u64(buf, (uint64_t)result->duration_us);
    vch_buf_u32(buf, (uint32_t)result->said.len);
    vch_buf_str(buf, result->said);
    vch_buf_str(buf, result->answer);
}

enum vch_err vch_hooks_answer_decode(struct vch_str datagram, struct vch_hook_result *ret, uint64_t *ret_tag) {
    uint8_t end = 0;
    *ret = (struct vch_hook_result){.end = VCH_HOOK_FAILED};
    *ret_tag = 0;
    if (!take_head(&datagram, &end, ret_tag) || end >= VCH_HOOK_END_COUNT || datagram.len < 16) return VCH_ERR_MALFORMED;
    ret->end = (enum vch_hook_end)end;
    ret->code = (int64_t)take_number(&datagram, 8);
    ret->duration_us = (int64_t)take_number(&datagram, 8);
    if (!take_string(&datagram, &ret->said) || ret->said.len > VCH_HOOK_SAID_MAX) return VCH_ERR_MALFORMED;
    ret->answer = datagram;
    return datagram.len <= VCH_HOOK_ANSWER_MAX ? VCH_OK : VCH_ERR_MALFORMED;
}
