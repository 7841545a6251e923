/* Loops, workers, doors and listeners, put together and taken apart. Main thread,
 * except where the doors call back. */
#ifndef VCH_DAEMON_WIRING_H
#define VCH_DAEMON_WIRING_H

#include "api/http_door.h"
#include "api/mqtt_door.h"
#include "daemon/hooks_client.h"
#include "daemon/keeper.h"
#include "daemon/guard.h"
#include "daemon/hosts.h"
#include "daemon/listen.h"
#include "daemon/site.h"

struct vch_wiring {
    const struct vch_config *config;
    struct vch_site_files *site;
    struct vch_service *service; /* that of `site` */
    size_t loop_count;
    struct vch_loop *loops[VCH_LOOPS_MAX];
    struct vch_pool *pool;
    struct vch_guard guard;
    bool serving; /* the loops run */
    struct vch_iam *iam;
    struct vch_http_door *http;
    struct vch_mqtt_door *mqtt;
    struct vch_events *events;
    struct vch_keeper *keeper;
    struct vch_mqtt_retained *retained;
    struct vch_hooks_client *hooks_client; /* opened before there are threads; closed here */
    struct vch_hooks hooks;
    struct vch_faults *faults; /* NULL: not for tests */
    struct vch_hosts hosts;
    struct vch_tls *tls[VCH_ENTRANCE_COUNT][VCH_LOOPS_MAX];
    struct vch_listener *listeners[VCH_ENTRANCE_COUNT][VCH_LOOPS_MAX];
    _Atomic bool sweep_due; /* the clock was moved */
    _Atomic bool doors_open; /* the store may tell of changes before that */
    _Atomic int64_t signer_cpu_us, signer_issued, signer_refused; /* sampled by the main thread */
};

/* Store, keys, doors, listeners, and at last the loops' threads. Takes the
 * entrances' sockets. On failure what was opened is closed. */
enum vch_err vch_wiring_open(struct vch_wiring *wiring, struct vch_entrances *entrances, struct vch_diag *diag) VCH_MUST;
/* Orderly: nothing new, what is under way in the registry ends, then all is released. */
void vch_wiring_close(struct vch_wiring *wiring);
/* Once a second, from the main thread: bounds, memory, the log's count of what it held back. */
void vch_wiring_tick(struct vch_wiring *wiring);
/* For vch_http_door_options.metrics; the argument is the wiring. */
void vch_wiring_metrics(void *arg, struct vch_buf *out);

#endif
