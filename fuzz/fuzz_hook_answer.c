/* What a hook answers: only a clear yes allows, and every refusal has its reason. */
#include <stdint.h>
#include <stdlib.h>

#include "service/hook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_hook_decision d = {.asked = true};
    struct vch_arena *arena = vch_arena_new(4 << 20, false);
    if (!arena) return 0;
    if (vch_hook_read_answer(vch_str_of(data, size), arena, &d) == VCH_OK) {
        if (d.allowed == (d.reason != NULL)) abort();
        if (!d.allowed && (!d.message[0] || d.overrides)) abort();
        if (d.overrides && !vch_hook_overrides_valid(d.overrides)) abort();
    }
    vch_arena_free(arena);
    return 0;
}
