/* An HTTP server on loopback that answers from a script, in a thread of its
 * own: what a client under test sent is kept, word by word. Test code only. */
#ifndef VCH_TESTS_SUPPORT_HTTP_SCRIPT_H
#define VCH_TESTS_SUPPORT_HTTP_SCRIPT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SCRIPT_REQUEST_MAX = 32768, SCRIPT_ROUNDS_MAX = 8 };

/* Serves `rounds` requests, one after the other. */
struct script {
    const char *answers[SCRIPT_ROUNDS_MAX]; /* NULL: say nothing until the client goes */
    int rounds;
    bool close_each;
    bool at_once; /* answer the first bytes, whatever they are */
    /* Filled by the server. */
    int listener, port;
    pthread_t thread;
    char requests[SCRIPT_ROUNDS_MAX][SCRIPT_REQUEST_MAX];
    int accepted, served;
};

static size_t script_body_length(const char *head) {
    const char *at = strcasestr(head, "content-length:");
    return at ? (size_t)strtoul(at + strlen("content-length:"), NULL, 10) : 0;
}

static bool script_read(int fd, char *to, bool at_once) {
    size_t len = 0;
    for (;;) {
        ssize_t got = len < SCRIPT_REQUEST_MAX - 1 ? read(fd, to + len, SCRIPT_REQUEST_MAX - 1 - len) : 0;
        if (got <= 0) return false;
        len += (size_t)got;
        to[len] = '\0';
        const char *end = strstr(to, "\r\n\r\n");
        if (at_once || (end && len >= (size_t)(end - to) + 4 + script_body_length(to))) return true;
    }
}

static void script_wait_for_end(int fd) {
    char rest[64];
    while (read(fd, rest, sizeof rest) > 0) continue;
}

static void *script_serve(void *arg) {
    struct script *s = arg;
    int fd = -1;
    for (; s->served < s->rounds; s->served++) {
        if (fd < 0) {
            fd = accept(s->listener, NULL, NULL);
            if (fd < 0) return NULL;
            s->accepted++;
        }
        if (!script_read(fd, s->requests[s->served], s->at_once)) break;
        const char *answer = s->answers[s->served];
        if (!answer) script_wait_for_end(fd);
        if (!answer || write(fd, answer, strlen(answer)) < 0) break;
        if (!s->close_each) continue;
        (void)close(fd);
        fd = -1;
    }
    if (fd >= 0) (void)close(fd);
    return NULL;
}

static inline void script_start(struct script *s) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(s->listener, 8), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &len), 0);
    s->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, script_serve, s), 0);
}

/* Also when the client never came. */
static inline void script_stop(struct script *s) {
    (void)shutdown(s->listener, SHUT_RDWR);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    (void)close(s->listener);
}

#endif
