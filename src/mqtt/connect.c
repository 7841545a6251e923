#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "mqtt/mqtt_priv.h"

enum { CLIENT_ID_MAX = 128, CODE_VERSION = 1, CODE_IDENTIFIER = 2, CODE_UNAVAILABLE = 3, DECISION_TIMEOUTS = 3 };

/* Refused before anybody was asked. 3.1.1 gets a CONNACK where it has a code for it. */
static void refuse(struct vch_mqtt_session *session, uint8_t code, const char *reason, const char *field,
                   const char *message) {
    struct vch_diag diag = {0};
    (void)vch_diag_set(&diag, VCH_ERR_INVALID, reason, field, "%s", message);
    if (vch_mqtt_is_5(session) || code) vch_mqtt_connack_refuse(session, code, &diag);
    vch_mqtt_close(session, &diag);
}

/* [MQTT-3.1.2-2]; nobody knows how later versions read a CONNACK. */
static void refuse_level(struct vch_mqtt_session *session) {
    session->level = VCH_MQTT_LEVEL_311;
    refuse(session, CODE_VERSION, "protocol-version", "protocolLevel", "Only MQTT 3.1.1 and 5 are served.");
}

static void refuse_malformed(struct vch_mqtt_session *session, uint8_t level, enum vch_err err) {
    session->level = level == VCH_MQTT_LEVEL_5 ? level : VCH_MQTT_LEVEL_311;
    bool protocol = level == VCH_MQTT_LEVEL_5 && err == VCH_ERR_INVALID;
    refuse(session, 0, protocol ? "protocol-error" : "packet-malformed", "", "CONNECT is malformed.");
}

/* AWS: at most 128 bytes, '$' is reserved. An empty one is replaced. */
static bool client_id_take(struct vch_mqtt_session *session, const struct vch_mqtt_connect *packet) {
    char assigned[5 + 37] = "auto-";
    struct vch_str id = packet->client_id;
    if (id.len == 0 && !packet->clean_session && !vch_mqtt_is_5(session)) { /* [MQTT-3.1.3-8] */
        refuse(session, CODE_IDENTIFIER, "client-id-invalid", "clientId", "An empty client id needs a clean session.");
        return false;
    }
    if (id.len > CLIENT_ID_MAX || (id.len && id.ptr[0] == '$')) {
        refuse(session, CODE_IDENTIFIER, "client-id-invalid", "clientId",
               "A client id has at most 128 bytes and does not start with '$'.");
        return false;
    }
    if (id.len == 0) {
        vch_uuid(assigned + 5);
        id = vch_str_from(assigned);
        if (session->five) session->five->assigned = true;
    }
    session->client_id = strndup(id.ptr, id.len);
    session->client_id_len = (uint16_t)id.len;
    if (!session->client_id) vch_mqtt_session_fail(session, "internal", "", "Memory is out.");
    return session->client_id != NULL;
}

/* ---- the will ------------------------------------------------------------------------ */

static char *append(char *at, struct vch_str s) {
    if (s.len) memcpy(at, s.ptr, s.len);
    return at + s.len;
}

static struct vch_mqtt_will *will_new(const struct vch_mqtt_connect *packet) {
    const struct vch_mqtt_props passed = vch_mqtt_props_passed_on(&packet->will_props);
    bool five = packet->level == VCH_MQTT_LEVEL_5;
    size_t props_size = five ? vch_mqtt_props_size(&passed) : 0, props_len = 0;
    struct vch_mqtt_will *will = calloc(1, sizeof *will);
    char *bytes = malloc(packet->will_topic.len + packet->will_payload.len + props_size + 1);
    if (!will || !bytes) {
        free(will);
        free(bytes);
        return NULL;
    }
    char *payload = append(bytes, packet->will_topic), *props = append(payload, packet->will_payload);
    if (props_size && vch_mqtt_props_encode(&passed, (uint8_t *)props, props_size, &props_len) != VCH_OK) props_len = 0;
    *will = (struct vch_mqtt_will){.topic = bytes,
                                   .payload = payload,
                                   .props = props,
                                   .topic_len = (uint32_t)packet->will_topic.len,
                                   .payload_len = (uint32_t)packet->will_payload.len,
                                   .props_len = (uint32_t)props_len,
                                   .qos = packet->will_qos,
                                   .retain = packet->will_retain};
    if (five && vch_mqtt_has(&packet->will_props, VCH_MQTT_PROP_WILL_DELAY))
        will->delay_s = packet->will_props.will_delay_s;
    will->expires = five && vch_mqtt_has(&packet->will_props, VCH_MQTT_PROP_MESSAGE_EXPIRY);
    if (will->expires) will->expiry_s = packet->will_props.message_expiry_s;
    return will;
}

