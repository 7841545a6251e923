/* Certificates on the command line, as ARN or by id. */
#ifndef VCH_CTL_TARGET_H
#define VCH_CTL_TARGET_H

#include "ctl/run.h"

/* ARNs pass through; an id of 64 digits is looked up (DescribeCertificate). */
enum vch_ctl_exit vch_ctl_target(struct vch_ctl *ctl, const char *text, struct vch_str *ret);

/* The ARN of a certificate or claim by its id, whether it exists or not. */
enum vch_ctl_exit vch_ctl_certificate_arn(struct vch_ctl *ctl, struct vch_str id, struct vch_str *ret);

/* Runs `op` with the command's inputs and the argument TARGET as input `name`;
 * prints as the row says, all pages of its list. */
enum vch_ctl_exit vch_ctl_call_target(struct vch_ctl *ctl, const struct vch_ctl_parsed *parsed, enum vch_op op,
                                      const char *name);

#endif
