/* Lifecycle events: what happens to connections, published by the server under
 * $aws/events/presence/ and $aws/events/subscriptions/. Nothing is made when
 * nobody could hear it. Client ids with '#' or '+' have no events.
 *
 * It remembers each client id that was connected within the last hour, for the
 * event's versionNumber; past VCH_PRESENCE_MAX of them the ones that are away
 * are forgotten first. Any thread; a lock for a lookup.
 * Source: AWS IoT "Lifecycle events".
 */
#ifndef VCH_API_MQTT_PRESENCE_H
#define VCH_API_MQTT_PRESENCE_H

#include "mqtt/broker.h"

enum { VCH_PRESENCE_MAX = 1 << 20, VCH_PRESENCE_KEPT_MS = 3600 * 1000 };

struct vch_presence;
enum vch_err vch_presence_new(struct vch_mqtt_broker *broker, struct vch_presence **ret) VCH_MUST;
void vch_presence_free(struct vch_presence *p); /* NULL is fine */

/* One connection's, from its acceptance to its end. */
struct vch_presence_mark {
    char session[37]; /* UUID; empty: it never was */
    uint64_t version;
};

/* Who it is about. Views live during the call. */
struct vch_presence_of {
    struct vch_str client_id, principal;
    struct vch_str thing; /* of an exclusive attachment; empty: none */
    const char *ip;
    int64_t now_ms;
};

/* `mark` has the session's UUID; the version is filled in. */
void vch_presence_connected(struct vch_presence *p, const struct vch_presence_of *of, bool claim, struct vch_presence_mark *mark);
/* `reason` is AWS's word, CLIENT_INITIATED_DISCONNECT among them. */
void vch_presence_disconnected(struct vch_presence *p, const struct vch_presence_of *of, const struct vch_presence_mark *mark,
                               const char *reason);
void vch_presence_failed(struct vch_presence *p, const struct vch_presence_of *of);
void vch_presence_subscriptions(struct vch_presence *p, const struct vch_presence_of *of, const struct vch_presence_mark *mark,
                                bool subscribed, const struct vch_str *filters, size_t count);

/* When this client id was connected last, with a claim or not; 0: not within the hour. */
int64_t vch_presence_last(struct vch_presence *p, struct vch_str client_id, bool *ret_claim);
size_t vch_presence_count(struct vch_presence *p);
/* Forgets who is away for an hour, a part at each call: to be called once a second. */
void vch_presence_sweep(struct vch_presence *p, int64_t now_ms);

#endif
