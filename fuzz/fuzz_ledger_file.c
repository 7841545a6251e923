/* An exported ledger, as `vouch ledger verify-file` reads it; and the same bytes as a window and as bindings of a claim. */
#include "core/binding.h"
#include "core/window.h"
#include "ctl/ledger_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_small(struct vch_str input) {
    struct vch_arena *arena = vch_arena_new(1 << 20, false);
    struct vch_window window;
    struct vch_binding binding;
    struct vch_diag diag = {0};
    if (vch_window_parse(input, &window, &diag) == VCH_OK) (void)vch_window_open(&window, 1795462528956);
    if (arena && vch_binding_parse(input, arena, &binding) == VCH_OK && vch_binding_check(&binding, NULL) == VCH_OK)
        (void)!vch_binding_source(&binding, VCH_STR("10.0.0.1"), NULL);
    vch_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char key[] = "-----BEGIN PUBLIC KEY-----\n"
                              "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKiKIkuIVLm8S8VQzEhgMplUVtpJU0i2ww0RiEuvzsbxlV6k9C/vOxgxeY2vku2DIC3XJeIt+hy6xg+JU6WVdgQ==\n"
                              "-----END PUBLIC KEY-----\n";
    struct vch_ledger_verdict verdict;
    struct vch_diag diag = {0};
    struct vch_str input = vch_str_of(data, size);
    if (size > 65536) return 0;
    enum vch_err err = vch_ledger_file_verify(input, vch_str_of(key, sizeof key - 1), &verdict, &diag);
    if (err != VCH_OK && err != VCH_ERR_NOMEM && !diag.reason) __builtin_trap();
    read_small(input);
    return 0;
}
