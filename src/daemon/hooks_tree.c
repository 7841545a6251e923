/* The processes that programs make: how many there may be, and that none is left. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/hooks_priv.h"

/* ROUNDS: of looking again while what is to end still makes more. */
enum { ROUNDS_MAX = 200, CHILDREN_TEXT = 8192, DEPTH_MAX = 64, PROBE_PROCESSES = 2 };

/* ---- a place of its own ------------------------------------------------------ */

/* Like fork, of which only what is safe between fork and exec may follow. Apart: the first process of a namespace of its
 * own; when it ends, the kernel ends all that are in it, wherever they went. */
static pid_t fork_raw(bool apart) {
    unsigned long flags = SIGCHLD | (apart ? CLONE_NEWUSER | CLONE_NEWPID : 0);
    return (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
}

pid_t vch_hooks_fork(const struct vch_hooks_process *p) {
    return p->bound == VCH_HOOKS_BOUND_APART ? fork_raw(true) : fork();
}

void vch_hooks_limit_processes(enum vch_hooks_bound bound, int64_t count) {
    /* This place's first process counts too. */
    rlim_t most = (rlim_t)count + (bound == VCH_HOOKS_BOUND_APART ? 1 : 0);
    const struct rlimit limit = {most, most};
    if (bound != VCH_HOOKS_BOUND_NONE) (void)setrlimit(RLIMIT_NPROC, &limit);
}

static bool nobody_listens(int fd) {
    struct pollfd f = {.fd = fd, .events = POLLOUT};
    return poll(&f, 1, 0) == 1 && (f.revents & POLLERR);
}

static int await_program(pid_t pid) {
    int status = 0;
    for (pid_t got = 0; got != pid;) {
        got = waitpid(-1, &status, 0); /* orphans too */
        if (got < 0 && errno != EINTR) _exit(126);
    }
    return status;
}

pid_t vch_hooks_be_first(int report) {
    (void)setpgid(0, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || nobody_listens(report)) _exit(126);
    pid_t pid = fork_raw(false);
    if (pid == 0) return 0;
    if (pid < 0 || dup2(report, 0) != 0) _exit(126);
    (void)close_range(1, ~0U, 0); /* its output ends with the program */
    int status = await_program(pid);
    _exit(write(0, &status, sizeof status) == sizeof status ? 0 : 126);
}

bool vch_hooks_read_report(int fd, int *ret_status) {
    int status;
    bool whole = fd >= 0 && read(fd, &status, sizeof status) == sizeof status;
    if (whole) *ret_status = status;
    return whole;
}

/* ---- what is allowed here ------------------------------------------------------ */

/* Whether a limit of processes counts those of the namespace alone (Linux 5.14): with two, of which this is one, the
 * first more is made and the second is not. */
static _Noreturn void try_place(void) {
    const struct rlimit limit = {PROBE_PROCESSES, PROBE_PROCESSES};
    bool ok = setrlimit(RLIMIT_NPROC, &limit) == 0;
    pid_t first = ok ? fork_raw(false) : -1;
    if (first == 0) (void)pause();
    if (first < 0) _exit(2);
    pid_t second = fork_raw(false);
    if (second == 0) _exit(0);
    _exit(second < 0 ? 0 : 1); /* the first ends with this place */
}

static bool may_be_apart(const char **ret_why) {
    int status = 0;
    *ret_why = "the kernel counts processes by user alone";
    pid_t pid = fork_raw(true);
    if (pid == 0) try_place();
    if (pid < 0) *ret_why = strerror(errno);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return false;
    /* Nobody's number of processes is bounded who is root; but the namespace holds them together. */
    if (WEXITSTATUS(status) == 1 && geteuid() == 0) *ret_why = "they are root's";
    return WEXITSTATUS(status) == 0 || (WEXITSTATUS(status) == 1 && geteuid() == 0);
}

void vch_hooks_bound_choose(struct vch_hooks_process *p, bool own_user) {
    static const char *const words[] = {
        [VCH_HOOKS_BOUND_NONE] = "none", [VCH_HOOKS_BOUND_USER] = "user", [VCH_HOOKS_BOUND_APART] = "program"};
    const char *why = "";
    p->processes = p->config->hook_processes;
    p->bound = may_be_apart(&why) ? VCH_HOOKS_BOUND_APART : own_user ? VCH_HOOKS_BOUND_USER : VCH_HOOKS_BOUND_NONE;
    /* Where they cannot be told apart: of all together, three each and as many as one may have. */
    if (p->bound == VCH_HOOKS_BOUND_USER) p->processes += 3 * (int64_t)p->limits[VCH_HOOK_PROGRAM];
    bool bounded = p->bound == VCH_HOOKS_BOUND_APART && geteuid() != 0;
    if (bounded) VCH_LOG(DEBUG, "hook-processes", VCH_LOG_C("bounded-by", words[p->bound]), VCH_LOG_I("limit", p->processes));
    else VCH_LOG(WARN, "hook-processes", VCH_LOG_C("bounded-by", geteuid() == 0 ? "time" : words[p->bound]), VCH_LOG_C("why", why));
}

/* ---- what they leave behind, where they have no place of their own ----------------- */

void vch_hooks_strays_adopt(void) {
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* "12 34 56 "; the last number may be cut, and is found at the next look. */
static size_t read_children(pid_t pid, char text[CHILDREN_TEXT]) {
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, CHILDREN_TEXT - 1);
    if (fd >= 0) (void)close(fd);
    text[len > 0 ? len : 0] = '\0';
    return len > 0 ? (size_t)len : 0;
}

static bool is_of_program(const struct vch_hooks_process *p, pid_t pid) {
    pid_t group = getpgid(pid);
    for (const struct vch_hooks_job *job = p->running; job; job = job->next)
        if (job->pid > 0 && (job->pid == pid || job->pid == group)) return true;
    return false;
}

static bool is_stopped(pid_t pid) {
    char path[64], text[512];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) (void)close(fd);
    text[len > 0 ? len : 0] = '\0';
    const char *state = strrchr(text, ')');
    return !state || state[1] != ' ' || strchr("TtZX", state[2]);
}

