#include "daemon/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/reason.h"
#include "daemon/hooks.h"
#include "daemon/loglevel.h"
#include "pki/signer.h"

enum { ROLE_FD = 3 };

/* ---- the child's side ----------------------------------------------------- */

/* The front decides when these end; a Ctrl-C on the terminal reaches all. */
static void ignore_signals(void) {
    static const int list[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    sigset_t none;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) (void)signal(list[i], SIG_IGN);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static enum vch_err role_run(const struct vch_config *config, struct vch_diag *diag) {
    int fd = (int)config->role_fd;
    if (fd < 0 || fcntl(fd, F_GETFD) < 0) return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_INVALID, "fd", "There is no such descriptor.");
    if (strcmp(config->role, "signer") == 0) return vch_signer_run(fd, config->data, config->test_clock, diag);
    if (strcmp(config->role, "hooks") == 0) return vch_hooks_run(fd, config, diag);
    return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_INVALID, "role", "There is no role %s.", config->role);
}

int vch_role_run(const struct vch_config *config) {
    static char name[32];
    struct vch_diag diag = {.reason = NULL};
    (void)snprintf(name, sizeof name, "vouchd-%s", config->role);
    vch_log_set_name(name);
    vch_apply_log_level(config);
    (void)prctl(PR_SET_NAME, name, 0, 0, 0);
    ignore_signals();
    enum vch_err err = role_run(config, &diag);
    if (!err) return 0;
    VCH_LOG(ERROR, "role-failed", VCH_LOG_C("error", vch_err_word(err)), VCH_LOG_C("detail", diag.message));
    return 1;
}

/* ---- the front's side ----------------------------------------------------- */

enum { ARGS_MAX = 32 + 4 * VCH_CONFIG_LIST_MAX };

struct words {
    const char *list[ARGS_MAX];
    char numbers[4][24];
    size_t count, number_count;
};

static void add_words(struct words *words, const char *flag, const char *value) {
    words->list[words->count++] = flag;
    words->list[words->count++] = value;
}

static void add_number(struct words *words, const char *flag, int64_t value) {
    char *text = words->numbers[words->number_count++];
    (void)snprintf(text, sizeof words->numbers[0], "%lld", (long long)value);
    add_words(words, flag, text);
}

static void add_list(struct words *words, const char *flag, const struct vch_config_list *list) {
    for (size_t i = 0; i < list->count; i++) add_words(words, flag, list->items[i]);
}

/* The command line of a role: what of the configuration it needs, and no file. */
static void fill_words(const struct vch_config *config, const char *role, struct words *words) {
    *words = (struct words){.list = {"vouchd"}, .count = 1};
    add_words(words, "--role", role);
    add_words(words, "--fd", "3");
    add_words(words, "--data", config->data);
    add_words(words, "--log-level", config->log_level);
    add_words(words, "--hooks-user", config->hooks_user);
    add_number(words, "--hook-programs", config->hook_programs);
    add_number(words, "--hook-memory", config->hook_memory);
    add_number(words, "--hook-processes", config->hook_processes);
    add_list(words, "--hook-dir", &config->hook_dirs);
    add_list(words, "--hook-write", &config->hook_writes);
    if (config->test_clock) words->list[words->count++] = "--test-clock";
}

/* After fork: only what is safe there, and exec. */
static void become_role(struct words *words, int fd) {
    char *const *argv = (char *const *)(uintptr_t)words->list;
    int placed = fd == ROLE_FD ? fcntl(fd, F_SETFD, 0) : dup2(fd, ROLE_FD);
    (void)close_range(ROLE_FD + 1, ~0U, 0); /* a second belt: ours are close-on-exec */
    if (placed >= 0) (void)execv("/proc/self/exe", argv);
    if (placed >= 0) (void)execv((const char *)getauxval(AT_EXECFN), argv); /* where /proc is not mounted */
    _exit(126);
}

enum vch_err vch_process_start(const struct vch_config *config, const char *role, struct vch_process *ret, struct vch_diag *diag) {
    int ends[2];
    struct words words;
    *ret = (struct vch_process){.role = role, .fd = -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return VCH_REFUSE(diag, VCH_ERR_IO, INTERNAL, role, "No socket for the %s: %s.", role, strerror(errno));
    fill_words(config, role, &words);
    pid_t pid = fork();
    if (pid == 0) become_role(&words, ends[1]);
    (void)close(ends[1]);
    if (pid > 0) {
        ret->pid = pid;
        ret->fd = ends[0];
        return VCH_OK;
    }
    (void)close(ends[0]);
    return VCH_REFUSE(diag, VCH_ERR_IO, INTERNAL, role, "The %s could not be started: %s.", role, strerror(errno));
}

static bool reap(struct vch_process *process, int *ret_status) {
    pid_t pid = waitpid(process->pid, ret_status, WNOHANG);
    if (pid == 0 || (pid < 0 && errno == EINTR)) return false;
    process->pid = 0;
    return true;
}

bool vch_process_stop(struct vch_process *process, int64_t patience_ms) {
    const struct timespec pause = {0, 5000000};
    int64_t deadline_ms = vch_mono_ms() + patience_ms;
    int status = 0;
    if (process->fd >= 0) (void)close(process->fd);
    process->fd = -1;
    if (!process->pid) return true;
    while (!reap(process, &status)) {
        /* One that became another user is not ours to kill; it ends with its socket. */
        if (vch_mono_ms() >= deadline_ms && kill(process->pid, SIGKILL) != 0 && vch_mono_ms() >= deadline_ms + patience_ms) return false;
        (void)nanosleep(&pause, NULL);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool vch_process_ended(struct vch_process *process) {
    int status = 0;
    if (!process->pid || !reap(process, &status)) return false;
    VCH_LOG(ERROR, "process-ended", VCH_LOG_C("role", process->role), VCH_LOG_I("exit", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
            VCH_LOG_I("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0));
    return true;
}
