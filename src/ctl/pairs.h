/* "NAME=VALUE" arguments that may be given again and again, as a map. */
#ifndef VCH_CTL_PAIRS_H
#define VCH_CTL_PAIRS_H

#include "ctl/run.h"

/* All values of the argument `name`, put into the map `ret`. USAGE, with a line
 * on ctl->err, for one without '=' and for a name given twice. */
enum vch_ctl_exit vch_ctl_pairs(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, const char *name,
                                struct vch_val *ret);

#endif
