#include "fleet/device.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fleet/csr.h"

enum { WAIT_MS = 20000, ARENA_MAX = 1 << 20 };

const char *vch_phase_word(enum vch_phase phase) {
    static const char *const words[] = {
#define VCH_X(name, word) word,
#include "fleet/phases.def"
#undef VCH_X
    };
    return words[phase];
}

bool vch_fleet_worker_init(struct vch_fleet_worker *worker, const struct vch_fleet_site *site,
                           const char *template_name, bool csr, struct vch_causes *causes) {
    *worker = (struct vch_fleet_worker){.site = site, .template_name = template_name, .csr = csr, .causes = causes};
    worker->rest = vch_rest_new(site);
    worker->arena = vch_arena_new(ARENA_MAX, true);
    worker->in = malloc(VCH_FLEET_MEMORY);
    worker->out = malloc(VCH_FLEET_MEMORY);
    return worker->rest && worker->arena && worker->in && worker->out;
}

void vch_fleet_worker_deinit(struct vch_fleet_worker *worker) {
    vch_fleet_disconnect(worker);
    vch_rest_free(worker->rest);
    vch_arena_free(worker->arena);
    free(worker->in);
    free(worker->out);
    for (size_t i = 0; i < VCH_PHASE_COUNT; i++) vch_series_deinit(&worker->phases[i]);
}

/* ---- connection --------------------------------------------------------- */

static enum vch_device_status status_of(enum vch_err err) {
    return err == VCH_OK              ? VCH_DEVICE_OK
           : err == VCH_ERR_TIMEOUT   ? VCH_DEVICE_TIMEOUT
           : err == VCH_ERR_NOT_FOUND ? VCH_DEVICE_CLOSED
                                      : VCH_DEVICE_NETWORK;
}

static enum vch_device_status on_send(void *arg, const void *bytes, size_t len, int64_t deadline_ms) {
    struct vch_fleet_worker *w = arg;
    return status_of(vch_dial_send(w->dial, vch_str_of(bytes, len), deadline_ms));
}

static enum vch_device_status on_recv(void *arg, void *buf, size_t size, size_t *ret_len, int64_t deadline_ms) {
    struct vch_fleet_worker *w = arg;
    return status_of(vch_dial_recv(w->dial, buf, size, ret_len, deadline_ms));
}

static int64_t on_now(void *arg) {
    (void)arg;
    return vch_mono_ms();
}

static bool failed(struct vch_fleet_worker *w, const char *what, enum vch_device_status status) {
    const struct vch_device_failure *f = &w->device.failure;
    const struct vch_diag *diag = w->dial ? vch_dial_diag(w->dial) : NULL;
    if (status == VCH_DEVICE_REJECTED)
        vch_causes_add(w->causes, "%s: %d %s: %s", what, f->code, f->error_code, f->error_message);
    else if (status == VCH_DEVICE_REFUSED)
        vch_causes_add(w->causes, "%s: refused with code %d", what, f->code);
    else
        vch_causes_add(w->causes, "%s: %s%s%s", what, vch_device_status_word(status),
                       diag && diag->message[0] ? ": " : "", diag ? diag->message : "");
    vch_fleet_disconnect(w);
    return false;
}

bool vch_fleet_connect(struct vch_fleet_worker *worker, struct vch_str certificate, struct vch_str key,
                       const char *client_id, const char *what) {
    struct vch_diag diag = {0};
    const struct vch_dial_options options = {.host = worker->site->host,
                                             .port = worker->site->mqtt_port,
                                             .root_pem = worker->site->ca_pem,
                                             .certificate_pem = certificate,
                                             .key_pem = key,
                                             .deadline_ms = vch_mono_ms() + WAIT_MS,
                                             .tls = true};
    const struct vch_device_options device = {.transport = {on_send, on_recv, on_now, worker},
                                              .in = worker->in,
                                              .in_size = VCH_FLEET_MEMORY,
                                              .out = worker->out,
                                              .out_size = VCH_FLEET_MEMORY,
                                              .wait_ms = WAIT_MS};
    const struct vch_device_connect connect = {.client_id = client_id, .keep_alive_s = 1200, .clean_session = true};
    if (vch_dial_open(&options, &worker->dial, &diag) != VCH_OK) {
        vch_causes_add(worker->causes, "%s: %s", what, diag.message[0] ? diag.message : "no connection");
        return false;
    }
    enum vch_device_status status = vch_device_init(&worker->device, &device);
    if (status == VCH_DEVICE_OK) status = vch_device_connect(&worker->device, &connect);
    return status == VCH_DEVICE_OK || failed(worker, what, status);
}

