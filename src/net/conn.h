/* A server-side connection on a loop: TLS over a socket (or plain TCP, loopback
 * only), bytes in, gathered bytes out. Knows no protocol above TLS.
 *
 * All calls are [loop]: the connection's own thread. A connection lives until
 * on_close returns; after vch_conn_close no callback but on_close comes, and
 * that one comes from the loop, never from inside the call. Output is gathered
 * and written at the end of the loop's turn: many packets, one TLS record, one
 * write. Buffers are released while idle. TCP_NODELAY and TCP keepalive are set.
 */
#ifndef VCH_NET_CONN_H
#define VCH_NET_CONN_H

#include "base/buf.h"
#include "net/gate.h"
#include "net/loop.h"

struct vch_conn;

/* Why it ended; words for logs and lifecycle events. */
enum vch_close_reason {
    VCH_CLOSE_PEER,       /* orderly or not, the peer went away */
    VCH_CLOSE_HANDSHAKE,  /* TLS refused or failed */
    VCH_CLOSE_TIMEOUT,
    VCH_CLOSE_LOCAL,      /* vch_conn_close */
    VCH_CLOSE_OVERFLOW,   /* output over its bound: a slow reader */
    VCH_CLOSE_STOP        /* the server stops */
};

struct vch_conn_handler {
    /* Handshake done. */
    void (*on_open)(struct vch_conn *conn, void *arg);
    /* All bytes not yet consumed; returns how many it consumed now. Called again
     * only when more came, or after vch_conn_resume. */
    size_t (*on_data)(struct vch_conn *conn, void *arg, struct vch_str bytes);
    /* Output is empty again after it was not; may be NULL. */
    void (*on_drain)(struct vch_conn *conn, void *arg);
    /* `diag` is never NULL and has a reason: ours of the close, or what TLS or the socket said. */
    void (*on_close)(struct vch_conn *conn, void *arg, enum vch_close_reason reason, const struct vch_diag *diag);
    /* The deadline of an open connection is over: what is written here still leaves, then it closes. May be NULL. */
    void (*on_timeout)(struct vch_conn *conn, void *arg);
};

/* Installs the protocol. Called from the listener's accept callback (before the
 * handshake), and again from on_open to change it (ALPN): the new handler gets
 * no on_open, because the connection is open already (vch_conn_is_open), and
 * every byte from the first. From on_data it also works: the new handler is
 * offered, from the loop, what the old one did not consume. NULL: nobody, who
 * throws away what comes. */
void vch_conn_set_handler(struct vch_conn *conn, const struct vch_conn_handler *handler, void *arg);
void vch_conn_write(struct vch_conn *conn, struct vch_str bytes); /* copied */
size_t vch_conn_unread(const struct vch_conn *conn);              /* bytes read and not consumed yet */
size_t vch_conn_pending(const struct vch_conn *conn);             /* bytes not yet given to the kernel */
void vch_conn_set_output_max(struct vch_conn *conn, size_t bytes);
/* At most this many unconsumed input bytes; more pauses reading. Default 64 KiB. */
void vch_conn_set_input_max(struct vch_conn *conn, size_t bytes);
void vch_conn_pause(struct vch_conn *conn);  /* no on_data until resume */
void vch_conn_resume(struct vch_conn *conn); /* offers what is buffered, from the loop */
/* The peer's clean end (FIN, close_notify) closes too, after pending output is
 * written and paused input consumed. */
/* Writes what is pending (bounded to 2 s), then closes. `diag` is copied for on_close; may be NULL. */
void vch_conn_close(struct vch_conn *conn, const struct vch_diag *diag);
struct vch_loop *vch_conn_loop(struct vch_conn *conn);
bool vch_conn_is_open(const struct vch_conn *conn); /* the handshake is done and nobody closed it */
/* Closes with VCH_CLOSE_TIMEOUT unless called again; 0 switches it off. */
void vch_conn_deadline(struct vch_conn *conn, int64_t delay_ms);

/* Framing between TLS and the handler, both ways, of a protocol in between. All
 * calls are [loop], never inside one another. */
struct vch_conn_filter {
    /* Takes all of `wire`. What is the handler's goes to `plain`, never more than came; what the peer must get at once
     * to `out`. False: nothing more comes. With a reason in `diag` the peer broke the rules and the connection closes;
     * without, the peer has said goodbye. */
    bool (*decode)(void *arg, struct vch_str wire, struct vch_buf *plain, struct vch_buf *out, struct vch_diag *diag);
    /* What the handler wrote in one turn of the loop. */
    void (*encode)(void *arg, struct vch_str plain, struct vch_buf *out);
    /* The last words to the peer; once, unless the connection was lost. Without a reason in `diag`, or with "client",
     * which says that the peer asked for the end: all went well. */
    void (*finish)(void *arg, enum vch_close_reason reason, const struct vch_diag *diag, struct vch_buf *out);
    void (*free)(void *arg);
};
/* From here on, in both directions, behind what was written before. Once, on an
 * open connection, not from on_data. STATE when bytes were read that nobody
 * consumed, NOMEM: then `arg` stays the caller's. */
enum vch_err vch_conn_set_filter(struct vch_conn *conn, const struct vch_conn_filter *filter, void *arg) VCH_MUST;

