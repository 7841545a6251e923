#include "mqtt/mqtt_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"

enum { LEVEL_311 = 4, LEVEL_5 = 5, CLIENT_ID_MAX = 128, CODE_VERSION = 1, CODE_IDENTIFIER = 2, DECISION_TIMEOUTS = 3 };

void vch_mqtt_connack_send(struct vch_mqtt_session *session, uint8_t code) {
    uint8_t out[4];
    size_t len;
    if (vch_mqtt_connack_encode(&(struct vch_mqtt_connack){.code = code}, out, sizeof out, &len) == VCH_OK)
        vch_conn_write(session->conn, vch_str_of(out, len));
}

/* In the form that the client's version reads. [MQTT-3.1.2-2]; MQTT 5 section 3.2, reason 0x84. */
static void refuse_level(struct vch_mqtt_session *session, uint8_t level) {
    if (level == LEVEL_5)
        vch_conn_write(session->conn, VCH_STR("\x20\x03\x00\x84\x00"));
    else
        vch_mqtt_connack_send(session, CODE_VERSION);
    vch_mqtt_session_fail(session, "protocol-version", "protocolLevel", "Only MQTT 3.1.1 is served.");
}

static void refuse_client_id(struct vch_mqtt_session *session, const char *message) {
    vch_mqtt_connack_send(session, CODE_IDENTIFIER);
    vch_mqtt_session_fail(session, "client-id-invalid", "clientId", message);
}

/* AWS: at most 128 bytes, '$' is reserved. An empty one is replaced. */
static bool client_id_take(struct vch_mqtt_session *session, const struct vch_mqtt_connect *packet) {
    char assigned[5 + 37] = "auto-";
    struct vch_str id = packet->client_id;
    if (id.len == 0 && !packet->clean_session) { /* [MQTT-3.1.3-8] */
        refuse_client_id(session, "An empty client id needs a clean session.");
        return false;
    }
    if (id.len > CLIENT_ID_MAX || (id.len && id.ptr[0] == '$')) {
        refuse_client_id(session, "A client id has at most 128 bytes and does not start with '$'.");
        return false;
    }
    if (id.len == 0) {
        vch_uuid(assigned + 5);
        id = vch_str_from(assigned);
    }
    session->client_id = strndup(id.ptr, id.len);
    session->client_id_len = (uint16_t)id.len;
    if (!session->client_id) vch_mqtt_session_fail(session, "internal", "", "Memory is out.");
    return session->client_id != NULL;
}

static struct vch_mqtt_will *will_new(const struct vch_mqtt_connect *packet) {
    struct vch_mqtt_will *will = calloc(1, sizeof *will);
    char *bytes = malloc(packet->will_topic.len + packet->will_payload.len + 1);
    if (!will || !bytes) {
        free(will);
        free(bytes);
        return NULL;
    }
    memcpy(bytes, packet->will_topic.ptr, packet->will_topic.len);
    if (packet->will_payload.len)
        memcpy(bytes + packet->will_topic.len, packet->will_payload.ptr, packet->will_payload.len);
    *will = (struct vch_mqtt_will){.topic = bytes,
                                   .payload = bytes + packet->will_topic.len,
                                   .topic_len = (uint32_t)packet->will_topic.len,
                                   .payload_len = (uint32_t)packet->will_payload.len,
                                   .qos = packet->will_qos,
                                   .retain = packet->will_retain};
    return will;
}

/* A will is a publish and obeys its rules. */
static bool will_take(struct vch_mqtt_session *session, const struct vch_mqtt_connect *packet) {
    const struct vch_mqtt_broker *broker = session->home->broker;
    if (!packet->has_will) return true;
    if (packet->will_qos > 1)
        vch_mqtt_session_fail(session, "qos-unsupported", "willQoS", "QoS 2 is not served.");
    else if (!vch_mqtt_topic_ok(packet->will_topic, &broker->rules))
        vch_mqtt_session_fail(session, "topic-invalid", "willTopic", "The will's topic is not a topic name.");
    else if (packet->will_payload.len > broker->options.payload_max)
        vch_mqtt_session_fail(session, "payload-too-large", "willMessage", "The will's payload is too large.");
    else
        session->will = will_new(packet);
    if (session->state != SESSION_ENDED && !session->will)
        vch_mqtt_session_fail(session, "internal", "", "Memory is out.");
    return session->will != NULL;
}

/* AWS: 30 to 1200 seconds; 0 and more than that ask for the maximum. */
static uint32_t deadline_of(const struct vch_mqtt_options *options, uint16_t keep_alive_s) {
    uint32_t seconds = keep_alive_s;
    if (seconds == 0 || seconds > options->keep_alive_max_s) seconds = options->keep_alive_max_s;
    if (seconds < options->keep_alive_min_s) seconds = options->keep_alive_min_s;
    return seconds * 1500; /* [MQTT-3.1.2-24] */
}

static void decide(struct vch_mqtt_session *session, struct vch_mqtt_connect *packet) {
    const struct vch_mqtt_options *options = &session->home->broker->options;
    packet->client_id = vch_mqtt_session_client_id(session);
    session->state = SESSION_DECIDING;
    session->deadline_ms = deadline_of(options, packet->keep_alive_s);
    vch_mqtt_session_pause(session, PAUSE_CONNECT);
    vch_conn_deadline(session->conn, options->connect_timeout_ms * DECISION_TIMEOUTS);
    if (options->hooks.connect)
        options->hooks.connect(options->hooks.arg, session, packet);
    else
        vch_mqtt_connect_done(session, &(struct vch_mqtt_admission){0}, NULL);
}

void vch_mqtt_connect_packet(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame) {
    struct vch_mqtt_connect packet;
    vch_mqtt_count(&session->home->counters.connects, 1);
    if (session->state != SESSION_OPENING)
        vch_mqtt_malformed(session, "A second CONNECT."); /* [MQTT-3.1.0-2] */
    else if (vch_mqtt_connect_decode(frame, &packet) != VCH_OK)
        vch_mqtt_malformed(session, "CONNECT is malformed.");
    else if (packet.level != LEVEL_311)
        refuse_level(session, packet.level);
    else if (client_id_take(session, &packet) && will_take(session, &packet))
        decide(session, &packet);
}
