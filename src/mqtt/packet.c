#include "mqtt/outflow_priv.h"

void vch_mqtt_malformed(struct vch_mqtt_session *session, enum vch_err err, const char *message) {
    bool protocol = vch_mqtt_is_5(session) && err == VCH_ERR_INVALID;
    vch_mqtt_session_fail(session, protocol ? "protocol-error" : "packet-malformed", "", message);
}

void vch_mqtt_deny(struct vch_mqtt_session *session, const struct vch_diag *diag, const char *message) {
    vch_mqtt_count(&session->home->counters.denied, 1);
    if (diag->reason)
        vch_mqtt_close(session, diag);
    else
        vch_mqtt_session_fail(session, "access-denied", "", message);
}

static void on_pingreq(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame) {
    if (vch_mqtt_empty_decode(frame) == VCH_OK)
        vch_conn_write(session->conn, VCH_STR("\xD0\x00"));
    else
        vch_mqtt_malformed(session, VCH_ERR_MALFORMED, "PINGREQ is malformed.");
}

/* MQTT 5 section 3.14.2.2.2. False: the connection is lost over it. */
static bool change_expiry(struct vch_mqtt_session *session, const struct vch_mqtt_disconnect *packet) {
    if (!session->five || !vch_mqtt_has(&packet->props, VCH_MQTT_PROP_SESSION_EXPIRY)) return true;
    uint32_t wanted_s = packet->props.session_expiry_s;
    if (session->five->session_expiry_s == 0 && wanted_s > 0) {
        vch_mqtt_session_fail(session, "protocol-error", "sessionExpiryInterval",
                              "A session that was to end with its connection cannot be kept.");
        return false;
    }
    if (wanted_s == 0) session->discard = true;
    if (session->estate) session->estate->expiry_s = vch_mqtt_expiry_of(session, wanted_s);
    return true;
}

/* Takes the will back, unless the client wants it sent. [MQTT-3.14.4-3] */
static void on_disconnect(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame) {
    struct vch_mqtt_disconnect packet;
    packet.props.present = 0;
    enum vch_err err = vch_mqtt_disconnect_decode(frame, &packet);
    if (err == VCH_OK && vch_mqtt_has(&packet.props, VCH_MQTT_PROP_SERVER_REFERENCE)) err = VCH_ERR_INVALID;
    if (err != VCH_OK) {
        vch_mqtt_malformed(session, err, "DISCONNECT is malformed.");
        return;
    }
    if (!change_expiry(session, &packet)) return;
    if (packet.reason == VCH_MQTT_RC_SUCCESS) vch_mqtt_will_drop(session); /* any other reason is the will's case */
    vch_mqtt_session_fail(session, "client", "", "disconnect");
}

static void on_qos2(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame) {
    if (vch_mqtt_manners_of(session)->qos_max < 2)
        vch_mqtt_session_fail(session, "qos-unsupported", "", "QoS 2 is not served.");
    else if (frame->type == VCH_MQTT_PUBREC)
        vch_mqtt_pubrec_packet(session, frame);
    else if (frame->type == VCH_MQTT_PUBREL)
        vch_mqtt_pubrel_packet(session, frame);
    else
        vch_mqtt_pubcomp_packet(session, frame);
}

static void on_packet(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame) {
    switch (frame->type) {
    case VCH_MQTT_CONNECT: vch_mqtt_connect_packet(session, frame); break;
    case VCH_MQTT_PUBLISH: vch_mqtt_publish_packet(session, frame); break;
    case VCH_MQTT_PUBACK: vch_mqtt_puback_packet(session, frame); break;
    case VCH_MQTT_SUBSCRIBE: vch_mqtt_subscribe_packet(session, frame); break;
    case VCH_MQTT_UNSUBSCRIBE: vch_mqtt_unsubscribe_packet(session, frame); break;
    case VCH_MQTT_PINGREQ: on_pingreq(session, frame); break;
    case VCH_MQTT_DISCONNECT: on_disconnect(session, frame); break;
    case VCH_MQTT_PUBREC:
    case VCH_MQTT_PUBREL:
    case VCH_MQTT_PUBCOMP: on_qos2(session, frame); break;
    case VCH_MQTT_AUTH: /* CONNECT has named no method [MQTT-4.12.0-1] */
        vch_mqtt_session_fail(session, "protocol-error", "", "AUTH without an authentication method.");
        break;
    default: vch_mqtt_malformed(session, VCH_ERR_INVALID, "A packet that only servers send."); break;
    }
}

/* What the first bytes of a packet already rule out. */
static bool head_is_ok(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame, size_t size) {
    if (session->state == SESSION_OPENING && frame->type != VCH_MQTT_CONNECT) {
        vch_mqtt_malformed(session, VCH_ERR_MALFORMED, "The first packet is not CONNECT."); /* [MQTT-3.1.0-1] */
    } else if (size > session->home->broker->packet_max) {
        if (frame->type == VCH_MQTT_PUBLISH)
            vch_mqtt_session_fail(session, "payload-too-large", "payload", "The payload is too large.");
        else
            vch_mqtt_session_fail(session, vch_mqtt_is_5(session) ? "packet-too-large" : "packet-malformed", "",
                                  "The packet is too large.");
    }
    return session->state != SESSION_ENDED;
}

/* One packet; how many bytes it was, 0 when it is to be offered again. */
static size_t step(struct vch_mqtt_session *session, struct vch_str bytes) {
    struct vch_mqtt_frame frame;
    size_t size;
    enum vch_err err = vch_mqtt_is_5(session) ? vch_mqtt_frame_decode_at(VCH_MQTT_LEVEL_5, bytes, &frame, &size)
                                              : vch_mqtt_frame_decode(bytes, &frame, &size);
    if (err != VCH_OK) {
        vch_mqtt_malformed(session, err, "A packet's first bytes are malformed.");
        return 0;
    }
    if (!head_is_ok(session, &frame, size) || !frame.whole) return 0;
    frame.level = session->level;
    on_packet(session, &frame);
    return session->pause & (PAUSE_WAIT | PAUSE_OVERLOAD) ? 0 : size;
}

size_t vch_mqtt_packets(struct vch_mqtt_session *session, struct vch_str bytes) {
    size_t used = 0;
    while (used < bytes.len && !session->pause && session->state != SESSION_ENDED) {
        size_t size = step(session, vch_str_sub(bytes, used, SIZE_MAX));
        if (size == 0) break;
        used += size;
    }
    if (session->state == SESSION_ENDED) return bytes.len;
    if (used && session->state == SESSION_CONNECTED) vch_conn_deadline(session->conn, session->deadline_ms);
    if (session->pause && !session->conn_paused) {
        session->conn_paused = true;
        vch_conn_pause(session->conn);
    }
    return used;
}
