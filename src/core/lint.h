/* What is lawful in a policy and still not what its author meant. Pure; any
 * thread. Findings never stop anything: the policy is stored as it stands.
 *
 *   L1  Subscribe is allowed on topic/ ARNs; only topicfilter/ matches
 *   L2  Publish or Receive is allowed on topicfilter/ ARNs; only topic/ matches
 *   L3  what may be subscribed to may not be received, or the reverse
 *   L4  a claim's policy counts on a thing, and a claim has none
 *   L5  every action on every resource
 *   L6  a placeholder where the region or the account belongs
 *   L7  '+' or '#' in a topic/ ARN: a policy takes them as plain characters
 *   L8  an ARN that lacks a field
 *   L9  a Deny with a variable, which denies nothing while it has no value
 *
 * In a template (vch_lint_template), beside the above for each inline policy:
 *   T1  the device chooses a policy or a group of things, and no hook looks on
 *   T2  the device chooses the name of the thing, also that of another device
 *   T3  a predefined parameter that is not declared
 *   T4  a policy, type or group that does not exist
 *   T5  a parameter that nothing uses
 *   T6  no thing is made
 *   T7  the certificate stays INACTIVE
 *   T8  the certificate gets no policy
 *
 * Mends (vch_lint_mend):
 *   M1  a comma before a closing bracket is dropped
 *   M2  a bare statement is wrapped into a document; Version is added
 *   M3  "iot" is put into an ARN that lacks its service
 *   M4  the placeholder of the account is replaced
 */
#ifndef VCH_CORE_LINT_H
#define VCH_CORE_LINT_H

#include "base/arena.h"
#include "base/buf.h"
#include "core/policy.h"

enum { VCH_LINT_MAX = 32 };

struct vch_lint_finding {
    const char *rule;        /* "L1", "M1"; static */
    struct vch_str field;    /* JSON pointer; empty: the whole document */
    struct vch_str sentence; /* one plain sentence */
};

struct vch_lint {
    struct vch_lint_finding findings[VCH_LINT_MAX];
    size_t count;
    bool more; /* there were more than fit */
};

/* Reads any JSON document; what the grammar refuses is left to
 * vch_policy_parse. POLICY_MALFORMED when it is not JSON. Views into `arena`. */
enum vch_err vch_lint_policy(enum vch_policy_kind kind, struct vch_str document, struct vch_arena *arena,
                             struct vch_lint *ret, struct vch_diag *diag) VCH_MUST;

/* What a template names and a registry may hold. */
enum vch_lint_name { VCH_LINT_POLICY, VCH_LINT_THING_TYPE, VCH_LINT_THING_GROUP, VCH_LINT_BILLING_GROUP };
struct vch_lint_template_options {
    bool hook; /* a pre-provisioning hook looks at every device's parameters */
    bool (*exists)(void *arg, enum vch_lint_name kind, struct vch_str name); /* NULL: nobody to ask, no T4 */
    void *arg;
};
/* Reads what vch_template_check takes; TEMPLATE_INVALID for what is no template
 * at all. `options` may be NULL. Views into `arena`. */
enum vch_err vch_lint_template(struct vch_str body, const struct vch_lint_template_options *options,
                               struct vch_arena *arena, struct vch_lint *ret, struct vch_diag *diag) VCH_MUST;

/* Findings in one line of printable ASCII for the response header x-vouch-lint:
 * a JSON list of {"rule", "field", "sentence"}, fields with their other
 * characters percent-encoded; at most `max` bytes, what does not fit left out.
 * Empty: nothing found. */
void vch_lint_header(const struct vch_lint *lint, size_t max, struct vch_buf *buf);

/* Mends what has one obvious meaning and writes the document anew, as compact
 * JSON, in the order of the original. `account` replaces placeholders; empty
 * leaves them. With nothing to mend `ret->count` is 0. POLICY_MALFORMED when it
 * is still not JSON; whether the result is a policy is for vch_policy_parse. */
enum vch_err vch_lint_mend(struct vch_str text, struct vch_str account, struct vch_arena *arena,
                           struct vch_str *ret_document, struct vch_lint *ret, struct vch_diag *diag) VCH_MUST;

#endif
