#include "mqtt/outflow_priv.h"

static void out_of_memory(struct vch_mqtt_session *session) {
    vch_mqtt_session_fail(session, "internal", "", "Memory is out.");
}

static void count_dropped(struct vch_mqtt_session *session) {
    vch_mqtt_count(&session->home->counters.dropped, 1);
}

/* ---- sending ---------------------------------------------------------------------- */

static uint8_t first_step(uint8_t qos) {
    return qos == 2 ? AWAIT_PUBREC : AWAIT_PUBACK;
}

static struct vch_mqtt_letter letter_of(const struct vch_mqtt_waiting *entry, uint16_t packet_id) {
    return (struct vch_mqtt_letter){.message = entry->message,
                                    .packet_id = packet_id,
                                    .qos = entry->qos,
                                    .retain = entry->retain,
                                    .ids = entry->ids,
                                    .id_count = entry->id_count};
}

static void send(struct vch_mqtt_session *session, const struct vch_mqtt_letter *letter) {
    enum vch_mqtt_written written = vch_mqtt_write_publish(session, letter);
    if (written == WRITTEN)
        vch_mqtt_count(&session->home->counters.out_of[letter->qos], 1);
    else if (written == WRITTEN_NOT)
        count_dropped(session);
    else
        out_of_memory(session);
}

/* Consumes the entry. What nobody would ask for again is not kept in memory. */
static void transmit_entry(struct vch_mqtt_session *session, struct vch_mqtt_waiting *entry,
                           struct vch_mqtt_receipt *receipt) {
    struct vch_mqtt_letter letter = letter_of(entry, 0);
    bool holds = session->estate || entry->group || entry->qos == 2;
    if (vch_mqtt_is_expired(entry->message) || !vch_mqtt_fits(session, &letter)) {
        vch_mqtt_keep_drop(session, entry);
        vch_mqtt_waiting_free(entry);
        count_dropped(session);
        return;
    }
    if (entry->qos > 0) letter.packet_id = vch_mqtt_inflight_add(session, holds ? entry : NULL, first_step(entry->qos));
    if (entry->qos > 0 && letter.packet_id == 0) {
        vch_mqtt_waiting_free(entry);
        out_of_memory(session);
        return;
    }
    entry->sent = true;
    if (entry->seq)
        vch_mqtt_keep_mark(session, entry, VCH_MQTT_KEPT_SENT, letter.packet_id);
    else
        vch_mqtt_keep_entry(session, entry, letter.packet_id, receipt);
    send(session, &letter);
    if (entry->qos == 0 || !holds) vch_mqtt_waiting_free(entry);
}

/* Without an entry: QoS 0, and QoS 1 to a session that ends with its connection. */
static void transmit_plain(struct vch_mqtt_session *session, const struct vch_mqtt_parcel *parcel) {
    uint32_t ids[IDS_MAX];
    struct vch_mqtt_letter letter = {
        .message = parcel->message, .qos = parcel->qos, .retain = parcel->retain, .ids = ids};
    if (session->five) {
        if (session->five->has_ids) letter.id_count = vch_mqtt_sub_ids(session, parcel, ids);
        if (!vch_mqtt_fits(session, &letter)) {
            count_dropped(session);
            return;
        }
    }
    if (parcel->qos > 0) letter.packet_id = vch_mqtt_inflight_add(session, NULL, AWAIT_PUBACK);
    if (parcel->qos > 0 && letter.packet_id == 0)
        out_of_memory(session);
    else
        send(session, &letter);
}

static void transmit(struct vch_mqtt_session *session, const struct vch_mqtt_parcel *parcel) {
    if (parcel->qos == 0 || (!session->estate && !parcel->group && parcel->qos == 1)) {
        transmit_plain(session, parcel);
        return;
    }
    struct vch_mqtt_waiting *entry = vch_mqtt_waiting_new(session, parcel);
    if (entry)
        transmit_entry(session, entry, parcel->receipt);
    else
        out_of_memory(session);
}

/* ---- queueing --------------------------------------------------------------------- */

