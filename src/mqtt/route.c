#include "mqtt/mqtt_priv.h"

#include <stdlib.h>

/* Past this the publishers of other loops wait: memory stays bounded, and TCP
 * passes the wait on to them. */
enum { BACKLOG_MAX = 16 * 1024 * 1024, OVERLOAD_CHECK_MS = 5 };

/* ---- receivers on this loop -------------------------------------------------- */

struct receivers {
    struct vch_mqtt_session *first;
    uint64_t stamp;
};

/* Overlapping subscriptions of one session give one copy, with the highest QoS. */
static void collect(struct vch_mqtt_sub *sub, void *arg) {
    struct receivers *receivers = arg;
    struct vch_mqtt_session *session = sub->session;
    if (session->match_stamp == receivers->stamp) {
        if (sub->qos > session->match_qos) session->match_qos = sub->qos;
        return;
    }
    session->match_stamp = receivers->stamp;
    session->match_qos = sub->qos;
    session->match_next = receivers->first;
    receivers->first = session;
}

static struct vch_mqtt_session *receivers_here(struct vch_mqtt_loop *home, const struct vch_mqtt_levels *topic) {
    struct receivers receivers = {NULL, ++home->last_stamp};
    vch_mqtt_tree_match(&home->tree, topic, collect, &receivers);
    return receivers.first;
}

static void deliver_all(struct vch_mqtt_session *first, struct vch_mqtt_message *message) {
    for (struct vch_mqtt_session *session = first; session; session = session->match_next) {
        uint8_t qos = session->match_qos < message->qos ? session->match_qos : message->qos;
        vch_mqtt_deliver(session, message, qos, false);
    }
}

void vch_mqtt_route_here(struct vch_mqtt_loop *home, struct vch_mqtt_message *message) {
    struct vch_mqtt_levels topic;
    vch_mqtt_levels_of(vch_mqtt_message_topic(message), &topic);
    deliver_all(receivers_here(home, &topic), message);
}

/* ---- other loops --------------------------------------------------------------- */

static void batch_free(struct vch_mqtt_batch *batch) {
    for (size_t i = 0; i < batch->count; i++) vch_mqtt_message_unref(batch->messages[i]);
    free(batch);
}

static void batch_arrives(void *arg) {
    struct vch_mqtt_batch *batch = arg;
    struct vch_mqtt_loop *home = batch->target;
    vch_mqtt_enter(home);
    for (size_t i = 0; i < batch->count; i++) vch_mqtt_route_here(home, batch->messages[i]);
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

static void batch_add(struct vch_mqtt_batch *batch, struct vch_mqtt_message *message) {
    batch->messages[batch->count++] = vch_mqtt_message_ref(message);
    batch->bytes += sizeof *message + message->size;
}

static struct vch_mqtt_batch *batch_new(struct vch_mqtt_loop *target) {
    struct vch_mqtt_batch *batch = malloc(sizeof *batch);
    if (!batch) return NULL;
    batch->target = target;
    batch->count = batch->bytes = 0;
    return batch;
}

static bool is_behind(struct vch_mqtt_loop *target) {
    return atomic_load(&target->backlog) > BACKLOG_MAX;
}

enum vch_err vch_mqtt_post_message(struct vch_mqtt_loop *target, struct vch_mqtt_message *message) {
    if (is_behind(target)) return VCH_ERR_UNAVAILABLE;
    struct vch_mqtt_batch *batch = batch_new(target);
    if (!batch) return VCH_ERR_NOMEM;
    batch_add(batch, message);
    return batch_post(batch);
}

static void batch_send(struct vch_mqtt_loop *home, size_t position) {
    struct vch_mqtt_loop *target = &home->broker->loops[position];
    struct vch_mqtt_batch *batch = home->outbox[position];
    home->outbox[position] = NULL;
    if (batch_post(batch) != VCH_OK) return; /* only when the server stops */
    if (home->overloaded || !is_behind(target)) return;
    home->overloaded = true;
    vch_timer_set(&home->overload_timer, OVERLOAD_CHECK_MS);
}

static enum vch_err outbox_add(struct vch_mqtt_loop *home, size_t position, struct vch_mqtt_message *message) {
    struct vch_mqtt_batch **slot = &home->outbox[position];
    if (!*slot) *slot = batch_new(&home->broker->loops[position]);
    if (!*slot) return VCH_ERR_NOMEM;
    batch_add(*slot, message);
    if ((*slot)->count == sizeof(*slot)->messages / sizeof *(*slot)->messages) batch_send(home, position);
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

void vch_mqtt_overload_check(void *arg) {
    struct vch_mqtt_loop *home = arg;
    for (size_t i = 0; i < home->broker->count; i++) {
        if (!is_behind(&home->broker->loops[i])) continue;
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
    return false;
}

enum vch_err vch_mqtt_route(struct vch_mqtt_loop *home, struct vch_str topic, struct vch_str payload, uint8_t qos) {
    struct vch_mqtt_levels levels;
    vch_mqtt_levels_of(topic, &levels);
    struct vch_mqtt_session *here = receivers_here(home, &levels);
    if (!here && !anybody_else(home, &levels)) return VCH_OK;
    struct vch_mqtt_message *message = vch_mqtt_message_new(topic, payload, qos);
    if (!message) return VCH_ERR_NOMEM;
    enum vch_err err = VCH_OK;
    for (size_t i = 0; err == VCH_OK && i < home->broker->count; i++)
        if (others_want(home, i, &levels)) err = outbox_add(home, i, message);
    if (err == VCH_OK) deliver_all(here, message);
    vch_mqtt_message_unref(message);
    return err;
}
