#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "mqtt/outflow_priv.h"

struct revival {
    struct vch_mqtt_broker *broker;
    struct vch_mqtt_session *session; /* the last one */
    int64_t now_ms, disconnected_ms;
};

static struct vch_mqtt_session *session_make(struct vch_mqtt_broker *broker,
                                             const struct vch_mqtt_kept_session *kept) {
    struct vch_mqtt_loop *home = &broker->loops[vch_hash(kept->client_id) % broker->count];
    struct vch_mqtt_session *session = vch_mqtt_session_new(home);
    if (!session) return NULL;
    session->state = SESSION_ENDED;
    session->told = true;
    session->level = kept->level;
    session->client_id = strndup(kept->client_id.ptr, kept->client_id.len);
    session->client_id_len = (uint16_t)kept->client_id.len;
    if (session->client_id) session->estate = vch_mqtt_estate_new(session, kept->expiry_s);
    if (!session->estate) {
        vch_mqtt_session_bury(session);
        return NULL;
    }
    session->estate->key = kept->key;
    session->estate->saved = true;
    (void)vch_str_copy(session->estate->principal, sizeof session->estate->principal, kept->principal);
    (void)vch_mqtt_estate_count(session); /* the bound may have become smaller */
    return session;
}

/* What was connected when the process ended has been without a connection from now on. */
static enum vch_err on_session(void *arg, const struct vch_mqtt_kept_session *kept) {
    struct revival *revival = arg;
    struct vch_mqtt_broker *broker = revival->broker;
    struct vch_mqtt_session *session = session_make(broker, kept);
    revival->session = session;
    if (!session) return VCH_ERR_NOMEM;
    VCH_TRY(vch_mqtt_registry_add(&broker->registry, session));
    session->claimed = true;
    struct vch_mqtt_estate *estate = session->estate;
    bool was_connected = kept->disconnected_ms == 0;
    revival->disconnected_ms = was_connected ? revival->now_ms : kept->disconnected_ms;
    estate->ends_ms = kept->expiry_s == UINT32_MAX ? 0 : revival->disconnected_ms + (int64_t)kept->expiry_s * 1000;
    estate->away = true;
    vch_mqtt_count(&session->home->counters.away, 1);
    if (was_connected) vch_mqtt_estate_save(session, revival->now_ms);
    vch_mqtt_estate_watch(session);
    return VCH_OK;
}

static enum vch_err on_sub(void *arg, const struct vch_mqtt_kept_sub *sub) {
    struct revival *revival = arg;
    enum vch_err err = revival->session ? vch_mqtt_sub_add(revival->session, sub) : VCH_ERR_STATE;
    return err == VCH_ERR_LIMIT ? VCH_OK : err; /* the limit has become smaller */
}

static enum vch_err on_entry(void *arg, const struct vch_mqtt_kept_entry *kept) {
    struct revival *revival = arg;
    struct vch_mqtt_session *session = revival->session;
    const struct vch_mqtt_parcel parcel = {.message = kept->message, .qos = kept->qos, .retain = kept->retain};
    size_t ids = kept->identifier_count < IDS_MAX ? kept->identifier_count : IDS_MAX;
    struct vch_mqtt_waiting *entry = vch_mqtt_flow_of(session) ? calloc(1, sizeof *entry + ids * sizeof entry->ids[0])
                                                               : NULL;
    if (!entry) {
        vch_mqtt_message_unref(kept->message);
        return VCH_ERR_NOMEM;
    }
    entry->message = parcel.message;
    entry->qos = parcel.qos;
    entry->retain = parcel.retain;
    entry->seq = kept->seq;
    entry->id_count = (uint8_t)ids;
    if (ids) memcpy(entry->ids, kept->identifiers, ids * sizeof entry->ids[0]);
    if (kept->seq > session->estate->last_seq) session->estate->last_seq = kept->seq;
    if (kept->state == VCH_MQTT_KEPT_QUEUED) {
        vch_mqtt_queue_put(session, entry);
        return VCH_OK;
    }
    entry->sent = true;
    uint8_t step = kept->state == VCH_MQTT_KEPT_RELEASED ? AWAIT_PUBCOMP : kept->qos == 2 ? AWAIT_PUBREC : AWAIT_PUBACK;
    if (vch_mqtt_inflight_restore(session, entry, step, kept->packet_id)) return VCH_OK;
    vch_mqtt_waiting_free(entry);
    return VCH_ERR_NOMEM;
}

static enum vch_err on_received(void *arg, uint16_t packet_id) {
    struct revival *revival = arg;
    return vch_mqtt_received_add(revival->session, packet_id) ? VCH_OK : VCH_ERR_NOMEM;
}

static bool may_still(const struct vch_mqtt_session *session, const struct vch_mqtt_message *message) {
    const struct vch_mqtt_hooks *hooks = &vch_mqtt_options_of(session)->hooks;
    const struct vch_mqtt_inheritance will = {.client_id = vch_mqtt_session_client_id(session),
                                              .principal = vch_str_from(session->estate->principal),
                                              .topic = vch_mqtt_message_topic(message),
                                              .retain = message->retain};
    return !hooks->inherited || hooks->inherited(hooks->arg, &will);
}

/* Its session was connected, or the delay was not over. */
static enum vch_err on_will(void *arg, const struct vch_mqtt_kept_will *kept) {
    struct revival *revival = arg;
    struct vch_mqtt_estate *estate = revival->session->estate;
    if (!may_still(revival->session, kept->message)) {
        vch_mqtt_count(&revival->session->home->counters.denied, 1);
        vch_mqtt_keep_no_will(revival->session);
        vch_mqtt_message_unref(kept->message);
        return VCH_OK;
    }
    vch_mqtt_message_unref(estate->will);
    estate->will = kept->message;
    estate->will_ms = revival->disconnected_ms + (int64_t)kept->delay_s * 1000;
    vch_mqtt_estate_watch(revival->session);
    return VCH_OK;
}

static enum vch_err on_retained(void *arg, struct vch_mqtt_message *message) {
    struct revival *revival = arg;
    struct vch_mqtt_retained *retained = revival->broker->options.retained;
    if (retained) return vch_mqtt_retained_revive(retained, message);
    vch_mqtt_message_unref(message);
    return VCH_OK;
}

enum vch_err vch_mqtt_restore(struct vch_mqtt_broker *broker, struct vch_diag *diag) {
    const struct vch_mqtt_keeper *keeper = broker->options.keeper;
    struct revival revival = {.broker = broker, .now_ms = vch_now_ms()};
    const struct vch_mqtt_revival calls = {on_session, on_sub, on_entry, on_received, on_will, on_retained, &revival};
    return keeper ? keeper->restore(keeper->self, &calls, diag) : VCH_OK;
}
