#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/sanitized.h"
#include "daemon/config.h"
#include "daemon/jail.h"
#include "daemon/lock.h"
#include "daemon/process.h"
#include "daemon/serve.h"
#include "pki/signer.h"
#include "server_child.h"
#include "support/folder.h"

static char folder[64];

static int setup(void **state) {
    (void)state;
    folder_make(folder);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    folder_remove(folder);
    return 0;
}

static bool connects(unsigned port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
    (void)close(fd);
    return ok;
}

static struct vch_str read_text(const char *name, struct vch_buf *buf) {
    char path[160];
    struct vch_str text;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    vch_buf_init(buf, 65536);
    assert_int_equal(vch_file_read(path, buf, NULL), VCH_OK);
    assert_int_equal(vch_buf_finish(buf, &text), VCH_OK);
    return text;
}

/* The child of `parent` whose command line names `role`; 0 when there is none. */
static pid_t find_role(pid_t parent, const char *role) {
    char path[96], line[4096];
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    FILE *children = fopen(path, "r");
    pid_t found = 0;
    int pid = 0;
    if (!children) return 0;
    while (!found && fscanf(children, "%d", &pid) == 1) {
        (void)snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
        FILE *file = fopen(path, "r");
        size_t len = file ? fread(line, 1, sizeof line, file) : 0;
        if (file) (void)fclose(file);
        if (memmem(line, len, role, strlen(role))) found = pid;
    }
    (void)fclose(children);
    return found;
}

static void starts_serves_and_ends_in_order(void **state) {
    (void)state;
    struct server server;
    struct vch_buf buf;
    unsigned api = 0, mqtt = 0;
    char expected[256];
    start(&server, folder, NULL);
    assert_int_equal(sscanf(server.ready, "ready api=https://localhost:%u mqtt=localhost:%u\n", &api, &mqtt), 2);
    assert_true(connects(api) && connects(mqtt));
    (void)snprintf(expected, sizeof expected, "{\"api\":\"https://localhost:%u\",\"mqtt\":\"localhost:%u\"}\n", api, mqtt);
    assert_true(vch_str_eq_c(read_text("run/endpoints.json", &buf), expected));
    vch_buf_deinit(&buf);
    struct stat st;
    char path[160];
    (void)snprintf(path, sizeof path, "%s/admin.json", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(kill(server.pid, SIGHUP), 0); /* a reload, and goes on */
    assert_true(find_role(server.pid, "signer") > 0 && find_role(server.pid, "hooks") > 0);
    assert_int_equal(finish(&server, SIGTERM), 0);
    assert_false(connects(api));

    struct vch_buf first, second;
    struct vch_str before = read_text("admin.json", &first);
    start(&server, folder, NULL); /* again, on the same folder */
    assert_non_null(strstr(server.ready, "ready api="));
    assert_true(vch_str_eq(before, read_text("admin.json", &second)));
    assert_int_equal(finish(&server, SIGINT), 0);
    vch_buf_deinit(&first);
    vch_buf_deinit(&second);
}

/* True once the log of the server has `text`; waits for it. */
static bool logged(const char *text) {
    for (int i = 0; i < 100; i++) {
        struct vch_buf buf;
        struct vch_str log = read_text("log", &buf);
        bool found = log.len && memmem(log.ptr, log.len, text, strlen(text));
        vch_buf_deinit(&buf);
        if (found) return true;
        (void)usleep(50000);
    }
    return false;
}

static void write_config(const char *path, const char *text) {
    FILE *file = fopen(path, "w"); /* the same file, which the jail lets through */
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void a_reload_applies_what_it_may(void **state) {
    (void)state;
    char path[160];
    (void)snprintf(path, sizeof path, "%s/vouchd.conf", folder);
    const char *const extra[] = {"--config", path, NULL};
    struct server server;
    write_config(path, "workers = 4\n");
    start(&server, folder, extra);
    write_config(path, "workers = 5\nregion = eu-west-1\n");
    assert_int_equal(kill(server.pid, SIGHUP), 0);
    assert_true(logged("reloaded needs-restart=\"workers region\""));
    write_config(path, "workers = none\n");
    assert_int_equal(kill(server.pid, SIGHUP), 0);
    assert_true(logged("reload-failed"));
    write_config(path, "workers = 4\nlog-level = error\n");
    assert_int_equal(kill(server.pid, SIGHUP), 0);
    assert_true(logged("needs-restart=\"\""));
    assert_int_equal(finish(&server, SIGTERM), 0);
    struct vch_buf buf;
    struct vch_str log = read_text("log", &buf);
    assert_null(memmem(log.ptr, log.len, " stopping ", 10)); /* which is of level info */
    vch_buf_deinit(&buf);
}

static unsigned status_of(pid_t pid, const char *format) {
    char path[64], line[256];
    unsigned value = 999;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        unsigned seen = 0;
        if (strncmp(line, format, strlen(format)) == 0 && sscanf(line + strlen(format), "%u", &seen) == 1) value = seen;
    }
    (void)fclose(file);
    return value;
}

static unsigned long long capabilities_of(pid_t pid) {
    char path[64], line[256];
    unsigned long long value = ~0ULL;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) (void)sscanf(line, "CapEff: %llx", &value);
    (void)fclose(file);
    return value;
}

