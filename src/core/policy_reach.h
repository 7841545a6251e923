/* How far an action reaches: may it be done to every resource of a kind, to
 * some, or to none? For people who choose what to show; what is done is judged
 * by vch_policy_eval. Where a condition or a variable decides, the answer is
 * "some". Pure; any thread.
 */
#ifndef VCH_CORE_POLICY_REACH_H
#define VCH_CORE_POLICY_REACH_H

#include <stdbool.h>

#include "core/policy.h"

enum vch_reach { VCH_REACH_NONE, VCH_REACH_SOME, VCH_REACH_ALL, VCH_REACH_COUNT };
const char *vch_reach_word(enum vch_reach reach); /* "none" "some" "all" */

/* `request->resource` is what all resources of the kind begin with, up to their
 * name ("arn:aws:iot:us-east-1:123456789012:policy/"); names hold no '/' unless
 * `deep`. A resource that is whole ("*") has `whole`. */
struct vch_reach_ask {
    struct vch_str action, prefix;
    bool deep, whole;
};
enum vch_reach vch_policy_reach(const struct vch_policy *const *policies, size_t count, const struct vch_reach_ask *ask);

#endif
