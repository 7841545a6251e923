#include "agent/pem_mend.h"

#include <string.h>

enum { LINE = 64 };

struct block {
    enum vch_pem_kind kind;
    struct vch_str label, body, whole;
};

static size_t find(struct vch_str text, struct vch_str what, size_t from) {
    if (text.len == 0 || from > text.len) return SIZE_MAX;
    const void *at = memmem(text.ptr + from, text.len - from, what.ptr, what.len);
    return at ? (size_t)((const char *)at - text.ptr) : SIZE_MAX;
}

static enum vch_pem_kind kind_of(struct vch_str label, struct vch_str body) {
    static const struct {
        const char *label;
        enum vch_pem_kind kind;
    } labels[] = {
        {"CERTIFICATE", VCH_PEM_CERTIFICATE},
        {"X509 CERTIFICATE", VCH_PEM_CERTIFICATE},
        {"TRUSTED CERTIFICATE", VCH_PEM_OTHER},
        {"PRIVATE KEY", VCH_PEM_PRIVATE_KEY},
        {"EC PRIVATE KEY", VCH_PEM_PRIVATE_KEY},
        {"RSA PRIVATE KEY", VCH_PEM_PRIVATE_KEY},
        {"ENCRYPTED PRIVATE KEY", VCH_PEM_ENCRYPTED_KEY},
        {"CERTIFICATE REQUEST", VCH_PEM_REQUEST},
        {"NEW CERTIFICATE REQUEST", VCH_PEM_REQUEST},
    };
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        if (!vch_str_eq_c(label, labels[i].label)) continue;
        bool sealed = labels[i].kind == VCH_PEM_PRIVATE_KEY && find(body, VCH_STR("Proc-Type"), 0) != SIZE_MAX;
        return sealed ? VCH_PEM_ENCRYPTED_KEY : labels[i].kind;
    }
    return VCH_PEM_OTHER;
}

static bool label_is_plain(struct vch_str label) {
    for (size_t i = 0; i < label.len; i++) {
        char c = label.ptr[i];
        if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != ' ') return false;
    }
    return label.len > 0 && label.len <= LINE;
}

/* The next block at or after *at, which moves behind it. */
static bool next_block(struct vch_str text, size_t *at, struct block *ret) {
    const struct vch_str begin = VCH_STR("-----BEGIN "), end = VCH_STR("-----END "), dashes = VCH_STR("-----");
    for (;;) {
        size_t start = find(text, begin, *at);
        if (start == SIZE_MAX) return false;
        *at = start + begin.len;
        size_t label_end = find(text, dashes, *at);
        if (label_end == SIZE_MAX) return false;
        ret->label = vch_str_sub(text, *at, label_end - *at);
        if (!label_is_plain(ret->label)) continue;
        size_t body = label_end + dashes.len, stop = find(text, end, body);
        if (stop == SIZE_MAX) return false;
        ret->body = vch_str_sub(text, body, stop - body);
        if (!vch_str_starts(vch_str_sub(text, stop + end.len, SIZE_MAX), ret->label)) continue;
        size_t after = stop + end.len + ret->label.len;
        if (!vch_str_starts(vch_str_sub(text, after, SIZE_MAX), dashes)) continue;
        ret->kind = kind_of(ret->label, ret->body);
        *at = after + dashes.len;
        ret->whole = vch_str_sub(text, start, *at - start);
        return true;
    }
}

enum vch_pem_kind vch_pem_first(struct vch_str text) {
    struct block block;
    for (size_t at = 0; next_block(text, &at, &block);)
        if (block.kind != VCH_PEM_OTHER) return block.kind;
    return VCH_PEM_NONE;
}

static bool is_base64(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
           c == '=';
}

static bool is_litter(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '"' || c == '\'' || c == ',' || c == ';';
}

/* How many characters the escape at `rest` takes: "\n", "\r", "\t", "\\n" (escaped
 * twice), "\u000a"; 1 for a lone backslash (also "\/", whose slash then counts). */
static size_t escape_len(struct vch_str rest) {
    size_t at = 1;
    while (at < rest.len && rest.ptr[at] == '\\') at++;
    struct vch_str tail = vch_str_sub(rest, at, 5);
    if (vch_str_ieq(tail, VCH_STR("u000a")) || vch_str_ieq(tail, VCH_STR("u000d"))) return at + 5;
    if (tail.len && (tail.ptr[0] == 'n' || tail.ptr[0] == 'r' || tail.ptr[0] == 't')) return at + 1;
    return at;
}

static enum vch_err write_body(struct vch_str body, struct vch_buf *buf) {
    size_t count = 0;
    for (size_t i = 0; i < body.len;) {
        char c = body.ptr[i];
        if (c == '\\') {
            i += escape_len(vch_str_sub(body, i, SIZE_MAX));
            continue;
        }
        i++;
        if (is_litter(c)) continue;
        if (!is_base64(c)) return VCH_ERR_MALFORMED;
        vch_buf_u8(buf, (uint8_t)c);
        if (++count % LINE == 0) vch_buf_u8(buf, '\n');
    }
    if (count % LINE != 0) vch_buf_u8(buf, '\n');
    return count > 0 && count % 4 == 0 ? VCH_OK : VCH_ERR_MALFORMED;
}

static enum vch_err write_block(const struct block *block, struct vch_buf *buf) {
    vch_buf_c(buf, "-----BEGIN ");
    vch_buf_str(buf, block->label);
    vch_buf_c(buf, "-----\n");
    VCH_TRY(write_body(block->body, buf));
    vch_buf_c(buf, "-----END ");
    vch_buf_str(buf, block->label);
    vch_buf_c(buf, "-----\n");
    return buf->failed ? VCH_ERR_TOO_LARGE : VCH_OK;
}

enum vch_err vch_pem_mend(struct vch_str text, enum vch_pem_kind kind, struct vch_buf *buf, bool *ret_changed) {
    struct block block;
    bool found = false;
    *ret_changed = false;
    for (size_t at = 0; next_block(text, &at, &block);) {
        if (block.kind != kind) continue;
        size_t before = buf->len;
        VCH_TRY(write_block(&block, buf));
        /* Without the last newline, which `whole` never holds. */
        if (!vch_str_eq(vch_str_of(buf->ptr + before, buf->len - before - 1), block.whole)) *ret_changed = true;
        found = true;
    }
    return found ? VCH_OK : VCH_ERR_NOT_FOUND;
}
