#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "mqtt/outflow_priv.h"

enum { SUBACK_FAILURE = 0x80, SHARE_NAME_MAX = 128, ANSWER_MAX = 16 + VCH_MQTT_FILTERS_MAX };

/* ---- one subscription --------------------------------------------------------------- */

static struct vch_mqtt_sub **find_sub(struct vch_mqtt_session *session, struct vch_str filter) {
    struct vch_str name, inner;
    struct vch_mqtt_sub **at = &session->subs;
    if (vch_mqtt_share_parse(filter, &name, &inner)) {
        while (*at && ((*at)->node || !vch_str_eq(vch_mqtt_group_filter((*at)->group), filter)))
            at = &(*at)->session_next;
        return at;
    }
    const struct vch_mqtt_node *node = vch_mqtt_tree_find(&session->home->tree, filter);
    while (*at && (!node || (*at)->node != node)) at = &(*at)->session_next;
    return at;
}

static enum vch_err sub_make(struct vch_mqtt_session *session, struct vch_str filter, struct vch_mqtt_sub **ret) {
    struct vch_str name, inner;
    if (!vch_mqtt_share_parse(filter, &name, &inner))
        return vch_mqtt_tree_add(&session->home->tree, filter, session, 0, ret);
    struct vch_mqtt_sub *sub = calloc(1, sizeof *sub);
    enum vch_err err = sub ? vch_mqtt_group_join(session, filter, &sub->group) : VCH_ERR_NOMEM;
    if (err != VCH_OK) {
        free(sub);
        return err;
    }
    sub->session = session;
    *ret = sub;
    return VCH_OK;
}

static bool identifiers_begin(struct vch_mqtt_session *session) {
    if (!vch_mqtt_is_5(session)) return true;
    if (!session->five) session->five = calloc(1, sizeof *session->five);
    if (!session->five) return false;
    session->five->has_ids = true;
    return true;
}

/* A known filter gets the new options. [MQTT-3.8.4-3] */
enum vch_err vch_mqtt_sub_add(struct vch_mqtt_session *session, const struct vch_mqtt_kept_sub *wanted) {
    struct vch_mqtt_sub *sub = *find_sub(session, wanted->filter);
    if (wanted->identifier && !identifiers_begin(session)) return VCH_ERR_NOMEM;
    if (!sub) {
        if (session->sub_count >= vch_mqtt_options_of(session)->subscriptions_per_session) return VCH_ERR_LIMIT;
        VCH_TRY(sub_make(session, wanted->filter, &sub));
        sub->session_next = session->subs;
        session->subs = sub;
        session->sub_count++;
        vch_mqtt_count(&session->home->counters.subscriptions, 1);
    }
    sub->qos = wanted->qos;
    sub->retain_handling = wanted->retain_handling;
    sub->no_local = wanted->no_local;
    sub->as_published = wanted->retain_as_published;
    sub->identifier = wanted->identifier;
    if (sub->node && vch_mqtt_keeps(session)) vch_mqtt_tree_mark(&session->home->tree, sub, true);
    return VCH_OK;
}

void vch_mqtt_sub_remove(struct vch_mqtt_session *session, struct vch_mqtt_sub **at) {
    struct vch_mqtt_sub *sub = *at;
    *at = sub->session_next;
    session->sub_count--;
    vch_mqtt_count(&session->home->counters.subscriptions, -1);
    if (sub->node) {
        vch_mqtt_tree_remove(&session->home->tree, sub);
        return;
    }
    vch_mqtt_group_leave(session, sub->group);
    free(sub);
}

void vch_mqtt_sub_describe(const struct vch_mqtt_sub *sub, char *buf, struct vch_mqtt_kept_sub *ret) {
    *ret = (struct vch_mqtt_kept_sub){.qos = sub->qos,
                                      .retain_handling = sub->retain_handling,
                                      .no_local = sub->no_local,
                                      .retain_as_published = sub->as_published,
                                      .identifier = sub->identifier};
    if (sub->node)
        (void)vch_mqtt_sub_filter(sub, buf, FILTER_TEXT_MAX, &ret->filter);
    else
        ret->filter = vch_mqtt_group_filter(sub->group);
}

