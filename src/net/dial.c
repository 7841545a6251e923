#include "net/dial.h"

#include "net/dial_priv.h"
#include "net/sockbio_priv.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct vch_dial {
    int fd;
    SSL *ssl;    /* NULL: plain */
    bool broken; /* no close_notify any more */
    struct vch_diag last;
};

/* ---- TLS ---------------------------------------------------------------- */

/* What OpenSSL says went wrong, in our classes. */
static enum vch_err tls_failure(struct vch_dial *dial, int ssl_error, int saved_errno, struct vch_diag *diag) {
    unsigned long code = ERR_peek_error();
    long verified = SSL_get_verify_result(dial->ssl);
    dial->broken = true;
    if (verified != X509_V_OK && !SSL_is_init_finished(dial->ssl))
        return vch_diag_set(diag, VCH_ERR_DENIED, "tls-untrusted", "", "The server's certificate is not trusted: %s.",
                            verified == VCH_DIAL_NOT_PINNED ? "the root certificate is not the one that was handed over"
                                                            : X509_verify_cert_error_string(verified));
    if (ssl_error == SSL_ERROR_SSL && code && ERR_GET_REASON(code) >= SSL_AD_REASON_OFFSET)
        return vch_diag_set(diag, VCH_ERR_DENIED, "tls-refused", "", "The server refused the TLS connection: %s.",
                            SSL_alert_desc_string_long(ERR_GET_REASON(code) - SSL_AD_REASON_OFFSET));
    if (ssl_error == SSL_ERROR_SSL && code && ERR_GET_REASON(code) != SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return vch_diag_set(diag, VCH_ERR_DENIED, "tls-failed", "", "TLS failed: %s.", ERR_reason_error_string(code));
    return vch_diag_set(diag, VCH_ERR_IO, "connection-lost", "", "The connection was lost: %s.",
                        saved_errno ? strerror(saved_errno) : "the server closed it");
}

/* Waits for what OpenSSL wants. OK: try again. */
static enum vch_err tls_wait(struct vch_dial *dial, int result, int64_t deadline_ms, struct vch_diag *diag) {
    int saved = errno;
    int why = SSL_get_error(dial->ssl, result);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) return tls_failure(dial, why, saved, diag);
    if (vch_dial_wait(dial->fd, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline_ms)) return VCH_OK;
    return vch_diag_set(diag, VCH_ERR_TIMEOUT, "tls-timeout", "", "The server did not answer in time.");
}

static enum vch_err tls_handshake(struct vch_dial *dial, const struct vch_dial_options *options,
                                  struct vch_diag *diag) {
    for (;;) {
        ERR_clear_error();
        errno = 0;
        int result = SSL_connect(dial->ssl);
        if (result == 1) break;
        VCH_TRY(tls_wait(dial, result, options->deadline_ms, diag));
    }
    const unsigned char *alpn = NULL;
    unsigned len = 0;
    SSL_get0_alpn_selected(dial->ssl, &alpn, &len);
    if (len && !vch_str_eq_c(vch_str_of(alpn, len), options->alpn ? options->alpn : ""))
        return vch_diag_set(diag, VCH_ERR_DENIED, "tls-alpn", "", "The server chose a protocol that was not offered.");
    return VCH_OK;
}

static enum vch_err tls_start(struct vch_dial *dial, const struct vch_dial_options *options, struct vch_diag *diag) {
    SSL_CTX *ctx = NULL;
    enum vch_err err = vch_dial_tls_context(options, &ctx, diag);
    if (err == VCH_OK) err = vch_dial_tls_session(options, ctx, &dial->ssl, diag);
    SSL_CTX_free(ctx);
    if (err != VCH_OK) return err;
    if (!vch_sockbio_set(dial->ssl, dial->fd)) return VCH_ERR_NOMEM;
    if (options->on_stage) options->on_stage();
    return tls_handshake(dial, options, diag);
}

/* TCP to the host, or to the proxy and through it. */
static enum vch_err open_way(struct vch_dial *dial, const struct vch_dial_options *options, struct vch_diag *diag) {
    const struct vch_dial_proxy *proxy = &options->proxy;
    if (proxy->host.len == 0) return vch_dial_tcp(options->host, options->port, options->deadline_ms, &dial->fd, diag);
    VCH_TRY(vch_dial_tcp(proxy->host, proxy->port, options->deadline_ms, &dial->fd, diag));
    return vch_dial_through(dial->fd, options, diag);
}

/* ---- the four calls ------------------------------------------------------ */

enum vch_err vch_dial_open(const struct vch_dial_options *options, struct vch_dial **ret, struct vch_diag *diag) {
    *ret = NULL;
    struct vch_dial *dial = calloc(1, sizeof *dial);
    if (!dial) return VCH_ERR_NOMEM;
    dial->fd = -1;
    enum vch_err err = open_way(dial, options, diag);
    if (err == VCH_OK && options->tls) err = tls_start(dial, options, diag);
    if (err == VCH_OK) {
        *ret = dial;
        return VCH_OK;
    }
    dial->broken = true;
    vch_dial_close(dial);
    return err;
}

static enum vch_err append_pem(X509 *certificate, struct vch_buf *ret_pem) {
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem = NULL;
    long len = bio && PEM_write_bio_X509(bio, certificate) == 1 ? BIO_get_mem_data(bio, &pem) : 0;
    if (len > 0) vch_buf_bytes(ret_pem, pem, (size_t)len);
    BIO_free(bio);
    return len > 0 && !ret_pem->failed ? VCH_OK : VCH_ERR_NOMEM;
}

