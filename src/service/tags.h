/* Tags given when a resource is made. */
#ifndef VCH_SERVICE_TAGS_H
#define VCH_SERVICE_TAGS_H

#include "service/call.h"

/* The input `tags`, when there is one, as a step of the plan that makes the
 * resource. FIELD_INVALID for a key twice. */
enum vch_err vch_tags_at_creation(struct vch_call *call, struct vch_plan *plan, const char *type, struct vch_str name) VCH_MUST;

#endif
