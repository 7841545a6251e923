#include "fleet/load_summary.h"

#include "fleet/summary.h"

static double per_second(uint64_t count, int64_t wall_us) {
    return wall_us > 0 ? (double)count * 1e6 / (double)wall_us : 0;
}

static double cpu_s(const struct vch_load_result *r) {
    return (double)(r->after.cpu_ms - r->before.cpu_ms) / 1000;
}

static bool is_publish(const struct vch_load_summary *s) {
    return s->plan->mode == VCH_FLEET_PUBLISH;
}

/* What the server's CPU time is divided by: a message that arrived, or a connection. */
static uint64_t units(const struct vch_load_summary *s) {
    return is_publish(s) ? s->result->received : (uint64_t)s->result->connected;
}

static double cpu_us_each(const struct vch_load_summary *s) {
    uint64_t count = units(s);
    return count ? cpu_s(s->result) * 1e6 / (double)count : 0;
}

static int64_t idle_bytes(const struct vch_load_result *r) {
    return r->connected ? (r->after.rss_kib - r->before.rss_kib) * 1024 / r->connected : 0;
}

/* ---- JSON --------------------------------------------------------------------- */

static void histogram_json(const char *name, const struct vch_histogram *h, struct vch_buf *buf) {
    vch_buf_printf(buf, ",\"%s\":{\"count\":%llu,\"meanUs\":%.1f,\"p50Us\":%u,\"p99Us\":%u,\"p999Us\":%u,\"maxUs\":%u}",
                   name, (unsigned long long)h->count, vch_histogram_mean(h), vch_histogram_at(h, 500),
                   vch_histogram_at(h, 990), vch_histogram_at(h, 999), h->max_us);
}

static void messages_json(const struct vch_load_summary *s, struct vch_buf *buf) {
    const struct vch_load_plan *p = s->plan;
    const struct vch_load_result *r = s->result;
    vch_buf_printf(buf,
                   ",\"publishers\":%u,\"subscribers\":%u,\"qos\":%u,\"payload\":%u,\"window\":%u,\"rate\":%lld,"
                   "\"gather\":%s",
                   p->publishers, p->subscribers, p->qos, p->payload, p->window, (long long)p->rate,
                   p->gather ? "true" : "false");
    vch_buf_printf(buf,
                   ",\"sent\":%llu,\"acknowledged\":%llu,\"expected\":%llu,\"received\":%llu,\"lost\":%llu,"
                   "\"acknowledgedLost\":%llu,\"duplicates\":%llu",
                   (unsigned long long)r->sent, (unsigned long long)r->acknowledged, (unsigned long long)r->expected,
                   (unsigned long long)r->received, (unsigned long long)r->lost,
                   (unsigned long long)r->acknowledged_lost, (unsigned long long)r->duplicates);
    vch_buf_printf(buf, ",\"sentPerSecond\":%.1f,\"receivedPerSecond\":%.1f", per_second(r->sent, r->wall_us),
                   per_second(r->received, r->wall_us));
    histogram_json("latency", &r->latency, buf);
}

static void server_json(const struct vch_load_summary *s, struct vch_buf *buf) {
    const struct vch_load_result *r = s->result;
    if (r->after.processes == 0) {
        vch_buf_c(buf, ",\"server\":null");
        return;
    }
    vch_buf_printf(buf,
                   ",\"server\":{\"processes\":%zu,\"cpuSeconds\":%.3f,\"cpuUsEach\":%.3f,\"peakKiB\":%lld,"
                   "\"residentKiB\":%lld",
                   r->after.processes, cpu_s(r), cpu_us_each(s), (long long)r->after.peak_kib,
                   (long long)r->after.rss_kib);
    if (s->plan->mode == VCH_FLEET_IDLE)
        vch_buf_printf(buf, ",\"bytesPerIdleConnection\":%lld", (long long)idle_bytes(r));
    vch_buf_c(buf, "}");
}

