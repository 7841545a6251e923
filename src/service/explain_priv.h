/* One question of authorization asked with a trace, and what came of it. */
#ifndef VCH_SERVICE_EXPLAIN_PRIV_H
#define VCH_SERVICE_EXPLAIN_PRIV_H

#include "service/authz_priv.h"

/* A statement that was looked at. */
struct vch_told_step {
    size_t policy, statement; /* policy: index into the record */
    bool deny, action, resource, condition;
};
struct vch_told_value {
    struct vch_str name;
    bool defined;
    struct vch_str text; /* "undefined", the value, or values with ", " between them */
};
enum { VCH_TOLD_VALUES_MAX = 256 };
struct vch_told {
    struct vch_arena *arena; /* everything lives here */
    struct vch_policy_decision decision;
    struct vch_told_step *steps;
    size_t step_count, step_room;
    struct vch_told_value *values; /* each name once */
    size_t value_count;
    enum vch_err err; /* memory */
};

static inline bool vch_told_applies(const struct vch_told_step *step) {
    return step->action && step->resource && step->condition;
}

/* Asks the engine that enforces. NOMEM. */
enum vch_err vch_told_ask(const struct vch_authz_ask *ask, struct vch_arena *arena, struct vch_told *ret) VCH_MUST;
/* ALLOWED, EXPLICIT_DENY, IMPLICIT_DENY */
const char *vch_told_verdict(enum vch_verdict verdict);

/* What would turn the verdict into ALLOWED with the least change; a changed
 * document is offered only when the engine allows the question under it. */
struct vch_suggestion {
    const char *change; /* "none", "narrow-deny", "meet-condition", "define-variable", "change-resource", "add-resource",
                         * "add-action", "add-statement", "attach-policy" */
    struct vch_str sentence;
    const struct vch_rec_policy *policy; /* NULL: none concerned */
    bool has_statement;
    size_t statement;
    struct vch_str document; /* empty: none */
};
enum vch_err vch_suggest(const struct vch_authz_ask *ask, struct vch_str resource, const struct vch_rec_authz *record,
                         const struct vch_told *told, struct vch_suggestion *ret) VCH_MUST;

#endif
