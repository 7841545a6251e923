#include "fleet/summary.h"

#include "base/val.h"

static double rate_of(int64_t done, int64_t wall_us) {
    return wall_us > 0 ? (double)done * 1e6 / (double)wall_us : 0;
}

static double ms(uint32_t us) {
    return (double)us / 1000;
}

static double server_cpu_s(const struct vch_fleet_summary *s) {
    return (double)(s->after.cpu_ms - s->before.cpu_ms) / 1000;
}

static double cpu_ms_each(const struct vch_fleet_summary *s) {
    return s->done > 0 ? server_cpu_s(s) * 1000 / (double)s->done : 0;
}

static double floor_ms(const struct vch_fleet_summary *s) {
    return (double)vch_floor_total_ns(&s->floor, s->csr) / 1e6;
}

static double floor_ratio(const struct vch_fleet_summary *s) {
    return floor_ms(s) > 0 ? cpu_ms_each(s) / floor_ms(s) : 0;
}

static void phase_json(const struct vch_series *series, const char *word, bool first, struct vch_buf *buf) {
    vch_buf_printf(
        buf, "%s\"%s\":{\"count\":%zu,\"meanMs\":%.3f,\"p50Ms\":%.3f,\"p99Ms\":%.3f,\"p999Ms\":%.3f,\"maxMs\":%.3f}",
        first ? "" : ",", word, series->count, ms(vch_series_mean(series)), ms(vch_series_at(series, 500)),
        ms(vch_series_at(series, 990)), ms(vch_series_at(series, 999)), ms(vch_series_at(series, 1000)));
}

void vch_errors_json(const struct vch_causes *causes, struct vch_buf *buf) {
    vch_buf_c(buf, ",\"errors\":{");
    for (size_t i = 0; i < causes->count; i++) {
        if (i) vch_buf_c(buf, ",");
        vch_json_encode_str(vch_str_from(causes->rows[i].text), buf);
        vch_buf_printf(buf, ":%llu", (unsigned long long)causes->rows[i].count);
    }
    vch_buf_c(buf, "}");
}

static void server_json(const struct vch_fleet_summary *s, struct vch_buf *buf) {
    if (s->after.processes == 0) {
        vch_buf_c(buf, ",\"server\":null");
        return;
    }
    vch_buf_printf(buf,
                   ",\"server\":{\"processes\":%zu,\"cpuSeconds\":%.3f,\"cpuMsPerProvisioning\":%.3f,\"peakKiB\":%lld,"
                   "\"residentKiB\":%lld",
                   s->after.processes, server_cpu_s(s), cpu_ms_each(s), (long long)s->after.peak_kib,
                   (long long)s->after.rss_kib);
    if (s->floor.handshake_ns)
        vch_buf_printf(buf, ",\"cpuToCrypto\":%.2f", floor_ratio(s));
    vch_buf_c(buf, "}");
}

static void floor_json(const struct vch_fleet_summary *s, struct vch_buf *buf) {
    if (!s->floor.handshake_ns) return;
    vch_buf_printf(buf, ",\"crypto\":{\"handshakeUs\":%.1f,\"signUs\":%.1f,\"verifyUs\":%.1f,\"keyUs\":%.1f,\"msPerProvisioning\":%.3f}",
                   (double)s->floor.handshake_ns / 1e3, (double)s->floor.sign_ns / 1e3, (double)s->floor.verify_ns / 1e3,
                   (double)s->floor.key_ns / 1e3, floor_ms(s));
}

