/* Text with "*", "?" and "${...}" to pieces. */
#include "core/policy_priv.h"

enum { VARIABLE_NAME_MAX = 256 };

size_t vch_pol_variable_len(struct vch_str text, size_t at) {
    if (at + 1 >= text.len || text.ptr[at] != '$' || text.ptr[at + 1] != '{') return 0;
    size_t end = vch_str_find(text, '}', at);
    return end == SIZE_MAX ? SIZE_MAX : end - at + 1;
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static void add_piece(struct vch_pol_build *build, enum vch_pol_piece_kind kind, size_t at, size_t len) {
    struct vch_pol_piece piece = {(uint16_t)kind, (uint16_t)at, (uint16_t)len};
    vch_pol_add(&build->pieces, &piece, sizeof piece);
}

/* The literal that grew at the end of the text pool since `start`. */
static void flush_literal(struct vch_pol_build *build, size_t *start) {
    if (build->text.len > *start) add_piece(build, VCH_PIECE_LITERAL, *start, build->text.len - *start);
    *start = build->text.len;
}

static bool name_allowed(struct vch_str name) {
    if (name.len == 0 || name.len > VARIABLE_NAME_MAX) return false;
    for (size_t i = 0; i < name.len; i++)
        if (vch_str_find(VCH_STR("\"'*?${\\"), name.ptr[i], 0) != SIZE_MAX || (unsigned char)name.ptr[i] < 0x20)
            return false;
    return true;
}

/* "${*}", "${?}" and "${$}" are the characters themselves. */
static bool is_escape(struct vch_str name) {
    return name.len == 1 && vch_str_find(VCH_STR("*?$"), name.ptr[0], 0) != SIZE_MAX;
}

static enum vch_err add_variable(struct vch_pol_build *build, struct vch_str name, size_t *literal) {
    if (is_escape(name)) {
        vch_buf_u8(&build->text, (uint8_t)name.ptr[0]);
        return VCH_OK;
    }
    if (!name_allowed(name))
        return vch_pol_refuse(build, "\"${%.*s}\" is not a policy variable.", (int)(name.len > 64 ? 64 : name.len),
                              name.ptr);
    flush_literal(build, literal);
    uint16_t variable = vch_pol_variable(build, name);
    *literal = build->text.len; /* the name may have grown the pool */
    add_piece(build, VCH_PIECE_VARIABLE, variable, 0);
    return VCH_OK;
}

static void add_wildcard(struct vch_pol_build *build, char c, size_t *literal) {
    flush_literal(build, literal);
    add_piece(build, c == '*' ? VCH_PIECE_STAR : VCH_PIECE_QMARK, 0, 0);
}

enum vch_err vch_pol_pattern(struct vch_pol_build *build, struct vch_str text, struct vch_pol_syntax syntax) {
    struct vch_pol_range range = {vch_pol_count(&build->pieces, sizeof(struct vch_pol_piece)), 0};
    size_t literal = build->text.len;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        size_t len = syntax.variables ? vch_pol_variable_len(text, i) : 0;
        if (len == SIZE_MAX) return vch_pol_refuse(build, "A \"${\" is never closed.");
        if (len > 0) {
            VCH_TRY(add_variable(build, vch_str_of(text.ptr + i + 2, len - 3), &literal));
            i += len - 1;
        } else if (syntax.wildcards && c == '*' && i > 0 && text.ptr[i - 1] == '*') {
            continue; /* one star takes what many would */
        } else if (syntax.wildcards && (c == '*' || c == '?')) {
            add_wildcard(build, c, &literal);
        } else {
            vch_buf_u8(&build->text, (uint8_t)(syntax.lower ? lower(c) : c));
        }
    }
    flush_literal(build, &literal);
    range.count = (uint16_t)(vch_pol_count(&build->pieces, sizeof(struct vch_pol_piece)) - range.first);
    vch_pol_add(&build->patterns, &range, sizeof range);
    return VCH_OK;
}
