/* ID tokens: whatever comes, it is refused for a reason or read; nothing that was not signed is taken. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "service/oidc_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char keys[] = "{\"keys\":[{\"kty\":\"EC\",\"kid\":\"ec-1\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                           "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct vch_oidc_expect expect = {VCH_STR("https://login.example"), VCH_STR("vouch"), VCH_STR("n"), INT64_C(1795600000000)};
    const struct vch_val_limits limits = VCH_VAL_LIMITS_DEFAULT;
    struct vch_arena *arena = vch_arena_new(4 << 20, false);
    struct vch_val *jwks = NULL;
    const struct vch_val *claims = NULL;
    struct vch_oidc_head head;
    struct vch_diag diag = {0};
    if (!arena) return 0;
    if (vch_json_decode(vch_str_from(keys), &limits, arena, &jwks, NULL) != VCH_OK) abort();
    struct vch_str token = vch_str_of(data, size);
    enum vch_err err = vch_oidc_token_head(token, arena, &head, &diag);
    if (err == VCH_OK) err = vch_oidc_token_check(token, &head, vch_oidc_key_for(jwks, &head), &expect, arena, &claims, &diag);
    if (err == VCH_OK || (err != VCH_ERR_NOMEM && !diag.reason)) abort(); /* nobody has signed any of it with that key */
    vch_arena_free(arena);
    return 0;
}
