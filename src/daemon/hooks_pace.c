/* How fast programs are started: as fast as there is processor for them, and no faster. A thousand that begin at once would
 * outweigh the server by their number alone, whatever their niceness. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/hooks_priv.h"

/* BUSY: tasks of the whole system that run or could, for each processor; from there on one program is started each
 * PACE_US, for each processor. */
enum { BUSY = 2, PACE_US = 8000 };

static int64_t processors(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? count : 1;
}

/* The fourth word of /proc/loadavg is "running/all"; this process is one of them. */
static int64_t tasks_running(void) {
    char text[128];
    int fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    int running = 0;
    if (fd >= 0) (void)close(fd);
    if (len <= 0) return INT64_MAX;
    text[len] = '\0';
    return sscanf(text, "%*s %*s %*s %d/", &running) == 1 ? running : INT64_MAX;
}

bool vch_hooks_pace(struct vch_hooks_process *p) {
    int64_t now_us = vch_mono_us(), count = processors();
    p->held = now_us - p->started_us < PACE_US / count && tasks_running() > BUSY * count;
    if (!p->held) p->started_us = now_us;
    return !p->held;
}
