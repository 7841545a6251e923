#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include "example.h"

enum { OPEN_MS = 10000 };

int64_t tls_now_ms(void *tls) {
    struct timespec now;
    (void)tls;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum vch_device_status wait_for(const struct tls *tls, int error, int64_t deadline_ms) {
    if (error == SSL_ERROR_ZERO_RETURN) return VCH_DEVICE_CLOSED;
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return VCH_DEVICE_NETWORK;
    int64_t left = deadline_ms - tls_now_ms(NULL);
    if (left <= 0) return VCH_DEVICE_TIMEOUT;
    struct pollfd fd = {.fd = tls->fd, .events = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT};
    int ready = poll(&fd, 1, left < 60000 ? (int)left : 60000);
    return ready < 0 ? VCH_DEVICE_NETWORK : VCH_DEVICE_OK;
}

static enum vch_device_status on_send(void *arg, const void *bytes, size_t len, int64_t deadline_ms) {
    struct tls *tls = arg;
    size_t done;
    for (;;) {
        ERR_clear_error();
        int ret = SSL_write_ex(tls->ssl, bytes, len, &done);
        if (ret == 1) return VCH_DEVICE_OK;
        enum vch_device_status status = wait_for(tls, SSL_get_error(tls->ssl, ret), deadline_ms);
        if (status != VCH_DEVICE_OK) return status;
    }
}

static enum vch_device_status on_recv(void *arg, void *buf, size_t size, size_t *ret_len, int64_t deadline_ms) {
    struct tls *tls = arg;
    for (;;) {
        ERR_clear_error();
        int ret = SSL_read_ex(tls->ssl, buf, size, ret_len);
        if (ret == 1) return VCH_DEVICE_OK;
        enum vch_device_status status = wait_for(tls, SSL_get_error(tls->ssl, ret), deadline_ms);
        if (status != VCH_DEVICE_OK) return status;
    }
}

struct vch_device_transport tls_transport(struct tls *tls) {
    return (struct vch_device_transport){on_send, on_recv, tls_now_ms, tls};
}

static int dial(const char *host, const char *port) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int fd = -1, on = 1;
    if (getaddrinfo(host, port, &hints, &list) != 0) return -1;
    for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    if (fd < 0) return -1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fcntl(fd, F_SETFL, O_NONBLOCK) == 0 ? fd : (close(fd), -1);
}

static int shake_hands(struct tls *tls) {
    int64_t deadline = tls_now_ms(NULL) + OPEN_MS;
    for (;;) {
        int ret = SSL_connect(tls->ssl);
        if (ret == 1) return 0;
        if (wait_for(tls, SSL_get_error(tls->ssl, ret), deadline) != VCH_DEVICE_OK) return 1;
    }
}

static int name_peer(SSL *ssl, const char *host) {
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1) return 0;
    return SSL_set_tlsext_host_name(ssl, host) == 1 && SSL_set1_host(ssl, host) == 1 ? 0 : 1;
}

int tls_open(struct tls *tls, const char *host, const char *port, const char *root, const char *cert, const char *key) {
    *tls = (struct tls){.fd = -1, .ctx = SSL_CTX_new(TLS_client_method())};
    if (!tls->ctx || SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION) != 1) return 1;
    SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_locations(tls->ctx, root, NULL) != 1) return 1;
    if (SSL_CTX_use_certificate_chain_file(tls->ctx, cert) != 1) return 1;
    if (SSL_CTX_use_PrivateKey_file(tls->ctx, key, SSL_FILETYPE_PEM) != 1) return 1;
    tls->ssl = SSL_new(tls->ctx);
    tls->fd = dial(host, port);
    if (!tls->ssl || tls->fd < 0 || name_peer(tls->ssl, host) != 0) return 1;
    return SSL_set_fd(tls->ssl, tls->fd) == 1 ? shake_hands(tls) : 1;
}

void tls_close(struct tls *tls) {
    if (tls->ssl && SSL_is_init_finished(tls->ssl)) (void)SSL_shutdown(tls->ssl);
    SSL_free(tls->ssl);
    SSL_CTX_free(tls->ctx);
    if (tls->fd >= 0) close(tls->fd);
    *tls = (struct tls){.fd = -1};
}
