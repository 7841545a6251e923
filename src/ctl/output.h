/* Answers as people and programs read them. Control characters of what the
 * server sent, and signs that are not seen or turn the text beside them, never
 * reach a terminal as such: JSON spells them, other forms show a "?". */
#ifndef VCH_CTL_OUTPUT_H
#define VCH_CTL_OUTPUT_H

#include <stdio.h>

#include "base/buf.h"
#include "base/val.h"

/* JSON with four blanks an indentation, as the AWS CLI prints it, and a line end. */
void vch_ctl_json(const struct vch_val *val, struct vch_buf *buf);

/* A list as aligned columns under a header. `columns`: members of the items,
 * space-separated; "name:time" shows seconds since the epoch as a date. Items
 * that are strings are one column under the first name. */
void vch_ctl_table(const struct vch_val *list, const char *columns, struct vch_buf *buf);

/* "member  value" lines; members of members as "outer.inner". Text of several
 * lines follows its name, unchanged. */
void vch_ctl_lines(const struct vch_val *map, struct vch_buf *buf);

/* A sentence; line ends and tabs stay. */
void vch_ctl_text(struct vch_str text, struct vch_buf *buf);

#endif