static void enqueue(struct vch_mqtt_session *session, const struct vch_mqtt_parcel *parcel, bool allowed) {
    struct vch_mqtt_waiting *entry = vch_mqtt_flow_of(session) ? vch_mqtt_waiting_new(session, parcel) : NULL;
    if (!entry) {
        out_of_memory(session);
        return;
    }
    entry->allowed = allowed;
    vch_mqtt_keep_entry(session, entry, 0, parcel->receipt);
    vch_mqtt_queue_put(session, entry);
}

static void drop_oldest(struct vch_mqtt_session *session) {
    struct vch_mqtt_waiting *entry = vch_mqtt_queue_take(session);
    vch_mqtt_keep_drop(session, entry);
    vch_mqtt_waiting_free(entry);
    count_dropped(session);
}

void vch_mqtt_queue_trim(struct vch_mqtt_session *session, size_t bytes_max) {
    while (session->flow && session->flow->queue && session->flow->queue_bytes > bytes_max) drop_oldest(session);
}

/* Nobody reads: the newest messages are kept. QoS 0 does not wait. */
static void enqueue_away(struct vch_mqtt_session *session, const struct vch_mqtt_parcel *parcel) {
    const struct vch_mqtt_options *options = vch_mqtt_options_of(session);
    if (parcel->qos == 0) {
        if (parcel->group) vch_mqtt_shared_again(session->home, parcel);
        return;
    }
    enqueue(session, parcel, false);
    struct vch_mqtt_flow *flow = session->flow;
    while (flow && flow->queue &&
           (flow->queue_count > options->kept_messages_max || flow->queue_bytes > options->kept_bytes_max))
        drop_oldest(session);
}

static void deliver_elsewhere(struct vch_mqtt_session *session, const struct vch_mqtt_parcel *parcel) {
    bool arriving = session->expecting && parcel->qos > 0; /* its estate is on the way */
    if (session->estate || arriving)
        enqueue_away(session, parcel);
    else if (parcel->group)
        vch_mqtt_shared_again(session->home, parcel);
}

static void enqueue_connected(struct vch_mqtt_session *session, const struct vch_mqtt_parcel *parcel, bool allowed) {
    const struct vch_mqtt_options *options = vch_mqtt_options_of(session);
    size_t bytes = sizeof(struct vch_mqtt_waiting) + vch_mqtt_message_cost(parcel->message) +
                   vch_conn_pending(session->conn) + (session->flow ? session->flow->queue_bytes : 0);
    size_t max = options->queue_bytes_max + (session->estate ? options->kept_bytes_max : 0);
    if (bytes <= max) {
        enqueue(session, parcel, allowed);
        return;
    }
    vch_mqtt_session_fail(session, "slow-reader", "", "More output waits for this client than the server keeps.");
    deliver_elsewhere(session, parcel);
}

/* ---- permission ---------------------------------------------------------------------- */

static enum vch_mqtt_verdict ask(struct vch_mqtt_session *session, const struct vch_mqtt_message *message) {
    const struct vch_mqtt_hooks *hooks = &vch_mqtt_options_of(session)->hooks;
    if (!hooks->deliver) return VCH_MQTT_ALLOW;
    enum vch_mqtt_verdict verdict = hooks->deliver(hooks->arg, session, vch_mqtt_message_topic(message));
    if (verdict == VCH_MQTT_DENY) vch_mqtt_count(&session->home->counters.denied, 1);
    return verdict;
}

/* Would one of its subscriptions bring this message today? What waits was put there by those it had then. */
static bool still_heard(const struct vch_mqtt_session *session, const struct vch_mqtt_waiting *entry) {
    struct vch_mqtt_levels topic;
    if (!session->forbade || entry->group) return true;
    vch_mqtt_levels_of(vch_mqtt_message_topic(entry->message), &topic);
    for (const struct vch_mqtt_sub *sub = session->subs; sub; sub = sub->session_next)
        if (sub->node && vch_mqtt_sub_matches(&session->home->tree, sub, &topic)) return true;
    return false;
}

static void refuse_entry(struct vch_mqtt_session *session, struct vch_mqtt_waiting *entry) {
    const struct vch_mqtt_parcel parcel = {
        .message = entry->message, .group = entry->group, .qos = entry->qos, .tries = entry->tries};
    vch_mqtt_keep_drop(session, entry);
    if (entry->group) vch_mqtt_shared_again(session->home, &parcel);
    vch_mqtt_waiting_free(entry);
}

