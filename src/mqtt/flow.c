#include "mqtt/outflow_priv.h"

#include <stdlib.h>
#include <string.h>

enum { INFLIGHT_FIRST = 8, RECEIVED_FIRST = 8 };

/* ---- life ------------------------------------------------------------------------ */

struct vch_mqtt_flow *vch_mqtt_flow_of(struct vch_mqtt_session *session) {
    if (session->flow) return session->flow;
    session->flow = calloc(1, sizeof *session->flow);
    if (session->flow) session->flow->queue_end = &session->flow->queue;
    return session->flow;
}

void vch_mqtt_flow_rest(struct vch_mqtt_session *session) {
    struct vch_mqtt_flow *flow = session->flow;
    if (!flow || flow->queue || flow->inflight_count || flow->received_count) return;
    session->flow = NULL;
    vch_mqtt_flow_free(flow);
}

void vch_mqtt_flow_free(struct vch_mqtt_flow *flow) {
    if (!flow) return;
    while (flow->queue) {
        struct vch_mqtt_waiting *entry = flow->queue;
        flow->queue = entry->next;
        vch_mqtt_waiting_free(entry);
    }
    for (size_t i = 0; i < flow->inflight_count; i++)
        vch_mqtt_waiting_free(flow->inflight[flow->inflight_first + i].entry);
    free(flow->inflight);
    free(flow->received);
    free(flow);
}

/* ---- entries --------------------------------------------------------------------- */

struct vch_mqtt_waiting *vch_mqtt_waiting_new(struct vch_mqtt_session *session, const struct vch_mqtt_parcel *parcel) {
    uint32_t ids[IDS_MAX];
    size_t count = session->five && session->five->has_ids ? vch_mqtt_sub_ids(session, parcel, ids) : 0;
    struct vch_mqtt_waiting *entry = malloc(sizeof *entry + count * sizeof ids[0]);
    if (!entry) return NULL;
    *entry = (struct vch_mqtt_waiting){.message = vch_mqtt_message_ref(parcel->message),
                                       .group = vch_mqtt_group_ref(parcel->group),
                                       .qos = parcel->qos,
                                       .tries = parcel->tries,
                                       .allowed = parcel->allowed,
                                       .retain = parcel->retain,
                                       .id_count = (uint8_t)count};
    if (count) memcpy(entry->ids, ids, count * sizeof ids[0]);
    return entry;
}

void vch_mqtt_waiting_free(struct vch_mqtt_waiting *entry) {
    if (!entry) return;
    vch_mqtt_message_unref(entry->message);
    vch_mqtt_group_unref(entry->group);
    free(entry);
}

size_t vch_mqtt_waiting_cost(const struct vch_mqtt_waiting *entry) {
    return sizeof *entry + vch_mqtt_message_cost(entry->message);
}

/* ---- the queue ------------------------------------------------------------------- */

void vch_mqtt_queue_put(struct vch_mqtt_session *session, struct vch_mqtt_waiting *entry) {
    struct vch_mqtt_flow *flow = session->flow;
    entry->next = NULL;
    *flow->queue_end = entry;
    flow->queue_end = &entry->next;
    flow->queue_bytes += vch_mqtt_waiting_cost(entry);
    flow->queue_count++;
    vch_mqtt_count(&session->home->counters.queued, 1);
}

struct vch_mqtt_waiting *vch_mqtt_queue_take(struct vch_mqtt_session *session) {
    struct vch_mqtt_flow *flow = session->flow;
    struct vch_mqtt_waiting *entry = flow->queue;
    flow->queue = entry->next;
    if (!flow->queue) flow->queue_end = &flow->queue;
    flow->queue_bytes -= vch_mqtt_waiting_cost(entry);
    flow->queue_count--;
    vch_mqtt_count(&session->home->counters.queued, -1);
    return entry;
}

/* ---- packet ids ------------------------------------------------------------------ */

size_t vch_mqtt_window(const struct vch_mqtt_session *session) {
    size_t max = vch_mqtt_options_of(session)->inflight_max;
    return session->five && session->five->receive_max < max ? session->five->receive_max : max;
}

bool vch_mqtt_window_open(const struct vch_mqtt_session *session) {
    const struct vch_mqtt_flow *flow = session->flow; /* what was sent before goes first */
    return !flow || (flow->unsent == 0 && flow->inflight_count < vch_mqtt_window(session));
}

struct vch_mqtt_inflight *vch_mqtt_inflight_find(const struct vch_mqtt_session *session, uint16_t id) {
    struct vch_mqtt_flow *flow = session->flow;
    for (size_t i = 0; flow && i < flow->inflight_count; i++)
        if (flow->inflight[flow->inflight_first + i].id == id) return &flow->inflight[flow->inflight_first + i];
    return NULL;
}

