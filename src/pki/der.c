#include "pki/der_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum { ELEMENT_MAX = 65536 };

/* The length octets after the tag; 0 when they are not DER. */
static size_t length_octets(struct vch_str in, size_t *ret_len) {
    if (in.len < 2) return 0;
    const uint8_t *p = (const uint8_t *)in.ptr + 1;
    if (p[0] < 0x80) {
        *ret_len = p[0];
        return 1;
    }
    size_t count = p[0] & 0x7F;
    if (count == 0 || count > 3 || in.len < 2 + count || p[1] == 0) return 0;
    size_t len = 0;
    for (size_t i = 1; i <= count; i++) len = len << 8 | p[i];
    if (len < 0x80 || len > ELEMENT_MAX) return 0;
    *ret_len = len;
    return 1 + count;
}

bool vch_der_any(struct vch_str *in, struct vch_der *ret) {
    size_t len = 0;
    size_t octets = length_octets(*in, &len);
    if (!octets || ((uint8_t)in->ptr[0] & 0x1F) == 0x1F) return false;
    size_t head = 1 + octets;
    if (len > in->len - head) return false;
    *ret = (struct vch_der){.tag = (uint8_t)in->ptr[0],
                            .body = vch_str_of(in->ptr + head, len),
                            .whole = vch_str_of(in->ptr, head + len)};
    *in = vch_str_of(in->ptr + head + len, in->len - head - len);
    return true;
}

bool vch_der_peek(struct vch_str in, uint8_t tag) {
    return in.len && (uint8_t)in.ptr[0] == tag;
}

bool vch_der_take(struct vch_str *in, uint8_t tag, struct vch_str *ret_body) {
    struct vch_der element;
    if (!vch_der_peek(*in, tag) || !vch_der_any(in, &element)) return false;
    *ret_body = element.body;
    return true;
}

bool vch_der_take_whole(struct vch_str *in, uint8_t tag, struct vch_str *ret_whole) {
    struct vch_der element;
    if (!vch_der_peek(*in, tag) || !vch_der_any(in, &element)) return false;
    *ret_whole = element.whole;
    return true;
}

bool vch_der_unsigned(struct vch_str *in, struct vch_str *ret_magnitude) {
    struct vch_str body;
    if (!vch_der_take(in, VCH_DER_INTEGER, &body) || body.len == 0) return false;
    const uint8_t *p = (const uint8_t *)body.ptr;
    if (p[0] & 0x80) return false;
    if (p[0] == 0 && body.len > 1) {
        if (!(p[1] & 0x80)) return false; /* X.690 8.3.2: not minimal */
        body = vch_str_sub(body, 1, SIZE_MAX);
    }
    *ret_magnitude = body;
    return true;
}

bool vch_der_bits(struct vch_str *in, struct vch_str *ret_bytes) {
    struct vch_str body;
    if (!vch_der_take(in, VCH_DER_BITS, &body) || body.len == 0 || body.ptr[0] != 0) return false;
    *ret_bytes = vch_str_sub(body, 1, SIZE_MAX);
    return true;
}

bool vch_der_time(struct vch_str *in, int64_t *ret_ms) {
    struct vch_str rest = *in;
    struct vch_der e;
    if (!vch_der_any(&rest, &e)) return false;
    bool utc = e.tag == VCH_DER_UTC_TIME && e.body.len == 13;
    if (!utc && !(e.tag == VCH_DER_TIME && e.body.len == 15)) return false;
    /* The long form with the century that RFC 5280 4.1.2.5.1 gives the short one. */
    char text[17];
    const char *century = !utc ? "" : e.body.ptr[0] >= '5' ? "19" : "20";
    size_t date = utc ? 6 : 8;
    int len = snprintf(text, sizeof text, "%s%.*sT%.*s", century, (int)date, e.body.ptr, 7, e.body.ptr + date);
    if (len != 16 || vch_time_parse_basic(vch_str_of(text, 16), ret_ms) != VCH_OK) return false;
    *in = rest;
    return true;
}

void vch_der_out_init(struct vch_der_out *out, uint8_t *buf, size_t size) {
    *out = (struct vch_der_out){.buf = buf, .size = size, .at = size};
}

void vch_der_put(struct vch_der_out *out, struct vch_str bytes) {
    if (out->failed || bytes.len > out->at) {
        out->failed = true;
        return;
    }
    out->at -= bytes.len;
    if (bytes.len) memcpy(out->buf + out->at, bytes.ptr, bytes.len);
}

void vch_der_put_u8(struct vch_der_out *out, uint8_t byte) {
    vch_der_put(out, vch_str_of(&byte, 1));
}

void vch_der_wrap(struct vch_der_out *out, uint8_t tag, size_t mark) {
    size_t len = mark - out->at;
    uint8_t octets = 0;
    if (len >= 0x80) {
        for (size_t left = len; left; left >>= 8, octets++) vch_der_put_u8(out, (uint8_t)left);
        vch_der_put_u8(out, 0x80 | octets);
    } else {
        vch_der_put_u8(out, (uint8_t)len);
    }
    vch_der_put_u8(out, tag);
}

void vch_der_put_time(struct vch_der_out *out, int64_t ms) {
    char basic[17]; /* YYYYMMDDTHHMMSSZ */
    vch_time_basic(ms, basic);
    bool utc = memcmp(basic, "2050", 4) < 0; /* RFC 5280 4.1.2.5 */
    size_t mark = out->at;
    vch_der_put(out, vch_str_of(basic + 9, 7));
    vch_der_put(out, utc ? vch_str_of(basic + 2, 6) : vch_str_of(basic, 8));
    vch_der_wrap(out, utc ? VCH_DER_UTC_TIME : VCH_DER_TIME, mark);
}

struct vch_str vch_der_done(const struct vch_der_out *out) {
    if (out->failed) return vch_str_of(NULL, 0);
    return vch_str_of(out->buf + out->at, out->size - out->at);
}