static void send_more_again(struct vch_mqtt_session *session);

/* One queue in order of arrival: what waits holds up what comes after it. */
static void queue_run(struct vch_mqtt_session *session) {
    if (session->flow && session->flow->unsent) send_more_again(session);
    if (session->flow && session->flow->unsent) return;
    while (session->flow && session->flow->queue && session->state == SESSION_CONNECTED) {
        struct vch_mqtt_waiting *entry = session->flow->queue;
        enum vch_mqtt_verdict verdict = entry->allowed                ? VCH_MQTT_ALLOW
                                        : still_heard(session, entry) ? ask(session, entry->message)
                                                                      : VCH_MQTT_DENY;
        if (session->state != SESSION_CONNECTED || verdict == VCH_MQTT_WAIT) return;
        entry->allowed = verdict == VCH_MQTT_ALLOW;
        if (entry->allowed && entry->qos > 0 && !vch_mqtt_window_open(session)) return;
        (void)vch_mqtt_queue_take(session);
        if (entry->allowed)
            transmit_entry(session, entry, NULL);
        else
            refuse_entry(session, entry);
    }
    if (session->state == SESSION_CONNECTED) vch_mqtt_flow_rest(session);
}

void vch_mqtt_queue_run(struct vch_mqtt_session *session) {
    if (session->queue_runs) return; /* a hook asked from inside */
    session->queue_runs = true;
    queue_run(session);
    session->queue_runs = false;
}

void vch_mqtt_deliver(struct vch_mqtt_session *session, const struct vch_mqtt_parcel *parcel) {
    if (session->state != SESSION_CONNECTED) {
        deliver_elsewhere(session, parcel);
        return;
    }
    if (session->flow && session->flow->queue) {
        enqueue_connected(session, parcel, parcel->allowed);
        return;
    }
    enum vch_mqtt_verdict verdict = parcel->allowed ? VCH_MQTT_ALLOW : ask(session, parcel->message);
    if (session->state != SESSION_CONNECTED) {
        deliver_elsewhere(session, parcel);
    } else if (verdict == VCH_MQTT_ALLOW) {
        if (parcel->qos > 0 && !vch_mqtt_window_open(session))
            enqueue_connected(session, parcel, true);
        else
            transmit(session, parcel);
    } else if (verdict == VCH_MQTT_WAIT) {
        enqueue_connected(session, parcel, false);
    } else if (parcel->group) {
        vch_mqtt_shared_again(session->home, parcel);
    }
}

/* ---- sending again ------------------------------------------------------------------ */

static void send_pubrel(struct vch_mqtt_session *session, uint16_t id, uint8_t code) {
    const struct vch_mqtt_ack ack = {
        .packet_id = id, .reason = vch_mqtt_is_5(session) ? code : 0, .level = session->level};
    uint8_t out[8];
    size_t len;
    if (vch_mqtt_puback_encode(VCH_MQTT_PUBREL, &ack, out, sizeof out, &len) == VCH_OK)
        vch_conn_write(session->conn, vch_str_of(out, len));
}

/* What nobody may have now, or cannot have, holds no place of the window. */
static void give_up(struct vch_mqtt_session *session, struct vch_mqtt_inflight *place, bool denied) {
    struct vch_mqtt_waiting *entry = place->entry;
    vch_mqtt_inflight_remove(session, place);
    if (denied) {
        refuse_entry(session, entry);
        return;
    }
    vch_mqtt_keep_drop(session, entry);
    vch_mqtt_waiting_free(entry);
    count_dropped(session);
}

/* [MQTT-4.4.0-1]: with the id it had. AWS does not mark it. */
static void send_again(struct vch_mqtt_session *session, struct vch_mqtt_inflight *place) {
    if (place->step == AWAIT_PUBCOMP) {
        send_pubrel(session, place->id, VCH_MQTT_RC_SUCCESS);
    } else if (place->entry) {
        struct vch_mqtt_letter letter = letter_of(place->entry, place->id);
        letter.dup = place->entry->sent && vch_mqtt_manners_of(session)->marks_duplicates;
        place->entry->sent = true;
        send(session, &letter);
    }
}