/* A will is a publish and obeys its rules. */
static bool will_take(struct vch_mqtt_session *session, const struct vch_mqtt_connect *packet) {
    const struct vch_mqtt_broker *broker = session->home->broker;
    if (!packet->has_will) return true;
    if (packet->will_qos > broker->manners->qos_max)
        refuse(session, 0, "qos-unsupported", "willQoS", "QoS 2 is not served.");
    else if (!vch_mqtt_topic_ok(packet->will_topic, &broker->rules))
        refuse(session, 0, "topic-invalid", "willTopic", "The will's topic is not a topic name.");
    else if (packet->will_payload.len > broker->options.payload_max)
        refuse(session, 0, "payload-too-large", "willMessage", "The will's payload is too large.");
    else
        session->will = will_new(packet);
    if (session->state != SESSION_ENDED && !session->will)
        vch_mqtt_session_fail(session, "internal", "", "Memory is out.");
    return session->will != NULL;
}

/* ---- what MQTT 5 adds ------------------------------------------------------------------ */

static bool five_take(struct vch_mqtt_session *session, const struct vch_mqtt_connect *packet) {
    const struct vch_mqtt_props *props = &packet->props;
    if (!vch_mqtt_is_5(session)) return true;
    struct vch_mqtt_five *five = session->five = calloc(1, sizeof *five);
    if (!five) {
        vch_mqtt_session_fail(session, "internal", "", "Memory is out.");
        return false;
    }
    five->receive_max = vch_mqtt_has(props, VCH_MQTT_PROP_RECEIVE_MAXIMUM) ? props->receive_maximum : UINT16_MAX;
    if (vch_mqtt_has(props, VCH_MQTT_PROP_MAXIMUM_PACKET_SIZE)) five->packet_max = props->maximum_packet_size;
    if (vch_mqtt_has(props, VCH_MQTT_PROP_SESSION_EXPIRY)) five->session_expiry_s = props->session_expiry_s;
    five->problem_info = !vch_mqtt_has(props, VCH_MQTT_PROP_REQUEST_PROBLEM) || props->request_problem;
    five->clean_start = packet->clean_session;
    if (!vch_mqtt_has(props, VCH_MQTT_PROP_AUTH_METHOD)) return true;
    refuse(session, 0, "authentication-unsupported", "authenticationMethod",
           "Enhanced authentication is not served."); /* [MQTT-4.12.0-1] */
    return false;
}

/* AWS: 30 to 1200 seconds; 0 and more than that ask for the maximum. OASIS: 0 asks for none. */
static void keep_alive_take(struct vch_mqtt_session *session, uint16_t keep_alive_s) {
    const struct vch_mqtt_options *options = vch_mqtt_options_of(session);
    uint16_t seconds = keep_alive_s;
    bool none = seconds == 0 && vch_mqtt_manners_of(session)->zero_is_no_keep_alive;
    if (!none && (seconds == 0 || seconds > options->keep_alive_max_s)) seconds = options->keep_alive_max_s;
    if (!none && seconds < options->keep_alive_min_s) seconds = options->keep_alive_min_s;
    session->keep_alive_s = seconds;
    session->deadline_ms = seconds * 1500u; /* [MQTT-3.1.2-24] */
}

/* ---- asking ------------------------------------------------------------------------------ */

static void decide(struct vch_mqtt_session *session, struct vch_mqtt_connect *packet) {
    const struct vch_mqtt_options *options = vch_mqtt_options_of(session);
    packet->client_id = vch_mqtt_session_client_id(session);
    if (atomic_load(&session->home->broker->stopping)) {
        refuse(session, CODE_UNAVAILABLE, "server-stopping", "", "The server stops.");
        return;
    }
    session->state = SESSION_DECIDING;
    session->wish.clean = packet->clean_session;
    session->wish.level = session->level;
    keep_alive_take(session, packet->keep_alive_s);
    vch_mqtt_session_pause(session, PAUSE_CONNECT);
    vch_conn_deadline(session->conn, options->connect_timeout_ms * DECISION_TIMEOUTS);
    if (options->hooks.connect)
        options->hooks.connect(options->hooks.arg, session, packet);
    else
        vch_mqtt_connect_done(session, &(struct vch_mqtt_admission){0}, NULL);
}

void vch_mqtt_connect_packet(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame) {
    struct vch_mqtt_connect packet;
    if (session->state != SESSION_OPENING) {
        vch_mqtt_malformed(session, VCH_ERR_INVALID, "A second CONNECT."); /* [MQTT-3.1.0-2] */
        return;
    }
    vch_mqtt_count(&session->home->counters.connects, 1);
    enum vch_err err = vch_mqtt_connect_decode(frame, &packet);
    if (err != VCH_OK) {
        refuse_malformed(session, packet.level, err);
    } else if (packet.level != VCH_MQTT_LEVEL_311 && packet.level != VCH_MQTT_LEVEL_5) {
        refuse_level(session);
    } else {
        session->level = packet.level;
        if (five_take(session, &packet) && client_id_take(session, &packet) && will_take(session, &packet))
            decide(session, &packet);
    }
}
