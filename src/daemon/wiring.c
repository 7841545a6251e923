#include "daemon/wiring.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/events.h"
#include "api/faults.h"
#include "base/clock.h"
#include "base/log.h"
#include "core/reason.h"
#include "service/authz.h"
#include "service/connectivity.h"
#include "service/pairing.h"
#include "service/refusals.h"
#include "service/sign_in_guard.h"

enum { DRAIN_MS = 3000, JOBS_MAX = 65536, RSA_AHEAD = 64, HANDSHAKE_MS = 10000, SIGN_INS_MAX = 4 };

/* ---- what the doors and the store tell ------------------------------------ */

static void on_change(void *arg, enum vch_change_kind kind, struct vch_str key) {
    struct vch_wiring *wiring = arg;
    if (!atomic_load(&wiring->doors_open)) return; /* nobody is connected who could know anything older */
    /* First what is kept of policies: connections are judged afresh by it. */
    if (kind == VCH_CHANGE_ALL) vch_iam_forget_all(wiring->iam);
    if (kind == VCH_CHANGE_USER) vch_iam_changed(wiring->iam, key);
    if (kind == VCH_CHANGE_USER) vch_sign_in_forget(wiring->service->sign_in, key);
    if (kind == VCH_CHANGE_ROLE) vch_iam_role_changed(wiring->iam, key);
    if (kind == VCH_CHANGE_PAIRING || kind == VCH_CHANGE_ALL) vch_http_door_pairing_changed(wiring->http, kind == VCH_CHANGE_ALL ? NULL : &key);
    vch_mqtt_door_changed(wiring->mqtt, kind, key);
    vch_events_changed(wiring->events, kind, key);
}

static void on_clock_moved(void *arg, int64_t delta_ms) {
    struct vch_wiring *wiring = arg;
    (void)delta_ms;
    atomic_store(&wiring->sweep_due, true);
    vch_mqtt_door_clock_moved(wiring->mqtt);
    vch_events_clock_moved(wiring->events);
}

/* ---- accepting ------------------------------------------------------------ */

static void attach_http(struct vch_conn *conn, void *arg) {
    struct vch_wiring *wiring = arg;
    if (vch_http_attach(conn, vch_http_door_attachment(wiring->http)) != VCH_OK) vch_conn_close(conn, NULL);
}

static void attach_mqtt(struct vch_conn *conn, void *arg) {
    struct vch_wiring *wiring = arg;
    if (vch_mqtt_door_attach(wiring->mqtt, conn) != VCH_OK) vch_conn_close(conn, NULL);
}

/* The edge: what was agreed by ALPN decides. MQTT needs a certificate, which
 * the handshake of this port could only ask for. */
static void edge_open(struct vch_conn *conn, void *arg) {
    struct vch_str alpn = vch_conn_alpn(conn);
    bool mqtt = vch_str_eq_c(alpn, "x-amzn-mqtt-ca") || vch_str_eq_c(alpn, "mqtt");
    struct vch_diag diag = {.reason = NULL};
    if (!mqtt) {
        attach_http(conn, arg);
    } else if (*vch_conn_peer_id(conn)) {
        attach_mqtt(conn, arg);
    } else {
        (void)VCH_REFUSE(&diag, VCH_ERR_UNAUTHENTICATED, CERTIFICATE_MISSING, "", "MQTT needs a client certificate.");
        vch_conn_close(conn, &diag);
    }
}

static size_t edge_data(struct vch_conn *conn, void *arg, struct vch_str bytes) {
    (void)conn;
    (void)arg;
    return bytes.len; /* only while it is being closed */
}

static void edge_close(struct vch_conn *conn, void *arg, enum vch_close_reason reason, const struct vch_diag *diag) {
    const struct vch_wiring *wiring = arg;
    if (reason != VCH_CLOSE_PEER && reason != VCH_CLOSE_STOP) vch_mqtt_door_tell_refused(wiring->mqtt, conn, diag);
}

static void attach_edge(struct vch_conn *conn, void *arg) {
    static const struct vch_conn_handler handler = {.on_open = edge_open, .on_data = edge_data, .on_close = edge_close};
    vch_conn_set_handler(conn, &handler, arg);
}

/* ---- opening -------------------------------------------------------------- */

static const char *const http_alpn[] = {"http/1.1", "x-amzn-http-ca", NULL};
static const char *const edge_alpn[] = {"x-amzn-mqtt-ca", "mqtt", "http/1.1", "x-amzn-http-ca", NULL};

