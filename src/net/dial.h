/* A blocking client connection with deadlines: TCP, optional TLS with a client
 * certificate. For vouch-agent, vouch-fleet and tests; one thread at a time. */
#ifndef VCH_NET_DIAL_H
#define VCH_NET_DIAL_H

#include "base/buf.h"

/* An HTTP proxy that is asked for the connection (RFC 9110 9.3.6, CONNECT). */
struct vch_dial_proxy {
    struct vch_str host; /* name or address; empty: none */
    uint16_t port;
    struct vch_str user, password; /* Basic (RFC 7617); user empty: no credentials */
};

struct vch_dial_options {
    struct vch_str host;       /* name or address; also SNI and the name checked */
    uint16_t port;
    const char *alpn;          /* one protocol, or NULL */
    struct vch_str root_pem;   /* trust; empty: the system's */
    const uint8_t *root_sha256; /* of 32 bytes, in place of root_pem: trust in the one root of this digest (of its DER),
                                   which the server must send in its chain; NULL: none. Kept until the dial is open */
    bool root_unknown; /* in place of both, for a first meeting: the root that the server sends, whoever's it is. What
                          vch_dial_anchor tells must be shown to somebody who can compare it */
    struct vch_str certificate_pem, key_pem; /* empty: no client certificate */
    struct evp_pkey_st *key;   /* in place of key_pem, such as one on a token; still the caller's */
    const char *properties;    /* of OpenSSL's, that the key needs; or NULL */
    int64_t deadline_ms;       /* monotonic; covers name, TCP, proxy and TLS */
    bool tls;
    struct vch_dial_proxy proxy;
    /* Not zero: the system's clock is wrong, and all that is known is that it is this time (ms since
     * the epoch) or later. What ended before it is not trusted; what begins after it is. */
    int64_t time_floor_ms;
    void (*on_stage)(void); /* before the credentials are read, and before the handshake; or NULL */
};
struct vch_dial;
/* Errors: IO (network), DENIED (TLS refused or not trusted), TIMEOUT, INVALID (credentials), UNAUTHENTICATED
 * (the proxy wants others), UNAVAILABLE (the proxy does not give the connection). DENIED names what the certificate
 * check said or the alert that the server sent. Never raises SIGPIPE. Of several addresses each gets a head start
 * of a quarter second before the next is tried beside it (RFC 8305). */
enum vch_err vch_dial_open(const struct vch_dial_options *options, struct vch_dial **ret, struct vch_diag *diag) VCH_MUST;
/* Sends all or fails. Deadlines are monotonic; one in the past still tries once. */
enum vch_err vch_dial_send(struct vch_dial *dial, struct vch_str bytes, int64_t deadline_ms) VCH_MUST;
/* At least one byte, or TIMEOUT, or NOT_FOUND when the peer closed, or IO. */
enum vch_err vch_dial_recv(struct vch_dial *dial, void *buf, size_t size, size_t *ret_len, int64_t deadline_ms) VCH_MUST;
/* Appends the root of options.root_sha256, PEM, as the server sent it. NOT_FOUND when it sent none of that digest. */
enum vch_err vch_dial_root(const struct vch_dial *dial, const uint8_t sha256[32], struct vch_buf *ret_pem) VCH_MUST;
/* The root that the server's certificate was found to come from: its digest, and appended as PEM. NOT_FOUND when plain. */
enum vch_err vch_dial_anchor(const struct vch_dial *dial, uint8_t ret_sha256[32], struct vch_buf *ret_pem) VCH_MUST;
void vch_dial_close(struct vch_dial *dial); /* orderly; NULL is fine */

/* Why the last send or recv failed (DENIED: a TLS alert, which is how TLS 1.3
 * refuses a client certificate after the handshake). Valid while open. */
const struct vch_diag *vch_dial_diag(const struct vch_dial *dial);
int vch_dial_fd(const struct vch_dial *dial); /* still the dial's */
const char *vch_dial_tls_version(const struct vch_dial *dial); /* "TLSv1.3"; "" when plain */
struct vch_str vch_dial_alpn(const struct vch_dial *dial);     /* what the server chose; empty: none */

#endif
