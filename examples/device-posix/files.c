#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "example.h"

int file_enter(const char *dir) {
    return chdir(dir);
}

static int sync_folder(void) {
    int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 || fsync(fd) != 0;
    if (fd >= 0) close(fd);
    return failed;
}

int file_write(const char *name, const void *bytes, size_t len) {
    char temporary[64];
    (void)snprintf(temporary, sizeof temporary, ".%s.new", name);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return 1;
    int failed = write(fd, bytes, len) != (ssize_t)len || fsync(fd) != 0;
    failed |= close(fd) != 0;
    return failed || rename(temporary, name) != 0 || sync_folder();
}

int file_move(const char *from, const char *to) {
    return rename(from, to) != 0 || sync_folder();
}

int journal_load(void *arg, void *record, size_t size, size_t *ret_len) {
    (void)arg;
    *ret_len = 0;
    int fd = open("journal", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT ? 0 : 1;
    ssize_t len = read(fd, record, size);
    close(fd);
    if (len > 0) *ret_len = (size_t)len;
    return len < 0;
}

int journal_save(void *arg, const void *record, size_t len) {
    (void)arg;
    return file_write("journal", record, len);
}

int journal_erase(void *arg) {
    (void)arg;
    return (unlink("journal") != 0 && errno != ENOENT) || sync_folder();
}