static const struct entrance_kind {
    enum vch_client_cert client_cert;
    const char *const *alpn;
    void (*on_accept)(struct vch_conn *conn, void *arg);
} kinds[VCH_ENTRANCE_COUNT] = {
    /* A certificate is asked for, but whoever has none, or a wrong one, is served too: requests that need one judge it. */
    [VCH_ENTRANCE_API] = {VCH_CLIENT_CERT_OPTIONAL, http_alpn, attach_http},
    /* No ALPN of its own: clients that offer x-amzn-mqtt-ca here too are served. */
    [VCH_ENTRANCE_MQTT] = {VCH_CLIENT_CERT_REQUIRED, NULL, attach_mqtt},
    [VCH_ENTRANCE_EDGE] = {VCH_CLIENT_CERT_OPTIONAL, edge_alpn, attach_edge},
    [VCH_ENTRANCE_PLAIN] = {VCH_CLIENT_CERT_NONE, NULL, attach_mqtt},
};

static void on_turned_away(void *arg, const char *ip, enum vch_gate_verdict verdict) {
    const struct vch_wiring *wiring = arg;
    vch_mqtt_door_tell_turned_away(wiring->mqtt, ip, verdict);
}

static enum vch_err welcome_any(void *arg, const char id[65], struct vch_diag *diag) {
    (void)arg;
    (void)id;
    (void)diag;
    return VCH_OK;
}

static enum vch_err open_tls(struct vch_wiring *wiring, size_t kind, size_t loop, struct vch_diag *diag) {
    bool api = kind == VCH_ENTRANCE_API;
    const struct vch_tls_options options = {.certificate_file = wiring->site->server_pem,
                                            .key_file = wiring->site->server_key,
                                            .anchor_file = wiring->site->root_pem,
                                            .hosts = wiring->hosts.list,
                                            .host_count = wiring->hosts.count,
                                            .client_cert = kinds[kind].client_cert,
                                            .client_ca_file = api ? wiring->site->root_pem : NULL,
                                            .alpn = kinds[kind].alpn,
                                            .verify = api ? welcome_any : vch_mqtt_door_verify,
                                            .verify_arg = wiring->mqtt,
                                            .stranger = api ? NULL : vch_mqtt_door_welcome};
    return kind == VCH_ENTRANCE_PLAIN ? VCH_OK : vch_tls_new(&options, &wiring->tls[kind][loop], diag);
}

static enum vch_err open_listener(struct vch_wiring *wiring, size_t kind, size_t loop, int fd, struct vch_diag *diag) {
    const struct entrance_kind *k = &kinds[kind];
    VCH_TRY(open_tls(wiring, kind, loop, diag));
    const struct vch_listener_options options = {.fd = fd,
                                                 .tls = wiring->tls[kind][loop],
                                                 .handshake_timeout_ms = HANDSHAKE_MS,
                                                 .gate = kind == VCH_ENTRANCE_API ? wiring->guard.callers : wiring->guard.devices,
                                                 .on_accept = k->on_accept,
                                                 .on_refused = on_turned_away,
                                                 .arg = wiring};
    return vch_listener_new(wiring->loops[loop], &options, &wiring->listeners[kind][loop]);
}

static enum vch_err open_listeners(struct vch_wiring *wiring, struct vch_entrances *entrances, struct vch_diag *diag) {
    for (size_t kind = 0; kind < VCH_ENTRANCE_COUNT; kind++) {
        if (!entrances->list[kind].on) continue;
        for (size_t loop = 0; loop < wiring->loop_count; loop++) {
            VCH_TRY(open_listener(wiring, kind, loop, entrances->list[kind].fds[loop], diag));
            entrances->list[kind].fds[loop] = -1;
        }
    }
    return VCH_OK;
}

/* Each server keeps its own sessions, wherever the registry is. */
static enum vch_err open_keeper(struct vch_wiring *wiring, struct vch_diag *diag) {
    char path[sizeof wiring->site->store_dir + 16];
    (void)snprintf(path, sizeof path, "%s/messages.db", wiring->site->store_dir);
    VCH_TRY(vch_keeper_open(path, &wiring->keeper, diag));
    wiring->service->messages = vch_keeper_messages(wiring->keeper);
    const struct vch_mqtt_retained_options options = {.keeper = vch_keeper_table(wiring->keeper)};
    return vch_mqtt_retained_new(&options, &wiring->retained);
}

