/* PEM as pasted: whatever the text, what comes out is canonical, and mending it
 * again changes nothing. */
#include <stdint.h>
#include <stdlib.h>

#include "agent/pem_mend.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(struct vch_str text, enum vch_pem_kind kind) {
    struct vch_buf once, twice;
    bool changed;
    vch_buf_init(&once, 1 << 20);
    vch_buf_init(&twice, 1 << 20);
    if (vch_pem_mend(text, kind, &once, &changed) == VCH_OK) {
        if (vch_pem_mend(vch_str_of(once.ptr, once.len), kind, &twice, &changed) != VCH_OK || changed) abort();
        if (!vch_str_eq(vch_str_of(once.ptr, once.len), vch_str_of(twice.ptr, twice.len))) abort();
    }
    vch_buf_deinit(&once);
    vch_buf_deinit(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_str text = vch_str_of(data, size);
    (void)vch_pem_first(text);
    mend(text, VCH_PEM_CERTIFICATE);
    mend(text, VCH_PEM_PRIVATE_KEY);
    return 0;
}
