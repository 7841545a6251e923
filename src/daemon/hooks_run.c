#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/sanitized.h"
#include "core/reason.h"
#include "daemon/hooks.h"
#include "daemon/hooks_priv.h"
#include "daemon/jail.h"

/* NICE: handshakes of hooks come behind the server's own work. */
enum { NICE = 5, CALLS_MAX = 2000, QUESTIONS_MAX = 64, LOOK_MS = 1000, ORDERS_A_ROUND = 256, CONNECTIONS_KEPT = 64, PATHS_MAX = 80 };

/* All orders of one hook: they wait for each other and for nobody else. */
struct vch_hooks_group {
    struct vch_hooks_group *next;
    char name[260]; /* kind and name */
    enum vch_hook_kind kind;
    struct vch_hooks_job *first, **last;
    size_t running;
};

/* ---- groups ---------------------------------------------------------------- */

static struct vch_hooks_group *group_of(struct vch_hooks_process *p, const struct vch_hook_order *order) {
    struct vch_hooks_group *g = p->groups;
    while (g && (g->kind != order->kind || !vch_str_eq_c(order->name, g->name))) g = g->next;
    if (g) return g;
    g = calloc(1, sizeof *g);
    if (!g || !vch_str_copy(g->name, sizeof g->name, order->name)) {
        free(g);
        return NULL;
    }
    g->kind = order->kind;
    g->last = &g->first;
    g->next = p->groups;
    p->groups = g;
    return g;
}

static void free_idle_groups(struct vch_hooks_process *p) {
    for (struct vch_hooks_group **at = &p->groups; *at;) {
        struct vch_hooks_group *g = *at;
        if (g->first || g->running) {
            at = &g->next;
            continue;
        }
        *at = g->next;
        free(g);
    }
}

static struct vch_hooks_job *take_first(struct vch_hooks_group *g) {
    struct vch_hooks_job *job = g->first;
    g->first = job->next;
    if (!g->first) g->last = &g->first;
    return job;
}

/* ---- the life of an order --------------------------------------------------- */

static void free_job(struct vch_hooks_job *job) {
    vch_wipe(job->datagram, job->datagram_len);
    free(job->datagram);
    vch_buf_deinit(&job->answer);
    free(job);
}

