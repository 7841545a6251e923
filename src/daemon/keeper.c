#include "daemon/keeper.h"

#include <stdlib.h>

#include "base/log.h"
#include "core/reason.h"

enum { IDENTIFIERS_MAX = 128, QOS_BITS = 0x0F, RETAIN_BIT = 0x10 };

struct vch_keeper {
    struct vch_messages *messages;
    struct vch_mqtt_keeper table;
    bool failing; /* the watcher's: already logged */
};

/* ---- one side's words in the other's --------------------------------------------------- */

static void settled(void *arg, enum vch_err err) {
    vch_mqtt_receipt_settle(arg, err);
}

static struct vch_messages_wait wait_of(struct vch_mqtt_receipt *receipt) {
    return (struct vch_messages_wait){receipt ? settled : NULL, vch_mqtt_receipt_hold(receipt)};
}

/* A message gets its number when it is kept for the first time, whichever thread comes first. */
static uint64_t id_of(struct vch_keeper *keeper, struct vch_mqtt_message *message) {
    uint64_t id = atomic_load(&message->kept_id);
    if (id) return id;
    uint64_t fresh = vch_messages_new_id(keeper->messages);
    return atomic_compare_exchange_strong(&message->kept_id, &id, fresh) ? fresh : id;
}

static struct vch_row_message message_row(struct vch_keeper *keeper, struct vch_mqtt_message *message) {
    return (struct vch_row_message){.id = id_of(keeper, message),
                                    .topic = vch_mqtt_message_topic(message),
                                    .properties = vch_mqtt_message_props(message),
                                    .payload = vch_mqtt_message_payload(message),
                                    .qos = message->qos | (message->retain ? RETAIN_BIT : 0),
                                    .published_ms = message->published_ms,
                                    .expires_ms = message->expires_ms};
}

static void release_message(void *owner) {
    vch_mqtt_message_unref(owner);
}

/* As in a SUBSCRIBE of MQTT 5, section 3.8.3.1. */
static int64_t options_of(const struct vch_mqtt_kept_sub *sub) {
    return sub->qos | (sub->no_local ? 4 : 0) | (sub->retain_as_published ? 8 : 0) | sub->retain_handling << 4;
}

static struct vch_str pack_identifiers(const struct vch_mqtt_kept_entry *entry, uint8_t out[IDENTIFIERS_MAX * 4]) {
    size_t count = entry->identifier_count < IDENTIFIERS_MAX ? entry->identifier_count : IDENTIFIERS_MAX;
    for (size_t i = 0; i < count; i++)
        for (size_t byte = 0; byte < 4; byte++)
            out[i * 4 + byte] = (uint8_t)(entry->identifiers[i] >> (24 - 8 * byte));
    return vch_str_of(out, count * 4);
}

static size_t unpack_identifiers(struct vch_str bytes, uint32_t out[IDENTIFIERS_MAX]) {
    const uint8_t *at = (const uint8_t *)bytes.ptr;
    size_t count = bytes.len / 4 < IDENTIFIERS_MAX ? bytes.len / 4 : IDENTIFIERS_MAX;
    for (size_t i = 0; i < count; i++, at += 4)
        out[i] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    return count;
}

/* ---- the table --------------------------------------------------------------------------- */

static struct vch_messages *messages_of(void *self) {
    return ((struct vch_keeper *)self)->messages;
}

static uint64_t new_key(void *self) {
    return vch_messages_new_key(messages_of(self));
}

static void session_put(void *self, const struct vch_mqtt_kept_session *session, struct vch_mqtt_receipt *receipt) {
    const struct vch_row_session row = {.key = session->key,
                                        .client_id = session->client_id,
                                        .principal = session->principal,
                                        .level = session->level,
                                        .expiry_s = session->expiry_s,
                                        .disconnected_ms = session->disconnected_ms,
                                        .fresh = session->fresh};
    vch_messages_session_put(messages_of(self), &row, wait_of(receipt));
}

