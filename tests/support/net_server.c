#include "support/net_server.h"

#include "base/clock.h"
#include "support/folder.h"

#include <string.h>

static void count(struct net_server *server, unsigned *counter) {
    (void)pthread_mutex_lock(&server->lock);
    ++*counter;
    (void)pthread_cond_broadcast(&server->changed);
    (void)pthread_mutex_unlock(&server->lock);
}

static void note_peer(struct net_server *server, struct vch_conn *conn) {
    (void)pthread_mutex_lock(&server->lock);
    (void)vch_str_copy(server->peer_id, sizeof server->peer_id, vch_str_from(vch_conn_peer_id(conn)));
    (void)vch_str_copy(server->sni, sizeof server->sni, vch_conn_sni(conn));
    (void)vch_str_copy(server->alpn, sizeof server->alpn, vch_conn_alpn(conn));
    (void)vch_str_copy(server->version, sizeof server->version, vch_str_from(vch_conn_tls_version(conn)));
    (void)vch_str_copy(server->ip, sizeof server->ip, vch_str_from(vch_conn_peer_ip(conn)));
    server->der_len = vch_conn_peer_der(conn).len;
    (void)pthread_mutex_unlock(&server->lock);
}

static void script_open(struct vch_conn *conn, void *arg) {
    struct net_server *server = arg;
    note_peer(server, conn);
    if (server->script && server->script->on_open) server->script->on_open(server, conn);
    count(server, &server->opened);
}

static size_t script_data(struct vch_conn *conn, void *arg, struct vch_str bytes) {
    struct net_server *server = arg;
    size_t used = bytes.len;
    if (server->script && server->script->on_data)
        used = server->script->on_data(server, conn, bytes);
    else
        vch_conn_write(conn, bytes);
    count(server, &server->datas);
    return used;
}

static void script_drain(struct vch_conn *conn, void *arg) {
    struct net_server *server = arg;
    if (server->script && server->script->on_drain) server->script->on_drain(server, conn);
    count(server, &server->drains);
}

static void script_close(struct vch_conn *conn, void *arg, enum vch_close_reason reason, const struct vch_diag *diag) {
    struct net_server *server = arg;
    if (server->script && server->script->on_close) server->script->on_close(server, conn);
    vch_assert(diag && diag->reason);
    (void)pthread_mutex_lock(&server->lock);
    server->reason = reason;
    server->diag = *diag;
    (void)pthread_mutex_unlock(&server->lock);
    count(server, &server->closed);
}

const struct vch_conn_handler net_script_handler = {script_open, script_data, script_drain, script_close, NULL};

static void on_accept(struct vch_conn *conn, void *arg) {
    struct net_server *server = arg;
    vch_conn_set_handler(conn, &net_script_handler, server);
    if (server->script && server->script->on_accept) server->script->on_accept(server, conn);
    count(server, &server->accepted);
}

static void on_refused(void *arg, const char *ip, enum vch_gate_verdict verdict) {
    struct net_server *server = arg;
    (void)pthread_mutex_lock(&server->lock);
    (void)vch_str_copy(server->ip, sizeof server->ip, vch_str_from(ip));
    server->verdict = verdict;
    (void)pthread_mutex_unlock(&server->lock);
    count(server, &server->refused);
}

static void make_tls(struct net_server *server, const struct net_setup *setup) {
    char certificate[128], key[128];
    struct vch_diag diag = {0};
    const char *names = setup->names ? setup->names : "DNS:localhost,IP:127.0.0.1,IP:::1";
    tls_make(&server->identity, setup->key, "localhost", names, setup->days ? setup->days : 2);
    tls_save(&server->identity, server->folder, certificate, key);
    const struct vch_tls_options options = {.certificate_file = certificate,
                                            .key_file = key,
                                            .client_cert = setup->client_cert,
                                            .alpn = setup->alpn,
                                            .verify = setup->verify,
                                            .verify_arg = setup->verify_arg};
    if (vch_tls_new(&options, &server->tls, &diag) != VCH_OK) vch_assert_failed(diag.message, __FILE__, __LINE__);
}

