#include "fleet/load.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "fleet/load_priv.h"
#include "fleet/summary.h"

enum { STEP_MS = 5, BAR_MS = 100, QUIET_US = 1000000, DRAIN_US = 15000000, DESCRIPTORS_SPARE = 256 };

/* ---- the plan ------------------------------------------------------------------- */

static uint32_t or_else(int64_t value, uint32_t otherwise) {
    return value ? (uint32_t)value : otherwise;
}

static uint32_t default_window(const struct vch_load_plan *plan) {
    enum { UNACKNOWLEDGED = 20, UNDER_WAY = 1000 };
    uint32_t each = UNDER_WAY / plan->publishers;
    return plan->qos > 0 || each < UNACKNOWLEDGED ? UNACKNOWLEDGED : each;
}

void vch_load_plan_make(const struct vch_fleet_options *o, struct vch_load_plan *ret) {
    bool fan = o->mode == VCH_FLEET_FAN, publish = fan || o->mode == VCH_FLEET_PUBLISH;
    *ret = (struct vch_load_plan){.mode = publish ? VCH_FLEET_PUBLISH : o->mode,
                                  .level = o->mqtt == 5 ? 5 : 4,
                                  .qos = (uint8_t)o->qos,
                                  .opening_max = (uint32_t)o->concurrency,
                                  .payload = or_else(o->payload, 100),
                                  .rate = o->rate,
                                  .run_us = o->seconds * 1000000,
                                  .gather = o->gather,
                                  .quiet = o->json || !isatty(STDERR_FILENO)};
    if (publish) {
        ret->publishers = or_else(o->publishers, 1);
        ret->subscribers = or_else(o->subscribers, fan ? 50 : 1);
        ret->window = or_else(o->window, default_window(ret));
        ret->connections = ret->publishers + ret->subscribers;
    } else {
        ret->connections = (uint32_t)(o->mode == VCH_FLEET_CONNECT ? o->concurrency : o->devices);
        ret->count_max = o->mode == VCH_FLEET_CONNECT ? o->devices : 0;
    }
    ret->threads = or_else(o->threads, 1);
    if (ret->threads > ret->connections) ret->threads = ret->connections;
    ret->opening_max = (ret->opening_max + ret->threads - 1) / ret->threads;
}

/* ---- making and ending ------------------------------------------------------------ */

static bool make_conn(struct vch_load_thread *t, struct vch_load_conn *conn, uint32_t index) {
    const struct vch_load_plan *plan = t->run->plan;
    *conn = (struct vch_load_conn){.thread = t, .number = index, .window = plan->window};
    if (plan->mode != VCH_FLEET_PUBLISH) return true;
    /* Subscribers come first, so that a thread opens its own before its publishers. */
    if (index < plan->subscribers) {
        conn->role = LOAD_SUBSCRIBER;
        conn->seen = calloc(plan->publishers, sizeof *conn->seen);
        return conn->seen != NULL;
    }
    conn->role = LOAD_PUBLISHER;
    conn->number = index - plan->subscribers;
    conn->publisher = calloc(1, sizeof *conn->publisher);
    t->publishers[t->publisher_count++] = conn;
    return conn->publisher && load_packet_template(conn);
}

/* Connection i belongs to thread i modulo their number. */
static bool make_thread(struct vch_load_run *run, struct vch_load_thread *t, uint32_t position) {
    const struct vch_load_plan *plan = run->plan;
    uint32_t count = (plan->connections - position + plan->threads - 1) / plan->threads;
    t->run = run;
    t->epoll = epoll_create1(EPOLL_CLOEXEC);
    t->scratch = malloc(LOAD_MEMORY);
    t->conns = calloc(count, sizeof *t->conns);
    t->publishers = calloc(count, sizeof(struct vch_load_conn *));
    if (t->epoll < 0 || !t->scratch || !t->conns || !t->publishers) return false;
    bool made = true;
    for (; made && t->count < count; t->count++) /* one that failed half way is counted, to be freed */
        made = make_conn(t, &t->conns[t->count], position + t->count * plan->threads);
    return made;
}

