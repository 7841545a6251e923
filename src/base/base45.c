#include "base/base45.h"

#include <string.h>

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

void vch_base45(struct vch_str bytes, struct vch_buf *buf) {
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    for (size_t i = 0; i < bytes.len; i += 2) {
        bool pair = i + 1 < bytes.len;
        unsigned n = pair ? p[i] * 256u + p[i + 1] : p[i];
        const char digits[3] = {alphabet[n % 45], alphabet[n / 45 % 45], alphabet[n / 2025 % 45]};
        vch_buf_bytes(buf, digits, pair ? 3 : 2);
    }
}

/* 45 for what is no digit. The same steps for each digit that is one. */
static unsigned digit_of(char c) {
    unsigned found = 45;
    for (unsigned i = 0; i < 45; i++)
        if (alphabet[i] == c) found = i;
    return found;
}

static enum vch_err decode_group(const char *text, size_t len, struct vch_buf *buf) {
    unsigned n = 0;
    for (size_t i = len; i-- > 0;) {
        unsigned digit = digit_of(text[i]);
        if (digit >= 45) return VCH_ERR_MALFORMED;
        n = n * 45 + digit;
    }
    if (n > (len == 3 ? 0xFFFFu : 0xFFu)) return VCH_ERR_MALFORMED;
    if (len == 3)
        vch_buf_u16(buf, (uint16_t)n);
    else
        vch_buf_u8(buf, (uint8_t)n);
    return VCH_OK;
}

enum vch_err vch_unbase45(struct vch_str text, struct vch_buf *buf) {
    if (text.len % 3 == 1) return VCH_ERR_MALFORMED;
    for (size_t i = 0; i < text.len; i += 3)
        VCH_TRY(decode_group(text.ptr + i, text.len - i < 3 ? text.len - i : 3, buf));
    return VCH_OK;
}
