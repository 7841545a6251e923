/* What the server itself does with sessions: publishing, sending, ending. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "mqtt/outflow_priv.h"

enum { RELIEF_BYTES = 64 * 1024 };

/* ---- publishing ------------------------------------------------------------------------ */

struct publication {
    struct vch_mqtt_loop *home;
    struct vch_mqtt_message *message;
    void (*done)(void *arg, enum vch_err err);
    void *arg;
};

static void publication_free(struct publication *publication) {
    vch_mqtt_message_unref(publication->message);
    free(publication);
}

static void publish_here(const struct publication *publication) {
    struct vch_mqtt_loop *home = publication->home;
    struct vch_mqtt_message *message = publication->message;
    struct vch_mqtt_receipt *receipt = NULL;
    if (vch_mqtt_route_keeps(home, vch_mqtt_message_topic(message), message->retain))
        receipt = vch_mqtt_receipt_of(home);
    enum vch_err err = vch_mqtt_route_message(home, message, receipt);
    if (receipt && err != VCH_OK)
        vch_mqtt_receipt_settle(vch_mqtt_receipt_hold(receipt), err);
    if (receipt)
        vch_mqtt_answer_server(home, receipt, publication->done, publication->arg);
    else if (publication->done)
        publication->done(publication->arg, err);
}

static void on_publication(void *arg) {
    struct publication *publication = arg;
    struct vch_mqtt_loop *home = publication->home;
    size_t cost = vch_mqtt_message_cost(publication->message);
    vch_mqtt_enter(home);
    publish_here(publication);
    atomic_fetch_sub(&home->backlog, cost);
    publication_free(publication);
    vch_mqtt_leave(home);
}

static struct vch_mqtt_message *message_of(const struct vch_mqtt_broker *broker,
                                           const struct vch_mqtt_publish *packet) {
    const struct vch_mqtt_props passed = vch_mqtt_props_passed_on(&packet->props);
    bool five = packet->level == VCH_MQTT_LEVEL_5;
    size_t size = five ? vch_mqtt_props_size(&passed) : 0, len = 0;
    uint8_t *props = size ? malloc(size) : NULL;
    if (size && (!props || vch_mqtt_props_encode(&passed, props, size, &len) != VCH_OK)) {
        free(props);
        return NULL;
    }
    bool expires = five && vch_mqtt_has(&packet->props, VCH_MQTT_PROP_MESSAGE_EXPIRY);
    struct vch_mqtt_message *message = vch_mqtt_message_make(&(struct vch_mqtt_message_parts){
        .topic = packet->topic,
        .payload = packet->payload,
        .props = vch_str_of(props, len),
        .published_ms = packet->retain ? vch_now_ms() : 0,
        .expires_ms =
            expires ? vch_mqtt_expires_ms(broker, true, packet->props.message_expiry_s, vch_now_ms()) : 0,
        .qos = packet->qos,
        .retain = packet->retain});
    free(props);
    return message;
}

/* One loop for one topic, so that what is published on it keeps its order. From
 * a turn of that loop, so that no session on the move misses it. */
enum vch_err vch_mqtt_publish(struct vch_mqtt_broker *broker, const struct vch_mqtt_publish *packet,
                              void (*done)(void *arg, enum vch_err err), void *arg) {
    if (packet->qos > broker->manners->qos_max || !vch_mqtt_topic_ok(packet->topic, &broker->rules))
        return VCH_ERR_INVALID;
    if (packet->payload.len > broker->options.payload_max) return VCH_ERR_TOO_LARGE;
    struct vch_mqtt_loop *home = &broker->loops[vch_hash(packet->topic) % broker->count];
    if (vch_mqtt_is_behind(home)) return VCH_ERR_UNAVAILABLE;
    struct publication *publication = malloc(sizeof *publication);
    if (!publication) return VCH_ERR_NOMEM;
    *publication = (struct publication){home, message_of(broker, packet), done, arg};
    enum vch_err err = publication->message ? VCH_OK : VCH_ERR_NOMEM;
    size_t cost = err == VCH_OK ? vch_mqtt_message_cost(publication->message) : 0;
    atomic_fetch_add(&home->backlog, cost);
    if (err == VCH_OK && !vch_loop_post(home->loop, on_publication, publication)) err = VCH_ERR_UNAVAILABLE;
    if (err == VCH_OK) return VCH_OK;
    atomic_fetch_sub(&home->backlog, cost);
    publication_free(publication);
    return err;
}

bool vch_mqtt_wanted(struct vch_mqtt_broker *broker, struct vch_str topic) {
    struct vch_mqtt_levels levels;
    if (!vch_mqtt_topic_ok(topic, &broker->rules)) return false;
    vch_mqtt_levels_of(topic, &levels);
    for (size_t i = 0; i < broker->count; i++)
        if (vch_mqtt_tree_interested(&broker->loops[i].tree, &levels)) return true;
    return vch_mqtt_shared_wanted(broker, &levels);
}

