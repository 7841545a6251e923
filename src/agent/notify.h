/* Words to the service manager over NOTIFY_SOCKET, as sd_notify(3) says them.
 * Without that variable every call does nothing. One thread; the socket is the
 * process's own until vch_notify_close. */
#ifndef VCH_AGENT_NOTIFY_H
#define VCH_AGENT_NOTIFY_H

#include <stdint.h>

#include "base/err.h"

struct vch_notify {
    int fd;              /* -1: nobody to tell */
    int64_t watchdog_ms; /* how often to say that we live; 0: not asked for */
    int64_t due_ms;      /* monotonic */
};

/* Reads NOTIFY_SOCKET and WATCHDOG_USEC (when WATCHDOG_PID is ours or absent),
 * and takes them out of the environment. */
void vch_notify_open(struct vch_notify *notify);
void vch_notify_close(struct vch_notify *notify);

/* "READY=1" and the like; `status` may be NULL, control characters become spaces. */
void vch_notify_say(const struct vch_notify *notify, const char *state, const char *status);
/* WATCHDOG=1 when it is due; returns the milliseconds until the next, INT64_MAX without a watchdog. */
int64_t vch_notify_turn(struct vch_notify *notify, int64_t mono_ms);

#endif
