/* Everything there is to say of a document before it is stored: whether it
 * would be refused, what its author may not have meant, and how it reads when
 * faults with one obvious remedy are mended. Pure; any thread.
 */
#ifndef VCH_CORE_LINT_REPORT_H
#define VCH_CORE_LINT_REPORT_H

#include "base/val.h"
#include "core/lint.h"

enum vch_lint_kind {
    VCH_LINT_KIND_GUESS, /* a template when it has Resources, else a policy for devices */
    VCH_LINT_KIND_POLICY,
    VCH_LINT_KIND_IAM,
    VCH_LINT_KIND_TEMPLATE
};

/* "policy", "iam", "template"; GUESS for any other word. */
enum vch_lint_kind vch_lint_kind_parse(struct vch_str word);

/* Puts into the map `out`: valid, kind, findings [{rule, field, sentence}], a
 * refusal first, its rule being the stable reason; and, of a policy that would
 * be refused, `mended`: the document with its obvious faults mended, when it
 * has such. `options` counts for templates and may be NULL. Never refuses;
 * NOMEM. Views into `arena` and `text`. */
enum vch_err vch_lint_report(enum vch_lint_kind kind, struct vch_str text,
                             const struct vch_lint_template_options *options, struct vch_arena *arena,
                             struct vch_val *out) VCH_MUST;

#endif
