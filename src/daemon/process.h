/* The processes beside the front: the signer and the hooks' runner. Each is
 * vouchd started again with --role, holding one end of a socket and nothing
 * else. They end when the front's end closes, whatever becomes of the front. */
#ifndef VCH_DAEMON_PROCESS_H
#define VCH_DAEMON_PROCESS_H

#include <sys/types.h>

#include "daemon/config.h"

struct vch_process {
    const char *role; /* static */
    pid_t pid;        /* 0: none, or seen to have ended */
    int fd;           /* our end, SOCK_SEQPACKET, close-on-exec; -1: given away or closed */
};

/* Before there are threads. IO. */
enum vch_err vch_process_start(const struct vch_config *config, const char *role, struct vch_process *ret,
                               struct vch_diag *diag) VCH_MUST;
/* Closes our end, waits up to `patience_ms`, then kills. True when it ended by
 * itself with 0. Does nothing, and is true, for one that is not there. */
bool vch_process_stop(struct vch_process *process, int64_t patience_ms);
/* True once it has ended; says how in the log. Does not wait. */
bool vch_process_ended(struct vch_process *process);

/* The main of such a process: 0 or 1 for exit. */
int vch_role_run(const struct vch_config *config);

#endif
