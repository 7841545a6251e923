#include "base/str.h"

#include <string.h>

struct vch_str vch_str_from(const char *text) {
    return (struct vch_str){text, text ? strlen(text) : 0};
}

struct vch_str vch_str_of(const void *ptr, size_t len) {
    return (struct vch_str){(const char *)ptr, len};
}

bool vch_str_eq(struct vch_str a, struct vch_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool vch_str_eq_c(struct vch_str a, const char *b) {
    return vch_str_eq(a, vch_str_from(b));
}

static unsigned char lower(char c) {
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

bool vch_str_ieq(struct vch_str a, struct vch_str b) {
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i])) return false;
    return true;
}

bool vch_str_starts(struct vch_str s, struct vch_str prefix) {
    return s.len >= prefix.len && vch_str_eq(vch_str_of(s.ptr, prefix.len), prefix);
}

bool vch_str_ends(struct vch_str s, struct vch_str suffix) {
    return s.len >= suffix.len && vch_str_eq(vch_str_sub(s, s.len - suffix.len, suffix.len), suffix);
}

int vch_str_cmp(struct vch_str a, struct vch_str b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.ptr, b.ptr, n) : 0;
    if (order != 0) return order;
    return (a.len > b.len) - (a.len < b.len);
}

size_t vch_str_find(struct vch_str s, char c, size_t from) {
    if (from >= s.len) return SIZE_MAX;
    const char *hit = memchr(s.ptr + from, c, s.len - from);
    return hit ? (size_t)(hit - s.ptr) : SIZE_MAX;
}

struct vch_str vch_str_sub(struct vch_str s, size_t from, size_t len) {
    if (from >= s.len) return (struct vch_str){NULL, 0};
    size_t left = s.len - from;
    return (struct vch_str){s.ptr + from, len < left ? len : left};
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct vch_str vch_str_trim(struct vch_str s) {
    while (s.len && is_space(s.ptr[0])) s = vch_str_sub(s, 1, SIZE_MAX);
    while (s.len && is_space(s.ptr[s.len - 1])) s.len--;
    return s;
}

bool vch_str_split(struct vch_str *rest, char sep, struct vch_str *part) {
    if (!rest->ptr) return false;
    size_t at = vch_str_find(*rest, sep, 0);
    if (at == SIZE_MAX) {
        *part = *rest;
        *rest = (struct vch_str){NULL, 0};
        return part->len > 0 || part->ptr != NULL;
    }
    *part = vch_str_of(rest->ptr, at);
    *rest = vch_str_of(rest->ptr + at + 1, rest->len - at - 1);
    return true;
}

enum vch_err vch_str_int(struct vch_str s, int64_t *out) {
    bool negative = s.len > 0 && s.ptr[0] == '-';
    size_t i = negative ? 1 : 0;
    if (i == s.len) return VCH_ERR_MALFORMED;
    int64_t value = 0;
    for (; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return VCH_ERR_MALFORMED;
        int digit = s.ptr[i] - '0';
        /* Counted downwards, so that INT64_MIN is within reach. */
        if (value < (INT64_MIN + digit) / 10) return VCH_ERR_MALFORMED;
        value = value * 10 - digit;
    }
    if (!negative && value == INT64_MIN) return VCH_ERR_MALFORMED;
    *out = negative ? value : -value;
    return VCH_OK;
}

/* Length of the sequence that starts here, or 0 (RFC 3629 section 4). */
static size_t utf8_step(const unsigned char *p, size_t left) {
    if (p[0] < 0x80) return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF) return left >= 2 && (p[1] & 0xC0) == 0x80 ? 2 : 0;
    if (p[0] >= 0xE0 && p[0] <= 0xEF) {
        if (left < 3 || (p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80) return 0;
        if (p[0] == 0xE0 && p[1] < 0xA0) return 0;
        return p[0] == 0xED && p[1] > 0x9F ? 0 : 3;
    }
    if (p[0] < 0xF0 || p[0] > 0xF4 || left < 4) return 0;
    if ((p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80 || (p[3] & 0xC0) != 0x80) return 0;
    if (p[0] == 0xF0 && p[1] < 0x90) return 0;
    return p[0] == 0xF4 && p[1] > 0x8F ? 0 : 4;
}

bool vch_utf8_valid(struct vch_str s) {
    for (size_t i = 0; i < s.len;) {
        size_t n = utf8_step((const unsigned char *)s.ptr + i, s.len - i);
        if (n == 0) return false;
        i += n;
    }
    return true;
}

bool vch_str_copy(char *dst, size_t size, struct vch_str s) {
    vch_assert(size > 0);
    size_t n = s.len < size ? s.len : size - 1;
    if (n) memcpy(dst, s.ptr, n);
    dst[n] = '\0';
    return n == s.len;
}

bool vch_ct_eq(const void *a, size_t a_len, const void *b, size_t b_len) {
    if (a_len != b_len) return false;
    const volatile unsigned char *x = a;
    const volatile unsigned char *y = b;
    unsigned char diff = 0;
    for (size_t i = 0; i < a_len; i++) diff = (unsigned char)(diff | (x[i] ^ y[i]));
    return diff == 0;
}

/* The empty assembly may read what was written, as far as the compiler knows. */
void vch_wipe(void *ptr, size_t len) {
    if (len == 0) return;
    memset(ptr, 0, len);
    __asm__ __volatile__("" : : "r"(ptr) : "memory");
}
