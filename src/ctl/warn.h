/* What the server warns of, told to people. */
#ifndef VCH_CTL_WARN_H
#define VCH_CTL_WARN_H

#include "ctl/call.h"

/* The warnings of the last answer, a line each on ctl->err; the command goes well
 * all the same. */
void vch_ctl_warn(struct vch_ctl *ctl);

#endif
