#include "net/resolve_priv.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* One lookup, shared by the asker and its thread; the last to leave frees it. */
struct lookup {
    pthread_mutex_t lock;
    pthread_cond_t done_cond;
    unsigned holders;
    bool done;
    int result;
    struct addrinfo *list;
    char host[256];
    char port[6];
};

bool vch_host_is_address(const char *host) {
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static int lookup_now(const char *host, const char *port, int flags, struct addrinfo **list) {
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    return getaddrinfo(host, port, &hints, list);
}

/* Called with the lock held. */
static void leave(struct lookup *lookup) {
    bool last = --lookup->holders == 0;
    (void)pthread_mutex_unlock(&lookup->lock);
    if (!last) return;
    if (lookup->list) freeaddrinfo(lookup->list);
    (void)pthread_cond_destroy(&lookup->done_cond);
    (void)pthread_mutex_destroy(&lookup->lock);
    free(lookup);
}

static void *lookup_main(void *arg) {
    struct lookup *lookup = arg;
    struct addrinfo *list = NULL;
    int result = lookup_now(lookup->host, lookup->port, 0, &list);
    (void)pthread_mutex_lock(&lookup->lock);
    lookup->result = result;
    lookup->list = result == 0 ? list : NULL;
    lookup->done = true;
    (void)pthread_cond_signal(&lookup->done_cond);
    leave(lookup);
    return NULL;
}

static struct lookup *lookup_new(const char *host, const char *port) {
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup) return NULL;
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&lookup->done_cond, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&lookup->lock, NULL);
    (void)snprintf(lookup->host, sizeof lookup->host, "%s", host);
    (void)snprintf(lookup->port, sizeof lookup->port, "%s", port);
    lookup->holders = 1;
    return lookup;
}

static bool lookup_start(struct lookup *lookup) {
    pthread_t thread;
    pthread_attr_t attr;
    if (pthread_attr_init(&attr) != 0) return false;
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    lookup->holders = 2; /* before the thread exists, so without the lock */
    bool started = pthread_create(&thread, &attr, lookup_main, lookup) == 0;
    (void)pthread_attr_destroy(&attr);
    if (!started) lookup->holders = 1;
    return started;
}

/* Waits with the lock held; true when the thread has finished. */
static bool lookup_wait(struct lookup *lookup, int64_t deadline_ms) {
    const struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                                   .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
    int waited = 0;
    while (!lookup->done && waited == 0) waited = pthread_cond_timedwait(&lookup->done_cond, &lookup->lock, &until);
    return lookup->done;
}

static enum vch_err unresolved(const char *host, int result, struct vch_diag *diag) {
    return vch_diag_set(diag, VCH_ERR_IO, "name-unresolved", "host", "Cannot resolve %s: %s.", host,
                        gai_strerror(result));
}

static enum vch_err lookup_bounded(const char *host, const char *port, int64_t deadline_ms, struct addrinfo **ret,
                                   struct vch_diag *diag) {
    struct lookup *lookup = lookup_new(host, port);
    if (!lookup) return VCH_ERR_NOMEM;
    bool started = lookup_start(lookup);
    (void)pthread_mutex_lock(&lookup->lock);
    enum vch_err err = VCH_OK;
    if (!started) {
        err = VCH_ERR_NOMEM;
    } else if (!lookup_wait(lookup, deadline_ms)) {
        err = vch_diag_set(diag, VCH_ERR_TIMEOUT, "name-timeout", "host", "Resolving %s took too long.", host);
    } else if (lookup->result != 0) {
        err = unresolved(host, lookup->result, diag);
    } else {
        *ret = lookup->list;
        lookup->list = NULL;
    }
    leave(lookup);
    return err;
}

enum vch_err vch_resolve(struct vch_str host, uint16_t port, int64_t deadline_ms, struct addrinfo **ret,
                         struct vch_diag *diag) {
    char name[256];
    char service[6];
    *ret = NULL;
    if (host.len == 0 || vch_str_find(host, '\0', 0) != SIZE_MAX || !vch_str_copy(name, sizeof name, host))
        return vch_diag_set(diag, VCH_ERR_INVALID, "host-invalid", "host",
                            "The host is empty, too long, or not a name.");
    (void)snprintf(service, sizeof service, "%u", (unsigned)port);
    if (vch_host_is_address(name)) {
        int result = lookup_now(name, service, AI_NUMERICHOST, ret);
        return result == 0 ? VCH_OK : unresolved(name, result, diag);
    }
    return lookup_bounded(name, service, deadline_ms, ret, diag);
}
