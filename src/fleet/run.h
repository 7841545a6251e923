/* The modes. Each fills its result; false with a diagnosis when it cannot start. */
#ifndef VCH_FLEET_RUN_H
#define VCH_FLEET_RUN_H

#include <stdatomic.h>

#include "fleet/load.h"
#include "fleet/summary.h"

struct vch_fleet_run {
    const struct vch_fleet_options *options;
    const struct vch_fleet_site *site;
    const char *template_name;
    char name[24]; /* of this run, part of every thing's name */
    struct vch_causes *causes;
    _Atomic int64_t next, done, failed;
    int64_t start_us, stop_us; /* monotonic; stop 0: none */
};

bool vch_run_provision(struct vch_fleet_run *run, struct vch_fleet_summary *summary, struct vch_diag *diag);
/* connect, publish, fan, idle: provisions one device, unless the site has an
 * identity already, and sends its certificate under many client ids. */
bool vch_run_load(struct vch_fleet_run *run, const struct vch_load_plan *plan, struct vch_load_result *ret,
                  struct vch_diag *diag);

/* Runs `worker` on each of `count` threads with its own argument of `size`
 * bytes, drawing the bar on a terminal meanwhile. */
bool vch_run_threads(struct vch_fleet_run *run, int64_t count, void *(*worker)(void *arg), void *args, size_t size);

#endif