void net_server_start(struct net_server *server, const struct net_setup *setup) {
    memset(server, 0, sizeof *server);
    server->script = setup->script;
    (void)pthread_mutex_init(&server->lock, NULL);
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&server->changed, &attr);
    (void)pthread_condattr_destroy(&attr);
    folder_make(server->folder);
    if (!setup->plain) make_tls(server, setup);
    int fd = -1;
    vch_assert(vch_listen(vch_str_from(setup->address ? setup->address : "127.0.0.1:0"), &fd, &server->port, NULL) ==
               VCH_OK);
    const struct vch_listener_options options = {.fd = fd,
                                                 .tls = server->tls,
                                                 .handshake_timeout_ms = setup->handshake_timeout_ms,
                                                 .connections_max = setup->connections_max,
                                                 .gate = setup->gate,
                                                 .on_accept = on_accept,
                                                 .on_refused = on_refused,
                                                 .arg = server};
    vch_assert(vch_loop_new(0, &server->loop) == VCH_OK);
    vch_assert(vch_listener_new(server->loop, &options, &server->listener) == VCH_OK);
    vch_assert(vch_loop_start(server->loop) == VCH_OK);
}

void net_server_stop(struct net_server *server) {
    if (!server->listener) return;
    vch_loop_stop(server->loop);
    vch_loop_join(server->loop);
    vch_listener_free(server->listener);
    server->listener = NULL;
}

void net_server_free(struct net_server *server) {
    net_server_stop(server);
    vch_loop_free(server->loop);
    vch_tls_free(server->tls);
    folder_remove(server->folder);
    (void)pthread_cond_destroy(&server->changed);
    (void)pthread_mutex_destroy(&server->lock);
}

void net_wait(struct net_server *server, const unsigned *counter, unsigned want) {
    int64_t deadline = vch_mono_ms() + 5000;
    const struct timespec until = {.tv_sec = (time_t)(deadline / 1000), .tv_nsec = (long)(deadline % 1000) * 1000000};
    int waited = 0;
    (void)pthread_mutex_lock(&server->lock);
    while (*counter < want && waited == 0) waited = pthread_cond_timedwait(&server->changed, &server->lock, &until);
    bool reached = *counter >= want;
    (void)pthread_mutex_unlock(&server->lock);
    vch_assert(reached);
}

enum vch_close_reason net_reason(struct net_server *server) {
    (void)pthread_mutex_lock(&server->lock);
    enum vch_close_reason reason = server->reason;
    (void)pthread_mutex_unlock(&server->lock);
    return reason;
}

unsigned net_count(struct net_server *server, const unsigned *counter) {
    (void)pthread_mutex_lock(&server->lock);
    unsigned now = *counter;
    (void)pthread_mutex_unlock(&server->lock);
    return now;
}

enum vch_err net_dial_try(const struct net_server *server, const struct tls_material *client, const char *alpn,
                          struct vch_dial **ret, struct vch_diag *diag) {
    const struct vch_dial_options options = {
        .host = VCH_STR("127.0.0.1"),
        .port = server->port,
        .alpn = alpn,
        .root_pem = vch_str_from(server->identity.certificate_pem),
        .certificate_pem = vch_str_from(client ? client->certificate_pem : NULL),
        .key_pem = vch_str_from(client ? client->key_pem : NULL),
        .deadline_ms = vch_mono_ms() + 5000,
        .tls = server->tls != NULL,
    };
    return vch_dial_open(&options, ret, diag);
}

struct vch_dial *net_dial(const struct net_server *server, const struct tls_material *client, const char *alpn) {
    struct vch_dial *dial = NULL;
    struct vch_diag diag = {0};
    if (net_dial_try(server, client, alpn, &dial, &diag) != VCH_OK) vch_assert_failed(diag.message, __FILE__, __LINE__);
    return dial;
}

size_t net_recv_all(struct vch_dial *dial, char *buf, size_t len) {
    size_t total = 0;
    while (total < len) {
        size_t got = 0;
        if (vch_dial_recv(dial, buf + total, len - total, &got, vch_mono_ms() + 5000) != VCH_OK) break;
        total += got;
    }
    return total;
}
