/* The inside of the server: what sessions, loops and the broker are made of.
 *
 * A session ends in two steps. vch_mqtt_session_end marks it: from then on no
 * packet and no delivery to its connection. Its settling (subscriptions, will,
 * client id) waits until no hook is on the stack, so that hooks may close any
 * session; the memory goes when the connection's on_close has come.
 *
 * A session with an estate outlives its connection: ended, it stays in its
 * loop's index and tree and queues what comes, until its client returns, its
 * time is over or somebody ends it. See estate.c, and move.c for a client that
 * returns on another loop.
 */
#ifndef VCH_MQTT_PRIV_H
#define VCH_MQTT_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "mqtt/broker.h"
#include "mqtt/due.h"
#include "mqtt/index.h"
#include "mqtt/message.h"
#include "mqtt/tree.h"
#include "net/gate.h"

enum vch_mqtt_state {
    SESSION_OPENING,  /* before CONNECT */
    SESSION_DECIDING, /* the connect hook thinks */
    SESSION_TAKING,   /* accepted; the older session of this client id is not gone yet */
    SESSION_CONNECTED,
    SESSION_ENDED /* and, with an estate, waiting for its client */
};
enum { PAUSE_CONNECT = 1, PAUSE_WAIT = 2, PAUSE_OVERLOAD = 4, PAUSE_ACKS = 8 };
enum { IDS_MAX = 16 }; /* subscription identifiers in one delivery */
enum { FILTER_TEXT_MAX = 65535 + 7 };

/* What the profiles do differently, beside limits. */
struct vch_mqtt_manners {
    uint8_t qos_max;
    bool parent_too;           /* "a/#" matches "a" */
    bool wildcards_retained;   /* a filter with wildcards gets retained messages */
    bool subscription_ids;
    bool levels_apart;         /* 3.1.1 does not take up a session of 5, nor the other way */
    bool marks_duplicates;     /* DUP on what is sent again */
    bool delays_wills;
    bool zero_is_no_keep_alive;
    bool denial_closes;        /* 3.1.1: a refused SUBSCRIBE ends the connection */
    bool tells_unsubscribed;   /* UNSUBACK 0x11 */
    uint32_t expiry_min_s, expiry_max_s; /* of messages */
};

struct vch_mqtt_will {
    char *topic, *payload; /* payload and properties follow topic in one block */
    char *props;           /* as they are passed on */
    uint32_t topic_len, payload_len, props_len;
    uint32_t expiry_s, delay_s;
    bool expires;
    uint8_t qos;
    bool retain;
};

/* What a session still knows when its will outlives its connection. */
struct vch_mqtt_farewell {
    int64_t drop_at_ms;
    char peer_id[65], peer_ip[46];
    char detail[320]; /* for the closed hook */
};

struct vch_mqtt_group;

/* A message on its way to one session, as it is handed around. */
struct vch_mqtt_parcel {
    struct vch_mqtt_message *message;
    struct vch_mqtt_group *group;     /* the shared subscription it came for; NULL: none */
    struct vch_mqtt_receipt *receipt; /* told when it is kept; NULL: nobody waits */
    uint8_t qos;
    uint8_t tries; /* members of the group that could not have it */
    bool retain, allowed; /* allowed: the deliver hook has been asked */
};

/* The same waiting: in the queue, or sent and not acknowledged. */
struct vch_mqtt_waiting {
    struct vch_mqtt_waiting *next;
    struct vch_mqtt_message *message;
    struct vch_mqtt_group *group;
    uint64_t seq; /* the keeper knows it by this; 0: it does not */
    uint8_t qos, tries;
    bool allowed, retain, sent; /* sent: at least once, to some connection */
    uint8_t id_count;
    uint32_t ids[];
};

enum { AWAIT_PUBACK, AWAIT_PUBREC, AWAIT_PUBCOMP };
struct vch_mqtt_inflight {
    struct vch_mqtt_waiting *entry; /* NULL: nobody would ask for it again */
    uint16_t id;
    uint8_t step;
};

/* What a session sends and receives above QoS 0; there only while something is under way. */
struct vch_mqtt_flow {
    struct vch_mqtt_waiting *queue, **queue_end;
    size_t queue_bytes, queue_count;
    struct vch_mqtt_inflight *inflight; /* in order of sending */
    uint16_t *received;                 /* QoS 2 from the client: PUBREL has not come */
    uint16_t inflight_first, inflight_count, inflight_size;
    uint16_t received_count, received_size;
    uint16_t unsent; /* at the end of `inflight`: not sent again yet, the client takes no more at once */
    bool scrambled; /* packet ids in flight are not one run of numbers */
};

