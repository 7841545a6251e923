/* What is different between two documents, place by place. Pure. */
#ifndef VCH_CTL_DIFF_H
#define VCH_CTL_DIFF_H

#include "base/val.h"

/* Adds to `list` a map for each place where they differ: "path", a JSON pointer
 * (RFC 6901), "change" ("added", "removed" or "changed"), and of "from" and "to"
 * those that there are. Members of objects are compared without order, items of
 * lists by their place. NOMEM. */
enum vch_err vch_ctl_diff(const struct vch_val *from, const struct vch_val *to, struct vch_arena *arena, struct vch_val *list) VCH_MUST;
/* The same as lines: "+ PATH VALUE", "- PATH VALUE", "~ PATH OLD -> NEW". */
void vch_ctl_diff_lines(const struct vch_val *list, struct vch_buf *buf);

#endif
