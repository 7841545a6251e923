#include <stdlib.h>

#include "base/clock.h"
#include "fleet/run.h"

struct job {
    struct vch_fleet_run *run;
    struct vch_fleet_worker worker;
};

static bool take_next(struct vch_fleet_run *run, int64_t *ret_index) {
    if (run->stop_us && vch_mono_us() >= run->stop_us) return false;
    *ret_index = atomic_fetch_add(&run->next, 1);
    return *ret_index < run->options->devices;
}

static void *work(void *arg) {
    struct job *job = arg;
    struct vch_fleet_run *run = job->run;
    int64_t index;
    while (take_next(run, &index)) {
        char name[64];
        struct vch_fleet_identity identity = {0};
        (void)snprintf(name, sizeof name, "fleet-%s-%lld", run->name, (long long)index);
        bool ok = vch_fleet_provision(&job->worker, name, &identity);
        atomic_fetch_add(ok ? &run->done : &run->failed, 1);
        vch_arena_reset(job->worker.arena);
    }
    return NULL;
}

static void collect(struct vch_fleet_summary *summary, struct job *jobs, int64_t count) {
    for (int i = 0; i < VCH_PHASE_COUNT; i++) {
        for (int64_t j = 0; j < count; j++) vch_series_merge(&summary->phases[i], &jobs[j].worker.phases[i]);
        vch_series_sort(&summary->phases[i]);
    }
}

static bool ready(struct vch_fleet_run *run, struct job *jobs, int64_t count) {
    bool ok = true;
    for (int64_t i = 0; i < count; i++) {
        jobs[i].run = run;
        ok =
            vch_fleet_worker_init(&jobs[i].worker, run->site, run->template_name, run->options->csr, run->causes) && ok;
    }
    return ok;
}

bool vch_run_provision(struct vch_fleet_run *run, struct vch_fleet_summary *summary, struct vch_diag *diag) {
    int64_t count = run->options->concurrency;
    struct job *jobs = calloc((size_t)count, sizeof *jobs);
    bool ok = jobs && ready(run, jobs, count);
    if (ok) {
        vch_usage_read(run->site->pid, &summary->before);
        run->start_us = vch_mono_us();
        run->stop_us = run->options->seconds ? run->start_us + run->options->seconds * 1000000 : 0;
        ok = vch_run_threads(run, count, work, jobs, sizeof *jobs);
        summary->wall_us = vch_mono_us() - run->start_us;
        vch_usage_read(run->site->pid, &summary->after);
        collect(summary, jobs, count);
    }
    if (!ok) (void)vch_diag_set(diag, VCH_ERR_NOMEM, "threads", "", "The threads could not be started.");
    for (int64_t i = 0; jobs && i < count; i++) vch_fleet_worker_deinit(&jobs[i].worker);
    free(jobs);
    return ok;
}