static void send_answer(struct vch_hooks_process *p, const struct vch_hooks_job *job, enum vch_hook_end end, int64_t code,
                        struct vch_str text) {
    const struct vch_hook_result result = {
        .end = end, .code = code, .duration_us = vch_mono_us() - job->begun_us, .answer = end == VCH_HOOK_ANSWERED ? text : VCH_STR(""),
        .said = vch_str_of(job->said, job->said_len)};
    struct vch_buf buf;
    struct vch_str bytes;
    vch_buf_init_secret(&buf, VCH_HOOKS_DATAGRAM_MAX);
    vch_hooks_answer_encode(&result, job->tag, &buf);
    if (vch_buf_finish(&buf, &bytes) == VCH_OK) {
        ssize_t sent;
        do sent = send(p->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        while (sent < 0 && errno == EINTR);
    }
    vch_buf_deinit(&buf);
}

static void unlink_job(struct vch_hooks_process *p, struct vch_hooks_job *job) {
    *job->link = job->next;
    if (job->next) job->next->link = job->link;
    p->counts[job->order.kind]--;
    job->group->running--;
}

/* Tells how it ended and lets go of all but a program that is not gone yet. */
static void end_job(struct vch_hooks_process *p, struct vch_hooks_job *job, enum vch_hook_end end, int64_t code) {
    struct vch_str text = {NULL, 0};
    if (end == VCH_HOOK_ANSWERED && vch_buf_finish(&job->answer, &text) != VCH_OK) end = VCH_HOOK_TOO_LARGE;
    send_answer(p, job, end, code, text);
    vch_hooks_http_stop(p, job);
    vch_hooks_program_kill(job);
    job->state = VCH_HOOKS_DYING;
    p->looked_ms = 0;
    if (!vch_hooks_program_gone(job)) return;
    unlink_job(p, job);
    free_job(job);
}

static void start_job(struct vch_hooks_process *p, struct vch_hooks_job *job) {
    job->state = VCH_HOOKS_RUNNING;
    job->next = p->running;
    job->link = &p->running;
    if (job->next) job->next->link = &job->next;
    p->running = job;
    p->counts[job->order.kind]++;
    job->group->running++;
    enum vch_hook_end end =
        job->order.kind == VCH_HOOK_PROGRAM ? vch_hooks_program_start(p, job) : vch_hooks_http_start(p, job);
    if (end != VCH_HOOK_ANSWERED) end_job(p, job, end, 0);
}

/* One hook may hold three quarters of the places at most. */
static bool has_place(const struct vch_hooks_process *p, const struct vch_hooks_group *g) {
    return g->first && p->counts[g->kind] < p->limits[g->kind] && g->running < p->limits[g->kind] - p->limits[g->kind] / 4;
}

static bool may_run(struct vch_hooks_process *p, const struct vch_hooks_group *g) {
    return has_place(p, g) && (g->kind != VCH_HOOK_PROGRAM || vch_hooks_pace(p));
}

/* Round after round, one of each hook. */
static void start_waiting(struct vch_hooks_process *p) {
    p->held = false;
    for (bool any = true; any;) {
        any = false;
        for (struct vch_hooks_group *g = p->groups; g; g = g->next) {
            if (!may_run(p, g)) continue;
            start_job(p, take_first(g));
            any = true;
        }
    }
}

/* ---- orders ----------------------------------------------------------------- */

static struct vch_hooks_job *new_job(const char *datagram, size_t len) {
    struct vch_hooks_job *job = calloc(1, sizeof *job);
    char *copy = malloc(len + 1);
    if (!job || !copy) {
        free(job);
        free(copy);
        return NULL;
    }
    memcpy(copy, datagram, len);
    job->datagram = copy;
    job->datagram_len = len;
    job->pidfd = job->in = job->out = job->err = job->report = -1;
    job->begun_us = vch_mono_us();
    vch_buf_init_secret(&job->answer, VCH_HOOK_ANSWER_MAX);
    return job;
}

static void take_order(struct vch_hooks_process *p, const char *datagram, size_t len) {
    struct vch_hooks_job *job = new_job(datagram, len);
    if (!job) return; /* the front ends it when its time is over */
    enum vch_err err = vch_hooks_order_decode(vch_str_of(job->datagram, len), &job->order, &job->tag);
    job->group = err == VCH_OK ? group_of(p, &job->order) : NULL;
    if (!job->group) {
        send_answer(p, job, VCH_HOOK_FAILED, 0, VCH_STR(""));
        free_job(job);
        return;
    }
    job->deadline_ms = vch_mono_ms() + job->order.timeout_ms;
    *job->group->last = job;
    job->group->last = &job->next;
}

/* An empty datagram reads like an end; only an end hangs up. */
static bool peer_gone(int fd) {
    struct pollfd f = {.fd = fd, .events = POLLIN};
    return poll(&f, 1, 0) < 0 || (f.revents & (POLLHUP | POLLERR | POLLNVAL));
}

/* False: the front is gone. */
static bool take_orders(struct vch_hooks_process *p, char *datagram) {
    for (int i = 0; i < ORDERS_A_ROUND; i++) {
        /* One byte longer than allowed, so that too long is seen as too long. */
        ssize_t got = recv(p->fd, datagram, VCH_HOOKS_DATAGRAM_MAX + 1, MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno == EAGAIN;
        if (got == 0 && peer_gone(p->fd)) return false;
        take_order(p, datagram, (size_t)got);
    }
    return true;
}

/* ---- the loop --------------------------------------------------------------- */

static void expire_queued(struct vch_hooks_process *p, struct vch_hooks_group *g, int64_t now_ms) {
    struct vch_hooks_job **at = &g->first;
    while (*at) {
        struct vch_hooks_job *job = *at;
        if (job->deadline_ms > now_ms) {
            at = &job->next;
            continue;
        }
        *at = job->next;
        send_answer(p, job, VCH_HOOK_BUSY, 0, VCH_STR(""));
        free_job(job);
    }
    g->last = at;
}

static void expire(struct vch_hooks_process *p) {
    int64_t now_ms = vch_mono_ms();
    for (struct vch_hooks_group *g = p->groups; g; g = g->next) expire_queued(p, g, now_ms);
    for (struct vch_hooks_job *job = p->running, *next; job; job = next) {
        next = job->next;
        if (job->state == VCH_HOOKS_RUNNING && job->deadline_ms <= now_ms) end_job(p, job, VCH_HOOK_TIMEOUT, 0);
    }
}

static int64_t next_deadline(const struct vch_hooks_process *p, int64_t now_ms) {
    int64_t next = now_ms + (p->held ? 1 : LOOK_MS);
    for (const struct vch_hooks_job *job = p->running; job; job = job->next)
        if (job->state == VCH_HOOKS_RUNNING && job->deadline_ms < next) next = job->deadline_ms;
    for (const struct vch_hooks_group *g = p->groups; g; g = g->next)
        if (g->first && g->first->deadline_ms < next) next = g->first->deadline_ms;
    return next > now_ms ? next - now_ms : 0;
}

/* The socket, and the places of each program. libcurl adds its own. */
static size_t fill_poll(struct vch_hooks_process *p, struct curl_waitfd *fds) {
    size_t n = 0;
    fds[n++] = (struct curl_waitfd){.fd = p->fd, .events = CURL_WAIT_POLLIN};
    for (struct vch_hooks_job *job = p->running; job; job = job->next) {
        if (job->order.kind != VCH_HOOK_PROGRAM) continue;
        job->poll_at = n;
        fds[n++] = (struct curl_waitfd){.fd = job->in, .events = CURL_WAIT_POLLOUT};
        fds[n++] = (struct curl_waitfd){.fd = job->out, .events = CURL_WAIT_POLLIN};
        fds[n++] = (struct curl_waitfd){.fd = job->pidfd, .events = CURL_WAIT_POLLIN};
        fds[n++] = (struct curl_waitfd){.fd = job->err, .events = CURL_WAIT_POLLIN};
    }
    return n;
}

static void step_programs(struct vch_hooks_process *p, const struct curl_waitfd *fds) {
    for (struct vch_hooks_job *job = p->running, *next; job; job = next) {
        enum vch_hook_end end;
        int64_t code = 0;
        next = job->next;
        if (job->order.kind != VCH_HOOK_PROGRAM || !job->poll_at) continue;
        if (job->state == VCH_HOOKS_DYING) {
            if (!vch_hooks_program_gone(job)) continue;
            unlink_job(p, job);
            free_job(job);
        } else if (vch_hooks_program_step(job, &fds[job->poll_at], &end, &code)) {
            end_job(p, job, end, code);
        }
    }
}

static void step_calls(struct vch_hooks_process *p) {
    struct vch_hooks_job *job;
    enum vch_hook_end end;
    int64_t code = 0;
    int left;
    (void)curl_multi_perform(p->multi, &left);
    while ((job = vch_hooks_http_ended(p, &end, &code)) != NULL) end_job(p, job, end, code);
}

/* Those that left their program's group outlive it otherwise. */
static void look_for_strays(struct vch_hooks_process *p) {
    int64_t now_ms = vch_mono_ms();
    if (now_ms - p->looked_ms < LOOK_MS) return;
    p->looked_ms = now_ms;
    vch_hooks_strays_end(p);
}

static void serve(struct vch_hooks_process *p, struct curl_waitfd *fds, char *datagram) {
    bool there = true;
    while (there) {
        start_waiting(p);
        free_idle_groups(p);
        size_t count = fill_poll(p, fds);
        (void)curl_multi_poll(p->multi, fds, (unsigned)count, (int)next_deadline(p, vch_mono_ms()), NULL);
        step_programs(p, fds);
        step_calls(p);
        expire(p);
        look_for_strays(p);
        there = take_orders(p, datagram);
    }
}

/* The front is gone: nobody hears any more. */
static void drop_all(struct vch_hooks_process *p) {
    while (p->running) {
        struct vch_hooks_job *job = p->running;
        p->running = job->next;
        vch_hooks_http_stop(p, job);
        vch_hooks_program_kill(job);
        free_job(job);
    }
    for (struct vch_hooks_group *g; (g = p->groups) != NULL;) {
        while (g->first) free_job(take_first(g));
        p->groups = g->next;
        free(g);
    }
    vch_hooks_strays_end(p);
}

/* ---- becoming -------------------------------------------------------------- */

static enum vch_err failed(struct vch_diag *diag, const char *what) {
    return VCH_REFUSE(diag, VCH_ERR_IO, INTERNAL, "hooks-user", "The hooks process could not %s: %s.", what, strerror(errno));
}

/* Programs of others are not run as root unless that is asked for by name. */
static enum vch_err become_user(const char *name, struct vch_diag *diag) {
    if (geteuid() != 0 || !*name || strcmp(name, "root") == 0) return VCH_OK;
    const struct passwd *user = getpwnam(name);
    if (!user) return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_INVALID, "hooks-user", "There is no user %s.", name);
    if (setgroups(0, NULL) != 0 || setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
        setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
        return failed(diag, "become its user");
    return VCH_OK;
}

static void raise_descriptors(struct vch_hooks_process *p) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    size_t spare = limit.rlim_cur > 128 ? (size_t)limit.rlim_cur - 64 : 64;
    p->limits[VCH_HOOK_HTTPS] = spare / 2 < CALLS_MAX ? spare / 2 : CALLS_MAX;
    p->limits[VCH_HOOK_GET] = p->limits[VCH_HOOK_FORM] = QUESTIONS_MAX;
    if (p->limits[VCH_HOOK_PROGRAM] > spare / 8) p->limits[VCH_HOOK_PROGRAM] = spare / 8;
}

/* The system's own files, and what the configuration lists: never the data folder. */
static void jail_files(const struct vch_config *config) {
    static const char *const read_only[] = {"/etc", "/proc", "/sys/devices/system/cpu", "/run/systemd/resolve", "/run/nscd"};
    static const char *const executable[] = {"/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt", "/nix/store"};
    static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"};
    struct vch_jail_path paths[PATHS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < sizeof read_only / sizeof *read_only; i++) paths[n++] = (struct vch_jail_path){read_only[i], VCH_JAIL_READ};
    for (size_t i = 0; i < sizeof executable / sizeof *executable; i++)
        paths[n++] = (struct vch_jail_path){executable[i], VCH_JAIL_EXECUTE};
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) paths[n++] = (struct vch_jail_path){devices[i], VCH_JAIL_WRITE};
    for (size_t i = 0; i < config->hook_dirs.count && n < PATHS_MAX; i++)
        paths[n++] = (struct vch_jail_path){config->hook_dirs.items[i], VCH_JAIL_EXECUTE};
    for (size_t i = 0; i < config->hook_writes.count && n < PATHS_MAX; i++)
        paths[n++] = (struct vch_jail_path){config->hook_writes.items[i], VCH_JAIL_WRITE};
    vch_jail_files(paths, n);
}

