/* The AWS CLI's files: INI with [default], [NAME], [profile NAME] and
 * [services NAME], whose settings may nest one level by indentation. */
#ifndef VCH_CTL_PROFILE_H
#define VCH_CTL_PROFILE_H

#include "base/str.h"

/* The value of `key` in a section, or of `key` under the line "OUTER =" of it
 * when `outer` is given. Views into `text`; empty when absent. The first wins. */
struct vch_str vch_profile_get(struct vch_str text, const char *section, const char *outer, const char *key);

#endif