/* [MQTT-3.3.4-3] [MQTT-3.3.4-4] */
size_t vch_mqtt_sub_ids(const struct vch_mqtt_session *session, const struct vch_mqtt_parcel *parcel,
                        uint32_t ret[IDS_MAX]) {
    struct vch_mqtt_levels levels;
    size_t count = 0;
    vch_mqtt_levels_of(vch_mqtt_message_topic(parcel->message), &levels);
    for (const struct vch_mqtt_sub *sub = session->subs; sub && count < IDS_MAX; sub = sub->session_next) {
        bool its = parcel->group ? sub->group == parcel->group
                                 : sub->node && vch_mqtt_sub_matches(&session->home->tree, sub, &levels);
        if (its && sub->identifier) ret[count++] = sub->identifier;
    }
    return count;
}

/* ---- what a filter may be -------------------------------------------------------------- */

static const char *share_fault(const struct vch_mqtt_session *session, struct vch_str filter) {
    const struct vch_mqtt_broker *broker = session->home->broker;
    struct vch_str name, inner;
    if (!vch_mqtt_share_parse(filter, &name, &inner))
        return vch_mqtt_filter_ok(filter, &broker->rules) ? NULL : "This is no topic filter.";
    bool named = name.len > 0 && name.len <= SHARE_NAME_MAX && vch_str_find(name, '+', 0) == SIZE_MAX &&
                 vch_str_find(name, '#', 0) == SIZE_MAX; /* [MQTT-4.8.2-1] [MQTT-4.8.2-2] */
    return named && vch_mqtt_filter_ok(inner, &broker->rules) ? NULL : "This is no shared subscription.";
}

/* False: the connection is lost over it. The code is for the SUBACK. */
static bool judge(struct vch_mqtt_session *session, const struct vch_mqtt_filter *wanted, uint8_t *ret_code) {
    const char *fault = share_fault(session, wanted->filter);
    *ret_code = wanted->qos;
    if (wanted->qos > vch_mqtt_manners_of(session)->qos_max)
        vch_mqtt_session_fail(session, "qos-unsupported", "qos", "QoS 2 is not served.");
    else if (wanted->no_local && vch_str_starts(wanted->filter, VCH_STR("$share/"))) /* [MQTT-3.8.3-4] */
        vch_mqtt_session_fail(session, "protocol-error", "filter", "No Local on a shared subscription.");
    else if (fault && !vch_mqtt_is_5(session))
        vch_mqtt_session_fail(session, "topic-invalid", "filter", fault);
    else if (fault)
        *ret_code = VCH_MQTT_RC_TOPIC_FILTER_INVALID;
    return session->state == SESSION_CONNECTED;
}

static uint8_t refusal_code(const struct vch_mqtt_session *session, const struct vch_diag *diag) {
    if (!vch_mqtt_is_5(session)) return SUBACK_FAILURE;
    if (!diag->reason) return VCH_MQTT_RC_NOT_AUTHORIZED;
    uint8_t code = vch_mqtt_code_of(diag->reason);
    if (code == VCH_MQTT_RC_TOPIC_NAME_INVALID) return VCH_MQTT_RC_TOPIC_FILTER_INVALID;
    return vch_mqtt_rc_fits(code, VCH_MQTT_SUBACK) ? code : VCH_MQTT_RC_UNSPECIFIED_ERROR;
}

/* ---- SUBSCRIBE -------------------------------------------------------------------------- */

static bool is_refused(uint8_t code) {
    return code >= SUBACK_FAILURE;
}

/* Asks about all filters before anything changes, because WAIT asks them all again. */
static enum vch_mqtt_verdict may_subscribe(struct vch_mqtt_session *session, const struct vch_mqtt_subscribe *packet,
                                           struct vch_mqtt_suback *ack, struct vch_diag *ret_diag) {
    const struct vch_mqtt_hooks *hooks = &vch_mqtt_options_of(session)->hooks;
    enum vch_mqtt_verdict all = VCH_MQTT_ALLOW;
    for (size_t i = 0; i < packet->count && hooks->subscribe; i++) {
        struct vch_diag diag = {0};
        if (is_refused(ack->codes[i])) continue;
        enum vch_mqtt_verdict verdict = hooks->subscribe(hooks->arg, session, packet->filters[i].filter, &diag);
        if (verdict == VCH_MQTT_WAIT || session->state != SESSION_CONNECTED) return verdict;
        if (verdict == VCH_MQTT_ALLOW) continue;
        ack->codes[i] = refusal_code(session, &diag);
        if (!ret_diag->reason) *ret_diag = diag;
        vch_mqtt_count(&session->home->counters.denied, 1);
        all = VCH_MQTT_DENY;
    }
    return all;
}

