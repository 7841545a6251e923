/* The front: all sockets, all threads, no CA key. Main thread. */
#ifndef VCH_DAEMON_FRONT_H
#define VCH_DAEMON_FRONT_H

#include "daemon/config.h"
#include "daemon/listen.h"
#include "daemon/process.h"

struct vch_front_options {
    const struct vch_config *config;
    int argc; /* for SIGHUP: the same command line again, and its file */
    char *const *argv;
    struct vch_entrances *entrances; /* their sockets pass over */
    struct vch_process *signer, *hooks; /* their sockets pass over */
};

/* Opens everything, jails the process, says ready, serves until SIGTERM or
 * SIGINT (then zero) or until a process beside it ends (UNAVAILABLE). */
enum vch_err vch_front_run(const struct vch_front_options *options, struct vch_diag *diag) VCH_MUST;

#endif
