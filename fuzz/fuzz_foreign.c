/* A certificate of someone else's as PEM, tested against itself as its issuer. */
#include <stdint.h>
#include <stdlib.h>

#include "pki/foreign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_foreign x, again;
    struct vch_diag diag = {.reason = NULL};
    struct vch_arena *arena = vch_arena_new(1 << 20, false);
    if (!arena) return 0;
    enum vch_err err = vch_foreign_parse(vch_str_of(data, size), "certificatePem", 0, arena, &x, &diag);
    if (err == VCH_OK) {
        (void)vch_foreign_signed_by(x.der, x.der);
        /* Our own lines say the same. */
        if (vch_foreign_parse(x.pem, "certificatePem", 0, arena, &again, NULL) != VCH_OK || !vch_str_eq(x.der, again.der)) abort();
        if (!vch_utf8_valid(x.subject_cn)) abort();
    } else if (err != VCH_ERR_NOMEM && !diag.reason) {
        abort(); /* every refusal says why */
    }
    vch_arena_free(arena);
    return 0;
}
