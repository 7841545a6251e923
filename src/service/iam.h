/* What a user may do on the control plane: the user's own IAM policies,
 * compiled once and kept until the user changes. Any thread.
 */
#ifndef VCH_SERVICE_IAM_H
#define VCH_SERVICE_IAM_H

#include "service/call.h"

struct vch_iam;

enum vch_err vch_iam_new(struct vch_service *service, struct vch_iam **ret) VCH_MUST;
void vch_iam_free(struct vch_iam *iam); /* NULL is fine; nobody may be asking */
/* From the store's on_change: keys or policies of a user changed. */
void vch_iam_changed(struct vch_iam *iam, struct vch_str user);

struct vch_iam_ask {
    const struct vch_caller *caller; /* a user */
    struct vch_str action, resource;
    bool secure;
    int64_t now_ms;
};
/* DENIED with POLICY_DENIES or POLICY_SILENT in AWS's words. Reads the registry
 * when the user is not known yet; a policy that does not compile denies all,
 * and so does a user who is gone. */
enum vch_err vch_iam_check(struct vch_iam *iam, const struct vch_iam_ask *ask, struct vch_diag *diag) VCH_MUST;

/* Zero when the registry answers. Blocks. */
enum vch_err vch_service_ready(struct vch_service *service, struct vch_diag *diag) VCH_MUST;

#endif
