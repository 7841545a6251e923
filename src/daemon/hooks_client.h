/* The front's half of the hooks process: orders go out from any worker, answers
 * come in on one thread of its own. What the process does not answer in time is
 * answered here, a moment later.
 */
#ifndef VCH_DAEMON_HOOKS_CLIENT_H
#define VCH_DAEMON_HOOKS_CLIENT_H

#include "service/hook.h"

struct vch_hooks_client;

enum { VCH_HOOKS_WAITING_MAX = 4096 };

/* Waits until the process is ready and starts the thread. Owns fd. UNAVAILABLE, NOMEM. */
enum vch_err vch_hooks_connect(int fd, struct vch_hooks_client **ret) VCH_MUST;
/* Everything that waits is answered as FAILED, on this thread or the other. NULL is fine. */
void vch_hooks_close(struct vch_hooks_client *client);
struct vch_hook_runner vch_hooks_runner(struct vch_hooks_client *client);

#endif
