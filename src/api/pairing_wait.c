/* A waiting poll belongs to its loop, which alone touches its timer, and is
 * found by the pairing's id in one table under a lock. Whoever takes it out of
 * the table wakes it, so that it wakes once. */
#include "api/pairing_wait_priv.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"

struct vch_pairing_waits {
    struct vch_pool *pool;
    atomic_uint_fast64_t changes;
    pthread_mutex_t lock;
    struct vch_map *by_id; /* struct vch_pairing_wait */
};

enum vch_err vch_pairing_waits_new(struct vch_pool *pool, struct vch_pairing_waits **ret) {
    *ret = calloc(1, sizeof **ret);
    struct vch_map *map = *ret ? vch_map_new() : NULL;
    if (!map) {
        free(*ret);
        return VCH_ERR_NOMEM;
    }
    (*ret)->pool = pool;
    (*ret)->by_id = map;
    (void)pthread_mutex_init(&(*ret)->lock, NULL);
    return VCH_OK;
}

uint64_t vch_pairing_waits_mark(struct vch_pairing_waits *waits) {
    return atomic_load(&waits->changes);
}

size_t vch_pairing_waits_count(struct vch_pairing_waits *waits) {
    (void)pthread_mutex_lock(&waits->lock);
    size_t count = vch_map_count(waits->by_id);
    (void)pthread_mutex_unlock(&waits->lock);
    return count;
}

/* ---- waking ---- */

static void wake(void *arg) {
    struct vch_pairing_wait *wait = arg;
    vch_timer_deinit(&wait->timer);
    wait->timer = (struct vch_timer){.event = NULL};
    wait->turn.over = wait->woken == VCH_PAIRING_WOKEN_TO_ANSWER || vch_mono_us() >= wait->turn.until_us;
    if (vch_pool_submit(wait->waits->pool, wait->resume, wait->arg) != VCH_OK) wait->lost(wait->arg);
}

static void take_out(struct vch_pairing_waits *waits, struct vch_pairing_wait *wait) {
    struct vch_str id = vch_str_from(wait->turn.id);
    wait->in_table = false;
    if (vch_map_get(waits->by_id, id) == wait) (void)vch_map_remove(waits->by_id, id);
}

/* Under the lock. What cannot be sent, because its loop has ended or memory is
 * short, stays where it is: its timer, or the end, sees to it. */
static void send_home(struct vch_pairing_waits *waits, struct vch_pairing_wait *wait) {
    char id_kept[sizeof wait->turn.id];
    struct vch_str id = vch_str_from(memcpy(id_kept, wait->turn.id, sizeof id_kept)); /* once posted it is the loop's */
    bool listed = vch_map_get(waits->by_id, id) == wait;
    wait->in_table = false;
    if (!vch_loop_post(wait->loop, wake, wait)) wait->in_table = true;
    else if (listed) (void)vch_map_remove(waits->by_id, id);
}

static void wake_all(struct vch_pairing_waits *waits) {
    size_t pos = 0;
    struct vch_str id;
    void *wait;
    while (vch_map_next(waits->by_id, &pos, &id, &wait)) send_home(waits, wait);
}

void vch_pairing_waits_changed(struct vch_pairing_waits *waits, const struct vch_str *id) {
    (void)pthread_mutex_lock(&waits->lock);
    atomic_fetch_add(&waits->changes, 1);
    struct vch_pairing_wait *wait = id ? vch_map_get(waits->by_id, *id) : NULL;
    if (!id) wake_all(waits);
    if (wait) send_home(waits, wait);
    (void)pthread_mutex_unlock(&waits->lock);
}

void vch_pairing_waits_free(struct vch_pairing_waits *waits) {
    if (!waits) return;
    size_t pos = 0;
    struct vch_str id;
    void *value;
    while (vch_map_next(waits->by_id, &pos, &id, &value)) {
        struct vch_pairing_wait *wait = value;
        take_out(waits, wait);
        vch_timer_deinit(&wait->timer);
        wait->ended(wait->arg);
    }
    vch_map_free(waits->by_id);
    (void)pthread_mutex_destroy(&waits->lock);
    free(waits);
}

/* ---- waiting ---- */

static void on_time(void *arg) {
    struct vch_pairing_wait *wait = arg;
    struct vch_pairing_waits *waits = wait->waits;
    (void)pthread_mutex_lock(&waits->lock);
    bool mine = wait->in_table;
    if (mine) take_out(waits, wait);
    if (mine) wait->woken = VCH_PAIRING_WOKEN_TO_ANSWER;
    (void)pthread_mutex_unlock(&waits->lock);
    if (mine) wake(wait); /* else somebody woke it: that is on its way */
}

/* False: something changed since the registry was read. */
static bool enter(struct vch_pairing_wait *wait, struct vch_pairing_wait **ret_older) {
    struct vch_pairing_waits *waits = wait->waits;
    void *older = NULL;
    *ret_older = NULL;
    if (atomic_load(&waits->changes) != wait->mark) return false;
    if (vch_map_put(waits->by_id, vch_str_from(wait->turn.id), wait, &older) != VCH_OK) return false;
    wait->in_table = true;
    *ret_older = older;
    return true;
}

static void settle_down(void *arg) {
    struct vch_pairing_wait *wait = arg, *older;
    struct vch_pairing_waits *waits = wait->waits;
    int64_t left_ms = (wait->turn.until_us - vch_mono_us()) / 1000;
    wait->woken = VCH_PAIRING_WOKEN_BY_NEWS;
    if (left_ms <= 0 || vch_timer_init(wait->loop, &wait->timer, on_time, wait) != VCH_OK) {
        wait->woken = VCH_PAIRING_WOKEN_TO_ANSWER;
        wake(wait);
        return;
    }
    vch_timer_set(&wait->timer, left_ms);
    (void)pthread_mutex_lock(&waits->lock);
    bool in = enter(wait, &older);
    if (older) older->woken = VCH_PAIRING_WOKEN_TO_ANSWER;
    if (older) send_home(waits, older);
    (void)pthread_mutex_unlock(&waits->lock);
    if (!in) wake(wait);
}

bool vch_pairing_wait_begin(struct vch_pairing_wait *wait) {
    return vch_loop_post(wait->loop, settle_down, wait);
}
