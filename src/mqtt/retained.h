/* The retained messages of the process: for each topic the last message that
 * was published to be retained. Ordered by topic (bytes). Any thread; one lock,
 * held for one lookup or for a chunk of a walk.
 */
#ifndef VCH_MQTT_RETAINED_H
#define VCH_MQTT_RETAINED_H

#include "mqtt/keeper.h"
#include "mqtt/topic.h"

struct vch_mqtt_retained;

struct vch_mqtt_retained_options {
    size_t count_max; /* 0: 500,000, as AWS */
    size_t bytes_max; /* of messages and what holds them; 0: 1 GiB */
    const struct vch_mqtt_keeper *keeper; /* or NULL */
};

enum vch_err vch_mqtt_retained_new(const struct vch_mqtt_retained_options *options,
                                   struct vch_mqtt_retained **ret) VCH_MUST;
void vch_mqtt_retained_free(struct vch_mqtt_retained *retained); /* NULL is fine; the keeper keeps what it has */

/* Takes the place of the topic's message; one without payload only removes that [MQTT-3.3.1-10]. LIMIT: there is no
 * room for another, nothing changed. The receipt may be NULL. */
enum vch_err vch_mqtt_retained_set(struct vch_mqtt_retained *retained, struct vch_mqtt_message *message,
                                   struct vch_mqtt_receipt *receipt) VCH_MUST;
/* From restore: the same without telling the keeper. Takes over the reference. */
enum vch_err vch_mqtt_retained_revive(struct vch_mqtt_retained *retained, struct vch_mqtt_message *message) VCH_MUST;

/* The topic's message with a reference for the caller; NULL: none, or it has expired. */
struct vch_mqtt_message *vch_mqtt_retained_get(struct vch_mqtt_retained *retained, struct vch_str topic,
                                               int64_t now_ms);
/* Calls fn for the messages that a filter matches, in order, without the lock; fn borrows the message and stops the
 * walk with false. A topic that begins with '$' is no wildcard's at the first level. [MQTT-4.7.2-1] */
void vch_mqtt_retained_match(struct vch_mqtt_retained *retained, struct vch_str filter, bool parent_too,
                             int64_t now_ms, bool (*fn)(void *arg, struct vch_mqtt_message *message), void *arg);
/* Up to `max` messages whose topics come after `after` (empty: from the beginning); references are the caller's.
 * How many; fewer than max: the end. */
size_t vch_mqtt_retained_page(struct vch_mqtt_retained *retained, struct vch_str after, int64_t now_ms, size_t max,
                              struct vch_mqtt_message **ret_messages);
/* Removes what has expired, at most `max` looked at from where the last call ended; how many were removed. */
size_t vch_mqtt_retained_sweep(struct vch_mqtt_retained *retained, int64_t now_ms, size_t max);

struct vch_mqtt_retained_stats {
    size_t count, bytes;
};
void vch_mqtt_retained_stats(struct vch_mqtt_retained *retained, struct vch_mqtt_retained_stats *ret);

#endif