static void free_conn(struct vch_load_conn *conn, uint32_t publishers) {
    for (uint32_t i = 0; conn->seen && i < publishers; i++) vch_seen_deinit(&conn->seen[i]);
    if (conn->publisher) vch_seen_deinit(&conn->publisher->acknowledged);
    free(conn->seen);
    free(conn->publisher);
    free(conn->packet);
    vch_buf_deinit(&conn->out);
    vch_buf_deinit(&conn->in);
}

static void free_thread(struct vch_load_thread *t) {
    for (uint32_t i = 0; t->conns && i < t->count; i++) free_conn(&t->conns[i], t->run->plan->publishers);
    free(t->conns);
    free(t->publishers);
    free(t->scratch);
    if (t->run && t->epoll >= 0) (void)close(t->epoll);
}

static void raise_limit(uint32_t wanted) {
    struct rlimit limit;
    rlim_t need = (rlim_t)wanted + DESCRIPTORS_SPARE;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need) return;
    limit.rlim_cur = limit.rlim_max < need ? limit.rlim_max : need;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* ---- leading ----------------------------------------------------------------------- */

static void draw(struct vch_load_run *run, int64_t since_us) {
    const struct vch_load_plan *plan = run->plan;
    int64_t elapsed = vch_mono_us() - since_us;
    if (plan->quiet) return;
    if (plan->mode == VCH_FLEET_PUBLISH && atomic_load(&run->phase) != LOAD_OPENING)
        vch_summary_bar(
            stderr, (int64_t)atomic_load(&run->received),
            elapsed > 0 ? (int64_t)((double)atomic_load(&run->received) * (double)plan->run_us / (double)elapsed) : 0,
            atomic_load(&run->failed), elapsed);
    else
        vch_summary_bar(stderr, atomic_load(&run->connected), plan->count_max ? plan->count_max : plan->connections,
                        atomic_load(&run->failed), elapsed);
}

static bool all_open(struct vch_load_run *run) {
    return atomic_load(&run->ready) + atomic_load(&run->gone) >= run->plan->connections;
}

static bool all_done(struct vch_load_run *run) {
    const struct vch_load_plan *plan = run->plan;
    if (plan->mode != VCH_FLEET_CONNECT) return atomic_load(&run->gone) >= plan->connections;
    return atomic_load(&run->gone) >= plan->connections ||
           (plan->count_max && atomic_load(&run->connected) + atomic_load(&run->failed) >= plan->count_max);
}

static bool all_quiet(struct vch_load_run *run) {
    if (atomic_load(&run->still) < run->plan->threads) return false;
    uint64_t sent = atomic_load(&run->sent);
    bool acknowledged = run->plan->qos == 0 || atomic_load(&run->acknowledged) >= sent;
    int64_t last = atomic_load(&run->moved_us), stop = atomic_load(&run->stop_us);
    if (run->plan->mode == VCH_FLEET_CONNECT) return atomic_load(&run->opening) <= 0;
    if (acknowledged && atomic_load(&run->received) >= sent * run->plan->subscribers) return true;
    return vch_mono_us() - (last > stop ? last : stop) > QUIET_US;
}

static void wait_until(struct vch_load_run *run, bool (*done)(struct vch_load_run *run), int64_t since_us,
                       int64_t until_us) {
    int64_t now = vch_mono_us(), drawn = now;
    for (; !done(run) && now < until_us; now = vch_mono_us()) {
        int64_t left_ms = (until_us - now) / 1000 + 1;
        (void)poll(NULL, 0, left_ms < STEP_MS ? (int)left_ms : STEP_MS);
        if (now - drawn < BAR_MS * 1000) continue;
        draw(run, since_us);
        drawn = now;
    }
}

