#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>

#include "api/events.h"
#include "base/histogram.h"
#include "daemon/wiring.h"
#include "service/refusals.h"
#include "service/sign_in_guard.h"
#include "shape/op.h"
#include "store/provisioning.h"

/* What is read once for all rows. */
struct scrape {
    const struct vch_wiring *w;
    struct vch_mqtt_door_stats mqtt;
    struct vch_http_door_stats http;
    struct vch_events_stats events;
    struct vch_sign_in_stats sign_in;
    struct vch_store_stats store;
    struct vch_messages_stats messages;
    struct vch_mqtt_retained_stats retained;
    struct vch_loop_stats loops; /* all of them */
    struct rusage usage;
    const char *name; /* of the row being written */
};

static void one(const struct scrape *s, struct vch_buf *out, uint64_t value) {
    vch_buf_printf(out, "%s %llu\n", s->name, (unsigned long long)value);
}

static void labelled(const struct scrape *s, struct vch_buf *out, const char *label, const char *word, uint64_t value) {
    vch_buf_printf(out, "%s{%s=\"%s\"} %llu\n", s->name, label, word, (unsigned long long)value);
}

static double cpu_seconds(const struct scrape *s) {
    return (double)(s->usage.ru_utime.tv_sec + s->usage.ru_stime.tv_sec) +
           (double)(s->usage.ru_utime.tv_usec + s->usage.ru_stime.tv_usec) / 1e6;
}

/* ---- rows that are one number ---- */

#define ONE(id, value)                                                                                                 \
    static void put_##id(const struct scrape *s, struct vch_buf *out) {                                                \
        one(s, out, (uint64_t)(value));                                                                                \
    }

ONE(process_resident, vch_guard_resident(&s->w->guard))
ONE(resident_peak, s->usage.ru_maxrss * 1024)
ONE(memory_max, s->w->guard.memory_max)
ONE(memory_short, atomic_load(&s->w->guard.memory_short))
ONE(accepted, s->loops.accepted)
ONE(accept_rests, s->loops.accept_rests)
ONE(mqtt_connections, s->mqtt.broker.connections)
ONE(mqtt_sessions, s->mqtt.broker.sessions)
ONE(mqtt_sessions_away, s->mqtt.broker.sessions_away)
ONE(mqtt_connects, s->mqtt.broker.connects)
ONE(mqtt_connects_refused, s->mqtt.connects_refused)
ONE(mqtt_handshakes_refused, s->mqtt.handshakes_refused)
ONE(mqtt_dropped, s->mqtt.broker.dropped)
ONE(mqtt_queued, s->mqtt.broker.queued)
ONE(mqtt_subscriptions, s->mqtt.broker.subscriptions)
ONE(mqtt_retained, s->retained.count)
ONE(mqtt_denied, s->mqtt.broker.denied)
ONE(mqtt_clients_known, s->mqtt.clients_known)
ONE(refusals_kept, vch_refusals_kept(s->w->service->refusals))
ONE(messages_changes, s->messages.changes)
ONE(messages_written, s->messages.written)
ONE(messages_void, s->messages.voided)
ONE(messages_commits, s->messages.commits)
ONE(messages_failures, s->messages.failures)
ONE(messages_waiting, s->messages.waiting_bytes)
ONE(provisioning_accepted, s->mqtt.provisioning_accepted)
ONE(provisioning_rejected, s->mqtt.provisioning_rejected)
ONE(provisioning_unrecorded, atomic_load(&s->w->service->watch.refusals_left_out))
ONE(certificates_issued, atomic_load(&s->w->signer_issued))
ONE(certificates_refused, atomic_load(&s->w->signer_refused))
ONE(certificates_swept, atomic_load(&s->w->service->watch.swept))
ONE(certificates_retired, atomic_load(&s->w->service->watch.retired))
ONE(http_requests, s->http.requests)
ONE(http_refused, s->http.refused)
ONE(http_failed, s->http.failed)
ONE(sign_in_checks, s->sign_in.checks)
ONE(sign_in_refused, s->sign_in.refused)
ONE(sign_in_locked, s->sign_in.locked)
ONE(event_streams, s->events.streams)
ONE(events_told, s->events.told)
ONE(event_streams_cut, s->events.cut)
ONE(store_plans, s->store.plans)
ONE(store_refused, s->store.refused)
ONE(store_failed, s->store.failed)
ONE(store_commits, s->store.commits)
ONE(store_largest, s->store.largest_batch)

