/* The compiled form of a policy: tables of small rows that refer to each other
 * by index, and one pool of text, all in a single block of memory.
 *
 *   statement -> patterns of actions and resources -> pieces -> text
 *             -> tests (operator, key) -> operands -> patterns or literals
 *
 * policy_parse.c reads the grammar and fills a struct vch_pol_build;
 * policy_pattern.c and policy_cond.c compile the leaves; policy.c freezes the
 * tables; policy_eval.c, policy_match.c and policy_test.c evaluate them.
 */
#ifndef VCH_CORE_POLICY_PRIV_H
#define VCH_CORE_POLICY_PRIV_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/val.h"
#include "core/policy.h"
#include "core/reason.h"

/* ---- rows; every index and length fits 16 bits, which the builder checks ---- */

struct vch_pol_span {
    uint16_t at, len; /* in the text pool */
};

enum vch_pol_piece_kind { VCH_PIECE_LITERAL, VCH_PIECE_STAR, VCH_PIECE_QMARK, VCH_PIECE_VARIABLE };
struct vch_pol_piece {
    uint16_t kind;
    uint16_t at; /* text of a literal; index of a variable */
    uint16_t len;
};

struct vch_pol_range {
    uint16_t first, count;
};

struct vch_pol_statement {
    bool deny, not_action, not_resource;
    struct vch_pol_range actions, resources; /* patterns */
    struct vch_pol_range tests;
};

enum vch_pol_family {
    VCH_FAMILY_STRING,
    VCH_FAMILY_ARN,
    VCH_FAMILY_NUMBER,
    VCH_FAMILY_DATE,
    VCH_FAMILY_BOOL,
    VCH_FAMILY_IP,
    VCH_FAMILY_NULL
};
enum vch_pol_relation { VCH_REL_EQ, VCH_REL_LT, VCH_REL_LE, VCH_REL_GT, VCH_REL_GE };
struct vch_pol_operator {
    const char *name;
    enum vch_pol_family family;
    enum vch_pol_relation relation;
    bool negated;
    bool fold; /* case */
    bool glob;
};
enum vch_pol_set { VCH_SET_NONE, VCH_SET_ALL, VCH_SET_ANY };
struct vch_pol_test {
    uint8_t operator; /* index of vch_pol_operators */
    uint8_t set;
    bool if_exists;
    uint16_t key; /* index of a variable */
    struct vch_pol_range operands;
};

/* Of strings: a pattern. Of ARNs: one pattern, or six, a field each. Of the
 * others: a literal in the text pool. */
struct vch_pol_operand {
    uint16_t at, count;
};

struct vch_policy {
    atomic_uint refs;
    uint16_t statement_count;
    uint16_t variable_count;
    struct vch_pol_span name;
    const struct vch_pol_statement *statements;
    const struct vch_pol_test *tests;
    const struct vch_pol_operand *operands;
    const struct vch_pol_range *patterns; /* ranges of pieces */
    const struct vch_pol_piece *pieces;
    const struct vch_pol_span *variables;
    const char *text;
};

static inline struct vch_str vch_pol_text(const struct vch_policy *policy, size_t at, size_t len) {
    return (struct vch_str){policy->text + at, len};
}

/* ---- building ---- */

enum { VCH_POL_INDEX_MAX = 65535, VCH_POL_PATH_SIZE = 96 };

struct vch_pol_build {
    enum vch_policy_kind kind;
    bool variables; /* "${" means something: Version 2012-10-17 */
    struct vch_buf statements, tests, operands, patterns, pieces, names, text;
    char path[VCH_POL_PATH_SIZE]; /* JSON pointer of what is being read */
    size_t path_len;
    struct vch_diag *diag;
};

/* Goes down to a member or an item; the result takes one back up. */
size_t vch_pol_enter(struct vch_pol_build *build, struct vch_str name);
size_t vch_pol_enter_index(struct vch_pol_build *build, size_t index);
void vch_pol_leave(struct vch_pol_build *build, size_t mark);
/* POLICY_MALFORMED at the present path. */
enum vch_err vch_pol_refuse(struct vch_pol_build *build, const char *fmt, ...) VCH_PRINTF(2, 3);

/* Rows so far in a table of rows of `size` bytes. */
uint16_t vch_pol_count(const struct vch_buf *table, size_t size);
/* Adds a row; past 65,535 the table fails, which the freeze reports. */
void vch_pol_add(struct vch_buf *table, const void *row, size_t size);
struct vch_pol_span vch_pol_add_text(struct vch_pol_build *build, struct vch_str s);
uint16_t vch_pol_variable(struct vch_pol_build *build, struct vch_str name);

/* What is special in a text. */
struct vch_pol_syntax {
    bool variables;
    bool wildcards;
    bool lower; /* store letters in lower case */
};
/* One more pattern; its index is the count before. */
enum vch_err vch_pol_pattern(struct vch_pol_build *build, struct vch_str text, struct vch_pol_syntax syntax) VCH_MUST;
/* The length of "${...}" at `at`, with the braces; 0: no variable starts here; SIZE_MAX: it never ends. */
size_t vch_pol_variable_len(struct vch_str text, size_t at);

enum vch_err vch_pol_document(struct vch_pol_build *build, const struct vch_val *val) VCH_MUST;
enum vch_err vch_pol_condition(struct vch_pol_build *build, const struct vch_val *val) VCH_MUST;

/* ---- operators and literals ---- */

extern const struct vch_pol_operator vch_pol_operators[];
/* Takes "ForAllValues:" and "IfExists" off; the index, or -1. */
int vch_pol_operator_find(struct vch_str name, enum vch_pol_set *ret_set, bool *ret_if_exists);

struct vch_pol_net {
    uint8_t bytes[16];
    uint8_t bits; /* length of the prefix */
    bool v4;
};
enum vch_err vch_pol_number(struct vch_str s, double *ret) VCH_MUST;
enum vch_err vch_pol_date(struct vch_str s, int64_t *ret_ms) VCH_MUST; /* ISO 8601, or seconds since the epoch */
enum vch_err vch_pol_bool(struct vch_str s, bool *ret) VCH_MUST;
enum vch_err vch_pol_net(struct vch_str s, struct vch_pol_net *ret) VCH_MUST; /* with or without "/BITS" */
bool vch_pol_net_holds(const struct vch_pol_net *net, const struct vch_pol_net *address);

/* ---- evaluation ---- */

/* Variables are looked up once an evaluation of a policy, the first so many. */
enum { VCH_POL_CACHE = 16 };
struct vch_pol_run {
    const struct vch_policy *policy;
    const struct vch_policy_request *request;
    const struct vch_policy_trace *trace; /* NULL: none */
    bool no_mqtt_wildcards;              /* a value with '+' or '#' matches nothing: see policy_eval.c */
    uint32_t known;                      /* bits of `cache` that are filled */
    struct vch_str cache[VCH_POL_CACHE]; /* .ptr NULL: undefined */
};

/* Does pattern `index` cover the whole of `text`? A variable without exactly
 * one value matches nothing. */
bool vch_pol_match(struct vch_pol_run *run, uint16_t index, struct vch_str text, bool fold);
bool vch_pol_test(struct vch_pol_run *run, const struct vch_pol_test *test);
/* Asks for the values of a variable, and tells the trace. */
void vch_pol_lookup(struct vch_pol_run *run, uint16_t variable, struct vch_policy_values *ret);

#endif
