#include <stdlib.h>

#include "base/clock.h"
#include "mqtt/outflow_priv.h"

/* Past this the publishers of other loops wait: memory stays bounded, and TCP
 * passes the wait on to them. */
enum { BACKLOG_MAX = 16 * 1024 * 1024, OVERLOAD_CHECK_MS = 5 };

/* ---- receivers on this loop -------------------------------------------------- */

struct receivers {
    struct vch_mqtt_session *first;
    const struct vch_mqtt_session *publisher;
    uint64_t stamp;
};

/* Overlapping subscriptions of one session give one copy, with the highest QoS. [MQTT-3.3.4-2] */
static void collect(struct vch_mqtt_sub *sub, void *arg) {
    struct receivers *receivers = arg;
    struct vch_mqtt_session *session = sub->session;
    if (sub->no_local && session == receivers->publisher) return; /* [MQTT-3.8.3-3] */
    if (session->match_stamp == receivers->stamp) {
        if (sub->qos > session->match_qos) session->match_qos = sub->qos;
        session->match_retain |= sub->as_published;
        return;
    }
    session->match_stamp = receivers->stamp;
    session->match_qos = sub->qos;
    session->match_retain = sub->as_published;
    session->match_next = receivers->first;
    receivers->first = session;
}

static struct vch_mqtt_session *receivers_here(struct vch_mqtt_loop *home, const struct vch_mqtt_levels *topic,
                                               const struct vch_mqtt_session *publisher) {
    struct receivers receivers = {NULL, publisher, ++home->last_stamp};
    vch_mqtt_tree_match(&home->tree, topic, collect, &receivers);
    return receivers.first;
}

/* A hook that closes a session does not take it from the list: it is settled later. */
static void deliver_all(struct vch_mqtt_session *first, struct vch_mqtt_message *message,
                        struct vch_mqtt_receipt *receipt) {
    struct vch_mqtt_parcel parcel = {.message = message, .receipt = receipt};
    for (struct vch_mqtt_session *session = first; session; session = session->match_next) {
        parcel.qos = session->match_qos < message->qos ? session->match_qos : message->qos;
        parcel.retain = session->match_retain && message->retain; /* [MQTT-3.3.1-12] [MQTT-3.3.1-13] */
        vch_mqtt_deliver(session, &parcel);
    }
}

static void route_here(struct vch_mqtt_loop *home, struct vch_mqtt_message *message,
                       struct vch_mqtt_receipt *receipt) {
    struct vch_mqtt_levels topic;
    vch_mqtt_levels_of(vch_mqtt_message_topic(message), &topic);
    deliver_all(receivers_here(home, &topic, NULL), message, receipt);
}

/* ---- other loops --------------------------------------------------------------- */

static void transit_free(struct vch_mqtt_transit *transit) {
    if (!transit) return;
    vch_mqtt_receipt_settle(transit->receipt, VCH_OK);
    vch_mqtt_group_unref(transit->group);
    free(transit);
}

static void batch_free(struct vch_mqtt_batch *batch) {
    for (size_t i = 0; i < batch->count; i++) {
        vch_mqtt_message_unref(batch->at[i].message);
        transit_free(batch->at[i].transit);
    }
    free(batch);
}

static void arrive(struct vch_mqtt_loop *home, struct vch_mqtt_message *message,
                   const struct vch_mqtt_transit *transit) {
    if (!transit)
        route_here(home, message, NULL);
    else if (!transit->group)
        route_here(home, message, transit->receipt);
    else
        vch_mqtt_shared_arrive(home, message, transit);
}

static void batch_arrives(void *arg) {
    struct vch_mqtt_batch *batch = arg;
    struct vch_mqtt_loop *home = batch->target;
    vch_mqtt_enter(home);
    for (size_t i = 0; i < batch->count; i++) arrive(home, batch->at[i].message, batch->at[i].transit);
    atomic_fetch_sub(&home->backlog, batch->bytes);
    batch_free(batch);
    vch_mqtt_leave(home);
}

