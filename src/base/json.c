#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "base/val.h"

struct decoding {
    struct vch_arena *arena;
    size_t depth_left;
    size_t values_left;
};

static enum vch_err convert(struct decoding *d, const json_t *from, struct vch_val *to);

static enum vch_err convert_str(struct decoding *d, const char *text, size_t len, struct vch_str *ret) {
    *ret = vch_arena_str(d->arena, vch_str_of(text, len));
    return ret->ptr ? VCH_OK : VCH_ERR_NOMEM;
}

static enum vch_err convert_list(struct decoding *d, const json_t *from, struct vch_val *to) {
    to->type = VCH_VAL_LIST;
    to->count = json_array_size(from);
    to->items = vch_arena_array(d->arena, to->count, sizeof *to->items);
    if (!to->items) return VCH_ERR_NOMEM;
    for (size_t i = 0; i < to->count; i++) VCH_TRY(convert(d, json_array_get(from, i), &to->items[i]));
    return VCH_OK;
}

static enum vch_err convert_map(struct decoding *d, const json_t *from, struct vch_val *to) {
    to->type = VCH_VAL_MAP;
    to->count = json_object_size(from);
    to->members = vch_arena_array(d->arena, to->count, sizeof *to->members);
    if (!to->members) return VCH_ERR_NOMEM;
    size_t i = 0;
    /* jansson iterates in insertion order since 2.8; the cast is its own macro's. */
    for (void *iter = json_object_iter((json_t *)(uintptr_t)from); iter;
         iter = json_object_iter_next((json_t *)(uintptr_t)from, iter), i++) {
        struct vch_str name = vch_str_from(json_object_iter_key(iter));
        VCH_TRY(convert_str(d, name.ptr, name.len, &to->members[i].name));
        VCH_TRY(convert(d, json_object_iter_value(iter), &to->members[i].value));
    }
    return VCH_OK;
}

static enum vch_err convert_container(struct decoding *d, const json_t *from, struct vch_val *to) {
    if (d->depth_left == 0) return VCH_ERR_TOO_LARGE;
    d->depth_left--;
    enum vch_err err = json_is_object(from) ? convert_map(d, from, to) : convert_list(d, from, to);
    d->depth_left++;
    return err;
}

static enum vch_err convert(struct decoding *d, const json_t *from, struct vch_val *to) {
    if (d->values_left == 0) return VCH_ERR_TOO_LARGE;
    d->values_left--;
    switch (json_typeof(from)) {
    case JSON_NULL: to->type = VCH_VAL_NULL; return VCH_OK;
    case JSON_TRUE:
    case JSON_FALSE:
        to->type = VCH_VAL_BOOL;
        to->boolean = json_is_true(from);
        return VCH_OK;
    case JSON_INTEGER:
        to->type = VCH_VAL_INT;
        to->integer = json_integer_value(from);
        return VCH_OK;
    case JSON_REAL:
        to->type = VCH_VAL_REAL;
        to->real = json_real_value(from);
        return VCH_OK;
    case JSON_STRING:
        to->type = VCH_VAL_STR;
        return convert_str(d, json_string_value(from), json_string_length(from), &to->str);
    case JSON_ARRAY:
    case JSON_OBJECT: return convert_container(d, from, to);
    }
    return VCH_ERR_INTERNAL;
}

/* Before jansson sees the text: its own bound on nesting is 2,048 and fixed. */
static bool nests_deeper(struct vch_str text, size_t depth) {
    size_t level = 0;
    bool inside = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (inside) {
            if (c == '\\') i++;
            else if (c == '"') inside = false;
        } else if (c == '"') {
            inside = true;
        } else if (c == '{' || c == '[') {
            if (++level > depth) return true;
        } else if ((c == '}' || c == ']') && level > 0) {
            level--;
        }
    }
    return false;
}

enum vch_err vch_json_decode(struct vch_str text, const struct vch_val_limits *limits, struct vch_arena *arena,
                             struct vch_val **ret, struct vch_diag *diag) {
    *ret = NULL;
    struct vch_val_limits bounds = limits ? *limits : VCH_VAL_LIMITS_DEFAULT;
    if (nests_deeper(text, bounds.depth))
        return vch_diag_set(diag, VCH_ERR_TOO_LARGE, "json-too-deep", "", "The JSON document nests deeper than %zu levels.",
                            bounds.depth);
    json_error_t error;
    json_t *root = json_loadb(text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!root)
        return vch_diag_set(diag, VCH_ERR_MALFORMED, "json-malformed", "", "Not a JSON document: %.160s (line %d, column %d).",
                            error.text, error.line, error.column);
    struct decoding d = {arena, bounds.depth, bounds.values};
    struct vch_val *val = VCH_ARENA_NEW(arena, struct vch_val);
    enum vch_err err = val ? convert(&d, root, val) : VCH_ERR_NOMEM;
    json_decref(root);
    if (err != VCH_OK)
        return vch_diag_set(diag, err, "json-too-large", "", "The JSON document holds too many values.");
    *ret = val;
    return VCH_OK;
}

static void encode_char(unsigned char c, struct vch_buf *buf) {
    switch (c) {
    case '"': vch_buf_c(buf, "\\\""); return;
    case '\\': vch_buf_c(buf, "\\\\"); return;
    case '\n': vch_buf_c(buf, "\\n"); return;
    case '\r': vch_buf_c(buf, "\\r"); return;
    case '\t': vch_buf_c(buf, "\\t"); return;
    default: vch_buf_printf(buf, "\\u%04x", c); return;
    }
}

void vch_json_encode_str(struct vch_str s, struct vch_buf *buf) {
    vch_buf_u8(buf, '"');
    size_t start = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7F) continue;
        vch_buf_bytes(buf, s.ptr + start, i - start);
        encode_char(c, buf);
        start = i + 1;
    }
    if (s.len > start) vch_buf_bytes(buf, s.ptr + start, s.len - start);
    vch_buf_u8(buf, '"');
}

static void encode_real(double real, struct vch_buf *buf) {
    if (!isfinite(real)) vch_buf_c(buf, "null");
    else vch_buf_printf(buf, "%.3f", real);
}

static void encode_list(const struct vch_val *val, struct vch_buf *buf) {
    vch_buf_u8(buf, '[');
    for (size_t i = 0; i < val->count; i++) {
        if (i) vch_buf_u8(buf, ',');
        vch_json_encode(&val->items[i], buf);
    }
    vch_buf_u8(buf, ']');
}

static void encode_map(const struct vch_val *val, struct vch_buf *buf) {
    vch_buf_u8(buf, '{');
    for (size_t i = 0; i < val->count; i++) {
        if (i) vch_buf_u8(buf, ',');
        vch_json_encode_str(val->members[i].name, buf);
        vch_buf_u8(buf, ':');
        vch_json_encode(&val->members[i].value, buf);
    }
    vch_buf_u8(buf, '}');
}

void vch_json_encode(const struct vch_val *val, struct vch_buf *buf) {
    switch (val->type) {
    case VCH_VAL_NULL: vch_buf_c(buf, "null"); return;
    case VCH_VAL_BOOL: vch_buf_c(buf, val->boolean ? "true" : "false"); return;
    case VCH_VAL_INT: vch_buf_printf(buf, "%lld", (long long)val->integer); return;
    case VCH_VAL_REAL: encode_real(val->real, buf); return;
    case VCH_VAL_STR: vch_json_encode_str(val->str, buf); return;
    case VCH_VAL_LIST: encode_list(val, buf); return;
    case VCH_VAL_MAP: encode_map(val, buf); return;
    }
}