/* What MQTT 5 adds to a connection. */
struct vch_mqtt_five {
    uint32_t packet_max;           /* of the client; 0: none */
    uint32_t session_expiry_s;
    uint16_t receive_max;
    bool problem_info, has_ids;    /* has_ids: some subscription has an identifier */
    bool assigned, clean_start;    /* assigned: the client id is ours */
    struct vch_str *aliases;       /* topics by alias - 1; NULL until one is set */
};

/* What outlives the connection beside subscriptions and flow. */
struct vch_mqtt_estate {
    uint64_t key;      /* the keeper's; 0: none */
    uint64_t last_seq;
    uint64_t uuid[2];
    struct vch_mqtt_due due; /* the end of the session or of the will's delay */
    struct vch_mqtt_session *session;
    int64_t ends_ms;         /* wall clock; 0: never */
    struct vch_mqtt_message *will; /* waits for its delay */
    int64_t will_ms;
    uint32_t expiry_s;
    uint8_t level;
    bool saved; /* the keeper has heard of it */
    bool away;
    bool unwanted; /* it is to end where its move ends, behind what is written there under its key */
    char principal[65];
    struct vch_gate *counted; /* in it, under the principal; NULL: not */
    uint64_t moving; /* a number of the move under way; 0: none */
    /* On the way from one loop to another: */
    struct vch_mqtt_flow *flow;
    uint16_t last_packet_id;
};

/* A session that has its client id waits for the older one to be gone, and wants this of it. */
struct vch_mqtt_wish {
    uint64_t principal; /* hash of the certificate's name */
    uint8_t level;
    bool clean;
};

struct vch_mqtt_session {
    struct vch_mqtt_loop *home;
    struct vch_conn *conn; /* NULL while the session or its will outlives it */
    struct vch_mqtt_flow *flow;
    struct vch_mqtt_estate *estate; /* NULL: the session ends with its connection */
    struct vch_mqtt_five *five;     /* NULL on 3.1.1 */
    struct vch_mqtt_session *match_next; /* receivers of the message being routed */
    uint64_t match_stamp;
    uint8_t state, level, match_qos;
    uint8_t pause; /* PAUSE_ bits */
    uint16_t client_id_len, sub_count, last_packet_id, keep_alive_s;
    uint32_t deadline_ms; /* 1.5 times the keep alive; 0: none */
    bool match_retain;
    bool conn_paused, indexed; /* indexed: in home's peers */
    bool claimed;              /* owns its client id, or waits for it */
    bool queue_runs, will_waits;
    bool told;      /* the closed hook has been called */
    bool expecting; /* an estate of another loop is on its way here, or its refusal */
    bool online;    /* under the registry's lock: owns its client id and has a connection */
    bool transient, discard; /* discard: the estate ends with the connection */
    bool connack_sent;
    bool forbade; /* a subscription was taken back: what waits may have come by it */
    uint8_t cause; /* enum vch_mqtt_cause */
    struct vch_mqtt_acks acks;
    uint16_t owed; /* PUBACKs among them */
    uint64_t id;
    void *user;
    char *client_id;                     /* NULL before CONNECT */
    struct vch_mqtt_link by_id, by_peer; /* home's indexes */
    struct vch_mqtt_link by_client;      /* the registry's, under its lock */
    struct vch_mqtt_session *successor;  /* under the registry's lock */
    struct vch_mqtt_wish wish;
    struct vch_mqtt_sub *subs;
    struct vch_mqtt_will *will;
    struct vch_mqtt_farewell *farewell;
    const char *reason; /* of the end, once known here */
    struct vch_mqtt_session *ended_next;
};

/* A message in a batch that is not for everybody, or that somebody waits for. */
struct vch_mqtt_transit {
    struct vch_mqtt_receipt *receipt; /* a part of it is held */
    struct vch_mqtt_group *group;     /* referenced; then `session_id` alone gets it */
    uint64_t session_id;
    uint8_t tries;
};

/* Messages for another loop, gathered during one turn. */
struct vch_mqtt_batch {
    struct vch_mqtt_loop *target;
    size_t count, bytes;
    struct {
        struct vch_mqtt_message *message;
        struct vch_mqtt_transit *transit; /* mostly NULL */
    } at[64];
};

