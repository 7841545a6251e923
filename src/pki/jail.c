#include "pki/jail_priv.h"

#include <errno.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sanitized.h"
#include "core/reason.h"

static enum vch_err failed(struct vch_diag *diag, const char *what, int number) {
    return VCH_REFUSE(diag, VCH_ERR_IO, SIGNER_FAILED, "jail", "The signer could not %s: %s.", what, strerror(number));
}

/* `write` is for log lines; the socket is served by send and recv. */
static const int allowed[] = {
    SCMP_SYS(recvfrom), SCMP_SYS(sendto),        SCMP_SYS(recvmsg),  SCMP_SYS(sendmsg),       SCMP_SYS(poll),
    SCMP_SYS(ppoll),    SCMP_SYS(write),         SCMP_SYS(writev),   SCMP_SYS(close),         SCMP_SYS(getrandom),
    SCMP_SYS(futex),    SCMP_SYS(clock_gettime), SCMP_SYS(brk),      SCMP_SYS(munmap),        SCMP_SYS(mremap),
    SCMP_SYS(madvise),  SCMP_SYS(getrusage),     SCMP_SYS(getpid),   SCMP_SYS(rt_sigaction),  SCMP_SYS(rt_sigreturn),
    SCMP_SYS(exit),     SCMP_SYS(exit_group),    SCMP_SYS(gettid),   SCMP_SYS(rt_sigprocmask), SCMP_SYS(tgkill),
    SCMP_SYS(munlock),  SCMP_SYS(gettimeofday),  SCMP_SYS(restart_syscall),
};
/* Libraries try these and get by without. */
static const int refused[] = {
    SCMP_SYS(open),  SCMP_SYS(openat), SCMP_SYS(newfstatat), SCMP_SYS(fstat),   SCMP_SYS(stat), SCMP_SYS(access),
    SCMP_SYS(ioctl), SCMP_SYS(read),   SCMP_SYS(lseek),      SCMP_SYS(readlink), SCMP_SYS(getcwd),
};

static int add_rules(scmp_filter_ctx filter) {
    int rc = 0;
    for (size_t i = 0; !rc && i < sizeof allowed / sizeof allowed[0]; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; !rc && i < sizeof refused / sizeof refused[0]; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
    /* Memory, but none that can be run. */
    if (!rc) rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (!rc) rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return rc;
}

static enum vch_err filter_calls(struct vch_diag *diag) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter) return VCH_ERR_NOMEM;
    int rc = add_rules(filter);
    if (!rc) rc = seccomp_load(filter);
    seccomp_release(filter);
    return rc ? failed(diag, "filter its system calls", -rc) : VCH_OK;
}

/* Root without capabilities is a user who owns root's files, and no more. */
static bool drop_capabilities(void) {
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return syscall(SYS_capset, &head, none) == 0;
}

enum vch_err vch_signer_jail(struct vch_diag *diag) {
    const struct rlimit none = {0, 0}, one = {1, 1}; /* poll refuses to look at more descriptors than the limit */
    if (prctl(PR_SET_DUMPABLE, 0) != 0) return failed(diag, "forbid core dumps", errno);
    if (setrlimit(RLIMIT_CORE, &none) != 0) return failed(diag, "forbid core dumps", errno);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed(diag, "give up privileges", errno);
    if (VCH_SANITIZED) return VCH_OK;
    (void)mlockall(MCL_CURRENT); /* best effort: RLIMIT_MEMLOCK may be small */
    if (!drop_capabilities()) return failed(diag, "give up capabilities", errno);
    if (setrlimit(RLIMIT_NOFILE, &one) != 0) return failed(diag, "forbid new descriptors", errno);
    return filter_calls(diag);
}
