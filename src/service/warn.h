/* What an accepted document is warned of. Nothing is refused for it: a use case
 * leaves its findings in call->lint, when there is one, for the door to tell. */
#ifndef VCH_SERVICE_WARN_H
#define VCH_SERVICE_WARN_H

#include "core/lint.h"
#include "service/call.h"

void vch_warn_policy(struct vch_call *call, struct vch_str document);
/* `hook`: a pre-provisioning hook sees the parameters. Asks the registry for what the body names. */
void vch_warn_template(struct vch_call *call, struct vch_str body, bool hook);
/* For vch_lint_template_options; `arg` is the call. */
bool vch_warn_exists(void *arg, enum vch_lint_name kind, struct vch_str name);

#endif
