#include "service/connectivity.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "core/names.h"
#include "core/reason.h"

enum { STORE_BATCH = 1000, ARENA_MAX = 1 << 20 };

struct seen {
    bool connected, dirty;
    uint64_t session;
    int64_t time_ms;
    const char *reason; /* static */
};

struct vch_connectivity {
    pthread_mutex_t lock; /* for a lookup, or the copying of a batch */
    struct vch_map *things;
    size_t dirty;
};

enum vch_err vch_connectivity_new(struct vch_connectivity **ret) {
    struct vch_connectivity *c = calloc(1, sizeof *c);
    if (c) c->things = vch_map_new();
    if (!c || !c->things) {
        free(c);
        return VCH_ERR_NOMEM;
    }
    (void)pthread_mutex_init(&c->lock, NULL);
    *ret = c;
    return VCH_OK;
}

void vch_connectivity_free(struct vch_connectivity *c) {
    struct vch_str key;
    void *value;
    if (!c) return;
    for (size_t pos = 0; vch_map_next(c->things, &pos, &key, &value);) free(value);
    vch_map_free(c->things);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

/* ---- telling ---- */

static void mark(struct vch_connectivity *c, struct seen *seen) {
    if (!seen->dirty) c->dirty++;
    seen->dirty = true;
}

/* With the lock held; NULL when memory is out, then it is not told of. */
static struct seen *entry_of(struct vch_connectivity *c, struct vch_str thing) {
    struct seen *seen = vch_map_get(c->things, thing);
    if (seen) return seen;
    seen = calloc(1, sizeof *seen);
    if (seen && vch_map_put(c->things, thing, seen, NULL) == VCH_OK) return seen;
    free(seen);
    return NULL;
}

void vch_connectivity_up(struct vch_connectivity *c, struct vch_str thing, uint64_t session, int64_t now_ms) {
    if (!c || thing.len == 0) return;
    (void)pthread_mutex_lock(&c->lock);
    struct seen *seen = entry_of(c, thing);
    if (seen) {
        seen->connected = true;
        seen->session = session;
        seen->time_ms = now_ms;
        seen->reason = "";
        mark(c, seen);
    }
    (void)pthread_mutex_unlock(&c->lock);
}

void vch_connectivity_down(struct vch_connectivity *c, struct vch_str thing, uint64_t session, int64_t now_ms,
                           const char *reason) {
    if (!c || thing.len == 0) return;
    (void)pthread_mutex_lock(&c->lock);
    struct seen *seen = vch_map_get(c->things, thing);
    if (seen && seen->connected && seen->session == session) {
        seen->connected = false;
        seen->time_ms = now_ms;
        seen->reason = reason;
        mark(c, seen);
    }
    (void)pthread_mutex_unlock(&c->lock);
}

/* ---- asking ---- */

static bool of_memory(struct vch_connectivity *c, struct vch_str thing, struct vch_rec_connectivity *ret) {
    if (!c) return false;
    (void)pthread_mutex_lock(&c->lock);
    const struct seen *seen = vch_map_get(c->things, thing);
    if (seen) *ret = (struct vch_rec_connectivity){.known = true, .connected = seen->connected, .time_ms = seen->time_ms, .reason = vch_str_from(seen->reason)};
    (void)pthread_mutex_unlock(&c->lock);
    return seen != NULL;
}

enum vch_err vch_connectivity_of(struct vch_service *service, struct vch_str thing, struct vch_rec_connectivity *ret, VCH_R) {
    if (of_memory(service->connectivity, thing, ret)) return VCH_OK;
    return vch_store_connectivity(service->store, thing, ret, arena, diag);
}

/* ---- storing ---- */

static void end_all(struct vch_connectivity *c, int64_t now_ms) {
    struct vch_str key;
    void *value;
    (void)pthread_mutex_lock(&c->lock);
    for (size_t pos = 0; vch_map_next(c->things, &pos, &key, &value);) {
        struct seen *seen = value;
        if (!seen->connected) continue;
        seen->connected = false;
        seen->time_ms = now_ms;
        seen->reason = "SERVER_INITIATED_DISCONNECT";
        mark(c, seen);
    }
    (void)pthread_mutex_unlock(&c->lock);
}

static size_t take_batch(struct vch_connectivity *c, struct vch_arena *arena, struct vch_str *names, struct seen *copies) {
    struct vch_str key;
    void *value;
    size_t count = 0;
    (void)pthread_mutex_lock(&c->lock);
    for (size_t pos = 0; c->dirty && count < STORE_BATCH && vch_map_next(c->things, &pos, &key, &value);) {
        struct seen *seen = value;
        if (!seen->dirty) continue;
        names[count] = vch_arena_str(arena, key);
        if (!names[count].ptr) break;
        copies[count++] = *seen;
        seen->dirty = false;
        c->dirty--;
    }
    (void)pthread_mutex_unlock(&c->lock);
    return count;
}

/* What is disconnected and stored needs no memory; what was not stored waits. */
static void settle(struct vch_connectivity *c, const struct vch_str *names, size_t count, bool stored) {
    (void)pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < count; i++) {
        struct seen *seen = vch_map_get(c->things, names[i]);
        if (!seen || seen->dirty) continue;
        if (!stored) mark(c, seen);
        else if (!seen->connected) free(vch_map_remove(c->things, names[i]));
    }
    (void)pthread_mutex_unlock(&c->lock);
}

