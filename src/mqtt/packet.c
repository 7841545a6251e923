#include "mqtt/mqtt_priv.h"

enum { SUBACK_FAILURE = 0x80, FILTER_TEXT_MAX = 4096 };

static const struct vch_mqtt_options *options_of(const struct vch_mqtt_session *session) {
    return &session->home->broker->options;
}

void vch_mqtt_malformed(struct vch_mqtt_session *session, const char *message) {
    vch_mqtt_session_fail(session, "packet-malformed", "", message);
}

static void deny(struct vch_mqtt_session *session, const struct vch_diag *diag, const char *message) {
    vch_mqtt_count(&session->home->counters.denied, 1);
    if (diag->reason)
        vch_mqtt_close(session, diag);
    else
        vch_mqtt_session_fail(session, "access-denied", "", message);
}

static void send_ack(struct vch_mqtt_session *session, enum vch_mqtt_type type, uint16_t packet_id) {
    uint8_t out[4];
    size_t len;
    if (vch_mqtt_ack_encode(type, packet_id, out, sizeof out, &len) == VCH_OK)
        vch_conn_write(session->conn, vch_str_of(out, len));
}

/* ---- PUBLISH ------------------------------------------------------------------------ */

static bool publish_is_ok(struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet) {
    if (packet->qos > 1)
        vch_mqtt_session_fail(session, "qos-unsupported", "qos", "QoS 2 is not served.");
    else if (packet->payload.len > options_of(session)->payload_max)
        vch_mqtt_session_fail(session, "payload-too-large", "payload", "The payload is too large.");
    else if (!vch_mqtt_topic_ok(packet->topic, &session->home->broker->rules))
        vch_mqtt_session_fail(session, "topic-invalid", "topic", "This is no topic name to publish to.");
    return session->state == SESSION_CONNECTED;
}

static void publish_allowed(struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet) {
    vch_mqtt_count(&session->home->counters.messages_in, 1);
    enum vch_err err = vch_mqtt_route(session->home, packet->topic, packet->payload, packet->qos);
    if (err != VCH_OK)
        vch_mqtt_session_fail(session, "internal", "", "Memory is out."); /* and no PUBACK */
    else if (packet->qos > 0)
        send_ack(session, VCH_MQTT_PUBACK, packet->packet_id);
}

static void publish_taken(struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet) {
    const struct vch_mqtt_hooks *hooks = &options_of(session)->hooks;
    vch_mqtt_count(&session->home->counters.messages_in, 1);
    if (packet->qos > 0) send_ack(session, VCH_MQTT_PUBACK, packet->packet_id);
    if (hooks->taken) hooks->taken(hooks->arg, session, packet);
}

static void on_publish(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame) {
    const struct vch_mqtt_hooks *hooks = &options_of(session)->hooks;
    struct vch_mqtt_publish packet;
    struct vch_diag diag = {0};
    if (vch_mqtt_publish_decode(frame, &packet) != VCH_OK) {
        vch_mqtt_malformed(session, "PUBLISH is malformed.");
        return;
    }
    if (!publish_is_ok(session, &packet)) return;
    if (session->home->overloaded) {
        vch_mqtt_session_pause(session, PAUSE_OVERLOAD);
        return;
    }
    enum vch_mqtt_verdict verdict =
        hooks->publish ? hooks->publish(hooks->arg, session, &packet, &diag) : VCH_MQTT_ALLOW;
    if (session->state != SESSION_CONNECTED) return; /* the hook closed it */
    switch (verdict) {
    case VCH_MQTT_ALLOW: publish_allowed(session, &packet); break;
    case VCH_MQTT_TAKE: publish_taken(session, &packet); break;
    case VCH_MQTT_WAIT: vch_mqtt_session_pause(session, PAUSE_WAIT); break;
    case VCH_MQTT_DENY: deny(session, &diag, "PUBLISH is not allowed."); break;
    }
}

/* ---- SUBSCRIBE ------------------------------------------------------------------------ */

static struct vch_mqtt_sub **find_sub(struct vch_mqtt_session *session, struct vch_str filter) {
    const struct vch_mqtt_node *node = vch_mqtt_tree_find(&session->home->tree, filter);
    struct vch_mqtt_sub **at = &session->subs;
    while (*at && (!node || (*at)->node != node)) at = &(*at)->session_next;
    return at;
}

/* The code for the SUBACK. A known filter gets the new QoS. [MQTT-3.8.4-3] */
static uint8_t subscribe_one(struct vch_mqtt_session *session, const struct vch_mqtt_filter *wanted) {
    struct vch_mqtt_sub *sub = *find_sub(session, wanted->filter);
    if (sub) {
        sub->qos = wanted->qos;
        return wanted->qos;
    }
    if (session->sub_count >= options_of(session)->subscriptions_per_session) return SUBACK_FAILURE;
    if (vch_mqtt_tree_add(&session->home->tree, wanted->filter, session, wanted->qos, &sub) != VCH_OK)
        return SUBACK_FAILURE;
    sub->session_next = session->subs;
    session->subs = sub;
    session->sub_count++;
    return wanted->qos;
}

