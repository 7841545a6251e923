/* Live events: what changes, told to whoever listens over HTTP
 * (text/event-stream), as it is committed.
 *
 * Nobody listening costs a look at a counter. Otherwise a commit has one job put
 * into the pool at most, which reads the new rows once for all listeners and
 * gives them to their loops; a listener that fell behind reads on by itself, at
 * its own pace. A commit never waits. Who listens is judged again at each
 * heartbeat, and at once when what users may do changes.
 * Source: WHATWG HTML, server-sent events.
 */
#ifndef VCH_API_EVENTS_H
#define VCH_API_EVENTS_H

#include "net/pool.h"
#include "service/events.h"

struct vch_events;
struct vch_iam;

enum { VCH_EVENTS_STREAMS_MAX = 256, VCH_EVENTS_STREAMS_PER_USER = 8, VCH_EVENTS_BEAT_MS = 15000 };

struct vch_events_options {
    struct vch_service *service; /* these outlive it */
    struct vch_pool *pool;
    struct vch_iam *iam;
    int64_t beat_ms; /* 0: VCH_EVENTS_BEAT_MS */
};
enum vch_err vch_events_new(const struct vch_events_options *options, struct vch_events **ret) VCH_MUST;
void vch_events_free(struct vch_events *events); /* after pool, loops and store have ended; NULL is fine */

/* From the store's on_change, behind what is told to vch_iam; any thread. */
void vch_events_changed(struct vch_events *events, enum vch_change_kind kind, struct vch_str key);
/* The wall clock was moved; any thread. */
void vch_events_clock_moved(struct vch_events *events);
/* An MQTT connection of this server came or went; `thing_name` may be empty. Any thread. */
void vch_events_connection(struct vch_events *events, struct vch_str thing_name, struct vch_str client_id, bool connected, int64_t now_ms);

struct vch_events_stats {
    uint64_t streams, told, cut; /* open now; events written; ended because they were not read */
};
void vch_events_stats(struct vch_events *events, struct vch_events_stats *ret); /* any thread */

#endif
