#include "core/search_query.h"

#include "core/names.h"
#include "core/reason.h"

enum { STEP_AND = 100, STEP_OR, STEP_NOT };
enum { DEPTH_MAX = 16 };

struct parsing {
    struct vch_str text;
    size_t at;
    struct vch_arena *arena;
    struct vch_search_query *query;
    struct vch_diag *diag;
};

static enum vch_err wrong(const struct parsing *p, const char *why) {
    return VCH_REFUSE(p->diag, VCH_ERR_INVALID, QUERY_INVALID, "queryString", "The query is not valid at byte %zu: %s.",
                      p->at, why);
}

/* ---- words ---- */

static void skip_space(struct parsing *p) {
    while (p->at < p->text.len && p->text.ptr[p->at] == ' ') p->at++;
}

static bool at_end(const struct parsing *p) {
    return p->at == p->text.len;
}

/* The next byte after space, or 0 at the end; control characters are refused before. */
static char peek(struct parsing *p) {
    skip_space(p);
    return at_end(p) ? '\0' : p->text.ptr[p->at];
}

static bool ends_word(char c) {
    return c == ' ' || c == '(' || c == ')';
}

/* Takes the operator when it is the next whole word. */
static bool take_word(struct parsing *p, const char *word) {
    struct vch_str want = vch_str_from(word);
    skip_space(p);
    size_t end = p->at + want.len;
    if (!vch_str_eq(vch_str_sub(p->text, p->at, want.len), want)) return false;
    if (end < p->text.len && !ends_word(p->text.ptr[end])) return false;
    p->at = end;
    return true;
}

static bool is_word(struct parsing *p, const char *word) {
    size_t at = p->at;
    bool found = take_word(p, word);
    p->at = at;
    return found;
}

/* ---- terms ---- */

static enum vch_err emit(struct parsing *p, uint8_t step) {
    if (p->query->step_count == VCH_QUERY_STEPS_MAX) return wrong(p, "it is too long");
    p->query->steps[p->query->step_count++] = step;
    return VCH_OK;
}

static enum vch_err take_quoted(struct parsing *p, char *out, size_t *len) {
    for (p->at++; !at_end(p); p->at++) {
        char c = p->text.ptr[p->at];
        if (c == '"') {
            p->at++;
            return at_end(p) || ends_word(p->text.ptr[p->at]) ? VCH_OK : wrong(p, "a value goes on after its quotes");
        }
        if (c == '\\' && p->at + 1 < p->text.len) c = p->text.ptr[++p->at];
        out[(*len)++] = c;
    }
    return wrong(p, "a quote is not closed");
}

static enum vch_err take_bare(struct parsing *p, char *out, size_t *len) {
    for (; !at_end(p) && !ends_word(p->text.ptr[p->at]); p->at++) {
        char c = p->text.ptr[p->at];
        if (c == '"') return wrong(p, "a quote within a value");
        if (c == '*') c = VCH_QUERY_ANY;
        else if (c == '?') c = VCH_QUERY_ONE;
        else if (c == '\\') {
            if (p->at + 1 == p->text.len) return wrong(p, "nothing after a backslash");
            c = p->text.ptr[++p->at];
        }
        out[(*len)++] = c;
    }
    return VCH_OK;
}

static enum vch_err take_value(struct parsing *p, struct vch_query_term *term) {
    char *out = vch_arena_alloc(p->arena, p->text.len + 1);
    size_t len = 0;
    if (!out) return VCH_ERR_NOMEM;
    char first = at_end(p) ? '\0' : p->text.ptr[p->at];
    if (first == '[' || first == '{' || first == '<' || first == '>') return wrong(p, "ranges are not supported");
    VCH_TRY(first == '"' ? take_quoted(p, out, &len) : take_bare(p, out, &len));
    if (len == 0) return wrong(p, "a value is missing");
    term->value = vch_str_of(out, len);
    term->plain = 0;
    while (term->plain < len && out[term->plain] != VCH_QUERY_ANY && out[term->plain] != VCH_QUERY_ONE) term->plain++;
    return VCH_OK;
}

static bool field_byte(char c) {
    return c != ':' && c != '"' && c != '*' && c != '?' && c != '\\' && !ends_word(c);
}

static enum vch_err take_field(struct parsing *p, struct vch_query_term *term) {
    size_t from = p->at;
    while (!at_end(p) && field_byte(p->text.ptr[p->at])) p->at++;
    term->field = vch_str_sub(p->text, from, p->at - from);
    if (at_end(p) || p->text.ptr[p->at] != ':' || term->field.len == 0) {
        p->at = from;
        return wrong(p, "a term is written field:value");
    }
    p->at++;
    return VCH_OK;
}

static bool lone_star(const struct parsing *p) {
    if (p->text.ptr[p->at] != '*') return false;
    return p->at + 1 == p->text.len || ends_word(p->text.ptr[p->at + 1]);
}

static enum vch_err take_term(struct parsing *p) {
    static const char any[] = {VCH_QUERY_ANY};
    if (p->query->term_count == VCH_QUERY_TERMS_MAX) return wrong(p, "a query has at most five terms");
    struct vch_query_term *term = &p->query->terms[p->query->term_count];
    if (lone_star(p)) {
        *term = (struct vch_query_term){.value = vch_str_of(any, 1)};
        p->at++;
    } else {
        VCH_TRY(take_field(p, term));
        VCH_TRY(take_value(p, term));
    }
    return emit(p, (uint8_t)p->query->term_count++);
}

