#include "net/gate.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

struct vch_gate {
    struct vch_gate_options options;
    pthread_mutex_t lock;
    struct vch_map *counts; /* of size_t */
    size_t total;
    atomic_bool shut;
    _Atomic uint64_t refused[VCH_GATE_VERDICTS];
};

enum vch_err vch_gate_new(const struct vch_gate_options *options, struct vch_gate **ret) {
    struct vch_gate *gate = calloc(1, sizeof *gate);
    if (gate) gate->counts = vch_map_new();
    if (!gate || !gate->counts) {
        free(gate);
        return VCH_ERR_NOMEM;
    }
    gate->options = *options;
    (void)pthread_mutex_init(&gate->lock, NULL);
    *ret = gate;
    return VCH_OK;
}

void vch_gate_free(struct vch_gate *gate) {
    struct vch_str key;
    void *value;
    if (!gate) return;
    for (size_t pos = 0; vch_map_next(gate->counts, &pos, &key, &value);) free(value);
    vch_map_free(gate->counts);
    (void)pthread_mutex_destroy(&gate->lock);
    free(gate);
}

static bool is_full(size_t count, size_t max) {
    return max && count >= max;
}

static void count_one(struct vch_gate *gate, struct vch_str key, size_t *count) {
    gate->total++;
    if (count) {
        (*count)++;
        return;
    }
    count = malloc(sizeof *count);
    if (count) *count = 1;
    if (count && vch_map_put(gate->counts, key, count, NULL) != VCH_OK) free(count);
}

enum vch_gate_verdict vch_gate_enter(struct vch_gate *gate, struct vch_str key) {
    enum vch_gate_verdict verdict = VCH_GATE_OPEN;
    if (!gate) return verdict;
    (void)pthread_mutex_lock(&gate->lock);
    size_t *count = vch_map_get(gate->counts, key);
    if (atomic_load(&gate->shut)) verdict = VCH_GATE_SHUT;
    else if (is_full(gate->total, gate->options.total_max)) verdict = VCH_GATE_FULL;
    else if (count && is_full(*count, gate->options.per_key_max)) verdict = VCH_GATE_KEY_FULL;
    else count_one(gate, key, count);
    (void)pthread_mutex_unlock(&gate->lock);
    atomic_fetch_add_explicit(&gate->refused[verdict], 1, memory_order_relaxed);
    return verdict;
}

void vch_gate_leave(struct vch_gate *gate, struct vch_str key) {
    if (!gate) return;
    (void)pthread_mutex_lock(&gate->lock);
    size_t *count = vch_map_get(gate->counts, key);
    gate->total--;
    if (count && --*count == 0) free(vch_map_remove(gate->counts, key));
    (void)pthread_mutex_unlock(&gate->lock);
}

void vch_gate_shut(struct vch_gate *gate, bool shut) {
    if (gate) atomic_store(&gate->shut, shut);
}

size_t vch_gate_total(struct vch_gate *gate) {
    if (!gate) return 0;
    (void)pthread_mutex_lock(&gate->lock);
    size_t total = gate->total;
    (void)pthread_mutex_unlock(&gate->lock);
    return total;
}

uint64_t vch_gate_refused(struct vch_gate *gate, enum vch_gate_verdict verdict) {
    return gate ? atomic_load_explicit(&gate->refused[verdict], memory_order_relaxed) : 0;
}

struct vch_str vch_gate_address(const char *ip, char buf[VCH_GATE_ADDRESS]) {
    struct in6_addr v6;
    struct in_addr v4;
    if (inet_pton(AF_INET, ip, &v4) == 1) {
        memcpy(buf, &v4, sizeof v4);
        return vch_str_of(buf, sizeof v4);
    }
    if (inet_pton(AF_INET6, ip, &v6) != 1) memset(&v6, 0, sizeof v6);
    memcpy(buf, &v6, VCH_GATE_ADDRESS);
    return vch_str_of(buf, VCH_GATE_ADDRESS);
}
