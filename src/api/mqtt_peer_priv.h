/* What the MQTT door knows of one session; lives from CONNECT to its end, on
 * the session's loop. */
#ifndef VCH_API_MQTT_PEER_PRIV_H
#define VCH_API_MQTT_PEER_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/faults.h"
#include "api/mqtt_door.h"
#include "api/mqtt_presence.h"
#include "api/quota.h"
#include "base/histogram.h"
#include "net/gate.h"
#include "service/authz.h"
#include "service/iam_principal.h"

enum { VCH_WAITING_MARKS = 1024 };
enum { VCH_PEER_REQUESTS_MAX = 8 }; /* provisioning requests under way per session */
enum { VCH_DOOR_BUCKETS = 256 };

struct vch_mqtt_door {
    struct vch_service *service;
    struct vch_pool *pool;
    enum vch_mqtt_profile profile;
    struct vch_iam *iam;
    struct vch_mqtt_retained *retained;
    struct vch_mqtt_broker *broker;
    struct vch_faults *faults;  /* NULL: none */
    pthread_mutex_t late_lock;  /* over `late`, a list that all loops share; tests alone fill it */
    struct request *late;
    _Atomic bool waiting_marks[VCH_WAITING_MARKS]; /* by a hash of the template's name */
    struct vch_presence *presence;
    struct vch_events *events; /* NULL: nobody is told */
    struct vch_gate *certificates; /* connections of each */
    pthread_mutex_t log_lock;      /* over the three; for a comparison */
    int64_t log_second;
    unsigned log_lines;
    uint64_t log_held_back;
    struct vch_histogram connect_us, provision_us;
    struct vch_quota_bucket connects; /* with --limits aws */
    /* What changed so far, certificates by the first byte of their id: a CONNECT
     * that was read before a change and is answered after it must notice. */
    atomic_uint_fast64_t policies_changed, certificates_changed[VCH_DOOR_BUCKETS];
    atomic_uint_fast64_t connects_refused, handshakes_refused, provisioning_accepted, provisioning_rejected;
};

/* One of three: a claim (`claim`), a device (`authz`), or a user or role of IAM
 * (`principal` and `view`). */
struct vch_peer {
    struct vch_mqtt_door *door;
    struct vch_authz *authz; /* devices */
    struct vch_iam_principal *principal;
    struct vch_iam_view *view;
    struct vch_timer expiry;
    int64_t not_after_ms; /* of the certificate, the credentials or the WebSocket */
    bool claim;
    bool stale;   /* something behind `authz` or `view` changed */
    bool loading; /* a refresh is under way */
    struct vch_quota_bucket publishes; /* with --limits aws */
    bool discard;                      /* the publish that was just taken */
    bool counted; /* in the door's `certificates` */
    uint8_t requests;
    struct vch_presence_mark presence;
    int64_t started_us; /* CONNECT came */
    uint64_t told_key;  /* the last question that was denied, and when it was told of */
    int64_t told_ms;
    const char *told_reason;
    char template_name[40];
    char thing[129]; /* told to be connected under this name; empty: none */
};

static inline struct vch_peer *vch_peer_of(const struct vch_mqtt_session *session) {
    return vch_mqtt_session_user(session);
}

/* May this session's device, user or role do that? Not for claims. `diag` may be NULL. */
enum vch_err vch_peer_check(struct vch_mqtt_session *session, const char *action, const char *type, struct vch_str name,
                            struct vch_diag *diag) VCH_MUST;
/* A question about this session's device; the caller fills action, type, name. */
struct vch_authz_ask vch_peer_ask(struct vch_mqtt_session *session);

/* Grows with every change that may concern this certificate. Any thread. */
uint64_t vch_door_changes(struct vch_mqtt_door *door, const char *certificate_id);

/* ws_peer.c: users and roles of IAM. */
struct vch_iam_principal *vch_conn_principal(const struct vch_conn *conn); /* NULL: none; the connection's */
bool vch_conn_take_principal(struct vch_conn *conn, struct vch_iam_principal *principal); /* refers to it; false: memory */
int64_t vch_iam_not_after(const struct vch_iam_principal *principal, bool websocket, int64_t now_ms);
void vch_iam_explain_end(const struct vch_peer *peer, struct vch_diag *diag); /* why it ends at not_after_ms */
/* What changed may concern this session: it is asked for again, or ends. */
void vch_iam_look_again(struct vch_mqtt_session *session);
enum vch_err vch_iam_each_of(struct vch_mqtt_door *door, bool role, struct vch_str name) VCH_MUST;

/* mqtt_connect.c: from CONNECT to CONNACK, and fresh data for a stale peer. */
void vch_door_connect(void *arg, struct vch_mqtt_session *session, const struct vch_mqtt_connect *packet);
void vch_door_refresh(struct vch_mqtt_session *session);

/* Tells that the connection's thing is there, unless that was told; and that it is gone. [loop] */
void vch_door_seen(struct vch_mqtt_session *session);

/* mqtt_aftermath.c: alarms of a claim; certificates, or a pairing, that waited for this connection. [loop] */
struct vch_aftermath {
    const char *peer_id, *source_ip, *client_id;
    unsigned alarms; /* bits of enum vch_alarm */
    bool claim, awaited;
};
void vch_door_aftermath(struct vch_mqtt_door *door, const struct vch_aftermath *what);

/* mqtt_stranger.c: the refused CONNECT of a certificate that is not registered: it may be brought in. [loop] */
void vch_door_stranger(struct vch_mqtt_door *door, struct vch_mqtt_session *session, const struct vch_diag *diag);

/* mqtt_request.c: a PUBLISH on a provisioning topic becomes an operation. */
void vch_door_drop_late(struct vch_mqtt_door *door); /* after the loops have ended */
void vch_door_taken(void *arg, struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet);

#endif
