#include "daemon/guard.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "pki/csr.h"

enum { DESCRIPTORS_SPARE = 256, EXPIRING_MS = 300000, PEM_ARENA = 1 << 20, DAY_MS = 86400000, MIB = 1 << 20 };

/* ---- bounds ---- */

/* Each connection is a descriptor; the rest of the server needs some too. */
static size_t connections_max(const struct vch_config *config) {
    struct rlimit limit;
    if (config->connections_max) return (size_t)config->connections_max;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= 2 * DESCRIPTORS_SPARE) return DESCRIPTORS_SPARE;
    return limit.rlim_cur - DESCRIPTORS_SPARE;
}

static uint64_t memory_max(const struct vch_config *config) {
    if (config->memory_max) return (uint64_t)config->memory_max * MIB;
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 4 * 3;
}

static int64_t end_of(struct vch_str pem) {
    struct vch_certificate_info info;
    struct vch_str der;
    int64_t ends_ms = 0;
    struct vch_arena *arena = vch_arena_new(PEM_ARENA, false);
    if (arena && vch_certificate_from_pem(pem, arena, &der, NULL) == VCH_OK &&
        vch_certificate_describe(der, arena, &info, NULL) == VCH_OK)
        ends_ms = info.not_after_ms;
    vch_arena_free(arena);
    return ends_ms;
}

static int64_t end_of_file(const char *path) {
    struct vch_buf buf;
    struct vch_str pem;
    int64_t ends_ms = 0;
    vch_buf_init(&buf, PEM_ARENA);
    if (vch_file_read(path, &buf, NULL) == VCH_OK && vch_buf_finish(&buf, &pem) == VCH_OK) ends_ms = end_of(pem);
    vch_buf_deinit(&buf);
    return ends_ms;
}

enum vch_err vch_guard_open(struct vch_guard *guard, const struct vch_config *config, const struct vch_service *service,
                            const char *server_pem) {
    const struct vch_gate_options devices = {(size_t)config->connections_per_address, connections_max(config)};
    const struct vch_gate_options callers = {(size_t)config->api_connections_per_address, connections_max(config)};
    guard->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    guard->memory_max = memory_max(config);
    guard->root_ends_ms = end_of(service->root_pem);
    guard->server_ends_ms = end_of_file(server_pem);
    guard->counted_ms = -EXPIRING_MS;
    VCH_TRY(vch_gate_new(&devices, &guard->devices));
    return vch_gate_new(&callers, &guard->callers);
}

void vch_guard_close(struct vch_guard *guard) {
    vch_gate_free(guard->devices);
    vch_gate_free(guard->callers);
    guard->devices = guard->callers = NULL;
    if (guard->statm_fd > 0) (void)close(guard->statm_fd);
    guard->statm_fd = -1;
}

/* ---- once a second ---- */

uint64_t vch_guard_resident(const struct vch_guard *guard) {
    char text[128];
    ssize_t len = guard->statm_fd >= 0 ? pread(guard->statm_fd, text, sizeof text - 1, 0) : -1;
    if (len <= 0) return 0;
    text[len] = '\0';
    char *resident = NULL; /* the second number, in pages */
    (void)strtoull(text, &resident, 10);
    return strtoull(resident, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* What was freed counts only when the kernel has it back. Below the ceiling by a
 * sixteenth it is over, so that it does not come and go with every second. */
static bool watch_memory(struct vch_guard *guard) {
    bool was = atomic_load(&guard->memory_short);
    uint64_t resident = vch_guard_resident(guard), max = was ? guard->memory_max / 16 * 15 : guard->memory_max;
    if (resident > max && malloc_trim(0)) resident = vch_guard_resident(guard);
    bool now = resident > max;
    if (now != was)
        VCH_LOG(WARN, now ? "memory-short" : "memory-again", VCH_LOG_I("resident", resident), VCH_LOG_I("max", guard->memory_max));
    atomic_store(&guard->memory_short, now);
    vch_gate_shut(guard->devices, now);
    return now;
}

struct probe {
    struct vch_guard *guard;
    unsigned loop;
    int64_t sent_us;
};

static void probe_arrives(void *arg) {
    struct probe *probe = arg;
    atomic_store(&probe->guard->lag_us[probe->loop], vch_mono_us() - probe->sent_us);
    free(probe);
}

static void probe_loops(struct vch_guard *guard, struct vch_loop *const *loops, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct probe *probe = malloc(sizeof *probe);
        if (!probe) return;
        *probe = (struct probe){guard, (unsigned)i, vch_mono_us()};
        if (!vch_loop_post(loops[i], probe_arrives, probe)) free(probe);
    }
}

/* Reads all certificates: seldom. */
static void count_expiring(struct vch_guard *guard, struct vch_service *service) {
    int64_t now_ms = vch_now_ms(), week = 0, month = 0;
    if (vch_mono_ms() - guard->counted_ms < EXPIRING_MS) return;
    guard->counted_ms = vch_mono_ms();
    if (vch_store_certificates_expiring(service->store, now_ms, now_ms + INT64_C(7) * DAY_MS, &week, NULL) == VCH_OK)
        atomic_store(&guard->expiring_7, week);
    if (vch_store_certificates_expiring(service->store, now_ms, now_ms + INT64_C(30) * DAY_MS, &month, NULL) == VCH_OK)
        atomic_store(&guard->expiring_30, month);
}

bool vch_guard_tick(struct vch_guard *guard, struct vch_service *service, struct vch_loop *const *loops, size_t count) {
    probe_loops(guard, loops, count);
    count_expiring(guard, service);
    return watch_memory(guard);
}
