#include "net/conn.h"

#include "net/conn_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct vch_listener {
    struct vch_loop *loop;
    struct vch_listener_options options;
    struct event accept_event;
    struct event retry_event; /* accepting again after descriptors ran out */
    struct vch_conn *conns;
    size_t count;
    bool freeing, resting; /* resting: for good */
    int reserve_fd; /* given up to accept, and refuse, one when descriptors run out */
};

enum {
    ACCEPTS_PER_TURN = 32, /* so that a storm does not starve those already here */
    RETRY_MS = 200,
    HANDSHAKES_WAITING_MAX = 64, /* more of them than these, and accepting waits */
    BUSY_MS = 5,
    HANDSHAKE_MS = 10000,
    BACKLOG = 4096
};

/* ---- listening ------------------------------------------------------------------ */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static enum vch_err address_invalid(struct vch_str text, struct vch_diag *diag) {
    return vch_diag_set(diag, VCH_ERR_INVALID, "address-invalid", "",
                        "%.*s is not an address and port like 127.0.0.1:8443 or [::1]:8443.", VCH_STR_ARG(text));
}

static bool parse_port(struct vch_str text, in_port_t *ret) {
    int64_t port = 0;
    if (vch_str_int(text, &port) != VCH_OK || port < 0 || port > 65535) return false;
    *ret = htons((uint16_t)port);
    return true;
}

static bool parse_v6(struct vch_str text, struct sockaddr_in6 *ret) {
    char host[INET6_ADDRSTRLEN];
    size_t bracket = vch_str_find(text, ']', 1);
    if (bracket == SIZE_MAX || bracket + 1 >= text.len || text.ptr[bracket + 1] != ':') return false;
    if (!vch_str_copy(host, sizeof host, vch_str_sub(text, 1, bracket - 1))) return false;
    ret->sin6_family = AF_INET6;
    return inet_pton(AF_INET6, host, &ret->sin6_addr) == 1 &&
           parse_port(vch_str_sub(text, bracket + 2, text.len), &ret->sin6_port);
}

static bool parse_v4(struct vch_str text, struct sockaddr_in *ret) {
    char host[INET_ADDRSTRLEN];
    size_t colon = vch_str_find(text, ':', 0);
    if (colon == SIZE_MAX || !vch_str_copy(host, sizeof host, vch_str_sub(text, 0, colon))) return false;
    ret->sin_family = AF_INET;
    return inet_pton(AF_INET, host, &ret->sin_addr) == 1 &&
           parse_port(vch_str_sub(text, colon + 1, text.len), &ret->sin_port);
}

static void set_option(int fd, int level, int name, int value) {
    (void)setsockopt(fd, level, name, &value, sizeof value);
}

/* Accepted sockets inherit these, which saves five calls a connection. */
static void set_options(int fd) {
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 15);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
}

static bool bind_and_listen(int fd, const union address *address, socklen_t len, uint16_t *ret_port) {
    union address bound;
    socklen_t bound_len = sizeof bound;
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (address->any.sa_family == AF_INET6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0); /* [::] is both families */
    set_options(fd);
    if (bind(fd, &address->any, len) != 0 || listen(fd, BACKLOG) != 0) return false;
    if (getsockname(fd, &bound.any, &bound_len) != 0) return false;
    *ret_port = ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
    return true;
}

static bool parse_address(struct vch_str text, union address *ret, socklen_t *ret_len) {
    bool is_v6 = text.len && text.ptr[0] == '[';
    *ret = (union address){0};
    *ret_len = is_v6 ? sizeof ret->v6 : sizeof ret->v4;
    return is_v6 ? parse_v6(text, &ret->v6) : parse_v4(text, &ret->v4);
}

static enum vch_err listen_failed(struct vch_str text, int failure, struct vch_diag *diag) {
    return vch_diag_set(diag, VCH_ERR_IO, "listen-failed", "", "Cannot listen on %.*s: %s.", VCH_STR_ARG(text),
                        strerror(failure));
}

enum vch_err vch_listen(struct vch_str text, int *ret_fd, uint16_t *ret_port, struct vch_diag *diag) {
    union address address;
    socklen_t len;
    *ret_fd = -1;
    if (!parse_address(text, &address, &len)) return address_invalid(text, diag);
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind_and_listen(fd, &address, len, ret_port)) {
        *ret_fd = fd;
        return VCH_OK;
    }
    int failure = errno;
    if (fd >= 0) (void)close(fd);
    return listen_failed(text, failure, diag);
}

/* SO_REUSEADDR alone passes over what lingers, but not over who listens. */
enum vch_err vch_listen_check(struct vch_str text, struct vch_diag *diag) {
    union address address;
    socklen_t len;
    if (!parse_address(text, &address, &len)) return address_invalid(text, diag);
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return listen_failed(text, errno, diag);
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (address.any.sa_family == AF_INET6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    int failure = bind(fd, &address.any, len) == 0 ? 0 : errno;
    (void)close(fd);
    return failure ? listen_failed(text, failure, diag) : VCH_OK;
}

/* ---- accepting -------------------------------------------------------------------- */

static void peer_text(const union address *address, char text[INET6_ADDRSTRLEN]) {
    const void *bytes = &address->v4.sin_addr;
    int family = AF_INET;
    text[0] = '\0';
    if (address->any.sa_family == AF_INET6) {
        bool mapped = IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr);
        bytes = mapped ? &address->v6.sin6_addr.s6_addr[12] : address->v6.sin6_addr.s6_addr;
        family = mapped ? AF_INET : AF_INET6;
    }
    (void)inet_ntop(family, bytes, text, INET6_ADDRSTRLEN);
}

