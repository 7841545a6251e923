#include <stdatomic.h>
#include <sys/resource.h>

#include "daemon/wiring.h"

static void counter(struct vch_buf *out, const char *name, const char *help, uint64_t value) {
    vch_buf_printf(out, "# HELP vouch_%s %s\n# TYPE vouch_%s counter\nvouch_%s %llu\n", name, help, name, name,
                   (unsigned long long)value);
}

static void gauge(struct vch_buf *out, const char *name, const char *help, uint64_t value) {
    vch_buf_printf(out, "# HELP vouch_%s %s\n# TYPE vouch_%s gauge\nvouch_%s %llu\n", name, help, name, name,
                   (unsigned long long)value);
}

static void put_processes(const struct vch_wiring *wiring, struct vch_buf *out) {
    struct rusage usage = {0};
    (void)getrusage(RUSAGE_SELF, &usage);
    double front = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    vch_buf_c(out, "# HELP vouch_cpu_seconds_total CPU time of each process\n# TYPE vouch_cpu_seconds_total counter\n");
    vch_buf_printf(out, "vouch_cpu_seconds_total{process=\"front\"} %.6f\n", front);
    vch_buf_printf(out, "vouch_cpu_seconds_total{process=\"signer\"} %.6f\n", (double)atomic_load(&wiring->signer_cpu_us) / 1e6);
    gauge(out, "resident_peak_bytes", "peak memory of the front", (uint64_t)usage.ru_maxrss * 1024);
}

void vch_wiring_metrics(void *arg, struct vch_buf *out) {
    const struct vch_wiring *wiring = arg;
    struct vch_mqtt_door_stats mqtt;
    vch_mqtt_door_stats(wiring->mqtt, &mqtt);
    put_processes(wiring, out);
    gauge(out, "mqtt_connections", "connections that are open", mqtt.broker.connections);
    gauge(out, "mqtt_sessions", "sessions that are accepted", mqtt.broker.sessions);
    counter(out, "mqtt_connects_total", "CONNECT packets accepted", mqtt.broker.connects);
    counter(out, "mqtt_connects_refused_total", "CONNECT packets refused", mqtt.connects_refused);
    counter(out, "mqtt_handshakes_refused_total", "client certificates refused", mqtt.handshakes_refused);
    counter(out, "mqtt_messages_in_total", "messages received", mqtt.broker.messages_in);
    counter(out, "mqtt_messages_out_total", "messages delivered", mqtt.broker.messages_out);
    counter(out, "mqtt_denied_total", "packets that a policy refused", mqtt.broker.denied);
    counter(out, "provisioning_accepted_total", "provisioning requests accepted", mqtt.provisioning_accepted);
    counter(out, "provisioning_rejected_total", "provisioning requests rejected", mqtt.provisioning_rejected);
    counter(out, "certificates_issued_total", "certificates that the signer issued", (uint64_t)atomic_load(&wiring->signer_issued));
    counter(out, "certificates_refused_total", "requests that the signer refused", (uint64_t)atomic_load(&wiring->signer_refused));
}
