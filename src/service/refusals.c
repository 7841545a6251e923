#include "service/refusals.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "pki/csr.h"

enum { KEYS = 3, FIELDS = 10, TEXT_MAX = 320, SAID_MAX = 512, KEY_MAX = 200, SERIAL_ARENA_MAX = 65536 };

/* The refusals of one client id, certificate or address, oldest to newest. */
struct bucket {
    struct entry *oldest, *newest;
    size_t count;
};

struct entry {
    struct vch_refusal refusal; /* its views are into `text` */
    struct entry *older, *newer;
    struct {
        struct bucket *bucket; /* NULL: it has no such key */
        struct entry *older, *newer;
    } by[KEYS];
    char text[];
};

struct vch_refusals {
    pthread_mutex_t lock; /* for a lookup, or the copying of an answer */
    struct vch_map *buckets;
    struct entry *oldest, *newest;
    size_t count;
    _Atomic uint64_t counts[VCH_REFUSED_COUNT][VCH_REASON_COUNT + 1];
};

static const struct {
    char letter;
    size_t max;
} keys[KEYS] = {{'c', VCH_REFUSALS_PER_CLIENT}, {'x', VCH_REFUSALS_PER_CERTIFICATE}, {'a', VCH_REFUSALS_PER_ADDRESS}};

const char *vch_refused_word(enum vch_refused what) {
    static const char *const words[] = {
        [VCH_REFUSED_HANDSHAKE] = "handshake", [VCH_REFUSED_CONNECT] = "connect",     [VCH_REFUSED_PUBLISH] = "publish",
        [VCH_REFUSED_SUBSCRIBE] = "subscribe", [VCH_REFUSED_RECEIVE] = "receive",     [VCH_REFUSED_PROVISION] = "provision",
        [VCH_REFUSED_CONNECTION] = "connection", [VCH_REFUSED_PAIRING] = "pairing",
    };
    _Static_assert(sizeof words / sizeof *words == VCH_REFUSED_COUNT, "a word for each");
    return words[what];
}

/* ---- life ---- */

enum vch_err vch_refusals_new(struct vch_refusals **ret) {
    struct vch_refusals *r = calloc(1, sizeof *r);
    if (r) r->buckets = vch_map_new();
    if (!r || !r->buckets) {
        free(r);
        return VCH_ERR_NOMEM;
    }
    (void)pthread_mutex_init(&r->lock, NULL);
    *ret = r;
    return VCH_OK;
}

static struct vch_str key_text(const struct vch_refusal *refusal, size_t key, char out[KEY_MAX]) {
    const struct vch_str values[KEYS] = {refusal->client_id, refusal->certificate_id, refusal->source_ip};
    size_t len = values[key].len < KEY_MAX - 1 ? values[key].len : KEY_MAX - 1;
    if (len == 0) return (struct vch_str){NULL, 0};
    out[0] = keys[key].letter;
    memcpy(out + 1, values[key].ptr, len);
    return vch_str_of(out, len + 1);
}

static void leave_bucket(struct vch_refusals *r, struct entry *e, size_t key) {
    char text[KEY_MAX];
    struct bucket *bucket = e->by[key].bucket;
    if (!bucket) return;
    *(e->by[key].older ? &e->by[key].older->by[key].newer : &bucket->oldest) = e->by[key].newer;
    *(e->by[key].newer ? &e->by[key].newer->by[key].older : &bucket->newest) = e->by[key].older;
    if (--bucket->count == 0) free(vch_map_remove(r->buckets, key_text(&e->refusal, key, text)));
}

static void forget(struct vch_refusals *r, struct entry *e) {
    for (size_t key = 0; key < KEYS; key++) leave_bucket(r, e, key);
    *(e->older ? &e->older->newer : &r->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &r->newest) = e->older;
    r->count--;
    free(e);
}

void vch_refusals_free(struct vch_refusals *r) {
    if (!r) return;
    while (r->oldest) forget(r, r->oldest);
    vch_map_free(r->buckets);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}

/* ---- telling ---- */

static unsigned reason_index(const char *reason) {
    unsigned i = 0;
    while (i < VCH_REASON_COUNT && (!reason || strcmp(reason, vch_reason_code((enum vch_reason)i)) != 0)) i++;
    return i;
}

static void list_fields(struct vch_refusal *refusal, struct vch_str *ret[FIELDS]) {
    struct vch_str *const all[FIELDS] = {&refusal->client_id, &refusal->certificate_id, &refusal->serial,
                                         &refusal->source_ip, &refusal->action,         &refusal->resource,
                                         &refusal->policy,    &refusal->message,        &refusal->hook_said, NULL};
    memcpy(ret, all, sizeof all);
}