/* ---- rows that are more ---- */

static void put_process_cpu(const struct scrape *s, struct vch_buf *out) {
    vch_buf_printf(out, "%s %.6f\n", s->name, cpu_seconds(s));
}

static void put_cpu(const struct scrape *s, struct vch_buf *out) {
    vch_buf_printf(out, "%s{process=\"front\"} %.6f\n", s->name, cpu_seconds(s));
    vch_buf_printf(out, "%s{process=\"signer\"} %.6f\n", s->name, (double)atomic_load(&s->w->signer_cpu_us) / 1e6);
}

static void put_store_cpu(const struct scrape *s, struct vch_buf *out) {
    vch_buf_printf(out, "%s %.6f\n", s->name, (double)s->store.writer_cpu_us / 1e6);
}

static void put_connections(const struct scrape *s, struct vch_buf *out) {
    labelled(s, out, "entrance", "device", vch_gate_total(s->w->guard.devices));
    labelled(s, out, "entrance", "api", vch_gate_total(s->w->guard.callers));
}

static void put_by_qos(const struct scrape *s, struct vch_buf *out, const uint64_t of[3]) {
    static const char *const words[] = {"0", "1", "2"};
    for (size_t qos = 0; qos < 3; qos++) labelled(s, out, "qos", words[qos], of[qos]);
}

static void put_mqtt_messages_in(const struct scrape *s, struct vch_buf *out) {
    put_by_qos(s, out, s->mqtt.broker.in_of);
}

static void put_mqtt_messages_out(const struct scrape *s, struct vch_buf *out) {
    put_by_qos(s, out, s->mqtt.broker.out_of);
}

static void put_bounds(const struct scrape *s, struct vch_buf *out, const char *entrance, struct vch_gate *gate) {
    static const struct {
        enum vch_gate_verdict verdict;
        const char *word;
    } bounds[] = {{VCH_GATE_KEY_FULL, "address"}, {VCH_GATE_FULL, "total"}, {VCH_GATE_SHUT, "memory"}};
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        vch_buf_printf(out, "%s{entrance=\"%s\",bound=\"%s\"} %llu\n", s->name, entrance, bounds[i].word,
                       (unsigned long long)vch_gate_refused(gate, bounds[i].verdict));
}

static void put_turned_away(const struct scrape *s, struct vch_buf *out) {
    put_bounds(s, out, "device", s->w->guard.devices);
    put_bounds(s, out, "api", s->w->guard.callers);
}

static void put_handshakes(const struct scrape *s, struct vch_buf *out) {
    labelled(s, out, "result", "ok", s->loops.handshakes);
    labelled(s, out, "result", "failed", s->loops.handshakes_failed);
}

static void put_loop_lag(const struct scrape *s, struct vch_buf *out) {
    for (size_t i = 0; i < s->w->loop_count; i++)
        vch_buf_printf(out, "%s{loop=\"%zu\"} %.6f\n", s->name, i, (double)atomic_load(&s->w->guard.lag_us[i]) / 1e6);
}

static void put_mqtt_connect(const struct scrape *s, struct vch_buf *out) {
    vch_histogram_print(s->mqtt.connect_us, s->name, "", out);
}

static void put_mqtt_durable(const struct scrape *s, struct vch_buf *out) {
    vch_histogram_print(&s->mqtt.durable_us, s->name, "", out);
}

static void put_provisioning(const struct scrape *s, struct vch_buf *out) {
    vch_histogram_print(s->mqtt.provision_us, s->name, "", out);
}

/* Reasons that came up. */
static void put_refused(const struct scrape *s, struct vch_buf *out) {
    for (unsigned what = 0; what < VCH_REFUSED_COUNT; what++)
        for (unsigned reason = 0; reason <= VCH_REASON_COUNT; reason++) {
            uint64_t count = vch_refusals_count(s->w->service->refusals, (enum vch_refused)what, reason);
            const char *word = reason < VCH_REASON_COUNT ? vch_reason_code((enum vch_reason)reason) : "other";
            if (count)
                vch_buf_printf(out, "%s{what=\"%s\",reason=\"%s\"} %llu\n", s->name, vch_refused_word((enum vch_refused)what), word,
                               (unsigned long long)count);
        }
}

