#include "mqtt/index.h"

#include <stdlib.h>

enum { SIZE_FIRST = 64 };

void vch_mqtt_index_deinit(struct vch_mqtt_index *index) {
    free(index->buckets);
    *index = (struct vch_mqtt_index){0};
}

static void put(struct vch_mqtt_link **buckets, size_t size, struct vch_mqtt_link *link) {
    struct vch_mqtt_link **bucket = &buckets[link->hash & (size - 1)];
    link->next = *bucket;
    *bucket = link;
}

static bool grow(struct vch_mqtt_index *index) {
    size_t size = index->size ? index->size * 2 : SIZE_FIRST;
    struct vch_mqtt_link **buckets = calloc(size, sizeof(struct vch_mqtt_link *));
    if (!buckets) return index->size > 0; /* longer chains will do */
    for (size_t i = 0; i < index->size; i++) {
        for (struct vch_mqtt_link *link = index->buckets[i], *next; link; link = next) {
            next = link->next;
            put(buckets, size, link);
        }
    }
    free(index->buckets);
    index->buckets = buckets;
    index->size = size;
    return true;
}

enum vch_err vch_mqtt_index_add(struct vch_mqtt_index *index, struct vch_mqtt_link *link, uint64_t hash) {
    if (index->count >= index->size && !grow(index)) return VCH_ERR_NOMEM;
    link->hash = hash;
    put(index->buckets, index->size, link);
    index->count++;
    return VCH_OK;
}

void vch_mqtt_index_remove(struct vch_mqtt_index *index, struct vch_mqtt_link *link) {
    struct vch_mqtt_link **at = &index->buckets[link->hash & (index->size - 1)];
    while (*at != link) at = &(*at)->next;
    *at = link->next;
    link->next = NULL;
    index->count--;
}

static struct vch_mqtt_link *of_hash(struct vch_mqtt_link *link, uint64_t hash) {
    while (link && link->hash != hash) link = link->next;
    return link;
}

struct vch_mqtt_link *vch_mqtt_index_first(const struct vch_mqtt_index *index, uint64_t hash) {
    return index->size ? of_hash(index->buckets[hash & (index->size - 1)], hash) : NULL;
}

struct vch_mqtt_link *vch_mqtt_index_next(const struct vch_mqtt_link *link) {
    return of_hash(link->next, link->hash);
}

void vch_mqtt_index_walk(const struct vch_mqtt_index *index, void (*fn)(struct vch_mqtt_link *link, void *arg),
                         void *arg) {
    for (size_t i = 0; i < index->size; i++) {
        for (struct vch_mqtt_link *link = index->buckets[i], *next; link; link = next) {
            next = link->next;
            fn(link, arg);
        }
    }
}
