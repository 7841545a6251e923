#include <string.h>

#include "core/policy_priv.h"

void vch_pol_lookup(struct vch_pol_run *run, uint16_t variable, struct vch_policy_values *ret) {
    const struct vch_policy_request *request = run->request;
    struct vch_pol_span span = run->policy->variables[variable];
    struct vch_str name = vch_pol_text(run->policy, span.at, span.len);
    ret->count = 0;
    ret->defined_empty = false;
    if (request->lookup) request->lookup(request->lookup_arg, name, ret);
    vch_assert(ret->count <= VCH_POLICY_VALUES_MAX);
    if (run->trace) run->trace->value(run->trace->arg, name, ret);
}

static struct vch_str lookup_one(struct vch_pol_run *run, uint16_t variable) {
    struct vch_policy_values values;
    vch_pol_lookup(run, variable, &values);
    if (values.count != 1) return (struct vch_str){NULL, 0};
    return values.value[0].ptr ? values.value[0] : VCH_STR("");
}

static struct vch_str variable_value(struct vch_pol_run *run, uint16_t variable) {
    if (variable >= VCH_POL_CACHE) return lookup_one(run, variable);
    uint32_t bit = UINT32_C(1) << variable;
    if (!(run->known & bit)) {
        run->cache[variable] = lookup_one(run, variable);
        run->known |= bit;
    }
    return run->cache[variable];
}

static bool same(const char *a, const char *b, size_t len, bool fold) {
    if (!fold) return len == 0 || memcmp(a, b, len) == 0;
    return vch_str_ieq(vch_str_of(a, len), vch_str_of(b, len));
}

static bool is_barred(const struct vch_pol_run *run, struct vch_str value) {
    return run->no_mqtt_wildcards &&
           (vch_str_find(value, '+', 0) != SIZE_MAX || vch_str_find(value, '#', 0) != SIZE_MAX);
}

/* Can the piece stand at the start of `rest`? Gives the bytes that it takes. */
static bool piece_fits(struct vch_pol_run *run, const struct vch_pol_piece *piece, struct vch_str rest, bool fold,
                       size_t *ret_taken) {
    bool variable = piece->kind == VCH_PIECE_VARIABLE;
    if (piece->kind == VCH_PIECE_QMARK) {
        *ret_taken = 1;
        return rest.len > 0;
    }
    struct vch_str want = variable ? variable_value(run, piece->at) : vch_pol_text(run->policy, piece->at, piece->len);
    if (!want.ptr || (variable && is_barred(run, want)) || rest.len < want.len) return false;
    *ret_taken = want.len;
    return same(want.ptr, rest.ptr, want.len, fold);
}

/* The first place from `at` on where the piece behind a star may stand: for a
 * literal, where its first byte is. The end of the text when there is none. */
static size_t next_place(const struct vch_pol_run *run, const struct vch_pol_piece *piece, struct vch_str text,
                         size_t at, bool fold) {
    if (fold || piece->kind != VCH_PIECE_LITERAL || piece->len == 0 || at >= text.len) return at;
    const char *place = memchr(text.ptr + at, vch_pol_text(run->policy, piece->at, 1).ptr[0], text.len - at);
    return place ? (size_t)(place - text.ptr) : text.len;
}

/* As vch_glob_match, a piece at a time. */
bool vch_pol_match(struct vch_pol_run *run, uint16_t index, struct vch_str text, bool fold) {
    struct vch_pol_range range = run->policy->patterns[index];
    const struct vch_pol_piece *pieces = run->policy->pieces + range.first;
    if (range.count == 1 && pieces[0].kind == VCH_PIECE_LITERAL && pieces[0].len != text.len) return false;
    if (!text.ptr) text = VCH_STR("");
    size_t p = 0;
    size_t t = 0;
    size_t star = SIZE_MAX;
    size_t star_text = 0;
    while (p < range.count || t < text.len) {
        size_t taken = 0;
        if (p < range.count && pieces[p].kind == VCH_PIECE_STAR) {
            if (p + 1 == range.count) return true;
            star = p++;
            t = star_text = next_place(run, &pieces[p], text, t, fold);
        } else if (p < range.count &&
                   piece_fits(run, &pieces[p], vch_str_of(text.ptr + t, text.len - t), fold, &taken)) {
            p++;
            t += taken;
        } else if (star != SIZE_MAX && star_text < text.len) {
            p = star + 1;
            t = star_text = next_place(run, &pieces[p], text, star_text + 1, fold);
        } else {
            return false;
        }
    }
    return true;
}
