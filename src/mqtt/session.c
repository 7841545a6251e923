#include "mqtt/mqtt_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"

enum { WILL_WAIT_MS = 5000 };

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
    return session->farewell ? session->farewell->peer_id : vch_conn_peer_id(session->conn);
}

const char *vch_mqtt_session_peer_ip(const struct vch_mqtt_session *session) {
    return session->farewell ? session->farewell->peer_ip : vch_conn_peer_ip(session->conn);
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

/* ---- accepting ------------------------------------------------------------------------ */

void vch_mqtt_session_accept(struct vch_mqtt_session *session) {
    session->state = SESSION_CONNECTED;
    vch_mqtt_count(&session->home->counters.sessions, 1);
    vch_mqtt_connack_send(session, 0);
    vch_conn_deadline(session->conn, session->deadline_ms);
    vch_mqtt_session_unpause(session, PAUSE_CONNECT);
    const struct vch_mqtt_hooks *hooks = &session->home->broker->options.hooks;
    if (hooks->accepted) hooks->accepted(hooks->arg, session);
}

/* A message from one loop to another about one session. */
struct errand {
    struct vch_mqtt_loop *home;
    uint64_t session_id;
};

static struct vch_mqtt_session *errand_enter(void *arg, struct vch_mqtt_loop **ret_home) {
    struct errand errand = *(struct errand *)arg;
    free(arg);
    *ret_home = errand.home;
    vch_mqtt_enter(errand.home);
    return vch_mqtt_find(errand.home->broker, (struct vch_mqtt_ref){errand.home->loop, errand.session_id});
}

static void on_granted(void *arg) {
    struct vch_mqtt_loop *home;
    struct vch_mqtt_session *session = errand_enter(arg, &home);
    if (session && session->state == SESSION_TAKING) vch_mqtt_session_accept(session);
    vch_mqtt_leave(home);
}

/* [MQTT-3.1.4-2] */
static void on_evicted(void *arg) {
    struct vch_mqtt_loop *home;
    struct vch_mqtt_session *session = errand_enter(arg, &home);
    if (session)
        vch_mqtt_session_fail(session, "taken-over", "clientId", "A newer connection has taken over this client id.");
    vch_mqtt_leave(home);
}

/* A lost errand leaves a session waiting for its client id; its deadline ends it. */
static void send_errand(struct vch_mqtt_broker *broker, struct vch_mqtt_ref ref, void (*fn)(void *arg)) {
    struct errand *errand = ref.id ? malloc(sizeof *errand) : NULL;
    if (!errand) return;
    *errand = (struct errand){vch_mqtt_home(broker, ref.loop), ref.id};
    if (!vch_loop_post(ref.loop, fn, errand)) free(errand);
}

static void refuse_connect(struct vch_mqtt_session *session, uint8_t code, const struct vch_diag *diag) {
    static const struct vch_diag unsaid = {.reason = "access-denied", .message = "CONNECT is not allowed."};
    vch_mqtt_count(&session->home->counters.denied, 1);
    vch_mqtt_connack_send(session, code > 5 ? 5 : code);
    vch_mqtt_close(session, diag && diag->reason ? diag : &unsaid);
}

static void take_client_id(struct vch_mqtt_session *session) {
    struct vch_mqtt_broker *broker = session->home->broker;
    struct vch_mqtt_ref evict;
    session->state = SESSION_TAKING;
    session->claimed = true;
    if (vch_mqtt_registry_claim(&broker->registry, session, &evict)) {
        vch_mqtt_session_accept(session);
    } else if (evict.id) {
        send_errand(broker, evict, on_evicted);
    } else {
        vch_mqtt_connack_send(session, 3);
        vch_mqtt_session_fail(session, "internal", "", "Memory is out.");
    }
}

void vch_mqtt_connect_done(struct vch_mqtt_session *session, const struct vch_mqtt_admission *admission,
                           const struct vch_diag *diag) {
    if (session->state != SESSION_DECIDING) return;
    vch_mqtt_enter(session->home);
    if (admission->code != 0)
        refuse_connect(session, admission->code, diag);
    else
        take_client_id(session);
    vch_mqtt_leave(session->home);
}

/* ---- wills ------------------------------------------------------------------------------- */

void vch_mqtt_will_free(struct vch_mqtt_will *will) {
    if (!will) return;
    free(will->topic);
    free(will);
}

static void will_drop(struct vch_mqtt_session *session) {
    vch_mqtt_will_free(session->will);
    session->will = NULL;
    session->will_waits = false;
}

/* The session's own last publish. [MQTT-3.1.2-8] */
static void will_publish(struct vch_mqtt_session *session) {
    const struct vch_mqtt_will *will = session->will;
    const struct vch_mqtt_hooks *hooks = &session->home->broker->options.hooks;
    const struct vch_mqtt_publish packet = {.retain = will->retain,
                                            .qos = will->qos,
                                            .topic = vch_str_of(will->topic, will->topic_len),
                                            .payload = vch_str_of(will->payload, will->payload_len)};
    struct vch_diag diag = {0};
    enum vch_mqtt_verdict verdict =
        hooks->publish ? hooks->publish(hooks->arg, session, &packet, &diag) : VCH_MQTT_ALLOW;
    session->will_waits = verdict == VCH_MQTT_WAIT;
    if (verdict == VCH_MQTT_DENY) vch_mqtt_count(&session->home->counters.denied, 1);
    /* Memory out: the will is lost with the rest. Its session can no longer be told. */
    if (verdict == VCH_MQTT_ALLOW) (void)!vch_mqtt_route(session->home, packet.topic, packet.payload, packet.qos);
    if (verdict != VCH_MQTT_WAIT) will_drop(session);
}

/* ---- the end -------------------------------------------------------------------------------- */

void vch_mqtt_session_end(struct vch_mqtt_session *session) {
    if (session->state == SESSION_ENDED) return;
    if (session->state == SESSION_CONNECTED)
        vch_mqtt_count(&session->home->counters.sessions, -1);
    else
        will_drop(session); /* it was never accepted */
    session->state = SESSION_ENDED;
    session->ended_next = session->home->ended;
    session->home->ended = session;
}

void vch_mqtt_session_settle(struct vch_mqtt_session *session) {
    struct vch_mqtt_loop *home = session->home;
    while (session->subs) {
        struct vch_mqtt_sub *sub = session->subs;
        session->subs = sub->session_next;
        vch_mqtt_tree_remove(&home->tree, sub);
    }
    vch_mqtt_queue_drop(session);
    if (session->will) will_publish(session);
    if (!session->claimed) return;
    session->claimed = false;
    vch_mqtt_outbox_flush(home); /* all it said is on its way before a successor may speak */
    send_errand(home->broker, vch_mqtt_registry_release(&home->broker->registry, session), on_granted);
}

/* A hook may be on the stack: the timer does it. */
static void will_drop_soon(struct vch_mqtt_session *session) {
    if (!session->farewell) return;
    session->farewell->drop_at_ms = 0;
    vch_timer_set(&session->home->will_timer, 1);
}

void vch_mqtt_close(struct vch_mqtt_session *session, const struct vch_diag *diag) {
    if (session->state == SESSION_ENDED) {
        will_drop_soon(session);
        return;
    }
    vch_mqtt_enter(session->home);
    session->reason = diag && diag->reason ? diag->reason : "internal";
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

/* Tells the owner of the user pointer, and forgets the session. */
static void session_free(struct vch_mqtt_session *session, struct vch_str detail) {
    struct vch_mqtt_loop *home = session->home;
    const struct vch_mqtt_hooks *hooks = &home->broker->options.hooks;
    vch_mqtt_index_remove(&home->sessions, &session->by_id);
    if (session->indexed) vch_mqtt_index_remove(&home->peers, &session->by_peer);
    if (hooks->closed) hooks->closed(hooks->arg, session, session->reason, detail);
    vch_mqtt_count(&home->counters.connections, -1);
    free(session->farewell);
    free(session->client_id);
    free(session);
}

/* The session outlives its connection until the hook has decided on its will. */
static void wait_for_will(struct vch_mqtt_session *session, struct vch_str detail) {
    struct vch_mqtt_farewell *farewell = calloc(1, sizeof *farewell);
    if (!farewell) {
        will_drop(session);
        session_free(session, detail);
        return;
    }
    farewell->drop_at_ms = vch_mono_ms() + WILL_WAIT_MS;
    (void)vch_str_copy(farewell->peer_id, sizeof farewell->peer_id, vch_str_from(vch_conn_peer_id(session->conn)));
    (void)vch_str_copy(farewell->peer_ip, sizeof farewell->peer_ip, vch_str_from(vch_conn_peer_ip(session->conn)));
    (void)vch_str_copy(farewell->detail, sizeof farewell->detail, detail);
    session->farewell = farewell;
    session->conn = NULL;
    if (session->home->wills_waiting++ == 0) vch_timer_set(&session->home->will_timer, WILL_WAIT_MS);
}

static void will_decided(struct vch_mqtt_session *session) {
    session->home->wills_waiting--;
    session_free(session, vch_str_from(session->farewell->detail));
}

static void will_again(struct vch_mqtt_session *session) {
    will_publish(session);
    if (!session->will && session->farewell) will_decided(session); /* without a farewell on_close is still to come */
}

static void expire_will(struct vch_mqtt_link *link, void *arg) {
    struct vch_mqtt_session *session = VCH_MQTT_OWNER(link, struct vch_mqtt_session, by_id);
    if (!session->farewell || session->farewell->drop_at_ms > *(const int64_t *)arg) return;
    will_drop(session);
    will_decided(session);
}

void vch_mqtt_wills_expire(void *arg) {
    struct vch_mqtt_loop *home = arg;
    int64_t now_ms = vch_mono_ms();
    vch_mqtt_enter(home);
    vch_mqtt_index_walk(&home->sessions, expire_will, &now_ms);
    vch_mqtt_leave(home);
    if (home->wills_waiting) vch_timer_set(&home->will_timer, WILL_WAIT_MS);
}

static void abandon_will(struct vch_mqtt_link *link, void *arg) {
    int64_t ever = INT64_MAX;
    (void)arg;
    expire_will(link, &ever);
}

void vch_mqtt_wills_abandon(struct vch_mqtt_loop *home) {
    vch_mqtt_index_walk(&home->sessions, abandon_will, NULL);
}

void vch_mqtt_recheck(struct vch_mqtt_session *session) {
    struct vch_mqtt_loop *home = session->home;
    vch_mqtt_enter(home);
    if (session->will_waits) {
        will_again(session);
    } else if (session->state == SESSION_CONNECTED) {
        vch_conn_deadline(session->conn, session->deadline_ms); /* the wait was ours */
        vch_mqtt_session_unpause(session, PAUSE_WAIT);
        vch_mqtt_queue_run(session);
    }
    vch_mqtt_leave(home);
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
        if (session->deadline_ms == 0) return "connect-timeout";
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
    if (reason == VCH_CLOSE_STOP) will_drop(session); /* nobody is left to hear it */
    vch_mqtt_enter(home);
    vch_mqtt_session_end(session);
    vch_mqtt_leave(home);
    if (session->will_waits)
        wait_for_will(session, detail);
    else
        session_free(session, detail);
}

static const struct vch_conn_handler handler = {on_open, on_data, NULL, on_close};

enum vch_err vch_mqtt_attach(struct vch_mqtt_broker *broker, struct vch_conn *conn) {
    struct vch_mqtt_loop *home = vch_mqtt_home(broker, vch_conn_loop(conn));
    struct vch_mqtt_session *session = home ? calloc(1, sizeof *session) : NULL;
    if (!home) return VCH_ERR_INVALID;
    if (!session) return VCH_ERR_NOMEM;
    session->home = home;
    session->conn = conn;
    session->id = (uint64_t)(home->position + 1) << 48 | ++home->last_id;
    if (vch_mqtt_index_add(&home->sessions, &session->by_id, session->id) != VCH_OK) {
        free(session);
        return VCH_ERR_NOMEM;
    }
    vch_mqtt_count(&home->counters.connections, 1);
    vch_conn_set_input_max(conn, broker->packet_max);
    vch_conn_set_output_max(conn, broker->options.queue_bytes_max);
    vch_conn_set_handler(conn, &handler, session);
    if (vch_conn_is_open(conn)) on_open(conn, session);
    return VCH_OK;
}
