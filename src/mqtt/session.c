#include "mqtt/outflow_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"

/* ---- what it is ------------------------------------------------------------------ */

struct vch_mqtt_ref vch_mqtt_no_ref(void) {
    return (struct vch_mqtt_ref){NULL, 0};
}

struct vch_mqtt_ref vch_mqtt_session_ref(const struct vch_mqtt_session *session) {
    return (struct vch_mqtt_ref){session->home->loop, session->id};
}

struct vch_conn *vch_mqtt_session_conn(struct vch_mqtt_session *session) {
    return session->conn;
}

const char *vch_mqtt_session_peer_id(const struct vch_mqtt_session *session) {
    if (session->farewell) return session->farewell->peer_id;
    if (session->conn) return vch_conn_peer_id(session->conn);
    return session->estate ? session->estate->principal : "";
}

const char *vch_mqtt_session_peer_ip(const struct vch_mqtt_session *session) {
    if (session->farewell) return session->farewell->peer_ip;
    return session->conn ? vch_conn_peer_ip(session->conn) : "";
}

struct vch_str vch_mqtt_session_client_id(const struct vch_mqtt_session *session) {
    return vch_str_of(session->client_id, session->client_id_len);
}

void vch_mqtt_session_set_user(struct vch_mqtt_session *session, void *user) {
    session->user = user;
}

void *vch_mqtt_session_user(const struct vch_mqtt_session *session) {
    return session->user;
}

uint8_t vch_mqtt_session_level(const struct vch_mqtt_session *session) {
    return session->level;
}

bool vch_mqtt_session_persistent(const struct vch_mqtt_session *session) {
    return session->estate != NULL;
}

/* Version 4 in form: the process's key makes the hash a random number. */
void vch_mqtt_session_uuid(const struct vch_mqtt_session *session, char ret[37]) {
    uint64_t half[2], seed[2] = {session->id, 0};
    for (size_t i = 0; i < 2; i++) {
        seed[1] = i;
        half[i] = session->estate ? session->estate->uuid[i] : vch_hash(vch_str_of(seed, sizeof seed));
    }
    uint64_t a = (half[0] & ~UINT64_C(0xF000)) | 0x4000, b = (half[1] & ~(UINT64_C(3) << 62)) | UINT64_C(2) << 62;
    (void)snprintf(ret, 37, "%08x-%04x-%04x-%04x-%012llx", (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xFFFF),
                   (unsigned)(a & 0xFFFF), (unsigned)(b >> 48), (unsigned long long)(b & 0xFFFFFFFFFFFF));
}

bool vch_mqtt_session_is_alive(const struct vch_mqtt_session *session) {
    return session->state != SESSION_ENDED || session->will_waits;
}

/* ---- pausing input ------------------------------------------------------------------ */

void vch_mqtt_session_pause(struct vch_mqtt_session *session, uint8_t why) {
    session->pause |= why;
}

/* The connection itself is paused at the end of vch_mqtt_packets only, so that
 * an answer given at once costs nothing. */
void vch_mqtt_session_unpause(struct vch_mqtt_session *session, uint8_t why) {
    session->pause &= (uint8_t)~why;
    if (session->pause || !session->conn_paused || session->state == SESSION_ENDED) return;
    session->conn_paused = false;
    vch_conn_resume(session->conn);
}

void vch_mqtt_recheck(struct vch_mqtt_session *session) {
    struct vch_mqtt_loop *home = session->home;
    vch_mqtt_enter(home);
    if (session->will_waits) {
        vch_mqtt_will_again(session);
    } else {
        vch_mqtt_session_unpause(session, PAUSE_WAIT);
        vch_mqtt_queue_run(session);
    }
    vch_mqtt_leave(home);
}

/* ---- the end -------------------------------------------------------------------------------- */

