/* Programs: which may be started, how, and what becomes of them. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/hooks_priv.h"

/* NICE: behind the server, and behind the process that starts them. */
enum { NICE = 15, FILES_MAX = 64, FILE_SIZE_MAX = 16 << 20, OVERHEAR_MAX = 16 };

/* ---- which ---------------------------------------------------------------- */

static bool add_folder(struct vch_hooks_process *p, const char *path) {
    char resolved[PATH_MAX];
    if (!realpath(path, resolved)) {
        VCH_LOG(WARN, "hook-folder", VCH_LOG_C("path", path), VCH_LOG_C("error", strerror(errno)));
        return true;
    }
    size_t len = strlen(resolved);
    char *copy = malloc(len + 2);
    if (!copy) return false;
    memcpy(copy, resolved, len);
    memcpy(copy + len, "/", 2);
    p->folders[p->folder_count++] = copy;
    return true;
}

enum vch_err vch_hooks_folders_open(struct vch_hooks_process *p) {
    const struct vch_config_list *list = &p->config->hook_dirs;
    p->folders = calloc(VCH_CONFIG_LIST_MAX, sizeof *p->folders);
    bool ok = p->folders;
    for (size_t i = 0; ok && i < list->count; i++) ok = add_folder(p, list->items[i]);
    return ok ? VCH_OK : VCH_ERR_NOMEM;
}

void vch_hooks_folders_close(struct vch_hooks_process *p) {
    for (size_t i = 0; i < p->folder_count; i++) free(p->folders[i]);
    free(p->folders);
}

/* Nobody but root and who started the server could have put it there. */
static bool is_operators(const struct vch_hooks_process *p, const struct stat *st) {
    return (st->st_uid == 0 || st->st_uid == p->owner) && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

static const char *why_not(const struct vch_hooks_process *p, const char *path, char resolved[PATH_MAX]) {
    struct stat st;
    size_t i = 0;
    if (path[0] != '/' || !realpath(path, resolved)) return "there is no such file, or it is out of reach";
    while (i < p->folder_count && strncmp(resolved, p->folders[i], strlen(p->folders[i])) != 0) i++;
    if (i == p->folder_count) return "it is in none of the folders that hook-dir lists";
    if (stat(p->folders[i], &st) != 0 || !is_operators(p, &st)) return "its folder may be written by others";
    if (stat(resolved, &st) != 0 || !S_ISREG(st.st_mode)) return "it is no regular file";
    if (!is_operators(p, &st)) return "it may be written by others";
    return access(resolved, X_OK) == 0 ? NULL : "it may not be executed";
}

static bool may_start(const struct vch_hooks_process *p, const struct vch_hooks_job *job, char resolved[PATH_MAX]) {
    char path[PATH_MAX];
    const char *why = vch_str_copy(path, sizeof path, job->order.target) ? why_not(p, path, resolved) : "its path is too long";
    if (why) VCH_LOG(WARN, "hook-program-refused", VCH_LOG_S("hook", job->order.name), VCH_LOG_C("program", path), VCH_LOG_C("why", why));
    return !why;
}

/* ---- starting: between fork and exec only what is safe there --------------- */

static void limit(enum __rlimit_resource resource, rlim_t value) {
    const struct rlimit r = {value, value};
    (void)setrlimit(resource, &r);
}

static void set_limits(int64_t memory_mib, int64_t timeout_ms) {
    limit(RLIMIT_AS, (rlim_t)memory_mib << 20);
    limit(RLIMIT_CPU, (rlim_t)(timeout_ms / 1000 + 1));
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, FILES_MAX);
    limit(RLIMIT_FSIZE, FILE_SIZE_MAX);
}

