/* AWS IoT and IAM policies: one language, one engine.
 *
 * A struct vch_policy is an immutable, reference counted, compiled document;
 * any thread may evaluate it at the same time. Evaluation is pure: values of
 * variables come from the caller through one function. Default deny; an
 * explicit deny wins. A variable without exactly one value matches nothing,
 * and the characters of a value are never wildcards; for iot:Subscribe a value
 * with '+' or '#' makes no Allow match (AWS lets it).
 * Sources: AWS IoT developer guide (policies, policy variables); IAM JSON
 * policy grammar.
 */
#ifndef VCH_CORE_POLICY_H
#define VCH_CORE_POLICY_H

#include "base/arena.h"

struct vch_policy;

enum vch_policy_kind { VCH_POLICY_IOT, VCH_POLICY_IAM };

/* Compiles `document` (JSON text). POLICY_MALFORMED with a JSON pointer in
 * diag->field, POLICY_TOO_LARGE over 2,048 characters that are not white space
 * (IOT; 10,240 for IAM). `name` is kept for explanations. Owner: the caller
 * holds one reference. */
enum vch_err vch_policy_parse(enum vch_policy_kind kind, struct vch_str name, struct vch_str document,
                              struct vch_policy **ret, struct vch_diag *diag) VCH_MUST;
struct vch_policy *vch_policy_ref(struct vch_policy *policy);
void vch_policy_unref(struct vch_policy *policy); /* NULL is fine */
struct vch_str vch_policy_name(const struct vch_policy *policy);

/* Values of one variable or condition key; `count` 0 means undefined. At most
 * VCH_POLICY_VALUES_MAX; views must live until the evaluation returns. */
enum { VCH_POLICY_VALUES_MAX = 50 };
struct vch_policy_values {
    struct vch_str value[VCH_POLICY_VALUES_MAX];
    size_t count;
    bool defined_empty; /* a set that exists and is empty (iot:ConnectAttributes) */
};
/* `name` without "${" and "}", e.g. "iot:Connection.Thing.ThingName"; compared
 * without case by implementers. Fills *ret; leave it zero when undefined. */
typedef void vch_policy_lookup(void *arg, struct vch_str name, struct vch_policy_values *ret);

struct vch_policy_request {
    struct vch_str action;   /* "iot:Publish" */
    struct vch_str resource; /* whole ARN; "*" for calls without a resource */
    vch_policy_lookup *lookup;
    void *lookup_arg;
};

enum vch_verdict { VCH_VERDICT_IMPLICIT_DENY, VCH_VERDICT_ALLOW, VCH_VERDICT_EXPLICIT_DENY };

/* Which statement decided; for logs and explanations. */
struct vch_policy_decision {
    enum vch_verdict verdict;
    const struct vch_policy *policy; /* NULL for implicit deny */
    size_t statement;                /* index in that policy */
};

struct vch_policy_decision vch_policy_eval(const struct vch_policy *const *policies, size_t count,
                                           const struct vch_policy_request *request);

/* What an evaluation looks at, told as it goes: by the evaluation itself, so
 * that the story and the verdict cannot differ. Views live during the call. */
struct vch_policy_step {
    const struct vch_policy *policy;
    size_t index; /* of the policy in the list */
    size_t statement;
    bool deny;
    bool action, resource, condition; /* does each part match? All three: it applies */
};
struct vch_policy_trace {
    void (*step)(void *arg, const struct vch_policy_step *step); /* every statement, in order */
    /* A variable or condition key, each time its value is looked up. */
    void (*value)(void *arg, struct vch_str name, const struct vch_policy_values *values);
    void *arg;
};
/* The same verdict as vch_policy_eval, which is this without a trace: with one,
 * statements that can change nothing any more are looked at too. */
struct vch_policy_decision vch_policy_eval_traced(const struct vch_policy *const *policies, size_t count,
                                                  const struct vch_policy_request *request,
                                                  const struct vch_policy_trace *trace /* NULL: none */);

/* Does the document use a variable or a condition key whose name starts so, in
 * any case? */
bool vch_policy_mentions(const struct vch_policy *policy, struct vch_str prefix);
size_t vch_policy_statement_count(const struct vch_policy *policy);

/* '*' any sequence, '?' one character (a UTF-8 sequence counts as its bytes).
 * Linear in the product at worst; bounded by the callers' limits. */
bool vch_glob_match(struct vch_str pattern, struct vch_str text);

#endif
