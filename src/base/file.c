#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/digest.h"

static enum vch_err io_failed(struct vch_diag *diag, const char *path, const char *what) {
    enum vch_err err = errno == ENOENT ? VCH_ERR_NOT_FOUND : VCH_ERR_IO;
    return vch_diag_set(diag, err, "file", path, "Could not %s %s: %s.", what, path, strerror(errno));
}

enum vch_err vch_file_read_fd(int fd, const char *path, struct vch_buf *buf, struct vch_diag *diag) {
    char chunk[4096];
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return io_failed(diag, path, "read");
        if (got == 0) break;
        vch_buf_bytes(buf, chunk, (size_t)got);
        if (buf->failed) break;
    }
    vch_wipe(chunk, sizeof chunk);
    if (!buf->failed) return VCH_OK;
    return vch_diag_set(diag, VCH_ERR_TOO_LARGE, "file-too-large", path, "%s is larger than %zu bytes.", path, buf->cap);
}

enum vch_err vch_file_read(const char *path, struct vch_buf *buf, struct vch_diag *diag) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return io_failed(diag, path, "open");
    enum vch_err err = vch_file_read_fd(fd, path, buf, diag);
    (void)close(fd);
    return err;
}

static bool write_all(int fd, struct vch_str bytes) {
    while (bytes.len) {
        ssize_t put = write(fd, bytes.ptr, bytes.len);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return false;
        bytes = vch_str_sub(bytes, (size_t)put, SIZE_MAX);
    }
    return true;
}

/* A rename is durable when its folder is. */
static bool sync_parent(const char *path) {
    char *copy = strdup(path);
    if (!copy) return false;
    char *slash = strrchr(copy, '/');
    if (slash) slash[slash == copy ? 1 : 0] = '\0';
    int fd = open(slash ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(copy);
    if (fd < 0) return false;
    bool ok = fsync(fd) == 0;
    (void)close(fd);
    return ok;
}

enum vch_err vch_file_write(const char *path, struct vch_str bytes, unsigned mode, struct vch_diag *diag) {
    char tail[17];
    uint8_t random[8];
    vch_random(random, sizeof random);
    vch_hex(random, sizeof random, tail);
    char temp[4096];
    int len = snprintf(temp, sizeof temp, "%s.%s.tmp", path, tail);
    if (len < 0 || (size_t)len >= sizeof temp) {
        errno = ENAMETOOLONG;
        return io_failed(diag, path, "write");
    }
    int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return io_failed(diag, path, "create");
    bool ok = fchmod(fd, (mode_t)mode) == 0 && write_all(fd, bytes) && fsync(fd) == 0;
    int saved = errno;
    ok = close(fd) == 0 && ok;
    ok = ok && rename(temp, path) == 0;
    if (ok && sync_parent(path)) return VCH_OK;
    if (!ok && saved) errno = saved;
    enum vch_err err = io_failed(diag, path, "write");
    if (!ok) (void)unlink(temp);
    return err;
}

enum vch_err vch_dir_make(const char *path, unsigned mode, struct vch_diag *diag) {
    char copy[4096];
    if (!vch_str_copy(copy, sizeof copy, vch_str_from(path))) {
        errno = ENAMETOOLONG;
        return io_failed(diag, path, "make");
    }
    for (char *p = copy + 1; *p; p++) {
        if (*p != '/') continue;
        *p = '\0';
        if (mkdir(copy, (mode_t)mode) != 0 && errno != EEXIST) return io_failed(diag, copy, "make the folder");
        *p = '/';
    }
    if (mkdir(copy, (mode_t)mode) == 0) return VCH_OK;
    struct stat st;
    if (errno == EEXIST && stat(copy, &st) == 0 && S_ISDIR(st.st_mode)) return VCH_OK;
    return io_failed(diag, path, "make the folder");
}
