/* An event loop: one thread, its sockets, its timers, its mailbox. Over libevent.
 * Everything marked [loop] is called on that loop's own thread only. */
#ifndef VCH_NET_LOOP_H
#define VCH_NET_LOOP_H

#include "base/str.h"

struct vch_loop;
struct event_base;

enum vch_err vch_loop_new(unsigned index, struct vch_loop **ret) VCH_MUST;
void vch_loop_free(struct vch_loop *loop); /* after its thread has ended */
enum vch_err vch_loop_start(struct vch_loop *loop) VCH_MUST; /* spawns its thread */
void vch_loop_stop(struct vch_loop *loop);                   /* any thread; then join */
void vch_loop_join(struct vch_loop *loop);
unsigned vch_loop_index(const struct vch_loop *loop);
struct event_base *vch_loop_base(struct vch_loop *loop); /* for net/ alone */

/* What it did so far. Any thread. */
struct vch_loop_stats {
    uint64_t accepted, handshakes, handshakes_failed; /* connections; handshakes that ended well or not */
    uint64_t accept_rests;                            /* times it stopped accepting because handshakes waited */
};
void vch_loop_stats(const struct vch_loop *loop, struct vch_loop_stats *ret);

/* Hands `arg` over: fn runs on the loop, in order of posting. Any thread. False
 * when the loop is stopped or memory is out: the caller still owns `arg`. */
bool vch_loop_post(struct vch_loop *loop, void (*fn)(void *arg), void *arg);

/* A one-shot timer, embedded by its owner. [loop] */
struct vch_timer {
    struct event *event;
    void (*fn)(void *arg);
    void *arg;
};
enum vch_err vch_timer_init(struct vch_loop *loop, struct vch_timer *timer, void (*fn)(void *arg), void *arg) VCH_MUST;
void vch_timer_set(struct vch_timer *timer, int64_t delay_ms); /* again: moves it */
void vch_timer_stop(struct vch_timer *timer);
void vch_timer_deinit(struct vch_timer *timer); /* zeroed memory is fine */

#endif
