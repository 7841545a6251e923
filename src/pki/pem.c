#include "pki/pem_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/codec.h"

#define BEGIN "-----BEGIN "
#define END "-----END "
#define DASHES "-----"

/* Where `what` starts at or after `from`; SIZE_MAX when nowhere. */
static size_t find(struct vch_str text, const char *what, size_t from) {
    if (from > text.len) return SIZE_MAX;
    const char *at = memmem(text.ptr + from, text.len - from, what, strlen(what));
    return at ? (size_t)(at - text.ptr) : SIZE_MAX;
}

static bool label_known(struct vch_str label, const char *const *labels) {
    for (; *labels; labels++) {
        if (vch_str_eq_c(label, *labels)) return true;
    }
    return false;
}

/* The text between the two lines, when the frame is right. */
static bool unframe(struct vch_str text, const char *const *labels, struct vch_str *ret_base64) {
    size_t begin = text.ptr ? find(text, BEGIN, 0) : SIZE_MAX;
    if (begin == SIZE_MAX || (begin > 0 && text.ptr[begin - 1] != '\n')) return false;
    size_t label_at = begin + strlen(BEGIN);
    size_t label_end = find(text, DASHES, label_at);
    if (label_end == SIZE_MAX) return false;
    struct vch_str label = vch_str_sub(text, label_at, label_end - label_at);
    size_t body = label_end + strlen(DASHES);
    size_t end = find(text, END, body);
    if (end == SIZE_MAX || !label_known(label, labels)) return false;
    struct vch_str rest = vch_str_sub(text, end + strlen(END), SIZE_MAX);
    if (!vch_str_starts(rest, label)) return false;
    rest = vch_str_sub(rest, label.len, SIZE_MAX);
    if (!vch_str_starts(rest, VCH_STR(DASHES))) return false;
    if (vch_str_trim(vch_str_sub(rest, strlen(DASHES), SIZE_MAX)).len) return false;
    *ret_base64 = vch_str_sub(text, body, end - body);
    return true;
}

static void without_space(struct vch_str text, struct vch_buf *buf) {
    for (size_t i = 0; i < text.len; i++) {
        if (!strchr(" \t\r\n", text.ptr[i]) || text.ptr[i] == '\0') vch_buf_u8(buf, (uint8_t)text.ptr[i]);
    }
}

enum vch_err vch_pem_decode(struct vch_str text, const char *const *labels, struct vch_arena *arena,
                            struct vch_str *ret_der) {
    struct vch_str framed, plain, bytes = {NULL, 0};
    struct vch_buf base64, der;
    if (!unframe(text, labels, &framed)) return VCH_ERR_MALFORMED;
    vch_buf_init_secret(&base64, framed.len);
    vch_buf_init_secret(&der, framed.len);
    without_space(framed, &base64);
    enum vch_err err = vch_buf_finish(&base64, &plain);
    if (!err) err = vch_unbase64(plain, &der);
    if (!err) err = vch_buf_finish(&der, &bytes);
    if (!err && !bytes.len) err = VCH_ERR_MALFORMED;
    if (!err) {
        *ret_der = vch_arena_str(arena, bytes);
        if (!ret_der->ptr) err = VCH_ERR_NOMEM;
    }
    vch_buf_deinit(&base64);
    vch_buf_deinit(&der);
    return err;
}

void vch_pem_encode(const char *label, struct vch_str der, struct vch_buf *buf) {
    vch_buf_printf(buf, BEGIN "%s" DASHES "\n", label);
    for (size_t at = 0; at < der.len; at += 48) {
        vch_base64(vch_str_sub(der, at, 48), buf);
        vch_buf_u8(buf, '\n');
    }
    vch_buf_printf(buf, END "%s" DASHES "\n", label);
}
