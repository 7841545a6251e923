#include "net/dial_priv.h"

#include "base/clock.h"
#include "net/resolve_priv.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ADDRESSES = 8, HEAD_START_MS = 250 /* RFC 8305 5: Connection Attempt Delay */ };

/* Several addresses of one host, tried beside each other; the first to answer wins. */
struct race {
    const struct addrinfo *order[ADDRESSES];
    size_t count, next;
    struct pollfd pending[ADDRESSES];
    size_t pending_count;
    int64_t next_at_ms;
    int failure; /* errno of the last address that failed */
};

static int poll_ms(int64_t until_ms) {
    int64_t left = until_ms - vch_mono_ms();
    return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

bool vch_dial_wait(int fd, short events, int64_t deadline_ms) {
    for (;;) {
        struct pollfd pfd = {.fd = fd, .events = events};
        int n = poll(&pfd, 1, poll_ms(deadline_ms));
        if (n > 0) return true;
        if (n == 0 && deadline_ms - vch_mono_ms() <= 0) return false;
        if (n < 0 && errno != EINTR) return false;
    }
}

/* RFC 8305 4: the system's order, with the families taking turns. */
static void line_up(struct race *race, const struct addrinfo *list) {
    const struct addrinfo *same = list, *other = list;
    for (bool turn = true; race->count < ADDRESSES && (same || other); turn = !turn) {
        const struct addrinfo **at = turn ? &same : &other;
        while (*at && ((*at)->ai_family == list->ai_family) != turn) *at = (*at)->ai_next;
        if (!*at) continue;
        race->order[race->count++] = *at;
        *at = (*at)->ai_next;
    }
}

/* The descriptor when it connected at once, else -1: it is pending, or it failed. */
static int start_next(struct race *race) {
    const struct addrinfo *address = race->order[race->next++];
    race->next_at_ms = vch_mono_ms() + HEAD_START_MS;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, address->ai_addr, address->ai_addrlen) == 0) return fd;
    if (fd >= 0 && errno == EINPROGRESS) {
        race->pending[race->pending_count++] = (struct pollfd){.fd = fd, .events = POLLOUT};
        return -1;
    }
    race->failure = errno;
    race->next_at_ms = 0; /* no head start for who lost */
    if (fd >= 0) (void)close(fd);
    return -1;
}

static int drop_pending(struct race *race, size_t i) {
    int fd = race->pending[i].fd;
    race->pending[i] = race->pending[--race->pending_count];
    return fd;
}

static int take_winner(struct race *race) {
    for (size_t i = race->pending_count; i-- > 0;) {
        int failure = 0;
        socklen_t len = sizeof failure;
        if (race->pending[i].revents == 0) continue;
        int fd = drop_pending(race, i);
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &len) == 0 && failure == 0) return fd;
        race->failure = failure;
        race->next_at_ms = 0;
        (void)close(fd);
    }
    return -1;
}

static enum vch_err run(struct race *race, int64_t deadline_ms, int *ret_fd) {
    for (;;) {
        bool more = race->next < race->count;
        int fd = -1;
        if (more && (race->pending_count == 0 || vch_mono_ms() >= race->next_at_ms)) {
            fd = start_next(race);
        } else if (race->pending_count == 0) {
            return VCH_ERR_IO;
        } else {
            int64_t until = more && race->next_at_ms < deadline_ms ? race->next_at_ms : deadline_ms;
            if (poll(race->pending, (nfds_t)race->pending_count, poll_ms(until)) > 0) fd = take_winner(race);
        }
        *ret_fd = fd;
        if (fd >= 0) return VCH_OK;
        if (race->pending_count && vch_mono_ms() >= deadline_ms) {
            race->failure = ETIMEDOUT;
            return VCH_ERR_TIMEOUT;
        }
    }
}

enum vch_err vch_dial_tcp(struct vch_str host, uint16_t port, int64_t deadline_ms, int *ret_fd, struct vch_diag *diag) {
    struct addrinfo *list = NULL;
    struct race race = {.failure = EADDRNOTAVAIL};
    const int one = 1;
    VCH_TRY(vch_resolve(host, port, deadline_ms, &list, diag));
    line_up(&race, list);
    enum vch_err err = run(&race, deadline_ms, ret_fd);
    while (race.pending_count) (void)close(drop_pending(&race, 0));
    freeaddrinfo(list);
    if (err == VCH_OK) {
        (void)setsockopt(*ret_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        return VCH_OK;
    }
    return vch_diag_set(diag, err, err == VCH_ERR_TIMEOUT ? "connect-timeout" : "connect-failed", "host",
                        "Cannot connect to %.*s port %u: %s.", VCH_STR_ARG(host), (unsigned)port,
                        strerror(race.failure));
}
