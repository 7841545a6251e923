#include "daemon/serve.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/reason.h"
#include "daemon/front.h"
#include "daemon/jail.h"
#include "daemon/listen.h"
#include "daemon/lock.h"
#include "daemon/process.h"
#include "pki/init.h"

enum { STOP_PATIENCE_MS = 5000 };

struct outcome {
    enum vch_err err;
    struct vch_diag diag;
};

/* In a process of its own: the CA keys never stand in the front's memory. */
static void prepare_in_child(const struct vch_config *config, struct outcome *outcome) {
    outcome->err = VCH_ERR_INTERNAL;
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_DUMPABLE, 0);
        outcome->err = vch_pki_prepare(config->data, config->hostnames.items, config->hostnames.count, &outcome->diag);
        _exit(0);
    }
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR) continue;
}

static enum vch_err prepare_certificates(const struct vch_config *config, struct vch_diag *diag) {
    struct outcome *outcome = mmap(NULL, sizeof *outcome, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (outcome == MAP_FAILED) return VCH_ERR_NOMEM;
    prepare_in_child(config, outcome);
    enum vch_err err = outcome->err;
    if (err && diag) *diag = outcome->diag; /* its reason is a static string of this very program */
    (void)munmap(outcome, sizeof *outcome);
    return err;
}

static enum vch_err run_all(const struct vch_config *config, int argc, char *const *argv, struct vch_entrances *entrances,
                            struct vch_process *hooks, struct vch_diag *diag) {
    struct vch_process signer = {.fd = -1};
    const struct vch_front_options options = {
        .config = config, .argc = argc, .argv = argv, .entrances = entrances, .signer = &signer, .hooks = hooks};
    enum vch_err err = vch_process_start(config, "signer", &signer, diag);
    if (!err) err = vch_front_run(&options, diag);
    (void)vch_process_stop(&signer, STOP_PATIENCE_MS);
    return err;
}

enum vch_err vch_serve(const struct vch_config *config, int argc, char *const *argv, struct vch_diag *diag) {
    struct vch_entrances entrances;
    struct vch_process hooks = {.fd = -1};
    int lock = -1;
    (void)umask(077);
    VCH_TRY(vch_data_lock(config->data, &lock, diag));
    enum vch_err err = vch_entrances_open(config, &entrances, diag);
    if (!err) {
        /* While there is still the right to become another user than the front will be. */
        err = vch_process_start(config, "hooks", &hooks, diag);
        if (!err) err = vch_become_user(config->user, config->data, diag);
        if (!err) err = prepare_certificates(config, diag);
        if (!err) err = run_all(config, argc, argv, &entrances, &hooks, diag);
        (void)vch_process_stop(&hooks, STOP_PATIENCE_MS);
        vch_entrances_close(&entrances);
    }
    (void)close(lock);
    return err;
}
