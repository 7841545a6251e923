/* Documents compiled once, however many connections they rule. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/map.h"
#include "service/authz_priv.h"

enum { CACHE_MAX = 4096 };

struct cached {
    uint8_t digest[VCH_SHA256_LEN]; /* of the document: a name can be given anew */
    struct vch_policy *policy;
};

struct vch_policy_cache {
    /* A lock: many workers share it, and it is held for a lookup only. */
    pthread_mutex_t lock;
    struct vch_map *by_name;
};

enum vch_err vch_policy_cache_new(struct vch_policy_cache **ret) {
    struct vch_policy_cache *cache = calloc(1, sizeof *cache);
    struct vch_map *map = cache ? vch_map_new() : NULL;
    if (!map) {
        free(cache);
        return VCH_ERR_NOMEM;
    }
    cache->by_name = map;
    (void)pthread_mutex_init(&cache->lock, NULL);
    *ret = cache;
    return VCH_OK;
}

static void drop_all(struct vch_policy_cache *cache) {
    size_t pos = 0;
    struct vch_str key;
    void *value;
    while (vch_map_next(cache->by_name, &pos, &key, &value)) {
        struct cached *entry = value;
        (void)vch_map_remove(cache->by_name, key);
        vch_policy_unref(entry->policy);
        free(entry);
    }
}

void vch_policy_cache_free(struct vch_policy_cache *cache) {
    if (!cache) return;
    drop_all(cache);
    vch_map_free(cache->by_name);
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static struct vch_policy *cache_get(struct vch_policy_cache *cache, struct vch_str name, const uint8_t *digest) {
    (void)pthread_mutex_lock(&cache->lock);
    const struct cached *entry = vch_map_get(cache->by_name, name);
    bool same = entry && memcmp(entry->digest, digest, VCH_SHA256_LEN) == 0;
    struct vch_policy *policy = same ? vch_policy_ref(entry->policy) : NULL;
    (void)pthread_mutex_unlock(&cache->lock);
    return policy;
}

static void cache_put(struct vch_policy_cache *cache, struct vch_str name, const uint8_t *digest, struct vch_policy *policy) {
    struct cached *entry = calloc(1, sizeof *entry);
    if (!entry) return;
    memcpy(entry->digest, digest, VCH_SHA256_LEN);
    entry->policy = vch_policy_ref(policy);
    void *old = NULL;
    (void)pthread_mutex_lock(&cache->lock);
    if (vch_map_count(cache->by_name) >= CACHE_MAX) drop_all(cache);
    bool kept = vch_map_put(cache->by_name, name, entry, &old) == VCH_OK;
    (void)pthread_mutex_unlock(&cache->lock);
    struct cached *dropped = kept ? old : entry;
    if (!dropped) return;
    vch_policy_unref(dropped->policy);
    free(dropped);
}

enum vch_err vch_policy_compiled(struct vch_policy_cache *cache, const struct vch_rec_policy *record,
                                 struct vch_policy **ret, struct vch_diag *diag) {
    uint8_t digest[VCH_SHA256_LEN];
    vch_sha256(record->document, digest);
    *ret = cache_get(cache, record->name, digest);
    if (*ret) return VCH_OK;
    VCH_TRY(vch_policy_parse(VCH_POLICY_IOT, record->name, record->document, ret, diag));
    cache_put(cache, record->name, digest, *ret);
    return VCH_OK;
}
