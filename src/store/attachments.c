/* Policies on certificates. */
#include "core/names.h"
#include "store/certificate_priv.h"
#include "store/store_priv.h"

enum vch_err vch_store_attached_policies(struct vch_store *s, struct vch_str certificate_id, struct vch_page page,
                                         struct vch_list_str *ret, VCH_R) {
    const struct vch_owned_page what = {VCH_Q_ATTACHMENTS_OF_CERTIFICATE, VCH_Q_ATTACHMENTS_OF_CERTIFICATE_DESC,
                                        VCH_Q_CERTIFICATE_EXISTS, certificate_id, page};
    bool there = false;
    VCH_TRY(vch_read_owned(s, &what, ret, &there, arena, diag));
    return there ? VCH_OK : vch_certificate_missing(certificate_id, diag);
}

static enum vch_err need_policy(struct vch_apply *a, const struct vch_step *step) {
    bool found = false;
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_POLICY_EXISTS, VCH_ARGS(VCH_T(step->name)), &found, a->diag));
    if (found) return VCH_OK;
    return VCH_REFUSE(a->diag, VCH_ERR_NOT_FOUND, POLICY_MISSING, "policyName", "There is no policy %.*s.",
                      VCH_STR_ARG(step->name));
}

/* The insert did nothing: already so, or one of three refusals. */
static enum vch_err explain_attach(struct vch_apply *a, const struct vch_step *step) {
    bool found = false;
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_ATTACHMENT_EXISTS, VCH_ARGS(VCH_T(step->name), VCH_T(step->other)), &found,
                           a->diag));
    if (found) return VCH_OK;
    VCH_TRY(need_policy(a, step));
    VCH_TRY(vch_sql_exists(a->db, VCH_Q_CERTIFICATE_EXISTS, VCH_ARGS(VCH_T(step->other)), &found, a->diag));
    if (!found) return vch_certificate_missing(step->other, a->diag);
    return VCH_REFUSE(a->diag, VCH_ERR_LIMIT, POLICIES_PER_CERTIFICATE, "target",
                      "The certificate has the greatest number of policies already (%d).",
                      VCH_POLICIES_PER_CERTIFICATE_MAX);
}

static enum vch_err attach(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_ATTACHMENT_INSERT,
                        VCH_ARGS(VCH_T(step->name), VCH_T(step->other), VCH_I(VCH_POLICIES_PER_CERTIFICATE_MAX)),
                        &changes, a->diag));
    if (changes == 0) return explain_attach(a, step);
    return vch_apply_changed(a, VCH_CHANGE_CERTIFICATE, step->other);
}

void vch_plan_policy_attach(struct vch_plan *p, struct vch_str name, struct vch_str certificate_id) {
    VCH_STEP(p, attach, .name = name, .other = certificate_id);
}

static enum vch_err detach(struct vch_apply *a, const struct vch_step *step) {
    int64_t changes = 0;
    VCH_TRY(vch_sql_run(a->db, VCH_Q_ATTACHMENT_DELETE, VCH_ARGS(VCH_T(step->name), VCH_T(step->other)), &changes,
                        a->diag));
    if (changes == 0) return need_policy(a, step);
    return vch_apply_changed(a, VCH_CHANGE_CERTIFICATE, step->other);
}

void vch_plan_policy_detach(struct vch_plan *p, struct vch_str name, struct vch_str certificate_id) {
    VCH_STEP(p, detach, .name = name, .other = certificate_id);
}