struct vch_mqtt_counters {
    _Atomic uint64_t connections, sessions, connects, in_of[3], out_of[3], denied, away, dropped, subscriptions, queued;
};

struct vch_mqtt_pick; /* shared.c */

struct vch_mqtt_loop {
    struct vch_mqtt_broker *broker;
    struct vch_loop *loop;
    size_t position;
    uint64_t last_id, last_stamp, last_move;
    unsigned depth; /* of hooks and entry points on the stack */
    struct vch_mqtt_tree tree;
    struct vch_mqtt_index sessions, peers;
    struct vch_mqtt_session *ended; /* to be settled */
    struct vch_mqtt_batch **outbox; /* one per loop; NULL while empty */
    bool overloaded;                /* another loop does not keep up: publishers here wait */
    struct vch_timer overload_timer, will_timer, due_timer;
    struct vch_mqtt_heap due;
    size_t wills_waiting;
    struct vch_mqtt_desk desk;
    struct vch_mqtt_acks server_acks; /* of vch_mqtt_publish */
    struct vch_mqtt_pick *picks;
    size_t pick_size;
    _Atomic size_t backlog; /* bytes posted here and not yet delivered */
    struct vch_mqtt_counters counters;
};

struct vch_mqtt_registry {
    pthread_mutex_t lock;
    struct vch_mqtt_index owners; /* sessions by client id */
};

/* The shared subscriptions of all loops, as one tree of groups. */
struct vch_mqtt_shared {
    pthread_rwlock_t lock;
    struct vch_mqtt_tree tree;
    struct vch_mqtt_index groups; /* by the whole filter */
};

struct vch_mqtt_broker {
    struct vch_mqtt_options options;
    const struct vch_mqtt_manners *manners;
    struct vch_mqtt_rules rules;
    size_t packet_max;
    struct vch_mqtt_registry registry;
    struct vch_mqtt_shared shared;
    struct vch_gate *estates; /* by principal; NULL: no bound */
    atomic_bool stopping;
    size_t count;
    struct vch_mqtt_loop *loops;
};

static inline const struct vch_mqtt_options *vch_mqtt_options_of(const struct vch_mqtt_session *session) {
    return &session->home->broker->options;
}
static inline const struct vch_mqtt_manners *vch_mqtt_manners_of(const struct vch_mqtt_session *session) {
    return session->home->broker->manners;
}
static inline bool vch_mqtt_is_5(const struct vch_mqtt_session *session) {
    return session->level == VCH_MQTT_LEVEL_5;
}

/* ---- profile.c ---- */
const struct vch_mqtt_manners *vch_mqtt_manners_find(enum vch_mqtt_profile profile);
void vch_mqtt_options_fill(struct vch_mqtt_options *options); /* the profile's values for what is zero */
bool vch_mqtt_options_ok(const struct vch_mqtt_options *options);

/* ---- cause.c: the words for an end ---- */
enum vch_mqtt_cause {
#define VCH_X(name, word) VCH_MQTT_CAUSE_##name,
#include "mqtt/cause.def"
#undef VCH_X
    VCH_MQTT_CAUSE_COUNT
};
enum vch_mqtt_cause vch_mqtt_cause_of(const char *reason, struct vch_str detail);
uint8_t vch_mqtt_code_of(const char *reason); /* the reason code of MQTT 5 for a reason of core/reason.def */

/* ---- broker.c ---- */
struct vch_mqtt_loop *vch_mqtt_home(struct vch_mqtt_broker *broker, const struct vch_loop *loop); /* NULL: not ours */
/* The session of an id, with or without a connection; NULL when there is none. [loop] */
struct vch_mqtt_session *vch_mqtt_lookup(const struct vch_mqtt_loop *home, uint64_t id);
/* Around everything that comes in from outside; the last leave settles ended
 * sessions and sends the outbox. */
void vch_mqtt_enter(struct vch_mqtt_loop *home);
void vch_mqtt_leave(struct vch_mqtt_loop *home);
/* Counters have one writer, their loop. */
void vch_mqtt_count(_Atomic uint64_t *counter, int by);

/* ---- registry.c: who owns a client id; any thread ---- */
/* Those before the newest who claims an id; an id of 0: there is none. */
struct vch_mqtt_claimants {
    struct vch_mqtt_ref owner;
    struct vch_mqtt_ref rival; /* it waited until now, and is to end */
};
/* True: the session owns its client id now. False: the owner must end first, or
 * hand over; vch_mqtt_registry_release of it then names this session as next. It
 * must be told of every claim: it may have looked for its heir just before. */
