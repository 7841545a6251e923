#include "devlib/json.h"

#include <string.h>

struct cursor {
    struct vch_str text;
    size_t at;
};

/* What a walk over an object does with each member; `name` is still escaped. */
struct visitor {
    enum vch_err (*member)(struct visitor *visitor, struct vch_str name, const struct vch_devjson_field *value);
    struct vch_devjson_field *fields;
    size_t count;
    struct vch_str text;
};

static int peek(const struct cursor *c) {
    return c->at < c->text.len ? (unsigned char)c->text.ptr[c->at] : -1;
}

static bool take(struct cursor *c, char wanted) {
    if (peek(c) != (unsigned char)wanted) return false;
    c->at++;
    return true;
}

static void skip_space(struct cursor *c) {
    for (int ch = peek(c); ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r'; ch = peek(c)) c->at++;
}

static int hex_digit(int ch) {
    if (ch >= '0' && ch <= '9') return ch - '0';
    if (ch >= 'a' && ch <= 'f') return ch - 'a' + 10;
    if (ch >= 'A' && ch <= 'F') return ch - 'A' + 10;
    return -1;
}

static bool take_hex4(struct cursor *c, uint32_t *ret) {
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(peek(c));
        if (digit < 0) return false;
        value = value * 16 + (uint32_t)digit;
        c->at++;
    }
    *ret = value;
    return true;
}

/* After "\u": one UTF-16 unit or a pair of surrogates. RFC 8259 section 7 */
static bool take_unicode(struct cursor *c, uint32_t *ret) {
    uint32_t low;
    if (!take_hex4(c, ret)) return false;
    if (*ret < 0xD800 || *ret > 0xDFFF) return true;
    if (*ret > 0xDBFF || !take(c, '\\') || !take(c, 'u') || !take_hex4(c, &low)) return false;
    if (low < 0xDC00 || low > 0xDFFF) return false;
    *ret = 0x10000 + ((*ret - 0xD800) << 10) + (low - 0xDC00);
    return true;
}

static bool take_escape(struct cursor *c, uint32_t *ret) {
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    int ch = peek(c);
    if (ch <= 0) return false;
    c->at++;
    if (ch == 'u') return take_unicode(c, ret);
    const char *found = strchr(letters, ch);
    if (!found) return false;
    *ret = (unsigned char)meanings[found - letters];
    return true;
}

static size_t put_utf8(uint32_t code, char out[4]) {
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t extra = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char heads[] = {0, 0xC0, 0xE0, 0xF0};
    for (size_t i = extra; i > 0; i--, code >>= 6) out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)(heads[extra] | code);
    return extra + 1;
}

/* One character of a checked string, unescaped; 0 at the end or on bad text. */
static size_t next_bytes(struct cursor *c, char out[4]) {
    int ch = peek(c);
    uint32_t code;
    if (ch < 0) return 0;
    c->at++;
    if (ch != '\\') {
        out[0] = (char)ch;
        return 1;
    }
    return take_escape(c, &code) ? put_utf8(code, out) : 0;
}

/* After the opening quote; leaves the cursor behind the closing one. */
static enum vch_err take_string(struct cursor *c, size_t *ret_start, size_t *ret_len) {
    uint32_t code;
    *ret_start = c->at;
    for (;;) {
        int ch = peek(c);
        if (ch < 0x20) return VCH_ERR_MALFORMED;
        c->at++;
        if (ch == '"') break;
        if (ch == '\\' && !take_escape(c, &code)) return VCH_ERR_MALFORMED;
    }
    *ret_len = c->at - 1 - *ret_start;
    return vch_utf8_valid(vch_str_sub(c->text, *ret_start, *ret_len)) ? VCH_OK : VCH_ERR_MALFORMED;
}

static bool take_digits(struct cursor *c) {
    size_t before = c->at;
    while (peek(c) >= '0' && peek(c) <= '9') c->at++;
    return c->at > before;
}

static enum vch_err take_number(struct cursor *c) {
    (void)take(c, '-');
    if (!take(c, '0') && !take_digits(c)) return VCH_ERR_MALFORMED;
    if (take(c, '.') && !take_digits(c)) return VCH_ERR_MALFORMED;
    if (take(c, 'e') || take(c, 'E')) {
        if (!take(c, '+')) (void)take(c, '-');
        if (!take_digits(c)) return VCH_ERR_MALFORMED;
    }
    return VCH_OK;
}

