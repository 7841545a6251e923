#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "mqtt/outflow_priv.h"

enum { PROPS_COMMON = 1024, OVERLOAD_CHECK_MS = 5 };

/* ---- what is wrong with it ------------------------------------------------------------ */

static bool alias_keep(struct vch_mqtt_session *session, uint16_t alias, struct vch_str topic) {
    struct vch_mqtt_five *five = session->five;
    if (!five->aliases) five->aliases = calloc(vch_mqtt_options_of(session)->topic_alias_max, sizeof *five->aliases);
    struct vch_str *slot = five->aliases ? &five->aliases[alias - 1] : NULL;
    if (slot && vch_str_eq(*slot, topic)) return true;
    char *copy = slot ? malloc(topic.len) : NULL;
    if (!copy) return false;
    memcpy(copy, topic.ptr, topic.len);
    free((void *)(uintptr_t)slot->ptr);
    *slot = vch_str_of(copy, topic.len);
    return true;
}

/* [MQTT-3.3.2-7] to [MQTT-3.3.2-12] */
static bool alias_resolve(struct vch_mqtt_session *session, struct vch_mqtt_publish *packet) {
    const struct vch_mqtt_five *five = session->five;
    if (!five || !vch_mqtt_has(&packet->props, VCH_MQTT_PROP_TOPIC_ALIAS)) return true;
    uint16_t alias = packet->props.topic_alias;
    if (alias == 0 || alias > vch_mqtt_options_of(session)->topic_alias_max) {
        vch_mqtt_session_fail(session, "topic-alias-invalid", "topicAlias", "The topic alias is out of range.");
    } else if (packet->topic.len) {
        if (alias_keep(session, alias, packet->topic)) return true;
        vch_mqtt_session_fail(session, "internal", "", "Memory is out.");
    } else if (five->aliases && five->aliases[alias - 1].len) {
        packet->topic = five->aliases[alias - 1];
        return true;
    } else {
        vch_mqtt_session_fail(session, "protocol-error", "topicAlias", "The topic alias stands for nothing.");
    }
    return false;
}

static void answer_publish(struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet, uint8_t code,
                           struct vch_mqtt_receipt *receipt, const struct vch_diag *diag) {
    if (packet->qos > 0)
        vch_mqtt_answer(session, packet->qos == 1 ? VCH_MQTT_PUBACK : VCH_MQTT_PUBREC, packet->packet_id, code,
                        receipt, diag);
    else
        vch_mqtt_receipt_free(receipt);
}

/* A topic that cannot be is told, and on MQTT 5 above QoS 0 the connection stays. */
static void refuse_topic(struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet) {
    static const struct vch_diag diag = {
        .reason = "topic-invalid", .field = "topic", .message = "This is no topic name to publish to."};
    if (vch_mqtt_is_5(session) && packet->qos > 0)
        answer_publish(session, packet, VCH_MQTT_RC_TOPIC_NAME_INVALID, NULL, &diag);
    else
        vch_mqtt_close(session, &diag);
}

static bool over_receive_max(const struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet) {
    size_t open = session->owed + (session->flow ? session->flow->received_count : 0u);
    return packet->qos > 0 && open >= vch_mqtt_options_of(session)->inflight_max &&
           !(packet->qos == 2 && vch_mqtt_received_has(session, packet->packet_id));
}

static bool publish_is_ok(struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet) {
    if (packet->qos > vch_mqtt_manners_of(session)->qos_max)
        vch_mqtt_session_fail(session, "qos-unsupported", "qos", "QoS 2 is not served.");
    else if (session->five && vch_mqtt_has(&packet->props, VCH_MQTT_PROP_SUBSCRIPTION_ID)) /* [MQTT-3.3.4-6] */
        vch_mqtt_session_fail(session, "protocol-error", "", "A subscription identifier from a client.");
    else if (packet->payload.len > vch_mqtt_options_of(session)->payload_max)
        vch_mqtt_session_fail(session, "payload-too-large", "payload", "The payload is too large.");
    else if (over_receive_max(session, packet)) /* [MQTT-3.3.4-9] */
        vch_mqtt_session_fail(session, "receive-maximum", "", "More messages wait for an answer than may.");
    else if (!vch_mqtt_topic_ok(packet->topic, &session->home->broker->rules))
        refuse_topic(session, packet);
    else
        return true;
    return false;
}

