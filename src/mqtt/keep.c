#include "mqtt/outflow_priv.h"

static const struct vch_mqtt_keeper *keeper_of(const struct vch_mqtt_session *session) {
    return session->estate && session->estate->key ? vch_mqtt_options_of(session)->keeper : NULL;
}

bool vch_mqtt_keeps(const struct vch_mqtt_session *session) {
    return keeper_of(session) != NULL;
}

void vch_mqtt_keep_entry(struct vch_mqtt_session *session, struct vch_mqtt_waiting *entry, uint16_t packet_id,
                         struct vch_mqtt_receipt *receipt) {
    const struct vch_mqtt_keeper *keeper = keeper_of(session);
    if (!keeper || entry->qos == 0 || entry->seq) return;
    entry->seq = ++session->estate->last_seq;
    const struct vch_mqtt_kept_entry kept = {.seq = entry->seq,
                                             .message = entry->message,
                                             .identifiers = entry->ids,
                                             .identifier_count = entry->id_count,
                                             .packet_id = packet_id,
                                             .qos = entry->qos,
                                             .state = packet_id ? VCH_MQTT_KEPT_SENT : VCH_MQTT_KEPT_QUEUED,
                                             .retain = entry->retain};
    keeper->entry_put(keeper->self, session->estate->key, &kept, receipt);
}

void vch_mqtt_keep_mark(struct vch_mqtt_session *session, const struct vch_mqtt_waiting *entry,
                        enum vch_mqtt_kept_state state, uint16_t packet_id) {
    const struct vch_mqtt_keeper *keeper = keeper_of(session);
    if (keeper && entry && entry->seq)
        keeper->entry_mark(keeper->self, session->estate->key, entry->seq, state, packet_id, NULL);
}

void vch_mqtt_keep_drop(struct vch_mqtt_session *session, const struct vch_mqtt_waiting *entry) {
    const struct vch_mqtt_keeper *keeper = keeper_of(session);
    if (keeper && entry && entry->seq) keeper->entry_drop(keeper->self, session->estate->key, entry->seq);
}

void vch_mqtt_keep_sub(struct vch_mqtt_session *session, const struct vch_mqtt_kept_sub *sub,
                       struct vch_mqtt_receipt *receipt) {
    const struct vch_mqtt_keeper *keeper = keeper_of(session);
    if (keeper) keeper->sub_put(keeper->self, session->estate->key, sub, receipt);
}

void vch_mqtt_keep_unsub(struct vch_mqtt_session *session, struct vch_str filter, struct vch_mqtt_receipt *receipt) {
    const struct vch_mqtt_keeper *keeper = keeper_of(session);
    if (keeper) keeper->sub_drop(keeper->self, session->estate->key, filter, receipt);
}

void vch_mqtt_keep_received(struct vch_mqtt_session *session, uint16_t id, struct vch_mqtt_receipt *receipt) {
    const struct vch_mqtt_keeper *keeper = keeper_of(session);
    if (keeper) keeper->received_put(keeper->self, session->estate->key, id, receipt);
}

void vch_mqtt_keep_released(struct vch_mqtt_session *session, uint16_t id) {
    const struct vch_mqtt_keeper *keeper = keeper_of(session);
    if (keeper) keeper->received_drop(keeper->self, session->estate->key, id);
}

void vch_mqtt_keep_will(struct vch_mqtt_session *session) {
    const struct vch_mqtt_keeper *keeper = keeper_of(session);
    const struct vch_mqtt_will *will = session->will;
    if (!keeper || !will) return;
    const struct vch_mqtt_message_parts parts = {.topic = vch_str_of(will->topic, will->topic_len),
                                                 .payload = vch_str_of(will->payload, will->payload_len),
                                                 .props = vch_str_of(will->props, will->props_len),
                                                 .qos = will->qos,
                                                 .retain = will->retain};
    struct vch_mqtt_message *message = vch_mqtt_message_make(&parts);
    if (!message) return; /* it is lost only if the process is too */
    const struct vch_mqtt_kept_will kept = {message, vch_mqtt_manners_of(session)->delays_wills ? will->delay_s : 0,
                                            will->retain};
    keeper->will_put(keeper->self, session->estate->key, &kept);
    vch_mqtt_message_unref(message);
}

void vch_mqtt_keep_no_will(struct vch_mqtt_session *session) {
    const struct vch_mqtt_keeper *keeper = keeper_of(session);
    if (keeper) keeper->will_drop(keeper->self, session->estate->key);
}