/* Every text of `to` moves into `text`, which has room. */
static void move_texts(struct vch_refusal *to, char *text) {
    struct vch_str *fields[FIELDS];
    list_fields(to, fields);
    for (size_t i = 0; fields[i]; i++) {
        if (fields[i]->len) memcpy(text, fields[i]->ptr, fields[i]->len);
        fields[i]->ptr = text;
        text += fields[i]->len;
    }
}

/* Cuts what a peer chose too long; how many bytes it is then. */
static size_t measure(struct vch_refusal *refusal) {
    struct vch_str *fields[FIELDS];
    size_t size = 0;
    list_fields(refusal, fields);
    for (size_t i = 0; fields[i]; i++) {
        size_t most = fields[i] == &refusal->hook_said ? SAID_MAX : TEXT_MAX;
        if (fields[i]->len > most) fields[i]->len = most;
        size += fields[i]->len;
    }
    return size;
}

static struct entry *entry_new(const struct vch_refusal *refusal) {
    struct vch_refusal cut = *refusal;
    size_t size = measure(&cut);
    struct entry *e = malloc(sizeof *e + size);
    if (!e) return NULL;
    *e = (struct entry){.refusal = cut};
    move_texts(&e->refusal, e->text);
    e->refusal.first_ms = e->refusal.time_ms;
    e->refusal.count = 1;
    return e;
}

/* With the lock held. Out of memory the entry is found by its other keys. */
static void enter_bucket(struct vch_refusals *r, struct entry *e, size_t key) {
    char text[KEY_MAX];
    struct vch_str name = key_text(&e->refusal, key, text);
    if (name.len == 0) return;
    struct bucket *bucket = vch_map_get(r->buckets, name);
    if (!bucket) {
        bucket = calloc(1, sizeof *bucket);
        if (!bucket || vch_map_put(r->buckets, name, bucket, NULL) != VCH_OK) {
            free(bucket);
            return;
        }
    }
    e->by[key].bucket = bucket;
    e->by[key].older = bucket->newest;
    *(bucket->newest ? &bucket->newest->by[key].newer : &bucket->oldest) = e;
    bucket->newest = e;
    bucket->count++;
}

static void make_room(struct vch_refusals *r, const struct vch_refusal *refusal) {
    char text[KEY_MAX];
    for (size_t key = 0; key < KEYS; key++) {
        struct vch_str name = key_text(refusal, key, text);
        struct bucket *bucket = name.len ? vch_map_get(r->buckets, name) : NULL;
        if (bucket && bucket->count >= keys[key].max) forget(r, bucket->oldest);
    }
    if (r->count >= VCH_REFUSALS_MAX) forget(r, r->oldest);
}

static bool repeats(const struct vch_refusal *a, const struct vch_refusal *b) {
    return a->what == b->what && strcmp(a->reason, b->reason) == 0 && vch_str_eq(a->client_id, b->client_id) &&
           vch_str_eq(a->certificate_id, b->certificate_id) && vch_str_eq(a->source_ip, b->source_ip) &&
           vch_str_eq(a->action, b->action) && vch_str_eq(a->resource, b->resource) && vch_str_eq(a->serial, b->serial);
}

/* The newest of the same client, or of the certificate, or of the address. */
static struct entry *newest_like(struct vch_refusals *r, const struct vch_refusal *refusal) {
    char text[KEY_MAX];
    for (size_t key = 0; key < KEYS; key++) {
        struct vch_str name = key_text(refusal, key, text);
        if (name.len == 0) continue;
        const struct bucket *bucket = vch_map_get(r->buckets, name);
        return bucket ? bucket->newest : NULL;
    }
    return NULL;
}

/* The connection that ends after its packet was refused adds nothing. */
static bool is_echo(const struct vch_refusal *old, const struct vch_refusal *fresh) {
    return fresh->what == VCH_REFUSED_CONNECTION && strcmp(old->reason, fresh->reason) == 0 &&
           vch_str_eq(old->certificate_id, fresh->certificate_id);
}

static void keep(struct vch_refusals *r, const struct vch_refusal *refusal) {
    struct entry *like = newest_like(r, refusal);
    if (like && is_echo(&like->refusal, refusal)) return;
    if (like && repeats(&like->refusal, refusal)) {
        like->refusal.count++;
        like->refusal.time_ms = refusal->time_ms;
        return;
    }
    struct entry *e = entry_new(refusal);
    if (!e) return;
    make_room(r, &e->refusal);
    for (size_t key = 0; key < KEYS; key++) enter_bucket(r, e, key);
    e->older = r->newest;
    *(r->newest ? &r->newest->newer : &r->oldest) = e;
    r->newest = e;
    r->count++;
}

