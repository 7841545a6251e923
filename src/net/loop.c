#include "net/loop.h"

#include "base/clock.h"
#include "net/loop_priv.h"
#include "net/mailbox_priv.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { BLOCKS = 64, BLOCK = 4096 };

struct vch_loop {
    unsigned index;
    struct event_base *base;
    pthread_t thread;
    bool started;
    struct vch_mailbox *mailbox;
    struct event *mail_event;
    struct event *turn_event;
    struct vch_defer deferred; /* head of a ring */
    struct vch_defer costly;   /* another */
    size_t costly_count;
    _Atomic uint64_t counts[VCH_LOOP_COUNTS];
    char *scratch;
    char *blocks[BLOCKS]; /* for output, not lent now */
    unsigned block_count;
};

/* ---- the end of the turn -------------------------------------------------- */

static void ring_init(struct vch_defer *head) {
    head->next = head->prev = head;
}

static void ring_remove(struct vch_defer *node) {
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = node->prev = NULL;
}

static void ring_append(struct vch_defer *head, struct vch_defer *node) {
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

/* What is deferred meanwhile waits for the next turn, so that sockets are
 * asked in between. */
static void run_deferred(struct vch_loop *loop) {
    struct vch_defer now;
    ring_init(&now);
    while (loop->deferred.next != &loop->deferred) {
        struct vch_defer *node = loop->deferred.next;
        ring_remove(node);
        ring_append(&now, node);
    }
    while (now.next != &now) {
        struct vch_defer *node = now.next;
        ring_remove(node);
        node->fn(node);
    }
}

static void run_costly(struct vch_loop *loop) {
    int64_t until_us = loop->costly_count ? vch_mono_us() + VCH_LOOP_COSTLY_US : 0;
    while (loop->costly_count) {
        struct vch_defer *node = loop->costly.next;
        ring_remove(node);
        loop->costly_count--;
        node->fn(node);
        if (loop->costly_count && vch_mono_us() >= until_us) return;
    }
}

static void on_turn(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    struct vch_loop *loop = arg;
    static const struct timeval at_once = {0, 0};
    run_deferred(loop);
    run_costly(loop);
    if (loop->deferred.next != &loop->deferred || loop->costly_count) (void)event_add(loop->turn_event, &at_once);
}

void vch_loop_defer(struct vch_loop *loop, struct vch_defer *defer) {
    if (defer->next) return;
    bool first = loop->deferred.next == &loop->deferred;
    ring_append(&loop->deferred, defer);
    /* libevent appends to the events it is working through: this one comes last. */
    if (first) event_active(loop->turn_event, 0, 0);
}

void vch_loop_undefer(struct vch_loop *loop, struct vch_defer *defer) {
    (void)loop;
    if (defer->next) ring_remove(defer);
}

void vch_loop_defer_costly(struct vch_loop *loop, struct vch_defer *defer) {
    if (defer->next) return;
    if (loop->costly_count++ == 0) event_active(loop->turn_event, 0, 0);
    ring_append(&loop->costly, defer);
}

void vch_loop_undefer_costly(struct vch_loop *loop, struct vch_defer *defer) {
    if (!defer->next) return;
    ring_remove(defer);
    loop->costly_count--;
}

size_t vch_loop_costly_waiting(const struct vch_loop *loop) {
    return loop->costly_count;
}

void vch_loop_counted(struct vch_loop *loop, enum vch_loop_count which) {
    atomic_store_explicit(&loop->counts[which], atomic_load_explicit(&loop->counts[which], memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

void vch_loop_stats(const struct vch_loop *loop, struct vch_loop_stats *ret) {
    uint64_t counts[VCH_LOOP_COUNTS];
    for (size_t i = 0; i < VCH_LOOP_COUNTS; i++) counts[i] = atomic_load_explicit(&loop->counts[i], memory_order_relaxed);
    *ret = (struct vch_loop_stats){.accepted = counts[VCH_LOOP_ACCEPTED],
                                   .handshakes = counts[VCH_LOOP_HANDSHAKES],
                                   .handshakes_failed = counts[VCH_LOOP_HANDSHAKES_FAILED],
                                   .accept_rests = counts[VCH_LOOP_ACCEPT_RESTS]};
}

char *vch_loop_scratch(struct vch_loop *loop) {
    return loop->scratch;
}

/* ---- output ---------------------------------------------------------------- */

void vch_loop_lend(struct vch_loop *loop, struct vch_buf *buf) {
    char *block = loop->block_count ? loop->blocks[--loop->block_count] : malloc(BLOCK);
    if (!block) return; /* the buffer will find out by itself */
    buf->ptr = block;
    buf->size = BLOCK;
}

void vch_loop_give(struct vch_loop *loop, struct vch_buf *buf) {
    if (buf->size != BLOCK || loop->block_count == BLOCKS) {
        vch_buf_deinit(buf);
        return;
    }
    vch_wipe(buf->ptr, buf->len); /* no more of it was ever written */
    loop->blocks[loop->block_count++] = buf->ptr;
    buf->ptr = NULL;
    buf->len = buf->size = 0;
    buf->failed = false;
}

/* ---- mail ------------------------------------------------------------------ */

static void on_mail(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    struct vch_loop *loop = arg;
    if (vch_mailbox_run(loop->mailbox)) return;
    run_deferred(loop);
    (void)event_base_loopbreak(loop->base);
}

bool vch_loop_post(struct vch_loop *loop, void (*fn)(void *arg), void *arg) {
    return vch_mailbox_post(loop->mailbox, fn, arg);
}

/* ---- life ------------------------------------------------------------------ */

static struct event_base *base_new(void) {
    struct event_config *config = event_config_new();
    if (!config) return NULL;
    /* Only the loop's thread touches the base; others come through the mailbox. */
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static enum vch_err loop_init(struct vch_loop *loop) {
    ring_init(&loop->deferred);
    ring_init(&loop->costly);
    loop->base = base_new();
    loop->scratch = malloc(VCH_LOOP_SCRATCH);
    if (!loop->base || !loop->scratch) return VCH_ERR_NOMEM;
    VCH_TRY(vch_mailbox_new(&loop->mailbox));
    loop->turn_event = event_new(loop->base, -1, 0, on_turn, loop);
    loop->mail_event = event_new(loop->base, vch_mailbox_fd(loop->mailbox), EV_READ | EV_PERSIST, on_mail, loop);
    if (!loop->turn_event || !loop->mail_event || event_add(loop->mail_event, NULL) != 0) return VCH_ERR_NOMEM;
    return VCH_OK;
}

enum vch_err vch_loop_new(unsigned index, struct vch_loop **ret) {
    *ret = NULL;
    struct vch_loop *loop = calloc(1, sizeof *loop);
    if (!loop) return VCH_ERR_NOMEM;
    loop->index = index;
    enum vch_err err = loop_init(loop);
    if (err == VCH_OK)
        *ret = loop;
    else
        vch_loop_free(loop);
    return err;
}

void vch_loop_free(struct vch_loop *loop) {
    if (!loop) return;
    vch_assert(!loop->started);
    if (loop->mail_event) event_free(loop->mail_event);
    if (loop->turn_event) event_free(loop->turn_event);
    if (loop->base) event_base_free(loop->base);
    vch_mailbox_free(loop->mailbox);
    while (loop->block_count) free(loop->blocks[--loop->block_count]);
    free(loop->scratch);
    free(loop);
}

static void *loop_main(void *arg) {
    struct vch_loop *loop = arg;
    (void)event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
    return NULL;
}

/* Signals belong to the main thread; a thread inherits the mask it is made under. */
enum vch_err vch_loop_start(struct vch_loop *loop) {
    vch_assert(!loop->started);
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&loop->thread, NULL, loop_main, loop);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    loop->started = failure == 0;
    return loop->started ? VCH_OK : VCH_ERR_UNAVAILABLE;
}

void vch_loop_stop(struct vch_loop *loop) {
    vch_mailbox_stop(loop->mailbox);
}

void vch_loop_join(struct vch_loop *loop) {
    if (!loop->started) return;
    (void)pthread_join(loop->thread, NULL);
    loop->started = false;
}

unsigned vch_loop_index(const struct vch_loop *loop) {
    return loop->index;
}

struct event_base *vch_loop_base(struct vch_loop *loop) {
    return loop->base;
}
