/* Forms of the query protocol: what is decoded is text, and no longer than it was. */
#include <stdint.h>

#include "api/form_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"Action", "Policy", "a", ""};
    struct vch_str form = size ? vch_str_of(data, size) : VCH_STR("");
    struct vch_arena *arena = vch_arena_new(1u << 20, false);
    for (size_t i = 0; arena && i < sizeof names / sizeof *names; i++) {
        struct vch_str raw, value;
        size_t count = vch_form_find(form, names[i], &raw);
        if (vch_form_get(form, names[i], arena, &value) != VCH_OK) continue;
        vch_assert(value.len <= raw.len && vch_utf8_valid(value));
        vch_assert(count > 0 || value.len == 0);
    }
    vch_arena_free(arena);
    return 0;
}