/* Stops what is below `pid`; how many of them ran on. What stands still makes no more, and its place is not free for others. */
static size_t stop_below(const struct vch_hooks_process *p, pid_t pid, bool ours, int depth) {
    char text[CHILDREN_TEXT];
    size_t ran = 0;
    if (depth >= DEPTH_MAX || read_children(pid, text) == 0) return 0;
    for (char *at = text, *end; (end = strchr(at, ' ')) != NULL; at = end + 1) {
        pid_t child = (pid_t)strtol(at, NULL, 10);
        if (child <= 0 || (ours && is_of_program(p, child))) continue;
        if (!is_stopped(child)) {
            ran++;
            (void)kill(child, SIGSTOP);
        }
        ran += stop_below(p, child, false, depth + 1);
    }
    return ran;
}

/* Their own children become ours, and are found at the next round. */
static size_t end_children(const struct vch_hooks_process *p) {
    char text[CHILDREN_TEXT];
    size_t left = 0;
    int status;
    if (read_children(getpid(), text) == 0) return 0;
    for (char *at = text, *end; (end = strchr(at, ' ')) != NULL; at = end + 1) {
        pid_t child = (pid_t)strtol(at, NULL, 10);
        if (child <= 0 || is_of_program(p, child)) continue;
        (void)kill(child, SIGKILL);
        left++;
        (void)waitpid(child, &status, WNOHANG);
    }
    return left;
}

void vch_hooks_strays_end(const struct vch_hooks_process *p) {
    int rounds = 0;
    while (rounds < ROUNDS_MAX && stop_below(p, getpid(), true, 0) > 0) rounds++;
    for (rounds = 0; rounds < ROUNDS_MAX && end_children(p) > 0; rounds++) (void)usleep(500);
}