static void send_suback(struct vch_mqtt_session *session, struct vch_mqtt_suback *ack, const struct vch_diag *diag,
                        struct vch_mqtt_receipt *receipt) {
    uint8_t out[ANSWER_MAX + sizeof diag->message];
    size_t len;
    ack->level = session->level;
    if (session->five && session->five->problem_info && diag && diag->reason && vch_mqtt_options_of(session)->explain) {
        ack->props.present |= VCH_MQTT_PROP_BIT(VCH_MQTT_PROP_REASON_STRING);
        ack->props.reason_string = vch_str_from(diag->message);
    }
    if (vch_mqtt_suback_encode(ack, out, sizeof out, &len) == VCH_OK)
        vch_mqtt_answer_bytes(session, vch_str_of(out, len), receipt);
    else
        vch_mqtt_receipt_free(receipt);
}

static void tell(struct vch_mqtt_session *session, const struct vch_mqtt_subscribe *packet, const uint8_t *codes,
                 void (*fn)(void *arg, struct vch_mqtt_session *session, const struct vch_str *filters,
                            size_t count)) {
    struct vch_str filters[VCH_MQTT_FILTERS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < packet->count; i++)
        if (!codes || !is_refused(codes[i])) filters[count++] = packet->filters[i].filter;
    if (fn && count) fn(vch_mqtt_options_of(session)->hooks.arg, session, filters, count);
}

/* The code for the SUBACK; `fresh` says that there was no such subscription. */
static uint8_t subscribe_one(struct vch_mqtt_session *session, const struct vch_mqtt_subscribe *packet, size_t i,
                             struct vch_mqtt_receipt *receipt, bool *ret_fresh) {
    const struct vch_mqtt_filter *wanted = &packet->filters[i];
    const struct vch_mqtt_kept_sub sub = {
        .filter = wanted->filter,
        .qos = wanted->qos,
        .no_local = wanted->no_local,
        .retain_as_published = wanted->retain_as_published,
        .retain_handling = wanted->retain_handling,
        .identifier = vch_mqtt_has(&packet->props, VCH_MQTT_PROP_SUBSCRIPTION_ID) ? packet->props.subscription_id : 0};
    uint16_t before = session->sub_count;
    enum vch_err err = vch_mqtt_sub_add(session, &sub);
    *ret_fresh = session->sub_count != before;
    if (err == VCH_OK) vch_mqtt_keep_sub(session, &sub, receipt);
    if (err == VCH_OK) return wanted->qos;
    if (!vch_mqtt_is_5(session)) return SUBACK_FAILURE;
    return err == VCH_ERR_LIMIT ? VCH_MQTT_RC_QUOTA_EXCEEDED : VCH_MQTT_RC_UNSPECIFIED_ERROR;
}

/* ---- retained messages --------------------------------------------------------------------- */

struct handing {
    struct vch_mqtt_session *session;
    uint8_t qos;
};

/* Many at once must not make a slow reader of a client that has only just asked. */
static bool has_room(const struct vch_mqtt_session *session, const struct vch_mqtt_message *message) {
    size_t waits = vch_conn_pending(session->conn) + (session->flow ? session->flow->queue_bytes : 0);
    return waits + vch_mqtt_message_cost(message) * 2 < vch_mqtt_options_of(session)->queue_bytes_max;
}

static bool hand_over(void *arg, struct vch_mqtt_message *message) {
    const struct handing *handing = arg;
    if (!has_room(handing->session, message)) {
        vch_mqtt_count(&handing->session->home->counters.dropped, 1);
        return false;
    }
    const struct vch_mqtt_parcel parcel = {.message = message,
                                           .qos = handing->qos < message->qos ? handing->qos : message->qos,
                                           .retain = true}; /* [MQTT-3.3.1-8] */
    vch_mqtt_deliver(handing->session, &parcel);
    return handing->session->state == SESSION_CONNECTED;
}

/* AWS looks at exact filters alone. */
static void send_retained(struct vch_mqtt_session *session, const struct vch_mqtt_filter *wanted) {
    struct vch_mqtt_retained *retained = vch_mqtt_options_of(session)->retained;
    const struct vch_mqtt_manners *manners = vch_mqtt_manners_of(session);
    struct handing handing = {session, wanted->qos};
    if (manners->wildcards_retained) {
        vch_mqtt_retained_match(retained, wanted->filter, manners->parent_too, vch_now_ms(), hand_over, &handing);
        return;
    }
    struct vch_mqtt_message *message = vch_mqtt_retained_get(retained, wanted->filter, vch_now_ms());
    if (message) (void)hand_over(&handing, message);
    vch_mqtt_message_unref(message);
}