static enum vch_err open_doors(struct vch_wiring *wiring) {
    if (wiring->config->test_clock && !(wiring->faults = vch_faults_new())) return VCH_ERR_NOMEM;
    VCH_TRY(vch_iam_new(wiring->service, &wiring->iam));
    const struct vch_events_options events = {.service = wiring->service, .pool = wiring->pool, .iam = wiring->iam};
    VCH_TRY(vch_events_new(&events, &wiring->events));
    const struct vch_mqtt_door_options mqtt = {
        .events = wiring->events,
        .service = wiring->service, .keeper = vch_keeper_table(wiring->keeper), .retained = wiring->retained, .pool = wiring->pool, .iam = wiring->iam, .faults = wiring->faults, .loops = wiring->loops, .loop_count = wiring->loop_count,
        .profile = strcmp(wiring->config->profile, "spec") == 0 ? VCH_MQTT_SPEC : VCH_MQTT_AWS,
        .connections_per_certificate = (size_t)wiring->config->connections_per_certificate,
        .explain = strcmp(wiring->config->connack_reasons, "real") == 0};
    struct vch_http_door_options http = {.service = wiring->service,
                                               .iam = wiring->iam,
                                               .pool = wiring->pool,
                                               .events = wiring->events,
                                               .version = VOUCH_VERSION,
                                               .faults = wiring->faults,
                                               .metrics = vch_wiring_metrics,
                                               .clock_moved = on_clock_moved,
                                               .arg = wiring};
    VCH_TRY(vch_mqtt_door_new(&mqtt, &wiring->mqtt));
    http.mqtt = wiring->mqtt;
    wiring->service->announce_arg = wiring->mqtt;
    wiring->service->announce = vch_mqtt_door_announce;
    VCH_TRY(vch_http_door_new(&http, &wiring->http));
    atomic_store(&wiring->doors_open, true);
    return VCH_OK;
}

/* Passwords keep a processor busy: workers are left for everybody else. */
static unsigned sign_ins_at_once(int64_t workers) {
    return workers >= 16 ? SIGN_INS_MAX : workers > 4 ? (unsigned)workers / 4 : 1;
}

static enum vch_err open_effects(struct vch_wiring *wiring, struct vch_diag *diag) {
    const struct vch_store_options store = {.url = wiring->site->store_url, .on_change = on_change, .on_change_arg = wiring};
    enum vch_key_algorithm algorithm;
    VCH_TRY(vch_key_algorithm_parse(vch_str_from(wiring->config->key_algorithm), &algorithm));
    VCH_TRY(vch_store_open(&store, &wiring->service->store, diag));
    VCH_TRY(vch_policy_cache_new(&wiring->service->policies));
    VCH_TRY(vch_connectivity_new(&wiring->service->connectivity));
    VCH_TRY(vch_refusals_new(&wiring->service->refusals));
    VCH_TRY(vch_pairings_new(&wiring->service->pairings));
    VCH_TRY(vch_sign_in_new(sign_ins_at_once(wiring->config->workers), &wiring->service->sign_in));
    VCH_TRY(vch_guard_open(&wiring->guard, wiring->config, wiring->service, wiring->site->server_pem));
    VCH_TRY(vch_connectivity_begin(wiring->service, vch_now_ms(), diag));
    return vch_key_pool_new(algorithm, RSA_AHEAD, &wiring->service->keys);
}

static enum vch_err start_loops(struct vch_wiring *wiring) {
    for (size_t i = 0; i < wiring->loop_count; i++) VCH_TRY(vch_loop_start(wiring->loops[i]));
    wiring->serving = true;
    return VCH_OK;
}

static enum vch_err open_all(struct vch_wiring *wiring, struct vch_entrances *entrances, struct vch_diag *diag) {
    VCH_TRY(open_effects(wiring, diag));
    for (size_t i = 0; i < wiring->loop_count; i++) VCH_TRY(vch_loop_new((unsigned)i, &wiring->loops[i]));
    VCH_TRY(vch_pool_new((unsigned)wiring->config->workers, JOBS_MAX, &wiring->pool));
    VCH_TRY(open_keeper(wiring, diag));
    VCH_TRY(open_doors(wiring));
    VCH_TRY(vch_mqtt_door_restore(wiring->mqtt, diag));
    VCH_TRY(vch_hosts_find(wiring->config, wiring->site->tls_dir, &wiring->hosts, diag));
    VCH_TRY(open_listeners(wiring, entrances, diag));
    return start_loops(wiring);
}

static int port_of(const struct vch_entrances *entrances, enum vch_entrance_kind kind) {
    return entrances->list[kind].on ? entrances->list[kind].port : 0;
}

enum vch_err vch_wiring_open(struct vch_wiring *wiring, struct vch_entrances *entrances, struct vch_diag *diag) {
    wiring->service = &wiring->site->service;
    wiring->hooks.runner = vch_hooks_runner(wiring->hooks_client);
    wiring->hooks.timeout_ms = wiring->config->hook_timeout;
    wiring->service->hooks = &wiring->hooks;
    wiring->service->api_port = port_of(entrances, VCH_ENTRANCE_API);
    wiring->service->mqtt_port = port_of(entrances, VCH_ENTRANCE_MQTT);
    wiring->service->edge_port = port_of(entrances, VCH_ENTRANCE_EDGE);
    wiring->service->version = VCH_STR(VOUCH_VERSION);
    wiring->loop_count = entrances->loops;
    enum vch_err err = open_all(wiring, entrances, diag);
    if (err) vch_wiring_close(wiring);
    return err;
}

