#include "net/link.h"

#include "net/dial_priv.h"
#include "net/sockbio_priv.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct vch_link_target {
    struct vch_dial_options options; /* without what points to the caller's memory */
    char host[256], alpn[64];
    struct sockaddr_storage address;
    socklen_t address_len;
    SSL_CTX *ctx; /* NULL: plain */
};

struct vch_link {
    int fd;
    SSL *ssl;
    bool connected; /* TCP */
    bool broken;    /* no close_notify any more */
    struct vch_diag last;
};

/* ---- the target ---------------------------------------------------------- */

/* One TCP connection tells which of the name's addresses answers. */
static enum vch_err find_address(struct vch_link_target *target, int64_t deadline_ms, struct vch_diag *diag) {
    struct vch_dial *dial = NULL;
    struct vch_dial_options options = target->options;
    options.tls = false;
    options.deadline_ms = deadline_ms;
    VCH_TRY(vch_dial_open(&options, &dial, diag));
    target->address_len = sizeof target->address;
    int failed = getpeername(vch_dial_fd(dial), (struct sockaddr *)&target->address, &target->address_len);
    vch_dial_close(dial);
    return failed ? VCH_ERR_IO : VCH_OK;
}

static enum vch_err fill_target(struct vch_link_target *target, const struct vch_dial_options *options,
                                struct vch_diag *diag) {
    if (!vch_str_copy(target->host, sizeof target->host, options->host) ||
        !vch_str_copy(target->alpn, sizeof target->alpn, vch_str_from(options->alpn ? options->alpn : "")))
        return VCH_ERR_INVALID;
    target->options = (struct vch_dial_options){.host = vch_str_from(target->host),
                                                .port = options->port,
                                                .alpn = options->alpn ? target->alpn : NULL,
                                                .tls = options->tls};
    VCH_TRY(find_address(target, options->deadline_ms, diag));
    return options->tls ? vch_dial_tls_context(options, &target->ctx, diag) : VCH_OK;
}

enum vch_err vch_link_target_new(const struct vch_dial_options *options, struct vch_link_target **ret,
                                 struct vch_diag *diag) {
    *ret = NULL;
    struct vch_link_target *target = calloc(1, sizeof *target);
    if (!target) return VCH_ERR_NOMEM;
    enum vch_err err = fill_target(target, options, diag);
    if (err == VCH_OK)
        *ret = target;
    else
        vch_link_target_free(target);
    return err;
}

void vch_link_target_free(struct vch_link_target *target) {
    if (!target) return;
    SSL_CTX_free(target->ctx);
    free(target);
}

/* ---- opening -------------------------------------------------------------- */

static enum vch_err connect_failed(const struct vch_link_target *target, int failure, struct vch_diag *diag) {
    return vch_diag_set(diag, VCH_ERR_IO, "connect-failed", "host", "Cannot connect to %s port %u: %s.", target->host,
                        (unsigned)target->options.port, strerror(failure));
}

static enum vch_err open_socket(const struct vch_link_target *target, int *ret_fd, struct vch_diag *diag) {
    const int one = 1;
    int fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return connect_failed(target, errno, diag);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (const struct sockaddr *)&target->address, target->address_len) == 0 || errno == EINPROGRESS) {
        *ret_fd = fd;
        return VCH_OK;
    }
    int failure = errno;
    (void)close(fd);
    return connect_failed(target, failure, diag);
}

static enum vch_err open_link(const struct vch_link_target *target, struct vch_link *link, struct vch_diag *diag) {
    if (target->ctx) {
        VCH_TRY(vch_dial_tls_session(&target->options, target->ctx, &link->ssl, diag));
        SSL_set_connect_state(link->ssl);
    }
    VCH_TRY(open_socket(target, &link->fd, diag));
    return link->ssl && !vch_sockbio_set(link->ssl, link->fd) ? VCH_ERR_NOMEM : VCH_OK;
}

enum vch_err vch_link_start(const struct vch_link_target *target, struct vch_link **ret, struct vch_diag *diag) {
    *ret = NULL;
    struct vch_link *link = calloc(1, sizeof *link);
    if (!link) return VCH_ERR_NOMEM;
    link->fd = -1;
    enum vch_err err = open_link(target, link, diag);
    if (err == VCH_OK) {
        *ret = link;
        return VCH_OK;
    }
    link->broken = true;
    vch_link_close(link);
    return err;
}

/* ---- what OpenSSL and the socket say ---------------------------------------- */

static enum vch_link_io lost(struct vch_link *link, int failure) {
    link->broken = true;
    (void)vch_diag_set(&link->last, VCH_ERR_IO, "connection-lost", "", "The connection was lost: %s.",
                       failure ? strerror(failure) : "the server closed it");
    return VCH_LINK_FAILED;
}