static bool wants_retained(const struct vch_mqtt_session *session, const struct vch_mqtt_filter *wanted, bool fresh) {
    if (!vch_mqtt_options_of(session)->retained || vch_str_starts(wanted->filter, VCH_STR("$share/"))) return false;
    return wanted->retain_handling == 0 || (wanted->retain_handling == 1 && fresh);
}

/* ---- the packet ------------------------------------------------------------------------------ */

/* 3.1.1: old clients take 0x80 for success, so a refusal ends the connection too. */
static void close_refused(struct vch_mqtt_session *session, const struct vch_mqtt_suback *ack, bool denied,
                          const struct vch_diag *diag) {
    bool all = true;
    for (size_t i = 0; i < ack->count; i++) all &= !is_refused(ack->codes[i]);
    if (all || vch_mqtt_is_5(session) || !vch_mqtt_manners_of(session)->denial_closes) return;
    if (!denied)
        vch_mqtt_session_fail(session, "subscriptions-full", "filter",
                              "The session has as many subscriptions as it may have.");
    else if (diag->reason)
        vch_mqtt_close(session, diag);
    else
        vch_mqtt_session_fail(session, "access-denied", "", "SUBSCRIBE is not allowed.");
}

static void subscribe_judged(struct vch_mqtt_session *session, const struct vch_mqtt_subscribe *packet,
                             struct vch_mqtt_suback *ack, bool denied, const struct vch_diag *diag) {
    bool fresh[VCH_MQTT_FILTERS_MAX] = {false};
    bool nothing = denied && !vch_mqtt_is_5(session) && vch_mqtt_manners_of(session)->denial_closes;
    struct vch_mqtt_receipt *receipt = vch_mqtt_keeps(session) ? vch_mqtt_receipt_of(session->home) : NULL;
    for (size_t i = 0; i < packet->count && !nothing; i++)
        if (!is_refused(ack->codes[i])) ack->codes[i] = subscribe_one(session, packet, i, receipt, &fresh[i]);
    send_suback(session, ack, diag, receipt);
    close_refused(session, ack, denied, diag);
    if (session->state != SESSION_CONNECTED || nothing) return;
    tell(session, packet, ack->codes, vch_mqtt_options_of(session)->hooks.subscribed);
    for (size_t i = 0; i < packet->count && session->state == SESSION_CONNECTED; i++)
        if (!is_refused(ack->codes[i]) && wants_retained(session, &packet->filters[i], fresh[i]))
            send_retained(session, &packet->filters[i]);
}

static bool too_many(struct vch_mqtt_session *session, const struct vch_mqtt_subscribe *packet) {
    struct vch_mqtt_suback ack;
    if (packet->count <= vch_mqtt_options_of(session)->filters_per_subscribe) return false;
    if (!vch_mqtt_is_5(session)) {
        vch_mqtt_session_fail(session, "subscriptions-full", "filter", "Too many filters in one SUBSCRIBE.");
        return true;
    }
    ack = (struct vch_mqtt_suback){.packet_id = packet->packet_id, .count = packet->count};
    memset(ack.codes, VCH_MQTT_RC_QUOTA_EXCEEDED, packet->count);
    send_suback(session, &ack, NULL, NULL);
    return true;
}

static void subscribe(struct vch_mqtt_session *session, const struct vch_mqtt_subscribe *packet) {
    struct vch_mqtt_suback ack = {.packet_id = packet->packet_id, .count = packet->count};
    struct vch_diag diag = {0};
    if (vch_mqtt_is_5(session) && vch_mqtt_has(&packet->props, VCH_MQTT_PROP_SUBSCRIPTION_ID) &&
        !vch_mqtt_manners_of(session)->subscription_ids) {
        vch_mqtt_session_fail(session, "subscription-ids-unsupported", "",
                              "Subscription identifiers are not served.");
        return;
    }
    if (too_many(session, packet)) return;
    for (size_t i = 0; i < packet->count; i++)
        if (!judge(session, &packet->filters[i], &ack.codes[i])) return;
    enum vch_mqtt_verdict verdict = may_subscribe(session, packet, &ack, &diag);
    if (session->state != SESSION_CONNECTED) return;
    if (verdict == VCH_MQTT_WAIT)
        vch_mqtt_session_pause(session, PAUSE_WAIT);
    else
        subscribe_judged(session, packet, &ack, verdict == VCH_MQTT_DENY, &diag);
}

