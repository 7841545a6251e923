/* What the door does for pairing beyond its rows: the second right that an
 * approval needs, and the row of the ledger for whoever lacks one. */
#include "api/http_job_priv.h"
#include "base/clock.h"

enum vch_err vch_pairing_authorize(struct vch_http_job *job, const struct vch_iam_ask *asked, struct vch_diag *diag) {
    struct vch_str name = vch_val_str_at(asked->inputs, "templateName");
    struct vch_iam_ask ask = *asked;
    if (job->op != VCH_OP_APPROVE_PAIRING || name.len == 0) return VCH_OK; /* the check of the form refuses that */
    ask.action = VCH_STR("iot:CreateProvisioningClaim");
    ask.resource = vch_arn(&job->door->options.service->site, "provisioningtemplate", name, job->arena);
    return ask.resource.ptr ? vch_iam_check(job->door->iam, &ask, diag) : VCH_ERR_NOMEM;
}

void vch_pairing_unauthorized(struct vch_http_job *job, const struct vch_val *gathered, enum vch_err err) {
    bool decides = job->op == VCH_OP_LOOK_UP_PAIRING || job->op == VCH_OP_APPROVE_PAIRING || job->op == VCH_OP_DENY_PAIRING;
    const struct vch_call call = {.service = job->door->options.service,
                                  .arena = job->arena,
                                  .caller = job->caller,
                                  .now_ms = vch_now_ms(),
                                  .in = gathered,
                                  .diag = &job->diag};
    if (decides) vch_pairing_refused(&call, vch_op_row(job->op)->name, err);
}
