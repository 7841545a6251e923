#include "net/conn_priv.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>

static enum conn_io tls_result(const struct vch_conn *conn, int result) {
    switch (SSL_get_error(conn->ssl, result)) {
    case SSL_ERROR_NONE: return IO_DONE;
    case SSL_ERROR_WANT_READ: return IO_WANT_READ;
    case SSL_ERROR_WANT_WRITE: return IO_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN: return IO_END;
    default: return IO_FAILED;
    }
}

/* OpenSSL's error queue is the thread's: it must be empty before each call, or
 * another connection's failure is read as this one's. */
static void tls_prepare(void) {
    ERR_clear_error();
    errno = 0;
}

enum conn_io conn_io_handshake(struct vch_conn *conn) {
    tls_prepare();
    int result = SSL_do_handshake(conn->ssl);
    return result == 1 ? IO_DONE : tls_result(conn, result);
}

static enum conn_io plain_result(ssize_t n, enum conn_io otherwise) {
    if (n > 0) return IO_DONE;
    if (n == 0) return IO_END;
    return errno == EAGAIN || errno == EINTR ? otherwise : IO_FAILED;
}

enum conn_io conn_io_read(struct vch_conn *conn, char *buf, size_t size, size_t *ret_len) {
    *ret_len = 0;
    if (!conn->ssl) {
        ssize_t n = recv(conn->fd, buf, size, 0);
        if (n > 0) *ret_len = (size_t)n;
        return plain_result(n, IO_WANT_READ);
    }
    tls_prepare();
    int result = SSL_read_ex(conn->ssl, buf, size, ret_len);
    return result == 1 ? IO_DONE : tls_result(conn, result);
}

enum conn_io conn_io_write(struct vch_conn *conn, struct vch_str bytes, size_t *ret_len) {
    *ret_len = 0;
    if (!conn->ssl) {
        ssize_t n = send(conn->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n > 0) *ret_len = (size_t)n;
        return plain_result(n, IO_WANT_WRITE);
    }
    tls_prepare();
    int result = SSL_write_ex(conn->ssl, bytes.ptr, bytes.len, ret_len);
    return result == 1 ? IO_DONE : tls_result(conn, result);
}

/* In TLS 1.3 the client speaks last, and without session tickets nothing of ours
 * carries the acknowledgement back: a client without TCP_NODELAY would hold its
 * first message for the 40 ms of our delayed one. */
void conn_io_acknowledge(struct vch_conn *conn) {
    const int one = 1;
    if (conn->ssl && SSL_version(conn->ssl) >= TLS1_3_VERSION && !conn_io_has_more(conn))
        (void)setsockopt(conn->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
}

bool conn_io_has_more(const struct vch_conn *conn) {
    return conn->ssl && SSL_has_pending(conn->ssl) == 1;
}

void conn_io_shutdown(struct vch_conn *conn) {
    if (conn->ssl && SSL_is_init_finished(conn->ssl)) {
        tls_prepare();
        (void)SSL_shutdown(conn->ssl);
        ERR_clear_error();
    }
    (void)shutdown(conn->fd, SHUT_WR);
}

void conn_io_explain(const struct vch_conn *conn, struct vch_diag *diag) {
    int saved = errno;
    if (conn->ssl) {
        vch_tls_explain(&conn->peer, saved, diag);
        return;
    }
    (void)vch_diag_set(diag, VCH_ERR_IO, "connection-lost", "", "The connection was lost: %s.", strerror(saved));
}
