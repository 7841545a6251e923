/* One thread writes. It takes every plan that waits into one transaction, a
 * savepoint each, so that all of them share one flush; their callers sleep
 * until it is durable. */
#include <semaphore.h>
#include <string.h>
#include <time.h>

#include "store/ear_priv.h"
#include "store/store_priv.h"

enum { BATCH_MAX = 512, ATTEMPTS_MAX = 4, COMPANY = 3, GATHER_US = 250 };

struct vch_job {
    struct vch_job *next;
    const struct vch_plan *plan;
    sem_t finished; /* of its own: waking many by the queue's lock would have them queue for it again */
    enum vch_err err;
    struct vch_diag diag;
};

struct batch {
    struct vch_job *jobs;
    int64_t plans, refused;
    enum vch_err err; /* of the whole batch */
    bool committing;
    struct vch_ledger_head head;
};

static enum vch_err control(struct vch_store *s, enum vch_sql_control what, struct vch_diag *diag) {
    return s->db->driver->control(s->db, what, diag);
}

/* INTERNAL is a plan that the database will not have, such as a value of the
 * wrong type: its neighbours go on without it. */
static bool fails_batch(enum vch_err err) {
    return vch_sql_outage(err) && err != VCH_ERR_INTERNAL;
}

static enum vch_err run_steps(struct vch_store *s, struct vch_job *job, struct vch_ledger_head *head) {
    struct vch_apply apply = {.db = s->db, .changes = &s->changes, .head = *head, .diag = &job->diag};
    for (const struct vch_step *step = job->plan->first; step; step = step->next) VCH_TRY(step->run(&apply, step));
    *head = apply.head;
    return VCH_OK;
}

/* The plan's own fate goes to the job; what is returned is the batch's. */
static enum vch_err apply_one(struct vch_store *s, struct vch_job *job, struct batch *batch) {
    size_t changes = s->changes.count;
    VCH_TRY(control(s, VCH_SQL_SAVEPOINT, &job->diag));
    job->err = run_steps(s, job, &batch->head);
    if (job->err == VCH_OK) return control(s, VCH_SQL_RELEASE, &job->diag);
    if (fails_batch(job->err)) return job->err;
    s->changes.count = changes;
    batch->refused++;
    return control(s, VCH_SQL_ROLLBACK_TO, &job->diag);
}

static void sleep_us(int64_t delay_us) {
    struct timespec t = {delay_us / 1000000, (long)(delay_us % 1000000) * 1000};
    if (delay_us > 0) (void)nanosleep(&t, NULL);
}

/* A database behind a network may have gone, and come back, since the last batch. */
static enum vch_err have_connection(struct vch_store *s, struct vch_diag *diag) {
    const struct vch_sql_driver *driver = s->driver;
    if (s->db && (!driver->alive || (!s->db->failed && driver->alive(s->db)))) return VCH_OK;
    driver->close(s->db);
    return vch_store_connect(s, true, &s->db, diag);
}

static enum vch_err apply_all(struct vch_store *s, struct batch *batch, struct vch_diag *diag) {
    VCH_TRY(have_connection(s, diag));
    VCH_TRY(control(s, VCH_SQL_BEGIN_WRITE, diag));
    for (struct vch_job *job = batch->jobs; job; job = job->next) {
        enum vch_err err = apply_one(s, job, batch);
        if (err == VCH_OK) continue;
        *diag = job->diag;
        return err;
    }
    if (batch->refused == batch->plans) return control(s, VCH_SQL_ROLLBACK, diag);
    sleep_us(s->commit_delay_us);
    VCH_TRY(vch_ear_announce(s, s->db, &s->changes, diag));
    batch->committing = true;
    return control(s, VCH_SQL_COMMIT, diag);
}

/* What a plan was told inside a transaction that failed is not true: a refusal
 * may rest on a neighbour that was not written. */
static void fail_all(struct batch *batch, enum vch_err err, const struct vch_diag *diag) {
    for (struct vch_job *job = batch->jobs; job; job = job->next) {
        job->err = err;
        job->diag = *diag;
    }
}

static void start_over(struct vch_store *s, struct batch *batch) {
    vch_changes_clear(&s->changes);
    batch->refused = 0;
    batch->committing = false;
    batch->head = (struct vch_ledger_head){0};
    fail_all(batch, VCH_OK, &(const struct vch_diag){0});
}

/* A transaction that collided with another, or whose connection broke before
 * its commit was sent, left nothing and may be tried again. */
static bool worth_trying_again(const struct vch_store *s, const struct batch *batch, int attempts) {
    if (!s->driver->alive || !s->db || attempts >= ATTEMPTS_MAX) return false;
    return s->db->again || (s->db->failed && !batch->committing);
}

static enum vch_err try_batch(struct vch_store *s, struct batch *batch, struct vch_diag *diag) {
    for (int attempts = 1;; attempts++) {
        start_over(s, batch);
        vch_diag_clear(diag);
        enum vch_err err = apply_all(s, batch, diag);
        if (err == VCH_OK) return VCH_OK;
        bool again = worth_trying_again(s, batch, attempts);
        if (s->db) (void)control(s, VCH_SQL_ROLLBACK, NULL);
        if (!again) return err;
    }
}

