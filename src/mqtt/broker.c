#include "mqtt/mqtt_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"

enum { PACKET_ROOM = 1024 }; /* of a PUBLISH beside its payload and topic; and SUBSCRIBE in small configurations */

/* ---- options ---------------------------------------------------------------------- */

#define DEFAULT(field, value)                                                                                          \
    do {                                                                                                               \
        if (options->field == 0) options->field = (value);                                                             \
    } while (0)

static void fill_defaults(struct vch_mqtt_options *options) {
    DEFAULT(connect_timeout_ms, 5000);
    DEFAULT(payload_max, 131072);
    DEFAULT(keep_alive_min_s, 30);
    DEFAULT(keep_alive_max_s, 1200);
    DEFAULT(filters_per_subscribe, 8);
    DEFAULT(subscriptions_per_session, 50);
    DEFAULT(inflight_max, 100);
    DEFAULT(queue_bytes_max, 1024 * 1024);
    DEFAULT(topic_bytes_max, 256);
    DEFAULT(topic_slashes_max, 7);
}

static bool options_are_ok(const struct vch_mqtt_options *options) {
    return options->keep_alive_min_s <= options->keep_alive_max_s &&
           options->filters_per_subscribe <= VCH_MQTT_FILTERS_MAX && options->inflight_max < UINT16_MAX &&
           options->subscriptions_per_session <= UINT16_MAX && options->topic_bytes_max <= UINT16_MAX &&
           options->topic_slashes_max < VCH_MQTT_LEVELS_MAX && options->payload_max <= VCH_MQTT_REMAINING_MAX / 2;
}

/* ---- life --------------------------------------------------------------------------- */

static enum vch_err loop_init(struct vch_mqtt_broker *broker, size_t position, struct vch_loop *loop) {
    struct vch_mqtt_loop *home = &broker->loops[position];
    home->broker = broker;
    home->loop = loop;
    home->position = position;
    VCH_TRY(vch_mqtt_tree_init(&home->tree, broker->rules.parent_too));
    home->outbox = calloc(broker->count, sizeof(struct vch_mqtt_batch *));
    if (!home->outbox) return VCH_ERR_NOMEM;
    VCH_TRY(vch_timer_init(loop, &home->overload_timer, vch_mqtt_overload_check, home));
    return vch_timer_init(loop, &home->will_timer, vch_mqtt_wills_expire, home);
}

static void loop_deinit(struct vch_mqtt_loop *home) {
    if (home->sessions.count) vch_mqtt_wills_abandon(home);
    vch_assert(home->sessions.count == 0);
    vch_timer_deinit(&home->overload_timer);
    vch_timer_deinit(&home->will_timer);
    if (home->outbox) vch_mqtt_outbox_drop(home);
    free(home->outbox);
    if (home->tree.root) vch_mqtt_tree_deinit(&home->tree);
    vch_mqtt_index_deinit(&home->sessions);
    vch_mqtt_index_deinit(&home->peers);
}

enum vch_err vch_mqtt_broker_new(const struct vch_mqtt_options *options, struct vch_loop *const *loops, size_t count,
                                 struct vch_mqtt_broker **ret) {
    *ret = NULL;
    struct vch_mqtt_broker *broker = count ? calloc(1, sizeof *broker) : NULL;
    if (!broker) return count ? VCH_ERR_NOMEM : VCH_ERR_INVALID;
    broker->options = *options;
    fill_defaults(&broker->options);
    broker->rules = (struct vch_mqtt_rules){broker->options.topic_bytes_max, broker->options.topic_slashes_max,
                                            options->profile == VCH_MQTT_SPEC};
    broker->packet_max = broker->options.payload_max + broker->options.topic_bytes_max + PACKET_ROOM;
    broker->loops = calloc(count, sizeof *broker->loops);
    broker->count = broker->loops ? count : 0;
    (void)pthread_mutex_init(&broker->registry.lock, NULL);
    enum vch_err err = !broker->loops ? VCH_ERR_NOMEM : options_are_ok(&broker->options) ? VCH_OK : VCH_ERR_INVALID;
    for (size_t i = 0; err == VCH_OK && i < count; i++) err = loop_init(broker, i, loops[i]);
    if (err == VCH_OK)
        *ret = broker;
    else
        vch_mqtt_broker_free(broker);
    return err;
}

