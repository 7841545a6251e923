#include "devlib/cbor.h"

#include <string.h>

enum { MAJOR_UINT, MAJOR_NEGATIVE, MAJOR_BYTES, MAJOR_TEXT, MAJOR_LIST, MAJOR_MAP, MAJOR_TAG, MAJOR_SIMPLE };
enum { INFO_INDEFINITE = 31, BREAK = 0xFF };
enum { SIMPLE_FALSE = 20, SIMPLE_TRUE, SIMPLE_NULL, SIMPLE_UNDEFINED, FLOAT_HALF = 25, FLOAT_DOUBLE = 27 };

struct head {
    unsigned major, info;
    uint64_t value; /* of the argument; 0 when indefinite */
};

struct vch_devcbor vch_devcbor_read(struct vch_str text) {
    return (struct vch_devcbor){.text = text};
}

static size_t left(const struct vch_devcbor *r) {
    return r->text.len - r->at;
}

/* RFC 8949 section 3 */
static enum vch_err take_head(struct vch_devcbor *r, struct head *ret) {
    if (left(r) == 0) return VCH_ERR_MALFORMED;
    unsigned first = (uint8_t)r->text.ptr[r->at++];
    *ret = (struct head){first >> 5, first & 31, first & 31};
    if (ret->info < 24) return VCH_OK;
    ret->value = 0;
    if (ret->info == INFO_INDEFINITE) return VCH_OK;
    size_t more = (size_t)1 << (ret->info - 24);
    if (ret->info > 27 || left(r) < more) return VCH_ERR_MALFORMED;
    while (more--) ret->value = ret->value << 8 | (uint8_t)r->text.ptr[r->at++];
    return VCH_OK;
}

static enum vch_err skip_chunk(struct vch_devcbor *r, const struct head *head) {
    if (head->major != MAJOR_TEXT || head->info == INFO_INDEFINITE || head->value > left(r)) return VCH_ERR_MALFORMED;
    size_t len = (size_t)head->value;
    if (!vch_utf8_valid(vch_str_sub(r->text, r->at, len))) return VCH_ERR_MALFORMED;
    r->at += len;
    return VCH_OK;
}

static bool at_break(const struct vch_devcbor *r) {
    return left(r) > 0 && (uint8_t)r->text.ptr[r->at] == BREAK;
}

/* Each chunk is a text of its own. RFC 8949 section 3.2.3 */
static enum vch_err skip_text(struct vch_devcbor *r, struct head head) {
    if (head.info != INFO_INDEFINITE) return skip_chunk(r, &head);
    while (!at_break(r)) {
        VCH_TRY(take_head(r, &head));
        VCH_TRY(skip_chunk(r, &head));
    }
    r->at++;
    return VCH_OK;
}

static enum vch_err open_container(struct vch_devcbor *r, const struct head *head, struct vch_devcbor_item *ret) {
    bool map = head->major == MAJOR_MAP;
    ret->step = VCH_DEVCBOR_OPEN;
    ret->type = map ? VCH_DEVJSON_OBJECT : VCH_DEVJSON_ARRAY;
    if (r->depth == VCH_DEVCBOR_DEPTH_MAX) return VCH_ERR_TOO_LARGE;
    /* An item has a byte at least: what says more is refused before it is walked. */
    if (head->value > left(r)) return VCH_ERR_MALFORMED;
    r->levels[r->depth].left = (uint32_t)head->value * (map ? 2u : 1u);
    r->levels[r->depth].map = map;
    r->levels[r->depth].indefinite = head->info == INFO_INDEFINITE;
    r->levels[r->depth].value_follows = false;
    r->depth++;
    return VCH_OK;
}

static enum vch_err take_simple(const struct head *head, struct vch_devcbor_item *ret) {
    switch (head->info) {
    case SIMPLE_FALSE:
    case SIMPLE_TRUE:
        ret->type = VCH_DEVJSON_BOOL;
        ret->number = head->info == SIMPLE_TRUE;
        return VCH_OK;
    case SIMPLE_NULL:
    case SIMPLE_UNDEFINED: ret->type = VCH_DEVJSON_NULL; return VCH_OK;
    default:
        ret->type = VCH_DEVJSON_NUMBER;
        ret->real = true;
        return head->info >= FLOAT_HALF && head->info <= FLOAT_DOUBLE ? VCH_OK : VCH_ERR_MALFORMED;
    }
}

static enum vch_err take_item(struct vch_devcbor *r, struct vch_devcbor_item *ret) {
    struct head head;
    VCH_TRY(take_head(r, &head));
    bool indefinite = head.info == INFO_INDEFINITE;
    if (ret->key && head.major != MAJOR_TEXT) return VCH_ERR_MALFORMED;
    switch (head.major) {
    case MAJOR_UINT:
    case MAJOR_NEGATIVE:
        ret->type = VCH_DEVJSON_NUMBER;
        ret->negative = head.major == MAJOR_NEGATIVE;
        ret->number = head.value;
        return indefinite ? VCH_ERR_MALFORMED : VCH_OK;
    case MAJOR_TEXT: ret->type = VCH_DEVJSON_STRING; return skip_text(r, head);
    case MAJOR_LIST:
    case MAJOR_MAP: return open_container(r, &head, ret);
    case MAJOR_SIMPLE: return take_simple(&head, ret);
    default: return VCH_ERR_MALFORMED; /* byte strings and tags */
    }
}

static bool is_over(const struct vch_devcbor *r, unsigned level) {
    return r->levels[level].indefinite ? at_break(r) : r->levels[level].left == 0;
}

