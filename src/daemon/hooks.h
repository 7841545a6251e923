/* The hooks process: carries out orders (service/hook.h) that come over its
 * socket, many at once, on one thread. It calls HTTPS targets, following no
 * redirect, and starts programs: only regular files below the folders that the
 * configuration lists, owned by root or by who started the server and writable
 * by nobody else; without a shell, an environment of its own, bounded memory,
 * processor time, processes, output and life. What runs too long is killed with
 * all that it made (hooks_tree.c). It is jailed, and started as root it is another user.
 */
#ifndef VCH_DAEMON_HOOKS_H
#define VCH_DAEMON_HOOKS_H

#include "daemon/config.h"

/* The process's main, until the front's end closes. */
enum vch_err vch_hooks_run(int fd, const struct vch_config *config, struct vch_diag *diag) VCH_MUST;

#endif
