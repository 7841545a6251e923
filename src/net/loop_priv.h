/* What connections need of their loop. [loop] */
#ifndef VCH_NET_LOOP_PRIV_H
#define VCH_NET_LOOP_PRIV_H

#include "base/buf.h"
#include "net/loop.h"

/* Work for the end of the loop's turn, embedded by its owner; zeroed memory is
 * idle. Runs once per vch_loop_defer, after the events that are ready now. */
struct vch_defer {
    struct vch_defer *next, *prev;
    void (*fn)(struct vch_defer *defer);
};
void vch_loop_defer(struct vch_loop *loop, struct vch_defer *defer); /* a second call changes nothing */
void vch_loop_undefer(struct vch_loop *loop, struct vch_defer *defer);

/* The same for work that costs much, such as a step of a handshake: at each
 * turn's end one is run, and more as long as they fit into VCH_LOOP_COSTLY_US, so
 * that those already here keep their latency when many come at once. */
enum { VCH_LOOP_COSTLY_US = 200 };
void vch_loop_defer_costly(struct vch_loop *loop, struct vch_defer *defer);
void vch_loop_undefer_costly(struct vch_loop *loop, struct vch_defer *defer);
size_t vch_loop_costly_waiting(const struct vch_loop *loop);

/* Counters have one writer, their loop. */
enum vch_loop_count { VCH_LOOP_ACCEPTED, VCH_LOOP_HANDSHAKES, VCH_LOOP_HANDSHAKES_FAILED, VCH_LOOP_ACCEPT_RESTS, VCH_LOOP_COUNTS };
void vch_loop_counted(struct vch_loop *loop, enum vch_loop_count which);

/* Memory for bytes on their way through: VCH_LOOP_SCRATCH of them, one user at a time. */
enum { VCH_LOOP_SCRATCH = 64 * 1024 };
char *vch_loop_scratch(struct vch_loop *loop);

/* Memory for output, which most connections need for less than a turn of the
 * loop: gives `buf`, which has none, a block that is used again and again, if
 * one can be had, and takes it back wiped. What grew meanwhile is freed. */
void vch_loop_lend(struct vch_loop *loop, struct vch_buf *buf);
void vch_loop_give(struct vch_loop *loop, struct vch_buf *buf);

#endif
