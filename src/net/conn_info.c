#include "net/conn.h"

#include "net/conn_priv.h"

#include <stdlib.h>

struct vch_loop *vch_conn_loop(struct vch_conn *conn) {
    return conn->loop;
}

bool vch_conn_is_open(const struct vch_conn *conn) {
    return conn->state == CONN_OPEN;
}

size_t vch_conn_unread(const struct vch_conn *conn) {
    return conn->in.len;
}

void vch_conn_set_user(struct vch_conn *conn, void *user, void (*release)(void *user)) {
    if (conn->release && conn->user) conn->release(conn->user);
    conn->user = user;
    conn->release = release;
}

void *vch_conn_user(const struct vch_conn *conn) {
    return conn->user;
}

bool vch_conn_set_peer_id(struct vch_conn *conn, struct vch_str id) {
    if (id.len >= sizeof conn->peer.id) return false;
    free(conn->peer.der);
    conn->peer.der = NULL;
    conn->peer.der_len = 0;
    return vch_str_copy(conn->peer.id, sizeof conn->peer.id, id);
}

const char *vch_conn_peer_ip(const struct vch_conn *conn) {
    return conn->ip;
}

struct vch_str vch_conn_alpn(const struct vch_conn *conn) {
    const unsigned char *name = NULL;
    unsigned len = 0;
    if (conn->ssl) SSL_get0_alpn_selected(conn->ssl, &name, &len);
    return vch_str_of(name, len);
}

struct vch_str vch_conn_sni(const struct vch_conn *conn) {
    return vch_str_from(conn->ssl ? SSL_get_servername(conn->ssl, TLSEXT_NAMETYPE_host_name) : NULL);
}

const char *vch_conn_peer_id(const struct vch_conn *conn) {
    return conn->peer.id;
}

struct vch_str vch_conn_peer_der(const struct vch_conn *conn) {
    return vch_str_of(conn->peer.der, conn->peer.der_len);
}

const char *vch_conn_tls_version(const struct vch_conn *conn) {
    return conn->ssl ? SSL_get_version(conn->ssl) : "";
}
