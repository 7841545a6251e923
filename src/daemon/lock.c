#include "daemon/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "core/reason.h"

enum { PATIENCE_MS = 1000 };

/* Whoever may write here may put a CA of his own in the place of ours. */
static enum vch_err check_folder(const char *data_dir, int fd, struct vch_diag *diag) {
    struct stat st;
    if (fstat(fd, &st) != 0) return VCH_REFUSE(diag, VCH_ERR_IO, INTERNAL, data_dir, "%s cannot be read: %s.", data_dir, strerror(errno));
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return VCH_REFUSE(diag, VCH_ERR_STATE, INTERNAL, data_dir, "%s may be written by others than its owner; chmod 700 it.", data_dir);
    return VCH_OK;
}

/* A server that was killed may take a moment to be gone. */
static bool take_lock(int fd) {
    const struct timespec pause = {0, 10 * 1000000};
    for (int64_t until = vch_mono_ms() + PATIENCE_MS; flock(fd, LOCK_EX | LOCK_NB) != 0;) {
        if (errno != EWOULDBLOCK || vch_mono_ms() >= until) return false;
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

enum vch_err vch_data_lock(const char *data_dir, int *ret_fd, struct vch_diag *diag) {
    VCH_TRY(vch_dir_make(data_dir, 0700, diag));
    int fd = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return VCH_REFUSE(diag, VCH_ERR_IO, INTERNAL, data_dir, "%s cannot be opened: %s.", data_dir, strerror(errno));
    enum vch_err err = check_folder(data_dir, fd, diag);
    if (err) {
        (void)close(fd);
        return err;
    }
    if (take_lock(fd)) {
        *ret_fd = fd;
        return VCH_OK;
    }
    bool held = errno == EWOULDBLOCK;
    int failure = errno;
    (void)close(fd);
    if (held) return VCH_REFUSE(diag, VCH_ERR_STATE, INTERNAL, data_dir, "Another vouchd is running on %s.", data_dir);
    return VCH_REFUSE(diag, VCH_ERR_IO, INTERNAL, data_dir, "%s cannot be locked: %s.", data_dir, strerror(failure));
}