static enum vch_err store_batch(struct vch_service *service, struct vch_arena *arena, size_t *ret_count, struct vch_diag *diag) {
    struct vch_str *names = vch_arena_array(arena, STORE_BATCH, sizeof *names);
    struct seen *copies = vch_arena_array(arena, STORE_BATCH, sizeof *copies);
    struct vch_plan *plan = vch_plan_new(arena);
    *ret_count = 0;
    if (!names || !copies || !plan) return VCH_ERR_NOMEM;
    size_t count = *ret_count = take_batch(service->connectivity, arena, names, copies);
    if (count == 0) return VCH_OK;
    for (size_t i = 0; i < count; i++) {
        const struct vch_rec_connectivity record = {true, copies[i].connected, copies[i].time_ms,
                                                    vch_str_from(copies[i].reason), service->server_id};
        vch_plan_connectivity_put(plan, names[i], &record);
    }
    enum vch_err err = vch_store_apply(service->store, plan, diag);
    settle(service->connectivity, names, count, err == VCH_OK);
    return err;
}

enum vch_err vch_connectivity_store(struct vch_service *service, int64_t now_ms, bool stopping, struct vch_diag *diag) {
    enum vch_err err = VCH_OK;
    if (!service->connectivity) return VCH_OK;
    if (stopping) end_all(service->connectivity, now_ms);
    for (size_t count = STORE_BATCH; err == VCH_OK && count == STORE_BATCH;) {
        struct vch_arena *arena = vch_arena_new(ARENA_MAX, false);
        err = arena ? store_batch(service, arena, &count, diag) : VCH_ERR_NOMEM;
        vch_arena_free(arena);
    }
    return err;
}

enum vch_err vch_connectivity_begin(struct vch_service *service, int64_t now_ms, struct vch_diag *diag) {
    struct vch_arena *arena = vch_arena_new(65536, false);
    struct vch_plan *plan = arena ? vch_plan_new(arena) : NULL;
    enum vch_err err = VCH_ERR_NOMEM;
    if (plan) {
        vch_plan_connectivity_reset(plan, service->server_id, now_ms, VCH_STR("SERVER_INITIATED_DISCONNECT"));
        err = vch_store_apply(service->store, plan, diag);
    }
    vch_arena_free(arena);
    return err;
}

/* ---- the operation ---- */

/* A thing that was never connected has no time. */
enum vch_err vch_uc_get_thing_connectivity_data(struct vch_call *call) {
    struct vch_rec_connectivity seen = {0};
    struct vch_rec_thing thing;
    VCH_TRY(vch_store_thing(call->service->store, vch_val_str_at(call->in, "thingName"), &thing, call->arena, call->diag));
    VCH_TRY(vch_connectivity_of(call->service, thing.name, &seen, call->arena, call->diag));
    VCH_TRY(vch_val_put_str(call->arena, call->out, "thingName", thing.name));
    VCH_TRY(vch_val_put_bool(call->arena, call->out, "connected", seen.connected));
    if (seen.known) VCH_TRY(vch_val_put_time(call->arena, call->out, "timestamp", seen.time_ms));
    return seen.reason.len ? vch_val_put_str(call->arena, call->out, "disconnectReason", seen.reason) : VCH_OK;
}
