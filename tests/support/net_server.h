/* One loop with one listener for tests of connections, and what happened on it. */
#ifndef VCH_TESTS_NET_SERVER_H
#define VCH_TESTS_NET_SERVER_H

#include "net/conn.h"
#include "net/dial.h"
#include "support/tls_material.h"

#include <pthread.h>

struct net_server;

/* What a test's protocol does; NULL members: echo, nothing, nothing. Called on the loop. */
struct net_script {
    void (*on_accept)(struct net_server *server, struct vch_conn *conn); /* after the handler is set */
    void (*on_open)(struct net_server *server, struct vch_conn *conn);
    size_t (*on_data)(struct net_server *server, struct vch_conn *conn, struct vch_str bytes);
    void (*on_drain)(struct net_server *server, struct vch_conn *conn);
    void (*on_close)(struct net_server *server, struct vch_conn *conn);
};

struct net_server {
    struct vch_loop *loop;
    struct vch_listener *listener;
    struct vch_tls *tls;
    struct tls_material identity;
    char folder[64];
    uint16_t port;
    const struct net_script *script;
    void *user;
    /* Under the lock; counters of events, and the last ones' details. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned accepted, opened, closed, datas, drains, refused;
    enum vch_gate_verdict verdict; /* of the last refused */
    enum vch_close_reason reason;
    struct vch_diag diag;
    char peer_id[65], sni[64], alpn[64], version[16], ip[64];
    size_t der_len;
};

struct net_setup {
    bool plain;
    enum vch_client_cert client_cert;
    const char *const *alpn;
    vch_verify_peer *verify;
    void *verify_arg;
    int64_t handshake_timeout_ms;
    size_t connections_max;
    struct vch_gate *gate;
    enum tls_key_kind key;
    const char *names; /* NULL: localhost and the loopback addresses */
    int days;          /* of the server's certificate; 0: 2, negative: expired */
    const struct net_script *script;
    const char *address; /* NULL: 127.0.0.1:0 */
};

void net_server_start(struct net_server *server, const struct net_setup *setup);
void net_server_stop(struct net_server *server); /* twice is fine until net_server_free */
void net_server_free(struct net_server *server); /* stops too */
/* Waits up to 5 s for a counter to reach `want`; aborts with a message otherwise. */
void net_wait(struct net_server *server, const unsigned *counter, unsigned want);
enum vch_close_reason net_reason(struct net_server *server); /* of the last that closed, while others may */
unsigned net_count(struct net_server *server, const unsigned *counter); /* as it is now */
extern const struct vch_conn_handler net_script_handler;                /* arg: the server */

/* Dials it; `client` may be NULL. Aborts when that fails. */
struct vch_dial *net_dial(const struct net_server *server, const struct tls_material *client, const char *alpn);
enum vch_err net_dial_try(const struct net_server *server, const struct tls_material *client, const char *alpn,
                          struct vch_dial **ret, struct vch_diag *diag);
/* Receives exactly `len` bytes, or fewer when the peer closes; the count. */
size_t net_recv_all(struct vch_dial *dial, char *buf, size_t len);

#endif
