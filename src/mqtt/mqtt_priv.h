/* The inside of the server: what sessions, loops and the broker are made of.
 *
 * A session ends in two steps. vch_mqtt_session_end marks it: from then on no
 * packet and no delivery. Its settling (subscriptions, will, client id) waits
 * until no hook is on the stack, so that hooks may close any session; the
 * memory goes when the connection's on_close has come.
 */
#ifndef VCH_MQTT_PRIV_H
#define VCH_MQTT_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "mqtt/broker.h"
#include "mqtt/index.h"
#include "mqtt/message.h"
#include "mqtt/tree.h"

enum vch_mqtt_state {
    SESSION_OPENING,  /* before CONNECT */
    SESSION_DECIDING, /* the connect hook thinks */
    SESSION_TAKING,   /* accepted; the older session of this client id is not gone yet */
    SESSION_CONNECTED,
    SESSION_ENDED
};
enum { PAUSE_CONNECT = 1, PAUSE_WAIT = 2, PAUSE_OVERLOAD = 4 };

struct vch_mqtt_will {
    char *topic, *payload; /* payload follows topic in one block */
    uint32_t topic_len, payload_len;
    uint8_t qos;
    bool retain;
};

/* What a session still knows when its will outlives its connection. */
struct vch_mqtt_farewell {
    int64_t drop_at_ms;
    char peer_id[65], peer_ip[46];
    char detail[320]; /* for the closed hook */
};

/* A message on its way to one session. */
struct vch_mqtt_waiting {
    struct vch_mqtt_waiting *next;
    struct vch_mqtt_message *message;
    uint8_t qos;
    bool allowed; /* the deliver hook has been asked */
};

struct vch_mqtt_session {
    struct vch_mqtt_loop *home;
    struct vch_conn *conn; /* NULL while a will outlives it: then `farewell` is set */
    struct vch_mqtt_farewell *farewell;
    uint64_t id;
    void *user;
    char *client_id;                     /* NULL before CONNECT */
    struct vch_mqtt_link by_id, by_peer; /* home's indexes */
    struct vch_mqtt_link by_client;      /* the registry's, under its lock */
    struct vch_mqtt_session *successor;  /* under the registry's lock */
    struct vch_mqtt_sub *subs;
    struct vch_mqtt_waiting *queue, **queue_end;
    size_t queue_bytes;
    uint16_t *inflight; /* packet ids not acknowledged; NULL while none */
    struct vch_mqtt_will *will;
    const char *reason; /* of the end, once known here */
    struct vch_mqtt_session *ended_next;
    struct vch_mqtt_session *match_next; /* receivers of the message being routed */
    uint64_t match_stamp;
    uint32_t deadline_ms; /* 1.5 times the keep alive */
    uint16_t client_id_len, sub_count, inflight_count, inflight_size, last_packet_id;
    uint8_t state, match_qos;
    uint8_t pause;             /* PAUSE_ bits */
    bool conn_paused, indexed; /* indexed: in home's peers */
    bool claimed;              /* owns its client id, or waits for it */
    bool queue_runs, will_waits;
};

/* Messages for another loop, gathered during one turn. */
struct vch_mqtt_batch {
    struct vch_mqtt_loop *target;
    size_t count, bytes;
    struct vch_mqtt_message *messages[64];
};

struct vch_mqtt_counters {
    _Atomic uint64_t connections, sessions, connects, messages_in, messages_out, denied;
};

struct vch_mqtt_loop {
    struct vch_mqtt_broker *broker;
    struct vch_loop *loop;
    size_t position;
    uint64_t last_id, last_stamp;
    unsigned depth; /* of hooks and entry points on the stack */
    struct vch_mqtt_tree tree;
    struct vch_mqtt_index sessions, peers;
    struct vch_mqtt_session *ended; /* to be settled */
    struct vch_mqtt_batch **outbox; /* one per loop; NULL while empty */
    bool overloaded;                /* another loop does not keep up: publishers here wait */
    struct vch_timer overload_timer, will_timer;
    size_t wills_waiting;
    _Atomic size_t backlog; /* bytes posted here and not yet delivered */
    struct vch_mqtt_counters counters;
};

struct vch_mqtt_registry {
    pthread_mutex_t lock;
    struct vch_mqtt_index owners; /* sessions by client id */
};