/* Consumes the batch. */
static enum vch_err batch_post(struct vch_mqtt_batch *batch) {
    atomic_fetch_add(&batch->target->backlog, batch->bytes);
    if (vch_loop_post(batch->target->loop, batch_arrives, batch)) return VCH_OK;
    atomic_fetch_sub(&batch->target->backlog, batch->bytes);
    batch_free(batch);
    return VCH_ERR_UNAVAILABLE;
}

static struct vch_mqtt_batch *batch_new(struct vch_mqtt_loop *target) {
    struct vch_mqtt_batch *batch = malloc(sizeof *batch);
    if (!batch) return NULL;
    batch->target = target;
    batch->count = batch->bytes = 0;
    return batch;
}

bool vch_mqtt_is_behind(struct vch_mqtt_loop *target) {
    return atomic_load(&target->backlog) > BACKLOG_MAX;
}

static void batch_send(struct vch_mqtt_loop *home, size_t position) {
    struct vch_mqtt_loop *target = &home->broker->loops[position];
    struct vch_mqtt_batch *batch = home->outbox[position];
    home->outbox[position] = NULL;
    if (batch_post(batch) != VCH_OK) return; /* only when the server stops */
    if (home->overloaded || !vch_mqtt_is_behind(target)) return;
    home->overloaded = true;
    vch_timer_set(&home->overload_timer, OVERLOAD_CHECK_MS);
}

enum vch_err vch_mqtt_outbox_add(struct vch_mqtt_loop *home, size_t position, struct vch_mqtt_message *message,
                                 struct vch_mqtt_transit *transit) {
    struct vch_mqtt_batch **slot = &home->outbox[position];
    if (!*slot) *slot = batch_new(&home->broker->loops[position]);
    if (!*slot) {
        transit_free(transit);
        return VCH_ERR_NOMEM;
    }
    struct vch_mqtt_batch *batch = *slot;
    batch->at[batch->count].message = vch_mqtt_message_ref(message);
    batch->at[batch->count++].transit = transit;
    batch->bytes += vch_mqtt_message_cost(message);
    if (batch->count == sizeof batch->at / sizeof batch->at[0]) batch_send(home, position);
    return VCH_OK;
}

void vch_mqtt_outbox_flush(struct vch_mqtt_loop *home) {
    for (size_t i = 0; i < home->broker->count; i++)
        if (home->outbox[i]) batch_send(home, i);
}

void vch_mqtt_outbox_drop(struct vch_mqtt_loop *home) {
    for (size_t i = 0; i < home->broker->count; i++) {
        if (home->outbox[i]) batch_free(home->outbox[i]);
        home->outbox[i] = NULL;
    }
}

static void resume_publisher(struct vch_mqtt_link *link, void *arg) {
    (void)arg;
    vch_mqtt_session_unpause(VCH_MQTT_OWNER(link, struct vch_mqtt_session, by_id), PAUSE_OVERLOAD);
}

static bool anybody_behind(const struct vch_mqtt_broker *broker) {
    for (size_t i = 0; i < broker->count; i++)
        if (vch_mqtt_is_behind(&broker->loops[i])) return true;
    const struct vch_mqtt_keeper *keeper = broker->options.keeper;
    return keeper && keeper->behind(keeper->self);
}

void vch_mqtt_overload_check(void *arg) {
    struct vch_mqtt_loop *home = arg;
    if (anybody_behind(home->broker)) {
        vch_timer_set(&home->overload_timer, OVERLOAD_CHECK_MS);
        return;
    }
    home->overloaded = false;
    vch_mqtt_enter(home);
    vch_mqtt_index_walk(&home->sessions, resume_publisher, NULL);
    vch_mqtt_leave(home);
}

/* ---- all ------------------------------------------------------------------------- */