/* A message is judged and measured by what is true for this connection. */
static enum vch_mqtt_verdict judge_again(struct vch_mqtt_session *session, struct vch_mqtt_inflight *place) {
    if (place->step == AWAIT_PUBCOMP || !place->entry) return VCH_MQTT_ALLOW;
    const struct vch_mqtt_letter letter = letter_of(place->entry, place->id);
    enum vch_mqtt_verdict verdict = still_heard(session, place->entry) ? ask(session, place->entry->message) : VCH_MQTT_DENY;
    if (session->state != SESSION_CONNECTED) return VCH_MQTT_WAIT;
    bool fits = vch_mqtt_fits(session, &letter); /* [MQTT-3.1.2-25] */
    if (verdict == VCH_MQTT_WAIT || (verdict == VCH_MQTT_ALLOW && fits)) return verdict;
    give_up(session, place, verdict == VCH_MQTT_DENY);
    return VCH_MQTT_DENY;
}

static void send_more_again(struct vch_mqtt_session *session) {
    struct vch_mqtt_flow *flow = session->flow;
    while (flow->unsent && session->state == SESSION_CONNECTED &&
           (size_t)(flow->inflight_count - flow->unsent) < vch_mqtt_window(session)) {
        struct vch_mqtt_inflight *place = &flow->inflight[flow->inflight_first + flow->inflight_count - flow->unsent];
        enum vch_mqtt_verdict verdict = judge_again(session, place);
        if (verdict == VCH_MQTT_WAIT) return;
        if (verdict == VCH_MQTT_DENY) continue;
        flow->unsent--;
        send_again(session, place);
    }
}

void vch_mqtt_resend(struct vch_mqtt_session *session) {
    if (!session->flow) return;
    session->flow->unsent = session->flow->inflight_count;
    vch_mqtt_queue_run(session);
}

/* ---- acknowledgements ------------------------------------------------------------- */

static void finish(struct vch_mqtt_session *session, struct vch_mqtt_inflight *place) {
    struct vch_mqtt_waiting *entry = place->entry;
    vch_mqtt_inflight_remove(session, place);
    vch_mqtt_keep_drop(session, entry);
    vch_mqtt_waiting_free(entry);
    send_more_again(session);
    if (session->flow->queue)
        vch_mqtt_queue_run(session);
    else
        vch_mqtt_flow_rest(session);
}

static bool decode(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame, struct vch_mqtt_ack *ret) {
    enum vch_err err = vch_mqtt_puback_decode(frame, ret);
    if (err != VCH_OK) vch_mqtt_malformed(session, err, "An acknowledgement is malformed.");
    return err == VCH_OK;
}

/* An acknowledgement of nothing is harmless and ignored: clients that restart send such. */
void vch_mqtt_puback_packet(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame) {
    struct vch_mqtt_ack ack;
    if (!decode(session, frame, &ack)) return;
    struct vch_mqtt_inflight *place = vch_mqtt_inflight_find(session, ack.packet_id);
    if (place && place->step == AWAIT_PUBACK) finish(session, place);
}

/* [MQTT-4.3.3-4] to [MQTT-4.3.3-7]; 3.1.1 section 4.3.3. */
void vch_mqtt_pubrec_packet(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame) {
    struct vch_mqtt_ack ack;
    if (!decode(session, frame, &ack)) return;
    struct vch_mqtt_inflight *place = vch_mqtt_inflight_find(session, ack.packet_id);
    if (!place || place->step == AWAIT_PUBACK) {
        send_pubrel(session, ack.packet_id, VCH_MQTT_RC_PACKET_ID_NOT_FOUND);
        return;
    }
    if (ack.reason >= VCH_MQTT_RC_UNSPECIFIED_ERROR) {
        finish(session, place);
        return;
    }
    place->step = AWAIT_PUBCOMP;
    vch_mqtt_keep_mark(session, place->entry, VCH_MQTT_KEPT_RELEASED, ack.packet_id);
    send_pubrel(session, ack.packet_id, VCH_MQTT_RC_SUCCESS);
}

void vch_mqtt_pubcomp_packet(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame) {
    struct vch_mqtt_ack ack;
    if (!decode(session, frame, &ack)) return;
    struct vch_mqtt_inflight *place = vch_mqtt_inflight_find(session, ack.packet_id);
    if (place && place->step == AWAIT_PUBCOMP) finish(session, place);
}
