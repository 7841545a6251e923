#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"

static uint64_t sip_key[2];
static pthread_once_t sip_once = PTHREAD_ONCE_INIT;

static void make_sip_key(void) {
    vch_random(sip_key, sizeof sip_key);
}

static inline uint64_t rotl(uint64_t x, int bits) {
    return x << bits | x >> (64 - bits);
}

struct sip {
    uint64_t a, b, c, d;
};

static inline struct sip sip_round(struct sip v) {
    v.a += v.b, v.b = rotl(v.b, 13), v.b ^= v.a, v.a = rotl(v.a, 32);
    v.c += v.d, v.d = rotl(v.d, 16), v.d ^= v.c;
    v.a += v.d, v.d = rotl(v.d, 21), v.d ^= v.a;
    v.c += v.b, v.b = rotl(v.b, 17), v.b ^= v.c, v.c = rotl(v.c, 32);
    return v;
}

static inline struct sip sip_take(struct sip v, uint64_t word) {
    v.d ^= word;
    v = sip_round(v);
    v.a ^= word;
    return v;
}

/* Lowest byte first. */
static inline uint64_t word_at(const char *p, size_t len) {
    uint64_t word = 0;
    memcpy(&word, p, len);
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? word : __builtin_bswap64(word);
}

/* Aumasson and Bernstein, "SipHash: a fast short-input PRF"; one round for each
 * word and three at the end, which tables need no more than. */
uint64_t vch_hash(struct vch_str s) {
    pthread_once(&sip_once, make_sip_key);
    struct sip v = {sip_key[0] ^ 0x736f6d6570736575u, sip_key[1] ^ 0x646f72616e646f6du,
                    sip_key[0] ^ 0x6c7967656e657261u, sip_key[1] ^ 0x7465646279746573u};
    size_t whole = s.len & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8) v = sip_take(v, word_at(s.ptr + i, 8));
    v = sip_take(v, (uint64_t)s.len << 56 | word_at(s.len ? s.ptr + whole : "", s.len - whole));
    v.c ^= 0xFF;
    v = sip_round(sip_round(sip_round(v)));
    return v.a ^ v.b ^ v.c ^ v.d;
}

/* Open addressing with linear probing; a removed entry leaves a tombstone. */
struct entry {
    char *key; /* NULL: never used; `tomb`: removed */
    size_t key_len;
    uint64_t hash;
    void *value;
};

struct vch_map {
    struct entry *entries;
    size_t size; /* power of two, or 0 */
    size_t live;
    size_t used; /* live and tombstones */
};

static char tomb[1];

struct vch_map *vch_map_new(void) {
    return calloc(1, sizeof(struct vch_map));
}

void vch_map_free(struct vch_map *map) {
    if (!map) return;
    for (size_t i = 0; i < map->size; i++)
        if (map->entries[i].key != tomb) free(map->entries[i].key);
    free(map->entries);
    free(map);
}

size_t vch_map_count(const struct vch_map *map) {
    return map->live;
}

static bool is_live(const struct entry *e) {
    return e->key && e->key != tomb;
}

static struct entry *find(const struct vch_map *map, struct vch_str key, uint64_t hash) {
    if (map->size == 0) return NULL;
    for (size_t i = (size_t)hash & (map->size - 1);; i = (i + 1) & (map->size - 1)) {
        struct entry *e = &map->entries[i];
        if (!e->key) return NULL;
        if (is_live(e) && e->hash == hash && vch_str_eq(vch_str_of(e->key, e->key_len), key)) return e;
    }
}

void *vch_map_get(const struct vch_map *map, struct vch_str key) {
    const struct entry *e = find(map, key, vch_hash(key));
    return e ? e->value : NULL;
}

static void place(struct entry *entries, size_t size, struct entry what) {
    size_t i = (size_t)what.hash & (size - 1);
    while (entries[i].key) i = (i + 1) & (size - 1);
    entries[i] = what;
}

static bool rehash(struct vch_map *map) {
    size_t size = 16;
    while (size < map->live * 2 + 2) size *= 2;
    struct entry *entries = calloc(size, sizeof *entries);
    if (!entries) return false;
    for (size_t i = 0; i < map->size; i++)
        if (is_live(&map->entries[i])) place(entries, size, map->entries[i]);
    free(map->entries);
    map->entries = entries;
    map->size = size;
    map->used = map->live;
    return true;
}

enum vch_err vch_map_put(struct vch_map *map, struct vch_str key, void *value, void **ret_old) {
    uint64_t hash = vch_hash(key);
    struct entry *e = find(map, key, hash);
    if (ret_old) *ret_old = e ? e->value : NULL;
    if (e) {
        e->value = value;
        return VCH_OK;
    }
    if ((map->used + 1) * 4 > map->size * 3 && !rehash(map)) return VCH_ERR_NOMEM;
    char *copy = malloc(key.len + 1);
    if (!copy) return VCH_ERR_NOMEM;
    if (key.len) memcpy(copy, key.ptr, key.len);
    copy[key.len] = '\0';
    place(map->entries, map->size, (struct entry){copy, key.len, hash, value});
    map->live++;
    map->used++;
    return VCH_OK;
}

void *vch_map_remove(struct vch_map *map, struct vch_str key) {
    struct entry *e = find(map, key, vch_hash(key));
    if (!e) return NULL;
    free(e->key);
    e->key = tomb;
    map->live--;
    return e->value;
}

bool vch_map_next(const struct vch_map *map, size_t *pos, struct vch_str *ret_key, void **ret_value) {
    for (; *pos < map->size; ++*pos) {
        const struct entry *e = &map->entries[*pos];
        if (!is_live(e)) continue;
        if (ret_key) *ret_key = vch_str_of(e->key, e->key_len);
        if (ret_value) *ret_value = e->value;
        ++*pos;
        return true;
    }
    return false;
}
