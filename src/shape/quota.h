/* How many requests a second AWS grants an account. Pure and static; any
 * thread. Source: AWS IoT's published limits; the numbers are in quota.def. */
#ifndef VCH_SHAPE_QUOTA_H
#define VCH_SHAPE_QUOTA_H

#include "shape/op.h"

/* Of one operation; 0: none is known. `op` is a listed operation. */
unsigned vch_op_quota(enum vch_op op);

/* Operations that register a device certificate share a quota beside their own. */
enum { VCH_QUOTA_CERTIFICATES = 15 };
bool vch_op_registers_certificate(enum vch_op op);

#endif