static bool others_want(const struct vch_mqtt_loop *home, size_t position, const struct vch_mqtt_levels *topic) {
    return position != home->position && vch_mqtt_tree_interested(&home->broker->loops[position].tree, topic);
}

static bool anybody_else(const struct vch_mqtt_loop *home, const struct vch_mqtt_levels *topic) {
    for (size_t i = 0; i < home->broker->count; i++)
        if (others_want(home, i, topic)) return true;
    return vch_mqtt_shared_wanted(home->broker, topic);
}

bool vch_mqtt_route_keeps(const struct vch_mqtt_loop *home, struct vch_str topic, bool retain) {
    struct vch_mqtt_broker *broker = home->broker;
    struct vch_mqtt_levels levels;
    if (!broker->options.keeper) return false;
    if (retain && broker->options.retained) return true;
    vch_mqtt_levels_of(topic, &levels);
    for (size_t i = 0; i < broker->count; i++)
        if (vch_mqtt_tree_keeps(&broker->loops[i].tree, &levels)) return true;
    return vch_mqtt_shared_wanted(broker, &levels);
}

static enum vch_err send_to(struct vch_mqtt_loop *home, size_t position, const struct vch_mqtt_levels *topic,
                            struct vch_mqtt_message *message, struct vch_mqtt_receipt *receipt) {
    struct vch_mqtt_transit *transit = NULL;
    if (receipt && vch_mqtt_tree_keeps(&home->broker->loops[position].tree, topic)) {
        transit = calloc(1, sizeof *transit);
        if (!transit) return VCH_ERR_NOMEM;
        transit->receipt = vch_mqtt_receipt_hold(receipt);
    }
    return vch_mqtt_outbox_add(home, position, message, transit);
}

/* The retained message first: who subscribes meanwhile sees it there, or gets it
 * as a subscriber. */
static enum vch_err distribute(struct vch_mqtt_loop *home, struct vch_mqtt_message *message,
                               const struct vch_mqtt_levels *topic, struct vch_mqtt_session *here,
                               struct vch_mqtt_receipt *receipt) {
    enum vch_err full = VCH_OK;
    if (message->retain && home->broker->options.retained)
        full = vch_mqtt_retained_set(home->broker->options.retained, message, receipt);
    for (size_t i = 0; i < home->broker->count; i++)
        if (others_want(home, i, topic)) VCH_TRY(send_to(home, i, topic, message, receipt));
    VCH_TRY(vch_mqtt_shared_route(home, topic, message, receipt));
    deliver_all(here, message, receipt);
    return full;
}

enum vch_err vch_mqtt_route(struct vch_mqtt_loop *home, const struct vch_mqtt_post *post) {
    struct vch_mqtt_levels levels;
    bool retain = post->retain && home->broker->options.retained;
    vch_mqtt_levels_of(post->topic, &levels);
    struct vch_mqtt_session *here = receivers_here(home, &levels, post->publisher);
    if (!retain && !here && !anybody_else(home, &levels)) return VCH_OK;
    struct vch_mqtt_message *message = vch_mqtt_message_make(
        &(struct vch_mqtt_message_parts){.topic = post->topic,
                                         .payload = post->payload,
                                         .props = post->props,
                                         .published_ms = retain ? vch_now_ms() : 0,
                                         .expires_ms = post->expires_ms,
                                         .qos = post->qos,
                                         .retain = post->retain});
    if (!message) return VCH_ERR_NOMEM;
    enum vch_err err = distribute(home, message, &levels, here, post->receipt);
    vch_mqtt_message_unref(message);
    return err;
}

enum vch_err vch_mqtt_route_message(struct vch_mqtt_loop *home, struct vch_mqtt_message *message,
                                    struct vch_mqtt_receipt *receipt) {
    struct vch_mqtt_levels levels;
    vch_mqtt_levels_of(vch_mqtt_message_topic(message), &levels);
    return distribute(home, message, &levels, receivers_here(home, &levels, NULL), receipt);
}