static void put_claim_alarms(const struct scrape *s, struct vch_buf *out) {
    for (enum vch_alarm alarm = 0; alarm < VCH_ALARM_COUNT; alarm++)
        labelled(s, out, "kind", vch_alarm_word(alarm), atomic_load(&s->w->service->watch.alarms[alarm]));
}

static void put_hook_decisions(const struct scrape *s, struct vch_buf *out) {
    labelled(s, out, "result", "allowed", (uint64_t)atomic_load(&s->w->hooks.allowed));
    labelled(s, out, "result", "denied", (uint64_t)atomic_load(&s->w->hooks.denied));
    labelled(s, out, "result", "failed", (uint64_t)atomic_load(&s->w->hooks.failed));
}

static void put_hook_seconds(const struct scrape *s, struct vch_buf *out) {
    vch_buf_printf(out, "%s %.6f\n", s->name, (double)atomic_load(&s->w->hooks.time_us) / 1e6);
}

static void put_hooks_waiting(const struct scrape *s, struct vch_buf *out) {
    int64_t waiting = (int64_t)atomic_load(&s->w->hooks.waiting);
    one(s, out, waiting > 0 ? (uint64_t)waiting : 0);
}

static void put_certificates_expiring(const struct scrape *s, struct vch_buf *out) {
    labelled(s, out, "days", "7", (uint64_t)atomic_load(&s->w->guard.expiring_7));
    labelled(s, out, "days", "30", (uint64_t)atomic_load(&s->w->guard.expiring_30));
}

static void put_authority_expiry(const struct scrape *s, struct vch_buf *out) {
    labelled(s, out, "authority", "root", (uint64_t)(s->w->guard.root_ends_ms / 1000));
    labelled(s, out, "authority", "server", (uint64_t)(s->w->guard.server_ends_ms / 1000));
}

static void put_api(const struct scrape *s, struct vch_buf *out) {
    char label[96];
    for (unsigned op = 1; op < VCH_OP_COUNT; op++) {
        const struct vch_histogram *h = vch_http_door_latency(s->w->http, (enum vch_op)op);
        if (vch_histogram_count(h) == 0) continue;
        (void)snprintf(label, sizeof label, "operation=\"%s\"", vch_op_row((enum vch_op)op)->name);
        vch_histogram_print(h, s->name, label, out);
    }
}

/* ---- all ---- */

static const struct metric {
    const char *name, *type, *help;
    void (*put)(const struct scrape *s, struct vch_buf *out);
} metrics[] = {
#define VCH_X(id, name, type, labels, help) {name, #type, help, put_##id},
#include "daemon/metrics.def"
#undef VCH_X
};

static void look(const struct vch_wiring *w, struct scrape *s) {
    *s = (struct scrape){.w = w};
    vch_mqtt_door_stats(w->mqtt, &s->mqtt);
    vch_http_door_stats(w->http, &s->http);
    vch_events_stats(w->events, &s->events);
    vch_sign_in_stats(w->service->sign_in, &s->sign_in);
    vch_store_stats(w->service->store, &s->store);
    vch_keeper_stats(w->keeper, &s->messages);
    vch_mqtt_retained_stats(w->retained, &s->retained);
    (void)getrusage(RUSAGE_SELF, &s->usage);
    for (size_t i = 0; i < w->loop_count; i++) {
        struct vch_loop_stats loop;
        vch_loop_stats(w->loops[i], &loop);
        s->loops.accepted += loop.accepted;
        s->loops.handshakes += loop.handshakes;
        s->loops.handshakes_failed += loop.handshakes_failed;
        s->loops.accept_rests += loop.accept_rests;
    }
}

void vch_wiring_metrics(void *arg, struct vch_buf *out) {
    struct scrape s;
    look(arg, &s);
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        s.name = metrics[i].name;
        vch_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metrics[i].name, metrics[i].help, metrics[i].name, metrics[i].type);
        metrics[i].put(&s, out);
    }
}
