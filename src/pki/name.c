#include "pki/name_priv.h"

#include "base/buf.h"
#include "pki/der_priv.h"

enum {
    UTF8_STRING = 0x0C,
    NUMERIC_STRING = 0x12,
    PRINTABLE_STRING = 0x13,
    TELETEX_STRING = 0x14,
    IA5_STRING = 0x16,
    UNIVERSAL_STRING = 0x1C,
    BMP_STRING = 0x1E
};

/* Bytes of one character, 0 for UTF-8 and its subset, -1 for what is no string. */
static int unit_width(uint8_t tag) {
    switch (tag) {
    case UTF8_STRING:
    case NUMERIC_STRING:
    case PRINTABLE_STRING:
    case IA5_STRING: return 0;
    case TELETEX_STRING: return 1; /* Latin-1 in practice */
    case BMP_STRING: return 2;
    case UNIVERSAL_STRING: return 4;
    default: return -1;
    }
}

static void put_utf8(struct vch_buf *buf, uint32_t c) {
    if (c < 0x80) {
        vch_buf_u8(buf, (uint8_t)c);
    } else if (c < 0x800) {
        vch_buf_u8(buf, (uint8_t)(0xC0 | c >> 6));
        vch_buf_u8(buf, (uint8_t)(0x80 | (c & 63)));
    } else if (c < 0x10000) {
        vch_buf_u8(buf, (uint8_t)(0xE0 | c >> 12));
        vch_buf_u8(buf, (uint8_t)(0x80 | (c >> 6 & 63)));
        vch_buf_u8(buf, (uint8_t)(0x80 | (c & 63)));
    } else {
        vch_buf_u8(buf, (uint8_t)(0xF0 | (c >> 18 & 7)));
        vch_buf_u8(buf, (uint8_t)(0x80 | (c >> 12 & 63)));
        vch_buf_u8(buf, (uint8_t)(0x80 | (c >> 6 & 63)));
        vch_buf_u8(buf, (uint8_t)(0x80 | (c & 63)));
    }
}

/* Appends the value as UTF-8. False when it is no text of its type. */
static bool to_utf8(const struct vch_der *value, struct vch_buf *buf) {
    int width = unit_width(value->tag);
    size_t step = width > 0 ? (size_t)width : 1;
    if (width < 0 || value->body.len == 0 || value->body.len % step != 0) return false;
    for (size_t i = 0; i < value->body.len; i += step) {
        uint32_t c = 0;
        for (size_t k = 0; k < step; k++) c = c << 8 | (uint8_t)value->body.ptr[i + k];
        if (c < 0x20 || c == 0x7F || c > 0x10FFFF) return false;
        if (width > 0) put_utf8(buf, c);
    }
    if (width == 0) vch_buf_str(buf, value->body);
    struct vch_str text;
    return vch_buf_finish(buf, &text) == VCH_OK && vch_utf8_valid(text); /* refuses surrogates too */
}

/* AttributeTypeAndValue. */
static bool take_attribute(struct vch_str *set, struct vch_str *ret_type, struct vch_der *ret_value) {
    struct vch_str pair;
    return vch_der_take(set, VCH_DER_SEQUENCE, &pair) && vch_der_take(&pair, VCH_DER_OID, ret_type) &&
           ret_type->len > 0 && vch_der_any(&pair, ret_value) && pair.len == 0;
}

static bool value_valid(const struct vch_der *value) {
    struct vch_buf buf;
    vch_buf_init(&buf, 4 * VCH_NAME_MAX);
    bool ok = to_utf8(value, &buf);
    vch_buf_deinit(&buf);
    return ok;
}

bool vch_name_valid(struct vch_str name) {
    struct vch_str rdns, set, type;
    struct vch_der value;
    if (name.len > VCH_NAME_MAX || !vch_der_take(&name, VCH_DER_SEQUENCE, &rdns) || name.len) return false;
    while (rdns.len) {
        if (!vch_der_take(&rdns, VCH_DER_SET, &set) || !set.len) return false;
        while (set.len) {
            if (!take_attribute(&set, &type, &value) || !value_valid(&value)) return false;
        }
    }
    return true;
}

bool vch_name_empty(struct vch_str name) {
    return vch_str_eq(name, VCH_STR("\x30\x00"));
}

static enum vch_err text_of(const struct vch_der *value, struct vch_arena *arena, struct vch_str *ret) {
    struct vch_buf buf;
    vch_buf_init(&buf, 65536);
    struct vch_str text = {NULL, 0};
    bool ok = to_utf8(value, &buf) && vch_buf_finish(&buf, &text) == VCH_OK;
    *ret = ok ? vch_arena_str(arena, text) : vch_str_of(NULL, 0);
    vch_buf_deinit(&buf);
    return ok && !ret->ptr ? VCH_ERR_NOMEM : VCH_OK;
}

enum vch_err vch_name_first_cn(struct vch_str name, struct vch_arena *arena, struct vch_str *ret) {
    struct vch_str rdns, set, type;
    struct vch_der value;
    *ret = vch_str_of(NULL, 0);
    if (!vch_der_take(&name, VCH_DER_SEQUENCE, &rdns)) return VCH_OK;
    while (vch_der_take(&rdns, VCH_DER_SET, &set)) {
        while (take_attribute(&set, &type, &value)) {
            if (vch_str_eq(type, VCH_STR("\x55\x04\x03"))) return text_of(&value, arena, ret);
        }
    }
    return VCH_OK;
}

bool vch_name_walk_start(struct vch_str name, struct vch_name_walk *ret) {
    ret->set = vch_str_of(NULL, 0);
    return vch_der_take(&name, VCH_DER_SEQUENCE, &ret->rest) && name.len == 0;
}

bool vch_name_walk_next(struct vch_name_walk *walk, struct vch_name_attribute *ret) {
    if (!walk->set.len && !vch_der_take(&walk->rest, VCH_DER_SET, &walk->set)) return false;
    return take_attribute(&walk->set, &ret->type, &ret->value);
}

bool vch_name_text(const struct vch_der *value, struct vch_buf *buf) {
    return to_utf8(value, buf);
}
