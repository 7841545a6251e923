#include "daemon/hooks_client.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/hooks_wire.h"

/* GRACE: the process ends an order itself; this is for when it does not. */
enum { READY_TIMEOUT_MS = 10000, LOOK_MS = 500, GRACE_MS = 500, OUTGOING_MAX = 64 << 20 };

/* An order that the socket has not taken yet. Wiped: it may hold a key. */
struct outgoing {
    struct outgoing *next;
    size_t len;
    char bytes[];
};

struct slot {
    uint64_t tag; /* 0: free */
    int64_t begun_us, deadline_ms;
    vch_hook_done *done;
    void *arg;
};

struct vch_hooks_client {
    int fd, wake; /* `wake`: an eventfd, there is something to send */
    pthread_t thread;
    pthread_mutex_t lock; /* over what follows; never held over a system call */
    struct slot slots[VCH_HOOKS_WAITING_MAX];
    uint32_t idle[VCH_HOOKS_WAITING_MAX];
    size_t idle_count;
    uint64_t generation;
    struct outgoing *first, **last; /* taken off by the thread alone */
    size_t outgoing_bytes;
    bool gone;
};

/* ---- slots: a tag is a number that grows and the slot's place ---- */

/* Takes the slot out; false when nobody waits under that tag any more. */
static bool take(struct vch_hooks_client *client, uint64_t tag, struct slot *ret) {
    size_t i = tag % VCH_HOOKS_WAITING_MAX;
    (void)pthread_mutex_lock(&client->lock);
    bool found = tag != 0 && client->slots[i].tag == tag;
    if (found) {
        *ret = client->slots[i];
        client->slots[i].tag = 0;
        client->idle[client->idle_count++] = (uint32_t)i;
    }
    (void)pthread_mutex_unlock(&client->lock);
    return found;
}

static uint64_t put(struct vch_hooks_client *client, const struct vch_hook_order *order, vch_hook_done *done, void *arg) {
    uint64_t tag = 0;
    (void)pthread_mutex_lock(&client->lock);
    if (!client->gone && client->idle_count > 0) {
        size_t i = client->idle[--client->idle_count];
        tag = ++client->generation * VCH_HOOKS_WAITING_MAX + i;
        client->slots[i] = (struct slot){tag, vch_mono_us(), vch_mono_ms() + order->timeout_ms + GRACE_MS, done, arg};
    }
    (void)pthread_mutex_unlock(&client->lock);
    return tag;
}

static void answer(const struct slot *slot, struct vch_hook_result *result) {
    result->duration_us = vch_mono_us() - slot->begun_us;
    slot->done(slot->arg, result);
}

/* What waits since before `now_ms`; all of it when that is beyond every deadline. */
static void end_late(struct vch_hooks_client *client, int64_t now_ms, enum vch_hook_end end) {
    for (size_t i = 0; i < VCH_HOOKS_WAITING_MAX; i++) {
        struct slot slot;
        struct vch_hook_result result = {.end = end};
        (void)pthread_mutex_lock(&client->lock);
        uint64_t tag = client->slots[i].deadline_ms <= now_ms ? client->slots[i].tag : 0;
        (void)pthread_mutex_unlock(&client->lock);
        if (tag && take(client, tag, &slot)) answer(&slot, &result);
    }
}

/* ---- the thread ---- */

static void free_outgoing(struct outgoing *o) {
    vch_wipe(o->bytes, o->len);
    free(o);
}

static struct outgoing *first_outgoing(struct vch_hooks_client *client) {
    (void)pthread_mutex_lock(&client->lock);
    struct outgoing *first = client->first;
    (void)pthread_mutex_unlock(&client->lock);
    return first;
}

static void drop_first(struct vch_hooks_client *client) {
    (void)pthread_mutex_lock(&client->lock);
    struct outgoing *o = client->first;
    client->first = o->next;
    if (!client->first) client->last = &client->first;
    client->outgoing_bytes -= o->len;
    (void)pthread_mutex_unlock(&client->lock);
    free_outgoing(o);
}

/* As many as the socket takes. What it never takes is answered by its time. */
static void send_waiting(struct vch_hooks_client *client) {
    for (struct outgoing *o; (o = first_outgoing(client)) != NULL;) {
        ssize_t sent = send(client->fd, o->bytes, o->len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) return;
        drop_first(client);
    }
}

/* Until something comes, may go, or it is time to look. */
static bool await(struct vch_hooks_client *client) {
    uint64_t rings;
    struct pollfd p[2] = {{.fd = client->fd, .events = POLLIN}, {.fd = client->wake, .events = POLLIN}};
    if (first_outgoing(client)) p[0].events |= POLLOUT;
    (void)poll(p, 2, LOOK_MS);
    if (p[1].revents) (void)!read(client->wake, &rings, sizeof rings);
    send_waiting(client);
    return p[0].revents & (POLLIN | POLLHUP | POLLERR);
}

