/* The MQTT server: sessions on connections, subscriptions, delivery between
 * loops, take-over. It asks hooks and knows no topic by name.
 *
 * One broker per process; one struct vch_mqtt_loop per event loop. A session
 * belongs to its connection's loop. Its struct vch_mqtt_ref may be kept and
 * passed anywhere; what is done through it on a dead session is a no-op.
 * Hooks are called on the session's loop and must not block; CONNECT alone is
 * answered later.
 * Source: MQTT 3.1.1 (OASIS); AWS IoT's differences as docs/compatibility.md lists.
 */
#ifndef VCH_MQTT_BROKER_H
#define VCH_MQTT_BROKER_H

#include "net/conn.h"
#include "wire/mqtt.h"

struct vch_mqtt_broker;
struct vch_mqtt_loop;
struct vch_mqtt_session;

struct vch_mqtt_ref {
    struct vch_loop *loop;
    uint64_t id; /* never reused in a process; 0: nobody */
};

enum vch_mqtt_verdict {
    VCH_MQTT_ALLOW,
    VCH_MQTT_DENY, /* 3.1.1: CONNECT gets CONNACK 5 and a close, PUBLISH a close without PUBACK, SUBSCRIBE a SUBACK
                      with 0x80 and then a close; a delivery is skipped silently */
    VCH_MQTT_TAKE, /* PUBLISH only: the hook keeps it; PUBACK is sent (QoS 1), nobody else sees it */
    VCH_MQTT_WAIT  /* the hook needs fresh data: the session pauses and the packet is asked again after
                      vch_mqtt_recheck; for deliveries the message waits (bounded) */
};

struct vch_mqtt_hooks {
    /* A CONNECT of level 4 with a valid form. Answer now or later, once, with
     * vch_mqtt_connect_done from the session's loop. */
    void (*connect)(void *arg, struct vch_mqtt_session *session, const struct vch_mqtt_connect *packet);
    enum vch_mqtt_verdict (*publish)(void *arg, struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet,
                                     struct vch_diag *diag);
    enum vch_mqtt_verdict (*subscribe)(void *arg, struct vch_mqtt_session *session, struct vch_str filter,
                                       struct vch_diag *diag);
    enum vch_mqtt_verdict (*deliver)(void *arg, struct vch_mqtt_session *session, struct vch_str topic);
    /* After a PUBLISH that `publish` answered with TAKE: the PUBACK has been
     * written before this call. `packet` is valid during the call only. */
    void (*taken)(void *arg, struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet);
    /* The session ended, accepted or not; its user pointer is to be released. `reason` is a core reason code or
       "client", then with the detail "disconnect" or "connection lost". A will, if one was due, has been asked about
       before
       (`publish`, on an ended session whose connection may be gone). WAIT keeps such a session for 5 s at most;
       vch_mqtt_find finds it, vch_mqtt_recheck asks again, vch_mqtt_close drops the will. */
    void (*closed)(void *arg, struct vch_mqtt_session *session, const char *reason, struct vch_str detail);
    /* The session is connected: CONNACK has been written. May be NULL. */
    void (*accepted)(void *arg, struct vch_mqtt_session *session);
    /* A packet of the client's subscribed to these filters, or gave them up; its acknowledgement has been written. May be NULL. */
    void (*subscribed)(void *arg, struct vch_mqtt_session *session, const struct vch_str *filters, size_t count);
    void (*unsubscribed)(void *arg, struct vch_mqtt_session *session, const struct vch_str *filters, size_t count);
    void *arg;
};

struct vch_mqtt_options {
    struct vch_mqtt_hooks hooks;
    int64_t connect_timeout_ms;                  /* from the TLS handshake to CONNECT; default 5,000 */
    size_t payload_max;                          /* default 131,072 */
    uint16_t keep_alive_min_s, keep_alive_max_s; /* 30 and 1200; 0 asks for the maximum */
    size_t filters_per_subscribe;                /* 8 */
    size_t subscriptions_per_session;            /* 50 */
    size_t inflight_max;                         /* 100 */
    size_t queue_bytes_max;                      /* output waiting per session before it is cut; default 1 MiB */
    size_t topic_bytes_max, topic_slashes_max;   /* 256 and 7 */
    bool parent_too;                             /* "a/#" matches "a": no on AWS, yes in the OASIS text */
};

