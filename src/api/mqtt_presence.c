#include "api/mqtt_presence.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/map.h"
#include "base/val.h"

enum { SHARDS = 32, EVENT_MAX = 32768, TOPIC_MAX = 512 };

struct seen {
    uint64_t next_version;
    uint32_t online; /* connections; two while one takes over */
    bool claim;      /* the newest was a claim's */
    int64_t connected_ms, away_ms;
};

struct shard {
    pthread_mutex_t lock; /* for a lookup, or a walk by the sweep */
    struct vch_map *clients;
};

struct vch_presence {
    struct vch_mqtt_broker *broker;
    struct shard shards[SHARDS];
    size_t swept;
};

enum vch_err vch_presence_new(struct vch_mqtt_broker *broker, struct vch_presence **ret) {
    struct vch_presence *p = calloc(1, sizeof *p);
    bool whole = p != NULL;
    if (p) p->broker = broker;
    for (size_t i = 0; p && i < SHARDS; i++) {
        (void)pthread_mutex_init(&p->shards[i].lock, NULL);
        p->shards[i].clients = vch_map_new();
        whole &= p->shards[i].clients != NULL;
    }
    if (whole) *ret = p;
    else vch_presence_free(p);
    return whole ? VCH_OK : VCH_ERR_NOMEM;
}

void vch_presence_free(struct vch_presence *p) {
    struct vch_str key;
    void *value;
    for (size_t i = 0; p && i < SHARDS; i++) {
        for (size_t pos = 0; p->shards[i].clients && vch_map_next(p->shards[i].clients, &pos, &key, &value);) free(value);
        vch_map_free(p->shards[i].clients);
        (void)pthread_mutex_destroy(&p->shards[i].lock);
    }
    free(p);
}

/* ---- who was here ---- */

static struct shard *lock_shard(struct vch_presence *p, struct vch_str client_id) {
    struct shard *shard = &p->shards[vch_hash(client_id) % SHARDS];
    (void)pthread_mutex_lock(&shard->lock);
    return shard;
}

static void forget_away(struct shard *shard, int64_t since_ms) {
    struct vch_str key;
    void *value;
    for (size_t pos = 0; vch_map_next(shard->clients, &pos, &key, &value);) {
        const struct seen *seen = value;
        if (seen->online == 0 && seen->away_ms <= since_ms) free(vch_map_remove(shard->clients, key));
    }
}

/* NULL when there is no memory, or no room: then it counts from 0 again. */
static struct seen *seen_of(struct shard *shard, struct vch_str client_id) {
    struct seen *seen = vch_map_get(shard->clients, client_id);
    if (seen) return seen;
    if (vch_map_count(shard->clients) >= VCH_PRESENCE_MAX / SHARDS) forget_away(shard, INT64_MAX);
    if (vch_map_count(shard->clients) >= VCH_PRESENCE_MAX / SHARDS) return NULL;
    seen = calloc(1, sizeof *seen);
    if (seen && vch_map_put(shard->clients, client_id, seen, NULL) == VCH_OK) return seen;
    free(seen);
    return NULL;
}

static uint64_t arrive(struct vch_presence *p, const struct vch_presence_of *of, bool claim) {
    uint64_t version = 0;
    struct shard *shard = lock_shard(p, of->client_id);
    struct seen *seen = seen_of(shard, of->client_id);
    if (seen) {
        if (seen->online == 0 && of->now_ms - seen->away_ms > VCH_PRESENCE_KEPT_MS) seen->next_version = 0;
        version = seen->next_version++;
        seen->online++;
        seen->claim = claim;
        seen->connected_ms = of->now_ms;
    }
    (void)pthread_mutex_unlock(&shard->lock);
    return version;
}

static void leave(struct vch_presence *p, const struct vch_presence_of *of) {
    struct shard *shard = lock_shard(p, of->client_id);
    struct seen *seen = vch_map_get(shard->clients, of->client_id);
    if (seen && seen->online > 0) {
        seen->online--;
        seen->away_ms = of->now_ms;
    }
    (void)pthread_mutex_unlock(&shard->lock);
}

int64_t vch_presence_last(struct vch_presence *p, struct vch_str client_id, bool *ret_claim) {
    struct shard *shard = lock_shard(p, client_id);
    const struct seen *seen = vch_map_get(shard->clients, client_id);
    int64_t last_ms = seen ? seen->connected_ms : 0;
    *ret_claim = seen && seen->claim;
    (void)pthread_mutex_unlock(&shard->lock);
    return last_ms;
}

size_t vch_presence_count(struct vch_presence *p) {
    size_t count = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        (void)pthread_mutex_lock(&p->shards[i].lock);
        count += vch_map_count(p->shards[i].clients);
        (void)pthread_mutex_unlock(&p->shards[i].lock);
    }
    return count;
}

void vch_presence_sweep(struct vch_presence *p, int64_t now_ms) {
    struct shard *shard = &p->shards[p->swept++ % SHARDS];
    (void)pthread_mutex_lock(&shard->lock);
    forget_away(shard, now_ms - VCH_PRESENCE_KEPT_MS);
    (void)pthread_mutex_unlock(&shard->lock);
}