/* ---- what it becomes -------------------------------------------------------------------- */

int64_t vch_mqtt_expires_ms(const struct vch_mqtt_broker *broker, bool has, uint32_t expiry_s, int64_t now_ms) {
    const struct vch_mqtt_manners *manners = broker->manners;
    if (!has) return 0;
    if (expiry_s < manners->expiry_min_s) expiry_s = manners->expiry_min_s;
    if (expiry_s > manners->expiry_max_s) expiry_s = manners->expiry_max_s;
    return now_ms + (int64_t)expiry_s * 1000;
}

/* What goes on to the receivers as it is. [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-17] [MQTT-3.3.2-20] */
struct vch_mqtt_props vch_mqtt_props_passed_on(const struct vch_mqtt_props *props) {
    const uint64_t own = VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_TOPIC_ALIAS) |
                         VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_MESSAGE_EXPIRY) |
                         VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_SUBSCRIPTION_ID) | VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_WILL_DELAY);
    struct vch_mqtt_props passed = *props;
    passed.present &= ~own;
    return passed;
}

static enum vch_err route_with_props(struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet,
                                     struct vch_mqtt_post *post) {
    uint8_t common[PROPS_COMMON];
    const struct vch_mqtt_props passed = vch_mqtt_props_passed_on(&packet->props);
    post->expires_ms = vch_mqtt_expires_ms(session->home->broker,
                                           vch_mqtt_has(&packet->props, VCH_MQTT_PROP_MESSAGE_EXPIRY),
                                           packet->props.message_expiry_s, vch_now_ms());
    size_t size = passed.present ? vch_mqtt_props_size(&passed) : 0, len = 0;
    uint8_t *buf = size <= sizeof common ? common : malloc(size);
    enum vch_err err = !buf ? VCH_ERR_NOMEM : size ? vch_mqtt_props_encode(&passed, buf, size, &len) : VCH_OK;
    post->props = vch_str_of(buf, len);
    if (err == VCH_OK) err = vch_mqtt_route(session->home, post);
    if (buf != common) free(buf);
    return err;
}

static enum vch_err route(struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet,
                          struct vch_mqtt_receipt *receipt) {
    struct vch_mqtt_post post = {.topic = packet->topic,
                                 .payload = packet->payload,
                                 .publisher = session,
                                 .receipt = receipt,
                                 .qos = packet->qos,
                                 .retain = packet->retain};
    return session->five && packet->props.present ? route_with_props(session, packet, &post)
                                                  : vch_mqtt_route(session->home, &post);
}

/* ---- the verdicts ------------------------------------------------------------------------ */

/* False: memory is out. */
static bool receive(struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet,
                    struct vch_mqtt_receipt *receipt) {
    if (packet->qos < 2) return true;
    if (!vch_mqtt_received_add(session, packet->packet_id)) return false;
    vch_mqtt_keep_received(session, packet->packet_id, receipt);
    return true;
}

static void publish_allowed(struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet) {
    bool waits = packet->qos > 0 && (vch_mqtt_route_keeps(session->home, packet->topic, packet->retain) ||
                                     (packet->qos == 2 && vch_mqtt_keeps(session)));
    struct vch_mqtt_receipt *receipt = waits ? vch_mqtt_receipt_of(session->home) : NULL;
    vch_mqtt_count(&session->home->counters.in_of[packet->qos], 1);
    enum vch_err err = waits && !receipt ? VCH_ERR_NOMEM : route(session, packet, receipt);
    bool full = err == VCH_ERR_LIMIT; /* delivered, but not retained */
    if (full) vch_mqtt_count(&session->home->counters.dropped, 1);
    if ((err != VCH_OK && !full) || (!full && !receive(session, packet, receipt))) {
        if (receipt) vch_mqtt_acks_add(&session->acks, session->id, receipt);
        vch_mqtt_session_fail(session, "internal", "", "Memory is out."); /* and no PUBACK */
        return;
    }
    answer_publish(session, packet, full && vch_mqtt_is_5(session) ? VCH_MQTT_RC_QUOTA_EXCEEDED : VCH_MQTT_RC_SUCCESS,
                   receipt, NULL);
}

