/* The HTTP door: requests to operations, signatures to users, refusals to AWS
 * errors. A request hops to a worker once and back once.
 *
 * One door serves all loops. Its options for connections are what
 * vch_http_attach wants; they live as long as the door.
 */
#ifndef VCH_API_HTTP_DOOR_H
#define VCH_API_HTTP_DOOR_H

#include "api/mqtt_door.h"
#include "http/server.h"
#include "net/pool.h"
#include "service/call.h"
#include "shape/op.h"

struct vch_histogram;
struct vch_http_door;
struct vch_events;
struct vch_faults;

struct vch_http_door_options {
    struct vch_service *service; /* outlives the door */
    struct vch_pool *pool;
    struct vch_iam *iam;        /* outlives the door, which then tells it nothing of changes; NULL: one of its own */
    struct vch_mqtt_door *mqtt; /* behind WebSockets and the data plane; outlives the door; NULL: neither is served */
    struct vch_events *events; /* outlive the door; NULL: nobody can listen */
    const char *version; /* shown on the first page and in the API's description */
    struct vch_faults *faults; /* opens /_vouch/test/...: the clock, and these; NULL: neither */
    /* Appends lines of Prometheus' text form; [loop]; may be NULL. */
    void (*metrics)(void *arg, struct vch_buf *out);
    /* The wall clock was moved by delta_ms; on a worker; may be NULL. */
    void (*clock_moved)(void *arg, int64_t delta_ms);
    void *arg;
};
enum vch_err vch_http_door_new(const struct vch_http_door_options *options, struct vch_http_door **ret) VCH_MUST;
void vch_http_door_free(struct vch_http_door *door); /* after loops and pool have ended; NULL is fine */

const struct vch_http_options *vch_http_door_attachment(struct vch_http_door *door);
/* From the store's on_change: VCH_CHANGE_USER. Any thread. */
void vch_http_door_user_changed(struct vch_http_door *door, struct vch_str user);
/* VCH_CHANGE_ROLE. */
void vch_http_door_role_changed(struct vch_http_door *door, struct vch_str role);
/* VCH_CHANGE_PAIRING; NULL: of VCH_CHANGE_ALL. */
void vch_http_door_pairing_changed(struct vch_http_door *door, const struct vch_str *id);
/* VCH_CHANGE_ALL. */
void vch_http_door_all_changed(struct vch_http_door *door);

struct vch_http_door_stats {
    uint64_t requests, refused, failed; /* refused: 4xx; failed: 5xx */
};
/* Of one operation; any thread. */
const struct vch_histogram *vch_http_door_latency(const struct vch_http_door *door, enum vch_op op);
void vch_http_door_stats(struct vch_http_door *door, struct vch_http_door_stats *ret); /* any thread */

#endif
