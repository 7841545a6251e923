#include "daemon/listen.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/conn.h"

static const struct {
    const char *name, *scheme;
} kinds[VCH_ENTRANCE_COUNT] = {
    [VCH_ENTRANCE_API] = {"api", "https://"},
    [VCH_ENTRANCE_MQTT] = {"mqtt", ""},
    [VCH_ENTRANCE_EDGE] = {"edge", ""},
    [VCH_ENTRANCE_PLAIN] = {"mqtt-plain", ""},
};

/* Those that this process may run on: more loops than these would only take turns. */
static long usable_cores(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : sysconf(_SC_NPROCESSORS_ONLN);
}

size_t vch_loop_count(const struct vch_config *config) {
    long cores = config->loops ? (long)config->loops : usable_cores();
    return cores < 1 ? 1 : cores > VCH_LOOPS_MAX ? VCH_LOOPS_MAX : (size_t)cores;
}

/* The first socket may get a free port; the others share it. */
static enum vch_err open_entrance(const char *address, size_t loops, struct vch_entrance *ret, struct vch_diag *diag) {
    char again[128];
    ret->on = true;
    VCH_TRY(vch_listen_check(vch_str_from(address), diag));
    VCH_TRY(vch_listen(vch_str_from(address), &ret->fds[0], &ret->port, diag));
    (void)snprintf(again, sizeof again, "%.*s:%u", (int)(strrchr(address, ':') - address), address,
                   (unsigned)ret->port);
    for (size_t i = 1; i < loops; i++) VCH_TRY(vch_listen(vch_str_from(again), &ret->fds[i], &ret->port, diag));
    return VCH_OK;
}

enum vch_err vch_entrances_open(const struct vch_config *config, struct vch_entrances *ret, struct vch_diag *diag) {
    const char *const addresses[VCH_ENTRANCE_COUNT] = {config->api, config->mqtt, config->edge, config->mqtt_plain};
    memset(ret, 0, sizeof *ret);
    ret->loops = vch_loop_count(config);
    for (size_t k = 0; k < VCH_ENTRANCE_COUNT; k++) memset(ret->list[k].fds, 0xFF, sizeof ret->list[k].fds);
    enum vch_err err = VCH_OK;
    for (size_t k = 0; !err && k < VCH_ENTRANCE_COUNT; k++) {
        if (addresses[k]) err = open_entrance(addresses[k], ret->loops, &ret->list[k], diag);
    }
    if (err) vch_entrances_close(ret);
    return err;
}

void vch_entrances_close(struct vch_entrances *entrances) {
    for (size_t k = 0; k < VCH_ENTRANCE_COUNT; k++) {
        for (size_t i = 0; i < entrances->loops; i++) {
            if (entrances->list[k].fds[i] >= 0) (void)close(entrances->list[k].fds[i]);
            entrances->list[k].fds[i] = -1;
        }
    }
}

void vch_entrances_ready_line(const struct vch_entrances *entrances, struct vch_buf *buf) {
    vch_buf_c(buf, "ready");
    for (size_t k = 0; k < VCH_ENTRANCE_COUNT; k++) {
        if (entrances->list[k].on)
            vch_buf_printf(buf, " %s=%slocalhost:%u", kinds[k].name, kinds[k].scheme,
                           (unsigned)entrances->list[k].port);
    }
    vch_buf_u8(buf, '\n');
}

void vch_entrances_json(const struct vch_entrances *entrances, struct vch_buf *buf) {
    const char *before = "{";
    for (size_t k = 0; k < VCH_ENTRANCE_COUNT; k++) {
        if (!entrances->list[k].on) continue;
        vch_buf_printf(buf, "%s\"%s\":\"%slocalhost:%u\"", before, kinds[k].name, kinds[k].scheme,
                       (unsigned)entrances->list[k].port);
        before = ",";
    }
    vch_buf_c(buf, "}\n");
}
