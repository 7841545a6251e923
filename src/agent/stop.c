#include "agent/stop.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

static volatile sig_atomic_t asked, renewal;
static sigset_t while_waiting;

static void on_signal(int number) {
    if (number == SIGUSR1)
        renewal = 1;
    else
        asked = 1;
}

void vch_stop_init(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t block;
    (void)sigemptyset(&action.sa_mask);
    (void)sigemptyset(&block);
    (void)sigaddset(&block, SIGTERM);
    (void)sigaddset(&block, SIGINT);
    (void)sigaddset(&block, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &block, &while_waiting);
    (void)sigdelset(&while_waiting, SIGTERM);
    (void)sigdelset(&while_waiting, SIGINT);
    (void)sigdelset(&while_waiting, SIGUSR1);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGUSR1, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
}

/* A signal that came while blocked counts, too. */
bool vch_stop_asked(void) {
    return vch_stop_wait(0);
}

bool vch_stop_renewal_asked(void) {
    bool was = renewal != 0;
    renewal = 0;
    return was;
}

bool vch_stop_wait_fd(int fd, int64_t wait_ms) {
    struct pollfd pfd = {.fd = fd, .events = POLLIN};
    if (wait_ms < 0) wait_ms = 0;
    struct timespec timeout = {.tv_sec = (time_t)(wait_ms / 1000), .tv_nsec = (long)(wait_ms % 1000 * 1000000)};
    if (!asked) (void)ppoll(&pfd, fd >= 0 ? 1 : 0, &timeout, &while_waiting);
    return asked != 0;
}

bool vch_stop_wait(int64_t wait_ms) {
    return vch_stop_wait_fd(-1, wait_ms);
}