static enum vch_err take_word(struct cursor *c, struct vch_str word) {
    if (!vch_str_eq(vch_str_sub(c->text, c->at, word.len), word)) return VCH_ERR_MALFORMED;
    c->at += word.len;
    return VCH_OK;
}

static enum vch_err take_value(struct cursor *c, size_t depth, struct vch_devjson_field *ret);

static enum vch_err take_array(struct cursor *c, size_t depth) {
    struct vch_devjson_field item;
    skip_space(c);
    if (take(c, ']')) return VCH_OK;
    do {
        VCH_TRY(take_value(c, depth, &item));
        skip_space(c);
    } while (take(c, ','));
    return take(c, ']') ? VCH_OK : VCH_ERR_MALFORMED;
}

static enum vch_err take_member(struct cursor *c, size_t depth, struct visitor *visitor) {
    struct vch_devjson_field value = {0};
    size_t start, len;
    skip_space(c);
    if (!take(c, '"')) return VCH_ERR_MALFORMED;
    VCH_TRY(take_string(c, &start, &len));
    skip_space(c);
    if (!take(c, ':')) return VCH_ERR_MALFORMED;
    VCH_TRY(take_value(c, depth, &value));
    return visitor ? visitor->member(visitor, vch_str_sub(c->text, start, len), &value) : VCH_OK;
}

static enum vch_err take_object(struct cursor *c, size_t depth, struct visitor *visitor) {
    skip_space(c);
    if (take(c, '}')) return VCH_OK;
    do {
        VCH_TRY(take_member(c, depth, visitor));
        skip_space(c);
    } while (take(c, ','));
    return take(c, '}') ? VCH_OK : VCH_ERR_MALFORMED;
}

static enum vch_err take_container(struct cursor *c, size_t depth, struct vch_devjson_field *ret) {
    if (depth >= VCH_DEVJSON_DEPTH_MAX) return VCH_ERR_TOO_LARGE;
    ret->type = take(c, '{') ? VCH_DEVJSON_OBJECT : VCH_DEVJSON_ARRAY;
    if (ret->type == VCH_DEVJSON_OBJECT) return take_object(c, depth + 1, NULL);
    c->at++;
    return take_array(c, depth + 1);
}

static enum vch_err take_scalar(struct cursor *c, int first, struct vch_devjson_field *ret) {
    switch (first) {
    case 't': ret->type = VCH_DEVJSON_BOOL; return take_word(c, VCH_STR("true"));
    case 'f': ret->type = VCH_DEVJSON_BOOL; return take_word(c, VCH_STR("false"));
    case 'n': ret->type = VCH_DEVJSON_NULL; return take_word(c, VCH_STR("null"));
    default: ret->type = VCH_DEVJSON_NUMBER; return take_number(c);
    }
}

static enum vch_err take_value(struct cursor *c, size_t depth, struct vch_devjson_field *ret) {
    skip_space(c);
    int first = peek(c);
    ret->start = c->at;
    if (take(c, '"')) {
        ret->type = VCH_DEVJSON_STRING;
        return take_string(c, &ret->start, &ret->len);
    }
    if (first == '{' || first == '[')
        VCH_TRY(take_container(c, depth, ret));
    else
        VCH_TRY(take_scalar(c, first, ret));
    ret->len = c->at - ret->start;
    return VCH_OK;
}

static enum vch_err walk(struct vch_str text, struct visitor *visitor) {
    struct cursor c = {text, 0};
    skip_space(&c);
    if (!take(&c, '{')) return VCH_ERR_MALFORMED;
    VCH_TRY(take_object(&c, 1, visitor));
    skip_space(&c);
    return c.at == text.len ? VCH_OK : VCH_ERR_MALFORMED;
}

static bool name_is(struct vch_str escaped, const char *name) {
    struct cursor c = {escaped, 0};
    char bytes[4];
    for (size_t n = next_bytes(&c, bytes); n > 0; n = next_bytes(&c, bytes)) {
        if (strncmp(name, bytes, n) != 0 || memchr(bytes, 0, n)) return false;
        name += n;
    }
    return *name == '\0';
}

static enum vch_err pick(struct visitor *visitor, struct vch_str name, const struct vch_devjson_field *value) {
    for (size_t i = 0; i < visitor->count; i++) {
        struct vch_devjson_field *field = &visitor->fields[i];
        if (!name_is(name, field->name)) continue;
        if (field->type != VCH_DEVJSON_ABSENT) return VCH_ERR_MALFORMED;
        field->type = value->type;
        field->start = value->start;
        field->len = value->len;
    }
    return VCH_OK;
}