void vch_refusals_add(struct vch_refusals *r, enum vch_refused what, const char *reason) {
    if (r) atomic_fetch_add_explicit(&r->counts[what][reason_index(reason)], 1, memory_order_relaxed);
}

void vch_refusal_serial(struct vch_str der, char ret[VCH_REFUSAL_SERIAL]) {
    struct vch_certificate_info info;
    ret[0] = '\0';
    struct vch_arena *arena = der.len ? vch_arena_new(SERIAL_ARENA_MAX, false) : NULL;
    if (arena && vch_certificate_describe(der, arena, &info, NULL) == VCH_OK)
        (void)vch_str_copy(ret, VCH_REFUSAL_SERIAL, info.serial_hex);
    vch_arena_free(arena);
}

void vch_refusals_tell(struct vch_refusals *r, const struct vch_refusal *refusal) {
    if (!r) return;
    struct vch_refusal told = *refusal;
    if (!told.reason) told.reason = vch_reason_code(VCH_REASON_INTERNAL);
    vch_refusals_add(r, told.what, told.reason);
    (void)pthread_mutex_lock(&r->lock);
    keep(r, &told);
    (void)pthread_mutex_unlock(&r->lock);
}

uint64_t vch_refusals_count(const struct vch_refusals *r, enum vch_refused what, unsigned reason) {
    return atomic_load_explicit(&r->counts[what][reason], memory_order_relaxed);
}

size_t vch_refusals_kept(struct vch_refusals *r) {
    (void)pthread_mutex_lock(&r->lock);
    size_t count = r->count;
    (void)pthread_mutex_unlock(&r->lock);
    return count;
}

/* ---- asking ---- */

static struct vch_str serial_next(struct vch_str *s, bool *started) {
    while (s->len) {
        struct vch_str c = vch_str_sub(*s, 0, 1);
        *s = vch_str_sub(*s, 1, SIZE_MAX);
        if (c.ptr[0] == ':' || (!*started && c.ptr[0] == '0')) continue;
        *started = true;
        return c;
    }
    return (struct vch_str){NULL, 0};
}

bool vch_serial_eq(struct vch_str a, struct vch_str b) {
    bool a_started = false, b_started = false;
    if (a.len == 0 || b.len == 0) return false;
    for (;;) {
        struct vch_str x = serial_next(&a, &a_started), y = serial_next(&b, &b_started);
        if (!vch_str_ieq(x, y)) return false;
        if (x.len == 0) return true;
    }
}

static bool wanted(const struct vch_refusal_query *q, const struct vch_refusal *refusal) {
    if (q->client_id.len && !vch_str_eq(q->client_id, refusal->client_id)) return false;
    if (q->certificate_id.len && !vch_str_ieq(q->certificate_id, refusal->certificate_id)) return false;
    if (q->serial.len && !vch_serial_eq(q->serial, refusal->serial)) return false;
    return q->any.len == 0 || vch_str_eq(q->any, refusal->client_id) || vch_str_eq(q->any, refusal->source_ip) ||
           vch_str_ieq(q->any, refusal->certificate_id) || vch_serial_eq(q->any, refusal->serial);
}

static bool copy(const struct vch_refusal *from, struct vch_arena *arena, struct vch_refusal *to) {
    *to = *from;
    char *text = vch_arena_alloc(arena, measure(to) + 1);
    if (text) move_texts(to, text);
    return text != NULL;
}

enum vch_err vch_refusals_find(struct vch_refusals *r, const struct vch_refusal_query *query, size_t max,
                               struct vch_arena *arena, struct vch_refusal **ret, size_t *ret_count) {
    struct vch_refusal *found = vch_arena_array(arena, max ? max : 1, sizeof *found);
    bool fits = found != NULL;
    *ret = found;
    *ret_count = 0;
    if (!r) return fits ? VCH_OK : VCH_ERR_NOMEM;
    (void)pthread_mutex_lock(&r->lock);
    for (const struct entry *e = r->newest; fits && e && *ret_count < max; e = e->older) {
        if (!wanted(query, &e->refusal)) continue;
        fits = copy(&e->refusal, arena, &found[*ret_count]);
        *ret_count += fits;
    }
    (void)pthread_mutex_unlock(&r->lock);
    return fits ? VCH_OK : VCH_ERR_NOMEM;
}
