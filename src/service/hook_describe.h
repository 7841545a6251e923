/* What the operations on hooks have in common. Worker threads. */
#ifndef VCH_SERVICE_HOOK_DESCRIBE_H
#define VCH_SERVICE_HOOK_DESCRIBE_H

#include "service/hook.h"

/* "allowed", "reason", "message", "durationMs", "parameterOverrides" of a decision. */
enum vch_err vch_hook_put_decision(struct vch_call *call, struct vch_val *map, const struct vch_hook_decision *decision) VCH_MUST;

#endif