void vch_load_json(const struct vch_load_summary *summary, struct vch_buf *buf) {
    const struct vch_load_result *r = summary->result;
    vch_buf_printf(buf,
                   "{\"mode\":\"%s\",\"mqtt\":\"%s\",\"threads\":%u,\"done\":%lld,\"failed\":%lld,\"seconds\":%.3f",
                   summary->mode, summary->plan->level == 5 ? "5" : "3.1.1", summary->plan->threads,
                   (long long)r->connected, (long long)r->failed, (double)r->wall_us / 1e6);
    if (!is_publish(summary))
        vch_buf_printf(buf, ",\"ratePerSecond\":%.1f", per_second((uint64_t)r->connected, r->wall_us));
    histogram_json("connect", &r->connect, buf);
    if (is_publish(summary)) messages_json(summary, buf);
    vch_errors_json(summary->causes, buf);
    server_json(summary, buf);
    vch_buf_c(buf, "}\n");
}

/* ---- text ------------------------------------------------------------------------ */

static void histogram_text(const char *name, const struct vch_histogram *h, FILE *out) {
    if (h->count == 0) return;
    (void)fprintf(out, "  %-10s %9.0f %9u %9u %9u %9u  us\n", name, vch_histogram_mean(h), vch_histogram_at(h, 500),
                  vch_histogram_at(h, 990), vch_histogram_at(h, 999), h->max_us);
}

static void messages_text(const struct vch_load_summary *s, FILE *out) {
    const struct vch_load_plan *p = s->plan;
    const struct vch_load_result *r = s->result;
    (void)fprintf(out, "%u publishers, %u subscribers, QoS %u, %u bytes: %llu sent in %.2f s, %.0f per second\n",
                  p->publishers, p->subscribers, p->qos, p->payload, (unsigned long long)r->sent,
                  (double)r->wall_us / 1e6, per_second(r->sent, r->wall_us));
    (void)fprintf(out, "%llu of %llu received, %.0f per second; %llu lost, %llu acknowledged and lost, %llu twice\n",
                  (unsigned long long)r->received, (unsigned long long)r->expected, per_second(r->received, r->wall_us),
                  (unsigned long long)r->lost, (unsigned long long)r->acknowledged_lost,
                  (unsigned long long)r->duplicates);
}

static void server_text(const struct vch_load_summary *s, FILE *out) {
    const struct vch_load_result *r = s->result;
    if (r->after.processes == 0) {
        (void)fputs("server: its process is not known here (--pid)\n", out);
        return;
    }
    (void)fprintf(out, "server: %.2f s of CPU in %zu processes", cpu_s(r), r->after.processes);
    if (s->plan->mode != VCH_FLEET_IDLE)
        (void)fprintf(out, ", %.2f us for each %s", cpu_us_each(s), is_publish(s) ? "message received" : "connection");
    (void)fprintf(out, ", peak memory %.1f MiB\n", (double)r->after.peak_kib / 1024);
    if (s->plan->mode == VCH_FLEET_IDLE)
        (void)fprintf(out, "server: %.1f KiB for each idle connection\n", (double)idle_bytes(r) / 1024);
}

void vch_load_text(const struct vch_load_summary *summary, FILE *out) {
    const struct vch_load_result *r = summary->result;
    if (is_publish(summary))
        messages_text(summary, out);
    else
        (void)fprintf(out, "%lld connected in %.2f s, %.1f per second\n", (long long)r->connected,
                      (double)r->wall_us / 1e6, per_second((uint64_t)r->connected, r->wall_us));
    (void)fprintf(out, "  %-10s %9s %9s %9s %9s %9s\n", "", "mean", "p50", "p99", "p999", "max");
    histogram_text("connect", &r->connect, out);
    histogram_text("message", &r->latency, out);
    if (r->failed) (void)fprintf(out, "%lld failed\n", (long long)r->failed);
    vch_errors_text(summary->causes, out);
    server_text(summary, out);
}
