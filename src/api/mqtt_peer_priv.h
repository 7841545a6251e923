/* What the MQTT door knows of one session; lives from CONNECT to its end, on
 * the session's loop. */
#ifndef VCH_API_MQTT_PEER_PRIV_H
#define VCH_API_MQTT_PEER_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/faults.h"
#include "api/mqtt_door.h"
#include "service/authz.h"

enum { VCH_PEER_REQUESTS_MAX = 8 }; /* provisioning requests under way per session */
enum { VCH_DOOR_BUCKETS = 256 };

struct vch_mqtt_door {
    struct vch_service *service;
    struct vch_pool *pool;
    struct vch_mqtt_broker *broker;
    /* What changed so far, certificates by the first byte of their id: a CONNECT
     * that was read before a change and is answered after it must notice. */
    struct vch_faults *faults;  /* NULL: none */
    pthread_mutex_t late_lock;  /* over `late`, a list that all loops share; tests alone fill it */
    struct request *late;
    atomic_uint_fast64_t policies_changed, certificates_changed[VCH_DOOR_BUCKETS];
    atomic_uint_fast64_t connects_refused, handshakes_refused, provisioning_accepted, provisioning_rejected;
};

struct vch_peer {
    struct vch_mqtt_door *door;
    struct vch_authz *authz; /* devices; NULL for claims */
    struct vch_timer expiry;
    int64_t not_after_ms;
    bool claim;
    bool stale;   /* something behind `authz` changed */
    bool loading; /* a refresh is under way */
    uint8_t requests;
    char template_name[40];
    char thing[129]; /* told to be connected under this name; empty: none */
};

static inline struct vch_peer *vch_peer_of(const struct vch_mqtt_session *session) {
    return vch_mqtt_session_user(session);
}

/* A question about this session's principal; the caller fills action, type, name. */
struct vch_authz_ask vch_peer_ask(struct vch_mqtt_session *session);

/* Grows with every change that may concern this certificate. Any thread. */
uint64_t vch_door_changes(struct vch_mqtt_door *door, const char *certificate_id);

/* mqtt_connect.c: from CONNECT to CONNACK, and fresh data for a stale peer. */
void vch_door_connect(void *arg, struct vch_mqtt_session *session, const struct vch_mqtt_connect *packet);
void vch_door_refresh(struct vch_mqtt_session *session);

/* Tells that the connection's thing is there, unless that was told; and that it is gone. [loop] */
void vch_door_seen(struct vch_mqtt_session *session);

/* mqtt_request.c: a PUBLISH on a provisioning topic becomes an operation. */
void vch_door_taken(void *arg, struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet);

#endif
void vch_door_drop_late(struct vch_mqtt_door *door); /* after the loops have ended */
