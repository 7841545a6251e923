/* The parts of a client connection: TCP, the way through a proxy, TLS settings. */
#ifndef VCH_NET_DIAL_PRIV_H
#define VCH_NET_DIAL_PRIV_H

#include "net/dial.h"

#include <openssl/ssl.h>

/* The verdict on a chain without the pinned root: OpenSSL's nearest. */
#define VCH_DIAL_NOT_PINNED X509_V_ERR_DANE_NO_MATCH
/* TLS 1.2 or newer, trust, client certificate. The caller frees the context. INVALID, NOMEM. */
enum vch_err vch_dial_tls_context(const struct vch_dial_options *options, SSL_CTX **ret,
                                  struct vch_diag *diag) VCH_MUST;
/* Of these certificates the one with this SHA-256; NULL: none. Still theirs. */
X509 *vch_dial_pinned(const STACK_OF(X509) *sent, const uint8_t sha256[32]);
/* One connection of it: name to check, SNI, ALPN. It holds its own reference to the context. */
enum vch_err vch_dial_tls_session(const struct vch_dial_options *options, SSL_CTX *ctx, SSL **ret,
                                  struct vch_diag *diag) VCH_MUST;

/* True when the socket is ready for `events` before the deadline. */
bool vch_dial_wait(int fd, short events, int64_t deadline_ms);
/* A connected, non-blocking socket, the caller's. IO, TIMEOUT, INVALID (no such form of name). */
enum vch_err vch_dial_tcp(struct vch_str host, uint16_t port, int64_t deadline_ms, int *ret_fd,
                          struct vch_diag *diag) VCH_MUST;
/* Asks the proxy at the other end of `fd` for the host. IO, TIMEOUT, UNAUTHENTICATED, UNAVAILABLE. */
enum vch_err vch_dial_through(int fd, const struct vch_dial_options *options, struct vch_diag *diag) VCH_MUST;

#endif
