/* The registry's part for IAM: groups of users, roles, managed policies, and
 * what is attached to whom. Promises of store.h hold.
 *
 * A change of a group or of a managed policy is told as a change of every user
 * and role that it reaches.
 */
#ifndef VCH_STORE_IAM_H
#define VCH_STORE_IAM_H

#include "store/store.h"

enum vch_iam_kind { VCH_IAM_USER, VCH_IAM_GROUP, VCH_IAM_ROLE };
enum {
    VCH_IAM_POLICIES_MAX = 10, /* of each sort (inline, attached) an owner */
    VCH_IAM_GROUPS_PER_USER_MAX = 10
};
/* "user", "group", "role" */
const char *vch_iam_kind_word(enum vch_iam_kind kind);

struct vch_rec_group {
    struct vch_str name;
    int64_t created_ms;
};
struct vch_rec_role {
    struct vch_str name, id; /* "AROA" and 16 characters */
    struct vch_str description, trust; /* trust: a policy document with principals */
    int64_t created_ms, session_max_s;
};
struct vch_rec_managed {
    struct vch_str name, description, document;
    int64_t created_ms, modified_ms;
};
struct vch_list_group { struct vch_rec_group *items; size_t count; bool more; };
struct vch_list_role { struct vch_rec_role *items; size_t count; bool more; };
struct vch_list_managed { struct vch_rec_managed *items; size_t count; bool more; };

/* ---- reads; USER_GROUP_MISSING, ROLE_MISSING, USER_MISSING, POLICY_MISSING ---- */
enum vch_err vch_store_group(struct vch_store *s, struct vch_str name, struct vch_rec_group *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_groups(struct vch_store *s, struct vch_page page, struct vch_list_group *ret, VCH_R) VCH_MUST; /* by name */
enum vch_err vch_store_group_members(struct vch_store *s, struct vch_str group, struct vch_page page, struct vch_list_str *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_groups_of_user(struct vch_store *s, struct vch_str user, struct vch_page page, struct vch_list_str *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_role(struct vch_store *s, struct vch_str name, struct vch_rec_role *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_roles(struct vch_store *s, struct vch_page page, struct vch_list_role *ret, VCH_R) VCH_MUST; /* by name */
enum vch_err vch_store_managed(struct vch_store *s, struct vch_str name, struct vch_rec_managed *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_managed_list(struct vch_store *s, struct vch_page page, struct vch_list_managed *ret, VCH_R) VCH_MUST; /* by name */
enum vch_err vch_store_managed_targets(struct vch_store *s, struct vch_str policy, struct vch_page page, struct vch_list_str *ret, VCH_R) VCH_MUST; /* "user/NAME" */
/* Of a group or role; records whose `name` and `document` are filled. */
enum vch_err vch_store_inline_policies(struct vch_store *s, enum vch_iam_kind kind, struct vch_str owner, struct vch_list_policy *ret, VCH_R) VCH_MUST;
enum vch_err vch_store_iam_attached(struct vch_store *s, enum vch_iam_kind kind, struct vch_str owner, struct vch_list_str *ret, VCH_R) VCH_MUST;
/* Every document that speaks for a user (own, attached, of groups) or a role, in one consistent read. */
enum vch_err vch_store_grants(struct vch_store *s, enum vch_iam_kind kind, struct vch_str owner, struct vch_list_policy *ret, VCH_R) VCH_MUST;

/* ---- plans ---- */
void vch_plan_group_create(struct vch_plan *p, struct vch_str name, int64_t now_ms); /* USER_GROUP_EXISTS */
void vch_plan_group_delete(struct vch_plan *p, struct vch_str name);                 /* with its policies; DELETE_CONFLICT with members */
void vch_plan_group_add(struct vch_plan *p, struct vch_str group, struct vch_str user); /* idempotent; LIMIT */
void vch_plan_group_remove(struct vch_plan *p, struct vch_str group, struct vch_str user); /* idempotent */
void vch_plan_role_create(struct vch_plan *p, const struct vch_rec_role *r); /* ROLE_EXISTS */
void vch_plan_role_update(struct vch_plan *p, const struct vch_rec_role *r); /* description, trust, session_max_s */
void vch_plan_role_delete(struct vch_plan *p, struct vch_str name);          /* with its policies */
void vch_plan_managed_put(struct vch_plan *p, const struct vch_rec_managed *m); /* creates or replaces; modified_ms */
void vch_plan_managed_delete(struct vch_plan *p, struct vch_str name);          /* DELETE_CONFLICT when attached */
/* Of a group or role. LIMIT; POLICY_MISSING */
void vch_plan_inline_put(struct vch_plan *p, enum vch_iam_kind kind, struct vch_str owner, struct vch_str name, struct vch_str document);
void vch_plan_inline_delete(struct vch_plan *p, enum vch_iam_kind kind, struct vch_str owner, struct vch_str name);
/* Idempotent; LIMIT, POLICY_MISSING. */
void vch_plan_iam_attach(struct vch_plan *p, enum vch_iam_kind kind, struct vch_str owner, struct vch_str policy);
void vch_plan_iam_detach(struct vch_plan *p, enum vch_iam_kind kind, struct vch_str owner, struct vch_str policy); /* POLICY_MISSING when it is not attached */

/* Remembers a use, unless one of the last minute is known or the key is gone. Tells no change. */
enum { VCH_KEY_USE_MS = 60000 };
void vch_plan_access_key_used(struct vch_plan *p, struct vch_str key_id, int64_t now_ms);

#endif