void vch_mqtt_broker_free(struct vch_mqtt_broker *broker) {
    if (!broker) return;
    for (size_t i = 0; i < broker->count; i++) loop_deinit(&broker->loops[i]);
    vch_mqtt_index_deinit(&broker->registry.owners);
    (void)pthread_mutex_destroy(&broker->registry.lock);
    free(broker->loops);
    free(broker);
}

/* ---- loops ---------------------------------------------------------------------------- */

struct vch_mqtt_loop *vch_mqtt_home(struct vch_mqtt_broker *broker, const struct vch_loop *loop) {
    unsigned guess = vch_loop_index(loop);
    if (guess < broker->count && broker->loops[guess].loop == loop) return &broker->loops[guess];
    for (size_t i = 0; i < broker->count; i++)
        if (broker->loops[i].loop == loop) return &broker->loops[i];
    return NULL;
}

void vch_mqtt_enter(struct vch_mqtt_loop *home) {
    home->depth++;
}

void vch_mqtt_leave(struct vch_mqtt_loop *home) {
    while (home->depth == 1 && home->ended) {
        struct vch_mqtt_session *session = home->ended;
        home->ended = session->ended_next;
        vch_mqtt_session_settle(session);
    }
    if (home->depth == 1) vch_mqtt_outbox_flush(home);
    home->depth--;
}

void vch_mqtt_count(_Atomic uint64_t *counter, int by) {
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + (uint64_t)(int64_t)by,
                          memory_order_relaxed);
}

