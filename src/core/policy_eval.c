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
    for (uint16_t i = 0; i < tests.count; i++)
        if (!vch_pol_test(run, run->policy->tests + tests.first + i)) return false;
    return true;
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

static bool applies(struct vch_pol_run *run, const struct action *action, const struct vch_pol_statement *statement) {
    return any_matches(run, statement->actions, action->text, action->fold) != statement->not_action &&
           resource_matches(run, action, statement) && tests_hold(run, statement->tests);
}

/* The first statement that applies, or the first that denies. */
static void eval_one(const struct vch_policy *policy, const struct vch_policy_request *request,
                     const struct action *action, struct vch_policy_decision *decision) {
    struct vch_pol_run run;
    run.policy = policy;
    run.request = request;
    run.no_mqtt_wildcards = false;
    run.known = 0; /* the cache itself stays unset until then */
    for (size_t i = 0; i < policy->statement_count; i++) {
        const struct vch_pol_statement *statement = &policy->statements[i];
        if (!statement->deny && decision->verdict == VCH_VERDICT_ALLOW) continue;
        if (!applies(&run, action, statement)) continue;
        decision->verdict = statement->deny ? VCH_VERDICT_EXPLICIT_DENY : VCH_VERDICT_ALLOW;
        decision->policy = policy;
        decision->statement = i;
        if (statement->deny) return;
    }
}

struct vch_policy_decision vch_policy_eval(const struct vch_policy *const *policies, size_t count,
                                           const struct vch_policy_request *request) {
    struct vch_policy_decision decision = {.verdict = VCH_VERDICT_IMPLICIT_DENY};
    struct action action;
    fold_action(request->action, &action);
    for (size_t i = 0; i < count && decision.verdict != VCH_VERDICT_EXPLICIT_DENY; i++)
        eval_one(policies[i], request, &action, &decision);
    return decision;
}
