/* A file of serials: records end, and lie within the text. */
#include <stdint.h>
#include <stdlib.h>

#include "ctl/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_csv csv = {.rest = vch_str_of(data, size)};
    static struct vch_csv_record record;
    struct vch_arena *arena = vch_arena_new(4 << 20, false);
    size_t left = size;
    bool more = arena != NULL;
    while (more && vch_csv_next(&csv, arena, &record, &more) == VCH_OK && more) {
        if (csv.rest.len >= left || !record.count || record.count > VCH_CSV_FIELDS_MAX) abort();
        left = csv.rest.len;
        for (size_t i = 0; i < record.count; i++)
            if (record.fields[i].len > size) abort();
    }
    vch_arena_free(arena);
    return 0;
}
