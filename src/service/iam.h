/* What a user or a role may do on the control plane: all IAM policies that
 * speak for it (own, attached, of its groups), compiled once and kept until one
 * of them changes; for temporary credentials also the session's own policy,
 * which can only take away. Default deny, explicit deny wins. Any thread.
 * Source: IAM user guide, policy evaluation logic within one account.
 */
#ifndef VCH_SERVICE_IAM_H
#define VCH_SERVICE_IAM_H

#include "core/policy.h"
#include "service/call.h"

struct vch_iam;

enum vch_err vch_iam_new(struct vch_service *service, struct vch_iam **ret) VCH_MUST;
void vch_iam_free(struct vch_iam *iam); /* NULL is fine; nobody may be asking */
/* From the store's on_change: what a user or a role may do changed. */
void vch_iam_changed(struct vch_iam *iam, struct vch_str user);
void vch_iam_forget_all(struct vch_iam *iam); /* VCH_CHANGE_ALL */
void vch_iam_role_changed(struct vch_iam *iam, struct vch_str role);

struct vch_iam_ask {
    const struct vch_caller *caller; /* a user or a role */
    struct vch_str action, resource;
    bool secure;
    int64_t now_ms;
    bool without_tags; /* the resource is of a kind that has none: the registry is not read for them */
    const struct vch_val *inputs; /* the operation's, for keys that speak of them; may be NULL */
};
/* DENIED with POLICY_DENIES or POLICY_SILENT in AWS's words. Reads the registry
 * when the caller is not known yet; a policy that does not compile denies all,
 * and so does a caller who is gone. */
enum vch_err vch_iam_check(struct vch_iam *iam, const struct vch_iam_ask *ask, struct vch_diag *diag) VCH_MUST;

/* sts:AssumeRole on the role `ask->resource`: what the caller's policies and
 * the role's trust document say together. DENIED too when there is no such role. */
enum vch_err vch_iam_check_assume(struct vch_iam *iam, const struct vch_iam_ask *ask, struct vch_diag *diag) VCH_MUST;

/* iam:PassRole, when the ARN names a role that is kept here; any other passes. */
enum vch_err vch_iam_check_pass(struct vch_iam *iam, const struct vch_iam_ask *ask, struct vch_str role_arn,
                                struct vch_diag *diag) VCH_MUST;

/* Zero when the registry answers. Blocks. */
enum vch_err vch_service_ready(struct vch_service *service, struct vch_diag *diag) VCH_MUST;

#endif
