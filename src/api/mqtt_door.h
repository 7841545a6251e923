/* The MQTT door: connections to principals, topics to operations, refusals to
 * what a client sees. It owns the broker and answers its hooks.
 */
#ifndef VCH_API_MQTT_DOOR_H
#define VCH_API_MQTT_DOOR_H

#include "base/histogram.h"
#include "mqtt/broker.h"
#include "net/pool.h"
#include "service/call.h"
#include "service/iam_principal.h"

struct vch_mqtt_door;
struct vch_events;
struct vch_faults;

struct vch_mqtt_door_options {
    struct vch_service *service; /* outlives the door */
    struct vch_pool *pool;
    enum vch_mqtt_profile profile;
    struct vch_faults *faults; /* outlive the door; NULL: none */
    struct vch_events *events; /* are told of connections; outlive the door; NULL: nobody is */
    struct vch_iam *iam; /* judges users and roles; outlives the door; NULL: none are served */
    const struct vch_mqtt_keeper *keeper; /* ends after the loops and before the door; NULL: nothing outlives the process */
    struct vch_mqtt_retained *retained;   /* outlives the door; NULL: RETAIN is not kept */
    struct vch_loop *const *loops;
    size_t connections_per_certificate; /* and sessions that outlive them; 0: no bound */
    bool explain;                       /* refusals say why, to MQTT 5 */
    size_t loop_count;
};
enum vch_err vch_mqtt_door_new(const struct vch_mqtt_door_options *options, struct vch_mqtt_door **ret) VCH_MUST;
/* Takes back what the keeper has; once, before the loops run. */
enum vch_err vch_mqtt_door_restore(struct vch_mqtt_door *door, struct vch_diag *diag) VCH_MUST;
void vch_mqtt_door_free(struct vch_mqtt_door *door); /* after loops and pool have ended */

/* For vch_tls_options.verify; the argument is the door. [loop] */
enum vch_err vch_mqtt_door_verify(void *door, const char id[65], struct vch_diag *diag) VCH_MUST;
/* For vch_tls_options.stranger: a registered authority brings it in; its CONNECT is refused, and it is registered. [loop] */
bool vch_mqtt_door_welcome(void *door, struct vch_str der);
/* Makes a connection speak MQTT. Its principal is its client certificate; one
 * without TLS must say an access key in CONNECT. [loop] */
enum vch_err vch_mqtt_door_attach(struct vch_mqtt_door *door, struct vch_conn *conn) VCH_MUST;
/* The same for somebody who signed: a certificate counts no more. [loop] */
enum vch_err vch_mqtt_door_attach_as(struct vch_mqtt_door *door, struct vch_conn *conn,
                                     struct vch_iam_principal *principal) VCH_MUST;
/* For the data plane. Any thread. */
struct vch_mqtt_broker *vch_mqtt_door_broker(struct vch_mqtt_door *door);
struct vch_mqtt_retained *vch_mqtt_door_retained(struct vch_mqtt_door *door); /* NULL: none are kept */
/* From the store's on_change; any thread. */
void vch_mqtt_door_changed(struct vch_mqtt_door *door, enum vch_change_kind kind, struct vch_str key);
/* Publishes as the server, for struct vch_service; the argument is the door. Any thread. */
void vch_mqtt_door_announce(void *door, struct vch_str topic, struct vch_str payload);
/* The wall clock was moved: expiries are looked at again. Any thread. */
void vch_mqtt_door_clock_moved(struct vch_mqtt_door *door);

/* Once a second: the log's count of what it held back; what is too old is forgotten. Any one thread. */
void vch_mqtt_door_tick(struct vch_mqtt_door *door);
/* Ends every connection in good order, which takes at most `wait_ms`. Any thread but the loops'. */
void vch_mqtt_door_drain(struct vch_mqtt_door *door, int64_t wait_ms);
/* While memory is short: connections with much output waiting are cut, long queues of absent clients are cut down. Any thread. */
void vch_mqtt_door_relieve(struct vch_mqtt_door *door);
/* The edge: a connection was refused before it spoke MQTT. [loop] */
void vch_mqtt_door_tell_refused(struct vch_mqtt_door *door, struct vch_conn *conn, const struct vch_diag *diag);
void vch_mqtt_door_tell_turned_away(struct vch_mqtt_door *door, const char *ip, enum vch_gate_verdict verdict);

struct vch_mqtt_door_stats {
    struct vch_mqtt_stats broker;
    const struct vch_histogram *connect_us, *provision_us; /* the door's */
    struct vch_histogram durable_us;                       /* until a promised answer was durable */
    uint64_t clients_known;                                /* of lifecycle events */
    uint64_t connects_refused, handshakes_refused, provisioning_accepted, provisioning_rejected;
};
void vch_mqtt_door_stats(struct vch_mqtt_door *door, struct vch_mqtt_door_stats *ret); /* any thread */

#endif
