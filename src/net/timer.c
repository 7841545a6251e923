#include "net/loop.h"

#include <event2/event.h>

static void on_timer(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    struct vch_timer *timer = arg;
    timer->fn(timer->arg);
}

enum vch_err vch_timer_init(struct vch_loop *loop, struct vch_timer *timer, void (*fn)(void *arg), void *arg) {
    *timer = (struct vch_timer){.fn = fn, .arg = arg};
    timer->event = event_new(vch_loop_base(loop), -1, 0, on_timer, timer);
    return timer->event ? VCH_OK : VCH_ERR_NOMEM;
}

void vch_timer_set(struct vch_timer *timer, int64_t delay_ms) {
    if (delay_ms < 0) delay_ms = 0;
    const struct timeval delay = {.tv_sec = (time_t)(delay_ms / 1000),
                                  .tv_usec = (suseconds_t)(delay_ms % 1000 * 1000)};
    (void)event_add(timer->event, &delay);
}

void vch_timer_stop(struct vch_timer *timer) {
    if (timer->event) (void)event_del(timer->event);
}

void vch_timer_deinit(struct vch_timer *timer) {
    if (timer->event) event_free(timer->event);
    *timer = (struct vch_timer){0};
}