/* The highest QoS that a subscription of the session's own grants. */
static uint8_t granted(const struct vch_mqtt_session *session, struct vch_str topic) {
    struct vch_mqtt_levels levels;
    uint8_t qos = 0;
    vch_mqtt_levels_of(topic, &levels);
    for (const struct vch_mqtt_sub *sub = session->subs; sub && qos == 0; sub = sub->session_next)
        if (sub->node && vch_mqtt_sub_matches(&session->home->tree, sub, &levels)) qos = sub->qos;
    return qos > 1 ? 1 : qos;
}

enum vch_err vch_mqtt_send(struct vch_mqtt_session *session, struct vch_str topic, struct vch_str payload) {
    struct vch_mqtt_loop *home = session->home;
    if (session->state != SESSION_CONNECTED) return VCH_ERR_STATE;
    if (!vch_mqtt_topic_ok(topic, &home->broker->rules)) return VCH_ERR_INVALID;
    struct vch_mqtt_message *message = vch_mqtt_message_new(topic, payload, 1);
    if (!message) return VCH_ERR_NOMEM;
    vch_mqtt_enter(home);
    vch_mqtt_deliver(session, &(struct vch_mqtt_parcel){
                                  .message = message, .qos = granted(session, topic), .allowed = true});
    vch_mqtt_message_unref(message);
    vch_mqtt_leave(home);
    return VCH_OK;
}

/* ---- ending one -------------------------------------------------------------------------- */

struct errand {
    struct vch_mqtt_loop *home;
    uint64_t session_id;
    struct vch_mqtt_eviction eviction;
};

static void evict(struct vch_mqtt_session *session, const struct vch_mqtt_eviction *eviction) {
    if (session->state != SESSION_ENDED) {
        if (eviction->without_will) vch_mqtt_will_drop(session);
        session->discard |= eviction->clean;
        vch_mqtt_session_fail(session, "api-disconnect", "clientId", "An operator has ended this connection.");
    } else if (session->expecting) {
        session->discard |= eviction->clean;
    } else if (session->estate && session->estate->moving) {
        session->estate->unwanted |= eviction->clean;
    } else if (session->estate && eviction->clean) {
        vch_mqtt_estate_destroy(session);
    }
}

static void on_eviction(void *arg) {
    struct errand errand = *(struct errand *)arg;
    free(arg);
    vch_mqtt_enter(errand.home);
    struct vch_mqtt_session *session = vch_mqtt_lookup(errand.home, errand.session_id);
    if (session) evict(session, &errand.eviction);
    vch_mqtt_leave(errand.home);
    if (errand.eviction.done) errand.eviction.done(errand.eviction.arg);
}

enum vch_err vch_mqtt_disconnect_client(struct vch_mqtt_broker *broker, struct vch_str client_id,
                                        const struct vch_mqtt_eviction *eviction) {
    struct vch_mqtt_ref ref = vch_mqtt_registry_find(&broker->registry, client_id);
    if (ref.id == 0) return VCH_ERR_NOT_FOUND;
    struct errand *errand = malloc(sizeof *errand);
    if (!errand) return VCH_ERR_NOMEM;
    *errand = (struct errand){vch_mqtt_home(broker, ref.loop), ref.id, *eviction};
    if (vch_loop_post(ref.loop, on_eviction, errand)) return VCH_OK;
    free(errand);
    return VCH_ERR_UNAVAILABLE;
}

/* ---- when memory is short ------------------------------------------------------------------ */

static void relieve_one(struct vch_mqtt_link *link, void *arg) {
    (void)arg;
    struct vch_mqtt_session *session = VCH_MQTT_OWNER(link, struct vch_mqtt_session, by_id);
    if (session->state == SESSION_ENDED && session->estate) vch_mqtt_queue_trim(session, RELIEF_BYTES);
}

static void on_relief(void *arg) {
    struct vch_mqtt_loop *home = arg;
    vch_mqtt_enter(home);
    vch_mqtt_index_walk(&home->sessions, relieve_one, NULL);
    vch_mqtt_leave(home);
}

void vch_mqtt_relieve(struct vch_mqtt_broker *broker) {
    for (size_t i = 0; i < broker->count; i++) (void)vch_loop_post(broker->loops[i].loop, on_relief, &broker->loops[i]);
}

/* ---- ending all --------------------------------------------------------------------------- */

static void stop_one(struct vch_mqtt_session *session, const char *key) {
    (void)key;
    vch_mqtt_session_fail(session, "server-stopping", "", "The server stops.");
}

void vch_mqtt_stop(struct vch_mqtt_broker *broker) {
    atomic_store(&broker->stopping, true);
    (void)!vch_mqtt_each(broker, stop_one, (struct vch_str){NULL, 0}); /* what is not told is cut by the loops' end */
}