void vch_mqtt_session_end(struct vch_mqtt_session *session) {
    if (session->state == SESSION_ENDED) return;
    if (session->state == SESSION_CONNECTED)
        vch_mqtt_count(&session->home->counters.sessions, -1);
    else
        vch_mqtt_will_drop(session); /* it was never accepted */
    session->state = SESSION_ENDED;
    session->ended_next = session->home->ended;
    session->home->ended = session;
}

static void pass_on(struct vch_mqtt_session *session, const struct vch_mqtt_waiting *entry) {
    if (!entry || !entry->group) return;
    const struct vch_mqtt_parcel parcel = {
        .message = entry->message, .group = entry->group, .qos = entry->qos, .tries = entry->tries};
    vch_mqtt_shared_again(session->home, &parcel);
}

/* MQTT 5 section 4.8.2: not what was sent with QoS 2. */
void vch_mqtt_session_pass_on(struct vch_mqtt_session *session) {
    struct vch_mqtt_flow *flow = session->flow;
    while (session->subs) vch_mqtt_sub_remove(session, &session->subs);
    for (size_t i = 0; flow && i < flow->inflight_count; i++)
        if (flow->inflight[flow->inflight_first + i].step == AWAIT_PUBACK)
            pass_on(session, flow->inflight[flow->inflight_first + i].entry);
    for (struct vch_mqtt_waiting *entry = flow ? flow->queue : NULL; entry; entry = entry->next)
        pass_on(session, entry);
}

void vch_mqtt_session_empty(struct vch_mqtt_session *session) {
    while (session->subs) vch_mqtt_sub_remove(session, &session->subs);
    if (session->flow) vch_mqtt_count(&session->home->counters.queued, -(int)session->flow->queue_count);
    vch_mqtt_flow_free(session->flow);
    session->flow = NULL;
}

/* A session whose estate is on its way waits for it. All it said is on its way
 * before a successor may speak. */
void vch_mqtt_session_settle(struct vch_mqtt_session *session) {
    struct vch_mqtt_loop *home = session->home;
    vch_mqtt_acks_abandon(&session->acks);
    session->owed = 0;
    if (session->will && session->reason && strcmp(session->reason, "server-stopping") == 0)
        vch_mqtt_will_drop(session); /* nobody is left to hear it */
    if (session->will) vch_mqtt_will_publish(session);
    if (session->expecting) return;
    if (session->estate) {
        vch_mqtt_estate_rest(session);
        return;
    }
    vch_mqtt_session_pass_on(session);
    vch_mqtt_session_empty(session);
    if (!session->claimed) return;
    session->claimed = false;
    vch_mqtt_outbox_flush(home);
    vch_mqtt_grant(home->broker, vch_mqtt_registry_release(&home->broker->registry, session));
}

/* MQTT 5 is told why; whoever has said goodbye is not. [MQTT-3.14.4-3] */
static void say_goodbye(struct vch_mqtt_session *session, const struct vch_diag *diag) {
    uint8_t out[64 + sizeof diag->message];
    size_t len;
    if (!vch_mqtt_is_5(session) || !diag || !diag->reason || strcmp(diag->reason, "client") == 0) return;
    if (session->state != SESSION_CONNECTED) {
        vch_mqtt_connack_refuse(session, 0, diag);
        return;
    }
    uint8_t code = vch_mqtt_code_of(diag->reason);
    struct vch_mqtt_disconnect packet = {
        .reason = vch_mqtt_rc_fits(code, VCH_MQTT_DISCONNECT) ? code : VCH_MQTT_RC_UNSPECIFIED_ERROR,
        .level = session->level};
    if (vch_mqtt_options_of(session)->explain) {
        packet.props.present = VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_REASON_STRING);
        packet.props.reason_string = vch_str_from(diag->message);
    }
    if (vch_mqtt_disconnect_encode(&packet, out, sizeof out, &len) == VCH_OK)
        vch_conn_write(session->conn, vch_str_of(out, len));
}

