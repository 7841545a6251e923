#include "service/sign_in_guard.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/map.h"
#include "core/reason.h"

enum { SETS = 4096, WAYS = 8, WAIT_S = 2, TEXT_MAX = 256 };

struct entry {
    uint64_t user, place; /* 0: any */
    int64_t since_ms, touched_ms; /* of the window; 0: the entry is free */
    uint64_t turn; /* of the attempt that looked at it last */
    int count;
    bool known; /* the user signed in from there */
    bool told;  /* that it is closed */
};

struct rule {
    int max;
    int64_t window_ms;
};
static const struct rule pair_rule = {VCH_SIGN_IN_PAIR_MAX, 15 * 60 * 1000};
static const struct rule place_rule = {VCH_SIGN_IN_PLACE_MAX, 5 * 60 * 1000};
static const struct rule user_rule = {VCH_SIGN_IN_USER_MAX, 60 * 60 * 1000};

struct vch_sign_in {
    pthread_mutex_t lock; /* of all below; held for lookups */
    pthread_cond_t freed;
    unsigned running, running_max, waiting;
    uint64_t turn;
    struct vch_sign_in_stats stats;
    struct entry entries[SETS][WAYS];
};

enum vch_err vch_sign_in_new(unsigned at_once, struct vch_sign_in **ret) {
    struct vch_sign_in *s = calloc(1, sizeof *s);
    pthread_condattr_t attr;
    if (!s) return VCH_ERR_NOMEM;
    s->running_max = at_once ? at_once : 1;
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&s->freed, &attr);
    (void)pthread_condattr_destroy(&attr);
    *ret = s;
    return VCH_OK;
}

void vch_sign_in_free(struct vch_sign_in *s) {
    if (!s) return;
    (void)pthread_cond_destroy(&s->freed);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

/* ---- keys ---- */

/* Never 0, which stands for any. */
static uint64_t key_of(char kind, const void *bytes, size_t len) {
    char text[TEXT_MAX] = {kind};
    if (len > sizeof text - 1) len = sizeof text - 1;
    if (len) memcpy(text + 1, bytes, len);
    uint64_t hash = vch_hash(vch_str_of(text, len + 1));
    return hash ? hash : 1;
}

static uint64_t place_key(struct vch_str ip) {
    char text[INET6_ADDRSTRLEN];
    struct in6_addr six;
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (!vch_str_copy(text, sizeof text, ip) || inet_pton(AF_INET6, text, &six) != 1) return key_of('a', ip.ptr, ip.len);
    if (memcmp(six.s6_addr, mapped, sizeof mapped) != 0) return key_of('6', six.s6_addr, 8);
    if (!inet_ntop(AF_INET, six.s6_addr + 12, text, sizeof text)) return key_of('6', six.s6_addr, 8);
    return key_of('a', text, strlen(text));
}

/* ---- entries; with the lock held ---- */

static const struct rule *rule_of(const struct entry *e) {
    if (!e->user) return &place_rule;
    return e->place ? &pair_rule : &user_rule;
}

static bool is_over(const struct entry *e, int64_t now_ms) {
    return now_ms - e->since_ms >= rule_of(e)->window_ms || now_ms < e->since_ms;
}

/* What would be forgotten with it. Whoever floods the table makes entries that have counted little. */
static int worth(const struct entry *e, int64_t now_ms) {
    if (!e->touched_ms) return -1;
    return (e->known ? VCH_SIGN_IN_PAIR_MAX : 0) + (is_over(e, now_ms) ? 0 : e->count);
}

static bool goes_before(const struct entry *e, const struct entry *other, int64_t now_ms) {
    int mine = worth(e, now_ms), others = worth(other, now_ms);
    return mine < others || (mine == others && e->touched_ms < other->touched_ms);
}

static struct entry *find(struct vch_sign_in *s, uint64_t user, uint64_t place) {
    struct entry *set = s->entries[(user ^ place) % SETS];
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].touched_ms && set[i].user == user && set[i].place == place) return &set[i];
    return NULL;
}

