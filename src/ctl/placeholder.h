/* Example documents name the account "account"; this puts the number there. */
#ifndef VCH_CTL_PLACEHOLDER_H
#define VCH_CTL_PLACEHOLDER_H

#include "base/buf.h"

/* Appends `document` with `account` in place of the word "account" wherever
 * that is the account field of an ARN; every other byte as it is. */
void vch_ctl_substitute(struct vch_str document, struct vch_str account, struct vch_buf *buf);

#endif
