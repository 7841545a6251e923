/* Policy documents, and evaluation of what parses. Input: a document, then
 * after 0x01 an action, after another 0x01 a resource, after a third the value
 * of every variable. */
#include <stdint.h>

#include "core/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct vch_str next_part(struct vch_str *rest) {
    struct vch_str part = {"", 0};
    (void)vch_str_split(rest, '\x01', &part);
    return part;
}

static void lookup(void *arg, struct vch_str name, struct vch_policy_values *ret) {
    const struct vch_str *value = arg;
    if (name.len % 5 == 0) return; /* some are undefined, some are lists */
    ret->defined_empty = name.len % 5 == 1;
    ret->count = ret->defined_empty ? 0 : name.len % 5 == 2 ? VCH_POLICY_VALUES_MAX : 1;
    for (size_t i = 0; i < ret->count; i++) ret->value[i] = vch_str_sub(*value, i, SIZE_MAX);
}

static void ignore_step(void *arg, const struct vch_policy_step *step) {
    (void)arg;
    vch_assert(step->statement < vch_policy_statement_count(step->policy));
}

static void ignore_value(void *arg, struct vch_str name, const struct vch_policy_values *values) {
    (void)arg;
    vch_assert(name.len > 0 && values->count <= VCH_POLICY_VALUES_MAX);
}

static void run(enum vch_policy_kind kind, struct vch_str input) {
    struct vch_str rest = input;
    struct vch_str document = next_part(&rest);
    struct vch_str action = next_part(&rest);
    struct vch_str resource = next_part(&rest);
    struct vch_str value = next_part(&rest);
    struct vch_policy *policy = NULL;
    struct vch_diag diag = {0};
    enum vch_err err = vch_policy_parse(kind, VCH_STR("fuzz"), document, &policy, &diag);
    vch_assert((err == VCH_OK) == (policy != NULL));
    vch_assert((err == VCH_OK) == (diag.reason == NULL));
    if (err != VCH_OK) return;
    const struct vch_policy *twice[] = {policy, policy};
    struct vch_policy_request request = {action, resource, lookup, &value};
    struct vch_policy_decision once = vch_policy_eval(twice, 1, &request);
    struct vch_policy_decision both = vch_policy_eval(twice, 2, &request);
    vch_assert(once.verdict == both.verdict && once.policy == both.policy && once.statement == both.statement);
    vch_assert((once.verdict == VCH_VERDICT_IMPLICIT_DENY) == (once.policy == NULL));
    const struct vch_policy_trace trace = {ignore_step, ignore_value, NULL};
    struct vch_policy_decision told = vch_policy_eval_traced(twice, 2, &request, &trace);
    vch_assert(told.verdict == both.verdict && told.policy == both.policy && told.statement == both.statement);
    vch_policy_unref(policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_str input = size ? vch_str_of(data, size) : VCH_STR("");
    run(VCH_POLICY_IOT, input);
    run(VCH_POLICY_IAM, input);
    size_t half = vch_str_find(input, '\x01', 0);
    if (half != SIZE_MAX && size < 4096)
        (void)vch_glob_match(vch_str_sub(input, 0, half), vch_str_sub(input, half + 1, SIZE_MAX));
    return 0;
}
