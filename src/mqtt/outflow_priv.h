/* What goes out to one session: delivery, the bytes of a PUBLISH, the queue and
 * the packet ids, and the keeper's share of it. [loop]
 */
#ifndef VCH_MQTT_OUTFLOW_PRIV_H
#define VCH_MQTT_OUTFLOW_PRIV_H

#include "mqtt/mqtt_priv.h"

/* ---- deliver.c ---- */
void vch_mqtt_deliver(struct vch_mqtt_session *session, const struct vch_mqtt_parcel *parcel);
void vch_mqtt_queue_run(struct vch_mqtt_session *session);
void vch_mqtt_queue_trim(struct vch_mqtt_session *session, size_t bytes_max); /* the oldest go */
/* The client has returned: what is in flight is sent again, in order. */
void vch_mqtt_resend(struct vch_mqtt_session *session);
void vch_mqtt_puback_packet(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame);
void vch_mqtt_pubrec_packet(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame);
void vch_mqtt_pubcomp_packet(struct vch_mqtt_session *session, const struct vch_mqtt_frame *frame);

/* ---- outbound.c: one PUBLISH in the client's form ---- */
enum vch_mqtt_written { WRITTEN, WRITTEN_NOT, WRITTEN_FAILED };
struct vch_mqtt_letter {
    const struct vch_mqtt_message *message;
    uint16_t packet_id;
    uint8_t qos;
    bool dup, retain;
    const uint32_t *ids;
    size_t id_count;
};
/* NOT: expired, or larger than the client takes. */
enum vch_mqtt_written vch_mqtt_write_publish(struct vch_mqtt_session *session, const struct vch_mqtt_letter *letter);
bool vch_mqtt_fits(const struct vch_mqtt_session *session, const struct vch_mqtt_letter *letter);
bool vch_mqtt_is_expired(const struct vch_mqtt_message *message);

/* ---- flow.c: queue and packet ids; no effects beside the keeper ---- */
struct vch_mqtt_flow *vch_mqtt_flow_of(struct vch_mqtt_session *session); /* made when needed; NULL: memory is out */
void vch_mqtt_flow_rest(struct vch_mqtt_session *session);                /* gone when nothing is in it */
struct vch_mqtt_waiting *vch_mqtt_waiting_new(struct vch_mqtt_session *session, const struct vch_mqtt_parcel *parcel);
void vch_mqtt_waiting_free(struct vch_mqtt_waiting *entry);
size_t vch_mqtt_waiting_cost(const struct vch_mqtt_waiting *entry);
void vch_mqtt_queue_put(struct vch_mqtt_session *session, struct vch_mqtt_waiting *entry);
struct vch_mqtt_waiting *vch_mqtt_queue_take(struct vch_mqtt_session *session); /* the first, unlinked */
/* An id not in use, with its place; 0 when memory is out. [MQTT-2.3.1-4] */
uint16_t vch_mqtt_inflight_add(struct vch_mqtt_session *session, struct vch_mqtt_waiting *entry, uint8_t step);
bool vch_mqtt_inflight_restore(struct vch_mqtt_session *session, struct vch_mqtt_waiting *entry, uint8_t step,
                               uint16_t id);
struct vch_mqtt_inflight *vch_mqtt_inflight_find(const struct vch_mqtt_session *session, uint16_t id);
/* Forgets the place; the entry is the caller's. */
void vch_mqtt_inflight_remove(struct vch_mqtt_session *session, struct vch_mqtt_inflight *place);
bool vch_mqtt_window_open(const struct vch_mqtt_session *session);
size_t vch_mqtt_window(const struct vch_mqtt_session *session);
bool vch_mqtt_received_has(const struct vch_mqtt_session *session, uint16_t id);
bool vch_mqtt_received_add(struct vch_mqtt_session *session, uint16_t id);
bool vch_mqtt_received_remove(struct vch_mqtt_session *session, uint16_t id);
void vch_mqtt_flow_free(struct vch_mqtt_flow *flow);

/* ---- keep.c: the keeper, if there is one and the session is its business ---- */
bool vch_mqtt_keeps(const struct vch_mqtt_session *session);
void vch_mqtt_keep_entry(struct vch_mqtt_session *session, struct vch_mqtt_waiting *entry, uint16_t packet_id,
                         struct vch_mqtt_receipt *receipt);
void vch_mqtt_keep_mark(struct vch_mqtt_session *session, const struct vch_mqtt_waiting *entry,
                        enum vch_mqtt_kept_state state, uint16_t packet_id);
void vch_mqtt_keep_drop(struct vch_mqtt_session *session, const struct vch_mqtt_waiting *entry);
void vch_mqtt_keep_sub(struct vch_mqtt_session *session, const struct vch_mqtt_kept_sub *sub,
                       struct vch_mqtt_receipt *receipt);
void vch_mqtt_keep_unsub(struct vch_mqtt_session *session, struct vch_str filter, struct vch_mqtt_receipt *receipt);
void vch_mqtt_keep_received(struct vch_mqtt_session *session, uint16_t id, struct vch_mqtt_receipt *receipt);
void vch_mqtt_keep_released(struct vch_mqtt_session *session, uint16_t id);
void vch_mqtt_keep_will(struct vch_mqtt_session *session);
void vch_mqtt_keep_no_will(struct vch_mqtt_session *session);

#endif
