#include <string.h>

#include "devlib/cbor.h"

enum { MAJOR_TEXT = 3, MAJOR_MAP = 5 };

static void put_head(struct vch_devjson_out *out, unsigned major, size_t value) {
    uint8_t head[5] = {(uint8_t)(major << 5 | 26), (uint8_t)(value >> 24), (uint8_t)(value >> 16),
                       (uint8_t)(value >> 8), (uint8_t)value};
    unsigned more = value < 24 ? 0 : value < 0x100 ? 1 : value < 0x10000 ? 2 : 4;
    if (value > UINT32_MAX) out->overflow = true;
    uint8_t *first = head + 4 - more;
    *first = (uint8_t)(major << 5 | (more == 0 ? (unsigned)value : more == 4 ? 26u : 23 + more));
    vch_devjson_raw(out, vch_str_of(first, 1 + more));
}

void vch_devcbor_put_map(struct vch_devjson_out *out, size_t members) {
    put_head(out, MAJOR_MAP, members);
}

void vch_devcbor_put_text(struct vch_devjson_out *out, struct vch_str text) {
    put_head(out, MAJOR_TEXT, text.len);
    vch_devjson_raw(out, text);
}

/* ---- JSON to CBOR ------------------------------------------------------- */

static enum vch_err count_one(struct vch_devjson_visitor *visitor, struct vch_str name,
                              const struct vch_devjson_field *value) {
    (void)name;
    visitor->count++;
    return value->type == VCH_DEVJSON_STRING ? VCH_OK : VCH_ERR_INVALID;
}

static void put_escaped(struct vch_devjson_out *out, struct vch_str escaped) {
    put_head(out, MAJOR_TEXT, vch_devjson_plain(escaped, NULL));
    (void)vch_devjson_plain(escaped, out);
}

static enum vch_err put_one(struct vch_devjson_visitor *visitor, struct vch_str name,
                            const struct vch_devjson_field *value) {
    put_escaped(visitor->out, name);
    put_escaped(visitor->out, vch_str_sub(visitor->text, value->start, value->len));
    return VCH_OK;
}

enum vch_err vch_devcbor_put_json(struct vch_devjson_out *out, struct vch_str object) {
    struct vch_devjson_visitor visitor = {.member = count_one, .text = object, .out = out};
    VCH_TRY(vch_devjson_walk(object, &visitor));
    put_head(out, MAJOR_MAP, visitor.count);
    visitor.member = put_one;
    VCH_TRY(vch_devjson_walk(object, &visitor));
    return out->overflow ? VCH_ERR_TOO_LARGE : VCH_OK;
}

/* ---- CBOR to JSON ------------------------------------------------------- */

/* Divides eight bytes, highest first, by ten and gives the rest: small processors
 * have the division of 64 bits as a large function. */
static unsigned divide(uint8_t bytes[8]) {
    unsigned rest = 0;
    for (size_t i = 0; i < 8; i++) {
        rest = rest << 8 | bytes[i];
        bytes[i] = (uint8_t)(rest / 10);
        rest %= 10;
    }
    return rest;
}

static void put_digits(struct vch_devjson_out *out, uint64_t value) {
    uint8_t bytes[8];
    char digits[20];
    size_t at = sizeof digits;
    for (size_t i = 8; i > 0; i--, value >>= 8) bytes[i - 1] = (uint8_t)value;
    static const uint8_t zero[8] = {0};
    do digits[--at] = (char)('0' + divide(bytes));
    while (memcmp(bytes, zero, sizeof zero) != 0);
    vch_devjson_raw(out, vch_str_of(digits + at, sizeof digits - at));
}

static void put_number(struct vch_devjson_out *out, const struct vch_devcbor_item *item) {
    if (item->real) {
        vch_devjson_raw(out, VCH_STR("null"));
    } else if (item->negative && item->number == UINT64_MAX) {
        vch_devjson_raw(out, VCH_STR("-18446744073709551616"));
    } else {
        if (item->negative) vch_devjson_char(out, '-');
        put_digits(out, item->number + (item->negative ? 1 : 0));
    }
}

static void put_text(struct vch_devjson_out *out, struct vch_str encoded) {
    struct vch_devcbor r = vch_devcbor_read(encoded);
    struct vch_str chunk;
    vch_devjson_char(out, '"');
    while (vch_devcbor_chunk(&r, &chunk)) vch_devjson_escape(out, chunk);
    vch_devjson_char(out, '"');
}

static void put_item(struct vch_devjson_out *out, const struct vch_devcbor_item *item) {
    bool object = item->type == VCH_DEVJSON_OBJECT;
    if (item->step == VCH_DEVCBOR_OPEN)
        vch_devjson_char(out, object ? '{' : '[');
    else if (item->step == VCH_DEVCBOR_CLOSE)
        vch_devjson_char(out, object ? '}' : ']');
    else if (item->type == VCH_DEVJSON_STRING)
        put_text(out, item->encoded);
    else if (item->type == VCH_DEVJSON_NUMBER)
        put_number(out, item);
    else if (item->type == VCH_DEVJSON_NULL)
        vch_devjson_raw(out, VCH_STR("null"));
    else
        vch_devjson_raw(out, item->number ? VCH_STR("true") : VCH_STR("false"));
    if (item->key) vch_devjson_char(out, ':');
}

enum vch_err vch_devcbor_json(struct vch_str text, struct vch_devjson_out *out) {
    struct vch_devcbor r = vch_devcbor_read(text);
    struct vch_devcbor_item item;
    bool first = true; /* of its container, or a member's value: no comma before it */
    for (;;) {
        VCH_TRY(vch_devcbor_next(&r, &item));
        if (item.step == VCH_DEVCBOR_END) return out->overflow ? VCH_ERR_TOO_LARGE : VCH_OK;
        if (!first && item.step != VCH_DEVCBOR_CLOSE) vch_devjson_char(out, ',');
        put_item(out, &item);
        first = item.key || item.step == VCH_DEVCBOR_OPEN;
    }
}
