/* Is the intersection of two topic patterns empty? Each is read as a row of
 * symbols; one table over both rows tells from their ends which rests can be
 * spelled alike. */
#include "core/lint_priv.h"
#include "core/policy_priv.h"

enum symbol_kind {
    SYMBOL_CHAR,
    SYMBOL_ONE,   /* any character */
    SYMBOL_ANY,   /* any text */
    SYMBOL_LEVEL, /* any text without '/': MQTT's '+' */
    SYMBOL_VALUE  /* a variable's value: any text without '/', '$', '+', '#' */
};

struct symbol {
    enum symbol_kind kind;
    char c;
};

enum { ROW_MAX = 512 }; /* twice the longest topic */
struct row {
    struct symbol symbol[ROW_MAX];
    size_t count;
};

static bool is_run(struct symbol s) {
    return s.kind == SYMBOL_ANY || s.kind == SYMBOL_LEVEL || s.kind == SYMBOL_VALUE;
}

static bool run_takes(struct symbol run, struct symbol s) {
    if (run.kind == SYMBOL_ANY || s.kind != SYMBOL_CHAR) return true;
    const struct vch_str outside = run.kind == SYMBOL_LEVEL ? VCH_STR("/") : VCH_STR("/$+#");
    return vch_str_find(outside, s.c, 0) == SIZE_MAX;
}

static bool same_character(struct symbol a, struct symbol b) {
    return a.kind == SYMBOL_ONE || b.kind == SYMBOL_ONE || a.c == b.c;
}

static struct symbol character(char c, bool filter) {
    switch (c) {
    case '*': return (struct symbol){SYMBOL_ANY, 0};
    case '?': return (struct symbol){SYMBOL_ONE, 0};
    case '+': return filter ? (struct symbol){SYMBOL_LEVEL, 0} : (struct symbol){SYMBOL_CHAR, c};
    case '#': return filter ? (struct symbol){SYMBOL_ANY, 0} : (struct symbol){SYMBOL_CHAR, c};
    default: return (struct symbol){SYMBOL_CHAR, c};
    }
}

static struct symbol variable(struct vch_str s, size_t at, size_t len) {
    bool escape = len == 4 && vch_str_find(VCH_STR("*?$"), s.ptr[at + 2], 0) != SIZE_MAX;
    return escape ? (struct symbol){SYMBOL_CHAR, s.ptr[at + 2]} : (struct symbol){SYMBOL_VALUE, 0};
}

/* False when it is too long to tell. */
static bool read_row(struct vch_str s, bool filter, struct row *ret) {
    ret->count = 0;
    for (size_t i = 0; i < s.len; i++) {
        size_t len = vch_pol_variable_len(s, i);
        bool named = len > 3 && len != SIZE_MAX;
        if (ret->count == ROW_MAX) return false;
        ret->symbol[ret->count++] = named ? variable(s, i, len) : character(s.ptr[i], filter);
        if (named) i += len - 1;
    }
    return true;
}

/* `below` is the line of i + 1, `line` that of i, filled from its end. */
static bool meets(const struct row *a, const struct row *b, size_t i, size_t j, const bool *below, const bool *line) {
    bool has_a = i < a->count;
    bool has_b = j < b->count;
    if (!has_a && !has_b) return true;
    bool run_a = has_a && is_run(a->symbol[i]);
    bool run_b = has_b && is_run(b->symbol[j]);
    if (run_a && (below[j] || (has_b && run_takes(a->symbol[i], b->symbol[j]) && line[j + 1]))) return true;
    if (run_b && (line[j + 1] || (has_a && run_takes(b->symbol[j], a->symbol[i]) && below[j]))) return true;
    if (run_a || run_b || !has_a || !has_b) return false;
    return same_character(a->symbol[i], b->symbol[j]) && below[j + 1];
}

bool vch_lint_overlap(struct vch_str filter, struct vch_str topic) {
    struct row a;
    struct row b;
    bool lines[2][ROW_MAX + 2] = {{false}};
    if (!read_row(filter, true, &a) || !read_row(topic, false, &b)) return true;
    for (size_t i = a.count + 1; i-- > 0;)
        for (size_t j = b.count + 1; j-- > 0;) lines[i % 2][j] = meets(&a, &b, i, j, lines[(i + 1) % 2], lines[i % 2]);
    return lines[0][0];
}
