/* One server a data folder. */
#ifndef VCH_DAEMON_LOCK_H
#define VCH_DAEMON_LOCK_H

#include "base/err.h"

/* Makes the folder (0700) when it is not there and locks it until *ret_fd, which is close-on-exec, is
 * closed or the process ends. STATE when another process holds it for a second on, or when
 * others than its owner may write it; IO. */
enum vch_err vch_data_lock(const char *data_dir, int *ret_fd, struct vch_diag *diag) VCH_MUST;

#endif
