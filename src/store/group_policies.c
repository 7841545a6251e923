/* Policies on thing groups. Source: AWS AttachPolicy with a group as target; two
 * policies a group. A connection may be under any group of a hierarchy, so a
 * change is told as one of the policy, which every connection looks at. */
#include "core/names.h"
#include "store/groups_priv.h"

static enum vch_err policy_missing(struct vch_str name, struct vch_diag *diag) {
    return VCH_REFUSE(diag, VCH_ERR_NOT_FOUND, POLICY_MISSING, "policyName", "There is no policy %.*s.",
                      VCH_STR_ARG(name));
}

enum vch_err vch_store_group_policies(struct vch_store *s, struct vch_str name, bool recursive, struct vch_page page,
                                      struct vch_list_str *ret, VCH_R) {
    const enum vch_query query = recursive ? VCH_Q_POLICIES_OF_GROUP_RECURSIVE : VCH_Q_POLICIES_OF_GROUP;
    const struct vch_owned_page what = {query, query, VCH_Q_GROUP_EXISTS, name, page};
    bool there = false;
    VCH_TRY(vch_read_owned(s, &what, ret, &there, arena, diag));
    return there ? VCH_OK : vch_group_missing(name, diag);
}

enum vch_err vch_store_policy_groups(struct vch_store *s, struct vch_str policy, struct vch_page page,
                                     struct vch_list_str *ret, VCH_R) {
    const struct vch_owned_page what = {VCH_Q_GROUPS_OF_POLICY, VCH_Q_GROUPS_OF_POLICY, VCH_Q_POLICY_EXISTS, policy,
                                        page};
    bool there = false;
    VCH_TRY(vch_read_owned(s, &what, ret, &there, arena, diag));
    return there ? VCH_OK : policy_missing(policy, diag);
}

/* Both ends of an attachment. */
struct ends {
    int64_t policy;
    struct vch_group_state group;
};

static enum vch_err find_ends(struct vch_apply *a, const struct vch_step *step, struct ends *ret) {
    bool found = false;
    VCH_TRY(vch_seq_of(a, VCH_Q_POLICY_SEQ, step->name, &found, &ret->policy));
    if (!found) return policy_missing(step->name, a->diag);
    return vch_group_state_of(a, step->other, &ret->group);
}

static enum vch_err attach(struct vch_apply *a, const struct vch_step *step) {
    struct ends ends;
    bool there = false;
    int64_t count = 0;
    VCH_TRY(find_ends(a, step, &ends));
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_GROUP_POLICY_EXISTS, VCH_ARGS(VCH_I(ends.group.seq), VCH_I(ends.policy)), &there,
                           a->diag));
    if (there) return VCH_OK;
    VCH_TRY(vch_sql_number(a->db, VCH_Q_GROUP_POLICY_COUNT, VCH_ARGS(VCH_I(ends.group.seq)), &there, &count, a->diag));
    if (count >= VCH_POLICIES_PER_GROUP_MAX)
        return VCH_REFUSE(a->diag, VCH_ERR_LIMIT, POLICIES_PER_GROUP, "target",
                          "The thing group has the greatest number of policies already (%d).",
                          VCH_POLICIES_PER_GROUP_MAX);
    VCH_TRY(vch_sql_run(a->db, VCH_Q_GROUP_POLICY_INSERT, VCH_ARGS(VCH_I(ends.group.seq), VCH_I(ends.policy)), NULL,
                        a->diag));
    return vch_apply_changed(a, VCH_CHANGE_POLICY, step->name);
}

void vch_plan_group_policy_attach(struct vch_plan *p, struct vch_str policy, struct vch_str group) {
    VCH_STEP(p, attach, .name = policy, .other = group);
}

static enum vch_err detach(struct vch_apply *a, const struct vch_step *step) {
    struct ends ends;
    int64_t changes = 0;
    VCH_TRY(find_ends(a, step, &ends));
    VCH_TRY(vch_sql_run(a->db, VCH_Q_GROUP_POLICY_DELETE, VCH_ARGS(VCH_I(ends.group.seq), VCH_I(ends.policy)), &changes,
                        a->diag));
    return changes ? vch_apply_changed(a, VCH_CHANGE_POLICY, step->name) : VCH_OK;
}

void vch_plan_group_policy_detach(struct vch_plan *p, struct vch_str policy, struct vch_str group) {
    VCH_STEP(p, detach, .name = policy, .other = group);
}
