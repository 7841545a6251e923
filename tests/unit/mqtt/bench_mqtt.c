/* Prints the CPU time that one message costs the server's threads: plain TCP,
 * one publisher, `fan` subscribers on the same loop or another. */
#include "client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mqtt/mqtt_priv.h"

static struct rig rig;
static _Atomic int64_t cpu_us[RIG_LOOPS_MAX];
static atomic_uint read_count;

static void read_cpu(void *arg) {
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    *(_Atomic int64_t *)arg = t.tv_sec * 1000000 + t.tv_nsec / 1000;
    atomic_fetch_add(&read_count, 1);
}

static int64_t server_cpu(void) {
    int64_t sum = 0;
    atomic_store(&read_count, 0);
    for (size_t i = 0; i < rig.count; i++) vch_assert(vch_loop_post(rig.loops[i], read_cpu, &cpu_us[i]));
    while (atomic_load(&read_count) < rig.count) (void)usleep(1000);
    for (size_t i = 0; i < rig.count; i++) sum += cpu_us[i];
    return sum;
}

struct reader {
    int fd;
    unsigned messages;
    uint8_t qos;
    pthread_t thread;
};

static void *run_reader(void *arg) {
    struct reader *r = arg;
    size_t size = (r->qos ? 4 : 2) + 3 + 100, have = 0; /* head, topic "b", id, payload: sizes below 128 */
    uint8_t buf[65536];
    uint64_t done = 0;
    while (done < r->messages) {
        ssize_t n = read(r->fd, buf + have, sizeof buf - have);
        if (n <= 0) break;
        have += (size_t)n;
        uint8_t acks[4 * 1024];
        size_t at = 0, ack_len = 0;
        for (; have - at >= size && ack_len < sizeof acks; at += size, done++) {
            if (r->qos) memcpy(acks + ack_len, (uint8_t[]){0x40, 2, buf[at + 5], buf[at + 6]}, 4), ack_len += 4;
        }
        if (ack_len) client_send(r->fd, vch_str_of(acks, ack_len));
        memmove(buf, buf + at, have - at);
        have -= at;
    }
    return NULL;
}

static void run(uint8_t qos, unsigned fan, size_t sub_loop, unsigned messages) {
    static struct reader readers[64];
    char payload[101];
    memset(payload, 'x', 100);
    payload[100] = '\0';
    rig_start(&rig, 2, &(struct vch_mqtt_options){.queue_bytes_max = 64 * 1024 * 1024});
    int pub = client_open(&rig, 0, "pub");
    for (unsigned i = 0; i < fan; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "s%u", i);
        readers[i] = (struct reader){.fd = client_open(&rig, sub_loop, name), .messages = messages, .qos = qos};
        client_subscribe(readers[i].fd, "b", qos);
        vch_assert(pthread_create(&readers[i].thread, NULL, run_reader, &readers[i]) == 0);
    }
    int64_t before = server_cpu();
    for (unsigned n = 0; n < messages; n += 50) {
        static char burst[50 * 128];
        size_t len = 0;
        for (unsigned k = 0; k < 50; k++) {
            struct vch_str p = pkt_publish("b", payload, qos, (uint16_t)(k + 1));
            memcpy(burst + len, p.ptr, p.len);
            len += p.len;
        }
        client_send(pub, vch_str_of(burst, len));
        char acks[200];
        for (size_t got = 0; qos && got < sizeof acks;) {
            ssize_t r = read(pub, acks, sizeof acks - got);
            vch_assert(r > 0);
            got += (size_t)r;
        }
    }
    for (unsigned i = 0; i < fan; i++) (void)pthread_join(readers[i].thread, NULL);
    int64_t us = server_cpu() - before;
    printf("QoS %u, 1 to %u, %s loop: %.2f us of CPU a delivery\n", qos, fan, sub_loop ? "other" : "same",
           (double)us / (messages * (double)fan));
    (void)close(pub);
    for (unsigned i = 0; i < fan; i++) (void)close(readers[i].fd);
    rig_stop(&rig);
}

int main(int argc, char **argv) {
    unsigned messages = argc > 1 ? (unsigned)atoi(argv[1]) : 50000;
    printf("session %zu bytes, subscription %zu\n", sizeof(struct vch_mqtt_session), sizeof(struct vch_mqtt_sub));
    for (uint8_t qos = 0; qos < 2; qos++) {
        run(qos, 1, 0, messages);
        run(qos, 1, 1, messages);
        run(qos, 50, 0, messages / 25);
    }
    return 0;
}
