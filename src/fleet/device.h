/* One simulated device: the steps of its life, each timed. One thread. */
#ifndef VCH_FLEET_DEVICE_H
#define VCH_FLEET_DEVICE_H

#include "base/arena.h"
#include "fleet/causes.h"
#include "fleet/rest.h"
#include "fleet/series.h"
#include "net/dial.h"
#include "vouch/device.h"

enum vch_phase {
#define VCH_X(name, word) VCH_PHASE_##name,
#include "fleet/phases.def"
#undef VCH_X
    VCH_PHASE_COUNT
};
const char *vch_phase_word(enum vch_phase phase);

enum { VCH_FLEET_MEMORY = 16384 };

/* What one worker thread works with. */
struct vch_fleet_worker {
    const struct vch_fleet_site *site;
    struct vch_rest *rest;
    struct vch_arena *arena; /* reset for each device; wiping */
    struct vch_causes *causes;
    const char *template_name;
    bool csr;
    struct vch_series phases[VCH_PHASE_COUNT];
    uint8_t *in, *out;
    struct vch_dial *dial;
    struct vch_device device;
};

struct vch_fleet_identity {
    struct vch_str certificate, key; /* PEM, in the worker's arena */
    char thing_name[VCH_DEVICE_THING_MAX + 1];
};

bool vch_fleet_worker_init(struct vch_fleet_worker *worker, const struct vch_fleet_site *site,
                           const char *template_name, bool csr, struct vch_causes *causes);
void vch_fleet_worker_deinit(struct vch_fleet_worker *worker);

/* Claim, connection, creation, registration. False counts a cause; nothing is timed then but what succeeded. */
bool vch_fleet_provision(struct vch_fleet_worker *worker, const char *thing_name, struct vch_fleet_identity *ret);
/* TLS and CONNECT into worker->dial; `what` names the cause of a failure. */
bool vch_fleet_connect(struct vch_fleet_worker *worker, struct vch_str certificate, struct vch_str key,
                       const char *client_id, const char *what);
void vch_fleet_disconnect(struct vch_fleet_worker *worker);

#endif
