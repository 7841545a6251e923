/* The query of SearchIndex: field:value terms with AND, OR, NOT and
 * parentheses. Terms side by side are an AND. A value may have the wildcards
 * '*' and '?'; within "quotes", or behind a backslash, they are themselves. A
 * lone '*' is true of everything. Pure and bounded: at most five terms, 1,000
 * bytes, 16 levels. Source: AWS IoT "Query syntax" of fleet indexing; ranges
 * and comparisons are not supported.
 */
#ifndef VCH_CORE_SEARCH_QUERY_H
#define VCH_CORE_SEARCH_QUERY_H

#include "base/arena.h"

enum { VCH_QUERY_TERMS_MAX = 5, VCH_QUERY_BYTES_MAX = 1000, VCH_QUERY_STEPS_MAX = 64 };

struct vch_query_term {
    struct vch_str field; /* empty for the lone '*' */
    struct vch_str value; /* VCH_QUERY_ANY and VCH_QUERY_ONE stand for the wildcards */
    size_t plain;         /* bytes of the value before its first wildcard */
};
enum { VCH_QUERY_ANY = 1, VCH_QUERY_ONE = 2 };

struct vch_search_query {
    struct vch_query_term terms[VCH_QUERY_TERMS_MAX];
    size_t term_count;
    uint8_t steps[VCH_QUERY_STEPS_MAX]; /* postfix: a term's index, or one of the operators */
    size_t step_count;
};

/* QUERY_INVALID for everything that is not such a query. Views into `arena`. */
enum vch_err vch_search_query_parse(struct vch_str text, struct vch_arena *arena, struct vch_search_query *ret,
                                    struct vch_diag *diag) VCH_MUST;

/* Whether the term holds; asked at most once for each step. */
typedef bool vch_search_holds(void *arg, const struct vch_query_term *term);
bool vch_search_query_eval(const struct vch_search_query *query, vch_search_holds *holds, void *arg);

/* A term of `field` without which nothing is found, or NULL: a way into an
 * index. A field that ends with '.' stands for all that begin with it; of
 * those, the first without wildcards. */
const struct vch_query_term *vch_search_query_needs(const struct vch_search_query *query, const char *field);

bool vch_query_term_wild(const struct vch_query_term *term);
/* Bytes are compared as they are. */
bool vch_query_term_matches(const struct vch_query_term *term, struct vch_str value);

#endif
