/* Prints what it costs to keep QoS 1 messages for a session that is away: as
 * publishers with so many unacknowledged messages each would see it, and on a
 * disk whose flush takes 5 ms. */
#include "messages_fixture.h"

#include <stdio.h>
#include <string.h>
#include <sched.h>
#include <time.h>

#include "base/clock.h"

static double cpu_s(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run(struct keep *k, int window, int64_t delay_us, int count) {
    static struct ticket ticket;
    k->options.commit_delay_us = delay_us;
    keep_open(k);
    put_session(k, 1, "dev");
    double cpu = cpu_s();
    int64_t from_us = vch_mono_us();
    for (int i = 0; i < count; i++) {
        while (atomic_load(&ticket.left) >= window) (void)sched_yield();
        put_entry(k, 1, (uint64_t)i + 1, vch_messages_new_id(k->m), "0123456789abcdef0123456789abcdef0123456789abcdef", &ticket);
    }
    ticket_wait(&ticket);
    double seconds = (double)(vch_mono_us() - from_us) / 1e6;
    struct vch_messages_stats stats;
    vch_messages_stats(k->m, &stats);
    (void)printf("in flight %5d, flush +%lld us: %8.0f messages/s, %5.1f messages per commit, %5.1f us CPU each\n", window,
                 (long long)delay_us, count / seconds, count / (double)stats.commits, (cpu_s() - cpu) / count * 1e6);
    vch_messages_session_drop(k->m, 1, (struct vch_messages_wait){NULL, NULL});
    keep_close(k);
}

int main(void) {
    void *k;
    if (keep_up(&k) != 0) return 1;
    run(k, 1, 0, 3000);
    run(k, 10, 0, 20000);
    run(k, 100, 0, 50000);
    run(k, 1000, 0, 100000);
    run(k, 100, 5000, 3000);
    run(k, 1000, 5000, 30000);
    return keep_down(&k);
}