void vch_mqtt_close(struct vch_mqtt_session *session, const struct vch_diag *diag) {
    if (session->state == SESSION_ENDED) {
        vch_mqtt_will_drop_soon(session);
        return;
    }
    vch_mqtt_enter(session->home);
    session->reason = diag && diag->reason ? diag->reason : "internal";
    say_goodbye(session, diag);
    vch_mqtt_session_end(session);
    vch_conn_close(session->conn, diag);
    vch_mqtt_leave(session->home);
}

void vch_mqtt_session_fail(struct vch_mqtt_session *session, const char *reason, const char *field,
                           const char *message) {
    struct vch_diag diag = {0};
    (void)vch_diag_set(&diag, VCH_ERR_INVALID, reason, field, "%s", message);
    vch_mqtt_close(session, &diag);
}

/* ---- the memory ------------------------------------------------------------------------------- */

struct vch_mqtt_session *vch_mqtt_session_new(struct vch_mqtt_loop *home) {
    struct vch_mqtt_session *session = calloc(1, sizeof *session);
    if (!session) return NULL;
    session->home = home;
    session->id = (uint64_t)(home->position + 1) << 48 | ++home->last_id;
    if (vch_mqtt_index_add(&home->sessions, &session->by_id, session->id) == VCH_OK) return session;
    free(session);
    return NULL;
}

void vch_mqtt_five_free(struct vch_mqtt_five *five, size_t aliases) {
    if (!five) return;
    for (size_t i = 0; five->aliases && i < aliases; i++) free((void *)(uintptr_t)five->aliases[i].ptr);
    free(five->aliases);
    free(five);
}

static void release(struct vch_mqtt_session *session) {
    vch_mqtt_index_remove(&session->home->sessions, &session->by_id);
    vch_mqtt_acks_abandon(&session->acks);
    vch_mqtt_estate_free(session->estate);
    vch_mqtt_five_free(session->five, vch_mqtt_options_of(session)->topic_alias_max);
    vch_mqtt_will_free(session->will);
    free(session->client_id);
    free(session);
}

void vch_mqtt_session_bury(struct vch_mqtt_session *session) {
    if (session->told && !session->estate && !session->expecting) release(session);
}

/* Tells the owner of the user pointer. */
void vch_mqtt_session_gone(struct vch_mqtt_session *session, struct vch_str detail) {
    struct vch_mqtt_loop *home = session->home;
    const struct vch_mqtt_hooks *hooks = &home->broker->options.hooks;
    if (session->indexed) vch_mqtt_index_remove(&home->peers, &session->by_peer);
    session->indexed = false;
    session->cause = (uint8_t)vch_mqtt_cause_of(session->reason, detail);
    if (hooks->closed) hooks->closed(hooks->arg, session, session->reason, detail);
    vch_mqtt_count(&home->counters.connections, -1);
    session->conn = NULL;
    session->farewell = NULL;
    session->user = NULL;
    session->told = true;
    vch_mqtt_session_bury(session);
}

void vch_mqtt_session_abandon(struct vch_mqtt_session *session) {
    struct vch_mqtt_farewell *farewell = session->farewell;
    session->estate = (vch_mqtt_estate_free(session->estate), NULL);
    session->expecting = false;
    vch_mqtt_session_empty(session);
    if (!session->told) {
        vch_mqtt_session_gone(session, vch_str_from(farewell ? farewell->detail : ""));
        free(farewell);
    } else {
        vch_mqtt_session_bury(session);
    }
}

/* ---- the connection ---------------------------------------------------------------------------- */

static void opened(struct vch_mqtt_session *session) {
    const char *peer_id = vch_conn_peer_id(session->conn);
    vch_conn_deadline(session->conn, session->home->broker->options.connect_timeout_ms);
    if (session->indexed || peer_id[0] == '\0') return;
    session->indexed =
        vch_mqtt_index_add(&session->home->peers, &session->by_peer, vch_hash(vch_str_from(peer_id))) == VCH_OK;
    if (!session->indexed) vch_mqtt_session_fail(session, "internal", "", "Memory is out.");
}