/* What is to be kept waits for the disk like a message, or cannot be promised at all. */
static bool may_keep(struct vch_mqtt_session *session) {
    const struct vch_mqtt_keeper *keeper = vch_mqtt_options_of(session)->keeper;
    if (!vch_mqtt_keeps(session)) return true;
    if (vch_mqtt_is_overloaded(session->home))
        vch_mqtt_session_pause(session, PAUSE_OVERLOAD);
    else if (keeper->full(keeper->self))
        vch_mqtt_session_fail(session, "store-failed", "", "What the packet changes could not be made durable.");
    else
        return true;
    return false;
}

void vch_mqtt_subscribe_packet(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame) {
    struct vch_mqtt_subscribe packet;
    packet.props.present = 0;
    enum vch_err err = vch_mqtt_subscribe_decode(frame, &packet);
    if (err == VCH_OK && !may_keep(session)) return;
    if (err == VCH_OK)
        subscribe(session, &packet);
    else if (err == VCH_ERR_LIMIT)
        vch_mqtt_session_fail(session, "subscriptions-full", "filter", "Too many filters in one SUBSCRIBE.");
    else
        vch_mqtt_malformed(session, err, "SUBSCRIBE is malformed.");
}

/* ---- UNSUBSCRIBE ------------------------------------------------------------------------------ */

static uint8_t unsubscribe_one(struct vch_mqtt_session *session, struct vch_str filter,
                               struct vch_mqtt_receipt *receipt) {
    struct vch_mqtt_sub **at = find_sub(session, filter);
    if (!*at)
        return vch_mqtt_manners_of(session)->tells_unsubscribed ? VCH_MQTT_RC_NO_SUBSCRIPTION_EXISTED
                                                                : VCH_MQTT_RC_SUCCESS;
    vch_mqtt_sub_remove(session, at);
    vch_mqtt_keep_unsub(session, filter, receipt);
    return VCH_MQTT_RC_SUCCESS;
}

/* A filter that was never subscribed is acknowledged all the same. [MQTT-3.10.4-5] */
void vch_mqtt_unsubscribe_packet(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame) {
    struct vch_mqtt_subscribe packet;
    uint8_t out[ANSWER_MAX];
    size_t len;
    enum vch_err err = vch_mqtt_unsubscribe_decode(frame, &packet);
    if (err != VCH_OK) {
        vch_mqtt_malformed(session, err, "UNSUBSCRIBE is malformed.");
        return;
    }
    if (!may_keep(session)) return;
    struct vch_mqtt_suback ack = {.packet_id = packet.packet_id, .level = session->level};
    struct vch_mqtt_receipt *receipt = vch_mqtt_keeps(session) ? vch_mqtt_receipt_of(session->home) : NULL;
    for (size_t i = 0; i < packet.count; i++)
        ack.codes[i] = unsubscribe_one(session, packet.filters[i].filter, receipt);
    if (vch_mqtt_is_5(session)) ack.count = packet.count;
    if (vch_mqtt_unsuback_encode(&ack, out, sizeof out, &len) == VCH_OK)
        vch_mqtt_answer_bytes(session, vch_str_of(out, len), receipt);
    else
        vch_mqtt_receipt_free(receipt);
    tell(session, &packet, NULL, vch_mqtt_options_of(session)->hooks.unsubscribed);
}

/* ---- asking again ----------------------------------------------------------------------------- */

static bool is_denied(struct vch_mqtt_session *session, struct vch_str filter) {
    const struct vch_mqtt_hooks *hooks = &vch_mqtt_options_of(session)->hooks;
    struct vch_diag diag = {0};
    return hooks->subscribe && hooks->subscribe(hooks->arg, session, filter, &diag) == VCH_MQTT_DENY;
}

void vch_mqtt_subscriptions_recheck(struct vch_mqtt_session *session) {
    struct vch_mqtt_sub **at = &session->subs, *sub;
    char *text = session->subs ? malloc(FILTER_TEXT_MAX) : NULL;
    while (text && (sub = *at) != NULL && session->state == SESSION_CONNECTED) {
        struct vch_mqtt_kept_sub described;
        vch_mqtt_sub_describe(sub, text, &described);
        if (!is_denied(session, described.filter) || *at != sub) {
            at = &sub->session_next;
            continue;
        }
        vch_mqtt_count(&session->home->counters.denied, 1);
        vch_mqtt_keep_unsub(session, described.filter, NULL);
        vch_mqtt_sub_remove(session, at);
        session->forbade = true;
    }
    free(text);
}