/* False: the process is gone, or the client is closed. */
static bool read_one(struct vch_hooks_client *client, char *datagram) {
    struct vch_hook_result result;
    struct slot slot;
    uint64_t tag;
    ssize_t got = recv(client->fd, datagram, VCH_HOOKS_DATAGRAM_MAX, MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    if (vch_hooks_answer_decode(vch_str_of(datagram, (size_t)got), &result, &tag) != VCH_OK) return true;
    if (take(client, tag, &slot)) answer(&slot, &result);
    return true;
}

static void *thread_main(void *arg) {
    struct vch_hooks_client *client = arg;
    char *datagram = malloc(VCH_HOOKS_DATAGRAM_MAX);
    int64_t looked_ms = vch_mono_ms();
    bool there = datagram;
    while (there) {
        there = !await(client) || read_one(client, datagram);
        if (vch_mono_ms() - looked_ms < LOOK_MS) continue;
        looked_ms = vch_mono_ms();
        end_late(client, looked_ms, VCH_HOOK_TIMEOUT);
    }
    (void)pthread_mutex_lock(&client->lock);
    client->gone = true;
    (void)pthread_mutex_unlock(&client->lock);
    end_late(client, INT64_MAX, VCH_HOOK_FAILED);
    free(datagram);
    return NULL;
}

/* ---- orders ---- */

static struct outgoing *new_outgoing(const struct vch_hook_order *order, uint64_t tag) {
    struct vch_buf buf;
    struct vch_str bytes;
    struct outgoing *o = NULL;
    vch_buf_init_secret(&buf, VCH_HOOKS_DATAGRAM_MAX);
    vch_hooks_order_encode(order, tag, &buf);
    if (vch_buf_finish(&buf, &bytes) == VCH_OK) o = malloc(sizeof *o + bytes.len);
    if (o) {
        o->next = NULL;
        o->len = bytes.len;
        memcpy(o->bytes, bytes.ptr, bytes.len);
    }
    vch_buf_deinit(&buf);
    return o;
}

/* Behind the others; no worker waits for the socket. */
static bool queue_order(struct vch_hooks_client *client, const struct vch_hook_order *order, uint64_t tag) {
    const uint64_t one = 1;
    struct outgoing *o = new_outgoing(order, tag);
    if (!o) return false;
    (void)pthread_mutex_lock(&client->lock);
    bool room = !client->gone && client->outgoing_bytes + o->len <= OUTGOING_MAX;
    if (room) {
        *client->last = o;
        client->last = &o->next;
        client->outgoing_bytes += o->len;
    }
    (void)pthread_mutex_unlock(&client->lock);
    if (!room) free_outgoing(o);
    else (void)!write(client->wake, &one, sizeof one);
    return room;
}

static enum vch_err submit(void *arg, const struct vch_hook_order *order, vch_hook_done *done, void *done_arg) {
    struct vch_hooks_client *client = arg;
    struct slot slot;
    uint64_t tag = put(client, order, done, done_arg);
    if (!tag) return VCH_ERR_UNAVAILABLE;
    if (queue_order(client, order, tag)) return VCH_OK;
    /* The thread may have answered it by now: then it was taken. */
    return take(client, tag, &slot) ? VCH_ERR_UNAVAILABLE : VCH_OK;
}

struct vch_hook_runner vch_hooks_runner(struct vch_hooks_client *client) {
    return (struct vch_hook_runner){.arg = client, .submit = submit};
}

/* ---- life ---- */

static bool start_thread(struct vch_hooks_client *client) {
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&client->thread, NULL, thread_main, client);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0;
}

static bool await_ready(int fd) {
    char byte = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, READY_TIMEOUT_MS) > 0 && recv(fd, &byte, 1, MSG_DONTWAIT) == 1 && byte == VCH_HOOKS_READY;
}

enum vch_err vch_hooks_connect(int fd, struct vch_hooks_client **ret) {
    struct vch_hooks_client *client = calloc(1, sizeof *client);
    bool ready = client && await_ready(fd) && (client->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) >= 0;
    if (ready) {
        client->fd = fd;
        client->last = &client->first;
        for (size_t i = 0; i < VCH_HOOKS_WAITING_MAX; i++) client->idle[client->idle_count++] = (uint32_t)i;
        (void)pthread_mutex_init(&client->lock, NULL);
    }
    if (!ready || !start_thread(client)) {
        if (ready) (void)close(client->wake);
        free(client);
        (void)close(fd);
        return VCH_ERR_UNAVAILABLE;
    }
    *ret = client;
    return VCH_OK;
}

void vch_hooks_close(struct vch_hooks_client *client) {
    if (!client) return;
    (void)shutdown(client->fd, SHUT_RDWR);
    (void)pthread_join(client->thread, NULL);
    while (client->first) drop_first(client);
    (void)close(client->wake);
    (void)close(client->fd);
    (void)pthread_mutex_destroy(&client->lock);
    free(client);
}