static void on_open(struct vch_conn *conn, void *arg) {
    (void)conn;
    struct vch_mqtt_session *session = arg;
    struct vch_mqtt_loop *home = session->home;
    vch_mqtt_enter(home);
    opened(session);
    vch_mqtt_leave(home);
}

static size_t on_data(struct vch_conn *conn, void *arg, struct vch_str bytes) {
    (void)conn;
    struct vch_mqtt_session *session = arg;
    struct vch_mqtt_loop *home = session->home;
    vch_mqtt_enter(home);
    size_t used = vch_mqtt_packets(session, bytes);
    vch_mqtt_leave(home);
    return used;
}

/* Why the connection ended when it was not this room that closed it. */
static const char *reason_of(const struct vch_mqtt_session *session, enum vch_close_reason reason,
                             struct vch_str *detail, const struct vch_diag *diag) {
    switch (reason) {
    case VCH_CLOSE_PEER: *detail = VCH_STR("connection lost"); return "client";
    case VCH_CLOSE_OVERFLOW:
        *detail = VCH_STR("More output waits for this client than the server keeps.");
        return "slow-reader";
    case VCH_CLOSE_STOP: *detail = VCH_STR("The server stops."); return "server-stopping";
    case VCH_CLOSE_TIMEOUT:
        if (session->state == SESSION_OPENING) return "connect-timeout";
        if (session->state == SESSION_CONNECTED) {
            *detail = VCH_STR("Nothing came within one and a half times the keep alive.");
            return "keep-alive-timeout";
        }
        *detail = VCH_STR("CONNECT was not decided in time.");
        return "internal";
    default: return diag && diag->reason ? diag->reason : "client";
    }
}

static void on_close(struct vch_conn *conn, void *arg, enum vch_close_reason reason, const struct vch_diag *diag) {
    (void)conn;
    struct vch_mqtt_session *session = arg;
    struct vch_mqtt_loop *home = session->home;
    struct vch_str detail = vch_str_from(diag ? diag->message : "");
    const char *found = reason_of(session, reason, &detail, diag);
    if (session->reason)
        detail = vch_str_from(diag ? diag->message : "");
    else
        session->reason = found;
    vch_mqtt_enter(home);
    vch_mqtt_session_end(session);
    vch_mqtt_leave(home);
    if (session->will_waits)
        vch_mqtt_will_wait(session, detail);
    else
        vch_mqtt_session_gone(session, detail);
}

/* MQTT 5 hears why. */
static void on_timeout(struct vch_conn *conn, void *arg) {
    static const struct vch_diag silent = {.reason = "keep-alive-timeout",
                                           .message = "Nothing came within one and a half times the keep alive."};
    (void)conn;
    struct vch_mqtt_session *session = arg;
    if (session->state == SESSION_CONNECTED) say_goodbye(session, &silent);
}

static const struct vch_conn_handler handler = {on_open, on_data, NULL, on_close, on_timeout};

enum vch_err vch_mqtt_attach(struct vch_mqtt_broker *broker, struct vch_conn *conn) {
    struct vch_mqtt_loop *home = vch_mqtt_home(broker, vch_conn_loop(conn));
    struct vch_mqtt_session *session = home ? vch_mqtt_session_new(home) : NULL;
    if (!home) return VCH_ERR_INVALID;
    if (!session) return VCH_ERR_NOMEM;
    session->conn = conn;
    vch_mqtt_count(&home->counters.connections, 1);
    vch_conn_set_input_max(conn, broker->packet_max);
    vch_conn_set_output_max(conn, broker->options.queue_bytes_max);
    vch_conn_set_handler(conn, &handler, session);
    if (vch_conn_is_open(conn)) on_open(conn, session);
    return VCH_OK;
}