static void plain_signals(void) {
    static const int list[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    sigset_t none;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) (void)signal(list[i], SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

struct start {
    const char *path;
    int in, out, err, report;
    int64_t memory_mib, timeout_ms, processes;
    enum vch_hooks_bound bound;
    pid_t parent;
};

/* What is not apart ends with this process by its own signal. */
static bool bind_life(const struct start *s) {
    if (s->bound == VCH_HOOKS_BOUND_APART) return true;
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == s->parent;
}

static void become_program(const struct start *s) {
    static char path_variable[] = "PATH=/usr/local/bin:/usr/bin:/bin", language[] = "LANG=C.UTF-8";
    char *argv[] = {(char *)(uintptr_t)s->path, NULL}, *environment[] = {path_variable, language, NULL};
    if (s->bound == VCH_HOOKS_BOUND_APART) (void)vch_hooks_be_first(s->report);
    bool ok = setpgid(0, 0) == 0 && dup2(s->in, 0) == 0 && dup2(s->out, 1) == 1 && dup2(s->err, 2) == 2 && chdir("/") == 0;
    (void)close_range(3, ~0U, 0);
    plain_signals();
    ok = ok && bind_life(s);
    set_limits(s->memory_mib, s->timeout_ms);
    (void)setpriority(PRIO_PROCESS, 0, NICE);
    vch_hooks_limit_processes(s->bound, s->processes);
    if (ok) (void)execve(s->path, argv, environment);
    _exit(126);
}

static void close_all(int *fds, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (fds[i] >= 0) (void)close(fds[i]);
        fds[i] = -1;
    }
}

/* Its ends and ours of each pipe: input, output, errors, report. */
enum { IN_READ, IN_WRITE, OUT_READ, OUT_WRITE, ERR_READ, ERR_WRITE, REPORT_READ, REPORT_WRITE, ENDS };

static bool open_pipes(int fds[ENDS]) {
    static const int ours[] = {IN_WRITE, OUT_READ, ERR_READ, REPORT_READ};
    bool ok = true;
    for (size_t i = 0; ok && i < ENDS; i += 2) ok = pipe2(&fds[i], O_CLOEXEC) == 0;
    for (size_t i = 0; ok && i < sizeof ours / sizeof *ours; i++) ok = fcntl(fds[ours[i]], F_SETFL, O_NONBLOCK) == 0;
    return ok;
}

static int keep(int *fd) {
    int kept = *fd;
    *fd = -1;
    return kept;
}

static bool start_with(struct vch_hooks_process *p, struct vch_hooks_job *job, const char *path, int fds[ENDS]) {
    const struct start s = {.path = path,
                            .in = fds[IN_READ],
                            .out = fds[OUT_WRITE],
                            .err = fds[ERR_WRITE],
                            .report = fds[REPORT_WRITE],
                            .memory_mib = p->config->hook_memory,
                            .timeout_ms = job->order.timeout_ms,
                            .processes = p->processes,
                            .bound = p->bound,
                            .parent = getpid()};
    pid_t pid = vch_hooks_fork(p);
    if (pid == 0) become_program(&s);
    if (pid < 0) return false;
    (void)setpgid(pid, pid); /* whoever comes first */
    job->pid = pid;
    job->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    job->in = keep(&fds[IN_WRITE]);
    job->out = keep(&fds[OUT_READ]);
    job->err = keep(&fds[ERR_READ]);
    if (p->bound == VCH_HOOKS_BOUND_APART) job->report = keep(&fds[REPORT_READ]);
    return true;
}

enum vch_hook_end vch_hooks_program_start(struct vch_hooks_process *p, struct vch_hooks_job *job) {
    char resolved[PATH_MAX];
    int fds[ENDS] = {-1, -1, -1, -1, -1, -1, -1, -1};
    if (!may_start(p, job, resolved)) return VCH_HOOK_PROGRAM_REFUSED;
    bool ok = open_pipes(fds) && start_with(p, job, resolved, fds);
    if (!ok) VCH_LOG(WARN, "hook-not-started", VCH_LOG_S("hook", job->order.name), VCH_LOG_C("error", strerror(errno)));
    close_all(fds, ENDS);
    return ok ? VCH_HOOK_ANSWERED : VCH_HOOK_FAILED;
}

/* ---- running --------------------------------------------------------------- */

/* One that does not read its input may answer all the same. */
static void feed(struct vch_hooks_job *job) {
    struct vch_str left = vch_str_sub(job->order.body, job->written, SIZE_MAX);
    ssize_t put = left.len ? write(job->in, left.ptr, left.len) : 0;
    if (put > 0) job->written += (size_t)put;
    bool wait = put < 0 && (errno == EAGAIN || errno == EINTR);
    if (!wait && (put <= 0 || job->written == job->order.body.len)) close_all(&job->in, 1);
}

/* Reads what is there. False: more than it may say. */
static bool listen_to(struct vch_hooks_job *job) {
    char piece[16384];
    while (job->out >= 0 && !job->answer.failed) {
        ssize_t got = read(job->out, piece, sizeof piece);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return true;
        if (got <= 0) close_all(&job->out, 1);
        else vch_buf_bytes(&job->answer, piece, (size_t)got);
    }
    return !job->answer.failed;
}

/* Keeps the beginning; reads on, so that it is not held up. */
static void overhear(struct vch_hooks_job *job) {
    char piece[4096];
    for (int i = 0; i < OVERHEAR_MAX && job->err >= 0; i++) {
        ssize_t got = read(job->err, piece, sizeof piece);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
        if (got <= 0) {
            close_all(&job->err, 1);
            return;
        }
        size_t room = sizeof job->said - job->said_len, len = (size_t)got < room ? (size_t)got : room;
        memcpy(job->said + job->said_len, piece, len);
        job->said_len += len;
    }
}

static void read_status(int status, enum vch_hook_end *ret_end, int64_t *ret_code) {
    bool crashed = WIFSIGNALED(status);
    *ret_code = crashed ? WTERMSIG(status) : WEXITSTATUS(status);
    *ret_end = crashed ? VCH_HOOK_CRASHED : *ret_code ? VCH_HOOK_STATUS : VCH_HOOK_ANSWERED;
}

/* Whom it left behind goes first: until it is waited for, its number is nobody else's. */
static bool reap(struct vch_hooks_job *job, int *ret_status) {
    siginfo_t info = {.si_pid = 0};
    if (job->pid <= 0) return true;
    if (waitid(P_PID, (id_t)job->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != job->pid) return false;
    (void)kill(-job->pid, SIGKILL);
    if (waitpid(job->pid, ret_status, 0) != job->pid) return false;
    (void)vch_hooks_read_report(job->report, ret_status);
    job->pid = 0;
    close_all(&job->pidfd, 1);
    close_all(&job->report, 1);
    return true;
}

bool vch_hooks_program_step(struct vch_hooks_job *job, const struct curl_waitfd events[VCH_HOOKS_PLACES], enum vch_hook_end *ret_end,
                            int64_t *ret_code) {
    int status = 0;
    if (job->in >= 0 && events[0].revents) feed(job);
    bool ended = (events[2].revents || job->pidfd < 0) && reap(job, &status);
    if (events[3].revents || ended) overhear(job);
    if ((events[1].revents || ended) && !listen_to(job)) {
        *ret_end = VCH_HOOK_TOO_LARGE;
        return true;
    }
    if (ended) read_status(status, ret_end, ret_code);
    return ended;
}

void vch_hooks_program_kill(struct vch_hooks_job *job) {
    if (job->pid <= 0) return;
    (void)kill(-job->pid, SIGKILL);
    (void)kill(job->pid, SIGKILL);
}

bool vch_hooks_program_gone(struct vch_hooks_job *job) {
    int status;
    close_all(&job->in, 1);
    close_all(&job->out, 1);
    close_all(&job->err, 1);
    return reap(job, &status);
}
