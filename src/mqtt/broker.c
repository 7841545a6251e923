#include "mqtt/mqtt_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"

enum { PACKET_ROOM = 18432 }; /* beside a payload: topic, properties, or many filters. AWS says 149,504 in all */

/* ---- life --------------------------------------------------------------------------- */

static enum vch_err timers_init(struct vch_mqtt_loop *home) {
    VCH_TRY(vch_timer_init(home->loop, &home->overload_timer, vch_mqtt_overload_check, home));
    VCH_TRY(vch_timer_init(home->loop, &home->will_timer, vch_mqtt_wills_expire, home));
    return vch_timer_init(home->loop, &home->due_timer, vch_mqtt_estates_expire, home);
}

static enum vch_err loop_init(struct vch_mqtt_broker *broker, size_t position, struct vch_loop *loop) {
    struct vch_mqtt_loop *home = &broker->loops[position];
    home->broker = broker;
    home->loop = loop;
    home->position = position;
    vch_mqtt_desk_init(&home->desk, loop, vch_mqtt_answers_ready, home);
    VCH_TRY(vch_mqtt_tree_init(&home->tree, broker->rules.parent_too));
    home->outbox = calloc(broker->count, sizeof(struct vch_mqtt_batch *));
    return home->outbox ? timers_init(home) : VCH_ERR_NOMEM;
}

static void abandon(struct vch_mqtt_link *link, void *arg) {
    (void)arg;
    vch_mqtt_session_abandon(VCH_MQTT_OWNER(link, struct vch_mqtt_session, by_id));
}

/* The loops have ended: what waited for a client, or for a hook, waits no more. */
static void loop_empty(struct vch_mqtt_loop *home) {
    if (home->sessions.count) vch_mqtt_index_walk(&home->sessions, abandon, NULL);
    vch_assert(home->sessions.count == 0);
    vch_mqtt_acks_abandon(&home->server_acks);
    if (home->outbox) vch_mqtt_outbox_drop(home);
}

static void loop_deinit(struct vch_mqtt_loop *home) {
    vch_timer_deinit(&home->overload_timer);
    vch_timer_deinit(&home->will_timer);
    vch_timer_deinit(&home->due_timer);
    vch_mqtt_due_deinit(&home->due);
    free(home->outbox);
    free(home->picks);
    if (home->tree.root) vch_mqtt_tree_deinit(&home->tree);
    vch_mqtt_index_deinit(&home->sessions);
    vch_mqtt_index_deinit(&home->peers);
    vch_mqtt_desk_deinit(&home->desk);
}

static enum vch_err broker_init(struct vch_mqtt_broker *broker, struct vch_loop *const *loops, size_t count) {
    struct vch_mqtt_options *options = &broker->options;
    if (options->profile > VCH_MQTT_SPEC) return VCH_ERR_INVALID;
    vch_mqtt_options_fill(options);
    broker->manners = vch_mqtt_manners_find(options->profile);
    broker->rules = (struct vch_mqtt_rules){options->topic_bytes_max, options->topic_slashes_max,
                                            broker->manners->parent_too};
    broker->packet_max = options->payload_max + PACKET_ROOM;
    VCH_TRY(vch_mqtt_shared_init(&broker->shared, broker->manners->parent_too));
    const struct vch_gate_options estates = {.per_key_max = options->sessions_per_principal};
    if (estates.per_key_max) VCH_TRY(vch_gate_new(&estates, &broker->estates));
    broker->loops = calloc(count, sizeof *broker->loops);
    if (!broker->loops) return VCH_ERR_NOMEM;
    broker->count = count;
    if (!vch_mqtt_options_ok(options)) return VCH_ERR_INVALID;
    for (size_t i = 0; i < count; i++) VCH_TRY(loop_init(broker, i, loops[i]));
    return VCH_OK;
}

enum vch_err vch_mqtt_broker_new(const struct vch_mqtt_options *options, struct vch_loop *const *loops, size_t count,
                                 struct vch_mqtt_broker **ret) {
    *ret = NULL;
    struct vch_mqtt_broker *broker = count ? calloc(1, sizeof *broker) : NULL;
    if (!broker) return count ? VCH_ERR_NOMEM : VCH_ERR_INVALID;
    broker->options = *options;
    (void)pthread_mutex_init(&broker->registry.lock, NULL);
    enum vch_err err = broker_init(broker, loops, count);
    if (err == VCH_OK)
        *ret = broker;
    else
        vch_mqtt_broker_free(broker);
    return err;
}

void vch_mqtt_broker_free(struct vch_mqtt_broker *broker) {
    if (!broker) return;
    for (size_t i = 0; i < broker->count; i++) loop_empty(&broker->loops[i]);
    for (size_t i = 0; i < broker->count; i++) loop_deinit(&broker->loops[i]);
    vch_mqtt_shared_deinit(&broker->shared);
    vch_gate_free(broker->estates);
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

void vch_mqtt_durable_waits(struct vch_mqtt_broker *broker, struct vch_histogram *ret) {
    for (size_t i = 0; i < broker->count; i++) vch_histogram_merge(ret, &broker->loops[i].desk.waited);
}

void vch_mqtt_stats(struct vch_mqtt_broker *broker, struct vch_mqtt_stats *ret) {
    *ret = (struct vch_mqtt_stats){0};
    for (size_t i = 0; i < broker->count; i++) {
        const struct vch_mqtt_counters *c = &broker->loops[i].counters;
        ret->connections += read_counter(&c->connections);
        ret->sessions += read_counter(&c->sessions);
        ret->connects += read_counter(&c->connects);
        for (size_t qos = 0; qos < 3; qos++) {
            ret->in_of[qos] += read_counter(&c->in_of[qos]);
            ret->out_of[qos] += read_counter(&c->out_of[qos]);
        }
        ret->denied += read_counter(&c->denied);
        ret->sessions_away += read_counter(&c->away);
        ret->dropped += read_counter(&c->dropped);
        ret->subscriptions += read_counter(&c->subscriptions);
        ret->queued += read_counter(&c->queued);
    }
    ret->messages_in = ret->in_of[0] + ret->in_of[1] + ret->in_of[2];
    ret->messages_out = ret->out_of[0] + ret->out_of[1] + ret->out_of[2];
}

/* ---- finding sessions ------------------------------------------------------------------- */

struct vch_mqtt_session *vch_mqtt_lookup(const struct vch_mqtt_loop *home, uint64_t id) {
    struct vch_mqtt_link *link = vch_mqtt_index_first(&home->sessions, id);
    return link ? VCH_MQTT_OWNER(link, struct vch_mqtt_session, by_id) : NULL;
}

struct vch_mqtt_session *vch_mqtt_find(struct vch_mqtt_broker *broker, struct vch_mqtt_ref ref) {
    struct vch_mqtt_loop *home = ref.id ? vch_mqtt_home(broker, ref.loop) : NULL;
    struct vch_mqtt_session *session = home ? vch_mqtt_lookup(home, ref.id) : NULL;
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