bool vch_mqtt_registry_claim(struct vch_mqtt_registry *registry, struct vch_mqtt_session *session,
                             struct vch_mqtt_claimants *ret_older);
/* Gives up ownership or the wait for it; who owns the id now, or nobody. */
struct vch_mqtt_ref vch_mqtt_registry_release(struct vch_mqtt_registry *registry, struct vch_mqtt_session *session);
/* Who waits for the id that the session owns, and what for; an id of 0: nobody. */
struct vch_mqtt_ref vch_mqtt_registry_heir(struct vch_mqtt_registry *registry, const struct vch_mqtt_session *session,
                                           struct vch_mqtt_wish *ret_wish);
/* The same as release if `heir` still is the one who waits; else false and nothing. */
bool vch_mqtt_registry_hand_over(struct vch_mqtt_registry *registry, struct vch_mqtt_session *session,
                                 struct vch_mqtt_ref heir);
/* An owner that was not claimed for: from restore, and from the loop. */
enum vch_err vch_mqtt_registry_add(struct vch_mqtt_registry *registry, struct vch_mqtt_session *session) VCH_MUST;
void vch_mqtt_registry_offline(struct vch_mqtt_registry *registry, struct vch_mqtt_session *session);
/* The session has its connection: only the owner hears true and is online from then on. */
bool vch_mqtt_registry_present(struct vch_mqtt_registry *registry, struct vch_mqtt_session *session);
bool vch_mqtt_registry_online(struct vch_mqtt_registry *registry, struct vch_str client_id, char ret_peer_id[65]);
/* Somebody owns the id and has no connection. */
bool vch_mqtt_registry_is_waiting(struct vch_mqtt_registry *registry, struct vch_str client_id);
struct vch_mqtt_ref vch_mqtt_registry_find(struct vch_mqtt_registry *registry, struct vch_str client_id);

/* ---- session.c ---- */
void vch_mqtt_session_end(struct vch_mqtt_session *session);    /* marks; settled by the next leave */
void vch_mqtt_session_settle(struct vch_mqtt_session *session); /* from leave */
/* Ends and closes with a reason of core/reason.def. */
void vch_mqtt_session_fail(struct vch_mqtt_session *session, const char *reason, const char *field,
                           const char *message);
void vch_mqtt_session_pause(struct vch_mqtt_session *session, uint8_t why);
void vch_mqtt_session_unpause(struct vch_mqtt_session *session, uint8_t why);
struct vch_mqtt_ref vch_mqtt_no_ref(void);
/* A session that is still to be worked with: not ended, or its will waits. */
bool vch_mqtt_session_is_alive(const struct vch_mqtt_session *session);
/* One of home, not attached to anything. */
struct vch_mqtt_session *vch_mqtt_session_new(struct vch_mqtt_loop *home);
/* The connection is gone and so is what its will waited for: tells, and forgets unless there is an estate. */
void vch_mqtt_session_gone(struct vch_mqtt_session *session, struct vch_str detail);
/* Frees it when nothing holds it any more. */
void vch_mqtt_session_bury(struct vch_mqtt_session *session);
/* Frees it whatever holds it: after the loop has ended. */
void vch_mqtt_session_abandon(struct vch_mqtt_session *session);
/* Removes all subscriptions, the queue, and what is in flight; the estate must be gone or going. */
void vch_mqtt_session_empty(struct vch_mqtt_session *session);
/* Messages for a group that this session will not get go to its other members. */
void vch_mqtt_session_pass_on(struct vch_mqtt_session *session);
void vch_mqtt_five_free(struct vch_mqtt_five *five, size_t aliases);

/* ---- accept.c ---- */
void vch_mqtt_session_accept(struct vch_mqtt_session *session, bool present);
void vch_mqtt_connack_refuse(struct vch_mqtt_session *session, uint8_t code, const struct vch_diag *diag);
/* The next in line owns the client id. */
void vch_mqtt_grant(struct vch_mqtt_broker *broker, struct vch_mqtt_ref ref);

