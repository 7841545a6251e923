#include <string.h>

#include "base/clock.h"
#include "fleet/load_priv.h"
#include "wire/mqtt.h"

/* Without a rate, how long nothing may arrive before what is under way counts as lost. */
enum { FORGIVE_US = 200000, PACKET_IDS = 65535 };

/* ---- when -------------------------------------------------------------------- */

static double thread_rate(const struct vch_load_thread *t) {
    const struct vch_load_plan *plan = t->run->plan;
    return (double)plan->rate * (double)t->publisher_count / (double)plan->publishers;
}

static int64_t due_at(const struct vch_load_thread *t, uint64_t index) {
    return atomic_load(&t->run->start_us) + (int64_t)((double)index * 1e6 / thread_rate(t));
}

/* Messages that were sent and have not reached every subscriber. Both counts
 * move while they are read: no more than a hint. */
static uint64_t under_way(struct vch_load_run *run) {
    uint64_t expected = atomic_load(&run->sent) * run->plan->subscribers;
    uint64_t arrived = atomic_load(&run->received) + atomic_load(&run->forgiven);
    return expected > arrived ? expected - arrived : 0;
}

/* To gather, it waits until there is room for half of them. */
static bool is_full(struct vch_load_thread *t) {
    const struct vch_load_plan *plan = t->run->plan;
    uint64_t most = (uint64_t)plan->window * plan->publishers * plan->subscribers;
    t->full = under_way(t->run) >= (t->full && plan->gather ? most / 2 : most);
    return t->full;
}

static void forgive(struct vch_load_run *run, int64_t now_us) {
    if (now_us - atomic_load(&run->moved_us) < FORGIVE_US) return;
    atomic_fetch_add(&run->forgiven, under_way(run));
    atomic_store(&run->moved_us, now_us);
}

/* ---- sending --------------------------------------------------------------------- */

static bool may_send(const struct vch_load_conn *conn) {
    const struct vch_load_publisher *p = conn->publisher;
    if (conn->state != LOAD_READY || conn->out.len - conn->out_done + conn->packet_len > LOAD_RECORD) return false;
    if (conn->thread->run->plan->qos == 0) return true;
    if (p->flying >= conn->window) return false;
    return p->sent < PACKET_IDS || vch_seen_has(&p->acknowledged, p->sent - PACKET_IDS); /* the id is free again */
}

static void send_one(struct vch_load_conn *conn, int64_t stamp_us) {
    struct vch_load_publisher *p = conn->publisher;
    const struct vch_load_stamp stamp = {conn->thread->run->tag, conn->number, p->sent, stamp_us};
    unsigned id = (unsigned)(p->sent % PACKET_IDS) + 1;
    if (conn->packet_id_at) {
        conn->packet[conn->packet_id_at] = (char)(id >> 8);
        conn->packet[conn->packet_id_at + 1] = (char)id;
        p->flying++;
    }
    memcpy(conn->packet + conn->stamp_at, &stamp, sizeof stamp);
    vch_buf_bytes(&conn->out, conn->packet, conn->packet_len);
    p->sent++;
    atomic_fetch_add_explicit(&conn->thread->run->sent, 1, memory_order_relaxed);
    if (conn->thread->run->plan->gather)
        load_conn_touch(conn);
    else
        load_conn_flush(conn);
}

static void send_freely(struct vch_load_thread *t) {
    for (bool more = true; more && !is_full(t);) {
        more = false;
        for (uint32_t i = 0; i < t->publisher_count && !is_full(t); i++) {
            if (!may_send(t->publishers[i])) continue;
            send_one(t->publishers[i], vch_mono_us());
            more = true;
        }
    }
}

/* The j-th message of the i-th publisher of n is the thread's message j * n + i. */
static void send_due(struct vch_load_thread *t, uint32_t index) {
    struct vch_load_conn *conn = t->publishers[index];
    struct vch_load_publisher *p = conn->publisher;
    while (p->sent < p->due && may_send(conn)) {
        int64_t due = due_at(t, p->sent * t->publisher_count + index);
        send_one(conn, p->late ? due : vch_mono_us());
    }
    p->late = p->sent < p->due; /* its wait is part of what its message took */
}

static void send_at_rate(struct vch_load_thread *t, int64_t now_us) {
    for (uint32_t i = 0; i < t->publisher_count; i++)
        if (t->publishers[i]->publisher->late) send_due(t, i);
    for (; t->due_us <= now_us; t->due_us = due_at(t, t->due)) {
        uint32_t index = (uint32_t)(t->due % t->publisher_count);
        t->publishers[index]->publisher->due++;
        t->due++;
        send_due(t, index);
    }
}

void load_publish_turn(struct vch_load_thread *thread, int64_t now_us) {
    if (thread->publisher_count == 0) return;
    if (thread->due_us == 0) thread->due_us = due_at(thread, 0);
    if (thread->run->plan->rate) {
        send_at_rate(thread, now_us);
        return;
    }
    if (is_full(thread)) forgive(thread->run, now_us);
    send_freely(thread);
}

int64_t load_publish_next_us(const struct vch_load_thread *thread) {
    if (thread->publisher_count == 0) return INT64_MAX;
    return thread->run->plan->rate ? thread->due_us : vch_mono_us() + 1000;
}

/* ---- arriving ---------------------------------------------------------------------- */

void load_publish_acknowledged(struct vch_load_conn *conn, uint16_t packet_id) {
    struct vch_load_publisher *p = conn->publisher;
    uint64_t last = p->sent - 1;
    uint64_t back = (last % PACKET_IDS + 1 + PACKET_IDS - packet_id) % PACKET_IDS;
    if (p->sent == 0 || back > last) {
        load_conn_fail(conn, "publish", "a PUBACK for nothing");
        return;
    }
    if (!vch_seen_has(&p->acknowledged, last - back)) {
        p->flying--;
        atomic_fetch_add_explicit(&conn->thread->run->acknowledged, 1, memory_order_relaxed);
    }
    vch_seen_add(&p->acknowledged, last - back);
}

void load_publish_arrived(struct vch_load_conn *conn, struct vch_str payload) {
    struct vch_load_thread *t = conn->thread;
    struct vch_load_stamp stamp;
    int64_t now = vch_mono_us();
    if (payload.len < sizeof stamp) {
        t->foreign++;
        return;
    }
    memcpy(&stamp, payload.ptr, sizeof stamp);
    if (stamp.run != t->run->tag || stamp.publisher >= t->run->plan->publishers || !conn->seen) {
        t->foreign++;
        return;
    }
    vch_seen_add(&conn->seen[stamp.publisher], stamp.number);
    vch_histogram_add(&t->latency, now - stamp.sent_us);
    atomic_fetch_add_explicit(&t->run->received, 1, memory_order_relaxed);
    atomic_store_explicit(&t->run->moved_us, now, memory_order_relaxed);
}