static bool inflight_room(struct vch_mqtt_flow *flow) {
    if (flow->inflight_first + flow->inflight_count < flow->inflight_size) return true;
    if (flow->inflight_first >= flow->inflight_size / 2 && flow->inflight_first > 0) {
        memmove(flow->inflight, flow->inflight + flow->inflight_first,
                flow->inflight_count * sizeof *flow->inflight);
        flow->inflight_first = 0;
        return true;
    }
    uint32_t size = flow->inflight_size ? flow->inflight_size * 2u : INFLIGHT_FIRST;
    if (size > UINT16_MAX) size = UINT16_MAX;
    struct vch_mqtt_inflight *bigger =
        size > flow->inflight_size ? reallocarray(flow->inflight, size, sizeof *bigger) : NULL;
    if (!bigger) return false;
    flow->inflight = bigger;
    flow->inflight_size = (uint16_t)size;
    return true;
}

static bool append(struct vch_mqtt_session *session, struct vch_mqtt_waiting *entry, uint8_t step, uint16_t id) {
    struct vch_mqtt_flow *flow = vch_mqtt_flow_of(session);
    if (!flow || !inflight_room(flow)) return false;
    flow->inflight[flow->inflight_first + flow->inflight_count++] = (struct vch_mqtt_inflight){entry, id, step};
    return true;
}

/* Ids are taken in turn, so those in flight are one run that begins with the
 * oldest: only when the turn comes round to that one need the others be looked at. */
static uint16_t next_id(struct vch_mqtt_session *session) {
    struct vch_mqtt_flow *flow = session->flow;
    for (;;) {
        if (++session->last_packet_id == 0) session->last_packet_id = 1;
        if (!flow || flow->inflight_count == 0) return session->last_packet_id;
        if (session->last_packet_id == flow->inflight[flow->inflight_first].id) flow->scrambled = true;
        if (!flow->scrambled || !vch_mqtt_inflight_find(session, session->last_packet_id))
            return session->last_packet_id;
    }
}

uint16_t vch_mqtt_inflight_add(struct vch_mqtt_session *session, struct vch_mqtt_waiting *entry, uint8_t step) {
    uint16_t id = next_id(session);
    return append(session, entry, step, id) ? id : 0;
}

bool vch_mqtt_inflight_restore(struct vch_mqtt_session *session, struct vch_mqtt_waiting *entry, uint8_t step,
                               uint16_t id) {
    if (!append(session, entry, step, id)) return false;
    session->flow->scrambled = true;
    return true;
}

void vch_mqtt_inflight_remove(struct vch_mqtt_session *session, struct vch_mqtt_inflight *place) {
    struct vch_mqtt_flow *flow = session->flow;
    struct vch_mqtt_inflight *first = flow->inflight + flow->inflight_first;
    if ((size_t)(place - first) >= (size_t)(flow->inflight_count - flow->unsent)) flow->unsent--;
    flow->inflight_count--;
    if (place == first)
        flow->inflight_first++;
    else
        memmove(place, place + 1, (size_t)(first + flow->inflight_count - place) * sizeof *place);
    if (flow->inflight_count == 0) {
        flow->inflight_first = 0;
        flow->scrambled = false;
    }
}

/* ---- QoS 2 from the client ---------------------------------------------------------- */

static uint16_t *received_find(const struct vch_mqtt_session *session, uint16_t id) {
    const struct vch_mqtt_flow *flow = session->flow;
    for (size_t i = 0; flow && i < flow->received_count; i++)
        if (flow->received[i] == id) return &flow->received[i];
    return NULL;
}

bool vch_mqtt_received_has(const struct vch_mqtt_session *session, uint16_t id) {
    return received_find(session, id) != NULL;
}

bool vch_mqtt_received_add(struct vch_mqtt_session *session, uint16_t id) {
    struct vch_mqtt_flow *flow = vch_mqtt_flow_of(session);
    if (!flow) return false;
    if (flow->received_count == flow->received_size) {
        uint32_t size = flow->received_size ? flow->received_size * 2u : RECEIVED_FIRST;
        if (size > UINT16_MAX) size = UINT16_MAX;
        uint16_t *bigger = size > flow->received_size ? reallocarray(flow->received, size, sizeof *bigger) : NULL;
        if (!bigger) return false;
        flow->received = bigger;
        flow->received_size = (uint16_t)size;
    }
    flow->received[flow->received_count++] = id;
    return true;
}

bool vch_mqtt_received_remove(struct vch_mqtt_session *session, uint16_t id) {
    uint16_t *at = received_find(session, id);
    if (!at) return false;
    *at = session->flow->received[--session->flow->received_count];
    return true;
}