static bool filter_is_ok(struct vch_mqtt_session *session, const struct vch_mqtt_filter *wanted) {
    if (wanted->qos > 1)
        vch_mqtt_session_fail(session, "qos-unsupported", "qos", "QoS 2 is not served.");
    else if (vch_str_starts(wanted->filter, VCH_STR("$share/")))
        vch_mqtt_session_fail(session, "topic-invalid", "filter", "Shared subscriptions are not served.");
    else if (!vch_mqtt_filter_ok(wanted->filter, &session->home->broker->rules))
        vch_mqtt_session_fail(session, "topic-invalid", "filter", "This is no topic filter.");
    return session->state == SESSION_CONNECTED;
}

/* Asks about all filters before anything changes, because WAIT asks them all again. */
static enum vch_mqtt_verdict may_subscribe(struct vch_mqtt_session *session, const struct vch_mqtt_subscribe *packet,
                                           struct vch_mqtt_suback *ack, struct vch_diag *diag) {
    const struct vch_mqtt_hooks *hooks = &options_of(session)->hooks;
    enum vch_mqtt_verdict all = VCH_MQTT_ALLOW;
    for (size_t i = 0; i < packet->count && hooks->subscribe; i++) {
        enum vch_mqtt_verdict verdict = hooks->subscribe(hooks->arg, session, packet->filters[i].filter, diag);
        if (verdict == VCH_MQTT_WAIT || session->state != SESSION_CONNECTED) return verdict;
        if (verdict == VCH_MQTT_ALLOW) continue;
        ack->codes[i] = SUBACK_FAILURE;
        all = VCH_MQTT_DENY;
    }
    return all;
}

static void tell(struct vch_mqtt_session *session, const struct vch_mqtt_subscribe *packet,
                 void (*fn)(void *arg, struct vch_mqtt_session *session, const struct vch_str *filters, size_t count)) {
    struct vch_str filters[VCH_MQTT_FILTERS_MAX];
    if (!fn) return;
    for (size_t i = 0; i < packet->count; i++) filters[i] = packet->filters[i].filter;
    fn(options_of(session)->hooks.arg, session, filters, packet->count);
}

static void send_suback(struct vch_mqtt_session *session, const struct vch_mqtt_suback *ack) {
    uint8_t out[8 + VCH_MQTT_FILTERS_MAX];
    size_t len;
    if (vch_mqtt_suback_encode(ack, out, sizeof out, &len) == VCH_OK)
        vch_conn_write(session->conn, vch_str_of(out, len));
}

static void subscribe_allowed(struct vch_mqtt_session *session, const struct vch_mqtt_subscribe *packet,
                              struct vch_mqtt_suback *ack) {
    bool all = true;
    for (size_t i = 0; i < packet->count; i++) {
        ack->codes[i] = subscribe_one(session, &packet->filters[i]);
        all &= ack->codes[i] != SUBACK_FAILURE;
    }
    send_suback(session, ack);
    if (!all)
        vch_mqtt_session_fail(session, "subscriptions-full", "filter",
                              "The session has as many subscriptions as it may have.");
    else
        tell(session, packet, options_of(session)->hooks.subscribed);
}

/* Refused filters: SUBACK and a close, because old clients take 0x80 for success. */
static void subscribe_checked(struct vch_mqtt_session *session, const struct vch_mqtt_subscribe *packet) {
    struct vch_mqtt_suback ack = {.packet_id = packet->packet_id, .count = packet->count};
    struct vch_diag diag = {0};
    for (size_t i = 0; i < packet->count; i++) ack.codes[i] = packet->filters[i].qos;
    enum vch_mqtt_verdict verdict = may_subscribe(session, packet, &ack, &diag);
    if (session->state != SESSION_CONNECTED) return;
    if (verdict == VCH_MQTT_ALLOW) {
        subscribe_allowed(session, packet, &ack);
    } else if (verdict == VCH_MQTT_WAIT) {
        vch_mqtt_session_pause(session, PAUSE_WAIT);
    } else {
        send_suback(session, &ack);
        deny(session, &diag, "SUBSCRIBE is not allowed.");
    }
}

static void on_subscribe(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame) {
    struct vch_mqtt_subscribe packet;
    enum vch_err err = vch_mqtt_subscribe_decode(frame, &packet);
    if (err == VCH_ERR_LIMIT || (err == VCH_OK && packet.count > options_of(session)->filters_per_subscribe)) {
        vch_mqtt_session_fail(session, "subscriptions-full", "filter", "Too many filters in one SUBSCRIBE.");
        return;
    }
    if (err != VCH_OK) {
        vch_mqtt_malformed(session, "SUBSCRIBE is malformed.");
        return;
    }
    for (size_t i = 0; i < packet.count; i++)
        if (!filter_is_ok(session, &packet.filters[i])) return;
    subscribe_checked(session, &packet);
}

