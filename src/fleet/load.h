/* Load: many connections on a few threads, each with its own epoll.
 *
 * The caller's thread makes everything, starts the threads, leads them through
 * the phases and reads the figures after they ended. Connections, publishers
 * and subscribers belong to one thread; what threads share is atomic.
 */
#ifndef VCH_FLEET_LOAD_H
#define VCH_FLEET_LOAD_H

#include <stdatomic.h>

#include "fleet/causes.h"
#include "fleet/histogram.h"
#include "fleet/options.h"
#include "fleet/proc.h"
#include "net/link.h"

enum vch_load_phase {
    LOAD_OPENING,  /* connections are made, subscriptions too */
    LOAD_RUNNING,  /* messages flow, or connections come and go */
    LOAD_DRAINING, /* nothing new; what is under way arrives */
    LOAD_STOPPED
};

/* What was asked for, with every default filled in. */
struct vch_load_plan {
    enum vch_fleet_mode mode;
    uint8_t level, qos;                            /* 4 or 5; 0 or 1 */
    uint32_t publishers, subscribers, connections; /* connections: of connect and idle, at a time; publish: the sum */
    uint32_t threads, opening_max;                 /* handshakes at a time */
    uint32_t window;                               /* messages of a publisher under way */
    uint32_t payload;
    int64_t rate;      /* messages a second, of all publishers; 0: as fast as possible */
    int64_t count_max; /* connect: how many in all; 0: no bound */
    int64_t run_us;
    bool gather; /* several packets of a publisher in one write */
    bool quiet;  /* no bar */
};

struct vch_load_result {
    int64_t connected, failed; /* connections */
    int64_t wall_us;           /* connect: of all; publish: of the running phase */
    uint64_t sent, acknowledged, received, expected;
    uint64_t lost, acknowledged_lost, duplicates;
    struct vch_histogram connect, latency;
    struct vch_usage before, after; /* of the server */
};

/* False with a diagnosis when it cannot start. `name` is the run's, part of client ids and topics. */
bool vch_load_run(const struct vch_load_plan *plan, const struct vch_link_target *target, const char *name, int64_t pid,
                  struct vch_causes *causes, struct vch_load_result *ret, struct vch_diag *diag);
void vch_load_plan_make(const struct vch_fleet_options *options, struct vch_load_plan *ret);

#endif