/* The three of one attempt may share a set: they are not thrown out for each other. */
static struct entry *make_room(struct vch_sign_in *s, struct entry *set, int64_t now_ms) {
    struct entry *least = NULL;
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].turn != s->turn && (!least || goes_before(&set[i], least, now_ms))) least = &set[i];
    vch_assert(least); /* WAYS is more than three */
    return least;
}

static struct entry *need(struct vch_sign_in *s, uint64_t user, uint64_t place, int64_t now_ms) {
    struct entry *e = find(s, user, place);
    if (!e) {
        e = make_room(s, s->entries[(user ^ place) % SETS], now_ms);
        *e = (struct entry){.user = user, .place = place, .since_ms = now_ms};
    }
    e->touched_ms = now_ms;
    e->turn = s->turn;
    return e;
}

static void age(struct entry *e, int64_t now_ms) {
    if (!is_over(e, now_ms)) return;
    e->since_ms = now_ms;
    e->count = 0;
    e->told = false;
}

/* How long it is closed still; 0: it is open, or there is none. */
static int64_t closed_ms(struct entry *e, int64_t now_ms) {
    if (!e) return 0;
    age(e, now_ms);
    return e->count >= rule_of(e)->max ? e->since_ms + rule_of(e)->window_ms - now_ms : 0;
}

/* The attempt that fills it begins the time for which it is closed. */
static void add(struct entry *e, int64_t now_ms) {
    age(e, now_ms);
    if (++e->count == rule_of(e)->max) e->since_ms = now_ms;
}

static void take_back(struct entry *e) {
    if (e && e->count > 0) e->count--;
}

/* The one that is closed the longest, or NULL. */
static struct entry *closed(struct vch_sign_in *s, const struct vch_attempt *a, int64_t now_ms, int64_t *ret_ms) {
    struct entry *const all[] = {a->user ? find(s, a->user, a->place) : NULL, find(s, 0, a->place), a->user ? find(s, a->user, 0) : NULL};
    bool is_known = a->known || (all[0] && all[0]->known);
    struct entry *shut = NULL;
    *ret_ms = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int64_t ms = i == 2 && is_known ? 0 : closed_ms(all[i], now_ms);
        if (ms <= *ret_ms) continue;
        *ret_ms = ms;
        shut = all[i];
    }
    return shut;
}

/* ---- attempts ---- */

/* What is closed makes no entries: nobody whose attempts are not looked at can push others out of the table. */
static enum vch_err enter(struct vch_sign_in *s, const struct vch_attempt *a, int64_t now_ms, int64_t *ret_ms, bool *ret_first) {
    struct entry *shut = closed(s, a, now_ms, ret_ms);
    *ret_first = shut && !shut->told;
    if (shut) {
        s->stats.locked++;
        shut->told = true;
        return VCH_ERR_THROTTLED;
    }
    s->turn++;
    add(need(s, 0, a->place, now_ms), now_ms);
    if (!a->user) return VCH_OK;
    add(need(s, a->user, a->place, now_ms), now_ms);
    add(need(s, a->user, 0, now_ms), now_ms);
    return VCH_OK;
}

static enum vch_err count_in(struct vch_sign_in *s, const struct vch_attempt *a, int64_t now_ms, int64_t *ret_retry_s, bool *ret_first,
                             struct vch_diag *diag) {
    int64_t closed_for_ms = 0;
    (void)pthread_mutex_lock(&s->lock);
    enum vch_err err = enter(s, a, now_ms, &closed_for_ms, ret_first);
    (void)pthread_mutex_unlock(&s->lock);
    *ret_retry_s = (closed_for_ms + 999) / 1000;
    if (err == VCH_OK) return VCH_OK;
    return VCH_REFUSE(diag, err, SIGN_IN_LOCKED, "", "There were too many attempts; try again in %lld seconds.", (long long)*ret_retry_s);
}

