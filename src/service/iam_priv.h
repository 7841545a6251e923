/* Between the questions that IAM is asked. */
#ifndef VCH_SERVICE_IAM_PRIV_H
#define VCH_SERVICE_IAM_PRIV_H

#include "core/policy_reach.h"
#include "service/iam.h"

/* The values of condition keys for one question; iam_context.c. */
struct vch_iam_context {
    struct vch_service *service;
    const struct vch_iam_ask *ask;
    struct vch_arena *scratch; /* made when first needed */
    enum vch_err err;          /* a value could not be read: what was evaluated does not count */
    char time[25];
    char epoch[24];
};
void vch_iam_context_init(struct vch_iam_context *context, struct vch_service *service, const struct vch_iam_ask *ask);
void vch_iam_context_deinit(struct vch_iam_context *context);
vch_policy_lookup vch_iam_lookup; /* its argument is the context */

/* What each sort of policy says. */
struct vch_iam_decision {
    enum vch_verdict identity;
    bool has_session;
    enum vch_verdict session;
};
enum vch_err vch_iam_decide(struct vch_iam *iam, const struct vch_iam_ask *ask, struct vch_iam_decision *ret,
                            struct vch_diag *diag) VCH_MUST;
/* The policies of a caller at one moment, kept for questions that may not read
 * the registry. What cannot be compiled, or is gone, denies. */
struct vch_iam_held;
enum vch_err vch_iam_hold(struct vch_iam *iam, const struct vch_caller *caller, struct vch_iam_held **ret,
                          struct vch_diag *diag) VCH_MUST;
void vch_iam_let_go(struct vch_iam *iam, struct vch_iam_held *held); /* NULL is fine */
enum vch_err vch_iam_decide_held(struct vch_iam *iam, const struct vch_iam_held *held, const struct vch_iam_ask *ask,
                                 struct vch_iam_decision *ret, struct vch_diag *diag) VCH_MUST;
/* How far an action reaches by these policies. */
enum vch_reach vch_iam_reach_held(const struct vch_iam_held *held, const struct vch_reach_ask *ask);
struct vch_service *vch_iam_service(const struct vch_iam *iam);

/* DENIED: the usual sentence and `why` behind it. */
enum vch_err vch_iam_refuse(const struct vch_iam_ask *ask, bool is_explicit, const char *why, struct vch_diag *diag) VCH_MUST;
/* The decision as an error. */
enum vch_err vch_iam_tell(const struct vch_iam_decision *decision, const struct vch_iam_ask *ask, struct vch_diag *diag) VCH_MUST;

#endif