/* ---- closing: requests, threads, then from the outside in ------------------ */

static void stop_loops(struct vch_wiring *wiring) {
    for (size_t i = 0; i < wiring->loop_count; i++) {
        if (wiring->loops[i]) vch_loop_stop(wiring->loops[i]);
    }
    for (size_t i = 0; i < wiring->loop_count; i++) {
        if (wiring->loops[i]) vch_loop_join(wiring->loops[i]);
    }
}

static void free_listeners(struct vch_wiring *wiring) {
    for (size_t kind = 0; kind < VCH_ENTRANCE_COUNT; kind++) {
        for (size_t i = 0; i < wiring->loop_count; i++) vch_listener_free(wiring->listeners[kind][i]);
    }
}

static void free_loops(struct vch_wiring *wiring) {
    for (size_t i = 0; i < wiring->loop_count; i++) {
        for (size_t kind = 0; kind < VCH_ENTRANCE_COUNT; kind++) vch_tls_free(wiring->tls[kind][i]);
        vch_loop_free(wiring->loops[i]);
    }
}

/* No session is left to tell of its end. */
static void store_connectivity(struct vch_wiring *wiring) {
    struct vch_diag diag = {.reason = NULL};
    if (wiring->service->store && vch_connectivity_store(wiring->service, vch_now_ms(), true, &diag) != VCH_OK)
        VCH_LOG(WARN, "connectivity-lost", VCH_LOG_C("detail", diag.message));
}

struct rest {
    struct vch_wiring *wiring;
    size_t loop;
};

static void rest_listeners(void *arg) {
    struct rest rest = *(struct rest *)arg;
    free(arg);
    for (size_t kind = 0; kind < VCH_ENTRANCE_COUNT; kind++)
        if (rest.wiring->listeners[kind][rest.loop]) vch_listener_rest(rest.wiring->listeners[kind][rest.loop]);
}

static void accept_no_more(struct vch_wiring *wiring) {
    for (size_t i = 0; i < wiring->loop_count; i++) {
        struct rest *rest = malloc(sizeof *rest);
        if (!rest) return; /* who comes now is closed a little later */
        *rest = (struct rest){wiring, i};
        if (!wiring->loops[i] || !vch_loop_post(wiring->loops[i], rest_listeners, rest)) free(rest);
    }
}

void vch_wiring_tick(struct vch_wiring *wiring) {
    if (vch_guard_tick(&wiring->guard, wiring->service, wiring->loops, wiring->loop_count)) vch_mqtt_door_relieve(wiring->mqtt);
    vch_mqtt_door_tick(wiring->mqtt);
}

void vch_wiring_close(struct vch_wiring *wiring) {
    if (wiring->serving) accept_no_more(wiring);
    vch_pool_stop(wiring->pool); /* the loops are still there for the last answers */
    vch_hooks_close(wiring->hooks_client); /* what waits for one is answered too */
    wiring->hooks_client = NULL;
    if (wiring->serving) vch_mqtt_door_drain(wiring->mqtt, DRAIN_MS);
    stop_loops(wiring);
    free_listeners(wiring);
    vch_pool_free(wiring->pool);
    store_connectivity(wiring);
    vch_store_close(wiring->service->store); /* tells the doors of its last changes */
    vch_http_door_free(wiring->http);
    vch_keeper_close(wiring->keeper); /* the last of what sessions said; its receipts need the door's loops */
    if (wiring->mqtt) vch_mqtt_door_free(wiring->mqtt);
    vch_mqtt_retained_free(wiring->retained);
    vch_events_free(wiring->events);
    wiring->events = NULL;
    vch_iam_free(wiring->iam);
    vch_faults_free(wiring->faults);
    wiring->faults = NULL;
    free_loops(wiring);
    vch_key_pool_free(wiring->service->keys);
    vch_policy_cache_free(wiring->service->policies);
    vch_connectivity_free(wiring->service->connectivity);
    vch_hosts_deinit(&wiring->hosts);
    vch_pairings_free(wiring->service->pairings);
    wiring->service->pairings = NULL;
    vch_refusals_free(wiring->service->refusals);
    wiring->service->refusals = NULL;
    vch_sign_in_free(wiring->service->sign_in);
    wiring->service->sign_in = NULL;
    vch_guard_close(&wiring->guard);
    wiring->serving = false;
    wiring->service->connectivity = NULL;
    wiring->service->policies = NULL;
    wiring->service->store = NULL;
    wiring->service->keys = NULL;
}
