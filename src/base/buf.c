#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void vch_buf_init(struct vch_buf *buf, size_t cap_bytes) {
    *buf = (struct vch_buf){.cap = cap_bytes};
}

void vch_buf_init_secret(struct vch_buf *buf, size_t cap_bytes) {
    *buf = (struct vch_buf){.cap = cap_bytes, .wipe = true};
}

void vch_buf_deinit(struct vch_buf *buf) {
    if (buf->wipe && buf->ptr) vch_wipe(buf->ptr, buf->size);
    free(buf->ptr);
    *buf = (struct vch_buf){.cap = buf->cap, .wipe = buf->wipe};
}

void vch_buf_clear(struct vch_buf *buf) {
    if (buf->wipe && buf->ptr) vch_wipe(buf->ptr, buf->size);
    buf->len = 0;
    buf->failed = false;
}

/* By hand and not by realloc: a secret must not stay behind in the old block. */
static bool grow(struct vch_buf *buf, size_t want) {
    size_t size = buf->size ? buf->size : 256;
    while (size < want) size = size > SIZE_MAX / 2 ? want : size * 2;
    char *bigger = malloc(size);
    if (!bigger) return false;
    if (buf->len) memcpy(bigger, buf->ptr, buf->len);
    if (buf->wipe && buf->ptr) vch_wipe(buf->ptr, buf->size);
    free(buf->ptr);
    buf->ptr = bigger;
    buf->size = size;
    return true;
}

void *vch_buf_extend(struct vch_buf *buf, size_t len) {
    if (buf->failed) return NULL;
    /* One byte more than asked, for the terminator. */
    if (len > buf->cap || buf->len > buf->cap - len || (buf->len + len + 1 > buf->size && !grow(buf, buf->len + len + 1))) {
        buf->failed = true;
        return NULL;
    }
    char *at = buf->ptr + buf->len;
    buf->len += len;
    return at;
}

void vch_buf_bytes(struct vch_buf *buf, const void *ptr, size_t len) {
    void *at = vch_buf_extend(buf, len);
    if (at && len) memcpy(at, ptr, len);
}

void vch_buf_str(struct vch_buf *buf, struct vch_str s) {
    vch_buf_bytes(buf, s.ptr, s.len);
}

void vch_buf_c(struct vch_buf *buf, const char *text) {
    vch_buf_str(buf, vch_str_from(text));
}

void vch_buf_u8(struct vch_buf *buf, uint8_t v) {
    vch_buf_bytes(buf, &v, 1);
}

static void big_endian(struct vch_buf *buf, uint64_t v, size_t width) {
    unsigned char *at = vch_buf_extend(buf, width);
    if (!at) return;
    for (size_t i = 0; i < width; i++) at[i] = (unsigned char)(v >> (8 * (width - 1 - i)));
}

void vch_buf_u16(struct vch_buf *buf, uint16_t v) {
    big_endian(buf, v, 2);
}

void vch_buf_u32(struct vch_buf *buf, uint32_t v) {
    big_endian(buf, v, 4);
}

void vch_buf_u64(struct vch_buf *buf, uint64_t v) {
    big_endian(buf, v, 8);
}

void vch_buf_printf(struct vch_buf *buf, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0) {
        buf->failed = true;
        return;
    }
    char *at = vch_buf_extend(buf, (size_t)len);
    if (!at) return;
    va_start(args, fmt);
    (void)vsnprintf(at, (size_t)len + 1, fmt, args);
    va_end(args);
}

enum vch_err vch_buf_finish(struct vch_buf *buf, struct vch_str *out) {
    *out = (struct vch_str){NULL, 0};
    if (buf->failed) return VCH_ERR_TOO_LARGE;
    if (!buf->ptr && !grow(buf, 1)) return VCH_ERR_NOMEM;
    buf->ptr[buf->len] = '\0';
    *out = vch_str_of(buf->ptr, buf->len);
    return VCH_OK;
}