static void publish_taken(struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet) {
    const struct vch_mqtt_hooks *hooks = &vch_mqtt_options_of(session)->hooks;
    vch_mqtt_count(&session->home->counters.in_of[packet->qos], 1);
    if (!receive(session, packet, NULL)) {
        vch_mqtt_session_fail(session, "internal", "", "Memory is out.");
        return;
    }
    answer_publish(session, packet, VCH_MQTT_RC_SUCCESS, NULL, NULL);
    if (hooks->taken) hooks->taken(hooks->arg, session, packet);
}

static void publish_denied(struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet,
                           const struct vch_diag *diag) {
    static const struct vch_diag unsaid = {.reason = "access-denied", .message = "PUBLISH is not allowed."};
    if (!diag->reason) diag = &unsaid;
    if (!vch_mqtt_is_5(session) || packet->qos == 0) {
        vch_mqtt_deny(session, diag, NULL);
        return;
    }
    uint8_t code = vch_mqtt_code_of(diag->reason);
    vch_mqtt_count(&session->home->counters.denied, 1);
    answer_publish(session, packet, vch_mqtt_rc_fits(code, VCH_MQTT_PUBACK) ? code : VCH_MQTT_RC_UNSPECIFIED_ERROR, NULL,
                   diag);
}

static void decide(struct vch_mqtt_session *session, const struct vch_mqtt_publish *packet) {
    const struct vch_mqtt_hooks *hooks = &vch_mqtt_options_of(session)->hooks;
    struct vch_diag diag;
    diag.reason = NULL;
    enum vch_mqtt_verdict verdict =
        hooks->publish ? hooks->publish(hooks->arg, session, packet, &diag) : VCH_MQTT_ALLOW;
    if (session->state != SESSION_CONNECTED) return; /* the hook closed it */
    switch (verdict) {
    case VCH_MQTT_ALLOW: publish_allowed(session, packet); break;
    case VCH_MQTT_TAKE: publish_taken(session, packet); break;
    case VCH_MQTT_WAIT: vch_mqtt_session_pause(session, PAUSE_WAIT); break;
    case VCH_MQTT_DENY: publish_denied(session, packet, &diag); break;
    }
}

/* ---- the packets --------------------------------------------------------------------------- */

bool vch_mqtt_is_overloaded(struct vch_mqtt_loop *home) {
    const struct vch_mqtt_keeper *keeper = home->broker->options.keeper;
    if (!home->overloaded && keeper && keeper->behind(keeper->self)) {
        home->overloaded = true;
        vch_timer_set(&home->overload_timer, OVERLOAD_CHECK_MS);
    }
    return home->overloaded;
}

void vch_mqtt_publish_packet(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame) {
    struct vch_mqtt_publish packet;
    enum vch_err err = vch_mqtt_publish_decode(frame, &packet);
    if (err != VCH_OK)
        vch_mqtt_malformed(session, err, "PUBLISH is malformed.");
    else if (!alias_resolve(session, &packet) || !publish_is_ok(session, &packet))
        return;
    else if (packet.qos == 2 && vch_mqtt_received_has(session, packet.packet_id)) /* [MQTT-4.3.3-10] */
        vch_mqtt_answer(session, VCH_MQTT_PUBREC, packet.packet_id, VCH_MQTT_RC_SUCCESS, NULL, NULL);
    else if (vch_mqtt_is_overloaded(session->home))
        vch_mqtt_session_pause(session, PAUSE_OVERLOAD);
    else
        decide(session, &packet);
}

void vch_mqtt_pubrel_packet(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame) {
    struct vch_mqtt_ack ack;
    enum vch_err err = vch_mqtt_puback_decode(frame, &ack);
    if (err != VCH_OK) {
        vch_mqtt_malformed(session, err, "PUBREL is malformed.");
        return;
    }
    bool known = vch_mqtt_received_remove(session, ack.packet_id);
    if (known) vch_mqtt_keep_released(session, ack.packet_id);
    if (known) vch_mqtt_flow_rest(session);
    vch_mqtt_answer(session, VCH_MQTT_PUBCOMP, ack.packet_id,
                    known ? VCH_MQTT_RC_SUCCESS : VCH_MQTT_RC_PACKET_ID_NOT_FOUND, NULL, NULL);
}
