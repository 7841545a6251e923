/* The text of a claim's QR code. What is taken has parts within their bounds,
 * makes a certificate that is described as the same claim, and is written again
 * as a text that says the same. */
#include <stdlib.h>
#include <string.h>

#include "core/claim_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const struct vch_claim_text *a, const struct vch_claim_text *b) {
    return memcmp(a->key, b->key, 32) == 0 && memcmp(a->root, b->root, 32) == 0 && a->not_before_s == b->not_before_s &&
           a->not_after_s == b->not_after_s && a->mqtt_port == b->mqtt_port && a->edge_port == b->edge_port &&
           memcmp(a->serial, b->serial, 20) == 0 && memcmp(a->subject, b->subject, 32) == 0 &&
           memcmp(a->signature, b->signature, 64) == 0 && vch_str_eq(a->issuer, b->issuer) &&
           vch_str_eq(a->endpoint, b->endpoint) && vch_str_eq(a->template_name, b->template_name);
}

static void check_text(const struct vch_claim_text *claim, struct vch_arena *arena) {
    struct vch_claim_text again;
    struct vch_buf text;
    vch_buf_init(&text, 2 * VCH_CLAIM_TEXT_MAX);
    if (vch_claim_text_encode(claim, &text) != VCH_OK) abort();
    if (vch_claim_text_decode(vch_str_of(text.ptr, text.len), arena, &again, NULL) != VCH_OK || !same(claim, &again)) abort();
    vch_buf_deinit(&text);
}

/* Serial numbers and halves of signatures with needless zeros are carried, and described without them. */
static void check_certificate(const struct vch_claim_text *claim) {
    static const uint8_t point[VCH_CLAIM_POINT] = {4};
    struct vch_claim_text again = *claim;
    struct vch_buf der;
    vch_buf_init(&der, 4096);
    enum vch_err err = vch_claim_text_certificate(claim, point, &der);
    if (err == VCH_OK && claim->not_before_s >= 946684800 &&
        (vch_claim_text_describe(vch_str_of(der.ptr, der.len), &again) != VCH_OK || !same(claim, &again)))
        abort();
    vch_buf_deinit(&der);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct vch_claim_text claim;
    struct vch_diag diag = {0};
    struct vch_arena *arena = vch_arena_new(1 << 16, true);
    if (!arena) return 0;
    if (vch_claim_text_decode(vch_str_of(data, size), arena, &claim, &diag) == VCH_OK) {
        check_text(&claim, arena);
        check_certificate(&claim);
    } else if (!diag.message[0] || !diag.reason) {
        abort();
    }
    vch_arena_free(arena);
    if (vch_claim_text_describe(vch_str_of(data, size), &claim) == VCH_OK && claim.issuer.len == 0) abort();
    return 0;
}
