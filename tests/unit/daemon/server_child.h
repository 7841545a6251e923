/* The server as a child of the test, logging to DIR/log. The processes that
 * vouchd starts are the test's very program again: main hands --role on. */
#ifndef VCH_TESTS_DAEMON_SERVER_CHILD_H
#define VCH_TESTS_DAEMON_SERVER_CHILD_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/process.h"
#include "daemon/serve.h"

struct server {
    pid_t pid;
    int out; /* its standard output */
    char ready[256];
};

static inline void serve_in_child(const char *data, const char *const *extra, int out) {
    char *argv[16] = {"vouchd", "--data", (char *)(uintptr_t)data, "--api", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--loops", "2"};
    int argc = 9;
    while (extra && *extra) argv[argc++] = (char *)(uintptr_t)*extra++;
    struct vch_config config;
    struct vch_diag diag = {.reason = NULL};
    char log[160];
    (void)snprintf(log, sizeof log, "%s/log", data);
    int err_fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    (void)dup2(out, 1);
    if (err_fd >= 0) (void)dup2(err_fd, 2);
    if (vch_config_parse(argc, argv, &config, &diag) != VCH_OK) _exit(2);
    enum vch_err err = vch_serve(&config, argc, argv, &diag);
    if (err) (void)fprintf(stderr, "vouchd: %s\n", diag.message);
    vch_config_deinit(&config);
    exit(err ? 1 : 0); /* and not _exit: a leak shows in the exit code */
}

static inline void start(struct server *server, const char *data, const char *const *extra) {
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0) serve_in_child(data, extra, ends[1]);
    (void)close(ends[1]);
    server->out = ends[0];
    server->ready[0] = '\0';
    struct pollfd p = {.fd = ends[0], .events = POLLIN};
    assert_int_equal(poll(&p, 1, 30000), 1);
    ssize_t got = read(ends[0], server->ready, sizeof server->ready - 1);
    server->ready[got > 0 ? got : 0] = '\0';
}

/* The exit code; 128 and more for a signal. */
static inline int finish(struct server *server, int number) {
    int status = 0;
    if (number) assert_int_equal(kill(server->pid, number), 0);
    assert_int_equal(waitpid(server->pid, &status, 0), server->pid);
    (void)close(server->out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline bool server_is_role(int argc, char **argv) {
    return argc > 2 && strcmp(argv[1], "--role") == 0;
}

static inline int server_role(int argc, char **argv) {
    struct vch_config config;
    if (vch_config_parse(argc, argv, &config, NULL) != VCH_OK) return 1;
    int rc = vch_role_run(&config);
    vch_config_deinit(&config);
    return rc;
}

#endif