enum vch_err vch_mqtt_broker_new(const struct vch_mqtt_options *options, struct vch_loop *const *loops, size_t count,
                                 struct vch_mqtt_broker **ret) VCH_MUST;
/* After the loops ended and their listeners were freed, before the loops are. NULL is fine. */
void vch_mqtt_broker_free(struct vch_mqtt_broker *broker);

/* Makes a connection speak MQTT; from on_accept or on_open. [loop] */
enum vch_err vch_mqtt_attach(struct vch_mqtt_broker *broker, struct vch_conn *conn) VCH_MUST;

/* code 0 accepts; 1 to 5 refuse. An older session of the same client id is
 * closed first, wherever it runs (reason "taken-over"). [loop] */
void vch_mqtt_connect_done(struct vch_mqtt_session *session, uint8_t code, const struct vch_diag *diag);
/* The session of `ref`, on its own loop only; NULL when it is gone. [loop] */
struct vch_mqtt_session *vch_mqtt_find(struct vch_mqtt_broker *broker, struct vch_mqtt_ref ref);
struct vch_mqtt_ref vch_mqtt_session_ref(const struct vch_mqtt_session *session);
struct vch_conn *
vch_mqtt_session_conn(struct vch_mqtt_session *session); /* NULL only while a will waits for its recheck */
/* The connection's, also when it is gone: hooks use these two. Valid as long as the session. */
const char *vch_mqtt_session_peer_id(const struct vch_mqtt_session *session);
const char *vch_mqtt_session_peer_ip(const struct vch_mqtt_session *session);
struct vch_str vch_mqtt_session_client_id(const struct vch_mqtt_session *session);
void vch_mqtt_session_set_user(struct vch_mqtt_session *session, void *user);
void *vch_mqtt_session_user(const struct vch_mqtt_session *session);
/* Asks the paused packet (and waiting deliveries) again after VCH_MQTT_WAIT. [loop] */
void vch_mqtt_recheck(struct vch_mqtt_session *session);
/* Asks the subscribe hook about each subscription there is, and takes back the ones it denies. [loop] */
void vch_mqtt_subscriptions_recheck(struct vch_mqtt_session *session);
/* Sends to this session alone, subscribed or not: with QoS min(1, granted) when
 * a subscription of its own matches, else QoS 0. The deliver hook is not asked. [loop] */
enum vch_err vch_mqtt_send(struct vch_mqtt_session *session, struct vch_str topic, struct vch_str payload) VCH_MUST;
/* Closes with a reason. [loop] */
void vch_mqtt_close(struct vch_mqtt_session *session, const struct vch_diag *diag);
/* Is a session of this client id connected now, and with which certificate
 * (hex, or "")? Any thread. */
bool vch_mqtt_client_online(struct vch_mqtt_broker *broker, struct vch_str client_id, char ret_peer_id[65]);
/* Publishes as the server, to whoever is subscribed and allowed. UNAVAILABLE
 * when a loop does not keep up. Any thread. */
enum vch_err vch_mqtt_publish(struct vch_mqtt_broker *broker, struct vch_str topic, struct vch_str payload,
                              uint8_t qos) VCH_MUST;
/* May anybody receive a message on this topic? False is certain. Any thread. */
bool vch_mqtt_wanted(struct vch_mqtt_broker *broker, struct vch_str topic);
/* Calls fn on every session of every loop, each on its loop, later: from the
 * handshake on, so also before CONNECT (no client id, perhaps no user pointer). Any thread. */
enum vch_err vch_mqtt_each(struct vch_mqtt_broker *broker,
                           void (*fn)(struct vch_mqtt_session *session, const char *key), struct vch_str key) VCH_MUST;
/* The same for the sessions whose connection shows this certificate: found by index, not by a walk. */
enum vch_err vch_mqtt_each_of(struct vch_mqtt_broker *broker, const char peer_id[65],
                              void (*fn)(struct vch_mqtt_session *session, const char *key)) VCH_MUST;

struct vch_mqtt_stats {
    uint64_t connections, sessions, connects, messages_in, messages_out, denied;
};
void vch_mqtt_stats(struct vch_mqtt_broker *broker, struct vch_mqtt_stats *ret); /* any thread */

#endif
