#include "service/known_browser.h"

#include <string.h>

#include "base/codec.h"
#include "base/digest.h"
#include "service/seal.h"

/* What is sealed, for its user: an id, and when it was made. */
struct plain {
    uint8_t id[VCH_KNOWN_ID_LEN];
    int64_t made_ms;
};

static void purpose_key(const struct vch_service *service, uint8_t out[VCH_SHA256_LEN]) {
    vch_hmac_sha256(vch_str_of(service->seal_key, sizeof service->seal_key), VCH_STR("known browser"), out);
}

static bool seal(const struct vch_service *service, struct vch_str user, const struct plain *plain, struct vch_arena *arena, struct vch_str *ret) {
    uint8_t key[VCH_SHA256_LEN];
    purpose_key(service, key);
    enum vch_err err = vch_seal(key, user, vch_str_of(plain, sizeof *plain), arena, ret);
    vch_wipe(key, sizeof key);
    return err == VCH_OK;
}

void vch_known_browser_make(const struct vch_service *service, struct vch_str user, int64_t now_ms, struct vch_arena *arena,
                            char out[VCH_KNOWN_TEXT_MAX]) {
    struct plain plain = {.made_ms = now_ms};
    struct vch_str sealed, text = {NULL, 0};
    struct vch_buf buf;
    out[0] = '\0';
    vch_random(plain.id, sizeof plain.id);
    if (!seal(service, user, &plain, arena, &sealed)) return;
    vch_buf_init(&buf, VCH_KNOWN_TEXT_MAX);
    vch_base64url(sealed, &buf);
    if (vch_buf_finish(&buf, &text) != VCH_OK || !vch_str_copy(out, VCH_KNOWN_TEXT_MAX, text)) out[0] = '\0';
    vch_buf_deinit(&buf);
}

static bool unseal(const struct vch_service *service, struct vch_str user, struct vch_str cookie, struct vch_arena *arena, struct plain *ret) {
    uint8_t key[VCH_SHA256_LEN];
    struct vch_buf buf;
    struct vch_str sealed, plain = {NULL, 0};
    vch_buf_init(&buf, VCH_KNOWN_TEXT_MAX);
    purpose_key(service, key);
    bool good = vch_unbase64url(cookie, &buf) == VCH_OK && vch_buf_finish(&buf, &sealed) == VCH_OK &&
                vch_unseal(key, user, sealed, arena, &plain) == VCH_OK && plain.len == sizeof *ret;
    if (good) memcpy(ret, plain.ptr, sizeof *ret);
    vch_wipe(key, sizeof key);
    vch_buf_deinit(&buf);
    return good;
}

struct vch_str vch_known_browser_id(const struct vch_service *service, struct vch_str user, struct vch_str cookie, int64_t now_ms,
                                    struct vch_arena *arena) {
    const struct vch_str none = {NULL, 0};
    struct plain plain;
    if (cookie.len == 0 || cookie.len >= VCH_KNOWN_TEXT_MAX || !unseal(service, user, cookie, arena, &plain)) return none;
    if (now_ms - plain.made_ms >= INT64_C(1000) * VCH_KNOWN_LIFE_S) return none;
    return vch_arena_str(arena, vch_str_of(plain.id, sizeof plain.id));
}
