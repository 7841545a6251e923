/* The MQTT door: connections to principals, topics to operations, refusals to
 * what a client sees. It owns the broker and answers its hooks.
 */
#ifndef VCH_API_MQTT_DOOR_H
#define VCH_API_MQTT_DOOR_H

#include "mqtt/broker.h"
#include "net/pool.h"
#include "service/call.h"
#include "service/iam_principal.h"

struct vch_mqtt_door;
struct vch_faults;

struct vch_mqtt_door_options {
    struct vch_service *service; /* outlives the door */
    struct vch_pool *pool;
    struct vch_faults *faults; /* outlive the door; NULL: none */
    struct vch_iam *iam; /* judges users and roles; outlives the door; NULL: none are served */
    const struct vch_mqtt_keeper *keeper; /* ends after the loops and before the door; NULL: nothing outlives the process */
    struct vch_mqtt_retained *retained;   /* outlives the door; NULL: RETAIN is not kept */
    struct vch_loop *const *loops;
    size_t loop_count;
};
enum vch_err vch_mqtt_door_new(const struct vch_mqtt_door_options *options, struct vch_mqtt_door **ret) VCH_MUST;
void vch_mqtt_door_free(struct vch_mqtt_door *door); /* after loops and pool have ended */

/* For vch_tls_options.verify; the argument is the door. [loop] */
enum vch_err vch_mqtt_door_verify(void *door, const char id[65], struct vch_diag *diag) VCH_MUST;
/* Makes a connection speak MQTT. Its principal is its client certificate; one
 * without TLS must say an access key in CONNECT. [loop] */
enum vch_err vch_mqtt_door_attach(struct vch_mqtt_door *door, struct vch_conn *conn) VCH_MUST;
/* The same for somebody who signed: a certificate counts no more. [loop] */
enum vch_err vch_mqtt_door_attach_as(struct vch_mqtt_door *door, struct vch_conn *conn,
                                     struct vch_iam_principal *principal) VCH_MUST;
/* From the store's on_change; any thread. */
void vch_mqtt_door_changed(struct vch_mqtt_door *door, enum vch_change_kind kind, struct vch_str key);
/* Publishes as the server, for struct vch_service; the argument is the door. Any thread. */
void vch_mqtt_door_announce(void *door, struct vch_str topic, struct vch_str payload);
/* The wall clock was moved: expiries are looked at again. Any thread. */
void vch_mqtt_door_clock_moved(struct vch_mqtt_door *door);

struct vch_mqtt_door_stats {
    struct vch_mqtt_stats broker;
    uint64_t connects_refused, handshakes_refused, provisioning_accepted, provisioning_rejected;
};
void vch_mqtt_door_stats(struct vch_mqtt_door *door, struct vch_mqtt_door_stats *ret); /* any thread */

#endif
