/* What a caller may do, for pages that show only that: every action of the
 * operations, for all resources, some or none, and the templates whose claims
 * it may make. By the caller's compiled policies; what is done is judged when
 * it is done. Worker threads.
 */
#ifndef VCH_SERVICE_RIGHTS_H
#define VCH_SERVICE_RIGHTS_H

#include "service/iam.h"

/* "actions": {"iot:CreatePolicy": "all", …}, "templates": names or ["*"]. */
enum vch_err vch_rights(struct vch_iam *iam, struct vch_call *call) VCH_MUST;

#endif
