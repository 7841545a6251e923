/* Whoever keeps what must outlive the process: sessions, their subscriptions
 * and queues, wills, retained messages. The broker is handed such a table, or
 * none; who implements it, and on what, is not known here.
 *
 * All calls but `restore` come from loops, never block, and take what they need
 * of their arguments before they return (a message by reference). Calls of one
 * thread take effect in their order, calls of two threads in the order that
 * these threads agreed on. A call with a receipt adds a part to it (hold) and
 * settles it when the change is durable or has become void (an entry that was
 * dropped before it was written); without a receipt it is lazy and may be lost
 * when the process is killed. What fails is tried again later all the same, so
 * that what is kept follows what the broker knows; only entries may be given up
 * for good, when too much waits for a disk that does not take it.
 */
#ifndef VCH_MQTT_KEEPER_H
#define VCH_MQTT_KEEPER_H

#include "mqtt/durable.h"
#include "mqtt/message.h"

struct vch_mqtt_kept_session {
    uint64_t key; /* of keeper->new_key; never used twice */
    struct vch_str client_id, principal;
    uint8_t level;           /* 4, 5: sessions of one are not the other's */
    uint32_t expiry_s;       /* 0: kept for its will alone; UINT32_MAX: for ever */
    int64_t disconnected_ms; /* wall clock; 0: connected */
    bool fresh;              /* put: the first of this key. Spares a session that soon goes its way to the disk */
};

struct vch_mqtt_kept_sub {
    struct vch_str filter; /* $share/... as it was subscribed */
    uint8_t qos, retain_handling;
    bool no_local, retain_as_published;
    uint32_t identifier; /* 0: none */
};

enum vch_mqtt_kept_state {
    VCH_MQTT_KEPT_QUEUED,
    VCH_MQTT_KEPT_SENT,    /* under packet_id, not acknowledged */
    VCH_MQTT_KEPT_RELEASED /* QoS 2: PUBREC has come, PUBCOMP not */
};

/* A message in a session's queue. */
struct vch_mqtt_kept_entry {
    uint64_t seq; /* rises within a session; the order of delivery */
    struct vch_mqtt_message *message;
    const uint32_t *identifiers; /* subscription identifiers */
    size_t identifier_count;
    uint16_t packet_id; /* when not queued */
    uint8_t qos;        /* of this delivery: 1 or 2 */
    uint8_t state;
    bool retain;
};

struct vch_mqtt_kept_will {
    struct vch_mqtt_message *message;
    uint32_t delay_s;
    bool retain;
};

/* What restore finds: a session, then its subscriptions, entries by seq, received ids and will; then the next.
 * Retained messages come last. A message comes with a reference that the callee takes over. An error ends the
 * restoring. */
struct vch_mqtt_revival {
    enum vch_err (*session)(void *arg, const struct vch_mqtt_kept_session *session);
    enum vch_err (*sub)(void *arg, const struct vch_mqtt_kept_sub *sub);
    enum vch_err (*entry)(void *arg, const struct vch_mqtt_kept_entry *entry);
    enum vch_err (*received)(void *arg, uint16_t packet_id);
    enum vch_err (*will)(void *arg, const struct vch_mqtt_kept_will *will);
    enum vch_err (*retained)(void *arg, struct vch_mqtt_message *message);
    void *arg;
};

struct vch_mqtt_keeper {
    void *self;
    uint64_t (*new_key)(void *self); /* any thread */

    void (*session_put)(void *self, const struct vch_mqtt_kept_session *session, struct vch_mqtt_receipt *receipt);
    /* With all that belongs to it. */
    void (*session_drop)(void *self, uint64_t key, struct vch_mqtt_receipt *receipt);
    void (*sub_put)(void *self, uint64_t key, const struct vch_mqtt_kept_sub *sub, struct vch_mqtt_receipt *receipt);
    void (*sub_drop)(void *self, uint64_t key, struct vch_str filter, struct vch_mqtt_receipt *receipt);

    void (*entry_put)(void *self, uint64_t key, const struct vch_mqtt_kept_entry *entry,
                      struct vch_mqtt_receipt *receipt);
    void (*entry_mark)(void *self, uint64_t key, uint64_t seq, enum vch_mqtt_kept_state state, uint16_t packet_id,
                       struct vch_mqtt_receipt *receipt);
    void (*entry_drop)(void *self, uint64_t key, uint64_t seq); /* acknowledged, expired, refused */

    /* Inbound QoS 2: this id's message has been taken, PUBREL has not come. */
    void (*received_put)(void *self, uint64_t key, uint16_t packet_id, struct vch_mqtt_receipt *receipt);
    void (*received_drop)(void *self, uint64_t key, uint16_t packet_id);

    void (*will_put)(void *self, uint64_t key, const struct vch_mqtt_kept_will *will);
    void (*will_drop)(void *self, uint64_t key);

    /* By the message's topic. Called by retained.c under its lock: the order is that of the memory. */
    void (*retained_put)(void *self, struct vch_mqtt_message *message, struct vch_mqtt_receipt *receipt);
    void (*retained_drop)(void *self, struct vch_str topic, struct vch_mqtt_receipt *receipt);

    /* So much waits for a disk that takes it that publishers had better wait too. */
    bool (*behind)(void *self);
    /* So much waits, for whatever reason, that nothing more can be promised; entries are refused. */
    bool (*full)(void *self);
    /* Before the loops run, once. A diagnosis names the file that cannot be read. */
    enum vch_err (*restore)(void *self, const struct vch_mqtt_revival *revival, struct vch_diag *diag);
};

#endif
