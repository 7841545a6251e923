#include <stdlib.h>

#include "base/map.h"
#include "mqtt/outflow_priv.h"

enum { CODE_UNAVAILABLE = 3, CODE_NOT_AUTHORIZED = 5, CONNACK_ROOM = 512 };

/* ---- CONNACK ----------------------------------------------------------------------- */

static void send_connack(struct vch_mqtt_session *session, const struct vch_mqtt_connack *connack) {
    uint8_t out[CONNACK_ROOM + sizeof(struct vch_diag)];
    size_t len;
    session->connack_sent = true;
    if (vch_mqtt_connack_encode(connack, out, sizeof out, &len) == VCH_OK)
        vch_conn_write(session->conn, vch_str_of(out, len));
}

static uint8_t refusal_of(uint8_t code, const char *reason) {
    uint8_t found = vch_mqtt_code_of(reason);
    bool says = found != VCH_MQTT_RC_UNSPECIFIED_ERROR && vch_mqtt_rc_fits(found, VCH_MQTT_CONNACK);
    if (says) return found;
    if (code == CODE_UNAVAILABLE) return VCH_MQTT_RC_SERVER_UNAVAILABLE;
    return code ? VCH_MQTT_RC_NOT_AUTHORIZED : VCH_MQTT_RC_UNSPECIFIED_ERROR;
}

void vch_mqtt_connack_refuse(struct vch_mqtt_session *session, uint8_t code, const struct vch_diag *diag) {
    struct vch_mqtt_connack connack = {.code = code, .level = session->level};
    if (session->connack_sent) return;
    if (vch_mqtt_is_5(session)) {
        connack.code = refusal_of(code, diag ? diag->reason : NULL);
        if (diag && vch_mqtt_options_of(session)->explain) {
            connack.props.present = VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_REASON_STRING);
            connack.props.reason_string = vch_str_from(diag->message);
        }
    }
    send_connack(session, &connack);
}

#define SAY(NAME, field, value)                                                                                        \
    do {                                                                                                               \
        props->present |= VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_##NAME);                                                     \
        props->field = (value);                                                                                        \
    } while (0)

/* MQTT 5 section 3.2.2.3 */
static void describe(const struct vch_mqtt_session *session, struct vch_mqtt_props *props) {
    const struct vch_mqtt_options *options = vch_mqtt_options_of(session);
    const struct vch_mqtt_manners *manners = vch_mqtt_manners_of(session);
    uint32_t expiry_s = session->estate ? session->estate->expiry_s : 0;
    if (expiry_s != session->five->session_expiry_s || expiry_s) SAY(SESSION_EXPIRY, session_expiry_s, expiry_s);
    SAY(RECEIVE_MAXIMUM, receive_maximum, (uint16_t)options->inflight_max);
    if (manners->qos_max < 2) SAY(MAXIMUM_QOS, maximum_qos, manners->qos_max);
    SAY(RETAIN_AVAILABLE, retain_available, 1);
    SAY(MAXIMUM_PACKET_SIZE, maximum_packet_size, (uint32_t)session->home->broker->packet_max);
    if (session->five->assigned) SAY(ASSIGNED_CLIENT_ID, assigned_client_id, vch_mqtt_session_client_id(session));
    SAY(TOPIC_ALIAS_MAXIMUM, topic_alias_maximum, options->topic_alias_max);
    SAY(WILDCARD_AVAILABLE, wildcard_available, 1);
    SAY(SUBSCRIPTION_ID_AVAILABLE, subscription_id_available, manners->subscription_ids);
    SAY(SHARED_AVAILABLE, shared_available, 1);
    SAY(SERVER_KEEP_ALIVE, server_keep_alive_s, session->keep_alive_s);
}

/* ---- accepting ------------------------------------------------------------------------ */

uint32_t vch_mqtt_expiry_wanted(const struct vch_mqtt_session *session) {
    if (session->transient) return 0;
    if (session->five) return session->five->session_expiry_s;
    return session->wish.clean ? 0 : UINT32_MAX; /* 3.1.1: as long as the server keeps any */
}

static bool begin_estate(struct vch_mqtt_session *session, uint32_t expiry_s, struct vch_diag *diag) {
    session->estate = vch_mqtt_estate_new(session, expiry_s);
    if (!session->estate) {
        (void)vch_diag_set(diag, VCH_ERR_NOMEM, "internal", "", "Memory is out.");
    } else if (!vch_mqtt_estate_count(session)) {
        vch_mqtt_estate_free(session->estate);
        session->estate = NULL;
        (void)vch_diag_set(diag, VCH_ERR_LIMIT, "connections-full", "",
                           "The certificate has as many sessions that outlive their connections as it may have (connections-per-certificate).");
    }
    return session->estate != NULL;
}

/* Whether the session outlives this connection is asked anew at each CONNECT. */
static bool settle_estate(struct vch_mqtt_session *session, struct vch_diag *diag) {
    uint32_t wanted_s = vch_mqtt_expiry_wanted(session);
    if (wanted_s == 0) {
        vch_mqtt_estate_forget(session);
        return true;
    }
    uint32_t expiry_s = vch_mqtt_expiry_of(session, wanted_s);
    if (!session->estate && !begin_estate(session, expiry_s, diag)) return false;
    session->estate->expiry_s = expiry_s;
    session->estate->level = session->level;
    session->estate->ends_ms = 0;
    vch_mqtt_estate_save(session, 0);
    vch_mqtt_keep_will(session);
    return true;
}

