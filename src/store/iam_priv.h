/* What groups, roles and policies of IAM ask of each other. */
#ifndef VCH_STORE_IAM_PRIV_H
#define VCH_STORE_IAM_PRIV_H

#include "store/iam.h"
#include "store/store_priv.h"

/* Zero when there is such a user, group or role; USER_MISSING, USER_GROUP_MISSING, ROLE_MISSING. */
enum vch_err vch_iam_need(struct vch_sql *db, enum vch_iam_kind kind, struct vch_str owner, struct vch_diag *diag) VCH_MUST;
enum vch_err vch_iam_missing(enum vch_iam_kind kind, struct vch_str owner, struct vch_diag *diag) VCH_MUST;
/* Tells of the change of what `owner` may do: of each member, when it is a group. */
enum vch_err vch_iam_owner_changed(struct vch_apply *a, enum vch_iam_kind kind, struct vch_str owner) VCH_MUST;
/* Deletes the policies and attachments of an owner that goes. */
enum vch_err vch_iam_strip(struct vch_apply *a, enum vch_iam_kind kind, struct vch_str owner) VCH_MUST;

#define VCH_KIND(kind) VCH_T(vch_str_from(vch_iam_kind_word(kind)))

#endif