/* ---- the grammar: OR binds least, NOT most ---- */

static enum vch_err take_or(struct parsing *p, int depth);

static enum vch_err take_group(struct parsing *p, int depth) {
    p->at++;
    VCH_TRY(take_or(p, depth + 1));
    if (peek(p) != ')') return wrong(p, "a parenthesis is not closed");
    p->at++;
    return VCH_OK;
}

static enum vch_err take_not(struct parsing *p, int depth) {
    size_t nots = 0;
    while (take_word(p, "NOT")) nots++;
    char c = peek(p);
    if (depth >= DEPTH_MAX) return wrong(p, "it is too deep");
    if (c == '\0' || c == ')' || is_word(p, "AND") || is_word(p, "OR")) return wrong(p, "a term is missing");
    VCH_TRY(c == '(' ? take_group(p, depth) : take_term(p));
    return nots % 2 ? emit(p, STEP_NOT) : VCH_OK;
}

static enum vch_err take_and(struct parsing *p, int depth) {
    VCH_TRY(take_not(p, depth));
    for (;;) {
        bool word = take_word(p, "AND");
        char c = peek(p);
        if (!word && (c == '\0' || c == ')' || is_word(p, "OR"))) return VCH_OK;
        VCH_TRY(take_not(p, depth));
        VCH_TRY(emit(p, STEP_AND));
    }
}

static enum vch_err take_or(struct parsing *p, int depth) {
    VCH_TRY(take_and(p, depth));
    while (take_word(p, "OR")) {
        VCH_TRY(take_and(p, depth));
        VCH_TRY(emit(p, STEP_OR));
    }
    return VCH_OK;
}

enum vch_err vch_search_query_parse(struct vch_str text, struct vch_arena *arena, struct vch_search_query *ret,
                                    struct vch_diag *diag) {
    struct parsing p = {.text = text, .arena = arena, .query = ret, .diag = diag};
    *ret = (struct vch_search_query){.term_count = 0};
    if (text.len > VCH_QUERY_BYTES_MAX) return wrong(&p, "it is longer than 1,000 bytes");
    if (!vch_text_valid(text, VCH_QUERY_BYTES_MAX)) return wrong(&p, "it is not text without control characters");
    VCH_TRY(take_or(&p, 0));
    return peek(&p) == '\0' ? VCH_OK : wrong(&p, "something is left over");
}

/* ---- evaluation ---- */

bool vch_search_query_eval(const struct vch_search_query *query, vch_search_holds *holds, void *arg) {
    bool stack[VCH_QUERY_STEPS_MAX];
    size_t top = 0;
    for (size_t i = 0; i < query->step_count; i++) {
        uint8_t step = query->steps[i];
        if (step < VCH_QUERY_TERMS_MAX) {
            stack[top++] = holds(arg, &query->terms[step]);
        } else if (step == STEP_NOT) {
            stack[top - 1] = !stack[top - 1];
        } else {
            top--;
            stack[top - 1] = step == STEP_AND ? stack[top - 1] && stack[top] : stack[top - 1] || stack[top];
        }
    }
    return top == 1 && stack[0];
}

/* Sets of terms without which each part is false: both sides' for AND, what
 * they share for OR, none for NOT. */
static unsigned needed(const struct vch_search_query *query) {
    unsigned stack[VCH_QUERY_STEPS_MAX];
    size_t top = 0;
    for (size_t i = 0; i < query->step_count; i++) {
        uint8_t step = query->steps[i];
        if (step < VCH_QUERY_TERMS_MAX) {
            stack[top++] = 1u << step;
        } else if (step == STEP_NOT) {
            stack[top - 1] = 0;
        } else {
            top--;
            stack[top - 1] = step == STEP_AND ? stack[top - 1] | stack[top] : stack[top - 1] & stack[top];
        }
    }
    return top == 1 ? stack[0] : 0;
}

static bool is_of(const struct vch_query_term *term, struct vch_str field) {
    if (!vch_str_ends(field, VCH_STR("."))) return vch_str_eq(term->field, field);
    return vch_str_starts(term->field, field) && !vch_query_term_wild(term);
}

const struct vch_query_term *vch_search_query_needs(const struct vch_search_query *query, const char *field) {
    unsigned terms = needed(query);
    for (size_t i = 0; i < query->term_count; i++)
        if ((terms >> i & 1u) && is_of(&query->terms[i], vch_str_from(field))) return &query->terms[i];
    return NULL;
}

/* ---- matching ---- */

bool vch_query_term_wild(const struct vch_query_term *term) {
    return term->plain < term->value.len;
}

/* Goes back to the last '*' only: linear in the product of the lengths. */
bool vch_query_term_matches(const struct vch_query_term *term, struct vch_str value) {
    struct vch_str pattern = term->value;
    size_t p = 0, v = 0, star = SIZE_MAX, from = 0;
    while (v < value.len) {
        if (p < pattern.len && pattern.ptr[p] == VCH_QUERY_ANY) {
            star = p++;
            from = v;
        } else if (p < pattern.len && (pattern.ptr[p] == VCH_QUERY_ONE || pattern.ptr[p] == value.ptr[v])) {
            p++;
            v++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            v = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == VCH_QUERY_ANY) p++;
    return p == pattern.len;
}
