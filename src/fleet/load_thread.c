#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "fleet/load_priv.h"

enum { EVENTS = 256, TURN_US = 20000, SWEEP_US = 500000, PING_US = 600 * 1000000 };

static bool wants_more(const struct vch_load_thread *t, int phase) {
    const struct vch_load_plan *plan = t->run->plan;
    if (plan->mode != VCH_FLEET_CONNECT) return phase == LOAD_OPENING && t->next_open < t->count;
    if (phase != LOAD_RUNNING) return false;
    return !plan->count_max || atomic_load(&t->run->started) < plan->count_max;
}

/* Of connect: a place that is free takes the next visitor. */
static void open_visitors(struct vch_load_thread *t, int phase) {
    for (uint32_t i = 0; i < t->count && wants_more(t, phase); i++) {
        struct vch_load_conn *conn = &t->conns[i];
        if (conn->link) continue;
        int64_t index = atomic_fetch_add(&t->run->started, 1);
        if (t->run->plan->count_max && index >= t->run->plan->count_max) break;
        conn->number = (uint32_t)index;
        load_conn_open(conn);
    }
}

static void open_more(struct vch_load_thread *t, int phase) {
    if (t->run->plan->mode == VCH_FLEET_CONNECT) {
        open_visitors(t, phase);
        return;
    }
    while (wants_more(t, phase) && t->opening < t->run->plan->opening_max) load_conn_open(&t->conns[t->next_open++]);
}

static void flush_dirty(struct vch_load_thread *t) {
    while (t->dirty) {
        struct vch_load_conn *conn = t->dirty;
        t->dirty = conn->next_dirty;
        conn->dirty = false;
        load_conn_flush(conn);
    }
}

/* Late handshakes, and keeping alive. */
static void sweep(struct vch_load_thread *t, int64_t now_us) {
    if (now_us - t->swept_us < SWEEP_US) return;
    t->swept_us = now_us;
    for (uint32_t i = 0; i < t->count; i++) {
        struct vch_load_conn *conn = &t->conns[i];
        if (!conn->link) continue;
        if (conn->state != LOAD_READY && now_us - conn->started_us > LOAD_WAIT_US) {
            load_conn_fail(conn, "connect", "no answer in time");
        } else if (conn->state == LOAD_READY && now_us - conn->spoken_us > PING_US) {
            conn->spoken_us = now_us;
            load_packet_empty(conn, true);
        }
    }
}

static int64_t wait_us(const struct vch_load_thread *t, int phase) {
    int64_t now = vch_mono_us(), next = phase == LOAD_RUNNING ? load_publish_next_us(t) : INT64_MAX;
    int64_t left = next == INT64_MAX ? TURN_US : next - now;
    return left < 0 ? 0 : left > TURN_US ? TURN_US : left;
}

static void turn(struct vch_load_thread *t, int phase) {
    struct epoll_event events[EVENTS];
    int64_t us = wait_us(t, phase);
    const struct timespec wait = {.tv_sec = 0, .tv_nsec = us * 1000};
    int count = epoll_pwait2(t->epoll, events, EVENTS, &wait, NULL);
    for (int i = 0; i < count; i++) load_conn_event(events[i].data.ptr, events[i].events);
    int64_t now = vch_mono_us();
    if (phase == LOAD_RUNNING && t->run->plan->mode == VCH_FLEET_PUBLISH) load_publish_turn(t, now);
    open_more(t, phase);
    flush_dirty(t);
    sweep(t, now);
}

void *load_thread_main(void *arg) {
    struct vch_load_thread *t = arg;
    (void)prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL); /* the kernel would add 50 us to every wait */
    bool still = false;
    for (int phase = LOAD_OPENING; phase != LOAD_STOPPED; phase = atomic_load(&t->run->phase)) {
        if (phase == LOAD_DRAINING && !still) atomic_fetch_add(&t->run->still, 1);
        still = phase == LOAD_DRAINING;
        turn(t, phase);
    }
    for (uint32_t i = 0; i < t->count; i++) load_conn_close(&t->conns[i]);
    t->dirty = NULL;
    return NULL;
}