static uint64_t read_counter(const _Atomic uint64_t *counter) {
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void vch_mqtt_stats(struct vch_mqtt_broker *broker, struct vch_mqtt_stats *ret) {
    *ret = (struct vch_mqtt_stats){0};
    for (size_t i = 0; i < broker->count; i++) {
        const struct vch_mqtt_counters *c = &broker->loops[i].counters;
        ret->connections += read_counter(&c->connections);
        ret->sessions += read_counter(&c->sessions);
        ret->connects += read_counter(&c->connects);
        ret->messages_in += read_counter(&c->messages_in);
        ret->messages_out += read_counter(&c->messages_out);
        ret->denied += read_counter(&c->denied);
    }
}

/* ---- finding sessions ------------------------------------------------------------------- */

struct vch_mqtt_session *vch_mqtt_find(struct vch_mqtt_broker *broker, struct vch_mqtt_ref ref) {
    struct vch_mqtt_loop *home = ref.id ? vch_mqtt_home(broker, ref.loop) : NULL;
    struct vch_mqtt_link *link = home ? vch_mqtt_index_first(&home->sessions, ref.id) : NULL;
    struct vch_mqtt_session *session = link ? VCH_MQTT_OWNER(link, struct vch_mqtt_session, by_id) : NULL;
    return session && vch_mqtt_session_is_alive(session) ? session : NULL;
}

bool vch_mqtt_client_online(struct vch_mqtt_broker *broker, struct vch_str client_id, char ret_peer_id[65]) {
    return vch_mqtt_registry_online(&broker->registry, client_id, ret_peer_id);
}

/* A call on many sessions of one loop. */
struct round {
    struct vch_mqtt_loop *home;
    void (*fn)(struct vch_mqtt_session *session, const char *key);
    bool of_peer; /* only those that show the certificate `key` */
    char key[];
};

static void call_one(struct vch_mqtt_link *link, void *arg) {
    const struct round *round = arg;
    struct vch_mqtt_session *session = VCH_MQTT_OWNER(link, struct vch_mqtt_session, by_id);
    if (session->state != SESSION_ENDED) round->fn(session, round->key);
}

static void call_peers(const struct round *round) {
    struct vch_str peer_id = vch_str_from(round->key);
    struct vch_mqtt_link *next = vch_mqtt_index_first(&round->home->peers, vch_hash(peer_id));
    for (struct vch_mqtt_link *link = next; link; link = next) {
        struct vch_mqtt_session *session = VCH_MQTT_OWNER(link, struct vch_mqtt_session, by_peer);
        next = vch_mqtt_index_next(link);
        if (session->state != SESSION_ENDED && vch_str_eq_c(peer_id, vch_conn_peer_id(session->conn)))
            round->fn(session, round->key);
    }
}

static void on_round(void *arg) {
    struct round *round = arg;
    struct vch_mqtt_loop *home = round->home;
    vch_mqtt_enter(home);
    if (round->of_peer)
        call_peers(round);
    else
        vch_mqtt_index_walk(&home->sessions, call_one, round);
    vch_mqtt_leave(home);
    free(round);
}

static enum vch_err post_rounds(struct vch_mqtt_broker *broker, const struct round *head, struct vch_str key) {
    for (size_t i = 0; i < broker->count; i++) {
        struct round *round = malloc(sizeof *round + key.len + 1);
        if (!round) return VCH_ERR_NOMEM;
        *round = *head;
        round->home = &broker->loops[i];
        (void)vch_str_copy(round->key, key.len + 1, key);
        if (vch_loop_post(round->home->loop, on_round, round)) continue;
        free(round);
        return VCH_ERR_UNAVAILABLE;
    }
    return VCH_OK;
}

enum vch_err vch_mqtt_each(struct vch_mqtt_broker *broker,
                           void (*fn)(struct vch_mqtt_session *session, const char *key), struct vch_str key) {
    return post_rounds(broker, &(struct round){.fn = fn}, key);
}

enum vch_err vch_mqtt_each_of(struct vch_mqtt_broker *broker, const char peer_id[65],
                              void (*fn)(struct vch_mqtt_session *session, const char *key)) {
    return post_rounds(broker, &(struct round){.fn = fn, .of_peer = true}, vch_str_from(peer_id));
}

/* ---- publishing ---------------------------------------------------------------------------- */

enum vch_err vch_mqtt_publish(struct vch_mqtt_broker *broker, const struct vch_mqtt_publish *packet,
                              void (*done)(void *arg, enum vch_err err), void *arg) {
    struct vch_mqtt_levels levels;
    if (packet->qos > 1 || !vch_mqtt_topic_ok(packet->topic, &broker->rules)) return VCH_ERR_INVALID;
    if (packet->payload.len > broker->options.payload_max) return VCH_ERR_TOO_LARGE;
    vch_mqtt_levels_of(packet->topic, &levels);
    struct vch_mqtt_message *message = vch_mqtt_message_new(packet->topic, packet->payload, packet->qos);
    enum vch_err err = message ? VCH_OK : VCH_ERR_NOMEM;
    for (size_t i = 0; err == VCH_OK && i < broker->count; i++)
        if (vch_mqtt_tree_interested(&broker->loops[i].tree, &levels))
            err = vch_mqtt_post_message(&broker->loops[i], message);
    vch_mqtt_message_unref(message);
    if (done && err == VCH_OK) done(arg, VCH_OK);
    return err;
}

bool vch_mqtt_wanted(struct vch_mqtt_broker *broker, struct vch_str topic) {
    struct vch_mqtt_levels levels;
    if (!vch_mqtt_topic_ok(topic, &broker->rules)) return false;
    vch_mqtt_levels_of(topic, &levels);
    for (size_t i = 0; i < broker->count; i++)
        if (vch_mqtt_tree_interested(&broker->loops[i].tree, &levels)) return true;
    return false;
}

/* The highest QoS that a subscription of the session's own grants. */
static uint8_t granted(const struct vch_mqtt_session *session, struct vch_str topic) {
    struct vch_mqtt_levels levels;
    uint8_t qos = 0;
    vch_mqtt_levels_of(topic, &levels);
    for (const struct vch_mqtt_sub *sub = session->subs; sub && qos == 0; sub = sub->session_next)
        if (vch_mqtt_sub_matches(&session->home->tree, sub, &levels)) qos = sub->qos;
    return qos;
}

enum vch_err vch_mqtt_send(struct vch_mqtt_session *session, struct vch_str topic, struct vch_str payload) {
    struct vch_mqtt_loop *home = session->home;
    if (session->state != SESSION_CONNECTED) return VCH_ERR_STATE;
    if (!vch_mqtt_topic_ok(topic, &home->broker->rules)) return VCH_ERR_INVALID;
    struct vch_mqtt_message *message = vch_mqtt_message_new(topic, payload, 1);
    if (!message) return VCH_ERR_NOMEM;
    vch_mqtt_enter(home);
    vch_mqtt_deliver(session, message, granted(session, topic), true);
    vch_mqtt_message_unref(message);
    vch_mqtt_leave(home);
    return VCH_OK;
}
