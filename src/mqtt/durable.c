#include "mqtt/durable.h"

#include <stdlib.h>

#include "base/clock.h"

/* ---- the desk ------------------------------------------------------------------ */

void vch_mqtt_desk_init(struct vch_mqtt_desk *desk, struct vch_loop *loop,
                        void (*ready)(void *arg, uint64_t owner_id), void *arg) {
    *desk = (struct vch_mqtt_desk){.loop = loop, .ready = ready, .arg = arg};
    desk->end = &desk->first;
    (void)pthread_mutex_init(&desk->lock, NULL);
}

static struct vch_mqtt_receipt *clear_desk(struct vch_mqtt_desk *desk) {
    (void)pthread_mutex_lock(&desk->lock);
    struct vch_mqtt_receipt *first = desk->first;
    desk->first = NULL;
    desk->end = &desk->first;
    desk->posted = false;
    (void)pthread_mutex_unlock(&desk->lock);
    return first;
}

/* Those without an owner have waited in vain. True: somebody is to be told. */
static bool arrive(struct vch_mqtt_receipt *receipt) {
    vch_histogram_add(&receipt->desk->waited, vch_mono_us() - receipt->made_us);
    receipt->settled = true;
    if (receipt->owner_id) return true;
    vch_mqtt_receipt_free(receipt);
    return false;
}

/* Calling `ready` may free any receipt that has arrived, so each owner's name is
 * taken before the next call; one owner's receipts come in a row mostly. */
static void on_desk(void *arg) {
    struct vch_mqtt_desk *desk = arg;
    struct vch_mqtt_receipt *next = clear_desk(desk);
    uint64_t last = 0;
    while (next) {
        struct vch_mqtt_receipt *receipt = next;
        uint64_t owner_id = receipt->owner_id;
        next = receipt->next;
        if (last && owner_id != last) desk->ready(desk->arg, last);
        last = arrive(receipt) ? owner_id : 0;
    }
    if (last) desk->ready(desk->arg, last);
}

void vch_mqtt_desk_deinit(struct vch_mqtt_desk *desk) {
    if (!desk->loop) return;
    struct vch_mqtt_receipt *next = clear_desk(desk);
    while (next) {
        struct vch_mqtt_receipt *receipt = next;
        next = receipt->next;
        vch_assert(receipt->owner_id == 0); /* sessions abandon before they go */
        vch_mqtt_receipt_free(receipt);
    }
    (void)pthread_mutex_destroy(&desk->lock);
    desk->loop = NULL;
}

/* A stopped loop is not woken; deinit clears its desk. */
static void lay_down(struct vch_mqtt_desk *desk, struct vch_mqtt_receipt *receipt) {
    (void)pthread_mutex_lock(&desk->lock);
    *desk->end = receipt;
    desk->end = &receipt->next;
    bool first = !desk->posted;
    desk->posted = true;
    (void)pthread_mutex_unlock(&desk->lock);
    if (first) (void)vch_loop_post(desk->loop, on_desk, desk);
}

/* ---- receipts ------------------------------------------------------------------- */

struct vch_mqtt_receipt *vch_mqtt_receipt_new(struct vch_mqtt_desk *desk) {
    struct vch_mqtt_receipt *receipt = calloc(1, sizeof *receipt);
    if (!receipt) return NULL;
    receipt->desk = desk;
    receipt->made_us = vch_mono_us();
    atomic_init(&receipt->open, 1);
    atomic_init(&receipt->err, VCH_OK);
    return receipt;
}

void vch_mqtt_receipt_free(struct vch_mqtt_receipt *receipt) {
    if (!receipt) return;
    free(receipt->extra);
    free(receipt);
}

struct vch_mqtt_receipt *vch_mqtt_receipt_hold(struct vch_mqtt_receipt *receipt) {
    if (receipt) atomic_fetch_add_explicit(&receipt->open, 1, memory_order_relaxed);
    return receipt;
}

void vch_mqtt_receipt_settle(struct vch_mqtt_receipt *receipt, enum vch_err err) {
    int none = VCH_OK;
    if (!receipt) return;
    if (err != VCH_OK) (void)atomic_compare_exchange_strong(&receipt->err, &none, (int)err);
    if (atomic_fetch_sub_explicit(&receipt->open, 1, memory_order_acq_rel) == 1) lay_down(receipt->desk, receipt);
}

/* ---- answers in their order ------------------------------------------------------- */

void vch_mqtt_acks_add(struct vch_mqtt_acks *acks, uint64_t owner_id, struct vch_mqtt_receipt *receipt) {
    receipt->owner_id = owner_id;
    receipt->acks_next = NULL;
    if (acks->last)
        acks->last->acks_next = receipt;
    else
        acks->first = receipt;
    acks->last = receipt;
    acks->count++;
    /* Whoever else holds a part may take the last one from here on, over the desk. */
    if (atomic_fetch_sub_explicit(&receipt->open, 1, memory_order_acq_rel) == 1) receipt->settled = true;
}

struct vch_mqtt_receipt *vch_mqtt_acks_take(struct vch_mqtt_acks *acks) {
    struct vch_mqtt_receipt *receipt = acks->first;
    if (!receipt || !receipt->settled) return NULL;
    acks->first = receipt->acks_next;
    if (!acks->first) acks->last = NULL;
    acks->count--;
    return receipt;
}

void vch_mqtt_acks_abandon(struct vch_mqtt_acks *acks) {
    struct vch_mqtt_receipt *next = acks->first;
    *acks = (struct vch_mqtt_acks){.first = NULL};
    while (next) {
        struct vch_mqtt_receipt *receipt = next;
        next = receipt->acks_next;
        receipt->owner_id = 0;
        if (receipt->settled) vch_mqtt_receipt_free(receipt);
    }
}
