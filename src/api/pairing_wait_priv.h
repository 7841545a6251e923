/* Polls of a pairing that wait for news. A waiting one keeps its memory and a
 * timer, no worker. Of each pairing the newest poll waits alone: one that came
 * before is answered. */
#ifndef VCH_API_PAIRING_WAIT_PRIV_H
#define VCH_API_PAIRING_WAIT_PRIV_H

#include "net/loop.h"
#include "net/pool.h"
#include "service/pairing.h"

struct vch_pairing_waits;

enum vch_err vch_pairing_waits_new(struct vch_pool *pool, struct vch_pairing_waits **ret) VCH_MUST;
/* After loops and pool have ended: calls `ended` of those that still wait. NULL is fine. */
void vch_pairing_waits_free(struct vch_pairing_waits *waits);
/* From the store's on_change; NULL: anything may have changed. Any thread; must not block. */
void vch_pairing_waits_changed(struct vch_pairing_waits *waits, const struct vch_str *id);
size_t vch_pairing_waits_count(struct vch_pairing_waits *waits);

/* How much has changed so far: to be asked before the registry is read. Any thread. */
uint64_t vch_pairing_waits_mark(struct vch_pairing_waits *waits);

/* Part of a request; zeroed memory is none. */
struct vch_pairing_wait {
    struct vch_pairing_turn turn;
    uint64_t mark;
    struct vch_pairing_waits *waits;
    struct vch_loop *loop;
    void (*resume)(void *arg); /* on a worker */
    void (*lost)(void *arg);   /* instead, where no worker takes it; any thread, must not block */
    void (*ended)(void *arg);  /* instead, when the loops have ended; the thread that frees the table */
    void *arg;
    struct vch_timer timer;
    bool in_table; /* under the table's lock */
    enum { VCH_PAIRING_WOKEN_BY_NEWS, VCH_PAIRING_WOKEN_TO_ANSWER } woken;
};

/* After a use case gave WAITING with turn.waiting. False: something changed
 * meanwhile, or no memory: run it again. True: the request is somebody else's
 * from here on. [worker] */
bool vch_pairing_wait_begin(struct vch_pairing_wait *wait);

#endif
