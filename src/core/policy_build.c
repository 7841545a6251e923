/* The tables that a policy is compiled into, while they still grow, and the
 * place in the document that a refusal names. */
#include <stdio.h>

#include "core/policy_priv.h"

static void path_char(struct vch_pol_build *build, char c) {
    if (build->path_len + 1 >= sizeof build->path) return;
    build->path[build->path_len++] = c;
    build->path[build->path_len] = '\0';
}

/* RFC 6901 section 3. */
size_t vch_pol_enter(struct vch_pol_build *build, struct vch_str name) {
    size_t mark = build->path_len;
    path_char(build, '/');
    for (size_t i = 0; i < name.len; i++) {
        bool escaped = name.ptr[i] == '~' || name.ptr[i] == '/';
        path_char(build, escaped ? '~' : name.ptr[i]);
        if (escaped) path_char(build, name.ptr[i] == '~' ? '0' : '1');
    }
    return mark;
}

size_t vch_pol_enter_index(struct vch_pol_build *build, size_t index) {
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%zu", index);
    return vch_pol_enter(build, vch_str_from(digits));
}

void vch_pol_leave(struct vch_pol_build *build, size_t mark) {
    build->path_len = mark;
    build->path[mark] = '\0';
}

enum vch_err vch_pol_refuse(struct vch_pol_build *build, const char *fmt, ...) {
    char message[256];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    return VCH_REFUSE(build->diag, VCH_ERR_MALFORMED, POLICY_MALFORMED, build->path, "%s", message);
}

uint16_t vch_pol_count(const struct vch_buf *table, size_t size) {
    return (uint16_t)(table->len / size);
}

void vch_pol_add(struct vch_buf *table, const void *row, size_t size) {
    vch_buf_bytes(table, row, size);
}

struct vch_pol_span vch_pol_add_text(struct vch_pol_build *build, struct vch_str s) {
    struct vch_pol_span span = {(uint16_t)build->text.len, 0};
    if (s.len) vch_buf_bytes(&build->text, s.ptr, s.len);
    if (!build->text.failed) span.len = (uint16_t)s.len;
    return span;
}

/* The name's row, whatever its case; a new one when it is new. */
uint16_t vch_pol_variable(struct vch_pol_build *build, struct vch_str name) {
    const struct vch_pol_span *rows = (const void *)build->names.ptr;
    uint16_t count = vch_pol_count(&build->names, sizeof *rows);
    for (uint16_t i = 0; i < count; i++)
        if (vch_str_ieq(vch_str_of(build->text.ptr + rows[i].at, rows[i].len), name)) return i;
    struct vch_pol_span span = vch_pol_add_text(build, name);
    vch_pol_add(&build->names, &span, sizeof span);
    return count;
}
