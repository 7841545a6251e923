#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "fleet/run.h"

struct crew {
    void *(*worker)(void *arg);
    void *arg;
    _Atomic int64_t *running;
};

static void *enter(void *arg) {
    struct crew *crew = arg;
    (void)crew->worker(crew->arg);
    atomic_fetch_sub(crew->running, 1);
    return NULL;
}

static void watch(struct vch_fleet_run *run, _Atomic int64_t *running) {
    bool draw = isatty(STDERR_FILENO) && !run->options->json;
    while (atomic_load(running) > 0) {
        (void)poll(NULL, 0, draw ? 100 : 5);
        if (draw)
            vch_summary_bar(stderr, atomic_load(&run->done), run->options->devices, atomic_load(&run->failed),
                            vch_mono_us() - run->start_us);
    }
    if (draw) (void)fputs("\n", stderr);
}

bool vch_run_threads(struct vch_fleet_run *run, int64_t count, void *(*worker)(void *arg), void *args, size_t size) {
    pthread_t *threads = calloc((size_t)count, sizeof *threads);
    struct crew *crews = calloc((size_t)count, sizeof *crews);
    _Atomic int64_t running = 0;
    int64_t started = 0;
    while (threads && crews && started < count) {
        crews[started] = (struct crew){worker, (char *)args + (size_t)started * size, &running};
        atomic_fetch_add(&running, 1);
        if (pthread_create(&threads[started], NULL, enter, &crews[started]) != 0) {
            atomic_fetch_sub(&running, 1);
            break;
        }
        started++;
    }
    watch(run, &running);
    for (int64_t i = 0; i < started; i++) (void)pthread_join(threads[i], NULL);
    free(threads);
    free(crews);
    return started == count;
}