/* Something of the owner's that lives as long as the connection; replaces, and releases, the one before. */
void vch_conn_set_user(struct vch_conn *conn, void *user, void (*release)(void *user));
void *vch_conn_user(const struct vch_conn *conn); /* NULL: none */
/* The peer is known by something better than a client certificate: its name, at most 64 bytes, stands for the
 * fingerprint from now on, and there is no certificate. False when it does not fit. */
bool vch_conn_set_peer_id(struct vch_conn *conn, struct vch_str id);

const char *vch_conn_peer_ip(const struct vch_conn *conn);   /* "127.0.0.1" */
struct vch_str vch_conn_alpn(const struct vch_conn *conn);   /* empty: none */
struct vch_str vch_conn_sni(const struct vch_conn *conn);
const char *vch_conn_peer_id(const struct vch_conn *conn);   /* hex SHA-256 of the client certificate, what was set, or "" */
struct vch_str vch_conn_peer_der(const struct vch_conn *conn); /* of the client certificate; view, valid while open */
const char *vch_conn_tls_version(const struct vch_conn *conn);

/* ---- TLS and listeners ------------------------------------------------- */

enum vch_client_cert { VCH_CLIENT_CERT_NONE, VCH_CLIENT_CERT_OPTIONAL, VCH_CLIENT_CERT_REQUIRED };

/* Decides on a client certificate by its fingerprint, during the handshake, on
 * the loop's thread: possession is proved by TLS, identity is registration, not
 * a chain. Anything but zero refuses the handshake; NOT_FOUND, EXPIRED and
 * DENIED choose the alert (unknown_ca, certificate_expired, certificate_revoked;
 * else certificate_unknown). Not asked for keys that are not accepted at all
 * (RSA under 2048 bits, curves but P-256, P-384 and, in TLS 1.3, P-521). */
typedef enum vch_err vch_verify_peer(void *arg, const char id[65], struct vch_diag *diag);
/* Asked after NOT_FOUND, with the stranger's certificate, which nobody has judged: true lets it through the handshake. */
typedef bool vch_verify_stranger(void *arg, struct vch_str der);

/* A certificate for clients that ask for this name (SNI, RFC 6066); case is folded. */
struct vch_tls_host {
    const char *name, *certificate_file, *key_file;
};

struct vch_tls_options {
    const char *certificate_file; /* PEM chain; for any name that has none of its own, and for clients that ask for none */
    const char *key_file;
    /* One PEM certificate that goes behind that chain when it is its issuer, for clients that know their root by its
     * digest alone (RFC 7671 5.2.2); NULL: none. */
    const char *anchor_file;
    enum vch_client_cert client_cert;
    const char *const *alpn; /* NULL-terminated, in order of the server's liking; NULL: none. A client that offers
                                ALPN with no common protocol is refused; one that offers none is not. */
    vch_verify_peer *verify;
    void *verify_arg;
    vch_verify_stranger *stranger; /* with verify_arg; NULL: strangers are refused */
    const struct vch_tls_host *hosts;
    size_t host_count;
    const char *client_ca_file; /* PEM: a certificate is asked for by these issuers' names, so that browsers whose user has none
                                   ask nobody; they decide nothing. NULL: by no name */
};
struct vch_tls; /* SSL_CTXs, one a certificate; made for one loop */
enum vch_err vch_tls_new(const struct vch_tls_options *options, struct vch_tls **ret, struct vch_diag *diag) VCH_MUST;
void vch_tls_free(struct vch_tls *tls);

struct vch_listener;
struct vch_listener_options {
    int fd;                     /* bound and listening, owned by the listener (SO_REUSEPORT makes one per loop) */
    struct vch_tls *tls;        /* NULL: plain TCP */
    int64_t handshake_timeout_ms; /* default 10,000 */
    size_t connections_max;     /* of this listener; past it accepting pauses; 0: no bound */
    struct vch_gate *gate;      /* counts connections by address; outlives the listener; NULL: none */
    void (*on_accept)(struct vch_conn *conn, void *arg); /* must set a handler */
    /* One was closed before its first byte, because the gate is not open to it; may be NULL. */
    void (*on_refused)(void *arg, const char *ip, enum vch_gate_verdict verdict);
    void *arg;
};
/* Before the loop's thread starts, or [loop]. On failure the descriptor stays the caller's. */
enum vch_err vch_listener_new(struct vch_loop *loop, const struct vch_listener_options *options, struct vch_listener **ret) VCH_MUST;
void vch_listener_rest(struct vch_listener *listener); /* [loop]: accepts no more; who waits is not answered */
void vch_listener_free(struct vch_listener *listener); /* [loop], outside connections' callbacks, or after the loop's thread ended and
                                                          before vch_loop_free; closes its connections with VCH_CLOSE_STOP */

/* "127.0.0.1:8443", "[::1]:0", "0.0.0.0:443". Binds and listens with
 * SO_REUSEPORT; *ret_port is the real port. */
enum vch_err vch_listen(struct vch_str address, int *ret_fd, uint16_t *ret_port, struct vch_diag *diag) VCH_MUST;
/* Refuses with IO when anybody listens there: SO_REUSEPORT alone would share the
 * port, and half of the connections, with another server of the same user. */
enum vch_err vch_listen_check(struct vch_str address, struct vch_diag *diag) VCH_MUST;

#endif
