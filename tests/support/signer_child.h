/* A signer in a child process, over a folder that vch_pki_prepare filled. Needs
 * the room pki. */
#ifndef VCH_TESTS_SIGNER_CHILD_H
#define VCH_TESTS_SIGNER_CHILD_H

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pki/signer.h"

/* The child's pid and our end of the socket; the ready byte is not yet read. */
static inline pid_t signer_child_start(const char *data_dir, bool test_clock, int *ret_fd) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) abort();
    pid_t pid = fork();
    if (pid < 0) abort();
    if (pid == 0) {
        (void)close(pair[0]);
        struct vch_diag diag = {NULL, "", ""};
        _exit(vch_signer_run(pair[1], data_dir, test_clock, &diag) == VCH_OK ? 0 : 1);
    }
    (void)close(pair[1]);
    *ret_fd = pair[0];
    return pid;
}

/* Its wait status, after the peer's end was closed. */
static inline int signer_child_wait(pid_t pid) {
    int status = -1;
    if (waitpid(pid, &status, 0) != pid) abort();
    return status;
}

#endif
