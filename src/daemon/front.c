#include "daemon/front.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/sanitized.h"
#include "core/reason.h"
#include "daemon/jail.h"
#include "daemon/loglevel.h"
#include "daemon/wiring.h"
#include "service/connectivity.h"

enum { TICK_MS = 1000, SWEEP_MS = 60000, SEEN_MS = 5000, JAIL_PATHS_MAX = 32, STORE_PATHS_MAX = 8 };

struct front {
    const struct vch_front_options *options;
    struct vch_site_files site;
    struct vch_wiring wiring;
    sigset_t signals;
    int64_t swept_ms, seen_ms, checkpoint_ms;
};

/* ---- before the jail ------------------------------------------------------ */

/* Taken in turn by the main thread; the others start with all blocked. */
static void block_signals(struct front *front) {
    static const int list[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
    (void)sigemptyset(&front->signals);
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) (void)sigaddset(&front->signals, list[i]);
    (void)sigprocmask(SIG_BLOCK, &front->signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is a full disk, not the end */
}

static void raise_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* It holds the server's key, the sealing key and, for moments, keys of devices:
 * they must not lie about in a core file, nor be read by a debugger. */
static void forbid_dumps(void) {
    const struct rlimit none = {0, 0};
    if (VCH_SANITIZED) return;
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
}

static enum vch_err connect_signer(struct front *front, struct vch_diag *diag) {
    struct vch_process *signer = front->options->signer;
    int fd = signer->fd;
    signer->fd = -1; /* owned by the call, whatever it gives */
    enum vch_err err = vch_signer_connect(fd, &front->site.service.signer);
    if (!err) return VCH_OK;
    return VCH_REFUSE(diag, err, SIGNER_FAILED, "signer", "The signer did not become ready.");
}

static enum vch_err connect_hooks(struct front *front, struct vch_diag *diag) {
    struct vch_process *hooks = front->options->hooks;
    int fd = hooks->fd;
    hooks->fd = -1; /* owned by the call, whatever it gives */
    enum vch_err err = vch_hooks_connect(fd, &front->wiring.hooks_client);
    if (!err) return VCH_OK;
    return VCH_REFUSE(diag, err, HOOK_FAILED, "hooks", "The hooks process did not become ready.");
}

struct path_list {
    struct vch_jail_path *paths;
    size_t count;
    char *copies[STORE_PATHS_MAX];
    size_t copy_count;
};

static void add_path(void *arg, const char *path) {
    struct path_list *list = arg;
    if (list->count < JAIL_PATHS_MAX) list->paths[list->count++] = (struct vch_jail_path){path, VCH_JAIL_READ};
}

static void add_copy(void *arg, const char *path) {
    struct path_list *list = arg;
    char *copy = list->copy_count < STORE_PATHS_MAX ? strdup(path) : NULL;
    if (!copy) return;
    list->copies[list->copy_count++] = copy;
    add_path(list, copy);
}

/* A remote database is connected to again from within the jail: its client
 * looks up names and users, and reads what the URL names. (Landlock has no say
 * in sockets.) */
static void add_store_paths(const char *url, struct path_list *list) {
    static const char *const names[] = {"/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf",
                                        "/etc/services", "/etc/passwd", "/usr/lib", "/lib", "/run/systemd/resolve"};
    if (vch_str_starts(vch_str_from(url), VCH_STR("sqlite:"))) return;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) add_path(list, names[i]);
    vch_store_each_path(url, add_copy, list);
}

/* All of the data folder except ca/; and what is read late: the configuration
 * again, and libcrypto's and the zone's files. */
