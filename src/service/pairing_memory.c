/* Counters of pairing in fixed room: a place is found by a hash under the
 * process's key, four places to a set, and the oldest of a set gives way. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "service/pairing_priv.h"

enum { SETS = 1024, WAYS = 4, POLLS = 16384, WHO_MAX = 512, BURST = 3, ROWS_BURST = 100, PEOPLE = 256, OWN_BURST = 50 };
static const int64_t row_pause_us = 1000000, own_pause_us = 2000000;

struct tally {
    uint64_t key;
    int64_t since_ms;
    unsigned count;
};

struct poll {
    uint64_t key;
    int64_t full_at_us; /* when all of the burst may come again */
    int64_t interval_s;
    unsigned told;
};

struct vch_pairings {
    pthread_mutex_t lock;
    struct tally tallies[VCH_PAIRING_COUNT_KINDS][SETS][WAYS];
    struct poll polls[POLLS];
    struct row_budget {
        int64_t full_at_us, left_out;
    } rows[VCH_PAIRING_ROWS_KINDS];
    int64_t own_full_at_us[PEOPLE]; /* of each person's rows, by a hash */
};

enum vch_err vch_pairings_new(struct vch_pairings **ret) {
    *ret = calloc(1, sizeof **ret);
    if (!*ret) return VCH_ERR_NOMEM;
    (void)pthread_mutex_init(&(*ret)->lock, NULL);
    return VCH_OK;
}

void vch_pairings_free(struct vch_pairings *p) {
    if (!p) return;
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

/* ---- how often ---- */

static int64_t window_ms(enum vch_pairing_count kind) {
    if (kind == VCH_PAIRING_COUNT_LATELY) return VCH_PAIRING_LIFE_S * INT64_C(1000);
    return kind == VCH_PAIRING_COUNT_USER || kind == VCH_PAIRING_COUNT_ADDRESS ? INT64_C(3600000) : INT64_C(60000);
}

/* Whoever has one address of IPv6 has a /64 of them, and often gets a /48; of IPv4, a whole local network at most. */
static uint64_t key_of(enum vch_pairing_count kind, struct vch_str who) {
    char text[WHO_MAX];
    uint8_t address[16];
    bool site = kind == VCH_PAIRING_COUNT_SITE || kind == VCH_PAIRING_COUNT_LATELY, readable = vch_str_copy(text, sizeof text, who);
    if (readable && inet_pton(AF_INET6, text, address) == 1) return vch_hash(vch_str_of(address, site ? 6 : 8)) | 1;
    if (readable && site && inet_pton(AF_INET, text, address) == 1) return vch_hash(vch_str_of(address, 3)) | 1;
    return vch_hash(who) | 1;
}

static struct tally *find(struct vch_pairings *p, enum vch_pairing_count kind, uint64_t key, int64_t now_ms) {
    struct tally *set = p->tallies[kind][key / 2 % SETS], *oldest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].key == key) oldest = &set[i];
        if (set[i].key == key) break;
        if (set[i].since_ms < oldest->since_ms) oldest = &set[i];
    }
    bool over = now_ms - oldest->since_ms >= window_ms(kind) || now_ms < oldest->since_ms;
    if (oldest->key != key || over) *oldest = (struct tally){.key = key, .since_ms = now_ms};
    return oldest;
}

unsigned vch_pairing_count(struct vch_pairings *p, enum vch_pairing_count kind, struct vch_str who, int64_t now_ms) {
    uint64_t key = key_of(kind, who);
    (void)pthread_mutex_lock(&p->lock);
    unsigned now = ++find(p, kind, key, now_ms)->count;
    (void)pthread_mutex_unlock(&p->lock);
    return now;
}

void vch_pairing_uncount(struct vch_pairings *p, enum vch_pairing_count kind, struct vch_str who, int64_t now_ms) {
    uint64_t key = key_of(kind, who);
    (void)pthread_mutex_lock(&p->lock);
    struct tally *t = find(p, kind, key, now_ms);
    if (t->count) t->count--; /* the window may have ended meanwhile */
    (void)pthread_mutex_unlock(&p->lock);
}

/* ---- polls ---- */

static struct poll *poll_of(struct vch_pairings *p, struct vch_str id) {
    uint64_t key = vch_hash(id) | 1;
    struct poll *poll = &p->polls[key / 2 % POLLS];
    if (poll->key != key) *poll = (struct poll){.key = key, .interval_s = VCH_PAIRING_INTERVAL_S};
    return poll;
}

/* A leaky bucket in one number: when it is empty again. */
static bool take(int64_t *full_at_us, int64_t pause_us, int64_t burst, int64_t now_us) {
    int64_t from = *full_at_us > now_us ? *full_at_us : now_us;
    if (from - now_us > pause_us * (burst - 1)) return false;
    *full_at_us = from + pause_us;
    return true;
}

bool vch_pairing_poll(struct vch_pairings *p, struct vch_str id, int64_t now_us, int64_t *ret_interval_s) {
    (void)pthread_mutex_lock(&p->lock);
    struct poll *poll = poll_of(p, id);
    bool fits = take(&poll->full_at_us, poll->interval_s * 1000000, BURST, now_us);
    if (!fits && poll->interval_s + VCH_PAIRING_SLOWER_S <= VCH_PAIRING_INTERVAL_MAX_S) poll->interval_s += VCH_PAIRING_SLOWER_S;
    if (!fits) poll->full_at_us = now_us + poll->interval_s * 1000000 * BURST; /* the next one after the whole interval */
    *ret_interval_s = poll->interval_s;
    (void)pthread_mutex_unlock(&p->lock);
    return fits;
}

unsigned vch_pairing_told(struct vch_pairings *p, struct vch_str id) {
    (void)pthread_mutex_lock(&p->lock);
    unsigned told = poll_of(p, id)->told;
    (void)pthread_mutex_unlock(&p->lock);
    return told;
}

/* Who was told news has something to ask about: that poll does not count. */
void vch_pairing_tell(struct vch_pairings *p, struct vch_str id, unsigned told) {
    (void)pthread_mutex_lock(&p->lock);
    struct poll *poll = poll_of(p, id);
    if (poll->told != told) poll->full_at_us -= poll->interval_s * 1000000;
    poll->told = told;
    (void)pthread_mutex_unlock(&p->lock);
}

bool vch_pairing_row_fits(struct vch_pairings *p, enum vch_pairing_rows kind, struct vch_str who, int64_t now_us, int64_t *ret_left_out) {
    struct row_budget *budget = &p->rows[kind];
    *ret_left_out = 0;
    (void)pthread_mutex_lock(&p->lock);
    bool fits = kind != VCH_PAIRING_ROWS_PEOPLE || take(&p->own_full_at_us[vch_hash(who) % PEOPLE], own_pause_us, OWN_BURST, now_us);
    fits = fits && take(&budget->full_at_us, row_pause_us, ROWS_BURST, now_us);
    if (fits) *ret_left_out = budget->left_out;
    budget->left_out = fits ? 0 : budget->left_out + 1;
    (void)pthread_mutex_unlock(&p->lock);
    return fits;
}
