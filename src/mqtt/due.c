#include "mqtt/due.h"

#include <stdlib.h>

enum { SIZE_FIRST = 16 };

static void put(struct vch_mqtt_heap *heap, size_t place, struct vch_mqtt_due *due) {
    heap->at[place - 1] = due;
    due->place = place;
}

static bool before(const struct vch_mqtt_heap *heap, size_t a, size_t b) {
    return heap->at[a - 1]->at_ms < heap->at[b - 1]->at_ms;
}

static void swap(struct vch_mqtt_heap *heap, size_t a, size_t b) {
    struct vch_mqtt_due *due = heap->at[a - 1];
    put(heap, a, heap->at[b - 1]);
    put(heap, b, due);
}

static void settle(struct vch_mqtt_heap *heap, size_t place) {
    for (; place > 1 && before(heap, place, place / 2); place /= 2) swap(heap, place, place / 2);
    for (;;) {
        size_t least = place;
        if (place * 2 <= heap->count && before(heap, place * 2, least)) least = place * 2;
        if (place * 2 + 1 <= heap->count && before(heap, place * 2 + 1, least)) least = place * 2 + 1;
        if (least == place) return;
        swap(heap, place, least);
        place = least;
    }
}

static bool room(struct vch_mqtt_heap *heap) {
    if (heap->count < heap->size) return true;
    size_t size = heap->size ? heap->size * 2 : SIZE_FIRST;
    struct vch_mqtt_due **bigger = reallocarray(heap->at, size, sizeof *bigger);
    if (!bigger) return false;
    heap->at = bigger;
    heap->size = size;
    return true;
}

enum vch_err vch_mqtt_due_set(struct vch_mqtt_heap *heap, struct vch_mqtt_due *due, int64_t at_ms) {
    if (due->place == 0) {
        if (!room(heap)) return VCH_ERR_NOMEM;
        put(heap, ++heap->count, due);
    }
    due->at_ms = at_ms;
    settle(heap, due->place);
    return VCH_OK;
}

void vch_mqtt_due_clear(struct vch_mqtt_heap *heap, struct vch_mqtt_due *due) {
    size_t place = due->place;
    if (place == 0) return;
    due->place = 0;
    struct vch_mqtt_due *last = heap->at[--heap->count];
    if (last == due) return;
    put(heap, place, last);
    settle(heap, place);
}

struct vch_mqtt_due *vch_mqtt_due_first(const struct vch_mqtt_heap *heap) {
    return heap->count ? heap->at[0] : NULL;
}

void vch_mqtt_due_deinit(struct vch_mqtt_heap *heap) {
    free(heap->at);
    *heap = (struct vch_mqtt_heap){0};
}
