/* Rows of cmd_template.c whose work is elsewhere. */
#ifndef VCH_CTL_CMD_TEMPLATE_H
#define VCH_CTL_CMD_TEMPLATE_H

#include "ctl/run.h"

/* REFUSED when a registration would be. */
enum vch_ctl_exit vch_ctl_template_try(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed);
enum vch_ctl_exit vch_ctl_template_diff(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed);

#endif
