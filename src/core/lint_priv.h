#ifndef VCH_CORE_LINT_PRIV_H
#define VCH_CORE_LINT_PRIV_H

#include "base/val.h"
#include "core/lint.h"

/* Adds a finding; memory that is out counts as one that does not fit. */
void vch_lint_add(struct vch_lint *lint, const char *rule, struct vch_str field, const char *sentence);

/* The fields of an ARN pattern; colons inside "${...}" part nothing. */
enum { VCH_LINT_FIELDS = 6 };
struct vch_lint_arn {
    struct vch_str field[VCH_LINT_FIELDS]; /* the last holds the rest */
    size_t count;
};
struct vch_lint_arn vch_lint_arn(struct vch_str s);
/* "arn:aws:us-east-1:account:thing/x": the third field is a region. */
bool vch_lint_lacks_service(const struct vch_lint_arn *arn);
/* Neither 12 digits, nor a wildcard, nor a variable, nor empty. */
bool vch_lint_is_placeholder_account(struct vch_str s);
bool vch_lint_is_placeholder_region(struct vch_str s);

/* Could one topic fall under both patterns? `filter` is an MQTT filter inside
 * a policy pattern, so that '+' and '#' stand for topics too. When in doubt, true. */
bool vch_lint_overlap(struct vch_str filter, struct vch_str topic);

/* L1 to L9 of a decoded document, whose place in a larger one `pointer` is. */
void vch_lint_document(enum vch_policy_kind kind, const struct vch_val *root, const char *pointer,
                       struct vch_arena *arena, struct vch_lint *lint);

enum vch_err vch_lint_decode(struct vch_str text, struct vch_arena *arena, struct vch_val **ret,
                             struct vch_diag *diag) VCH_MUST;

#endif