enum vch_err vch_dial_root(const struct vch_dial *dial, const uint8_t sha256[32], struct vch_buf *ret_pem) {
    X509 *root = dial->ssl ? vch_dial_pinned(SSL_get_peer_cert_chain(dial->ssl), sha256) : NULL;
    return root ? append_pem(root, ret_pem) : VCH_ERR_NOT_FOUND;
}

enum vch_err vch_dial_anchor(const struct vch_dial *dial, uint8_t ret_sha256[32], struct vch_buf *ret_pem) {
    STACK_OF(X509) *chain = dial->ssl ? SSL_get0_verified_chain(dial->ssl) : NULL;
    X509 *root = chain && sk_X509_num(chain) > 0 ? sk_X509_value(chain, sk_X509_num(chain) - 1) : NULL;
    unsigned len = 32;
    if (!root) return VCH_ERR_NOT_FOUND;
    if (X509_digest(root, EVP_sha256(), ret_sha256, &len) != 1) return VCH_ERR_INTERNAL;
    return append_pem(root, ret_pem);
}

static enum vch_err plain_failure(struct vch_dial *dial, int failure) {
    return vch_diag_set(&dial->last, VCH_ERR_IO, "connection-lost", "", "The connection was lost: %s.",
                        strerror(failure));
}

static enum vch_err plain_wait(struct vch_dial *dial, short events, int64_t deadline_ms) {
    if (errno != EAGAIN && errno != EINTR) return plain_failure(dial, errno);
    if (vch_dial_wait(dial->fd, events, deadline_ms)) return VCH_OK;
    return vch_diag_set(&dial->last, VCH_ERR_TIMEOUT, "timeout", "", "The server did not answer in time.");
}

/* One try; *ret_done is what went, zero when to try again. */
static enum vch_err send_some(struct vch_dial *dial, struct vch_str bytes, size_t *ret_done, int64_t deadline_ms) {
    *ret_done = 0;
    errno = 0;
    if (!dial->ssl) {
        ssize_t n = send(dial->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n < 0) return plain_wait(dial, POLLOUT, deadline_ms);
        *ret_done = (size_t)n;
        return VCH_OK;
    }
    ERR_clear_error();
    int result = SSL_write_ex(dial->ssl, bytes.ptr, bytes.len, ret_done);
    return result == 1 ? VCH_OK : tls_wait(dial, result, deadline_ms, &dial->last);
}

enum vch_err vch_dial_send(struct vch_dial *dial, struct vch_str bytes, int64_t deadline_ms) {
    vch_diag_clear(&dial->last);
    while (bytes.len) {
        size_t done = 0;
        VCH_TRY(send_some(dial, bytes, &done, deadline_ms));
        bytes = vch_str_sub(bytes, done, bytes.len);
    }
    return VCH_OK;
}

static enum vch_err closed(struct vch_dial *dial) {
    return vch_diag_set(&dial->last, VCH_ERR_NOT_FOUND, "peer-closed", "", "The server closed the connection.");
}

static enum vch_err recv_tls(struct vch_dial *dial, void *buf, size_t size, size_t *ret_len, int64_t deadline_ms) {
    for (;;) {
        ERR_clear_error();
        errno = 0;
        int result = SSL_read_ex(dial->ssl, buf, size, ret_len);
        if (result == 1) return VCH_OK;
        if (SSL_get_error(dial->ssl, result) == SSL_ERROR_ZERO_RETURN) return closed(dial);
        VCH_TRY(tls_wait(dial, result, deadline_ms, &dial->last));
    }
}

enum vch_err vch_dial_recv(struct vch_dial *dial, void *buf, size_t size, size_t *ret_len, int64_t deadline_ms) {
    *ret_len = 0;
    vch_diag_clear(&dial->last);
    if (dial->ssl) return recv_tls(dial, buf, size, ret_len, deadline_ms);
    for (;;) {
        ssize_t n = recv(dial->fd, buf, size, 0);
        if (n == 0) return closed(dial);
        if (n > 0) {
            *ret_len = (size_t)n;
            return VCH_OK;
        }
        VCH_TRY(plain_wait(dial, POLLIN, deadline_ms));
    }
}

const struct vch_diag *vch_dial_diag(const struct vch_dial *dial) {
    return &dial->last;
}

int vch_dial_fd(const struct vch_dial *dial) {
    return dial->fd;
}

const char *vch_dial_tls_version(const struct vch_dial *dial) {
    return dial->ssl ? SSL_get_version(dial->ssl) : "";
}

struct vch_str vch_dial_alpn(const struct vch_dial *dial) {
    const unsigned char *alpn = NULL;
    unsigned len = 0;
    if (dial->ssl) SSL_get0_alpn_selected(dial->ssl, &alpn, &len);
    return vch_str_of(alpn, len);
}

void vch_dial_close(struct vch_dial *dial) {
    if (!dial) return;
    if (dial->ssl && !dial->broken) (void)SSL_shutdown(dial->ssl);
    ERR_clear_error();
    SSL_free(dial->ssl);
    if (dial->fd >= 0) (void)close(dial->fd);
    free(dial);
}
