#include "agent/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"

/* A path, or '@' and a name in the abstract space. Source: sd_notify(3). */
static int connect_to(const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || len < 2 || len >= sizeof address.sun_path) return -1;
    memcpy(address.sun_path, name, len);
    if (name[0] == '@') address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, size) == 0) return fd;
    (void)close(fd);
    return -1;
}

static int64_t number_of(const char *name) {
    const char *text = getenv(name);
    int64_t number = 0;
    return text && vch_str_int(vch_str_from(text), &number) == VCH_OK && number > 0 ? number : 0;
}

void vch_notify_open(struct vch_notify *notify) {
    const char *name = getenv("NOTIFY_SOCKET");
    int64_t pid = number_of("WATCHDOG_PID");
    *notify = (struct vch_notify){.fd = name ? connect_to(name) : -1};
    /* Twice as often as asked, as sd_watchdog_enabled(3) advises. */
    if (notify->fd >= 0 && (pid == 0 || pid == getpid())) notify->watchdog_ms = number_of("WATCHDOG_USEC") / 2000;
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
}

void vch_notify_close(struct vch_notify *notify) {
    if (notify->fd >= 0) (void)close(notify->fd);
    notify->fd = -1;
}

void vch_notify_say(const struct vch_notify *notify, const char *state, const char *status) {
    char text[768], word[640];
    if (notify->fd < 0) return;
    (void)vch_str_copy(word, sizeof word, vch_str_sub(vch_str_from(status), 0, sizeof word - 1));
    for (char *c = word; *c; c++)
        if ((unsigned char)*c < 0x20) *c = ' ';
    int len = snprintf(text, sizeof text, "%s%s%s", state, status ? "\nSTATUS=" : "", status ? word : "");
    if (len > 0 && (size_t)len < sizeof text) (void)send(notify->fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int64_t vch_notify_turn(struct vch_notify *notify, int64_t mono_ms) {
    if (notify->fd < 0 || notify->watchdog_ms == 0) return INT64_MAX;
    if (mono_ms >= notify->due_ms) {
        vch_notify_say(notify, "WATCHDOG=1", NULL);
        notify->due_ms = mono_ms + notify->watchdog_ms;
    }
    return notify->due_ms - mono_ms;
}