void vch_summary_json(struct vch_fleet_summary *summary, struct vch_buf *buf) {
    bool first = true;
    vch_buf_printf(
        buf,
        "{\"mode\":\"provision\",\"devices\":%lld,\"concurrency\":%lld,\"csr\":%s,\"done\":%lld,\"failed\":%lld,"
        "\"seconds\":%.3f,\"ratePerSecond\":%.1f,\"phases\":{",
        (long long)summary->devices, (long long)summary->concurrency, summary->csr ? "true" : "false",
        (long long)summary->done, (long long)summary->failed, (double)summary->wall_us / 1e6,
        rate_of(summary->done, summary->wall_us));
    for (int i = 0; i < VCH_PHASE_COUNT; i++) {
        if (summary->phases[i].count == 0) continue;
        phase_json(&summary->phases[i], vch_phase_word((enum vch_phase)i), first, buf);
        first = false;
    }
    vch_buf_c(buf, "}");
    vch_errors_json(summary->causes, buf);
    server_json(summary, buf);
    floor_json(summary, buf);
    vch_buf_c(buf, "}\n");
}

static void phases_text(const struct vch_fleet_summary *s, FILE *out) {
    (void)fprintf(out, "  %-14s %9s %9s %9s %9s %9s  ms\n", "", "mean", "p50", "p99", "p999", "max");
    for (int i = 0; i < VCH_PHASE_COUNT; i++) {
        const struct vch_series *p = &s->phases[i];
        if (p->count == 0) continue;
        (void)fprintf(out, "  %-14s %9.2f %9.2f %9.2f %9.2f %9.2f\n", vch_phase_word((enum vch_phase)i),
                      ms(vch_series_mean(p)), ms(vch_series_at(p, 500)), ms(vch_series_at(p, 990)),
                      ms(vch_series_at(p, 999)), ms(vch_series_at(p, 1000)));
    }
}

static void server_text(const struct vch_fleet_summary *s, FILE *out) {
    if (s->after.processes == 0) {
        (void)fputs("server: its process is not known here (--pid)\n", out);
        return;
    }
    (void)fprintf(out, "server: %.2f s of CPU in %zu processes", server_cpu_s(s), s->after.processes);
    if (s->done > 0) (void)fprintf(out, ", %.2f ms for each", cpu_ms_each(s));
    (void)fprintf(out, ", peak memory %.1f MiB\n", (double)s->after.peak_kib / 1024);
}

static void floor_text(const struct vch_fleet_summary *s, FILE *out) {
    if (!s->floor.handshake_ns) return;
    (void)fprintf(out, "cryptography alone: %.2f ms for each (two handshakes of %.0f us, two signatures of %.0f, %s)", floor_ms(s),
                  (double)s->floor.handshake_ns / 1e3, (double)s->floor.sign_ns / 1e3, s->csr ? "a key and a check" : "two keys");
    if (s->after.processes && s->done > 0) (void)fprintf(out, "; the server took %.2f times that", floor_ratio(s));
    (void)fputc('\n', out);
}

void vch_errors_text(const struct vch_causes *causes, FILE *out) {
    for (size_t i = 0; i < causes->count; i++)
        (void)fprintf(out, "  %6llu x %s\n", (unsigned long long)causes->rows[i].count, causes->rows[i].text);
}

void vch_summary_text(struct vch_fleet_summary *summary, FILE *out) {
    (void)fprintf(out, "%lld provisioned in %.2f s, %.1f per second, %lld at a time%s; %lld failed\n",
                  (long long)summary->done, (double)summary->wall_us / 1e6, rate_of(summary->done, summary->wall_us),
                  (long long)summary->concurrency, summary->csr ? ", own keys" : "", (long long)summary->failed);
    phases_text(summary, out);
    vch_errors_text(summary->causes, out);
    server_text(summary, out);
    floor_text(summary, out);
}

void vch_summary_bar(FILE *out, int64_t done, int64_t devices, int64_t failed, int64_t elapsed_us) {
    enum { WIDTH = 32 };
    static const char full[] = "################################", none[] = "................................";
    int64_t part = devices > 0 ? (done + failed) * WIDTH / devices : 0;
    int filled = part > WIDTH ? WIDTH : (int)part;
    (void)fprintf(out, "\r[%.*s%.*s] %lld/%lld  %.0f/s  %lld failed ", filled, full, WIDTH - filled, none,
                  (long long)done, (long long)devices, rate_of(done, elapsed_us), (long long)failed);
    (void)fflush(out);
}