static void session_drop(void *self, uint64_t key, struct vch_mqtt_receipt *receipt) {
    vch_messages_session_drop(messages_of(self), key, wait_of(receipt));
}

static void sub_put(void *self, uint64_t key, const struct vch_mqtt_kept_sub *sub, struct vch_mqtt_receipt *receipt) {
    const struct vch_row_sub row = {sub->filter, options_of(sub), sub->identifier};
    vch_messages_sub_put(messages_of(self), key, &row, wait_of(receipt));
}

static void sub_drop(void *self, uint64_t key, struct vch_str filter, struct vch_mqtt_receipt *receipt) {
    vch_messages_sub_drop(messages_of(self), key, filter, wait_of(receipt));
}

static void entry_put(void *self, uint64_t key, const struct vch_mqtt_kept_entry *entry,
                      struct vch_mqtt_receipt *receipt) {
    uint8_t identifiers[IDENTIFIERS_MAX * 4];
    const struct vch_row_entry row = {.seq = entry->seq,
                                      .identifiers = pack_identifiers(entry, identifiers),
                                      .qos = entry->qos,
                                      .state = entry->state,
                                      .packet_id = entry->packet_id,
                                      .retain = entry->retain};
    const struct vch_row_message message = message_row(self, entry->message);
    vch_messages_entry_put(messages_of(self), key, &row, &message, vch_mqtt_message_ref(entry->message),
                           wait_of(receipt));
}

static void entry_mark(void *self, uint64_t key, uint64_t seq, enum vch_mqtt_kept_state state, uint16_t packet_id,
                       struct vch_mqtt_receipt *receipt) {
    vch_messages_entry_mark(messages_of(self), key, seq, state, packet_id, wait_of(receipt));
}

static void entry_drop(void *self, uint64_t key, uint64_t seq) {
    vch_messages_entry_drop(messages_of(self), key, seq);
}

static void received_put(void *self, uint64_t key, uint16_t packet_id, struct vch_mqtt_receipt *receipt) {
    vch_messages_received_put(messages_of(self), key, packet_id, wait_of(receipt));
}

static void received_drop(void *self, uint64_t key, uint16_t packet_id) {
    vch_messages_received_drop(messages_of(self), key, packet_id);
}

static void will_put(void *self, uint64_t key, const struct vch_mqtt_kept_will *will) {
    const struct vch_row_will row = {.delay_s = will->delay_s, .retain = will->retain};
    const struct vch_row_message message = message_row(self, will->message);
    vch_messages_will_put(messages_of(self), key, &row, &message, vch_mqtt_message_ref(will->message));
}

static void will_drop(void *self, uint64_t key) {
    vch_messages_will_drop(messages_of(self), key);
}

static void retained_put(void *self, struct vch_mqtt_message *message, struct vch_mqtt_receipt *receipt) {
    const struct vch_row_message row = message_row(self, message);
    vch_messages_retained_put(messages_of(self), &row, vch_mqtt_message_ref(message), wait_of(receipt));
}

static void retained_drop(void *self, struct vch_str topic, struct vch_mqtt_receipt *receipt) {
    vch_messages_retained_drop(messages_of(self), topic, wait_of(receipt));
}

static bool behind(void *self) {
    return vch_messages_behind(messages_of(self));
}

static bool full(void *self) {
    return vch_messages_full(messages_of(self));
}

/* ---- restoring ------------------------------------------------------------------------------ */

struct revived {
    uint64_t id;
    struct vch_mqtt_message *message;
};

struct restoring {
    const struct vch_mqtt_revival *revival;
    struct revived *messages; /* by id */
    size_t count, size;
};

