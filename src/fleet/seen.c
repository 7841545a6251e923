#include "fleet/seen.h"

#include <stdlib.h>
#include <string.h>

static bool reserve(struct vch_seen *seen, size_t word) {
    if (word < seen->size) return true;
    size_t size = seen->size ? seen->size : 16;
    while (size <= word) size *= 2;
    uint64_t *words = reallocarray(seen->words, size, sizeof *words);
    if (!words) return false;
    memset(words + seen->size, 0, (size - seen->size) * sizeof *words);
    seen->words = words;
    seen->size = size;
    return true;
}

void vch_seen_add(struct vch_seen *seen, uint64_t number) {
    size_t word = (size_t)(number / 64);
    uint64_t bit = UINT64_C(1) << (number % 64);
    if (number >= VCH_SEEN_MAX || !reserve(seen, word)) {
        seen->failed = true;
        return;
    }
    if (seen->words[word] & bit)
        seen->repeats++;
    else
        seen->count++;
    seen->words[word] |= bit;
}

bool vch_seen_has(const struct vch_seen *seen, uint64_t number) {
    return number / 64 < seen->size && (seen->words[number / 64] >> (number % 64) & 1);
}

uint64_t vch_seen_missing(const struct vch_seen *these, const struct vch_seen *others) {
    uint64_t missing = 0;
    for (size_t i = 0; i < these->size; i++) {
        uint64_t other = i < others->size ? others->words[i] : 0;
        missing += (uint64_t)__builtin_popcountll(these->words[i] & ~other);
    }
    return missing;
}

void vch_seen_deinit(struct vch_seen *seen) {
    free(seen->words);
    *seen = (struct vch_seen){0};
}