static void run_batch(struct vch_store *s, struct batch *batch) {
    struct vch_diag diag = {0};
    batch->err = try_batch(s, batch, &diag);
    if (batch->err == VCH_OK) vch_changes_tell(&s->changes, vch_store_tell, s);
    else fail_all(batch, batch->err, &diag);
    vch_ear_settle(s, batch->err == VCH_OK);
}

static int64_t thread_cpu_us(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void count_batch(struct vch_store *s, const struct batch *batch) {
    struct vch_store_stats *stats = &s->stats;
    bool ok = batch->err == VCH_OK;
    stats->plans += batch->plans;
    stats->refused += ok ? batch->refused : 0;
    stats->failed += ok ? 0 : batch->plans;
    stats->commits += ok && batch->refused < batch->plans;
    if (batch->plans > stats->largest_batch) stats->largest_batch = batch->plans;
    stats->writer_cpu_us = thread_cpu_us();
    if (!ok || !batch->head.known) return;
    s->ledger_seq = batch->head.seq;
    memcpy(s->ledger_hash, batch->head.hash, sizeof s->ledger_hash);
}

/* A job is its caller's again, and perhaps gone, once it is posted. */
static void wake_callers(struct batch *batch) {
    struct vch_job *job = batch->jobs;
    while (job) {
        struct vch_job *next = job->next;
        (void)sem_post(&job->finished);
        job = next;
    }
}

/* Plans that came in company will have company again: a moment's patience then
 * saves a flush and the pages that neighbours share. One that came alone is not kept waiting. */
static void gather(struct vch_store *s, int64_t company) {
    if (company < COMPANY || s->stopping) return;
    (void)pthread_mutex_unlock(&s->lock);
    sleep_us(GATHER_US);
    (void)pthread_mutex_lock(&s->lock);
}

static struct batch take_batch(struct vch_store *s) {
    struct batch batch = {.jobs = s->first};
    struct vch_job *job = s->first, *last = NULL;
    for (; job && batch.plans < BATCH_MAX; job = job->next) {
        last = job;
        batch.plans++;
    }
    s->first = job;
    if (!job) s->last = NULL;
    if (last) last->next = NULL;
    return batch;
}

static void *write_loop(void *arg) {
    struct vch_store *s = arg;
    int64_t company = 0;
    (void)pthread_mutex_lock(&s->lock);
    for (;;) {
        while (!s->first && !s->stopping) (void)pthread_cond_wait(&s->wake, &s->lock);
        gather(s, company);
        struct batch batch = take_batch(s);
        if (!batch.jobs) break;
        company = batch.plans;
        (void)pthread_mutex_unlock(&s->lock);
        run_batch(s, &batch);
        (void)pthread_mutex_lock(&s->lock);
        count_batch(s, &batch);
        (void)pthread_mutex_unlock(&s->lock);
        wake_callers(&batch);
        (void)pthread_mutex_lock(&s->lock);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}

enum vch_err vch_writer_start(struct vch_store *s, struct vch_diag *diag) {
    if (pthread_create(&s->writer, NULL, write_loop, s) != 0)
        return VCH_REFUSE(diag, VCH_ERR_UNAVAILABLE, STORE_FAILED, "", "The store's thread could not be started.");
    s->writer_runs = true;
    return VCH_OK;
}

void vch_writer_stop(struct vch_store *s) {
    if (!s->writer_runs) return;
    (void)pthread_mutex_lock(&s->lock);
    s->stopping = true;
    (void)pthread_cond_signal(&s->wake);
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_join(s->writer, NULL);
    s->writer_runs = false;
}

static bool enqueue(struct vch_store *s, struct vch_job *job) {
    (void)pthread_mutex_lock(&s->lock);
    bool accepted = !s->stopping;
    if (accepted) {
        bool idle = !s->first;
        if (s->last) s->last->next = job;
        else s->first = job;
        s->last = job;
        if (idle) (void)pthread_cond_signal(&s->wake);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return accepted;
}

enum vch_err vch_store_apply(struct vch_store *s, struct vch_plan *plan, struct vch_diag *diag) {
    if (!plan || plan->failed)
        return VCH_REFUSE(diag, VCH_ERR_NOMEM, STORE_FAILED, "", "The plan does not fit into the request's memory.");
    if (!plan->first) return VCH_OK;
    struct vch_job job = {.plan = plan};
    (void)sem_init(&job.finished, 0, 0);
    bool accepted = enqueue(s, &job);
    while (accepted && sem_wait(&job.finished) != 0) continue; /* EINTR */
    (void)sem_destroy(&job.finished);
    if (!accepted) return VCH_REFUSE(diag, VCH_ERR_UNAVAILABLE, STORE_FAILED, "", "The store is closing.");
    if (diag && !diag->reason) *diag = job.diag;
    return job.err;
}

void vch_store_stats(struct vch_store *s, struct vch_store_stats *ret) {
    (void)pthread_mutex_lock(&s->lock);
    *ret = s->stats;
    (void)pthread_mutex_unlock(&s->lock);
}