static void every_process_is_jailed(void **state) {
    (void)state;
    struct server server;
    if (VCH_SANITIZED) skip();
    start(&server, folder, NULL);
    const pid_t pids[] = {server.pid, find_role(server.pid, "signer"), find_role(server.pid, "hooks")};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(status_of(pids[i], "NoNewPrivs:"), 1);
        assert_int_equal(status_of(pids[i], "Seccomp:"), 2);
        assert_int_equal(capabilities_of(pids[i]) & ~((1ULL << CAP_DAC_OVERRIDE) | (1ULL << CAP_FOWNER)), 0);
    }
    assert_int_equal(capabilities_of(pids[1]), 0); /* the signer's */
    assert_int_equal(finish(&server, SIGTERM), 0);
}

static void one_server_a_folder(void **state) {
    (void)state;
    struct server first, second;
    start(&first, folder, NULL);
    start(&second, folder, NULL);
    assert_string_equal(second.ready, "");
    assert_int_equal(finish(&second, 0), 1);
    assert_int_equal(finish(&first, SIGTERM), 0);
    int lock = -1, other = -1;
    struct vch_diag diag = {.reason = NULL};
    assert_int_equal(vch_data_lock(folder, &lock, &diag), VCH_OK);
    assert_int_equal(vch_data_lock(folder, &other, &diag), VCH_ERR_STATE);
    assert_non_null(strstr(diag.message, folder));
    (void)close(lock);
    assert_int_equal(vch_data_lock(folder, &lock, NULL), VCH_OK);
    (void)close(lock);
}

static void a_folder_that_others_may_write_is_refused(void **state) {
    (void)state;
    int lock = -1;
    struct vch_diag diag = {.reason = NULL};
    for (mode_t bits = S_IWOTH; bits <= S_IWGRP; bits <<= 3) {
        assert_int_equal(chmod(folder, 0700 | bits), 0);
        assert_int_equal(vch_data_lock(folder, &lock, &diag), VCH_ERR_STATE);
        assert_non_null(strstr(diag.message, "written by others"));
    }
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(vch_data_lock(folder, &lock, NULL), VCH_OK);
    (void)close(lock);
}

static void an_account_is_for_good(void **state) {
    (void)state;
    static const char *const one[] = {"--account", "111122223333", NULL}, *const other[] = {"--account", "999988887777", NULL};
    struct server server;
    struct vch_buf buf;
    start(&server, folder, one);
    assert_int_equal(finish(&server, SIGTERM), 0);
    struct vch_str admin = read_text("admin.json", &buf);
    assert_non_null(memmem(admin.ptr, admin.len, "\"account\":\"111122223333\"", 24));
    vch_buf_deinit(&buf);
    start(&server, folder, other);
    assert_string_equal(server.ready, "");
    assert_int_equal(finish(&server, 0), 1);
    start(&server, folder, NULL);
    assert_int_equal(finish(&server, SIGTERM), 0);
}

static void a_lost_process_ends_the_server(void **state) {
    (void)state;
    static const char *const roles[] = {"signer", "hooks"};
    for (size_t i = 0; i < 2; i++) {
        struct server server;
        start(&server, folder, NULL);
        pid_t pid = find_role(server.pid, roles[i]);
        assert_true(pid > 0);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(finish(&server, 0), 1);
    }
}

