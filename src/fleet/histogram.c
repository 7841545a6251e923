#include "fleet/histogram.h"

#include <string.h>

/* Row 0 counts 0..127 singly; row r from 1 on spans 2^(r+6) .. 2^(r+7)-1 in steps of 2^(r-1). */
static unsigned row_of(uint32_t us) {
    return us < VCH_HISTOGRAM_STEPS ? 0 : 32u - (unsigned)__builtin_clz(us) - 7;
}

static uint32_t width_of(unsigned row) {
    return row < 2 ? 1 : 1u << (row - 1);
}

static uint32_t start_of(unsigned row) {
    return row == 0 ? 0 : 1u << (row + 6);
}

void vch_histogram_add(struct vch_histogram *histogram, int64_t us) {
    const int64_t hour = INT64_C(3600000000);
    uint32_t value = (uint32_t)(us < 0 ? 0 : us > hour ? hour : us);
    unsigned row = row_of(value);
    histogram->counts[row][(value - start_of(row)) / width_of(row)]++;
    histogram->count++;
    histogram->sum_us += value;
    if (value > histogram->max_us) histogram->max_us = value;
}

void vch_histogram_merge(struct vch_histogram *into, const struct vch_histogram *from) {
    for (unsigned row = 0; row < VCH_HISTOGRAM_ROWS; row++)
        for (unsigned step = 0; step < VCH_HISTOGRAM_STEPS; step++) into->counts[row][step] += from->counts[row][step];
    into->count += from->count;
    into->sum_us += from->sum_us;
    if (from->max_us > into->max_us) into->max_us = from->max_us;
}

static uint32_t end_of(const struct vch_histogram *histogram, unsigned row, unsigned step) {
    uint32_t end = start_of(row) + (step + 1) * width_of(row) - 1;
    return end < histogram->max_us ? end : histogram->max_us;
}

uint32_t vch_histogram_at(const struct vch_histogram *histogram, unsigned per_mille) {
    uint64_t rank = (histogram->count * per_mille + 999) / 1000, seen = 0;
    if (rank < 1) rank = 1;
    for (unsigned row = 0; row < VCH_HISTOGRAM_ROWS; row++) {
        for (unsigned step = 0; step < VCH_HISTOGRAM_STEPS; step++) {
            seen += histogram->counts[row][step];
            if (seen >= rank) return end_of(histogram, row, step);
        }
    }
    return histogram->max_us;
}

double vch_histogram_mean(const struct vch_histogram *histogram) {
    return histogram->count ? (double)histogram->sum_us / (double)histogram->count : 0;
}