static enum vch_err jail(struct front *front, struct vch_diag *diag) {
    const struct vch_site_files *site = &front->site;
    const char *file = front->options->config->file;
    struct vch_jail_path paths[JAIL_PATHS_MAX] = {
        {site->store_dir, VCH_JAIL_WRITE}, {site->run_dir, VCH_JAIL_WRITE}, {site->tls_dir, VCH_JAIL_READ},
        {site->root_pem, VCH_JAIL_READ},   {"/dev/null", VCH_JAIL_WRITE},   {"/dev/urandom", VCH_JAIL_READ},
        {"/etc/ssl", VCH_JAIL_READ},       {"/etc/localtime", VCH_JAIL_READ}, {"/proc/self", VCH_JAIL_READ},
        {file ? file : "/dev/null", VCH_JAIL_READ},
    };
    struct path_list list = {.paths = paths};
    while (paths[list.count].path) list.count++;
    (void)OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, NULL);
    add_store_paths(site->store_url, &list);
    vch_jail_files(list.paths, list.count);
    for (size_t i = 0; i < list.copy_count; i++) free(list.copies[i]);
    return vch_jail_calls(VCH_JAIL_SERVES, diag);
}

/* ---- ready ---------------------------------------------------------------- */

static enum vch_err write_pid(const struct front *front, struct vch_diag *diag) {
    char text[32];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    return vch_file_write(front->site.pid_file, vch_str_of(text, (size_t)len), 0644, diag);
}

static enum vch_err say_ready(struct front *front, struct vch_diag *diag) {
    struct vch_buf buf;
    struct vch_str text = {NULL, 0};
    vch_buf_init(&buf, 4096);
    vch_entrances_json(front->options->entrances, &buf);
    enum vch_err err = vch_buf_finish(&buf, &text);
    if (!err) err = vch_file_write(front->site.endpoints_json, text, 0644, diag);
    if (!err) err = write_pid(front, diag);
    vch_buf_clear(&buf);
    vch_entrances_ready_line(front->options->entrances, &buf);
    if (!err) err = vch_buf_finish(&buf, &text);
    if (!err && (fwrite(text.ptr, 1, text.len, stdout) != text.len || fflush(stdout) != 0))
        VCH_LOG(WARN, "ready-line", VCH_LOG_C("error", strerror(errno)));
    vch_buf_deinit(&buf);
    if (!err) (void)sd_notify(0, "READY=1");
    return err;
}

/* ---- serving -------------------------------------------------------------- */

static void reload(const struct front *front) {
    struct vch_config fresh;
    struct vch_diag diag = {.reason = NULL};
    struct vch_buf differing;
    struct vch_str keys = {NULL, 0};
    enum vch_err err = vch_config_parse(front->options->argc, front->options->argv, &fresh, &diag);
    if (err) {
        VCH_LOG(ERROR, "reload-failed", VCH_LOG_C("detail", diag.message));
        return;
    }
    vch_buf_init(&differing, 4096);
    vch_config_diff(front->options->config, &fresh, &differing);
    if (vch_buf_finish(&differing, &keys) == VCH_OK) VCH_LOG(INFO, "reloaded", VCH_LOG_S("needs-restart", keys));
    vch_apply_log_level(&fresh);
    vch_buf_deinit(&differing);
    vch_config_deinit(&fresh);
}

static void store_connectivity(struct front *front) {
    struct vch_diag diag = {.reason = NULL};
    if (vch_mono_ms() - front->seen_ms < SEEN_MS) return;
    front->seen_ms = vch_mono_ms();
    if (vch_connectivity_store(&front->site.service, vch_now_ms(), false, &diag) != VCH_OK)
        VCH_LOG(WARN, "connectivity-waits", VCH_LOG_C("detail", diag.message));
}

/* By the wall clock, so that a test may move it; one that went back begins anew. */
static void checkpoint(struct front *front) {
    struct vch_diag diag = {.reason = NULL};
    int64_t every_ms = front->options->config->ledger_checkpoint * 1000, now_ms = vch_now_ms();
    bool due = now_ms - front->checkpoint_ms >= every_ms || now_ms < front->checkpoint_ms;
    if (every_ms == 0 || !due) return;
    front->checkpoint_ms = now_ms;
    if (vch_service_checkpoint(&front->site.service, now_ms, &diag) != VCH_OK)
        VCH_LOG(WARN, "checkpoint-failed", VCH_LOG_C("detail", diag.message));
}