static enum vch_err room_for_one(struct restoring *r) {
    if (r->count < r->size) return VCH_OK;
    size_t size = r->size ? r->size * 2 : 1024;
    struct revived *bigger = reallocarray(r->messages, size, sizeof *bigger);
    if (!bigger) return VCH_ERR_NOMEM;
    r->messages = bigger;
    r->size = size;
    return VCH_OK;
}

static enum vch_err revive_message(void *arg, const struct vch_row_message *row) {
    struct restoring *r = arg;
    const struct vch_mqtt_message_parts parts = {.topic = row->topic,
                                                 .payload = row->payload,
                                                 .props = row->properties,
                                                 .published_ms = row->published_ms,
                                                 .expires_ms = row->expires_ms,
                                                 .qos = (uint8_t)(row->qos & QOS_BITS),
                                                 .retain = (row->qos & RETAIN_BIT) != 0};
    VCH_TRY(room_for_one(r));
    struct vch_mqtt_message *message = vch_mqtt_message_make(&parts);
    if (!message) return VCH_ERR_NOMEM;
    atomic_store(&message->kept_id, row->id);
    r->messages[r->count++] = (struct revived){row->id, message};
    return VCH_OK;
}

static int compare_ids(const void *a, const void *b) {
    uint64_t x = ((const struct revived *)a)->id, y = ((const struct revived *)b)->id;
    return (x > y) - (x < y);
}

/* A new reference. The reader has made sure that none is missing. */
static struct vch_mqtt_message *revived_message(const struct restoring *r, uint64_t id) {
    const struct revived key = {id, NULL};
    const struct revived *found =
        r->count ? bsearch(&key, r->messages, r->count, sizeof *r->messages, compare_ids) : NULL;
    return found ? vch_mqtt_message_ref(found->message) : NULL;
}

static enum vch_err revive_session(void *arg, const struct vch_row_session *row) {
    const struct vch_mqtt_revival *revival = ((struct restoring *)arg)->revival;
    const struct vch_mqtt_kept_session session = {.key = row->key,
                                                  .client_id = row->client_id,
                                                  .principal = row->principal,
                                                  .level = (uint8_t)row->level,
                                                  .expiry_s = (uint32_t)row->expiry_s,
                                                  .disconnected_ms = row->disconnected_ms};
    return revival->session(revival->arg, &session);
}

static enum vch_err revive_sub(void *arg, const struct vch_row_sub *row) {
    const struct vch_mqtt_revival *revival = ((struct restoring *)arg)->revival;
    const struct vch_mqtt_kept_sub sub = {.filter = row->filter,
                                          .qos = row->options & 3,
                                          .no_local = (row->options & 4) != 0,
                                          .retain_as_published = (row->options & 8) != 0,
                                          .retain_handling = row->options >> 4 & 3,
                                          .identifier = (uint32_t)row->identifier};
    return revival->sub(revival->arg, &sub);
}

static enum vch_err revive_entry(void *arg, const struct vch_row_entry *row) {
    const struct restoring *r = arg;
    uint32_t identifiers[IDENTIFIERS_MAX];
    const struct vch_mqtt_kept_entry entry = {.seq = row->seq,
                                              .message = revived_message(r, row->message_id),
                                              .identifiers = identifiers,
                                              .identifier_count = unpack_identifiers(row->identifiers, identifiers),
                                              .packet_id = (uint16_t)row->packet_id,
                                              .qos = (uint8_t)row->qos,
                                              .state = (uint8_t)row->state,
                                              .retain = row->retain != 0};
    return entry.message ? r->revival->entry(r->revival->arg, &entry) : VCH_ERR_INTERNAL;
}

static enum vch_err revive_received(void *arg, uint16_t packet_id) {
    const struct restoring *r = arg;
    return r->revival->received(r->revival->arg, packet_id);
}

static enum vch_err revive_will(void *arg, const struct vch_row_will *row) {
    const struct restoring *r = arg;
    const struct vch_mqtt_kept_will will = {.message = revived_message(r, row->message_id),
                                            .delay_s = (uint32_t)row->delay_s,
                                            .retain = row->retain != 0};
    return will.message ? r->revival->will(r->revival->arg, &will) : VCH_ERR_INTERNAL;
}