/* ---- will.c ---- */
void vch_mqtt_will_free(struct vch_mqtt_will *will);
void vch_mqtt_will_drop(struct vch_mqtt_session *session);
void vch_mqtt_will_publish(struct vch_mqtt_session *session); /* asks first; or waits */
void vch_mqtt_will_wait(struct vch_mqtt_session *session, struct vch_str detail); /* on_close came before the answer */
void vch_mqtt_will_again(struct vch_mqtt_session *session);
void vch_mqtt_will_drop_soon(struct vch_mqtt_session *session);
void vch_mqtt_wills_expire(void *arg); /* the loop's timer */
/* The will whose delay is over. */
void vch_mqtt_will_release(struct vch_mqtt_loop *home, struct vch_mqtt_estate *estate);

/* ---- estate.c ---- */
struct vch_mqtt_estate *vch_mqtt_estate_new(const struct vch_mqtt_session *session, uint32_t expiry_s);
/* Counts it as one of its principal's; false: that has as many as it may. */
bool vch_mqtt_estate_count(struct vch_mqtt_session *session);
void vch_mqtt_estate_free(struct vch_mqtt_estate *estate);
/* The connection is gone: waits for the client, or hands over to the one who waits. */
void vch_mqtt_estate_rest(struct vch_mqtt_session *session);
/* To the heir, if there is one. */
void vch_mqtt_estate_depart(struct vch_mqtt_session *session);
/* Ends the session that waits: its id is free. */
void vch_mqtt_estate_destroy(struct vch_mqtt_session *session);
void vch_mqtt_estate_forget(struct vch_mqtt_session *session); /* it will end with its connection, and is not kept */
void vch_mqtt_estate_save(struct vch_mqtt_session *session, int64_t disconnected_ms); /* 0: connected */
void vch_mqtt_estates_expire(void *arg); /* the loop's timer */
void vch_mqtt_estate_watch(struct vch_mqtt_session *session);
uint32_t vch_mqtt_expiry_of(const struct vch_mqtt_session *session, uint32_t wanted_s);
/* The estate with the flow in it leaves its session, and comes into another's hands; subscriptions are the caller's. */
struct vch_mqtt_estate *vch_mqtt_estate_pack(struct vch_mqtt_session *session);
void vch_mqtt_estate_unpack(struct vch_mqtt_session *session, struct vch_mqtt_estate *estate);
uint32_t vch_mqtt_expiry_wanted(const struct vch_mqtt_session *session); /* by its CONNECT; 0: none */

/* ---- move.c ---- */
void vch_mqtt_move_begin(struct vch_mqtt_session *session, struct vch_mqtt_ref heir);

/* ---- packet.c and connect.c ---- */
size_t vch_mqtt_packets(struct vch_mqtt_session *session, struct vch_str bytes);
/* For a packet that does not decode. */
void vch_mqtt_malformed(struct vch_mqtt_session *session, enum vch_err err, const char *message);
void vch_mqtt_deny(struct vch_mqtt_session *session, const struct vch_diag *diag, const char *message);
void vch_mqtt_connect_packet(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame);

/* ---- publish.c, answer.c ---- */
void vch_mqtt_publish_packet(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame);
void vch_mqtt_pubrel_packet(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame);
bool vch_mqtt_is_overloaded(struct vch_mqtt_loop *home); /* who publishes here waits until the timer looks again */
/* The expiry of a message by the profile's rules; wall clock, 0: never. */
int64_t vch_mqtt_expires_ms(const struct vch_mqtt_broker *broker, bool has, uint32_t expiry_s, int64_t now_ms);
struct vch_mqtt_props vch_mqtt_props_passed_on(const struct vch_mqtt_props *props);
/* An answer: at once, or behind those that wait. The receipt may be NULL. */
void vch_mqtt_answer(struct vch_mqtt_session *session, enum vch_mqtt_type type, uint16_t packet_id, uint8_t code,
                     struct vch_mqtt_receipt *receipt, const struct vch_diag *diag);
void vch_mqtt_answer_bytes(struct vch_mqtt_session *session, struct vch_str bytes, struct vch_mqtt_receipt *receipt);
void vch_mqtt_answers_ready(void *arg, uint64_t owner_id); /* the desk's */
/* The same for vch_mqtt_publish; takes over the receipt. */
void vch_mqtt_answer_server(struct vch_mqtt_loop *home, struct vch_mqtt_receipt *receipt,
                            void (*done)(void *arg, enum vch_err err), void *arg);
/* A receipt when the broker keeps anything; NULL else, or when memory is out. */
struct vch_mqtt_receipt *vch_mqtt_receipt_of(struct vch_mqtt_loop *home);