/* A filter that was never subscribed is acknowledged all the same. [MQTT-3.10.4-5] */
static void on_unsubscribe(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame) {
    struct vch_mqtt_subscribe packet;
    if (vch_mqtt_unsubscribe_decode(frame, &packet) != VCH_OK) {
        vch_mqtt_malformed(session, "UNSUBSCRIBE is malformed.");
        return;
    }
    for (size_t i = 0; i < packet.count; i++) {
        struct vch_mqtt_sub **at = find_sub(session, packet.filters[i].filter), *sub = *at;
        if (!sub) continue;
        *at = sub->session_next;
        session->sub_count--;
        vch_mqtt_tree_remove(&session->home->tree, sub);
    }
    send_ack(session, VCH_MQTT_UNSUBACK, packet.packet_id);
    tell(session, &packet, options_of(session)->hooks.unsubscribed);
}

void vch_mqtt_subscriptions_recheck(struct vch_mqtt_session *session) {
    const struct vch_mqtt_hooks *hooks = &options_of(session)->hooks;
    struct vch_mqtt_sub **at = &session->subs, *sub;
    char text[FILTER_TEXT_MAX];
    struct vch_str filter;
    while ((sub = *at) != NULL && session->state == SESSION_CONNECTED && hooks->subscribe) {
        struct vch_diag diag = {0};
        bool known = vch_mqtt_sub_filter(sub, text, sizeof text, &filter);
        if (!known || hooks->subscribe(hooks->arg, session, filter, &diag) != VCH_MQTT_DENY || *at != sub) {
            at = &sub->session_next;
            continue;
        }
        *at = sub->session_next;
        session->sub_count--;
        vch_mqtt_count(&session->home->counters.denied, 1);
        vch_mqtt_tree_remove(&session->home->tree, sub);
    }
}

/* ---- the rest ------------------------------------------------------------------------- */

static void on_puback(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame) {
    uint16_t packet_id;
    if (vch_mqtt_ack_decode(frame, &packet_id) == VCH_OK)
        vch_mqtt_acknowledged(session, packet_id);
    else
        vch_mqtt_malformed(session, "PUBACK is malformed.");
}

static void on_pingreq(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame) {
    if (vch_mqtt_empty_decode(frame) == VCH_OK)
        vch_conn_write(session->conn, VCH_STR("\xD0\x00"));
    else
        vch_mqtt_malformed(session, "PINGREQ is malformed.");
}

/* Takes the will back. [MQTT-3.14.4-3] */
static void on_disconnect(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame) {
    if (vch_mqtt_empty_decode(frame) != VCH_OK) {
        vch_mqtt_malformed(session, "DISCONNECT is malformed.");
        return;
    }
    vch_mqtt_will_free(session->will);
    session->will = NULL;
    vch_mqtt_session_fail(session, "client", "", "disconnect");
}

static void on_packet(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame) {
    switch (frame->type) {
    case VCH_MQTT_CONNECT: vch_mqtt_connect_packet(session, frame); break;
    case VCH_MQTT_PUBLISH: on_publish(session, frame); break;
    case VCH_MQTT_PUBACK: on_puback(session, frame); break;
    case VCH_MQTT_SUBSCRIBE: on_subscribe(session, frame); break;
    case VCH_MQTT_UNSUBSCRIBE: on_unsubscribe(session, frame); break;
    case VCH_MQTT_PINGREQ: on_pingreq(session, frame); break;
    case VCH_MQTT_DISCONNECT: on_disconnect(session, frame); break;
    case VCH_MQTT_PUBREC:
    case VCH_MQTT_PUBREL:
    case VCH_MQTT_PUBCOMP: vch_mqtt_session_fail(session, "qos-unsupported", "", "QoS 2 is not served."); break;
    default: vch_mqtt_malformed(session, "A packet that only servers send."); break;
    }
}

/* What the first bytes of a packet already rule out. */
static bool head_is_ok(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame, size_t size) {
    if (session->state == SESSION_OPENING && frame->type != VCH_MQTT_CONNECT) {
        vch_mqtt_malformed(session, "The first packet is not CONNECT."); /* [MQTT-3.1.0-1] */
    } else if (size > session->home->broker->packet_max) {
        if (frame->type == VCH_MQTT_PUBLISH)
            vch_mqtt_session_fail(session, "payload-too-large", "payload", "The payload is too large.");
        else
            vch_mqtt_malformed(session, "The packet is too large.");
    }
    return session->state != SESSION_ENDED;
}

/* One packet; how many bytes it was, 0 when it is to be offered again. */
static size_t step(struct vch_mqtt_session *session, struct vch_str bytes) {
    struct vch_mqtt_frame frame;
    size_t size;
    if (vch_mqtt_frame_decode(bytes, &frame, &size) != VCH_OK) {
        vch_mqtt_malformed(session, "A packet's first bytes are malformed.");
        return 0;
    }
    if (!head_is_ok(session, &frame, size) || !frame.whole) return 0;
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