enum vch_err vch_sign_in_enter(struct vch_sign_in *s, struct vch_str user, const struct vch_attempt_from *from, int64_t now_ms,
                               struct vch_attempt *ret, int64_t *ret_retry_s, bool *ret_first, struct vch_diag *diag) {
    bool known = from->browser.len > 0;
    *ret = (struct vch_attempt){.user = key_of('u', user.ptr, user.len),
                                .place = known ? key_of('b', from->browser.ptr, from->browser.len) : place_key(from->source_ip),
                                .known = known};
    return count_in(s, ret, now_ms, ret_retry_s, ret_first, diag);
}

enum vch_err vch_sign_in_enter_place(struct vch_sign_in *s, struct vch_str source_ip, int64_t now_ms, struct vch_attempt *ret,
                                     int64_t *ret_retry_s, struct vch_diag *diag) {
    bool first = false;
    *ret = (struct vch_attempt){.place = place_key(source_ip)};
    return count_in(s, ret, now_ms, ret_retry_s, &first, diag);
}

static void leave(struct vch_sign_in *s, const struct vch_attempt *a, enum vch_attempt_end end, int64_t now_ms) {
    if (end == VCH_ATTEMPT_BAD) {
        s->stats.refused++;
        return;
    }
    take_back(find(s, 0, a->place));
    if (!a->user) return;
    take_back(find(s, a->user, a->place));
    take_back(find(s, a->user, 0));
    if (end != VCH_ATTEMPT_GOOD) return;
    s->turn++;
    struct entry *pair = need(s, a->user, a->place, now_ms);
    pair->count = 0;
    pair->known = true;
}

void vch_sign_in_leave(struct vch_sign_in *s, const struct vch_attempt *attempt, enum vch_attempt_end end, int64_t now_ms) {
    (void)pthread_mutex_lock(&s->lock);
    leave(s, attempt, end, now_ms);
    (void)pthread_mutex_unlock(&s->lock);
}

void vch_sign_in_forget(struct vch_sign_in *s, struct vch_str user) {
    uint64_t key = key_of('u', user.ptr, user.len);
    (void)pthread_mutex_lock(&s->lock);
    for (size_t set = 0; set < SETS; set++)
        for (size_t way = 0; way < WAYS; way++)
            if (s->entries[set][way].user == key) s->entries[set][way] = (struct entry){.touched_ms = 0};
    (void)pthread_mutex_unlock(&s->lock);
}

void vch_sign_in_stats(struct vch_sign_in *s, struct vch_sign_in_stats *ret) {
    (void)pthread_mutex_lock(&s->lock);
    *ret = s->stats;
    (void)pthread_mutex_unlock(&s->lock);
}

/* ---- computations ---- */

static bool wait_for_slot(struct vch_sign_in *s) {
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WAIT_S;
    s->waiting++;
    int waited = 0;
    while (s->running >= s->running_max && waited == 0) waited = pthread_cond_timedwait(&s->freed, &s->lock, &until);
    s->waiting--;
    return s->running < s->running_max;
}

enum vch_err vch_sign_in_slot_take(struct vch_sign_in *s, struct vch_diag *diag) {
    (void)pthread_mutex_lock(&s->lock);
    bool room = s->running < s->running_max || (s->waiting < s->running_max / 2 && wait_for_slot(s));
    if (room) {
        s->running++;
        s->stats.checks++;
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (room) return VCH_OK;
    return VCH_REFUSE(diag, VCH_ERR_THROTTLED, SIGN_IN_BUSY, "", "Too many people sign in at this moment; try again.");
}

void vch_sign_in_slot_give(struct vch_sign_in *s) {
    (void)pthread_mutex_lock(&s->lock);
    s->running--;
    (void)pthread_cond_signal(&s->freed);
    (void)pthread_mutex_unlock(&s->lock);
}