static bool is_full(const struct vch_listener *listener) {
    return listener->options.connections_max && listener->count >= listener->options.connections_max;
}

static void link_conn(struct vch_listener *listener, struct vch_conn *conn) {
    conn->next = listener->conns;
    if (conn->next) conn->next->prev = conn;
    listener->conns = conn;
    listener->count++;
}

void vch_listener_forget(struct vch_listener *listener, struct vch_conn *conn) {
    bool was_full = is_full(listener);
    if (conn->prev)
        conn->prev->next = conn->next;
    else
        listener->conns = conn->next;
    if (conn->next) conn->next->prev = conn->prev;
    listener->count--;
    char key[VCH_GATE_ADDRESS];
    vch_gate_leave(listener->options.gate, vch_gate_address(conn->ip, key));
    if (was_full && !listener->freeing && !listener->resting) (void)event_add(&listener->accept_event, NULL);
}

static bool may_enter(struct vch_listener *listener, int fd, const char *ip) {
    char key[VCH_GATE_ADDRESS];
    enum vch_gate_verdict verdict = vch_gate_enter(listener->options.gate, vch_gate_address(ip, key));
    if (verdict == VCH_GATE_OPEN) return true;
    (void)close(fd);
    if (listener->options.on_refused) listener->options.on_refused(listener->options.arg, ip, verdict);
    return false;
}

static void welcome(struct vch_listener *listener, int fd, const union address *from) {
    char ip[INET6_ADDRSTRLEN], key[VCH_GATE_ADDRESS];
    peer_text(from, ip);
    vch_loop_counted(listener->loop, VCH_LOOP_ACCEPTED);
    if (!may_enter(listener, fd, ip)) return;
    struct vch_conn *conn = vch_conn_new(listener->loop, listener, fd, listener->options.tls, ip);
    if (!conn) {
        vch_gate_leave(listener->options.gate, vch_gate_address(ip, key));
        return;
    }
    link_conn(listener, conn);
    listener->options.on_accept(conn, listener->options.arg);
    vch_conn_begin(conn, listener->options.handshake_timeout_ms);
}

static void pause_for(struct vch_listener *listener, int ms) {
    const struct timeval later = {0, ms * 1000};
    (void)event_del(&listener->accept_event);
    (void)event_add(&listener->retry_event, &later);
}

/* No descriptors: the one in reserve takes the first in the queue and hangs up,
 * so that it is told; then accepting rests, or it would spin. */
static void rest(struct vch_listener *listener) {
    if (listener->reserve_fd >= 0) {
        (void)close(listener->reserve_fd);
        int fd = accept4(listener->options.fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) (void)close(fd);
        listener->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    pause_for(listener, RETRY_MS);
}

/* False: nobody waits, or no more now. */
static bool accept_one(struct vch_listener *listener) {
    union address from = {0};
    socklen_t len = sizeof from;
    int fd = accept4(listener->options.fd, &from.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        welcome(listener, fd, &from);
        return true;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
    if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
        return true; /* that one peer's fault */
    rest(listener);
    return false;
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    struct vch_listener *listener = arg;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        if (is_full(listener)) {
            (void)event_del(&listener->accept_event);
            return;
        }
        if (vch_loop_costly_waiting(listener->loop) + (size_t)i >= HANDSHAKES_WAITING_MAX) {
            vch_loop_counted(listener->loop, VCH_LOOP_ACCEPT_RESTS);
            pause_for(listener, BUSY_MS);
            return;
        }
        if (!accept_one(listener)) return;
    }
}

static void on_retry(evutil_socket_t fd, short what, void *arg) {
    (void)fd;
    (void)what;
    struct vch_listener *listener = arg;
    if (listener->reserve_fd < 0) listener->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (!is_full(listener) && !listener->resting) (void)event_add(&listener->accept_event, NULL);
}

void vch_listener_rest(struct vch_listener *listener) {
    listener->resting = true;
    (void)event_del(&listener->accept_event);
    (void)event_del(&listener->retry_event);
}

/* ---- life --------------------------------------------------------------------------- */

enum vch_err vch_listener_new(struct vch_loop *loop, const struct vch_listener_options *options,
                              struct vch_listener **ret) {
    *ret = NULL;
    struct vch_listener *listener = calloc(1, sizeof *listener);
    if (!listener) return VCH_ERR_NOMEM;
    listener->loop = loop;
    listener->options = *options;
    if (listener->options.handshake_timeout_ms <= 0) listener->options.handshake_timeout_ms = HANDSHAKE_MS;
    listener->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int flags = fcntl(options->fd, F_GETFL);
    if (flags >= 0) (void)fcntl(options->fd, F_SETFL, flags | O_NONBLOCK); /* inherited ones may block */
    set_options(options->fd);
    struct event_base *base = vch_loop_base(loop);
    (void)event_assign(&listener->accept_event, base, options->fd, EV_READ | EV_PERSIST, on_acceptable, listener);
    (void)event_assign(&listener->retry_event, base, -1, 0, on_retry, listener);
    if (event_add(&listener->accept_event, NULL) != 0) {
        if (listener->reserve_fd >= 0) (void)close(listener->reserve_fd);
        free(listener);
        return VCH_ERR_IO;
    }
    *ret = listener;
    return VCH_OK;
}

void vch_listener_free(struct vch_listener *listener) {
    if (!listener) return;
    listener->freeing = true;
    (void)event_del(&listener->accept_event);
    (void)event_del(&listener->retry_event);
    while (listener->conns) vch_conn_stop(listener->conns);
    (void)close(listener->options.fd);
    if (listener->reserve_fd >= 0) (void)close(listener->reserve_fd);
    free(listener);
}
