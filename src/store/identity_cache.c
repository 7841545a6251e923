#include "store/identity_cache_priv.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS = 16, SLOTS = 1024, ID_LEN = 64 };

struct slot {
    char id[ID_LEN]; /* "" is free */
    struct vch_identity identity;
};

struct shard {
    pthread_mutex_t lock; /* of all below; held for a copy */
    uint64_t mark;        /* one more at every change */
    bool trusted;
    struct slot slots[SLOTS];
};

struct vch_identity_cache {
    struct shard shards[SHARDS];
};

struct vch_identity_cache *vch_identity_cache_new(void) {
    struct vch_identity_cache *cache = calloc(1, sizeof *cache);
    if (!cache) return NULL;
    for (size_t i = 0; i < SHARDS; i++) (void)pthread_mutex_init(&cache->shards[i].lock, NULL);
    return cache;
}

void vch_identity_cache_free(struct vch_identity_cache *cache) {
    if (!cache) return;
    for (size_t i = 0; i < SHARDS; i++) (void)pthread_mutex_destroy(&cache->shards[i].lock);
    free(cache);
}

/* FNV-1a; ids are digests already, only tests have alike ones. */
static uint64_t mix(struct vch_str id) {
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < id.len; i++) hash = (hash ^ (uint8_t)id.ptr[i]) * UINT64_C(1099511628211);
    return hash ^ hash >> 29;
}

static struct shard *enter(struct vch_identity_cache *cache, struct vch_str id, struct slot **ret) {
    uint64_t hash = mix(id);
    struct shard *shard = &cache->shards[hash % SHARDS];
    (void)pthread_mutex_lock(&shard->lock);
    *ret = &shard->slots[hash / SHARDS % SLOTS];
    return shard;
}

static void leave(struct shard *shard) {
    (void)pthread_mutex_unlock(&shard->lock);
}

static bool holds(const struct slot *slot, struct vch_str id) {
    return id.len == ID_LEN && memcmp(slot->id, id.ptr, ID_LEN) == 0;
}

bool vch_identity_cache_get(struct vch_identity_cache *cache, struct vch_str id, struct vch_identity *ret) {
    struct slot *slot;
    struct shard *shard = enter(cache, id, &slot);
    bool found = shard->trusted && holds(slot, id);
    if (found) *ret = slot->identity;
    leave(shard);
    return found;
}

uint64_t vch_identity_cache_mark(struct vch_identity_cache *cache, struct vch_str id) {
    struct slot *slot;
    struct shard *shard = enter(cache, id, &slot);
    uint64_t mark = shard->mark;
    leave(shard);
    return mark;
}

void vch_identity_cache_put(struct vch_identity_cache *cache, struct vch_str id, uint64_t mark,
                            const struct vch_identity *identity) {
    struct slot *slot;
    struct shard *shard = enter(cache, id, &slot);
    if (shard->trusted && shard->mark == mark && id.len == ID_LEN) {
        memcpy(slot->id, id.ptr, ID_LEN);
        slot->identity = *identity;
    }
    leave(shard);
}

void vch_identity_cache_drop(struct vch_identity_cache *cache, struct vch_str id) {
    struct slot *slot;
    struct shard *shard = enter(cache, id, &slot);
    shard->mark++;
    if (holds(slot, id)) memset(slot, 0, sizeof *slot);
    leave(shard);
}

void vch_identity_cache_trust(struct vch_identity_cache *cache, bool trusted) {
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &cache->shards[i];
        (void)pthread_mutex_lock(&shard->lock);
        shard->mark++;
        shard->trusted = trusted;
        memset(shard->slots, 0, sizeof shard->slots);
        leave(shard);
    }
}