/* ---- subscribe.c ---- */
void vch_mqtt_subscribe_packet(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame);
void vch_mqtt_unsubscribe_packet(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame);
enum vch_err vch_mqtt_sub_add(struct vch_mqtt_session *session, const struct vch_mqtt_kept_sub *wanted) VCH_MUST;
void vch_mqtt_sub_remove(struct vch_mqtt_session *session, struct vch_mqtt_sub **at);
/* What a subscription was made of; the filter's text in `buf` of FILTER_TEXT_MAX bytes. */
void vch_mqtt_sub_describe(const struct vch_mqtt_sub *sub, char *buf, struct vch_mqtt_kept_sub *ret);
/* The identifiers of the session's subscriptions that match; how many. */
size_t vch_mqtt_sub_ids(const struct vch_mqtt_session *session, const struct vch_mqtt_parcel *parcel,
                        uint32_t ret[IDS_MAX]);

/* ---- route.c ---- */
/* What is published, before it is a message. */
struct vch_mqtt_post {
    struct vch_str topic, payload, props;
    const struct vch_mqtt_session *publisher; /* for No Local */
    struct vch_mqtt_receipt *receipt;
    int64_t expires_ms;
    uint8_t qos;
    bool retain;
};
/* To every subscriber of every loop, and to the retained messages. LIMIT: there is no room for another retained
 * message, everything else was done. */
enum vch_err vch_mqtt_route(struct vch_mqtt_loop *home, const struct vch_mqtt_post *post) VCH_MUST;
/* A message that is made already, to everybody. */
enum vch_err vch_mqtt_route_message(struct vch_mqtt_loop *home, struct vch_mqtt_message *message,
                                    struct vch_mqtt_receipt *receipt) VCH_MUST;
/* Might anything of this be kept? */
bool vch_mqtt_route_keeps(const struct vch_mqtt_loop *home, struct vch_str topic, bool retain);
void vch_mqtt_outbox_flush(struct vch_mqtt_loop *home);
void vch_mqtt_outbox_drop(struct vch_mqtt_loop *home);
/* For one session of another loop; takes over the transit. */
enum vch_err vch_mqtt_outbox_add(struct vch_mqtt_loop *home, size_t position, struct vch_mqtt_message *message,
                                 struct vch_mqtt_transit *transit) VCH_MUST;
void vch_mqtt_overload_check(void *arg); /* the loop's timer */
bool vch_mqtt_is_behind(struct vch_mqtt_loop *target);

/* ---- shared.c ---- */
enum vch_err vch_mqtt_shared_init(struct vch_mqtt_shared *shared, bool parent_too) VCH_MUST;
void vch_mqtt_shared_deinit(struct vch_mqtt_shared *shared);
/* NAME/FILTER of "$share/NAME/FILTER", taken apart; false when it is none. */
bool vch_mqtt_share_parse(struct vch_str filter, struct vch_str *ret_name, struct vch_str *ret_filter);
enum vch_err vch_mqtt_group_join(struct vch_mqtt_session *session, struct vch_str filter,
                                 struct vch_mqtt_group **ret) VCH_MUST;
void vch_mqtt_group_leave(struct vch_mqtt_session *session, struct vch_mqtt_group *group);
/* The session has, or has no longer, a connection; or its id changes to the session's. */
void vch_mqtt_group_update(struct vch_mqtt_session *session, struct vch_mqtt_group *group, uint64_t old_id, bool online);
struct vch_mqtt_group *vch_mqtt_group_ref(struct vch_mqtt_group *group);
void vch_mqtt_group_unref(struct vch_mqtt_group *group);
struct vch_str vch_mqtt_group_filter(const struct vch_mqtt_group *group); /* "$share/NAME/FILTER" */
/* One member of each group that the topic matches. `message` is made when it is needed. */
bool vch_mqtt_shared_wanted(struct vch_mqtt_broker *broker, const struct vch_mqtt_levels *topic);
enum vch_err vch_mqtt_shared_route(struct vch_mqtt_loop *home, const struct vch_mqtt_levels *topic,
                                   struct vch_mqtt_message *message, struct vch_mqtt_receipt *receipt) VCH_MUST;
/* It could not be this member: another, if there is one. */
void vch_mqtt_shared_again(struct vch_mqtt_loop *home, const struct vch_mqtt_parcel *parcel);
/* The transit's session gets it. */
void vch_mqtt_shared_arrive(struct vch_mqtt_loop *home, struct vch_mqtt_message *message,
                            const struct vch_mqtt_transit *transit);

#endif
