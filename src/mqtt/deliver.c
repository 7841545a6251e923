#include "mqtt/mqtt_priv.h"

#include <stdlib.h>
#include <string.h>

enum { INFLIGHT_FIRST = 8, HEAD_COMMON = 512 };

/* ---- packet ids --------------------------------------------------------------- */

static bool in_flight(const struct vch_mqtt_session *session, uint16_t id) {
    for (size_t i = 0; i < session->inflight_count; i++)
        if (session->inflight[i] == id) return true;
    return false;
}

static bool window_is_open(const struct vch_mqtt_session *session) {
    return session->inflight_count < session->home->broker->options.inflight_max;
}

static bool inflight_room(struct vch_mqtt_session *session) {
    if (session->inflight_count < session->inflight_size) return true;
    uint16_t size = session->inflight_size ? (uint16_t)(session->inflight_size * 2) : INFLIGHT_FIRST;
    uint16_t *bigger = reallocarray(session->inflight, size, sizeof *bigger);
    if (!bigger) return false;
    session->inflight = bigger;
    session->inflight_size = size;
    return true;
}

/* An id not in use; 0 when memory is out. [MQTT-2.3.1-4] */
static uint16_t packet_id_take(struct vch_mqtt_session *session) {
    if (!inflight_room(session)) return 0;
    do {
        session->last_packet_id++;
    } while (session->last_packet_id == 0 || in_flight(session, session->last_packet_id));
    session->inflight[session->inflight_count++] = session->last_packet_id;
    return session->last_packet_id;
}

static void packet_id_drop(struct vch_mqtt_session *session, uint16_t id) {
    for (size_t i = 0; i < session->inflight_count; i++) {
        if (session->inflight[i] != id) continue;
        session->inflight_count--;
        memmove(&session->inflight[i], &session->inflight[i + 1],
                (session->inflight_count - i) * sizeof *session->inflight);
        break;
    }
    if (session->inflight_count > 0) return;
    free(session->inflight); /* idle sessions keep nothing */
    session->inflight = NULL;
    session->inflight_size = 0;
}

/* ---- writing --------------------------------------------------------------------- */

static void out_of_memory(struct vch_mqtt_session *session) {
    vch_mqtt_session_fail(session, "internal", "", "Memory is out.");
}

static void write_qos1(struct vch_mqtt_session *session, const struct vch_mqtt_message *message) {
    uint8_t common[HEAD_COMMON];
    struct vch_mqtt_publish packet = {
        .qos = 1, .topic = vch_mqtt_message_topic(message), .payload = vch_mqtt_message_payload(message)};
    size_t size = packet.topic.len + 16, len;
    uint8_t *head = size <= sizeof common ? common : malloc(size);
    packet.packet_id = head ? packet_id_take(session) : 0;
    if (head && packet.packet_id && vch_mqtt_publish_head_encode(&packet, head, size, &len) == VCH_OK) {
        vch_conn_write(session->conn, vch_str_of(head, len));
        vch_conn_write(session->conn, packet.payload);
    } else {
        out_of_memory(session);
    }
    if (head != common) free(head);
}

static void transmit(struct vch_mqtt_session *session, const struct vch_mqtt_message *message, uint8_t qos) {
    if (qos > 0)
        write_qos1(session, message);
    else
        vch_conn_write(session->conn, vch_mqtt_message_packet(message));
    vch_mqtt_count(&session->home->counters.messages_out, 1);
}

/* ---- the queue --------------------------------------------------------------------- */

static size_t charge(const struct vch_mqtt_message *message) {
    return sizeof *message + sizeof(struct vch_mqtt_waiting) + message->size;
}

static void enqueue(struct vch_mqtt_session *session, struct vch_mqtt_message *message, uint8_t qos, bool allowed) {
    size_t bytes = session->queue_bytes + charge(message) + vch_conn_pending(session->conn);
    if (bytes > session->home->broker->options.queue_bytes_max) {
        vch_mqtt_session_fail(session, "slow-reader", "", "More output waits for this client than the server keeps.");
        return;
    }
    struct vch_mqtt_waiting *entry = malloc(sizeof *entry);
    if (!entry) {
        out_of_memory(session);
        return;
    }
    *entry = (struct vch_mqtt_waiting){NULL, vch_mqtt_message_ref(message), qos, allowed};
    if (!session->queue) session->queue_end = &session->queue;
    *session->queue_end = entry;
    session->queue_end = &entry->next;
    session->queue_bytes += charge(message);
}

static void dequeue(struct vch_mqtt_session *session) {
    struct vch_mqtt_waiting *entry = session->queue;
    session->queue = entry->next;
    session->queue_bytes -= charge(entry->message);
    vch_mqtt_message_unref(entry->message);
    free(entry);
}

void vch_mqtt_queue_drop(struct vch_mqtt_session *session) {
    while (session->queue) dequeue(session);
    free(session->inflight);
    session->inflight = NULL;
    session->inflight_count = session->inflight_size = 0;
}

/* ---- permission ---------------------------------------------------------------------- */

static enum vch_mqtt_verdict ask(struct vch_mqtt_session *session, const struct vch_mqtt_message *message) {
    const struct vch_mqtt_hooks *hooks = &session->home->broker->options.hooks;
    if (!hooks->deliver) return VCH_MQTT_ALLOW;
    enum vch_mqtt_verdict verdict = hooks->deliver(hooks->arg, session, vch_mqtt_message_topic(message));
    if (verdict == VCH_MQTT_DENY) vch_mqtt_count(&session->home->counters.denied, 1);
    return verdict;
}

/* One queue in order of arrival: what waits holds up what comes after it. */
static void queue_run(struct vch_mqtt_session *session) {
    while (session->queue && session->state == SESSION_CONNECTED) {
        struct vch_mqtt_waiting *entry = session->queue;
        enum vch_mqtt_verdict verdict = entry->allowed ? VCH_MQTT_ALLOW : ask(session, entry->message);
        if (session->state != SESSION_CONNECTED || verdict == VCH_MQTT_WAIT) return;
        entry->allowed = verdict == VCH_MQTT_ALLOW;
        if (entry->allowed && entry->qos > 0 && !window_is_open(session)) return;
        if (entry->allowed) transmit(session, entry->message, entry->qos);
        dequeue(session);
    }
}

void vch_mqtt_queue_run(struct vch_mqtt_session *session) {
    if (session->queue_runs) return; /* a hook asked from inside */
    session->queue_runs = true;
    queue_run(session);
    session->queue_runs = false;
}

void vch_mqtt_deliver(struct vch_mqtt_session *session, struct vch_mqtt_message *message, uint8_t qos, bool allowed) {
    if (session->state != SESSION_CONNECTED) return;
    if (session->queue) {
        enqueue(session, message, qos, allowed);
        return;
    }
    enum vch_mqtt_verdict verdict = allowed ? VCH_MQTT_ALLOW : ask(session, message);
    if (session->state != SESSION_CONNECTED) return;
    if (verdict == VCH_MQTT_WAIT) enqueue(session, message, qos, false);
    if (verdict != VCH_MQTT_ALLOW) return;
    if (qos > 0 && !window_is_open(session))
        enqueue(session, message, qos, true);
    else
        transmit(session, message, qos);
}

/* An acknowledgement of nothing is harmless and ignored: clients that restart send such. */
void vch_mqtt_acknowledged(struct vch_mqtt_session *session, uint16_t packet_id) {
    packet_id_drop(session, packet_id);
    if (session->queue) vch_mqtt_queue_run(session);
}