void vch_fleet_disconnect(struct vch_fleet_worker *worker) {
    if (!worker->dial) return;
    if (worker->device.connected) (void)vch_device_disconnect(&worker->device);
    vch_dial_close(worker->dial);
    worker->dial = NULL;
}

/* ---- claim -------------------------------------------------------------- */

static bool take_claim(struct vch_fleet_worker *w, struct vch_str *ret_certificate, struct vch_str *ret_key) {
    struct vch_diag diag = {0};
    struct vch_val *answer = NULL;
    struct vch_str path = vch_arena_printf(w->arena, "/provisioning-templates/%s/provisioning-claim", w->template_name);
    enum vch_err err = vch_rest_call(w->rest, "POST", path, VCH_STR(""), w->arena, &answer, &diag);
    *ret_certificate = vch_val_str_at(answer, "certificatePem");
    *ret_key = vch_val_str_at(vch_val_get(answer, "keyPair"), "PrivateKey");
    if (err == VCH_OK && ret_certificate->len && ret_key->len) return true;
    vch_causes_add(w->causes, "claim: %s", diag.message[0] ? diag.message : "not a claim");
    return false;
}

/* ---- provisioning ------------------------------------------------------- */

struct run {
    struct vch_fleet_worker *worker;
    struct vch_fleet_identity *identity;
    struct vch_str own_key;
    int64_t last_us;
};

static void lap(struct run *run, enum vch_phase phase) {
    int64_t now = vch_mono_us();
    vch_series_add(&run->worker->phases[phase], now - run->last_us);
    run->last_us = now;
}

static int on_save(void *arg, const struct vch_device_identity *identity) {
    struct run *run = arg;
    struct vch_arena *arena = run->worker->arena;
    lap(run, VCH_PHASE_CREATE);
    run->identity->certificate = vch_arena_str(arena, vch_str_from(identity->certificate_pem));
    run->identity->key =
        identity->private_key_pem ? vch_arena_str(arena, vch_str_from(identity->private_key_pem)) : run->own_key;
    return run->identity->certificate.len && run->identity->key.len ? 0 : 1;
}

static bool exchange(struct run *run, const char *thing_name, const char *csr) {
    struct vch_fleet_worker *w = run->worker;
    struct vch_device_provisioned done;
    const struct vch_device_pair pair = {"ThingName", thing_name};
    const struct vch_device_provision p = {.template_name = w->template_name,
                                           .csr_pem = csr,
                                           .parameters = &pair,
                                           .parameter_count = 1,
                                           .save = on_save,
                                           .arg = run};
    enum vch_device_status status = vch_device_provision(&w->device, &p, &done);
    if (status != VCH_DEVICE_OK) return failed(w, vch_device_stage_word(w->device.failure.stage), status);
    lap(run, VCH_PHASE_REGISTER);
    (void)vch_str_copy(run->identity->thing_name, sizeof run->identity->thing_name,
                       vch_str_from(done.thing_name[0] ? done.thing_name : thing_name));
    vch_fleet_disconnect(w);
    return true;
}

static bool prepare_key(struct vch_fleet_worker *w, struct run *run, struct vch_str *ret_request) {
    if (!w->csr || vch_fleet_make_request(w->arena, &run->own_key, ret_request) == VCH_OK) return true;
    vch_causes_add(w->causes, "key: could not be made");
    return false;
}

bool vch_fleet_provision(struct vch_fleet_worker *worker, const char *thing_name, struct vch_fleet_identity *ret) {
    struct run run = {.worker = worker, .identity = ret};
    struct vch_str certificate, key, request = {0};
    if (!prepare_key(worker, &run, &request)) return false;
    int64_t start = run.last_us = vch_mono_us();
    if (!take_claim(worker, &certificate, &key)) return false;
    lap(&run, VCH_PHASE_CLAIM);
    if (!vch_fleet_connect(worker, certificate, key, thing_name, "claim-connect")) return false;
    lap(&run, VCH_PHASE_CLAIM_CONNECT);
    if (!exchange(&run, thing_name, request.ptr)) return false;
    run.last_us = vch_mono_us();
    if (!vch_fleet_connect(worker, ret->certificate, ret->key, ret->thing_name, "reconnect")) return false;
    lap(&run, VCH_PHASE_RECONNECT);
    vch_series_add(&worker->phases[VCH_PHASE_ALL], vch_mono_us() - start);
    vch_fleet_disconnect(worker);
    return true;
}
