#include "base/clock.h"
#include "fleet/run.h"

enum { WARM_CONNECTIONS = 8, DIAL_MS = 20000 };

static bool provision(struct vch_fleet_run *run, struct vch_fleet_worker *worker, struct vch_fleet_identity *ret,
                      struct vch_diag *diag) {
    char name[64];
    (void)snprintf(name, sizeof name, "fleet-%s-load", run->name);
    if (!vch_fleet_worker_init(worker, run->site, run->template_name, run->options->csr, run->causes)) {
        (void)vch_diag_set(diag, VCH_ERR_NOMEM, "memory", "", "Memory is out.");
        return false;
    }
    if (vch_fleet_provision(worker, name, ret)) return true;
    (void)vch_diag_set(diag, VCH_ERR_UNAVAILABLE, "provision", "", "No identity could be provisioned: %s",
                       run->causes->count ? run->causes->rows[0].text : "?");
    return false;
}

/* The first connections pay for what the server keeps once: they are not counted. */
static bool warm_up(struct vch_fleet_run *run, const struct vch_load_plan *plan, const struct vch_link_target *target,
                    struct vch_diag *diag) {
    const struct vch_load_plan warm = {.mode = VCH_FLEET_CONNECT,
                                       .level = plan->level,
                                       .connections = 1,
                                       .threads = 1,
                                       .opening_max = 1,
                                       .count_max = WARM_CONNECTIONS,
                                       .quiet = true};
    struct vch_load_result result;
    if (!vch_load_run(&warm, target, run->name, 0, run->causes, &result, diag)) return false;
    if (result.failed == 0) return true;
    (void)vch_diag_set(diag, VCH_ERR_UNAVAILABLE, "connect", "", "The first connection failed: %s",
                       run->causes->count ? run->causes->rows[0].text : "?");
    return false;
}

static bool run_on(struct vch_fleet_run *run, const struct vch_load_plan *plan,
                   const struct vch_fleet_identity *identity, struct vch_load_result *ret, struct vch_diag *diag) {
    const struct vch_fleet_site *site = run->site;
    const struct vch_dial_options options = {.host = site->host,
                                             .port = site->mqtt_port,
                                             .root_pem = site->ca_pem,
                                             .certificate_pem = identity->certificate,
                                             .key_pem = identity->key,
                                             .deadline_ms = vch_mono_ms() + DIAL_MS,
                                             .tls = !run->options->plain};
    struct vch_link_target *target = NULL;
    bool ok = vch_link_target_new(&options, &target, diag) == VCH_OK && warm_up(run, plan, target, diag) &&
              vch_load_run(plan, target, run->name, site->pid, run->causes, ret, diag);
    vch_link_target_free(target);
    return ok;
}

bool vch_run_load(struct vch_fleet_run *run, const struct vch_load_plan *plan, struct vch_load_result *ret,
                  struct vch_diag *diag) {
    struct vch_fleet_worker worker = {0};
    struct vch_fleet_identity identity = {.certificate = run->site->certificate_pem, .key = run->site->key_pem};
    bool ok = !run->site->api.len || provision(run, &worker, &identity, diag);
    if (ok) ok = run_on(run, plan, &identity, ret, diag);
    vch_fleet_worker_deinit(&worker);
    return ok;
}
