#include "daemon/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "core/reason.h"

enum vch_err vch_data_lock(const char *data_dir, int *ret_fd, struct vch_diag *diag) {
    VCH_TRY(vch_dir_make(data_dir, 0700, diag));
    int fd = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return VCH_REFUSE(diag, VCH_ERR_IO, INTERNAL, data_dir, "%s cannot be opened: %s.", data_dir, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        *ret_fd = fd;
        return VCH_OK;
    }
    bool held = errno == EWOULDBLOCK;
    int failure = errno;
    (void)close(fd);
    if (held) return VCH_REFUSE(diag, VCH_ERR_STATE, INTERNAL, data_dir, "Another vouchd is running on %s.", data_dir);
    return VCH_REFUSE(diag, VCH_ERR_IO, INTERNAL, data_dir, "%s cannot be locked: %s.", data_dir, strerror(failure));
}
