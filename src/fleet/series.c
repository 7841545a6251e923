#include "fleet/series.h"

#include <stdlib.h>
#include <string.h>

static bool reserve(struct vch_series *s, size_t more) {
    if (s->size - s->count >= more) return true;
    size_t size = s->size ? s->size : 256;
    while (size - s->count < more) size *= 2;
    uint32_t *us = realloc(s->us, size * sizeof *us);
    if (!us) return false;
    s->us = us;
    s->size = size;
    return true;
}

void vch_series_add(struct vch_series *series, int64_t us) {
    const int64_t hour = INT64_C(3600000000);
    if (!reserve(series, 1)) return;
    series->us[series->count++] = (uint32_t)(us < 0 ? 0 : us > hour ? hour : us);
}

void vch_series_merge(struct vch_series *into, const struct vch_series *from) {
    if (from->count == 0 || !reserve(into, from->count)) return;
    memcpy(into->us + into->count, from->us, from->count * sizeof *from->us);
    into->count += from->count;
}

static int compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

void vch_series_sort(struct vch_series *series) {
    if (series->count) qsort(series->us, series->count, sizeof *series->us, compare);
}

uint32_t vch_series_at(const struct vch_series *series, unsigned per_mille) {
    if (series->count == 0) return 0;
    size_t rank = (series->count * (size_t)per_mille + 999) / 1000;
    if (rank < 1) rank = 1;
    if (rank > series->count) rank = series->count;
    return series->us[rank - 1];
}

uint32_t vch_series_mean(const struct vch_series *series) {
    uint64_t sum = 0;
    for (size_t i = 0; i < series->count; i++) sum += series->us[i];
    return series->count ? (uint32_t)(sum / series->count) : 0;
}

void vch_series_deinit(struct vch_series *series) {
    free(series->us);
    *series = (struct vch_series){0};
}
