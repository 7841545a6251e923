#include "support/cmocka_all.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

static char folder[] = "/tmp/vouch-files-XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state) {
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static size_t entries(void) {
    size_t n = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) n += e->d_name[0] != '.';
    (void)closedir(dir);
    return n;
}

static void file_write_is_whole(void **state) {
    (void)state;
    char path[256];
    (void)snprintf(path, sizeof path, "%s/key", folder);
    (void)umask(0);
    assert_int_equal(vch_file_write(path, VCH_STR("first"), 0600, NULL), VCH_OK);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(vch_file_write(path, VCH_STR("second"), 0644, NULL), VCH_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    struct vch_buf buf;
    struct vch_str out;
    vch_buf_init(&buf, 6);
    assert_int_equal(vch_file_read(path, &buf, NULL), VCH_OK);
    assert_int_equal(vch_buf_finish(&buf, &out), VCH_OK);
    assert_str(out, "second");
    vch_buf_deinit(&buf);
    assert_int_equal(entries(), 1); /* no temporary left */
    vch_buf_init(&buf, 5);
    assert_int_equal(vch_file_read(path, &buf, NULL), VCH_ERR_TOO_LARGE);
    vch_buf_deinit(&buf);
}

/* A disk that is full in the middle: the old content stays. */
static void file_write_without_space(void **state) {
    (void)state;
    char path[256];
    (void)snprintf(path, sizeof path, "%s/key", folder);
    assert_int_equal(vch_file_write(path, VCH_STR("old"), 0600, NULL), VCH_OK);
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit none = {10, 10};
        (void)signal(SIGXFSZ, SIG_IGN);
        (void)setrlimit(RLIMIT_FSIZE, &none);
        struct vch_diag diag = {0};
        _exit(vch_file_write(path, VCH_STR("longer than ten bytes"), 0600, &diag) == VCH_ERR_IO && diag.message[0] ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    struct vch_buf buf;
    struct vch_str out;
    vch_buf_init(&buf, 100);
    assert_int_equal(vch_file_read(path, &buf, NULL), VCH_OK);
    assert_int_equal(vch_buf_finish(&buf, &out), VCH_OK);
    assert_str(out, "old");
    vch_buf_deinit(&buf);
    assert_int_equal(entries(), 1);
}

static void missing_and_folders(void **state) {
    (void)state;
    char path[256];
    struct vch_buf buf;
    struct vch_diag diag = {0};
    vch_buf_init(&buf, 100);
    (void)snprintf(path, sizeof path, "%s/none", folder);
    assert_int_equal(vch_file_read(path, &buf, &diag), VCH_ERR_NOT_FOUND);
    assert_string_equal(diag.field, path);
    (void)snprintf(path, sizeof path, "%s/a/b/c", folder);
    assert_int_equal(vch_dir_make(path, 0700, NULL), VCH_OK);
    assert_int_equal(vch_dir_make(path, 0700, NULL), VCH_OK);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    (void)snprintf(path, sizeof path, "%s/key/x", folder); /* through a file */
    assert_int_not_equal(vch_dir_make(path, 0700, NULL), VCH_OK);
}

/* A peer's value cannot forge a second line or field. */
static void log_escapes(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int saved = dup(STDERR_FILENO);
    (void)dup2(ends[1], STDERR_FILENO);
    VCH_LOG(INFO, "event", VCH_LOG_S("client", VCH_STR("a\nb\" x=1")), VCH_LOG_I("n", -3), VCH_LOG_C("plain", "ok"));
    VCH_LOG(DEBUG, "unseen", VCH_LOG_I("n", 1));
    (void)dup2(saved, STDERR_FILENO);
    (void)close(saved);
    (void)close(ends[1]);
    char line[512] = {0};
    assert_true(read(ends[0], line, sizeof line - 1) > 0);
    (void)close(ends[0]);
    assert_non_null(strstr(line, " info vouch event client=\"a\\x0ab\\\" x=1\" n=-3 plain=ok\n"));
    assert_null(strstr(line, "unseen"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_write_is_whole),
        cmocka_unit_test(file_write_without_space),
        cmocka_unit_test(missing_and_folders),
        cmocka_unit_test(log_escapes),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
