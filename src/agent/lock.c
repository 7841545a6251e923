#include "agent/lock.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

struct holder {
    char thing_name[160];
    pid_t pid;
};

static bool read_holder(const char *path, struct holder *ret) {
    struct vch_buf text;
    struct vch_str name = {0}, number = {0};
    int64_t pid = 0;
    vch_buf_init(&text, 1024);
    bool ok = vch_file_read(path, &text, NULL) == VCH_OK;
    struct vch_str rest = vch_str_of(text.ptr, text.len);
    ok = ok && vch_str_split(&rest, '\n', &name) && vch_str_split(&rest, '\n', &number);
    ok = ok && vch_str_int(vch_str_trim(number), &pid) == VCH_OK && pid > 0 && pid < 1 << 30;
    ok = ok && vch_str_copy(ret->thing_name, sizeof ret->thing_name, vch_str_trim(name));
    ret->pid = (pid_t)pid;
    vch_buf_deinit(&text);
    return ok;
}

static bool is_alive(pid_t pid) {
    return pid != getpid() && (kill(pid, 0) == 0 || errno == EPERM);
}

enum vch_exit vch_lock_take(struct vch_lock *lock, const char *thing_name, struct vch_report *report,
                            struct vch_outcome *outcome) {
    const char *folder = getenv("LOCK_FILE_PATH");
    struct holder holder;
    struct vch_diag diag = {0};
    char text[256];
    bool asked = folder && *folder;
    if (!asked) folder = "/run/lock";
    size_t len = strlen(folder);
    (void)snprintf(lock->path, sizeof lock->path, "%s%sdevicecl.lock", folder, folder[len - 1] == '/' ? "" : "/");
    if (read_holder(lock->path, &holder) && strcmp(holder.thing_name, thing_name) == 0 && is_alive(holder.pid)) {
        lock->path[0] = '\0';
        return vch_outcome_set(outcome, VCH_EXIT_CONFIG, "Stop that one, or give this one another --thing-name.",
                               "An agent for \"%s\" is already running (process %d).", thing_name, (int)holder.pid);
    }
    (void)snprintf(text, sizeof text, "%s\n%d\n", thing_name, (int)getpid());
    if (vch_file_write(lock->path, vch_str_from(text), 0644, &diag) == VCH_OK) return VCH_EXIT_OK;
    lock->path[0] = '\0';
    if (asked) return vch_outcome_diag(outcome, VCH_EXIT_LOCAL, "Correct LOCK_FILE_PATH.", &diag);
    vch_report_line(report, VCH_REPORT_WARN, "lock", "No lock file: %s", diag.message);
    return VCH_EXIT_OK;
}

void vch_lock_release(struct vch_lock *lock) {
    struct holder holder;
    if (lock->path[0] && read_holder(lock->path, &holder) && holder.pid == getpid()) (void)unlink(lock->path);
    lock->path[0] = '\0';
}
