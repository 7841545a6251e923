/* A document looked at, for its author; nothing is stored. Our own operation. */
#include "core/lint_report.h"
#include "service/warn.h"

enum vch_err vch_uc_lint_document(struct vch_call *call) {
    const struct vch_lint_template_options options = {
        .hook = vch_val_bool_at(call->in, "hook", false), .exists = vch_warn_exists, .arg = call};
    return vch_lint_report(vch_lint_kind_parse(vch_val_str_at(call->in, "kind")), vch_val_str_at(call->in, "document"),
                           &options, call->arena, call->out);
}
