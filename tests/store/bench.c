/* bench_store [DIR]: what a read and a plan cost. Figures, not a test. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "store/registration.h"

static struct vch_str pem;

static int64_t cpu_us(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct span {
    int64_t wall, cpu, writer;
};

static struct span now(struct fix *f) {
    struct vch_store_stats stats;
    vch_store_stats(f->store, &stats);
    return (struct span){vch_mono_us(), cpu_us(), stats.writer_cpu_us};
}

static void report(struct fix *f, const char *what, struct span from, int count) {
    struct span to = now(f);
    double n = count;
    (void)printf("%-44s %8.0f/s  %7.1f us wall  %6.1f us CPU (writer %.1f)\n", what,
                 n * 1e6 / (double)(to.wall - from.wall), (double)(to.wall - from.wall) / n,
                 (double)(to.cpu - from.cpu) / n, (double)(to.writer - from.writer) / n);
}

enum kind { CLAIM, CERTIFICATE, REGISTRATION };

static void apply(struct fix *f, struct vch_arena *arena, enum kind kind, int n) {
    vch_arena_reset(arena);
    struct vch_plan *p = vch_plan_new(arena);
    const struct names names = names_of(arena, n);
    struct vch_diag diag = {0};
    int64_t now_ms = T0 + n / 100;
    if (kind == CLAIM) plan_claim(p, &names, now_ms);
    else if (kind == CERTIFICATE) plan_certificate(p, &names, pem, now_ms);
    else plan_registration(p, &names, now_ms);
    if (vch_store_apply(f->store, p, &diag) == VCH_OK) return;
    (void)fprintf(stderr, "%s\n", diag.message);
    exit(1);
}

struct load {
    struct fix *f;
    enum kind kind;
    int end;
    atomic_int next;
};

static void *run(void *arg) {
    struct load *load = arg;
    struct vch_arena *arena = vch_arena_new(1 << 20, false);
    for (int n = load->next++; n < load->end; n = load->next++) apply(load->f, arena, load->kind, n);
    vch_arena_free(arena);
    return NULL;
}

static void measure_plans(struct fix *f, const char *what, enum kind kind, int threads, int from, int count) {
    pthread_t ids[256];
    char title[96];
    struct vch_store_stats before, after;
    struct load load = {.f = f, .kind = kind, .end = from + count, .next = from};
    vch_store_stats(f->store, &before);
    struct span start = now(f);
    for (int i = 0; i < threads; i++) (void)pthread_create(&ids[i], NULL, run, &load);
    for (int i = 0; i < threads; i++) (void)pthread_join(ids[i], NULL);
    vch_store_stats(f->store, &after);
    (void)snprintf(title, sizeof title, "%s, %d at once, %.1f a commit", what, threads,
                   (double)count / (double)(after.commits - before.commits));
    report(f, title, start, count);
}

static void measure_reads(struct fix *f, int stock, int count) {
    struct vch_identity who;
    struct vch_rec_authz authz;
    struct vch_arena *arena = vch_arena_new(1 << 20, false);
    struct vch_str *ids = calloc((size_t)stock, sizeof *ids), *claims = calloc((size_t)stock, sizeof *claims);
    for (int i = 0; i < stock; i++) {
        ids[i] = names_of(f->arena, i).certificate;
        claims[i] = names_of(f->arena, i).claim;
    }
    struct span start = now(f);
    for (int i = 0; i < count; i++)
        if (vch_store_identity(f->store, ids[(i * 7919) % stock], &who) != VCH_OK || !who.usable) exit(1);
    report(f, "identity of a device", start, count);
    start = now(f);
    for (int i = 0; i < count; i++)
        if (vch_store_identity(f->store, claims[(i * 7919) % stock], &who) != VCH_OK || !who.usable) exit(1);
    report(f, "identity of a claim", start, count);
    start = now(f);
    for (int i = 0; i < count; i++) {
        vch_arena_reset(arena);
        if (vch_store_authz(f->store, ids[(i * 7919) % stock], &authz, arena, NULL) != VCH_OK || !authz.thing_count) exit(1);
    }
    report(f, "authz of a device", start, count);
    /* A commit between two reads empties the reader's cache. */
    int64_t total = 0;
    for (int i = 0; i < 2000; i++) {
        apply(f, arena, CLAIM, 10000000 + i);
        struct timespec a, b;
        (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
        if (vch_store_identity(f->store, ids[(i * 7919) % stock], &who) != VCH_OK) exit(1);
        (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
        total += (b.tv_sec - a.tv_sec) * 1000000000L + (b.tv_nsec - a.tv_nsec);
    }
    (void)printf("%-44s %29s %6.1f us CPU\n", "identity right after a commit", "", (double)total / 2e6);
    vch_arena_free(arena);
    free(ids);
    free(claims);
}

int main(void) {
    enum { STOCK = 30000, SINGLE = 5000 };
    static const struct {
        const char *name;
        enum kind kind;
    } kinds[] = {{"claim", CLAIM}, {"certificate and token", CERTIFICATE}, {"registration", REGISTRATION}};
    char text[1000];
    for (size_t i = 0; i < sizeof text; i++) text[i] = 'A';
    pem = vch_str_of(text, sizeof text);
    struct fix *f = fix_new();
    if (fix_open(f) != VCH_OK) return 1;
    have_site(f);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) measure_plans(f, kinds[i].name, kinds[i].kind, 64, 0, STOCK);
    for (size_t i = 0; i < COUNT_OF(kinds); i++) measure_plans(f, kinds[i].name, kinds[i].kind, 1, STOCK, SINGLE);
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        measure_plans(f, kinds[i].name, kinds[i].kind, 8, STOCK + SINGLE, STOCK / 2);
    measure_reads(f, STOCK, 100000);
    fix_free(f);
    return 0;
}
