#include "daemon/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sanitized.h"
#include "core/reason.h"

/* ---- the user ------------------------------------------------------------- */

static enum vch_err failed(struct vch_diag *diag, const char *what) {
    return VCH_REFUSE(diag, VCH_ERR_IO, INTERNAL, "user", "Could not %s: %s.", what, strerror(errno));
}

enum vch_err vch_become_user(const char *name, const char *data_dir, struct vch_diag *diag) {
    if (!*name) return VCH_OK;
    const struct passwd *user = getpwnam(name);
    if (!user) return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_INVALID, "user", "There is no user %s.", name);
    if (user->pw_uid == geteuid()) return VCH_OK;
    if (geteuid() != 0) return VCH_REFUSE(diag, VCH_ERR_INVALID, FIELD_INVALID, "user", "Only root can become %s.", name);
    if (chown(data_dir, user->pw_uid, user->pw_gid) != 0) return failed(diag, "give the data folder to the user");
    if (setgroups(0, NULL) != 0 || setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
        setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
        return failed(diag, "become the user");
    return VCH_OK;
}

/* ---- files ---------------------------------------------------------------- */

/* Rights by the ABI that brought them (Documentation/userspace-api/landlock.rst);
 * those after the first are not in every header. */
enum {
    RIGHTS_ABI_1 = (1 << 13) - 1,
    RIGHT_REFER = 1 << 13,     /* ABI 2 */
    RIGHT_TRUNCATE = 1 << 14,  /* ABI 3 */
    RIGHT_IOCTL_DEV = 1 << 15, /* ABI 5 */
    RIGHTS_READ = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
    RIGHTS_EXECUTE = RIGHTS_READ | LANDLOCK_ACCESS_FS_EXECUTE,
    RIGHTS_WRITE = RIGHTS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                   LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                   RIGHT_REFER | RIGHT_TRUNCATE,
    RIGHTS_OF_FILES = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE | RIGHT_TRUNCATE
};

static uint64_t rights_known(long abi) {
    uint64_t rights = RIGHTS_ABI_1;
    if (abi >= 2) rights |= RIGHT_REFER;
    if (abi >= 3) rights |= RIGHT_TRUNCATE;
    if (abi >= 5) rights |= RIGHT_IOCTL_DEV;
    return rights;
}

static void allow(int ruleset, const struct vch_jail_path *path, uint64_t known) {
    struct stat st;
    struct landlock_path_beneath_attr rule = {.parent_fd = open(path->path, O_PATH | O_CLOEXEC)};
    if (rule.parent_fd < 0) return;
    static const uint64_t rights[] = {[VCH_JAIL_READ] = RIGHTS_READ, [VCH_JAIL_WRITE] = RIGHTS_WRITE, [VCH_JAIL_EXECUTE] = RIGHTS_EXECUTE};
    rule.allowed_access = rights[path->access] & known;
    if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode)) rule.allowed_access &= RIGHTS_OF_FILES;
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
        VCH_LOG(WARN, "jail-files", VCH_LOG_C("path", path->path), VCH_LOG_C("error", strerror(errno)));
    (void)close(rule.parent_fd);
}

void vch_jail_files(const struct vch_jail_path *paths, size_t count) {
    if (VCH_SANITIZED) return;
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    uint64_t known = rights_known(abi);
    struct landlock_ruleset_attr attr = {.handled_access_fs = known};
    int ruleset = abi < 1 ? -1 : (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (ruleset < 0) {
        VCH_LOG(WARN, "jail-files", VCH_LOG_C("error", "the kernel offers no Landlock"));
        return;
    }
    for (size_t i = 0; i < count; i++) allow(ruleset, &paths[i], known);
    bool ok = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    if (ok) VCH_LOG(DEBUG, "jail-files", VCH_LOG_I("abi", abi));
    else VCH_LOG(WARN, "jail-files", VCH_LOG_C("error", strerror(errno)));
    (void)close(ruleset);
}

/* ---- system calls --------------------------------------------------------- */

static const int starting[] = {SCMP_SYS(execve), SCMP_SYS(execveat)};
static const int refused[] = {
    SCMP_SYS(ptrace),          SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_getfd), SCMP_SYS(kcmp),             SCMP_SYS(mount),           SCMP_SYS(umount2),
    SCMP_SYS(move_mount),       SCMP_SYS(open_tree),         SCMP_SYS(fsopen),          SCMP_SYS(fsmount),
    SCMP_SYS(pivot_root),       SCMP_SYS(chroot),            SCMP_SYS(unshare),         SCMP_SYS(setns),
    SCMP_SYS(bpf),              SCMP_SYS(perf_event_open),   SCMP_SYS(userfaultfd),     SCMP_SYS(io_uring_setup),
    SCMP_SYS(init_module),      SCMP_SYS(finit_module),      SCMP_SYS(delete_module),   SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),  SCMP_SYS(reboot),            SCMP_SYS(swapon),          SCMP_SYS(swapoff),
    SCMP_SYS(add_key),          SCMP_SYS(request_key),       SCMP_SYS(keyctl),          SCMP_SYS(personality),
    SCMP_SYS(clock_settime),    SCMP_SYS(settimeofday),      SCMP_SYS(clock_adjtime),   SCMP_SYS(adjtimex),
    SCMP_SYS(acct),             SCMP_SYS(quotactl),          SCMP_SYS(open_by_handle_at), SCMP_SYS(setuid),
    SCMP_SYS(setresuid),        SCMP_SYS(setgid),            SCMP_SYS(setresgid),       SCMP_SYS(setgroups),
};

/* All but the right to files of whoever owns the data folder: root may serve a
 * user's. Where the files are, Landlock says. */
static bool drop_capabilities(enum vch_jail_kind kind) {
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (syscall(SYS_capget, &head, caps) != 0) return false;
    const uint32_t files = kind == VCH_JAIL_SERVES ? UINT32_C(1) << CAP_DAC_OVERRIDE | UINT32_C(1) << CAP_FOWNER : 0;
    caps[0].permitted &= files;
    caps[0].effective &= files;
    caps[1].permitted = caps[1].effective = 0;
    caps[0].inheritable = caps[1].inheritable = 0;
    return syscall(SYS_capset, &head, caps) == 0;
}

static int refuse(scmp_filter_ctx filter, const int *calls, size_t count) {
    int rc = 0;
    for (size_t i = 0; !rc && i < count; i++) rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 0);
    return rc;
}

enum vch_err vch_jail_calls(enum vch_jail_kind kind, struct vch_diag *diag) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed(diag, "give up new privileges");
    if (VCH_SANITIZED) return VCH_OK;
    (void)prctl(PR_SET_DUMPABLE, 0);
    if (!drop_capabilities(kind)) return failed(diag, "give up capabilities");
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter) return VCH_ERR_NOMEM;
    int rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (!rc) rc = refuse(filter, refused, sizeof refused / sizeof refused[0]);
    if (!rc && kind == VCH_JAIL_SERVES) rc = refuse(filter, starting, sizeof starting / sizeof starting[0]);
    if (!rc) rc = seccomp_load(filter);
    seccomp_release(filter);
    errno = -rc;
    return rc ? failed(diag, "filter system calls") : VCH_OK;
}
