/* The listening sockets, opened before privileges are given up: for each
 * address that is on, one socket per event loop (SO_REUSEPORT). */
#ifndef VCH_DAEMON_LISTEN_H
#define VCH_DAEMON_LISTEN_H

#include "base/buf.h"
#include "daemon/config.h"

enum vch_entrance_kind { VCH_ENTRANCE_API, VCH_ENTRANCE_MQTT, VCH_ENTRANCE_EDGE, VCH_ENTRANCE_PLAIN, VCH_ENTRANCE_COUNT };
enum { VCH_LOOPS_MAX = 64 };

struct vch_entrance {
    bool on;
    uint16_t port;
    int fds[VCH_LOOPS_MAX];
};
struct vch_entrances {
    struct vch_entrance list[VCH_ENTRANCE_COUNT];
    size_t loops;
};

/* As many loops as the configuration says, or one per core. */
size_t vch_loop_count(const struct vch_config *config);
enum vch_err vch_entrances_open(const struct vch_config *config, struct vch_entrances *ret, struct vch_diag *diag) VCH_MUST;
/* The sockets that nobody took (fds of -1 are taken). */
void vch_entrances_close(struct vch_entrances *entrances);

/* "ready api=https://localhost:8443 mqtt=localhost:8883", without what is off. */
void vch_entrances_ready_line(const struct vch_entrances *entrances, struct vch_buf *buf);
/* {"api":"https://localhost:8443","mqtt":"localhost:8883"} and a newline. */
void vch_entrances_json(const struct vch_entrances *entrances, struct vch_buf *buf);

#endif
