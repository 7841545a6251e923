#include <string.h>

#include "devlib/json.h"

void vch_devjson_raw(struct vch_devjson_out *out, struct vch_str text) {
    if (text.len > out->size - out->len) out->overflow = true;
    if (out->overflow || text.len == 0) return;
    memcpy(out->ptr + out->len, text.ptr, text.len);
    out->len += text.len;
}

void vch_devjson_char(struct vch_devjson_out *out, char c) {
    vch_devjson_raw(out, vch_str_of(&c, 1));
}

static void put_escaped(struct vch_devjson_out *out, unsigned char ch) {
    static const char digits[] = "0123456789abcdef";
    const char escaped[6] = {'\\', 'u', '0', '0', digits[ch >> 4], digits[ch & 15]};
    vch_devjson_raw(out, vch_str_of(escaped, sizeof escaped));
}

void vch_devjson_escape(struct vch_devjson_out *out, struct vch_str text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char ch = (unsigned char)text.ptr[i];
        if (ch == '\n') {
            vch_devjson_raw(out, VCH_STR("\\n"));
            continue;
        }
        if (ch < 0x20 || ch == 0x7F) {
            put_escaped(out, ch);
            continue;
        }
        if (ch == '"' || ch == '\\') vch_devjson_char(out, '\\');
        vch_devjson_char(out, text.ptr[i]);
    }
}

void vch_devjson_string(struct vch_devjson_out *out, struct vch_str text) {
    vch_devjson_char(out, '"');
    vch_devjson_escape(out, text);
    vch_devjson_char(out, '"');
}
