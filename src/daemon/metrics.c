#include <stdatomic.h>
#include <sys/resource.h>

#include "daemon/wiring.h"
#include "store/provisioning.h"

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

static void put_claims(const struct vch_watch *watch, struct vch_buf *out) {
    vch_buf_c(out, "# HELP vouch_claim_alarms_total claims that seem to be in other hands\n# TYPE vouch_claim_alarms_total counter\n");
    for (enum vch_alarm alarm = 0; alarm < VCH_ALARM_COUNT; alarm++)
        vch_buf_printf(out, "vouch_claim_alarms_total{kind=\"%s\"} %llu\n", vch_alarm_word(alarm),
                       (unsigned long long)atomic_load(&watch->alarms[alarm]));
    counter(out, "provisioning_refusals_unrecorded", "refusals that were too many for the ledger, since the last one in it",
            atomic_load(&watch->refusals_left_out));
    counter(out, "certificates_swept_total", "certificates that were not activated within the hour of their token", atomic_load(&watch->swept));
    counter(out, "certificates_retired_total", "certificates that ended when their successor had connected", atomic_load(&watch->retired));
}

static void put_messages(struct vch_keeper *keeper, struct vch_buf *out) {
    struct vch_messages_stats s;
    vch_keeper_stats(keeper, &s);
    counter(out, "messages_changes_total", "changes of sessions, queues and retained messages that were to be kept", s.changes);
    counter(out, "messages_written_total", "changes that were written", s.written);
    counter(out, "messages_void_total", "changes that later ones made void before they were written", s.voided);
    counter(out, "messages_commits_total", "batches that were made durable", s.commits);
    counter(out, "messages_failures_total", "batches that the disk did not take, and that are tried again", s.failures);
    gauge(out, "messages_waiting_bytes", "memory of what waits for the disk", s.waiting_bytes);
}

static void put_hooks(const struct vch_hooks *hooks, struct vch_buf *out) {
    int64_t waiting = (int64_t)atomic_load(&hooks->waiting);
    vch_buf_c(out, "# HELP vouch_hook_decisions_total answers of pre-provisioning hooks\n# TYPE vouch_hook_decisions_total counter\n");
    vch_buf_printf(out, "vouch_hook_decisions_total{result=\"allowed\"} %llu\n", (unsigned long long)atomic_load(&hooks->allowed));
    vch_buf_printf(out, "vouch_hook_decisions_total{result=\"denied\"} %llu\n", (unsigned long long)atomic_load(&hooks->denied));
    vch_buf_printf(out, "vouch_hook_decisions_total{result=\"failed\"} %llu\n", (unsigned long long)atomic_load(&hooks->failed));
    vch_buf_c(out, "# HELP vouch_hook_seconds_total time that they took\n# TYPE vouch_hook_seconds_total counter\n");
    vch_buf_printf(out, "vouch_hook_seconds_total %.6f\n", (double)atomic_load(&hooks->time_us) / 1e6);
    gauge(out, "hooks_waiting", "requests that wait for one", waiting > 0 ? (uint64_t)waiting : 0);
}

void vch_wiring_metrics(void *arg, struct vch_buf *out) {
    const struct vch_wiring *wiring = arg;
    struct vch_mqtt_door_stats mqtt;
    vch_mqtt_door_stats(wiring->mqtt, &mqtt);
    put_processes(wiring, out);
    put_messages(wiring->keeper, out);
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
    put_claims(&wiring->service->watch, out);
    counter(out, "certificates_issued_total", "certificates that the signer issued", (uint64_t)atomic_load(&wiring->signer_issued));
    counter(out, "certificates_refused_total", "requests that the signer refused", (uint64_t)atomic_load(&wiring->signer_refused));
    put_hooks(&wiring->hooks, out);
}
