#include "base/codec.h"

#include <string.h>

void vch_hex(const void *bytes, size_t len, char *out) {
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = bytes;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * len] = '\0';
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

enum vch_err vch_unhex(struct vch_str text, void *out, size_t len) {
    if (text.len != len * 2) return VCH_ERR_MALFORMED;
    unsigned char *p = out;
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(text.ptr[2 * i]);
        int low = hex_digit(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0) return VCH_ERR_MALFORMED;
        p[i] = (unsigned char)(high << 4 | low);
    }
    return VCH_OK;
}

static const char std_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode64(struct vch_str bytes, const char *alphabet, bool pad, struct vch_buf *buf) {
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t group = (uint32_t)(unsigned char)bytes.ptr[i] << 16;
        if (left > 1) group |= (uint32_t)(unsigned char)bytes.ptr[i + 1] << 8;
        if (left > 2) group |= (unsigned char)bytes.ptr[i + 2];
        char quad[4] = {alphabet[group >> 18], alphabet[group >> 12 & 63], left > 1 ? alphabet[group >> 6 & 63] : '=',
                        left > 2 ? alphabet[group & 63] : '='};
        vch_buf_bytes(buf, quad, pad || left > 2 ? 4 : left + 1);
    }
}

void vch_base64(struct vch_str bytes, struct vch_buf *buf) {
    encode64(bytes, std_alphabet, true, buf);
}

void vch_base64url(struct vch_str bytes, struct vch_buf *buf) {
    encode64(bytes, url_alphabet, false, buf);
}

static int digit64(char c, const char *alphabet) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == alphabet[62]) return 62;
    return c == alphabet[63] ? 63 : -1;
}

/* `text` without padding. The unused low bits of the last digit must be zero. */
static enum vch_err decode64(struct vch_str text, const char *alphabet, struct vch_buf *buf) {
    if (text.len % 4 == 1) return VCH_ERR_MALFORMED;
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = digit64(text.ptr[i], alphabet);
        if (digit < 0) return VCH_ERR_MALFORMED;
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held < 8) continue;
        held -= 8;
        vch_buf_u8(buf, (uint8_t)(bits >> held & 0xFF));
    }
    return (bits & ((1u << held) - 1)) == 0 ? VCH_OK : VCH_ERR_MALFORMED;
}

enum vch_err vch_unbase64(struct vch_str text, struct vch_buf *buf) {
    if (text.len % 4 != 0) return VCH_ERR_MALFORMED;
    for (int i = 0; i < 2 && text.len && text.ptr[text.len - 1] == '='; i++) text.len--;
    return decode64(text, std_alphabet, buf);
}

enum vch_err vch_unbase64url(struct vch_str text, struct vch_buf *buf) {
    return decode64(text, url_alphabet, buf);
}

static bool unreserved(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '~';
}

void vch_percent(struct vch_str s, bool keep_slash, struct vch_buf *buf) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (unreserved(c) || (keep_slash && c == '/')) vch_buf_u8(buf, (uint8_t)c);
        else vch_buf_printf(buf, "%%%02X", (unsigned)(unsigned char)c);
    }
}

enum vch_err vch_unpercent(struct vch_str s, struct vch_buf *buf) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '%') {
            vch_buf_u8(buf, (uint8_t)s.ptr[i]);
            continue;
        }
        unsigned char byte = 0;
        VCH_TRY(vch_unhex(vch_str_sub(s, i + 1, 2), &byte, 1));
        if (byte == 0) return VCH_ERR_MALFORMED;
        vch_buf_u8(buf, byte);
        i += 2;
    }
    return VCH_OK;
}
