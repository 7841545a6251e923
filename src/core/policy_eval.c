#include "core/policy_priv.h"

enum { ACTION_MAX = 128 };

/* Action patterns are compiled in lower case. The request's action is folded
 * once, so that the patterns compare bytes. */
struct action {
    struct vch_str text;
    bool fold; /* too long to have been folded */
    char lower[ACTION_MAX];
};

static void fold_action(struct vch_str text, struct action *ret) {
    ret->text = text;
    ret->fold = text.len > ACTION_MAX;
    if (ret->fold) return;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        ret->lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    ret->text.ptr = ret->lower;
}

static bool any_matches(struct vch_pol_run *run, struct vch_pol_range patterns, struct vch_str text, bool fold) {
    for (uint16_t i = 0; i < patterns.count; i++)
        if (vch_pol_match(run, (uint16_t)(patterns.first + i), text, fold)) return true;
    return false;
}

static bool tests_hold(struct vch_pol_run *run, struct vch_pol_range tests) {
    bool hold = true;
    for (uint16_t i = 0; i < tests.count && (hold || run->trace); i++)
        hold = vch_pol_test(run, run->policy->tests + tests.first + i) && hold;
    return hold;
}

/* A device that calls itself "+" must not turn the Allow of
 * topicfilter/my/${iot:ClientId}/x into a subscription to everybody's: there a
 * value with a wildcard of MQTT matches nothing. A Deny keeps its reach. */
static bool resource_matches(struct vch_pol_run *run, const struct action *action,
                             const struct vch_pol_statement *statement) {
    run->no_mqtt_wildcards =
        !statement->deny && !statement->not_resource && vch_str_eq_c(action->text, "iot:subscribe");
    bool matches = any_matches(run, statement->resources, run->request->resource, false);
    run->no_mqtt_wildcards = false;
    return matches != statement->not_resource;
}

/* Without a trace the first part that fails is the last one looked at. */
static bool applies(struct vch_pol_run *run, const struct action *action, const struct vch_pol_statement *statement,
                    struct vch_policy_step *step) {
    step->action = any_matches(run, statement->actions, action->text, action->fold) != statement->not_action;
    if (!step->action && !run->trace) return false;
    step->resource = resource_matches(run, action, statement);
    if (!step->resource && !run->trace) return false;
    step->condition = tests_hold(run, statement->tests);
    if (run->trace) run->trace->step(run->trace->arg, step);
    return step->action && step->resource && step->condition;
}

/* The first statement that applies decides, until one denies. */
static bool is_settled(const struct vch_policy_decision *decision, bool deny) {
    return decision->verdict == VCH_VERDICT_EXPLICIT_DENY || (decision->verdict == VCH_VERDICT_ALLOW && !deny);
}

static void eval_one(struct vch_pol_run *run, size_t index, const struct action *action,
                     struct vch_policy_decision *decision) {
    const struct vch_policy *policy = run->policy;
    for (size_t i = 0; i < policy->statement_count; i++) {
        const struct vch_pol_statement *statement = &policy->statements[i];
        struct vch_policy_step step = {.policy = policy, .index = index, .statement = i, .deny = statement->deny};
        bool settled = is_settled(decision, statement->deny);
        if (settled && !run->trace) continue;
        if (!applies(run, action, statement, &step) || settled) continue;
        decision->verdict = statement->deny ? VCH_VERDICT_EXPLICIT_DENY : VCH_VERDICT_ALLOW;
        decision->policy = policy;
        decision->statement = i;
    }
}

struct vch_policy_decision vch_policy_eval_traced(const struct vch_policy *const *policies, size_t count,
                                                  const struct vch_policy_request *request,
                                                  const struct vch_policy_trace *trace) {
    struct vch_policy_decision decision = {.verdict = VCH_VERDICT_IMPLICIT_DENY};
    struct action action;
    struct vch_pol_run run; /* the cache itself stays unset until it is known */
    fold_action(request->action, &action);
    run.request = request;
    run.trace = trace;
    run.no_mqtt_wildcards = false;
    for (size_t i = 0; i < count && (trace || decision.verdict != VCH_VERDICT_EXPLICIT_DENY); i++) {
        run.policy = policies[i];
        run.known = 0;
        eval_one(&run, i, &action, &decision);
    }
    return decision;
}

struct vch_policy_decision vch_policy_eval(const struct vch_policy *const *policies, size_t count,
                                           const struct vch_policy_request *request) {
    return vch_policy_eval_traced(policies, count, request, NULL);
}
