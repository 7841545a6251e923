/* Search queries: whatever parses keeps its bounds, evaluates, and agrees with
 * itself. */
#include <stdint.h>

#include "core/search_query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct answers {
    unsigned bits, asked;
    const struct vch_search_query *query;
};

static bool holds(void *arg, const struct vch_query_term *term) {
    struct answers *a = arg;
    size_t index = (size_t)(term - a->query->terms);
    vch_assert(index < a->query->term_count);
    a->asked++;
    return (a->bits >> index & 1u) != 0;
}

static bool answer(const struct vch_search_query *query, unsigned bits) {
    struct answers a = {bits, 0, query};
    bool found = vch_search_query_eval(query, holds, &a);
    vch_assert(a.asked == query->term_count);
    return found;
}

/* A term that is needed, when false, makes the whole false. */
static void check_needs(const struct vch_search_query *query, const struct vch_query_term *term) {
    if (!term) return;
    unsigned index = (unsigned)(term - query->terms);
    for (unsigned bits = 0; bits < 1u << query->term_count; bits++)
        vch_assert(!answer(query, bits & ~(1u << index)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_search_query query;
    struct vch_arena *arena = vch_arena_new(65536, false);
    if (arena && vch_search_query_parse(vch_str_of(data, size), arena, &query, NULL) == VCH_OK) {
        vch_assert(query.term_count >= 1 && query.term_count <= VCH_QUERY_TERMS_MAX);
        vch_assert(query.step_count <= VCH_QUERY_STEPS_MAX);
        check_needs(&query, vch_search_query_needs(&query, "thingName"));
        for (size_t i = 0; i < query.term_count; i++) {
            const struct vch_query_term *term = &query.terms[i];
            vch_assert(term->plain <= term->value.len && term->value.len > 0);
            if (!vch_query_term_wild(term)) vch_assert(vch_query_term_matches(term, term->value));
            (void)vch_query_term_matches(term, vch_str_of(data, size));
        }
    }
    vch_arena_free(arena);
    return 0;
}