static enum vch_err close_container(struct vch_devcbor *r, struct vch_devcbor_item *ret) {
    unsigned level = --r->depth;
    ret->step = VCH_DEVCBOR_CLOSE;
    ret->type = r->levels[level].map ? VCH_DEVJSON_OBJECT : VCH_DEVJSON_ARRAY;
    if (r->levels[level].indefinite) r->at++;
    return r->levels[level].value_follows ? VCH_ERR_MALFORMED : VCH_OK;
}

enum vch_err vch_devcbor_next(struct vch_devcbor *r, struct vch_devcbor_item *ret) {
    size_t start = r->at;
    *ret = (struct vch_devcbor_item){.step = VCH_DEVCBOR_VALUE};
    if (r->depth && is_over(r, r->depth - 1)) return close_container(r, ret);
    if (!r->depth && r->started) {
        ret->step = VCH_DEVCBOR_END;
        return left(r) ? VCH_ERR_MALFORMED : VCH_OK;
    }
    r->started = true;
    if (r->depth) {
        unsigned level = r->depth - 1;
        ret->key = r->levels[level].map && !r->levels[level].value_follows;
        r->levels[level].value_follows = ret->key;
        r->levels[level].left--;
    }
    enum vch_err err = take_item(r, ret);
    ret->encoded = vch_str_sub(r->text, start, r->at - start);
    return err;
}

/* ---- fields ------------------------------------------------------------- */

bool vch_devcbor_chunk(struct vch_devcbor *r, struct vch_str *ret) {
    struct head head = {.info = INFO_INDEFINITE};
    /* The head of the whole says that chunks follow; theirs say how long they are. */
    while (head.info == INFO_INDEFINITE)
        if (at_break(r) || take_head(r, &head) != VCH_OK) return false;
    *ret = vch_str_sub(r->text, r->at, (size_t)head.value);
    r->at += ret->len;
    return true;
}

static bool text_is(struct vch_str encoded, const char *name) {
    struct vch_devcbor r = vch_devcbor_read(encoded);
    struct vch_str chunk, rest = vch_str_from(name);
    while (vch_devcbor_chunk(&r, &chunk)) {
        if (!vch_str_starts(rest, chunk)) return false;
        rest = vch_str_sub(rest, chunk.len, SIZE_MAX);
    }
    return rest.len == 0;
}

static struct vch_devjson_field *wanted(struct vch_devjson_field *fields, size_t count, struct vch_str key) {
    for (size_t i = 0; i < count; i++)
        if (text_is(key, fields[i].name)) return &fields[i];
    return NULL;
}

/* One item at depth 1: a key names the field, the value behind it fills it, and
 * the end of a container measures it. */
static enum vch_err pick(const struct vch_devcbor *r, const struct vch_devcbor_item *item,
                         struct vch_devjson_field *fields, size_t count, struct vch_devjson_field **field) {
    if (item->step == VCH_DEVCBOR_CLOSE) {
        if (*field) (*field)->len = r->at - (*field)->start;
        return VCH_OK;
    }
    if (item->key) {
        *field = wanted(fields, count, item->encoded);
        return *field && (*field)->type != VCH_DEVJSON_ABSENT ? VCH_ERR_MALFORMED : VCH_OK;
    }
    if (!*field) return VCH_OK;
    (*field)->type = item->type;
    (*field)->start = (size_t)(item->encoded.ptr - r->text.ptr);
    (*field)->len = item->encoded.len;
    return VCH_OK;
}

enum vch_err vch_devcbor_scan(struct vch_str text, struct vch_devjson_field *fields, size_t count) {
    struct vch_devcbor r = vch_devcbor_read(text);
    struct vch_devcbor_item item;
    struct vch_devjson_field *field = NULL;
    for (size_t i = 0; i < count; i++) fields[i].type = VCH_DEVJSON_ABSENT;
    VCH_TRY(vch_devcbor_next(&r, &item));
    if (item.step != VCH_DEVCBOR_OPEN || item.type != VCH_DEVJSON_OBJECT) return VCH_ERR_MALFORMED;
    for (;;) {
        VCH_TRY(vch_devcbor_next(&r, &item));
        if (item.step == VCH_DEVCBOR_END) return VCH_OK;
        unsigned depth = r.depth - (item.step == VCH_DEVCBOR_OPEN ? 1u : 0u);
        if (depth == 1) VCH_TRY(pick(&r, &item, fields, count, &field));
    }
}

enum vch_err vch_devcbor_text(char *document, const struct vch_devjson_field *field, char **ret_text) {
    if (field->type != VCH_DEVJSON_STRING) return VCH_ERR_MALFORMED;
    struct vch_devcbor r = vch_devcbor_read(vch_str_of(document + field->start, field->len));
    struct vch_str chunk;
    char *out = document + field->start;
    *ret_text = out;
    /* What is written stays behind what is read: each chunk gives up its head. */
    while (vch_devcbor_chunk(&r, &chunk)) {
        if (chunk.len && memchr(chunk.ptr, 0, chunk.len)) return VCH_ERR_MALFORMED;
        if (chunk.len) memmove(out, chunk.ptr, chunk.len);
        out += chunk.len;
    }
    *out = '\0';
    return VCH_OK;
}

enum vch_err vch_devcbor_int(struct vch_str document, const struct vch_devjson_field *field, int *ret) {
    struct vch_devcbor r = vch_devcbor_read(vch_str_sub(document, field->start, field->len));
    struct vch_devcbor_item item;
    if (field->type != VCH_DEVJSON_NUMBER) return VCH_ERR_MALFORMED;
    VCH_TRY(vch_devcbor_next(&r, &item));
    if (item.real || item.number > 999999998) return VCH_ERR_MALFORMED;
    *ret = item.negative ? -1 - (int)item.number : (int)item.number;
    return VCH_OK;
}
