/* Answers that wait until something is durable.
 *
 * A receipt is made by the loop that has an answer to give (PUBACK, PUBREC,
 * SUBACK, UNSUBACK, CONNACK). It is open once for its maker and once for each
 * part that somebody else makes durable. Whoever settles the last part puts it
 * on the desk of the maker's loop, which is woken once for many. A receipt
 * belongs to the acks of one session, which leave in the order of their
 * requests [MQTT-4.6.0-2] (an answer that need not wait waits behind one that
 * does), or, once abandoned, to nobody: then it is freed when it arrives.
 */
#ifndef VCH_MQTT_DURABLE_H
#define VCH_MQTT_DURABLE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/histogram.h"
#include "net/loop.h"

struct vch_mqtt_receipt;

struct vch_mqtt_desk {
    struct vch_loop *loop;
    /* On the loop: at least one receipt of `owner` (as given to acks_add) may have become ready. */
    void (*ready)(void *arg, uint64_t owner_id);
    void *arg;
    pthread_mutex_t lock; /* held for a few instructions; around the list and `posted` */
    struct vch_mqtt_receipt *first, **end;
    bool posted;
    struct vch_histogram waited; /* from a receipt's making to its arrival here */
};

struct vch_mqtt_receipt {
    struct vch_mqtt_receipt *next; /* on the desk */
    struct vch_mqtt_desk *desk;
    atomic_uint open;
    _Atomic int err; /* enum vch_err: the first failure */
    /* The loop's: */
    struct vch_mqtt_receipt *acks_next;
    uint64_t owner_id; /* session id; 0: abandoned */
    bool settled;
    int64_t made_us;
    /* The maker's own words about the answer: */
    uint8_t type;      /* enum vch_mqtt_type of the answer */
    uint8_t code;      /* reason code when all went well */
    uint16_t packet_id;
    void *extra;       /* freed with free() */
};

/* The answers that a session owes, in order; zero is empty. One loop. */
struct vch_mqtt_acks {
    struct vch_mqtt_receipt *first, *last;
    size_t count;
};

void vch_mqtt_desk_init(struct vch_mqtt_desk *desk, struct vch_loop *loop,
                        void (*ready)(void *arg, uint64_t owner_id), void *arg);
/* After everybody who settles has ended: frees what lies there. Zeroed memory is fine. */
void vch_mqtt_desk_deinit(struct vch_mqtt_desk *desk);

/* Open once, for the maker. NULL when memory is out. [loop] */
struct vch_mqtt_receipt *vch_mqtt_receipt_new(struct vch_mqtt_desk *desk);
/* One more part; returns the receipt. NULL stays NULL here and in settle. Any thread that holds an open part. */
struct vch_mqtt_receipt *vch_mqtt_receipt_hold(struct vch_mqtt_receipt *receipt);
/* One part is durable (OK), or will not be. Any thread; the receipt is not the caller's any more. */
void vch_mqtt_receipt_settle(struct vch_mqtt_receipt *receipt, enum vch_err err);

/* Queues the receipt behind the answers owed and settles the maker's part: at once ready when no other
 * part is open, without a way over the desk. [loop] */
void vch_mqtt_acks_add(struct vch_mqtt_acks *acks, uint64_t owner_id, struct vch_mqtt_receipt *receipt);
/* The first answer when it may leave, taken from the queue; free it with vch_mqtt_receipt_free. [loop] */
struct vch_mqtt_receipt *vch_mqtt_acks_take(struct vch_mqtt_acks *acks);
void vch_mqtt_receipt_free(struct vch_mqtt_receipt *receipt);
/* The session ends and owes nothing any more. [loop] */
void vch_mqtt_acks_abandon(struct vch_mqtt_acks *acks);

#endif
