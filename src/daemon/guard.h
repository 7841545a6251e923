/* What protects the server as a whole, and what is looked at once a second:
 * bounds on connections, memory's ceiling, the loops' lag, certificates that end
 * soon. Main thread, but for what is atomic. */
#ifndef VCH_DAEMON_GUARD_H
#define VCH_DAEMON_GUARD_H

#include <stdatomic.h>

#include "daemon/config.h"
#include "daemon/listen.h"
#include "net/gate.h"
#include "net/loop.h"
#include "service/call.h"

struct vch_guard {
    struct vch_gate *devices, *callers; /* of the MQTT port and the edge; of the API */
    int statm_fd;
    uint64_t memory_max; /* bytes */
    _Atomic bool memory_short;
    _Atomic int64_t lag_us[VCH_LOOPS_MAX];
    _Atomic int64_t expiring_7, expiring_30;
    int64_t root_ends_ms, server_ends_ms, counted_ms;
};

/* `server_pem`: the server's own certificate, a file. */
enum vch_err vch_guard_open(struct vch_guard *guard, const struct vch_config *config, const struct vch_service *service,
                            const char *server_pem) VCH_MUST;
void vch_guard_close(struct vch_guard *guard); /* after the listeners */
/* Once a second. True: memory is short, and somebody should give some back. */
bool vch_guard_tick(struct vch_guard *guard, struct vch_service *service, struct vch_loop *const *loops, size_t count);
uint64_t vch_guard_resident(const struct vch_guard *guard); /* bytes; any thread */

#endif