static void tick(struct front *front) {
    struct vch_signer_stats stats;
    struct vch_diag diag = {.reason = NULL};
    int64_t removed = 0;
    if (vch_signer_stats(front->site.service.signer, &stats) == VCH_OK) {
        atomic_store(&front->wiring.signer_cpu_us, stats.cpu_us);
        atomic_store(&front->wiring.signer_issued, stats.issued);
        atomic_store(&front->wiring.signer_refused, stats.refused);
    }
    vch_wiring_tick(&front->wiring);
    store_connectivity(front);
    vch_keeper_watch(front->wiring.keeper);
    checkpoint(front);
    bool moved = atomic_exchange(&front->wiring.sweep_due, false);
    if (!moved && vch_mono_ms() - front->swept_ms < SWEEP_MS) return;
    front->swept_ms = vch_mono_ms();
    if (vch_service_sweep(&front->site.service, vch_now_ms(), &removed, &diag) != VCH_OK)
        VCH_LOG(WARN, "sweep-failed", VCH_LOG_C("detail", diag.message));
    else if (removed) VCH_LOG(INFO, "swept", VCH_LOG_I("certificates", removed));
}

/* Without them no certificate is issued; the service manager starts all anew. */
static bool company_is_lost(const struct front *front) {
    bool signer = vch_process_ended(front->options->signer), hooks = vch_process_ended(front->options->hooks);
    return signer || hooks;
}

static enum vch_err serve(struct front *front, struct vch_diag *diag) {
    const struct timespec pause = {TICK_MS / 1000, TICK_MS % 1000 * 1000000L};
    front->swept_ms = vch_mono_ms();
    front->checkpoint_ms = vch_now_ms();
    for (;;) {
        int number = sigtimedwait(&front->signals, NULL, &pause);
        if (number == SIGTERM || number == SIGINT) return VCH_OK;
        if (number == SIGHUP) reload(front);
        if (company_is_lost(front))
            return VCH_REFUSE(diag, VCH_ERR_UNAVAILABLE, SIGNER_FAILED, "", "A process that the server needs has ended.");
        if (number < 0 && errno == EAGAIN) tick(front);
    }
}

static enum vch_err run(struct front *front, struct vch_diag *diag) {
    /* Before the first thread is made, so that every one of them is inside. */
    VCH_TRY(jail(front, diag));
    VCH_TRY(connect_signer(front, diag));
    VCH_TRY(connect_hooks(front, diag));
    VCH_TRY(vch_wiring_open(&front->wiring, front->options->entrances, diag));
    enum vch_err err = say_ready(front, diag);
    if (!err) err = serve(front, diag);
    (void)sd_notify(0, "STOPPING=1");
    VCH_LOG(INFO, "stopping", VCH_LOG_C("why", err ? vch_err_word(err) : "asked"));
    vch_wiring_close(&front->wiring);
    return err;
}

enum vch_err vch_front_run(const struct vch_front_options *options, struct vch_diag *diag) {
    struct front *front = calloc(1, sizeof *front);
    if (!front) return VCH_ERR_NOMEM;
    front->options = options;
    front->wiring.config = options->config;
    front->wiring.site = &front->site;
    block_signals(front);
    raise_descriptors();
    forbid_dumps();
    enum vch_err err = vch_site_prepare(options->config, &front->site, diag);
    /* Temporary files of the registry stay within the jail. */
    if (!err && setenv("SQLITE_TMPDIR", front->site.store_dir, 1) != 0) err = VCH_ERR_NOMEM;
    if (!err) err = run(front, diag);
    vch_signer_close(front->site.service.signer);
    vch_site_deinit(&front->site);
    free(front);
    return err;
}
