/* The thing of an evaluated template: what is to be created, changed or left,
 * by the rules of OverrideSettings. Adds guards and writes to a plan. */
#ifndef VCH_SERVICE_TEMPLATE_THINGS_H
#define VCH_SERVICE_TEMPLATE_THINGS_H

#include "core/template.h"
#include "service/call.h"

/* THING_CONFLICT when what exists differs and the template does not say what to
 * do; PARAMETER_INVALID for too many attributes. The plan's guards refuse types,
 * groups and billing groups that are not there, deprecated types, and groups
 * that the thing may not join. */
enum vch_err vch_template_things_plan(struct vch_call *call, const struct vch_template_plan *wanted,
                                      struct vch_str certificate_id, struct vch_plan *plan) VCH_MUST;

#endif
