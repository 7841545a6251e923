#include "core/policy.h"

#include <stdlib.h>
#include <string.h>

#include "core/names.h"
#include "core/policy_priv.h"

enum {
    IAM_DOCUMENT_MAX = 10240,      /* characters that are not white space */
    DOCUMENT_BYTES_MAX = 404600,   /* AWS CreatePolicy: the longest policyDocument */
    DECODE_ARENA_BYTES = 8u << 20, /* 48 bytes a value, and the text */
    NAME_MAX_BYTES = 256
};

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Characters, not bytes, that are not white space. */
static size_t dense_length(struct vch_str s) {
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++) count += !is_space(s.ptr[i]) && ((unsigned char)s.ptr[i] & 0xC0) != 0x80;
    return count;
}

static enum vch_err check_size(enum vch_policy_kind kind, struct vch_str document, struct vch_diag *diag) {
    size_t max = kind == VCH_POLICY_IOT ? VCH_POLICY_DOCUMENT_MAX : IAM_DOCUMENT_MAX;
    if (document.len <= DOCUMENT_BYTES_MAX && dense_length(document) <= max) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_TOO_LARGE, POLICY_TOO_LARGE, "",
                      "A policy document has at most %zu characters that are not white space.", max);
}

static enum vch_err decode(struct vch_str document, struct vch_arena *arena, struct vch_val **ret,
                           struct vch_diag *diag) {
    const struct vch_val_limits limits = {.depth = 8, .values = 20000};
    struct vch_diag cause = {0};
    enum vch_err err = vch_json_decode(document, &limits, arena, ret, &cause);
    if (err == VCH_OK) return VCH_OK;
    return VCH_REFUSE(diag, err == VCH_ERR_NOMEM ? err : VCH_ERR_MALFORMED, POLICY_MALFORMED, "", "%s", cause.message);
}

static void build_init(struct vch_pol_build *build, enum vch_policy_kind kind, struct vch_diag *diag) {
    *build = (struct vch_pol_build){.kind = kind, .diag = diag};
    vch_buf_init(&build->statements, VCH_POL_INDEX_MAX * sizeof(struct vch_pol_statement));
    vch_buf_init(&build->tests, VCH_POL_INDEX_MAX * sizeof(struct vch_pol_test));
    vch_buf_init(&build->operands, VCH_POL_INDEX_MAX * sizeof(struct vch_pol_operand));
    vch_buf_init(&build->patterns, VCH_POL_INDEX_MAX * sizeof(struct vch_pol_range));
    vch_buf_init(&build->pieces, VCH_POL_INDEX_MAX * sizeof(struct vch_pol_piece));
    vch_buf_init(&build->names, VCH_POL_INDEX_MAX * sizeof(struct vch_pol_span));
    vch_buf_init(&build->text, VCH_POL_INDEX_MAX);
}

static void build_deinit(struct vch_pol_build *build) {
    vch_buf_deinit(&build->statements);
    vch_buf_deinit(&build->tests);
    vch_buf_deinit(&build->operands);
    vch_buf_deinit(&build->patterns);
    vch_buf_deinit(&build->pieces);
    vch_buf_deinit(&build->names);
    vch_buf_deinit(&build->text);
}

/* Copies a table behind the others and moves on. */
static const void *place(char **free_space, struct vch_str table) {
    void *start = *free_space;
    if (table.len) memcpy(start, table.ptr, table.len);
    *free_space += table.len;
    return start;
}

enum { TABLES = 7 };

static enum vch_err finish_tables(struct vch_pol_build *build, struct vch_str table[TABLES]) {
    VCH_TRY(vch_buf_finish(&build->statements, &table[0]));
    VCH_TRY(vch_buf_finish(&build->tests, &table[1]));
    VCH_TRY(vch_buf_finish(&build->operands, &table[2]));
    VCH_TRY(vch_buf_finish(&build->patterns, &table[3]));
    VCH_TRY(vch_buf_finish(&build->pieces, &table[4]));
    VCH_TRY(vch_buf_finish(&build->names, &table[5]));
    return vch_buf_finish(&build->text, &table[6]);
}

