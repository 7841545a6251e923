#include "api/faults.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/names.h"

struct entry {
    int64_t id, delay_ms, left;
    enum vch_fault_kind kind;
    char operation[40]; /* empty: any */
    char client_id[VCH_CLIENT_ID_MAX + 1];
};

struct vch_faults {
    pthread_mutex_t lock; /* over the list: tests alone come here */
    struct entry list[VCH_FAULTS_MAX];
    size_t count;
    int64_t next_id;
};

static const char *const kinds[VCH_FAULT_KIND_COUNT] = {
    [VCH_FAULT_NONE] = "",          [VCH_FAULT_DELAY] = "delay",
    [VCH_FAULT_DROP] = "drop",      [VCH_FAULT_THROTTLE] = "throttle",
    [VCH_FAULT_HOOK_TIMEOUT] = "hook-timeout",
    [VCH_FAULT_INTERNAL] = "internal-error",
    [VCH_FAULT_UNAVAILABLE] = "unavailable",
};

static enum vch_fault_kind kind_of(struct vch_str word) {
    for (int i = 1; i < VCH_FAULT_KIND_COUNT; i++)
        if (vch_str_eq_c(word, kinds[i])) return (enum vch_fault_kind)i;
    return VCH_FAULT_NONE;
}

struct vch_faults *vch_faults_new(void) {
    struct vch_faults *faults = calloc(1, sizeof *faults);
    if (faults) (void)pthread_mutex_init(&faults->lock, NULL);
    return faults;
}

void vch_faults_free(struct vch_faults *faults) {
    if (!faults) return;
    (void)pthread_mutex_destroy(&faults->lock);
    free(faults);
}

static bool concerns(const struct entry *e, const char *operation, struct vch_str client_id) {
    return (!e->operation[0] || strcmp(e->operation, operation) == 0) && (!e->client_id[0] || vch_str_eq_c(client_id, e->client_id));
}

/* [locked] */
static struct vch_fault use(struct vch_faults *faults, size_t i) {
    struct vch_fault fault = {faults->list[i].kind, faults->list[i].delay_ms};
    if (--faults->list[i].left > 0) return fault;
    memmove(&faults->list[i], &faults->list[i + 1], (faults->count - i - 1) * sizeof faults->list[0]);
    faults->count--;
    return fault;
}

struct vch_fault vch_faults_take(struct vch_faults *faults, const char *operation, struct vch_str client_id) {
    struct vch_fault fault = {VCH_FAULT_NONE, 0};
    if (!faults) return fault;
    (void)pthread_mutex_lock(&faults->lock);
    size_t i = 0;
    while (i < faults->count && !concerns(&faults->list[i], operation, client_id)) i++;
    if (i < faults->count) fault = use(faults, i);
    (void)pthread_mutex_unlock(&faults->lock);
    return fault;
}

enum vch_err vch_faults_add(struct vch_faults *faults, const struct vch_val *in, struct vch_arena *arena, struct vch_val *out) {
    struct entry e = {.kind = kind_of(vch_val_str_at(in, "kind")),
                      .delay_ms = vch_val_int_at(in, "delayMs", 0),
                      .left = vch_val_int_at(in, "count", 1)};
    (void)vch_str_copy(e.operation, sizeof e.operation, vch_val_str_at(in, "operation"));
    (void)vch_str_copy(e.client_id, sizeof e.client_id, vch_val_str_at(in, "clientId"));
    (void)pthread_mutex_lock(&faults->lock);
    bool room = faults->count < VCH_FAULTS_MAX;
    e.id = ++faults->next_id;
    if (room) faults->list[faults->count++] = e;
    (void)pthread_mutex_unlock(&faults->lock);
    return room ? vch_val_put_int(arena, out, "faultId", e.id) : VCH_ERR_LIMIT;
}

static enum vch_err put(const struct entry *e, struct vch_arena *arena, struct vch_val *map) {
    struct vch_str client_id = vch_arena_str(arena, vch_str_from(e->client_id));
    struct vch_str operation = vch_arena_str(arena, vch_str_from(e->operation));
    if (!map || !client_id.ptr || !operation.ptr) return VCH_ERR_NOMEM;
    VCH_TRY(vch_val_put_int(arena, map, "faultId", e->id));
    VCH_TRY(vch_val_put_str(arena, map, "kind", vch_str_from(kinds[e->kind])));
    if (operation.len) VCH_TRY(vch_val_put_str(arena, map, "operation", operation));
    if (client_id.len) VCH_TRY(vch_val_put_str(arena, map, "clientId", client_id));
    VCH_TRY(vch_val_put_int(arena, map, "delayMs", e->delay_ms));
    return vch_val_put_int(arena, map, "count", e->left);
}

enum vch_err vch_faults_list(struct vch_faults *faults, struct vch_arena *arena, struct vch_val *out) {
    struct vch_val *list = vch_val_put_list(arena, out, "faults");
    enum vch_err err = list ? VCH_OK : VCH_ERR_NOMEM;
    (void)pthread_mutex_lock(&faults->lock);
    for (size_t i = 0; err == VCH_OK && i < faults->count; i++) err = put(&faults->list[i], arena, vch_val_push_map(arena, list));
    (void)pthread_mutex_unlock(&faults->lock);
    return err;
}

void vch_faults_clear(struct vch_faults *faults) {
    (void)pthread_mutex_lock(&faults->lock);
    faults->count = 0;
    (void)pthread_mutex_unlock(&faults->lock);
}
