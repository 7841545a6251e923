/* What a certificate in DER says of itself to policies. */
#include <stdint.h>
#include <stdlib.h>

#include "pki/csr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_certificate_value values[VCH_CERTIFICATE_VALUES_MAX];
    struct vch_diag diag = {.reason = NULL};
    size_t count = 1;
    struct vch_arena *arena = vch_arena_new(4 << 20, false);
    if (!arena) return 0;
    enum vch_err err = vch_certificate_values(vch_str_of(data, size), arena, values, &count, &diag);
    if (err != VCH_OK && count != 0) abort();
    if (err == VCH_ERR_MALFORMED && !diag.reason) abort();
    if (count > VCH_CERTIFICATE_VALUES_MAX) abort();
    for (size_t i = 0; i < count; i++) {
        if (!vch_str_starts(vch_str_from(values[i].name), VCH_STR("iot:Certificate."))) abort();
        if (values[i].value.len == 0 || !vch_utf8_valid(values[i].value)) abort();
    }
    vch_arena_free(arena);
    return 0;
}