/* All rows are of 16-bit members and the text comes last, so that tables can
 * stand one behind the other without padding. */
_Static_assert(sizeof(struct vch_policy) % sizeof(uint16_t) == 0 && sizeof(struct vch_pol_statement) % 2 == 0 &&
                   sizeof(struct vch_pol_test) % 2 == 0,
               "tables stay aligned");

static enum vch_err freeze(struct vch_pol_build *build, struct vch_pol_span name, struct vch_policy **ret) {
    struct vch_str table[TABLES];
    if (finish_tables(build, table) != VCH_OK)
        return VCH_REFUSE(build->diag, VCH_ERR_TOO_LARGE, POLICY_TOO_LARGE, "", "The policy document is too large.");
    size_t size = sizeof(struct vch_policy);
    for (size_t i = 0; i < TABLES; i++) size += table[i].len;
    struct vch_policy *policy = malloc(size);
    if (!policy) return VCH_REFUSE(build->diag, VCH_ERR_NOMEM, INTERNAL, "", "Out of memory.");
    char *free_space = (char *)(policy + 1);
    atomic_init(&policy->refs, 1);
    policy->statement_count = vch_pol_count(&build->statements, sizeof(struct vch_pol_statement));
    policy->variable_count = vch_pol_count(&build->names, sizeof(struct vch_pol_span));
    policy->name = name;
    policy->statements = place(&free_space, table[0]);
    policy->tests = place(&free_space, table[1]);
    policy->operands = place(&free_space, table[2]);
    policy->patterns = place(&free_space, table[3]);
    policy->pieces = place(&free_space, table[4]);
    policy->variables = place(&free_space, table[5]);
    policy->text = place(&free_space, table[6]);
    *ret = policy;
    return VCH_OK;
}

static enum vch_err compile(enum vch_policy_kind kind, struct vch_str name, const struct vch_val *document,
                            struct vch_policy **ret, struct vch_diag *diag) {
    struct vch_pol_build build;
    build_init(&build, kind, diag);
    struct vch_pol_span span = vch_pol_add_text(&build, vch_str_sub(name, 0, NAME_MAX_BYTES));
    enum vch_err err = vch_pol_document(&build, document);
    if (err == VCH_OK) err = freeze(&build, span, ret);
    build_deinit(&build);
    return err;
}

enum vch_err vch_policy_parse(enum vch_policy_kind kind, struct vch_str name, struct vch_str document,
                              struct vch_policy **ret, struct vch_diag *diag) {
    *ret = NULL;
    VCH_TRY(check_size(kind, document, diag));
    struct vch_arena *arena = vch_arena_new(DECODE_ARENA_BYTES, false);
    if (!arena) return VCH_REFUSE(diag, VCH_ERR_NOMEM, INTERNAL, "", "Out of memory.");
    struct vch_val *val = NULL;
    enum vch_err err = decode(document, arena, &val, diag);
    if (err == VCH_OK) err = compile(kind, name, val, ret, diag);
    vch_arena_free(arena);
    return err;
}

struct vch_policy *vch_policy_ref(struct vch_policy *policy) {
    (void)atomic_fetch_add_explicit(&policy->refs, 1, memory_order_relaxed);
    return policy;
}

void vch_policy_unref(struct vch_policy *policy) {
    if (policy && atomic_fetch_sub_explicit(&policy->refs, 1, memory_order_acq_rel) == 1) free(policy);
}

struct vch_str vch_policy_name(const struct vch_policy *policy) {
    return vch_pol_text(policy, policy->name.at, policy->name.len);
}

bool vch_policy_mentions(const struct vch_policy *policy, struct vch_str prefix) {
    for (uint16_t i = 0; i < policy->variable_count; i++) {
        struct vch_str name = vch_pol_text(policy, policy->variables[i].at, policy->variables[i].len);
        if (vch_str_ieq(vch_str_sub(name, 0, prefix.len), prefix)) return true;
    }
    return false;
}

size_t vch_policy_statement_count(const struct vch_policy *policy) {
    return policy->statement_count;
}