/* ---- events ---- */

struct event {
    struct vch_arena *arena;
    struct vch_val *map;
    enum vch_err err;
};

static void put(struct event *e, const char *name, struct vch_str value) {
    if (e->err == VCH_OK) e->err = vch_val_put_str(e->arena, e->map, name, value);
}

static void put_number(struct event *e, const char *name, int64_t value) {
    if (e->err == VCH_OK) e->err = vch_val_put_int(e->arena, e->map, name, value);
}

static bool has_events(struct vch_str client_id) {
    return client_id.len && vch_str_find(client_id, '#', 0) == SIZE_MAX && vch_str_find(client_id, '+', 0) == SIZE_MAX;
}

/* False: nobody would hear it, or there is no memory to say it. */
static bool begin(struct vch_presence *p, struct event *e, const char *family, const char *type,
                  const struct vch_presence_of *of, const char *session, char topic[TOPIC_MAX]) {
    *e = (struct event){.arena = NULL};
    int len = snprintf(topic, TOPIC_MAX, "$aws/events/%s/%s/%.*s", family, type, VCH_STR_ARG(of->client_id));
    if (len < 0 || len >= TOPIC_MAX || !has_events(of->client_id)) return false;
    if (!vch_mqtt_wanted(p->broker, vch_str_from(topic))) return false;
    e->arena = vch_arena_new(EVENT_MAX, false);
    e->map = e->arena ? vch_val_new_map(e->arena) : NULL;
    e->err = e->map ? VCH_OK : VCH_ERR_NOMEM;
    put(e, "clientId", of->client_id);
    put_number(e, "timestamp", of->now_ms);
    put(e, "eventType", vch_str_from(type));
    put(e, "sessionIdentifier", vch_str_from(session));
    put(e, "principalIdentifier", of->principal);
    if (of->thing.len) put(e, "thingName", of->thing);
    return e->err == VCH_OK;
}

/* A loop that does not keep up loses events before it loses messages. */
static void publish(struct vch_presence *p, struct event *e, const char *topic) {
    struct vch_buf buf;
    struct vch_str text;
    vch_buf_init(&buf, EVENT_MAX);
    if (e->err == VCH_OK) vch_json_encode(e->map, &buf);
    if (e->err == VCH_OK && vch_buf_finish(&buf, &text) == VCH_OK)
        (void)!vch_mqtt_publish(p->broker, &(struct vch_mqtt_publish){.qos = 1, .topic = vch_str_from(topic), .payload = text},
                                NULL, NULL);
    vch_buf_deinit(&buf);
}

void vch_presence_connected(struct vch_presence *p, const struct vch_presence_of *of, bool claim, struct vch_presence_mark *mark) {
    char topic[TOPIC_MAX];
    struct event e;
    mark->version = arrive(p, of, claim);
    if (begin(p, &e, "presence", "connected", of, mark->session, topic)) {
        put(&e, "ipAddress", vch_str_from(of->ip));
        put_number(&e, "versionNumber", (int64_t)mark->version);
        publish(p, &e, topic);
    }
    vch_arena_free(e.arena);
}

void vch_presence_disconnected(struct vch_presence *p, const struct vch_presence_of *of, const struct vch_presence_mark *mark,
                               const char *reason) {
    char topic[TOPIC_MAX];
    struct event e;
    if (!mark->session[0]) return;
    leave(p, of);
    if (begin(p, &e, "presence", "disconnected", of, mark->session, topic)) {
        bool asked = strcmp(reason, "CLIENT_INITIATED_DISCONNECT") == 0;
        if (e.err == VCH_OK) e.err = vch_val_put_bool(e.arena, e.map, "clientInitiatedDisconnect", asked);
        put(&e, "disconnectReason", vch_str_from(reason));
        put_number(&e, "versionNumber", (int64_t)mark->version);
        publish(p, &e, topic);
    }
    vch_arena_free(e.arena);
}

void vch_presence_failed(struct vch_presence *p, const struct vch_presence_of *of) {
    char topic[TOPIC_MAX], session[37];
    struct event e;
    vch_uuid(session);
    if (begin(p, &e, "presence", "connect_failed", of, session, topic)) {
        put(&e, "ipAddress", vch_str_from(of->ip));
        put(&e, "connectFailureReason", VCH_STR("AUTHORIZATION_FAILED"));
        publish(p, &e, topic);
    }
    vch_arena_free(e.arena);
}

void vch_presence_subscriptions(struct vch_presence *p, const struct vch_presence_of *of, const struct vch_presence_mark *mark,
                                bool subscribed, const struct vch_str *filters, size_t count) {
    char topic[TOPIC_MAX];
    struct event e;
    const char *type = subscribed ? "subscribed" : "unsubscribed";
    if (begin(p, &e, "subscriptions", type, of, mark->session, topic)) {
        struct vch_val *list = vch_val_put_list(e.arena, e.map, "topics");
        if (!list) e.err = VCH_ERR_NOMEM;
        for (size_t i = 0; e.err == VCH_OK && i < count; i++) e.err = vch_val_push_str(e.arena, list, filters[i]);
        publish(p, &e, topic);
    }
    vch_arena_free(e.arena);
}
