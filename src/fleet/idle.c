/* Many connections of one identity, under client ids of their own. */
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "fleet/run.h"

struct shared {
    struct vch_fleet_identity identity;
    struct vch_dial **dials; /* one for each connection */
};

struct job {
    struct vch_fleet_run *run;
    struct shared *shared;
    struct vch_fleet_worker worker;
};

static void *work(void *arg) {
    struct job *job = arg;
    struct vch_fleet_run *run = job->run;
    const struct vch_fleet_identity *identity = &job->shared->identity;
    for (int64_t i = atomic_fetch_add(&run->next, 1); i < run->options->devices; i = atomic_fetch_add(&run->next, 1)) {
        char id[64];
        int64_t start = vch_mono_us();
        (void)snprintf(id, sizeof id, "fleet-idle-%s-%lld", run->name, (long long)i);
        bool ok = vch_fleet_connect(&job->worker, identity->certificate, identity->key, id, "connect");
        atomic_fetch_add(ok ? &run->done : &run->failed, 1);
        if (!ok) continue;
        vch_series_add(&job->worker.phases[VCH_PHASE_RECONNECT], vch_mono_us() - start);
        job->shared->dials[i] = job->worker.dial; /* kept; the worker goes on without it */
        job->worker.dial = NULL;
    }
    return NULL;
}

static void raise_limit(int64_t wanted) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    rlim_t need = (rlim_t)wanted + 256;
    if (limit.rlim_cur >= need) return;
    limit.rlim_cur = limit.rlim_max < need ? limit.rlim_max : need;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* The first connections pay for what the server keeps once: they are not counted. */
static bool warm_up(struct vch_fleet_worker *w, struct shared *shared, const struct vch_fleet_run *run) {
    char name[64];
    (void)snprintf(name, sizeof name, "fleet-%s-idle", run->name);
    if (!vch_fleet_provision(w, name, &shared->identity)) return false;
    for (int i = 0; i < 8; i++) {
        if (!vch_fleet_connect(w, shared->identity.certificate, shared->identity.key, shared->identity.thing_name,
                               "connect"))
            return false;
        vch_fleet_disconnect(w);
    }
    return true;
}

static bool connect_all(struct vch_fleet_run *run, struct shared *shared, struct vch_fleet_summary *summary) {
    int64_t count = run->options->concurrency;
    struct job *jobs = calloc((size_t)count, sizeof *jobs);
    bool ok = jobs != NULL;
    for (int64_t i = 0; jobs && i < count; i++) {
        jobs[i].run = run;
        jobs[i].shared = shared;
        ok = vch_fleet_worker_init(&jobs[i].worker, run->site, run->template_name, false, run->causes) && ok;
    }
    if (ok) {
        vch_usage_read(run->site->pid, &summary->before);
        run->start_us = vch_mono_us();
        ok = vch_run_threads(run, count, work, jobs, sizeof *jobs);
        summary->wall_us = vch_mono_us() - run->start_us;
    }
    for (int64_t i = 0; jobs && i < count; i++) {
        vch_series_merge(&summary->phases[VCH_PHASE_RECONNECT], &jobs[i].worker.phases[VCH_PHASE_RECONNECT]);
        vch_fleet_worker_deinit(&jobs[i].worker);
    }
    vch_series_sort(&summary->phases[VCH_PHASE_RECONNECT]);
    free(jobs);
    return ok;
}

static void hold(const struct vch_fleet_run *run, struct vch_fleet_summary *summary) {
    (void)poll(NULL, 0, (int)(run->options->seconds > 86400 ? 86400 : run->options->seconds) * 1000);
    vch_usage_read(run->site->pid, &summary->after);
    int64_t done = atomic_load(&run->done);
    int64_t grown = (summary->after.rss_kib - summary->before.rss_kib) * 1024;
    summary->idle_bytes = done > 0 && summary->after.processes ? grown / done : 0;
}

bool vch_run_idle(struct vch_fleet_run *run, struct vch_fleet_summary *summary, struct vch_diag *diag) {
    struct shared shared = {.dials = calloc((size_t)run->options->devices, sizeof *shared.dials)};
    struct vch_fleet_worker first;
    raise_limit(run->options->devices);
    bool ok =
        vch_fleet_worker_init(&first, run->site, run->template_name, run->options->csr, run->causes) && shared.dials;
    if (!ok) (void)vch_diag_set(diag, VCH_ERR_NOMEM, "memory", "", "Memory is out.");
    if (ok && !warm_up(&first, &shared, run)) {
        ok = false;
        (void)vch_diag_set(diag, VCH_ERR_UNAVAILABLE, "provision", "", "No identity could be provisioned: %s",
                           run->causes->count ? run->causes->rows[0].text : "?");
    }
    if (ok && !connect_all(run, &shared, summary)) {
        ok = false;
        (void)vch_diag_set(diag, VCH_ERR_NOMEM, "threads", "", "The threads could not be started.");
    }
    if (ok) hold(run, summary);
    for (int64_t i = 0; shared.dials && i < run->options->devices; i++) vch_dial_close(shared.dials[i]);
    vch_fleet_worker_deinit(&first);
    free(shared.dials);
    return ok;
}