static enum vch_link_io tls_failed(struct vch_link *link, int failure) {
    unsigned long code = ERR_peek_error();
    long verified = SSL_get_verify_result(link->ssl);
    link->broken = true;
    if (!SSL_is_init_finished(link->ssl) && verified != X509_V_OK)
        (void)vch_diag_set(&link->last, VCH_ERR_DENIED, "tls-untrusted", "",
                           "The server's certificate is not trusted: %s.", X509_verify_cert_error_string(verified));
    else if (code && ERR_GET_REASON(code) >= SSL_AD_REASON_OFFSET)
        (void)vch_diag_set(&link->last, VCH_ERR_DENIED, "tls-refused", "", "The server refused the TLS connection: %s.",
                           SSL_alert_desc_string_long(ERR_GET_REASON(code) - SSL_AD_REASON_OFFSET));
    else if (code && ERR_GET_REASON(code) != SSL_R_UNEXPECTED_EOF_WHILE_READING)
        (void)vch_diag_set(&link->last, VCH_ERR_DENIED, "tls-failed", "", "TLS failed: %s.",
                           ERR_reason_error_string(code));
    else
        return lost(link, failure);
    return VCH_LINK_FAILED;
}

static enum vch_link_io tls_result(struct vch_link *link, int result) {
    int failure = errno;
    switch (SSL_get_error(link->ssl, result)) {
    case SSL_ERROR_NONE: return VCH_LINK_DONE;
    case SSL_ERROR_WANT_READ: return VCH_LINK_WANT_READ;
    case SSL_ERROR_WANT_WRITE: return VCH_LINK_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN: return VCH_LINK_END;
    default: return tls_failed(link, failure);
    }
}

static void tls_prepare(void) {
    ERR_clear_error();
    errno = 0;
}

static enum vch_link_io plain_result(struct vch_link *link, ssize_t n, enum vch_link_io otherwise) {
    if (n > 0) return VCH_LINK_DONE;
    if (n == 0) return VCH_LINK_END;
    return errno == EAGAIN || errno == EINTR ? otherwise : lost(link, errno);
}

/* ---- bytes ------------------------------------------------------------------ */

static enum vch_link_io tcp_advance(struct vch_link *link) {
    struct sockaddr_storage peer;
    socklen_t peer_len = sizeof peer;
    int failure = 0;
    socklen_t len = sizeof failure;
    if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &failure, &len) != 0) failure = errno;
    if (failure) return lost(link, failure);
    if (getpeername(link->fd, (struct sockaddr *)&peer, &peer_len) != 0) return VCH_LINK_WANT_WRITE;
    link->connected = true;
    return VCH_LINK_DONE;
}

enum vch_link_io vch_link_advance(struct vch_link *link) {
    if (!link->connected) {
        enum vch_link_io io = tcp_advance(link);
        if (io != VCH_LINK_DONE) return io;
    }
    if (!link->ssl) return VCH_LINK_DONE;
    tls_prepare();
    int result = SSL_do_handshake(link->ssl);
    return result == 1 ? VCH_LINK_DONE : tls_result(link, result);
}

enum vch_link_io vch_link_read(struct vch_link *link, void *buf, size_t size, size_t *ret_len) {
    *ret_len = 0;
    if (!link->ssl) {
        ssize_t n = recv(link->fd, buf, size, 0);
        if (n > 0) *ret_len = (size_t)n;
        return plain_result(link, n, VCH_LINK_WANT_READ);
    }
    tls_prepare();
    int result = SSL_read_ex(link->ssl, buf, size, ret_len);
    return result == 1 ? VCH_LINK_DONE : tls_result(link, result);
}

enum vch_link_io vch_link_write(struct vch_link *link, struct vch_str bytes, size_t *ret_done) {
    *ret_done = 0;
    if (!link->ssl) {
        ssize_t n = send(link->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n > 0) *ret_done = (size_t)n;
        return plain_result(link, n, VCH_LINK_WANT_WRITE);
    }
    tls_prepare();
    int result = SSL_write_ex(link->ssl, bytes.ptr, bytes.len, ret_done);
    return result == 1 ? VCH_LINK_DONE : tls_result(link, result);
}

bool vch_link_has_more(const struct vch_link *link) {
    return link->ssl && SSL_has_pending(link->ssl) == 1;
}

int vch_link_fd(const struct vch_link *link) {
    return link->fd;
}

const struct vch_diag *vch_link_diag(const struct vch_link *link) {
    return &link->last;
}

void vch_link_close(struct vch_link *link) {
    if (!link) return;
    if (link->ssl && !link->broken && SSL_is_init_finished(link->ssl)) (void)SSL_shutdown(link->ssl);
    ERR_clear_error();
    SSL_free(link->ssl);
    if (link->fd >= 0) (void)close(link->fd);
    free(link);
}
