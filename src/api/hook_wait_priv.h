/* A request that waits for a hook's answer. It keeps its memory and nothing
 * else: no worker, no loop, no place in the pool's queue. */
#ifndef VCH_API_HOOK_WAIT_PRIV_H
#define VCH_API_HOOK_WAIT_PRIV_H

#include "net/pool.h"
#include "service/hook.h"

struct vch_hook_wait {
    struct vch_hook_turn turn;
    struct vch_hooks *hooks;
    struct vch_pool *pool;
    void (*resume)(void *arg); /* on a worker, with the answer in the turn */
    void (*lost)(void *arg);   /* instead, where no worker takes it; on any thread, must not block */
    void *arg;
};

/* After a use case gave WAITING. False: it was not taken; the turn has an
 * answer that says so, and the caller runs the use case again itself. True:
 * the request is somebody else's from here on. [worker] */
bool vch_hook_wait_begin(struct vch_hook_wait *wait);

#endif
