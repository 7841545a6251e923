#include <stdlib.h>

#include "base/val.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What decodes must encode to something that decodes to the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_arena *arena = vch_arena_new(1 << 20, false);
    struct vch_val_limits limits = {.depth = 16, .values = 5000};
    struct vch_val *val, *again;
    if (vch_json_decode(vch_str_of(data, size), &limits, arena, &val, NULL) == VCH_OK) {
        struct vch_buf buf;
        struct vch_str out;
        vch_buf_init(&buf, 1 << 22);
        vch_json_encode(val, &buf);
        if (vch_buf_finish(&buf, &out) == VCH_OK && vch_json_decode(out, NULL, arena, &again, NULL) == VCH_ERR_MALFORMED) abort();
        vch_buf_deinit(&buf);
    }
    vch_arena_free(arena);
    return 0;
}
