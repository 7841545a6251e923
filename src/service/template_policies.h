/* The policies of an evaluated template: named ones, and ones given by their
 * text, attached to a certificate. Adds writes to a plan. */
#ifndef VCH_SERVICE_TEMPLATE_POLICIES_H
#define VCH_SERVICE_TEMPLATE_POLICIES_H

#include "core/template.h"
#include "service/call.h"

/* `ret_names` (VCH_TEMPLATE_POLICIES_MAX, or NULL) gets the policies' names.
 * The plan is refused with POLICY_MISSING and POLICIES_PER_CERTIFICATE. */
enum vch_err vch_template_policies_plan(struct vch_call *call, const struct vch_template_plan *wanted,
                                        struct vch_str certificate_id, struct vch_plan *plan,
                                        struct vch_str *ret_names) VCH_MUST;

#endif