static enum vch_err revive_retained(void *arg, uint64_t message_id) {
    const struct restoring *r = arg;
    struct vch_mqtt_message *message = revived_message(r, message_id);
    return message ? r->revival->retained(r->revival->arg, message) : VCH_ERR_INTERNAL;
}

static enum vch_err restore(void *self, const struct vch_mqtt_revival *revival, struct vch_diag *diag) {
    struct restoring r = {.revival = revival};
    const struct vch_messages_reader reader = {.message = revive_message,
                                               .session = revive_session,
                                               .sub = revive_sub,
                                               .entry = revive_entry,
                                               .received = revive_received,
                                               .will = revive_will,
                                               .retained = revive_retained,
                                               .arg = &r};
    enum vch_err err = vch_messages_read(messages_of(self), &reader, diag);
    for (size_t i = 0; i < r.count; i++) vch_mqtt_message_unref(r.messages[i].message);
    free(r.messages);
    if (err == VCH_OK) return VCH_OK;
    return VCH_REFUSE(diag, err, STORE_FAILED, "", "Stored sessions could not be restored: %s.", vch_err_word(err));
}

/* ---- owner ------------------------------------------------------------------------------------ */

static const struct vch_mqtt_keeper functions = {
    .new_key = new_key,
    .session_put = session_put,
    .session_drop = session_drop,
    .sub_put = sub_put,
    .sub_drop = sub_drop,
    .entry_put = entry_put,
    .entry_mark = entry_mark,
    .entry_drop = entry_drop,
    .received_put = received_put,
    .received_drop = received_drop,
    .will_put = will_put,
    .will_drop = will_drop,
    .retained_put = retained_put,
    .retained_drop = retained_drop,
    .behind = behind,
    .full = full,
    .restore = restore,
};

enum vch_err vch_keeper_open(const char *path, struct vch_keeper **ret, struct vch_diag *diag) {
    const struct vch_messages_options options = {.path = path, .release = release_message};
    struct vch_keeper *keeper = *ret = calloc(1, sizeof *keeper);
    if (!keeper) return VCH_ERR_NOMEM;
    keeper->table = functions;
    keeper->table.self = keeper;
    enum vch_err err = vch_messages_open(&options, &keeper->messages, diag);
    if (err == VCH_OK) return VCH_OK;
    free(keeper);
    *ret = NULL;
    return err;
}

const struct vch_mqtt_keeper *vch_keeper_table(struct vch_keeper *keeper) {
    return &keeper->table;
}

struct vch_messages *vch_keeper_messages(struct vch_keeper *keeper) {
    return keeper->messages;
}

void vch_keeper_close(struct vch_keeper *keeper) {
    struct vch_diag diag = {.reason = NULL};
    if (!keeper) return;
    if (vch_messages_close(keeper->messages, &diag) != VCH_OK)
        VCH_LOG(ERROR, "messages-lost", VCH_LOG_C("detail", diag.message));
    free(keeper);
}

void vch_keeper_watch(struct vch_keeper *keeper) {
    struct vch_messages_stats stats;
    if (!keeper) return;
    vch_messages_stats(keeper->messages, &stats);
    if (stats.failing == keeper->failing) return;
    keeper->failing = stats.failing;
    if (stats.failing)
        VCH_LOG(ERROR, "messages-wait", VCH_LOG_C("detail", "The message store cannot be written; QoS 1 messages that "
                                                            "are to be kept are not acknowledged."));
    else
        VCH_LOG(INFO, "messages-written", VCH_LOG_C("detail", "The message store can be written again."));
}

void vch_keeper_stats(struct vch_keeper *keeper, struct vch_messages_stats *ret) {
    vch_messages_stats(keeper->messages, ret);
}
