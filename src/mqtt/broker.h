/* The MQTT server, 3.1.1 and 5: sessions with and without a connection,
 * subscriptions, delivery between loops, take-over. It asks hooks and knows no
 * topic by name.
 *
 * One broker per process; one struct vch_mqtt_loop per event loop. A session
 * belongs to its connection's loop; one that outlives its connection waits on
 * that loop, and moves when its client returns on another. A struct
 * vch_mqtt_ref names a session for as long as it has a connection: it may be
 * kept and passed anywhere, and what is done through it later is a no-op.
 * Hooks are called on the session's loop and must not block; CONNECT alone is
 * answered later.
 * Source: MQTT 3.1.1 and 5.0 (OASIS); AWS IoT's differences as
 * docs/compatibility.md lists: the profile chooses.
 */
#ifndef VCH_MQTT_BROKER_H
#define VCH_MQTT_BROKER_H

#include "mqtt/keeper.h"
#include "mqtt/retained.h"
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
    VCH_MQTT_DENY, /* 3.1.1: PUBLISH gets a close without PUBACK, SUBSCRIBE a SUBACK with 0x80 and then (profile aws) a
                      close. MQTT 5: PUBLISH of QoS 1 a PUBACK with the diagnosis's code, of QoS 0 a DISCONNECT with it;
                      SUBSCRIBE a code per filter. A delivery is skipped silently */
    VCH_MQTT_TAKE, /* PUBLISH only: the hook keeps it; PUBACK is sent (QoS 1), nobody else sees it */
    VCH_MQTT_WAIT  /* the hook needs fresh data: the session pauses and the packet is asked again after
                      vch_mqtt_recheck; for deliveries the message waits (bounded) */
};

struct vch_mqtt_inheritance {
    struct vch_str client_id, principal; /* principal: as vch_mqtt_session_peer_id */
    struct vch_str topic;
    bool retain;
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
    /* From restore, so it may block: may the will of a session that was connected when the process ended, or whose delay
       was not over, still be sent? May be NULL: yes. */
    bool (*inherited)(void *arg, const struct vch_mqtt_inheritance *will);
    void *arg;
};

enum vch_mqtt_profile { VCH_MQTT_AWS, VCH_MQTT_SPEC };

/* Zero takes the profile's value; the comments name those of AWS. */
struct vch_mqtt_options {
    struct vch_mqtt_hooks hooks;
    enum vch_mqtt_profile profile;
    const struct vch_mqtt_keeper *keeper;      /* NULL: nothing outlives the process */
    struct vch_mqtt_retained *retained;        /* NULL: RETAIN is not kept; outlives the broker */
    bool explain;                              /* MQTT 5 refusals say why (Reason String) */
    int64_t connect_timeout_ms;                  /* from the TLS handshake to CONNECT; 5,000 */
    size_t payload_max;                          /* 131,072 */
    uint16_t keep_alive_min_s, keep_alive_max_s; /* 30 and 1200; 0 asks for the maximum, or (spec) for none */
    size_t filters_per_subscribe;                /* 8 */
    size_t subscriptions_per_session;            /* 50 */
    size_t inflight_max;                         /* 100: not acknowledged, to a client and from one */
    size_t queue_bytes_max;                      /* output waiting per connection before it is cut; 1 MiB */
    size_t topic_bytes_max, topic_slashes_max;   /* 256 and 7 */
    uint16_t topic_alias_max;                    /* 8 */
    uint32_t session_expiry_max_s;               /* 3,600; UINT32_MAX: for ever */
    /* Of a session without a connection: messages that wait, the oldest is dropped for the newest. 1,000 and 10 MiB */
    size_t kept_messages_max, kept_bytes_max;
    size_t sessions_per_principal; /* that outlive their connections, with one or not; 0: no bound */
};

enum vch_err vch_mqtt_broker_new(const struct vch_mqtt_options *options, struct vch_loop *const *loops, size_t count,
                                 struct vch_mqtt_broker **ret) VCH_MUST;