struct vch_mqtt_broker {
    struct vch_mqtt_options options;
    struct vch_mqtt_rules rules;
    size_t packet_max;
    struct vch_mqtt_registry registry;
    size_t count;
    struct vch_mqtt_loop *loops;
};

/* ---- broker.c ---- */
struct vch_mqtt_loop *vch_mqtt_home(struct vch_mqtt_broker *broker, const struct vch_loop *loop); /* NULL: not ours */
/* Around everything that comes in from outside; the last leave settles ended
 * sessions and sends the outbox. */
void vch_mqtt_enter(struct vch_mqtt_loop *home);
void vch_mqtt_leave(struct vch_mqtt_loop *home);
/* Counters have one writer, their loop. */
void vch_mqtt_count(_Atomic uint64_t *counter, int by);

/* ---- registry.c: who owns a client id; any thread ---- */
/* True: the session owns its client id now. False: *ret_evict must end first;
 * vch_mqtt_registry_release of the owner then names this session as next.
 * Of several that wait the newest stays, the others are evicted too. */
bool vch_mqtt_registry_claim(struct vch_mqtt_registry *registry, struct vch_mqtt_session *session,
                             struct vch_mqtt_ref *ret_evict);
/* Gives up ownership or the wait for it; who owns the id now, or nobody. */
struct vch_mqtt_ref vch_mqtt_registry_release(struct vch_mqtt_registry *registry, struct vch_mqtt_session *session);
bool vch_mqtt_registry_online(struct vch_mqtt_registry *registry, struct vch_str client_id, char ret_peer_id[65]);

/* ---- session.c ---- */
void vch_mqtt_session_end(struct vch_mqtt_session *session);    /* marks; settled by the next leave */
void vch_mqtt_session_settle(struct vch_mqtt_session *session); /* from leave */
/* Ends and closes with a reason of core/reason.def. */
void vch_mqtt_session_fail(struct vch_mqtt_session *session, const char *reason, const char *field,
                           const char *message);
void vch_mqtt_session_accept(struct vch_mqtt_session *session);
void vch_mqtt_session_pause(struct vch_mqtt_session *session, uint8_t why);
void vch_mqtt_session_unpause(struct vch_mqtt_session *session, uint8_t why);
struct vch_mqtt_ref vch_mqtt_no_ref(void);
/* A session that is still to be worked with: not ended, or its will waits. */
bool vch_mqtt_session_is_alive(const struct vch_mqtt_session *session);
void vch_mqtt_wills_expire(void *arg);                   /* the loop's timer */
void vch_mqtt_wills_abandon(struct vch_mqtt_loop *home); /* after the loop has ended */
void vch_mqtt_will_free(struct vch_mqtt_will *will);

/* ---- packet.c and connect.c ---- */
size_t vch_mqtt_packets(struct vch_mqtt_session *session, struct vch_str bytes);
void vch_mqtt_connack_send(struct vch_mqtt_session *session, uint8_t code);
/* Says so in the session's diagnosis of malformed packets. */
void vch_mqtt_malformed(struct vch_mqtt_session *session, const char *message);
void vch_mqtt_connect_packet(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame);

/* ---- route.c ---- */
/* To every subscriber of every loop. */
enum vch_err vch_mqtt_route(struct vch_mqtt_loop *home, struct vch_str topic, struct vch_str payload,
                            uint8_t qos) VCH_MUST;
void vch_mqtt_route_here(struct vch_mqtt_loop *home, struct vch_mqtt_message *message);
void vch_mqtt_outbox_flush(struct vch_mqtt_loop *home);
void vch_mqtt_outbox_drop(struct vch_mqtt_loop *home);
/* Posts a message to one loop. Any thread. */
enum vch_err vch_mqtt_post_message(struct vch_mqtt_loop *target, struct vch_mqtt_message *message) VCH_MUST;
void vch_mqtt_overload_check(void *arg); /* the loop's timer */

/* ---- deliver.c ---- */
void vch_mqtt_deliver(struct vch_mqtt_session *session, struct vch_mqtt_message *message, uint8_t qos, bool allowed);
void vch_mqtt_acknowledged(struct vch_mqtt_session *session, uint16_t packet_id);
void vch_mqtt_queue_run(struct vch_mqtt_session *session);
void vch_mqtt_queue_drop(struct vch_mqtt_session *session);

#endif