static void lead(struct vch_load_run *run, int64_t pid, struct vch_load_result *ret) {
    const struct vch_load_plan *plan = run->plan;
    int64_t begun = vch_mono_us();
    bool idle = plan->mode == VCH_FLEET_IDLE;
    if (idle) vch_usage_read(pid, &ret->before);
    if (plan->mode != VCH_FLEET_CONNECT) wait_until(run, all_open, begun, INT64_MAX);
    ret->wall_us = vch_mono_us() - begun;
    if (!idle) vch_usage_read(pid, &ret->before);
    int64_t start = vch_mono_us();
    atomic_store(&run->start_us, start);
    atomic_store(&run->moved_us, start);
    atomic_store(&run->phase, LOAD_RUNNING);
    wait_until(run, all_done, start, plan->run_us ? start + plan->run_us : INT64_MAX);
    int64_t stop = vch_mono_us();
    if (idle) vch_usage_read(pid, &ret->after);
    atomic_store(&run->stop_us, stop);
    atomic_store(&run->phase, LOAD_DRAINING);
    if (!idle) {
        wait_until(run, all_quiet, start, stop + DRAIN_US);
        ret->wall_us = (plan->mode == VCH_FLEET_CONNECT ? vch_mono_us() : stop) - start;
        vch_usage_read(pid, &ret->after);
    }
    draw(run, start);
    if (!plan->quiet) (void)fputs("\n", stderr);
    atomic_store(&run->phase, LOAD_STOPPED);
}

/* ---- counting ----------------------------------------------------------------------- */

static void count_publisher(const struct vch_load_run *run, struct vch_load_thread *threads,
                            const struct vch_load_conn *publisher, struct vch_load_result *ret) {
    const struct vch_load_plan *plan = run->plan;
    ret->sent += publisher->publisher->sent;
    ret->acknowledged += publisher->publisher->acknowledged.count;
    for (uint32_t s = 0; s < plan->subscribers; s++) {
        const struct vch_load_conn *subscriber = &threads[s % plan->threads].conns[s / plan->threads];
        const struct vch_seen *seen = &subscriber->seen[publisher->number];
        ret->received += seen->count;
        ret->duplicates += seen->repeats;
        ret->expected += publisher->publisher->sent;
        ret->acknowledged_lost += vch_seen_missing(&publisher->publisher->acknowledged, seen);
    }
}

static void count(const struct vch_load_run *run, struct vch_load_thread *threads, struct vch_load_result *ret) {
    ret->connected = run->connected;
    ret->failed = run->failed;
    for (uint32_t i = 0; i < run->plan->threads; i++) {
        vch_histogram_merge(&ret->connect, &threads[i].connect);
        vch_histogram_merge(&ret->latency, &threads[i].latency);
        for (uint32_t p = 0; p < threads[i].publisher_count; p++)
            count_publisher(run, threads, threads[i].publishers[p], ret);
    }
    ret->lost = ret->expected - ret->received;
}

static bool start_threads(struct vch_load_run *run, struct vch_load_thread *threads, uint32_t *ret_started) {
    for (*ret_started = 0; *ret_started < run->plan->threads; (*ret_started)++) {
        struct vch_load_thread *t = &threads[*ret_started];
        if (pthread_create(&t->id, NULL, load_thread_main, t) != 0) return false;
    }
    return true;
}

bool vch_load_run(const struct vch_load_plan *plan, const struct vch_link_target *target, const char *name, int64_t pid,
                  struct vch_causes *causes, struct vch_load_result *ret, struct vch_diag *diag) {
    struct vch_load_run run = {.plan = plan, .target = target, .causes = causes};
    struct vch_load_thread *threads = calloc(plan->threads, sizeof *threads);
    uint32_t started = 0;
    bool ok = threads != NULL;
    *ret = (struct vch_load_result){0};
    (void)vch_str_copy(run.name, sizeof run.name, vch_str_from(name));
    vch_random((uint8_t *)&run.tag, sizeof run.tag);
    raise_limit(plan->connections);
    for (uint32_t i = 0; ok && i < plan->threads; i++) ok = make_thread(&run, &threads[i], i);
    ok = ok && start_threads(&run, threads, &started);
    if (ok)
        lead(&run, pid, ret);
    else
        (void)vch_diag_set(diag, VCH_ERR_NOMEM, "memory", "", "Memory is out, or threads cannot be started.");
    atomic_store(&run.phase, LOAD_STOPPED);
    for (uint32_t i = 0; i < started; i++) (void)pthread_join(threads[i].id, NULL);
    if (ok) count(&run, threads, ret);
    for (uint32_t i = 0; threads && i < plan->threads; i++) free_thread(&threads[i]);
    free(threads);
    return ok;
}
