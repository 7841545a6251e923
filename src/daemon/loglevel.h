/* The row log-level, applied to this process's log. Any thread. */
#ifndef VCH_DAEMON_LOGLEVEL_H
#define VCH_DAEMON_LOGLEVEL_H

#include "daemon/config.h"

void vch_apply_log_level(const struct vch_config *config);

#endif