enum vch_err vch_devjson_scan(struct vch_str text, struct vch_devjson_field *fields, size_t count) {
    struct visitor visitor = {pick, fields, count, text};
    for (size_t i = 0; i < count; i++) fields[i].type = VCH_DEVJSON_ABSENT;
    return walk(text, &visitor);
}

static bool holds_nul(struct vch_str escaped) {
    struct cursor c = {escaped, 0};
    char bytes[4];
    for (size_t n = next_bytes(&c, bytes); n > 0; n = next_bytes(&c, bytes))
        if (n == 1 && bytes[0] == '\0') return true;
    return false;
}

static enum vch_err only_strings(struct visitor *visitor, struct vch_str name, const struct vch_devjson_field *value) {
    if (value->type != VCH_DEVJSON_STRING || holds_nul(name)) return VCH_ERR_INVALID;
    return holds_nul(vch_str_sub(visitor->text, value->start, value->len)) ? VCH_ERR_INVALID : VCH_OK;
}

enum vch_err vch_devjson_check_map(struct vch_str text) {
    struct visitor visitor = {only_strings, NULL, 0, text};
    return walk(text, &visitor);
}

/* `out` may be where the string stands: what is written never passes what is read. */
static enum vch_err unescape(struct vch_str escaped, char *out, size_t size) {
    struct cursor c = {escaped, 0};
    char bytes[4];
    size_t len = 0;
    for (size_t n = next_bytes(&c, bytes); n > 0; n = next_bytes(&c, bytes)) {
        if (n == 1 && bytes[0] == '\0') return VCH_ERR_MALFORMED;
        if (n >= size - len) return VCH_ERR_TOO_LARGE;
        for (size_t i = 0; i < n; i++) out[len + i] = bytes[i];
        len += n;
    }
    out[len] = '\0';
    return c.at == escaped.len ? VCH_OK : VCH_ERR_MALFORMED;
}

enum vch_err vch_devjson_unescape(char *document, const struct vch_devjson_field *field, char **ret_text) {
    if (field->type != VCH_DEVJSON_STRING) return VCH_ERR_MALFORMED;
    *ret_text = document + field->start;
    /* The closing quote makes room for the terminator. */
    return unescape(vch_str_of(*ret_text, field->len), *ret_text, field->len + 1);
}

enum vch_err vch_devjson_copy(struct vch_str document, const struct vch_devjson_field *field, char *out, size_t size) {
    if (field->type != VCH_DEVJSON_STRING || size == 0) return VCH_ERR_MALFORMED;
    return unescape(vch_str_sub(document, field->start, field->len), out, size);
}

enum vch_err vch_devjson_int(struct vch_str document, const struct vch_devjson_field *field, int *ret) {
    struct vch_str digits = vch_str_sub(document, field->start, field->len);
    int64_t value;
    if (field->type != VCH_DEVJSON_NUMBER || digits.len > 9) return VCH_ERR_MALFORMED;
    VCH_TRY(vch_str_int(digits, &value));
    *ret = (int)value;
    return VCH_OK;
}

void vch_devjson_raw(struct vch_devjson_out *out, struct vch_str text) {
    if (text.len > out->size - out->len) out->overflow = true;
    if (out->overflow || text.len == 0) return;
    memcpy(out->ptr + out->len, text.ptr, text.len);
    out->len += text.len;
}

void vch_devjson_string(struct vch_devjson_out *out, const char *text) {
    static const char digits[] = "0123456789abcdef";
    vch_devjson_raw(out, VCH_STR("\""));
    for (; *text; text++) {
        unsigned char ch = (unsigned char)*text;
        char escaped[6] = {'\\', 'u', '0', '0', digits[ch >> 4], digits[ch & 15]};
        char pair[2] = {'\\', (char)ch};
        if (ch == '\n')
            vch_devjson_raw(out, VCH_STR("\\n"));
        else if (ch == '"' || ch == '\\')
            vch_devjson_raw(out, vch_str_of(pair, sizeof pair));
        else if (ch < 0x20 || ch == 0x7F)
            vch_devjson_raw(out, vch_str_of(escaped, sizeof escaped));
        else
            vch_devjson_raw(out, vch_str_of(text, 1));
    }
    vch_devjson_raw(out, VCH_STR("\""));
}