static void groups_online(struct vch_mqtt_session *session) {
    for (const struct vch_mqtt_sub *sub = session->subs; sub; sub = sub->session_next)
        if (!sub->node) vch_mqtt_group_update(session, sub->group, session->id, true);
}

void vch_mqtt_session_accept(struct vch_mqtt_session *session, bool present) {
    struct vch_mqtt_connack connack = {.session_present = present, .level = session->level};
    const struct vch_mqtt_hooks *hooks = &vch_mqtt_options_of(session)->hooks;
    (void)vch_mqtt_registry_present(&session->home->broker->registry, session);
    struct vch_diag diag = {0};
    if (!settle_estate(session, &diag)) {
        vch_mqtt_connack_refuse(session, CODE_UNAVAILABLE, &diag);
        vch_mqtt_close(session, &diag);
        return;
    }
    session->state = SESSION_CONNECTED;
    vch_mqtt_count(&session->home->counters.sessions, 1);
    if (session->five) describe(session, &connack.props);
    send_connack(session, &connack);
    vch_conn_deadline(session->conn, session->deadline_ms);
    vch_mqtt_session_unpause(session, PAUSE_CONNECT);
    if (present) vch_mqtt_subscriptions_recheck(session); /* rights may have gone while nobody was here */
    groups_online(session);
    vch_mqtt_resend(session);
    if (hooks->accepted && session->state == SESSION_CONNECTED) hooks->accepted(hooks->arg, session);
}

/* ---- taking the client id -------------------------------------------------------------- */

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
    return vch_mqtt_lookup(errand.home, errand.session_id);
}

static void on_granted(void *arg) {
    struct vch_mqtt_loop *home;
    struct vch_mqtt_session *session = errand_enter(arg, &home);
    if (session && session->state == SESSION_TAKING && !session->expecting) vch_mqtt_session_accept(session, false);
    vch_mqtt_leave(home);
}

/* [MQTT-3.1.4-2] */
static void on_evicted(void *arg) {
    struct vch_mqtt_loop *home;
    struct vch_mqtt_session *session = errand_enter(arg, &home);
    if (session && session->state != SESSION_ENDED)
        vch_mqtt_session_fail(session, "taken-over", "clientId", "A newer connection has taken over this client id.");
    else if (session && session->estate && !session->expecting)
        vch_mqtt_estate_depart(session);
    vch_mqtt_leave(home);
}

/* A lost errand leaves a session waiting for its client id; its deadline ends it. */
static void send_errand(struct vch_mqtt_broker *broker, struct vch_mqtt_ref ref, void (*fn)(void *arg)) {
    struct errand *errand = ref.id ? malloc(sizeof *errand) : NULL;
    if (!errand) return;
    *errand = (struct errand){vch_mqtt_home(broker, ref.loop), ref.id};
    if (!vch_loop_post(ref.loop, fn, errand)) free(errand);
}

void vch_mqtt_grant(struct vch_mqtt_broker *broker, struct vch_mqtt_ref ref) {
    send_errand(broker, ref, on_granted);
}

static void refuse_connect(struct vch_mqtt_session *session, uint8_t code, const struct vch_diag *diag) {
    static const struct vch_diag unsaid = {.reason = "access-denied", .message = "CONNECT is not allowed."};
    if (!diag || !diag->reason) diag = &unsaid;
    vch_mqtt_count(&session->home->counters.denied, 1);
    vch_mqtt_connack_refuse(session, code > CODE_NOT_AUTHORIZED ? CODE_NOT_AUTHORIZED : code, diag);
    vch_mqtt_close(session, diag);
}

/* A transient session is a guest: it does not end what waits for its client under this id, but comes in beside it. */
static void take_client_id(struct vch_mqtt_session *session) {
    struct vch_mqtt_broker *broker = session->home->broker;
    struct vch_mqtt_claimants older;
    session->state = SESSION_TAKING;
    if (session->transient && vch_mqtt_registry_is_waiting(&broker->registry, vch_mqtt_session_client_id(session))) {
        vch_mqtt_session_accept(session, false);
        return;
    }
    session->claimed = true;
    session->wish.principal = vch_hash(vch_str_from(vch_conn_peer_id(session->conn)));
    if (session->transient) session->wish.clean = true;
    if (vch_mqtt_registry_claim(&broker->registry, session, &older)) {
        vch_mqtt_session_accept(session, false);
    } else if (older.owner.id) {
        send_errand(broker, older.rival, on_evicted);
        send_errand(broker, older.owner, on_evicted);
    } else {
        vch_mqtt_connack_refuse(session, CODE_UNAVAILABLE, NULL);
        vch_mqtt_session_fail(session, "internal", "", "Memory is out.");
    }
}

void vch_mqtt_connect_done(struct vch_mqtt_session *session, const struct vch_mqtt_admission *admission,
                           const struct vch_diag *diag) {
    if (session->state != SESSION_DECIDING) return;
    vch_mqtt_enter(session->home);
    session->transient = admission->transient;
    if (admission->code != 0)
        refuse_connect(session, admission->code, diag);
    else
        take_client_id(session);
    vch_mqtt_leave(session->home);
}
