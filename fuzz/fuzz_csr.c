/* A certificate request as PEM; the same bytes as PEM and DER certificate. */
#include <stdint.h>
#include <stdlib.h>

#include "pki/csr.h"
#include "pki/name_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_str in = vch_str_of(data, size), der;
    struct vch_csr csr;
    struct vch_certificate_info info;
    struct vch_diag diag = {.reason = NULL};
    struct vch_arena *arena = vch_arena_new(1 << 20, false);
    if (!arena) return 0;
    if (vch_csr_check(in, arena, &csr, &diag) == VCH_OK) {
        if (!csr.spki.len || !vch_name_valid(csr.subject)) abort();
    } else if (!diag.reason) {
        abort(); /* every refusal says why */
    }
    if (vch_certificate_from_pem(in, arena, &der, NULL) == VCH_OK && vch_certificate_describe(der, arena, &info, NULL) == VCH_OK &&
        !vch_certificate_to_pem(der, arena).len)
        abort();
    if (vch_certificate_describe(in, arena, &info, NULL) == VCH_OK && !vch_utf8_valid(info.subject_cn)) abort();
    vch_arena_free(arena);
    return 0;
}