static enum vch_err prepare(struct vch_hooks_process *p, struct vch_diag *diag) {
    p->owner = geteuid();
    p->limits[VCH_HOOK_PROGRAM] = (size_t)p->config->hook_programs;
    raise_descriptors(p);
    (void)setpriority(PRIO_PROCESS, 0, NICE);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(p->multi = curl_multi_init())) return VCH_ERR_NOMEM;
    (void)curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
    VCH_TRY(become_user(p->config->hooks_user, diag));
    /* What it starts must not find the keys of other hooks in its memory; and it ends with the front. */
    if (!VCH_SANITIZED) (void)prctl(PR_SET_DUMPABLE, 0);
    vch_hooks_strays_adopt();
    VCH_TRY(vch_hooks_folders_open(p));
    jail_files(p->config);
    VCH_TRY(vch_jail_calls(VCH_JAIL_STARTS_PROGRAMS, diag));
    if (p->folder_count) vch_hooks_bound_choose(p, geteuid() != p->owner);
    return VCH_OK;
}

enum vch_err vch_hooks_run(int fd, const struct vch_config *config, struct vch_diag *diag) {
    const char ready = VCH_HOOKS_READY;
    struct vch_hooks_process p = {.fd = fd, .config = config};
    enum vch_err err = prepare(&p, diag);
    struct curl_waitfd *fds = calloc(1 + VCH_HOOKS_PLACES * (p.limits[VCH_HOOK_PROGRAM] + 1), sizeof *fds);
    char *datagram = malloc(VCH_HOOKS_DATAGRAM_MAX + 1);
    if (!err && (!fds || !datagram)) err = VCH_ERR_NOMEM;
    if (!err && send(fd, &ready, 1, MSG_NOSIGNAL) == 1) serve(&p, fds, datagram);
    drop_all(&p);
    if (p.multi) (void)curl_multi_cleanup(p.multi);
    curl_global_cleanup();
    vch_hooks_folders_close(&p);
    free(fds);
    free(datagram);
    return err;
}
