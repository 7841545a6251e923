/* What connections need of their loop. [loop] */
#ifndef VCH_NET_LOOP_PRIV_H
#define VCH_NET_LOOP_PRIV_H

#include "net/loop.h"

/* Work for the end of the loop's turn, embedded by its owner; zeroed memory is
 * idle. Runs once per vch_loop_defer, after the events that are ready now. */
struct vch_defer {
    struct vch_defer *next, *prev;
    void (*fn)(struct vch_defer *defer);
};
void vch_loop_defer(struct vch_loop *loop, struct vch_defer *defer); /* a second call changes nothing */
void vch_loop_undefer(struct vch_loop *loop, struct vch_defer *defer);

/* Memory for bytes on their way through: VCH_LOOP_SCRATCH of them, one user at a time. */
enum { VCH_LOOP_SCRATCH = 64 * 1024 };
char *vch_loop_scratch(struct vch_loop *loop);

#endif
