#include "devlib/json.h"

#include <string.h>

struct cursor {
    struct vch_str text;
    size_t at;
};

enum state { OPENED, WHOLE, COMMA };

/* Over nested containers without recursion: one bit a level. */
struct walk {
    struct cursor c;
    struct vch_devjson_visitor *visitor;
    uint32_t objects; /* lowest bit: the innermost container is an object */
    unsigned depth;
    enum state state;
    struct vch_str name; /* of the member at depth 1 */
    struct vch_devjson_field value;
};

_Static_assert(VCH_DEVJSON_DEPTH_MAX <= 32, "a bit for each level");

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

static enum vch_err take_scalar(struct cursor *c, struct vch_devjson_field *ret) {
    int first = peek(c);
    switch (first) {
    case 't': ret->type = VCH_DEVJSON_BOOL; return take_word(c, VCH_STR("true"));
    case 'f': ret->type = VCH_DEVJSON_BOOL; return take_word(c, VCH_STR("false"));
    case 'n': ret->type = VCH_DEVJSON_NULL; return take_word(c, VCH_STR("null"));
    default: ret->type = VCH_DEVJSON_NUMBER; return take_number(c);
    }
}

/* What is no container. A string's place leaves out its quotes. */
static enum vch_err take_plain(struct cursor *c, struct vch_devjson_field *ret) {
    if (take(c, '"')) {
        ret->type = VCH_DEVJSON_STRING;
        return take_string(c, &ret->start, &ret->len);
    }
    ret->start = c->at;
    VCH_TRY(take_scalar(c, ret));
    ret->len = c->at - ret->start;
    return VCH_OK;
}

static enum vch_err open_container(struct walk *w, bool object) {
    if (w->depth >= VCH_DEVJSON_DEPTH_MAX) return VCH_ERR_TOO_LARGE;
    w->objects = w->objects << 1 | (object ? 1u : 0u);
    w->depth++;
    w->state = OPENED;
    return VCH_OK;
}

static enum vch_err end_value(struct walk *w) {
    w->state = WHOLE;
    return w->depth == 1 && w->visitor ? w->visitor->member(w->visitor, w->name, &w->value) : VCH_OK;
}

static enum vch_err close_container(struct walk *w) {
    w->objects >>= 1;
    w->depth--;
    if (w->depth == 1) w->value.len = w->c.at - w->value.start;
    return end_value(w);
}

static enum vch_err take_name(struct walk *w) {
    size_t start, len;
    if (!take(&w->c, '"')) return VCH_ERR_MALFORMED;
    VCH_TRY(take_string(&w->c, &start, &len));
    skip_space(&w->c);
    if (!take(&w->c, ':')) return VCH_ERR_MALFORMED;
    skip_space(&w->c);
    if (w->depth == 1) w->name = vch_str_sub(w->c.text, start, len);
    return VCH_OK;
}

static enum vch_err take_value(struct walk *w) {
    struct vch_devjson_field value = {.start = w->c.at};
    bool object = peek(&w->c) == '{';
    bool nests = object || peek(&w->c) == '[';
    if (!nests)
        VCH_TRY(take_plain(&w->c, &value));
    else
        value.type = object ? VCH_DEVJSON_OBJECT : VCH_DEVJSON_ARRAY;
    if (w->depth == 1) w->value = value;
    if (!nests) return end_value(w);
    w->c.at++;
    return open_container(w, object);
}

static enum vch_err turn(struct walk *w) {
    bool object = w->objects & 1;
    skip_space(&w->c);
    if (w->state != COMMA && take(&w->c, object ? '}' : ']')) return close_container(w);
    if (w->state == WHOLE) {
        w->state = COMMA;
        return take(&w->c, ',') ? VCH_OK : VCH_ERR_MALFORMED;
    }
    if (object) VCH_TRY(take_name(w));
    return take_value(w);
}

enum vch_err vch_devjson_walk(struct vch_str text, struct vch_devjson_visitor *visitor) {
    struct walk w = {.c = {text, 0}, .visitor = visitor};
    skip_space(&w.c);
    if (!take(&w.c, '{')) return VCH_ERR_MALFORMED;
    VCH_TRY(open_container(&w, true));
    while (w.depth) VCH_TRY(turn(&w));
    skip_space(&w.c);
    return w.c.at == text.len ? VCH_OK : VCH_ERR_MALFORMED;
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

static enum vch_err pick(struct vch_devjson_visitor *visitor, struct vch_str name,
                         const struct vch_devjson_field *value) {
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
    struct vch_devjson_visitor visitor = {.member = pick, .fields = fields, .count = count};
    for (size_t i = 0; i < count; i++) fields[i].type = VCH_DEVJSON_ABSENT;
    return vch_devjson_walk(text, &visitor);
}

static bool holds_nul(struct vch_str escaped) {
    struct cursor c = {escaped, 0};
    char bytes[4];
    for (size_t n = next_bytes(&c, bytes); n > 0; n = next_bytes(&c, bytes))
        if (n == 1 && bytes[0] == '\0') return true;
    return false;
}

static enum vch_err only_strings(struct vch_devjson_visitor *visitor, struct vch_str name,
                                 const struct vch_devjson_field *value) {
    if (value->type != VCH_DEVJSON_STRING || holds_nul(name)) return VCH_ERR_INVALID;
    return holds_nul(vch_str_sub(visitor->text, value->start, value->len)) ? VCH_ERR_INVALID : VCH_OK;
}

enum vch_err vch_devjson_check_map(struct vch_str text) {
    struct vch_devjson_visitor visitor = {.member = only_strings, .text = text};
    return vch_devjson_walk(text, &visitor);
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
    struct cursor c = {vch_str_sub(document, field->start, field->len), 0};
    if (field->type != VCH_DEVJSON_NUMBER || c.text.len > 9) return VCH_ERR_MALFORMED;
    bool negative = take(&c, '-');
    int value = 0;
    for (; peek(&c) >= '0' && peek(&c) <= '9'; c.at++) value = value * 10 + (peek(&c) - '0');
    *ret = negative ? -value : value;
    return c.at == c.text.len ? VCH_OK : VCH_ERR_MALFORMED;
}

size_t vch_devjson_plain(struct vch_str escaped, struct vch_devjson_out *out) {
    struct cursor c = {escaped, 0};
    char bytes[4];
    size_t len = 0;
    for (size_t n = next_bytes(&c, bytes); n > 0; n = next_bytes(&c, bytes)) {
        if (out) vch_devjson_raw(out, vch_str_of(bytes, n));
        len += n;
    }
    return len;
}
