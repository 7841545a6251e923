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
 * Mends (vch_lint_mend):
 *   M1  a comma before a closing bracket is dropped
 *   M2  a bare statement is wrapped into a document; Version is added
 *   M3  "iot" is put into an ARN that lacks its service
 *   M4  the placeholder of the account is replaced
 */
#ifndef VCH_CORE_LINT_H
#define VCH_CORE_LINT_H

#include "base/arena.h"
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

/* Mends what has one obvious meaning and writes the document anew, as compact
 * JSON, in the order of the original. `account` replaces placeholders; empty
 * leaves them. With nothing to mend `ret->count` is 0. POLICY_MALFORMED when it
 * is still not JSON; whether the result is a policy is for vch_policy_parse. */
enum vch_err vch_lint_mend(struct vch_str text, struct vch_str account, struct vch_arena *arena,
                           struct vch_str *ret_document, struct vch_lint *ret, struct vch_diag *diag) VCH_MUST;

#endif
