/* Templates that are planned again and again, decoded once for each worker.
 * What was decoded belongs to the thread and ends with it: no lock, no count of
 * holders. */
#ifndef VCH_SERVICE_TEMPLATE_KEPT_H
#define VCH_SERVICE_TEMPLATE_KEPT_H

#include "core/template.h"

/* vch_template_plan. The plan's views hold until this thread has planned other
 * bodies, VCH_TEMPLATES_KEPT of them: longer than a use case lasts, which plans one. */
enum { VCH_TEMPLATES_KEPT = 4 };
enum vch_err vch_template_plan_kept(enum vch_template_type type, struct vch_str body, const struct vch_val *parameters,
                                    struct vch_str certificate_id, struct vch_arena *arena, struct vch_template_plan *ret,
                                    struct vch_diag *diag) VCH_MUST;

#endif
