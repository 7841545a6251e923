#include "base/histogram.h"

const int64_t vch_histogram_steps_us[VCH_HISTOGRAM_STEPS] = {
    10,    25,     50,     100,    250,    500,     1000,    2500,    5000,    10000,
    25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000,
};

void vch_histogram_add(struct vch_histogram *h, int64_t us) {
    size_t i = 0;
    if (us < 0) us = 0;
    while (i < VCH_HISTOGRAM_STEPS && us > vch_histogram_steps_us[i]) i++;
    atomic_fetch_add_explicit(&h->steps[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum_us, (uint64_t)us, memory_order_relaxed);
}

static uint64_t step_of(const struct vch_histogram *h, size_t i) {
    return atomic_load_explicit(&h->steps[i], memory_order_relaxed);
}

void vch_histogram_merge(struct vch_histogram *to, const struct vch_histogram *from) {
    for (size_t i = 0; i <= VCH_HISTOGRAM_STEPS; i++)
        atomic_fetch_add_explicit(&to->steps[i], step_of(from, i), memory_order_relaxed);
    atomic_fetch_add_explicit(&to->sum_us, atomic_load_explicit(&from->sum_us, memory_order_relaxed), memory_order_relaxed);
}

uint64_t vch_histogram_count(const struct vch_histogram *h) {
    uint64_t count = 0;
    for (size_t i = 0; i <= VCH_HISTOGRAM_STEPS; i++) count += step_of(h, i);
    return count;
}

void vch_histogram_print(const struct vch_histogram *h, const char *name, const char *label, struct vch_buf *out) {
    const char *comma = label[0] ? "," : "", *open = label[0] ? "{" : "", *close = label[0] ? "}" : "";
    uint64_t count = 0;
    for (size_t i = 0; i < VCH_HISTOGRAM_STEPS; i++) {
        count += step_of(h, i);
        vch_buf_printf(out, "%s_bucket{%s%sle=\"%g\"} %llu\n", name, label, comma, (double)vch_histogram_steps_us[i] / 1e6,
                       (unsigned long long)count);
    }
    count += step_of(h, VCH_HISTOGRAM_STEPS);
    vch_buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, label, comma, (unsigned long long)count);
    vch_buf_printf(out, "%s_sum%s%s%s %.6f\n", name, open, label, close,
                   (double)atomic_load_explicit(&h->sum_us, memory_order_relaxed) / 1e6);
    vch_buf_printf(out, "%s_count%s%s%s %llu\n", name, open, label, close, (unsigned long long)count);
}