/* Takes what the keeper has: sessions without connections, their queues, retained messages. Once, before the loops run. */
enum vch_err vch_mqtt_restore(struct vch_mqtt_broker *broker, struct vch_diag *diag) VCH_MUST;
/* Ends every connection in good order (reason "server-stopping", MQTT 5 is told); what is new is refused. Any thread. */
void vch_mqtt_stop(struct vch_mqtt_broker *broker);
/* After the loops ended and their listeners were freed, before the loops are. NULL is fine. */
void vch_mqtt_broker_free(struct vch_mqtt_broker *broker);

/* Makes a connection speak MQTT; from on_accept or on_open. [loop] */
enum vch_err vch_mqtt_attach(struct vch_mqtt_broker *broker, struct vch_conn *conn) VCH_MUST;

struct vch_mqtt_admission {
    uint8_t code;   /* 0 accepts; 1 to 5 refuse, as in a CONNACK of 3.1.1. MQTT 5 hears the code of the diagnosis */
    bool transient; /* the session ends with its connection, whatever the client asked for, and leaves alone a session that
                       waits under its client id */
};
/* An older connection of the same client id is closed first, wherever it runs
 * (reason "taken-over"). Its session goes on when the client asked for that and
 * shows the same certificate. [loop] */
void vch_mqtt_connect_done(struct vch_mqtt_session *session, const struct vch_mqtt_admission *admission,
                           const struct vch_diag *diag);
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
uint8_t vch_mqtt_session_level(const struct vch_mqtt_session *session);    /* 4 or 5; 0 before CONNECT */
bool vch_mqtt_session_persistent(const struct vch_mqtt_session *session); /* outlives its connection */
/* Names the MQTT session for as long as it lives, over connections. */
void vch_mqtt_session_uuid(const struct vch_mqtt_session *session, char ret[37]);
/* Why the connection ended, in the words of AWS's disconnectReason; from the `closed` hook. */
const char *vch_mqtt_session_cause(const struct vch_mqtt_session *session);
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
/* Publishes as the server, to whoever is subscribed and allowed: topic, payload, QoS, RETAIN and the properties of MQTT 5
 * (level 5). UNAVAILABLE when a loop does not keep up. `done`, if any, is called once, on a loop, when all that must
 * outlive the process is durable, or is not; not when this call fails. Any thread. */
enum vch_err vch_mqtt_publish(struct vch_mqtt_broker *broker, const struct vch_mqtt_publish *packet,
                              void (*done)(void *arg, enum vch_err err), void *arg) VCH_MUST;
/* Ends the connection of a client id, if there is one, and with `clean` its session. NOT_FOUND: neither is there. `done`,
 * if any, is called once, on a loop, after the client id is free; not when this call fails. Any thread. */
struct vch_mqtt_eviction {
    bool clean, without_will;
    void (*done)(void *arg);
    void *arg;
};
enum vch_err vch_mqtt_disconnect_client(struct vch_mqtt_broker *broker, struct vch_str client_id,
                                        const struct vch_mqtt_eviction *eviction) VCH_MUST;
/* Memory is short: of what waits for clients without a connection, a part of each session's queue remains, the newest.
 * Any thread. */
void vch_mqtt_relieve(struct vch_mqtt_broker *broker);
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
    uint64_t in_of[3], out_of[3]; /* the messages by QoS */
    uint64_t sessions_away;                      /* persistent, without a connection */
    uint64_t dropped;                            /* messages: expired, too large for the receiver, pushed out of a queue */
    uint64_t subscriptions, queued;              /* now */
};
/* How long answers waited until what they promise was durable, added to `ret`. Any thread. */
struct vch_histogram;
void vch_mqtt_durable_waits(struct vch_mqtt_broker *broker, struct vch_histogram *ret);
void vch_mqtt_stats(struct vch_mqtt_broker *broker, struct vch_mqtt_stats *ret); /* any thread */

#endif