static void a_killed_front_takes_the_others_along(void **state) {
    (void)state;
    struct server server;
    start(&server, folder, NULL);
    pid_t signer = find_role(server.pid, "signer"), hooks = find_role(server.pid, "hooks");
    assert_true(signer > 0 && hooks > 0);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* so that their end can be waited for */
    assert_int_equal(finish(&server, SIGKILL), 128 + SIGKILL);
    for (int i = 0; i < 2; i++) {
        int status = -1;
        assert_int_equal(waitpid(i ? hooks : signer, &status, 0), i ? hooks : signer);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    start(&server, folder, NULL);
    assert_non_null(strstr(server.ready, "ready"));
    assert_int_equal(finish(&server, SIGTERM), 0);
}

static void a_bad_start_leaves_no_process(void **state) {
    (void)state;
    struct server server;
    char path[160];
    (void)snprintf(path, sizeof path, "%s/store", folder);
    assert_int_equal(vch_file_write(path, VCH_STR("in the way"), 0600, NULL), VCH_OK);
    start(&server, folder, NULL);
    assert_string_equal(server.ready, "");
    assert_int_equal(finish(&server, 0), 1);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void processes_start_and_stop(void **state) {
    (void)state;
    struct vch_config config = {.data = folder, .log_level = "error", .hooks_user = "nobody", .hook_programs = 4, .hook_memory = 64, .hook_processes = 8};
    struct vch_process hooks, signer, none = {.fd = -1};
    struct vch_diag diag = {.reason = NULL};
    char byte = 0;
    assert_int_equal(vch_process_start(&config, "hooks", &hooks, &diag), VCH_OK);
    assert_int_equal(recv(hooks.fd, &byte, 1, 0), 1);
    assert_int_equal(byte, 'R');
    assert_false(vch_process_ended(&hooks));
    assert_true(vch_process_stop(&hooks, 5000));
    assert_true(vch_process_stop(&hooks, 0));
    assert_true(vch_process_stop(&none, 0));
    /* A signer without keys ends, and says so by its exit. */
    assert_int_equal(vch_process_start(&config, "signer", &signer, &diag), VCH_OK);
    assert_int_equal(recv(signer.fd, &byte, 1, 0), 0);
    assert_false(vch_process_stop(&signer, 5000));
    assert_int_equal(vch_process_start(&config, "nobody", &signer, &diag), VCH_OK);
    assert_false(vch_process_stop(&signer, 5000));
}

/* What a child saw in its jail, as its exit code. */
static int in_child(int (*fn)(void)) {
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) _exit(fn());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static char inside[128], outside[128], read_only[128];

static int try_files(void) {
    const struct vch_jail_path paths[] = {{inside, VCH_JAIL_WRITE}, {read_only, VCH_JAIL_READ}, {"/nonexistent", VCH_JAIL_READ}};
    char path[160];
    vch_jail_files(paths, 3);
    (void)snprintf(path, sizeof path, "%s/file", inside);
    int seen = open(path, O_RDWR | O_CREAT, 0600) >= 0 ? 1 : 0;
    (void)snprintf(path, sizeof path, "%s/file", outside);
    seen |= open(path, O_RDONLY) < 0 && errno == EACCES ? 2 : 0;
    (void)snprintf(path, sizeof path, "%s/file", read_only);
    seen |= open(path, O_RDONLY) >= 0 ? 4 : 0;
    seen |= open(path, O_WRONLY) < 0 && errno == EACCES ? 8 : 0;
    return seen;
}

static void only_what_is_named_is_reached(void **state) {
    (void)state;
    char path[160];
    if (VCH_SANITIZED || syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 1) skip(); /* a kernel without Landlock */
    (void)snprintf(inside, sizeof inside, "%s/in", folder);
    (void)snprintf(outside, sizeof outside, "%s/out", folder);
    (void)snprintf(read_only, sizeof read_only, "%s/ro", folder);
    const char *const folders[] = {inside, outside, read_only};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(mkdir(folders[i], 0700), 0);
        (void)snprintf(path, sizeof path, "%s/file", folders[i]);
        assert_int_equal(vch_file_write(path, VCH_STR("x"), 0600, NULL), VCH_OK);
    }
    assert_int_equal(in_child(try_files), 1 | 2 | 4 | 8);
}

static int try_calls(void) {
    if (vch_jail_calls(VCH_JAIL_SERVES, NULL) != VCH_OK) return 99;
    int seen = execl("/bin/true", "true", (char *)NULL) < 0 && errno == EPERM ? 1 : 0;
    seen |= syscall(SYS_ptrace, 0, 0, 0, 0) < 0 && errno == EPERM ? 2 : 0;
    seen |= syscall(SYS_unshare, 0) < 0 && errno == EPERM ? 4 : 0;
    seen |= open("/etc/passwd", O_RDONLY) >= 0 ? 8 : 0;
    seen |= prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 16 : 0;
    seen |= prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 32 : 0;
    return seen;
}

static void dangerous_calls_are_refused(void **state) {
    (void)state;
    if (VCH_SANITIZED) skip();
    assert_int_equal(in_child(try_calls), 1 | 2 | 4 | 8 | 16 | 32);
}

/* Starts programs, and they are in the same jail; no capability is left, not even for files. */
static int try_starting(void) {
    int status = 0;
    if (vch_jail_calls(VCH_JAIL_STARTS_PROGRAMS, NULL) != VCH_OK) return 99;
    int seen = syscall(SYS_ptrace, 0, 0, 0, 0) < 0 && errno == EPERM ? 1 : 0;
    pid_t pid = fork();
    if (pid == 0) (void)execl("/bin/sh", "sh", "-c", "grep -q 'CapEff:.*[1-9a-f]' /proc/self/status && exit 1; unshare -m true 2>/dev/null && exit 2; exit 0", (char *)NULL);
    seen |= waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 2 : 0;
    return seen;
}

static void programs_start_in_the_same_jail(void **state) {
    (void)state;
    if (VCH_SANITIZED) skip();
    assert_int_equal(in_child(try_starting), 1 | 2);
}

static int become_nobody(void) {
    struct vch_diag diag = {.reason = NULL};
    struct stat st;
    if (vch_become_user("nobody", folder, &diag) != VCH_OK) return 1;
    if (geteuid() == 0 || setuid(0) == 0) return 2;
    if (stat(folder, &st) != 0 || st.st_uid != geteuid()) return 3;
    return vch_become_user("root", folder, &diag) == VCH_ERR_INVALID ? 0 : 4;
}

static void root_becomes_a_user_for_good(void **state) {
    (void)state;
    struct vch_diag diag = {.reason = NULL};
    assert_int_equal(vch_become_user("", folder, &diag), VCH_OK);
    assert_int_equal(vch_become_user("no-such-user", folder, &diag), VCH_ERR_INVALID);
    if (geteuid() != 0) skip();
    assert_int_equal(in_child(become_nobody), 0);
}

static void a_dropped_server_serves(void **state) {
    (void)state;
    static const char *const extra[] = {"--user", "nobody", NULL};
    struct server server;
    if (geteuid() != 0) skip();
    start(&server, folder, extra);
    assert_non_null(strstr(server.ready, "ready api="));
    assert_int_not_equal(status_of(server.pid, "Uid:"), 0);
    assert_int_equal(finish(&server, SIGTERM), 0);
}

int main(int argc, char **argv) {
    if (server_is_role(argc, argv)) return server_role(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(starts_serves_and_ends_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reload_applies_what_it_may, setup, teardown),
        cmocka_unit_test_setup_teardown(every_process_is_jailed, setup, teardown),
        cmocka_unit_test_setup_teardown(one_server_a_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_that_others_may_write_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(an_account_is_for_good, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_process_ends_the_server, setup, teardown),
        cmocka_unit_test_setup_teardown(a_killed_front_takes_the_others_along, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bad_start_leaves_no_process, setup, teardown),
        cmocka_unit_test_setup_teardown(processes_start_and_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(only_what_is_named_is_reached, setup, teardown),
        cmocka_unit_test_setup_teardown(dangerous_calls_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(programs_start_in_the_same_jail, setup, teardown),
        cmocka_unit_test_setup_teardown(root_becomes_a_user_for_good, setup, teardown),
        cmocka_unit_test_setup_teardown(a_dropped_server_serves, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
