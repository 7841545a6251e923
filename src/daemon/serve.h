/* The start of the server, step by step: lock, sockets, user, certificates,
 * processes, front; and its end. */
#ifndef VCH_DAEMON_SERVE_H
#define VCH_DAEMON_SERVE_H

#include "daemon/config.h"

enum vch_err vch_serve(const struct vch_config *config, int argc, char *const *argv, struct vch_diag *diag) VCH_MUST;

#endif
